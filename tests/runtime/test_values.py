"""Whatever is typed: kept exactly as it is, or refused; never a fault of ours."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import records
from runtime.context import RunContext
from runtime.errors import Fault, Invalid
from runtime.queries import ListQuery, list_records
from runtime.search_keys import search_key, sort_key
from runtime.value_numbers import decimal_text, readable, round_to

NAUGHTY = [
    "undefined", "NULL", "null", "\\", "1E+02", "0x0", "NaN", "-", "1/0", "'; DROP TABLE thing; --", "\" OR 1=1",
    "<script>alert(1)</script>", "javascript:alert(1)", "%s%s%s", "{{7*7}}", "${HOME}", "../../etc/passwd", "田中さん",
    "Ω≈ç√∫", "👨‍👩‍👧‍👦", "الْعَرَبِيَّةِ", "\u202etest\u202c", "\ufeffx", "ﷺ",
    "e\u0301", "\x01\x02", "a\nb", "__init__", "%", "_", "İ",
]  # fmt: skip


def test_odd_texts_come_back_as_they_were_and_are_found(ctx: RunContext) -> None:
    values = [{"code": f"W{n}", "name": text} for n, text in enumerate(NAUGHTY)]
    saved = records.create_many(ctx, "place", values)
    for one, text in zip(saved, NAUGHTY, strict=True):
        assert records.load(ctx, "place", one.id)["name"] == text
        list_records(ctx, "place", ListQuery(q=text))


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 501])
def test_what_no_database_keeps_is_refused(ctx: RunContext, text: str) -> None:
    with pytest.raises(Invalid) as error:
        records.create(ctx, "place", {"code": "W", "name": text})
    assert error.value.faults[0].code in ("bad_character", "too_long")


@pytest.mark.parametrize("field", ["place", "date", "lines", "due", "attachments", "code", "note", "owner"])
@pytest.mark.parametrize(
    "raw", [[], {}, [[]], {"id": {}}, {"id": "x"}, True, -1, 1e400, 2**70, "\x00", [{"id": []}], {"a": {"b": {"c": 1}}}]
)
def test_a_wrong_type_is_refused_or_taken_never_a_crash(ctx: RunContext, field: str, raw: Any) -> None:
    values = {"place": "N", "lines": [{"item": "A-0001", "qty": 1}], field: raw}
    savepoint = ctx.connection.begin_nested()
    faults: Sequence[Fault] = ()
    try:
        records.create(ctx, "order", values)
    except Invalid as refused:
        faults = refused.faults
    savepoint.rollback()
    assert all(f.message for f in faults)


@pytest.mark.parametrize(
    ("raw", "kept"),
    [("1,234.5", "1234.5"), (" 7 ", "7"), ("1e3", "1000"), (0.1, "0.1"), ("0.0000005", "0.000001"), ("-0", "0")],
)
def test_numbers_are_read_exactly(ctx: RunContext, raw: object, kept: str) -> None:
    saved = records.create(ctx, "thing", {"group": "A", "name": "x", "unit": "pc", "price": raw})
    assert decimal_text(records.load(ctx, "thing", saved.id)["price"]) == kept


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12), st.integers(0, 6))
def test_rounding_is_half_away_from_zero(number: Decimal, scale: int) -> None:
    rounded = round_to(number, scale)
    assert abs(rounded - number) <= Decimal(5).scaleb(-scale - 1)
    assert round_to(-number, scale) == -rounded


def test_search_keys_have_text_pinyin_and_initials() -> None:
    assert search_key(["HD-01", "六角螺栓", None]) == "hd-01 六角螺栓 liujiaoluoshuan ljls"
    assert sort_key("白糖") == "baitang"


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        ("33.333333", "33.333"), ("-0.666667", "-0.667"), ("0.004286", "0.00429"), ("0.000001", "0.000001"),
        ("12.3456", "12.3456"), ("1234567.123456", "1234567.123"), ("5", "5"), ("0", "0"), ("2.999999", "3"),
    ],
)  # fmt: skip
def test_a_quotient_that_does_not_come_out_even_is_shown_with_few_decimals(exact: str, shown: str) -> None:
    assert decimal_text(readable(Decimal(exact))) == shown
