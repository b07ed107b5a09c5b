"""What stands in a field, as a form posts it and as people read it: a function for each field, made once.

Each says the same as ``posted_value`` and ``text_of`` do for one value; it only knows beforehand which way to go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.expressions.types import Kind
from engine.model import Field
from runtime.context import RunContext
from runtime.values import ENTERED
from web.display import BY_TYPE, formatter, full_day, reference, text_of
from web.record_fields import FieldScene, posted_value, reference_text, shown_value

Row = Mapping[str, Any]
Pair = tuple[str, str]
PairOf = Callable[[FieldScene, Row], Pair]
NOTHING: Pair = ("", "")
FIGURES = frozenset({Kind.NUMBER, Kind.MONEY, Kind.QUANTITY})


def plain_text(value: Decimal) -> str:
    """A number as a form posts it: no thousands, no trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def pair_of(one: Field, *, day: Callable[[RunContext, Field, date], str]) -> PairOf:
    """(as posted, as shown) of a field; ``day``: how this place tells dates."""
    if one.many or one.type in BY_TYPE:
        return _figure(one) if one.type == "percent" and not one.many else _any(one)
    kind = one.value.kind
    if kind in FIGURES:
        return _figure(one)
    if kind is Kind.TEXT:
        return _text(one)
    return _date(one, day) if kind is Kind.DATE else _any(one)


def figure_of(one: Field) -> Callable[[FieldScene, Row], str]:
    """A figure as posted, where nobody is shown it."""
    name, entered, share = one.id, one.id + ENTERED, one.type == "percent"

    def posted(scene: FieldScene, row: Row) -> str:
        value = row.get(entered)
        if value is None:
            value = row.get(name)
        if isinstance(value, Decimal):
            return plain_text(value * 100 if share else value)
        return "" if value is None else str(posted_value(scene, one, row))

    return posted


def _figure(one: Field) -> PairOf:
    name, entered, shown, share = one.id, one.id + ENTERED, formatter(one), one.type == "percent"

    def pair(scene: FieldScene, row: Row) -> Pair:
        value = row.get(entered)
        if value is None:
            value = row.get(name)
            if value is None:
                return NOTHING
        if not isinstance(value, Decimal):
            return str(posted_value(scene, one, row)), shown(scene.ctx, one, value)
        text = f"{value * 100 if share else value:f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return text, shown(scene.ctx, one, value)

    return pair


def _text(one: Field) -> PairOf:
    name, other = one.id, _any(one)

    def pair(scene: FieldScene, row: Row) -> Pair:
        value = row.get(name)
        if value is None:
            return NOTHING
        return (value, value) if isinstance(value, str) else other(scene, row)

    return pair


def _date(one: Field, day: Callable[[RunContext, Field, date], str]) -> PairOf:
    name, other = one.id, _any(one)

    def pair(scene: FieldScene, row: Row) -> Pair:
        value = row.get(name)
        if value is None:
            return NOTHING
        if not isinstance(value, date) or isinstance(value, datetime):
            return other(scene, row)
        return value.isoformat(), day(scene.ctx, one, value)

    return pair


def _any(one: Field) -> PairOf:
    def pair(scene: FieldScene, row: Row) -> Pair:
        return str(posted_value(scene, one, row)), shown_value(scene, one, row)

    return pair


def full(ctx: RunContext, _one: Field, value: date) -> str:
    """A date as documents say it, with its year."""
    return full_day(value, ctx.language)


def near(ctx: RunContext, one: Field, value: date) -> str:
    """A date as lists say it."""
    return text_of(ctx, one, value)


def named_of(one: Field) -> PairOf:
    """The same of a reference: its key and what it is called."""
    name = one.id
    targets = one.targets or one.value.targets
    target = targets[0] if targets else ""

    def pair(scene: FieldScene, row: Row) -> Pair:
        value = row.get(name)
        if value is None:
            return NOTHING
        if not isinstance(value, int):
            return str(value), reference_text(scene, one, value)
        found = scene.names.get((target, value))
        return str(value), reference(found) if found else str(value)

    return pair
