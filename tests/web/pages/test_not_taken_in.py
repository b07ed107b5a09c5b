"""The page of what was not taken in: each entry as its fields show it, and none so odd that the page cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scenarios.works import Works
from tests.web.pages.test_figures import Reader
from tests.web.pages.test_records import words

Row = dict[str, Any]


@pytest.fixture
def admin(office: Works) -> Iterator[Reader]:
    """The administrator, who finds nothing open and leaves nothing open."""
    discard(office)
    yield Reader(office, "admin")
    discard(office)


def discard(office: Works) -> None:
    """Whatever is not taken in."""
    while open_ones := office.api("admin").items("/sync"):
        for one in open_ones:
            office.api("admin").post(f"/sync/{one['id']}/discard")


def entry(office: Works, key: str, kind: str, entity: str, **more: object) -> Row:
    return {"key": key, "made_at": office.clock.moment.isoformat(), "kind": kind, "entity": entity, **more}


def sent(office: Works, *entries: Row) -> list[str]:
    """The fates of a batch of the administrator's."""
    items = office.api("admin").post("/sync", {"entries": list(entries)})["items"]
    return [one["fate"] for one in items]


def parts(page: str) -> list[str]:
    """What is told of entries: label and text."""
    return re.findall(r'<span class="under">([^<]*: [^<]*)</span>', page)


@pytest.mark.both
def test_an_odd_entry_hides_no_other(admin: Reader, office: Works) -> None:
    odd: tuple[Row, ...] = (
        {"made_at": "9999-12-31T23:59:59+00:00"}, {"id": 2**63}, {"id": True}, {"id": 2**63 - 1}, {"entity": ["item"]},
        {"values": {"unit": {"version": "x"}, "category": {"code": {"a": 1}}, "lines": [3]}},
        {"values": {"unit": "\0", "unknown": [1]}}, {"values": {"unit": 1e30, "safety_stock": "9e999999"}},
    )  # fmt: skip
    plain = entry(office, "odd", "change", "item", id=10**6, version=1, values={"note": "x"})
    batch = [{**plain, **more, "key": f"odd-{number}"} for number, more in enumerate(odd)]
    assert sent(office, *batch) == ["refused"] * len(odd)
    codes = {one["problem"]["errors"][0]["code"] for one in office.api("admin").items("/sync")}
    assert "sync_failed" not in codes
    assert admin.page("/not-taken-in").count('value="discard"') == len(odd)


@pytest.mark.both
def test_values_are_shown_as_their_fields_show_them_line_by_line(admin: Reader, office: Works) -> None:
    lines = [{"item": {"code": "SCREW"}, "qty": "1000000"}, {"item": office.id("item", "CONN"), "qty": "many"}]
    values = {"warehouse": {"code": "W"}, "reason": "own_use", "lines": lines}
    waits = {"warehouse": {"$entry": "shown"}}
    fates = sent(
        office,
        entry(office, "shown", "create", "stock_adjustment", values=values),
        entry(office, "shown-after", "create", "stock_adjustment", values=waits),
    )
    assert fates == ["refused", "waiting"]
    assert parts(admin.page("/not-taken-in")) == [
        "仓库: 录入 shown 所成的",
        "仓库: 一号仓",
        "原因: 领用",
        "明细: 2 行",
        "第 1 行: 物料 螺丝，数量 1,000,000",
        "第 2 行: 物料 连接器，数量 many",
    ]


def test_both_sides_of_a_conflict_are_shown_by_their_labels(admin: Reader, office: Works) -> None:
    api = office.api("admin")
    given = {"unit": {"code": "PC"}, "category": {"code": "FG"}, "abc": "a"}
    item = api.new("item", code="SIDES", name="离线", **given)["id"]
    api.change("item", item, abc="b")
    change = entry(office, "sides", "change", "item", id=item, version=1, values={"abc": "c"})
    assert sent(office, change) == ["conflict"]
    assert "原来 A · 别人 B · 这一条 C" in words(admin.page("/not-taken-in"))
