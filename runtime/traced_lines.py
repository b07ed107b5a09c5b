"""Lines filled from where a record went or came from: what a document about it has to name, found by the genealogy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.model import Field, Traced
from runtime.context import SYSTEM, RunContext
from runtime.record_inputs import Workspace
from runtime.record_rows import read_rows
from runtime.trace import Graph, trace
from runtime.values import Base

Row = dict[str, Any]


def traced_lines(ctx: RunContext, owner: str, lines: str, traced: Traced, rows: Sequence[Row]) -> list[list[Row]]:
    """The lines of each document: one for each record of the wanted kind that the walk came across.

    The walk sees everything, as formulas do: who may read the document reads what it is about.
    """
    whole = replace(ctx, user=SYSTEM)
    start = ctx.app.model.entities[owner].fields[traced.start].targets[0]
    return [
        [] if (id := row.get(traced.start)) is None else _of_graph(whole, lines, traced, start, int(id)) for row in rows
    ]


def _of_graph(ctx: RunContext, lines: str, traced: Traced, start: str, id: int) -> list[Row]:
    graph = trace(ctx, start, id, traced.direction)
    found = _reached(graph, traced.entity, start, traced.direction)
    known = read_rows(ctx, traced.entity, {record for record, _ in found})
    rows = [
        {**known[record], "traced": amount, "traced_from": origin} for (record, origin), amount in sorted_by_id(found)
    ]
    at = Workspace(ctx)
    fields = ctx.app.model.entities[lines].fields
    columns = {name: at.evaluate(expr, rows, None, traced.entity) for name, expr in traced.fill.items()}
    return [{name: _based(fields[name], values[i]) for name, values in columns.items()} for i in range(len(rows))]


def sorted_by_id(found: Mapping[tuple[int, int | None], Decimal]) -> list[tuple[tuple[int, int | None], Decimal]]:
    """In the order in which the records were made."""
    return sorted(found.items(), key=lambda pair: (pair[0][0], pair[0][1] or 0))


def _reached(graph: Graph, entity: str, start: str, direction: str) -> dict[tuple[int, int | None], Decimal]:
    """(record, what it came out of) -> how much. Carriers stand once, however many ways lead to them."""
    ids = {node.key: node.id for node in graph.nodes if node.entity == entity and node.id is not None}
    carriers = {node.key: node.id for node in graph.nodes if node.entity == start and node.id is not None}
    found: dict[tuple[int, int | None], Decimal] = {}
    if entity == start:
        found.update({(id, None): Decimal(0) for id in ids.values()})
    for edge in graph.edges:
        near, far = (edge.source, edge.target) if direction == "forward" else (edge.target, edge.source)
        record = ids.get(far)
        if record is None or edge.qty is None:
            continue
        if entity != start and near not in carriers:
            continue
        key = (record, None if entity == start else carriers[near])
        found[key] = found.get(key, Decimal(0)) + edge.qty
    return found


def _based(field: Field, value: object) -> object:
    """A quantity comes in base units."""
    return Base(value) if field.unit_field and isinstance(value, Decimal) else value
