"""Numbers of new records: by month, by group, typed by hand, and without gaps when many write at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from runtime import records
from runtime.context import RunContext
from runtime.errors import Invalid
from tests.runtime.shop import Shop

LINES = [{"item": "A-0001", "qty": 1}]


def code(ctx: RunContext, **values: object) -> str:
    return records.create(ctx, "order", {"place": "N", "lines": LINES, **values}).code


def test_numbers_start_again_every_month(ctx: RunContext) -> None:
    assert [code(ctx), code(ctx)] == ["DD202603-0001", "DD202603-0002"]
    assert code(ctx, date="2026-04-01") == "DD202604-0001"
    assert code(ctx) == "DD202603-0003"


def test_a_field_in_the_pattern_has_a_counter_of_its_own(ctx: RunContext) -> None:
    values = [{"group": g, "name": "x", "unit": "pc", "price": 1} for g in ("A", "B", "A")]
    assert [s.code for s in records.create_many(ctx, "thing", values)] == ["A-0002", "B-0002", "A-0003"]


def test_a_code_typed_by_hand_moves_the_counter_on(ctx: RunContext) -> None:
    assert code(ctx, code="DD202603-0041") == "DD202603-0041"
    assert code(ctx) == "DD202603-0042"
    assert code(ctx, code="DD202603-0005") == "DD202603-0005"
    assert code(ctx) == "DD202603-0043"
    assert code(ctx, code="FREE") == "FREE"
    with pytest.raises(Invalid) as error:
        code(ctx, code="FREE")
    assert [f.code for f in error.value.faults] == ["not_unique"]


def test_a_refused_record_takes_no_number(ctx: RunContext) -> None:
    first = code(ctx)
    with pytest.raises(Invalid):
        code(ctx, due="2020-01-01")
    assert int(code(ctx)[-4:]) == int(first[-4:]) + 1


def test_writers_at_once_leave_no_gap_and_share_no_number(shop: Shop) -> None:
    moment = datetime(2031, 5, 1, 4, tzinfo=UTC)

    def write(number: int) -> str:
        try:
            with shop.acting(moment=moment) as ctx:
                made = code(ctx)
                if number % 5 == 0:
                    raise InterruptedError
                return made
        except InterruptedError:
            return ""

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(c for c in pool.map(write, range(40)) if c)
    assert codes == [f"DD203105-{n:04d}" for n in range(1, 33)]
