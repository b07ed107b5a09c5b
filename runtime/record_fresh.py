"""Formulas of records in the making, as one function over a record: made once, where nothing has to be asked.

Nothing names a record that is not saved yet, so sets of what names it are what they are over nothing; what stands
behind a reference that says nothing is nothing; and its lines are at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from engine.expressions.problems import ExpressionOverflow
from engine.expressions.python import Source, compile_python
from engine.expressions.tree import Aggregate, Expr, Literal, Node, Path
from engine.expressions.types import EMPTY
from runtime.record_inputs import Workspace, nothing_named
from runtime.record_sets import COMBINE
from runtime.record_ways import way_of
from runtime.values import ENTERED

Row = Mapping[str, Any]


class Fresh(NamedTuple):
    """A formula over a new record; ``empty``: the references that have to be empty for it to hold."""

    function: Callable[[Any], Any]
    empty: tuple[str, ...]


def fresh_values(at: Workspace, expr: Expr, rows: Sequence[Row]) -> list[Any] | None:
    """The values of a formula for these rows; ``None`` where they have to be found out in the ordinary way."""
    made = at.programs.keep(("fresh", id(expr)), lambda: (expr, _fresh(at, expr)))[1]
    if made is None or [row.get("id") for row in rows].count(None) < len(rows):
        return None
    for name in made.empty:
        if [row.get(name) for row in rows].count(None) < len(rows):
            return None
    try:
        return list(map(made.function, rows))
    except ExpressionOverflow:
        return None


def _fresh(at: Workspace, expr: Expr) -> Fresh | None:
    sources: list[Source] = []
    empty: list[str] = []
    for node in expr.inputs:
        source = _source(at, node, empty)
        if source is None:
            return None
        sources.append(source)
    return Fresh(compile_python(expr, sources), tuple(dict.fromkeys(empty))) if sources else None


def _source(at: Workspace, node: Node, empty: list[str]) -> Source | None:
    """Where an input of a new record comes from; adds the reference that must be empty for it."""
    if isinstance(node, Aggregate):
        known = at.programs.unsaved(node, nothing_named)
        return Literal(value=known[0], type=EMPTY) if known is not None else _of_lines(at, node)
    if not isinstance(node, Path) or node.root not in ("record", "this"):
        return None
    if len(node.steps) == 1:
        return _own(at, node)
    way = way_of(at.model, node)
    if way is None or not way.hops or way.hops[0][0] == "parent":
        return None
    empty.append(way.hops[0][0])
    return Literal(value=None, type=EMPTY)


def _own(at: Workspace, node: Path) -> Source | None:
    entity = at.model.entities.get(node.entity)
    field = entity.fields.get(node.steps[0]) if entity is not None else None
    if field is None or field.live or field.lines or field.many or field.value.many:
        return None
    return (field.id + ENTERED, field.id) if node.entered else (field.id,)


def _of_lines(at: Workspace, node: Aggregate) -> Source | None:
    """A set over the record's own lines, all of them, of what stands in each."""
    base, value = node.rows.base, node.value
    if node.rows.kind != "lines" or base is None or base.root not in ("record", "this") or base.steps:
        return None
    if node.where is not None or node.order or not isinstance(value, Path) or value.root != "record":
        return None
    if len(value.steps) != 1 or (read := _own(at, value)) is None:
        return None
    combine, by = COMBINE[node.function], node.rows.by
    of_line = compile_python(at.programs.expression(value), [read])
    return lambda row: combine(node, list(map(of_line, row.get(by) or ())))
