"""Random expressions as texts, typed by construction, with random values for their names."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from engine.expressions.scope import PlainScope
from engine.expressions.tree import Clock, Expr
from engine.expressions.types import DATE, INTEGER, MOMENT, NUMBER, PRICE, QUANTITY, TEXT, YES_NO, Type, choice, money

TYPES: dict[str, Type] = {
    "n": NUMBER,
    "i": INTEGER,
    "m": money(2),
    "q": QUANTITY,
    "p": PRICE,
    "d": DATE,
    "e": DATE,
    "t": TEXT,
    "u": TEXT,
    "s": choice("draft", "done", "void"),
    "y": YES_NO,
    "w": MOMENT,
}
SCOPE = PlainScope(names=TYPES)

_DEPTH = 3


def _decimals(scale: int) -> st.SearchStrategy[Decimal]:
    small = st.integers(-1000, 1000)
    edges = st.sampled_from([0, 1, -1, 5, 10**17, -(10**17), 10**18 - 1])
    return st.one_of(small, edges, st.integers(-(10**12), 10**12)).map(lambda i: Decimal(i).scaleb(-scale))


_TEXTS = st.text(alphabet="abAB 0-1.铁%'", min_size=1, max_size=6)
CALENDARS = (
    "|||2025-09-28,2025-10-11,2026-01-04,2026-02-14,2026-02-28|2026-01-01,2026-01-02,2026-02-16,2026-02-17,2026-02-18",
    "||||",
    "[0,1,2,3,4,5]|2026-05-03|2026-05-04,2026-05-05,2026-05-09|2026-05-09|2026-05-01,2026-05-04",
    "[6]|||2026-02-14|2026-02-15",
)
"""Calendars as expressions read them: the official one in part, none, a firm's own words before the official ones."""
VALUES = st.fixed_dictionaries(
    {
        name: st.one_of(strategy, strategy, strategy, strategy, st.none())
        for name, strategy in {
            "n": _decimals(6),
            "i": _decimals(0),
            "m": _decimals(2),
            "q": _decimals(6),
            "p": _decimals(6),
            "d": st.dates(date(1990, 1, 1), date(2090, 1, 1)),
            "e": st.dates(date(2026, 1, 1), date(2026, 12, 31)),
            "t": _TEXTS,
            "u": _TEXTS,
            "s": st.sampled_from(["draft", "done", "void"]),
            "y": st.booleans(),
            "w": st.integers(0, 2**31).map(lambda s: datetime.fromtimestamp(s, UTC)),
        }.items()
    }
    | {"working_days": st.sampled_from(CALENDARS)}
)


def given_to(expr: Expr, values: dict[str, Any]) -> list[Any]:
    """What the inputs of an expression are, by name."""
    return [values[node.name if isinstance(node, Clock) else node.root] for node in expr.inputs]  # type: ignore[union-attr]


def numbers(depth: int = _DEPTH) -> st.SearchStrategy[str]:
    """Texts of plain numbers."""
    leaves = st.sampled_from(["n", "i", "0", "1", "3", "0.5", "1.005", "7.25"])
    if depth == 0:
        return leaves
    inner, any_date = numbers(depth - 1), dates(depth - 1)
    two = st.tuples(inner, inner)
    return st.one_of(
        leaves,
        st.tuples(inner, st.sampled_from("+-*/%"), inner).map(lambda x: f"({x[0]} {x[1]} {x[2]})"),
        inner.map(lambda x: f"-{x}"),
        st.tuples(st.sampled_from(["abs({})", "round({})", "round({}, 2)", "round_up({}, 0.25)"]), inner).map(
            lambda x: x[0].format(x[1])
        ),
        inner.map(lambda x: f"round_down({x}, n)"),
        st.tuples(st.sampled_from(["min", "max", "coalesce"]), two).map(lambda x: f"{x[0]}({x[1][0]}, {x[1][1]})"),
        st.tuples(inner, conditions(depth - 1), inner).map(lambda x: f"({x[0]} if {x[1]} else {x[2]})"),
        two.map(lambda x: f"((m * {x[0]}) / (m * {x[1]}))"),
        st.tuples(st.sampled_from(["year", "month", "day", "weekday"]), any_date).map(lambda x: f"{x[0]}({x[1]})"),
        st.tuples(any_date, any_date).map(lambda x: f"({x[0]} - {x[1]})"),
        st.sampled_from(["len(t)", "number(t)", "number('12.345')", "((q / n) / q)", "((w - w) / hours(1))"]),
    )


def money_texts(depth: int = _DEPTH) -> st.SearchStrategy[str]:
    """Texts of amounts."""
    inner = numbers(depth - 1)
    return st.one_of(
        st.just("m"),
        st.just("q * p"),
        inner.map(lambda x: f"m * {x}"),
        inner.map(lambda x: f"round(q * p * {x}) + m"),
        inner.map(lambda x: f"m / {x} - 1"),
        inner.map(lambda x: f"(m / q) * (q + {x} * q)"),
    )


def dates(depth: int = 1) -> st.SearchStrategy[str]:
    """Texts of dates."""
    leaves = st.sampled_from(["d", "e"])
    if depth <= 0:
        return leaves
    inner = dates(depth - 1)
    unit = st.sampled_from(["day", "week", "month", "quarter", "year"])
    return st.one_of(
        leaves,
        st.tuples(inner, st.sampled_from("+-"), st.integers(0, 99)).map(lambda x: f"({x[0]} {x[1]} days({x[2]}))"),
        st.tuples(inner, st.sampled_from("+-"), st.integers(0, 50)).map(lambda x: f"({x[0]} {x[1]} months({x[2]}))"),
        st.tuples(leaves, st.sampled_from("+-"), st.integers(0, 40)).map(lambda x: f"({x[0]} {x[1]} workdays({x[2]}))"),
        st.tuples(st.sampled_from(["start_of", "end_of"]), inner, unit).map(lambda x: f"{x[0]}({x[1]}, {x[2]})"),
        st.tuples(inner, inner).map(lambda x: f"max({x[0]}, {x[1]})"),
    )


def texts() -> st.SearchStrategy[str]:
    """Texts of texts."""
    return st.sampled_from(
        [
            "t",
            "t + u",
            "upper(t)",
            "lower(u)",
            "trim(t)",
            "coalesce(t, u)",
            "text(n)",
            "text(m * 2)",
            "text(d)",
            "text(s)",
        ]
    )


def conditions(depth: int = _DEPTH) -> st.SearchStrategy[str]:
    """Texts of conditions."""
    leaves = st.sampled_from(
        ["y", "s == done", "s != draft", "s in (draft, void)", "t == u", "t != 'a'", "contains(t, u)",
         "starts_with(t, 'a')", "empty(t)", "empty(n)", "w < w", "d == e", "true", "t in (u, 'b')"]
    )  # fmt: skip
    if depth <= 0:
        return leaves
    number, inner = numbers(depth - 1), conditions(depth - 1)
    sign = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    return st.one_of(
        leaves,
        st.tuples(number, sign, number).map(lambda x: f"({x[0]} {x[1]} {x[2]})"),
        st.tuples(dates(1), sign, dates(1)).map(lambda x: f"({x[0]} {x[1]} {x[2]})"),
        st.tuples(st.sampled_from(["n", "i", "m"]), sign, st.sampled_from(["0.005", "3", "1.2345678"])).map(" ".join),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda x: f"({x[0]} {x[1]} {x[2]})"),
        inner.map(lambda x: f"(not {x})"),
    )


def anything() -> st.SearchStrategy[str]:
    """Texts of any type."""
    return st.one_of(numbers(), money_texts(), dates(2), texts(), conditions())
