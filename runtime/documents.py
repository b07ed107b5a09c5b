"""Drawing one document from another, and walking the chain of documents both ways.

``draft`` only proposes values; ``draw`` makes the document through the one write door. What is left of a source line
is proposed whole, in the unit of that line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.expressions.types import Kind
from engine.model import Entity, Source
from runtime import records, workflow
from runtime.context import RunContext
from runtime.documents_after import Effect, Link, links, reversal_effects
from runtime.drawing import (
    Drawn,
    check_drawn,
    drawn_from,
    drawn_of,
    lock_origins,
    origin_ids,
)
from runtime.errors import Conflict, NotFound
from runtime.messages import fault
from runtime.permissions import demand, label_of, rights
from runtime.record_inputs import Workspace
from runtime.record_texts import record_title
from runtime.records import Saved
from runtime.values import Base

Row = dict[str, Any]


def source_of(ctx: RunContext, entity: str, source: str) -> Drawn:
    """A source of an entity by its id."""
    model = ctx.app.model.entities.get(entity)
    found = next((d for d in drawn_of(ctx.app.model, model) if d.source.id == source), None) if model else None
    if found is None:
        raise NotFound(fault(ctx, "no_source", label=label_of(ctx, entity), given=source[:60]))
    return found


def draft(ctx: RunContext, entity: str, source: str, ids: Sequence[int], line_ids: Sequence[int] | None = None) -> Row:
    """The values of the one document drawn from ``ids``; refused where it would be several."""
    found = drafts(ctx, entity, source, ids, line_ids)
    if len(found) > 1:
        raise Conflict(fault(ctx, "draw_choose_line", label=label_of(ctx, entity)))
    return found[0]


def drafts(
    ctx: RunContext, entity: str, source: str, ids: Sequence[int], line_ids: Sequence[int] | None = None
) -> list[Row]:
    """The values of the documents drawn from the records ``ids``: what is left of their lines, or of ``line_ids``.

    One document, unless its source makes one of each line. What the acting person may not see is left out: the write
    door fills it from the origin.
    """
    return [_seen(ctx, entity, values) for values in _drafts(ctx, entity, source, ids, line_ids)]


def _seen(ctx: RunContext, entity: str, values: Row) -> Row:
    allowed = rights(ctx, entity)
    fields = ctx.app.model.entities[entity].fields
    found: Row = {}
    for name, value in values.items():
        if allowed.sees(name) and name not in allowed.readonly:
            lines = fields[name].lines if name in fields else ""
            found[name] = [_seen(ctx, lines, line) for line in value] if lines else value
    return found


def _drafts(ctx: RunContext, entity: str, source: str, ids: Sequence[int], line_ids: Sequence[int] | None) -> list[Row]:
    demand(ctx, entity, "create")
    drawn = source_of(ctx, entity, source)
    origins = _origins(ctx, drawn, ids)
    at = Workspace(ctx)
    rows = _open_rows(at, drawn, origins, line_ids)
    if not rows:
        titles = "、".join(record_title(ctx.app.model, drawn.origin, origin) for origin in origins)
        raise Conflict(fault(ctx, "nothing_left", label=label_of(ctx, drawn.origin), title=titles))
    lines = _line_values(ctx, at, drawn, rows)
    if drawn.source.lines_into:
        return [{**_header_values(ctx, at, drawn, origins), drawn.source.lines_into: lines}]
    by_id = {origin["id"]: origin for origin in origins}
    return [
        {**_header_values(ctx, at, drawn, [by_id[_owner_id(row)]]), **line}
        for row, line in zip(rows, lines, strict=True)
    ]


def draw(
    ctx: RunContext,
    entity: str,
    source: str,
    ids: Sequence[int],
    line_ids: Sequence[int] | None = None,
    changes: Mapping[str, object] | None = None,
) -> list[Saved]:
    """Make the documents drawn from ``ids``; ``changes`` are values of the header that the caller sets otherwise."""
    proposed = drafts(ctx, entity, source, ids, line_ids)
    return records.create_many(ctx, entity, [{**values, **(changes or {})} for values in proposed])


def _origins(ctx: RunContext, drawn: Drawn, ids: Sequence[int]) -> list[Row]:
    wanted = list(dict.fromkeys(ids))
    label = label_of(ctx, drawn.origin)
    if len(wanted) != 1 and not (drawn.source.many and wanted):
        raise Conflict(fault(ctx, "draw_from_one", label=label))
    found = workflow.visible(ctx, drawn.origin, wanted)
    for i in wanted:
        if i not in found:
            raise NotFound(fault(ctx, "not_found", label=label, id=i))
    origins = [found[i] for i in wanted]
    condition = drawn.source.condition
    if condition is not None:
        fits = Workspace(ctx).evaluate(condition, origins, None, drawn.origin)
        wrong = [origin for origin, fit in zip(origins, fits, strict=True) if not fit]
        if wrong:
            raise Conflict(*(_not_ready(ctx, drawn, origin) for origin in wrong))
    return origins


def _not_ready(ctx: RunContext, drawn: Drawn, origin: Row) -> Any:
    flow = ctx.app.model.entities[drawn.origin].workflow
    state = flow.states.get(str(origin.get("status"))) if flow else None
    return fault(
        ctx,
        "draw_not_ready",
        label=label_of(ctx, drawn.origin),
        title=record_title(ctx.app.model, drawn.origin, origin),
        state=state.label.get(ctx.language) if state else "",
        drawn=label_of(ctx, drawn.drawn),
    )


def _open_rows(at: Workspace, drawn: Drawn, origins: Sequence[Row], line_ids: Sequence[int] | None) -> list[Row]:
    """The rows of the origins with anything left, in order; chosen ones only, if any were chosen."""
    source = drawn.source
    if source.lines_from:
        rows = [{**line, "parent": origin} for origin in origins for line in origin[source.lines_from]]
    else:
        rows = list(origins)
    if line_ids is not None:
        rows = [row for row in rows if row["id"] in set(line_ids)]
    if source.lines_where is not None and rows:
        fits = at.evaluate(source.lines_where, rows, None, drawn.origin_row)
        rows = [row for row, fit in zip(rows, fits, strict=True) if fit]
    return [row for row in rows if not source.left or (row.get(source.left) or 0) > 0]


def _line_values(ctx: RunContext, at: Workspace, drawn: Drawn, rows: Sequence[Row]) -> list[Row]:
    source, entity = drawn.source, ctx.app.model.entities[drawn.drawn_row]
    columns = {name: at.evaluate(expr, rows, None, drawn.origin_row) for name, expr in source.lines_fill.items()}
    lines: list[Row] = []
    for index, row in enumerate(rows):
        line: Row = {name: values[index] for name, values in columns.items()}
        given = entity.fields.get(source.quantity)
        if source.left and given is not None and given.formula is None:  # a computed one follows from what is filled
            line[source.quantity] = amount_for(entity, source.quantity, row[source.left])
        if source.line_field:
            line[source.line_field] = row["id"]
        lines.append(line)
    return lines


def amount_for(entity: Entity, name: str, amount: object) -> object:
    """An amount in base units as the write door takes it for a field."""
    field = entity.fields[name]
    return Base(amount) if field.value.kind is Kind.QUANTITY and field.unit_field else amount  # type: ignore[arg-type]


def _header_values(ctx: RunContext, at: Workspace, drawn: Drawn, origins: Sequence[Row]) -> Row:
    """The header's values; several origins must agree on all of them."""
    source: Source = drawn.source
    values: Row = {}
    for name, expr in source.fill.items():
        column = at.evaluate(expr, origins, None, drawn.origin)
        if any(value != column[0] for value in column):
            label = ctx.app.model.entities[drawn.drawn].fields[name].label.get(ctx.language)
            raise Conflict(fault(ctx, "draw_differs", label=label_of(ctx, drawn.origin), field_label=label))
        values[name] = column[0]
    field = ctx.app.model.entities[drawn.drawn].fields.get(source.header_field)
    if field is not None:
        ids = tuple(origin["id"] for origin in origins)
        values[field.id] = ids if field.many else ids[0]
    return values


def _owner_id(row: Row) -> int:
    parent = row.get("parent")
    owner = parent["id"] if isinstance(parent, dict) else row["id"]
    return int(owner)


def drawable(ctx: RunContext, entity: str, record: Row) -> list[tuple[str, Source]]:
    """What the acting person may draw from this record now: (entity, source) of each."""
    found: list[tuple[str, Source]] = []
    at = Workspace(ctx)
    for drawn in ctx.app.programs.keep(("drawn from here", entity), lambda: drawn_from(ctx.app.model, entity)):
        if not rights(ctx, drawn.drawn).may("create"):
            continue
        condition = drawn.source.condition
        if condition is not None and not at.evaluate(condition, [record], None, entity)[0]:
            continue
        if _open_rows(at, drawn, [record], None):
            found.append((drawn.drawn, drawn.source))
    return found


__all__ = [
    "Effect",
    "Link",
    "amount_for",
    "check_drawn",
    "draft",
    "drafts",
    "draw",
    "drawable",
    "links",
    "lock_origins",
    "origin_ids",
    "reversal_effects",
    "source_of",
]
