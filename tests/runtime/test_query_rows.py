"""Rows as drivers give them, read by functions written for the columns of a list: the same from both databases."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import BigInteger, Date, Dialect, Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.types import TypeEngine

from engine.expressions.types import Kind, Type
from engine.model import Field
from engine.model import Text as Words
from runtime.columns import Scaled
from runtime.query_columns import ListColumn, Named, Place
from runtime.query_rows import Rows, Writer
from runtime.values import Ref

BOTH: tuple[Dialect, ...] = (sqlite.dialect(), psycopg.dialect())  # type: ignore[no-untyped-call]
DAY = {"sqlite": "2026-03-02", "postgresql": date(2026, 3, 2)}


def place(path: str, start: int, *kinds: TypeEngine[Any], shape: str = "one") -> Place:
    value = Type(kind=Kind.REFERENCE if shape == "record" else Kind.MONEY)
    one = Field(id=path, entity="thing", type="money", value=value, label=Words("x", "x"), targets=("spot",))
    return Place(ListColumn(path=path, field=one, entity="thing", label="x"), start, kinds, shape)


@pytest.mark.parametrize("dialect", BOTH, ids=lambda dialect: dialect.name)
def test_each_shape_of_value_is_made_of_its_columns(dialect: Dialect) -> None:
    rows = Rows(
        dialect,
        (
            place("total", 2, Scaled(2)),
            place("due", 3, Date()),
            place("spot", 4, BigInteger(), Text(), Text(), shape="record"),
            place("share", 7, BigInteger(), BigInteger(), shape="ratio"),
            place("about", 9, BigInteger(), Text(), shape="either"),
            place("tags", 11, shape="links"),
            place("spot.tags", 11, shape="links"),
        ),
    )
    full = (5, "key", -1205, DAY[dialect.name], 7, "N", "North", 1, 3, 8, "other", "red")
    empty = (6, "key", *[None] * 10)
    links = {"tags": {5: ("a", "b"), 6: ()}}
    assert rows.values([full, empty], links) == [
        (5, Decimal("-12.05"), date(2026, 3, 2), Named(7, "N", "North", "spot"), Fraction(1, 3), Ref("other", 8),
         ("a", "b"), ()),
        (6, None, None, None, None, None, (), ()),
    ]  # fmt: skip
    assert [column.path for column in rows.linked()] == ["tags"]


@pytest.mark.parametrize("dialect", BOTH, ids=lambda dialect: dialect.name)
def test_amounts_and_days_become_text_as_they_are_kept(dialect: Dialect) -> None:
    amount, price, day = place("a", 1, Scaled(2)), place("p", 2, Scaled(6)), place("d", 3, Date())
    rows = Rows(dialect, (amount, price, day))

    def written(writer: Writer) -> str:
        texts = (writer.decimal_text(amount, 2), writer.decimal_text(price, 0), writer.day_text(day))
        return f"({', '.join(texts)})"

    found = [(1, -5, 1_250_000, DAY[dialect.name]), (2, 0, 3_000_000, None), (3, 123_456, -1, None), (4, *[None] * 3)]
    assert rows.read("texts", written)(found, {}) == [
        ("-0.05", "1.25", "2026-03-02"), ("0.00", "3", None), ("1234.56", "-0.000001", None), (None, None, None)
    ]  # fmt: skip
