"""Lines of a record as the grid shows them: for each column a function made once, for each cell three words.

A cell is (value as posted, text as shown, code beside it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from engine.expressions.types import Kind
from engine.model import Field
from runtime.context import RunContext
from runtime.values import ENTERED
from web.display import formatter, text_of
from web.record_fields import FieldScene, posted_value, reference_text

Row = Mapping[str, Any]
Cell = tuple[str, str, str]
CellOf = Callable[[FieldScene, Row], Cell]
NOTHING: Cell = ("", "", "")


def cell_of(one: Field, *, lead: bool) -> CellOf:
    """The function that makes the cells of a column; ``lead``: what the line is about, shown with its code."""
    if one.value.kind is Kind.REFERENCE:
        return _several_named(one) if one.value.many or one.many else _named(one, lead=lead)
    if one.value.kind in (Kind.NUMBER, Kind.MONEY, Kind.QUANTITY) and not one.many:
        return _figure(one)
    return _other(one)


def plain_text(value: Decimal) -> str:
    """A number as a form posts it: no thousands, no trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _figure(one: Field) -> CellOf:
    name, entered, shown = one.id, one.id + ENTERED, formatter(one)
    share = one.type == "percent"

    def cell(scene: FieldScene, row: Row) -> Cell:
        value = row.get(entered)
        if value is None:
            value = row.get(name)
        if value is None:
            return NOTHING
        if not isinstance(value, Decimal):
            return str(posted_value(scene, one, row)), shown(scene.ctx, one, value), ""
        return plain_text(value * 100 if share else value), shown(scene.ctx, one, value), ""

    return cell


def _named(one: Field, *, lead: bool) -> CellOf:
    name = one.id
    targets = one.targets or one.value.targets
    target = targets[0] if targets else ""

    def cell(scene: FieldScene, row: Row) -> Cell:
        value = row.get(name)
        if value is None:
            return NOTHING
        if not lead or not isinstance(value, int):
            return str(value), reference_text(scene, one, value), ""
        found = scene.names.get((target, value), {})
        code = found.get("code")
        return str(value), reference_text(scene, one, value), str(code) if code and found.get("name") else ""

    return cell


def _several_named(one: Field) -> CellOf:
    def cell(scene: FieldScene, row: Row) -> Cell:
        value = row.get(one.id)
        if not isinstance(value, tuple):
            return ("" if value is None else str(value)), reference_text(scene, one, value), ""
        return "", "、".join(reference_text(scene, one, each) for each in value), ""

    return cell


def _other(one: Field) -> CellOf:
    def cell(scene: FieldScene, row: Row) -> Cell:
        value = row.get(one.id)
        if value is None:
            return NOTHING
        posted = "0" if value is False else str(posted_value(scene, one, row))  # an empty cell says nothing, not no
        return posted, text_of(scene.ctx, one, value), ""

    return cell


def far_cell(ctx: RunContext, one: Field, value: object) -> Cell:
    """What stands at the end of a path: only to be read."""
    text = text_of(ctx, one, value)
    return text, text, ""


__all__ = ["Cell", "CellOf", "cell_of", "far_cell", "plain_text"]
