"""Lines of a record as the grid shows them: for each column a function made once, for each cell three words.

A cell is (value as posted, text as shown, code beside it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.expressions.types import Kind
from engine.model import Field
from runtime.context import RunContext
from web.display import BY_TYPE, text_of
from web.record_fields import FieldScene, reference_text
from web.record_words import NOTHING, named_of, near, pair_of

Row = Mapping[str, Any]
Cell = tuple[str, str, str]
CellOf = Callable[[FieldScene, Row], Cell]
EMPTY: Cell = ("", "", "")


def cell_of(one: Field, *, lead: bool) -> CellOf:
    """The function that makes the cells of a column; ``lead``: what the line is about, shown with its code."""
    if one.value.kind is not Kind.REFERENCE:
        return _plain(one)
    if one.value.many or one.many:
        return _several_named(one)
    return _coded(one) if lead else _named(one)


def _plain(one: Field) -> CellOf:
    pair, name = pair_of(one, day=near), one.id

    def cell(scene: FieldScene, row: Row) -> Cell:
        value, text = pair(scene, row)
        if value == "" and row.get(name) is False:  # an empty cell says nothing, not no
            value = "0"
        return value, text, ""

    return cell


def _named(one: Field) -> CellOf:
    pair = named_of(one)
    return lambda scene, row: (*pair(scene, row), "")


def _coded(one: Field) -> CellOf:
    pair, name = named_of(one), one.id
    targets = one.targets or one.value.targets
    target = targets[0] if targets else ""

    def cell(scene: FieldScene, row: Row) -> Cell:
        words = pair(scene, row)
        if words is NOTHING:
            return EMPTY
        found = scene.names.get((target, row[name])) if isinstance(row[name], int) else None
        code = found.get("code") if found and found.get("name") else None
        return *words, str(code) if code else ""

    return cell


def _several_named(one: Field) -> CellOf:
    def cell(scene: FieldScene, row: Row) -> Cell:
        value = row.get(one.id)
        if not isinstance(value, tuple):
            return ("" if value is None else str(value)), reference_text(scene, one, value), ""
        return "", "、".join(reference_text(scene, one, each) for each in value), ""

    return cell


def far_text_of(one: Field) -> Callable[[RunContext, object], str]:
    """How the values at the end of a path are told: they are only to be read."""
    if one.value.kind is Kind.TEXT and one.type not in BY_TYPE and not one.many:
        return lambda _ctx, value: "" if value is None else str(value)
    return lambda ctx, value: text_of(ctx, one, value)


__all__ = ["Cell", "CellOf", "cell_of", "far_text_of"]
