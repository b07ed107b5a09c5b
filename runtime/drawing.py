"""What was drawn from what: sources, the rows they join, locks on origins, and the bound on over-delivery.

The write door calls ``lock_origins`` before it recomputes what is left of origin lines, and ``check_drawn`` after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.expressions.tree import Expr
from engine.model import AppModel, Entity, Source
from runtime.context import RunContext
from runtime.errors import Conflict, Fault
from runtime.messages import fault
from runtime.record_inputs import Workspace
from runtime.record_rows import load_rows, read_rows

if TYPE_CHECKING:
    from runtime.record_drafts import Batch, Draft

Row = dict[str, Any]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A source seen from both ends. ``drawn`` / ``origin``: the entity of the header; ``drawn_row`` /
    ``origin_row``: the entity of the rows that are joined (lines or the header itself)."""

    source: Source
    drawn: str
    drawn_row: str
    origin: str
    origin_row: str


def drawn_of(model: AppModel, entity: Entity) -> tuple[Drawn, ...]:
    """The sources of an entity."""
    return tuple(_drawn(model, entity, source) for source in entity.sources.values())


def sources_of(ctx: RunContext, entity: str) -> tuple[Drawn, ...]:
    """The sources of an entity of the running app, found out once."""
    model = ctx.app.model
    return ctx.app.programs.keep(("sources", entity), lambda: drawn_of(model, model.entities[entity]))


def drawn_from(model: AppModel, origin: str) -> tuple[Drawn, ...]:
    """Everything that is drawn from ``origin``."""
    return tuple(d for entity in model.entities.values() for d in drawn_of(model, entity) if d.origin == origin)


def _drawn(model: AppModel, entity: Entity, source: Source) -> Drawn:
    origin = model.entities[source.origin]
    return Drawn(
        source=source,
        drawn=entity.id,
        drawn_row=entity.fields[source.lines_into].lines if source.lines_into else entity.id,
        origin=origin.id,
        origin_row=origin.fields[source.lines_from].lines if source.lines_from else origin.id,
    )


def drawn_rows(drawn: Drawn, records: Iterable[Row]) -> Iterator[tuple[Row, Row]]:
    """(header, row) of the rows of records that name an origin row."""
    into, by = drawn.source.lines_into, drawn.source.line_field
    for record in records:
        for row in record.get(into) or () if into else (record,):
            if by and row.get(by) is not None:
                yield record, row


def origin_ids(ctx: RunContext, entity: str, records: Sequence[Row]) -> dict[str, set[int]]:
    """The origin rows that records draw from, by entity of the rows."""
    found: dict[str, set[int]] = {}
    for drawn in sources_of(ctx, entity):
        ids = {row[drawn.source.line_field] for _, row in drawn_rows(drawn, records)}
        if ids:
            found.setdefault(drawn.origin_row, set()).update(ids)
    return found


def lock_origins(ctx: RunContext, entity: str, records: Sequence[Row]) -> None:
    """Hold the origin rows until the end of the transaction, so that two drafts never draw the same remainder."""
    for origin, ids in sorted(origin_ids(ctx, entity, records).items()):
        read_rows(ctx, origin, ids, lock=True)


def fill_from_origin(batch: Batch) -> None:
    """What a new drawn row does not say comes from the row it was drawn from, also what its author may not see."""
    for drawn in sources_of(batch.ctx, batch.plan.entity.id):
        source = drawn.source
        if source.lines_into:
            _find_origins(batch, drawn)
        rows = [d for d in batch.drafts[drawn.drawn_row] if d.new and _is_id(d.row.get(source.line_field))]
        _fill(batch, rows, source.line_field, drawn.origin_row, source.lines_fill)
        field = batch.plan.entity.fields.get(source.header_field)
        if field is not None and not field.many:
            headers = [d for d in batch.headers if d.new and _is_id(d.row.get(field.id))]
            _fill(batch, headers, field.id, drawn.origin, source.fill)


def _find_origins(batch: Batch, drawn: Drawn) -> None:
    """A new line about the same thing as a row of what its document was drawn from is drawn from that row.

    Whoever types a line instead of drawing it draws all the same: nothing passes beside the order it belongs to.
    """
    rows = batch.ctx.app.model.entities[drawn.drawn_row].fields
    quantity = rows.get(drawn.source.quantity)
    about = quantity.of_field if quantity is not None else ""
    if about not in rows or about not in drawn.source.lines_fill:
        return
    for header in batch.headers:
        origins = _named_origins(header, drawn)
        if origins:
            free = [d for d in batch.drafts[drawn.drawn_row] if d.new and d.row["parent"] is header.row]
            _match(batch, drawn, about, origins, free)


def _named_origins(header: Draft, drawn: Drawn) -> list[int]:
    value = header.row.get(drawn.source.header_field)
    return [v for v in (value if isinstance(value, tuple) else (value,)) if _is_id(v)]


def _match(batch: Batch, drawn: Drawn, about: str, origins: Sequence[int], lines: Sequence[Draft]) -> None:
    source = drawn.source
    others = {d.source.line_field for d in sources_of(batch.ctx, batch.plan.entity.id)}
    unnamed = [d for d in lines if all(d.row.get(name) is None for name in others) and _is_id(d.row.get(about))]
    if not unnamed:
        return
    headers = list(load_rows(batch.ctx, drawn.origin, origins).values())
    rows = headers
    if source.lines_from:
        rows = [{**line, "parent": header} for header in headers for line in header.get(source.lines_from) or ()]
    things = batch.at.evaluate(source.lines_fill[about], rows, None, drawn.origin_row) if rows else []
    taken = {d.row[source.line_field] for d in lines if d.row.get(source.line_field) is not None}
    for draft in unnamed:
        fitting = [row for row, thing in zip(rows, things, strict=True) if thing == draft.row[about]]
        if fitting:
            best = min(fitting, key=lambda row: (row["id"] in taken, (row.get(source.left) or ZERO) <= 0))
            draft.row[source.line_field] = best["id"]
            draft.given.add(source.line_field)
            taken.add(best["id"])


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _fill(batch: Batch, drafts: Sequence[Draft], by: str, origin: str, fills: Mapping[str, Expr]) -> None:
    drafts = [draft for draft in drafts if any(name not in draft.given for name in fills)]
    if not drafts:
        return
    batch.at.need(origin, (draft.row[by] for draft in drafts))
    found = [(draft, row) for draft in drafts if (row := batch.at.known(origin, draft.row[by])) is not None]
    rows = [row for _, row in found]
    for name, expr in fills.items():
        due = [index for index, (draft, _) in enumerate(found) if name not in draft.given]
        values = batch.at.evaluate(expr, [rows[index] for index in due], None, origin) if due else []
        for index, value in zip(due, values, strict=True):
            draft = found[index][0]
            draft.row[name] = value
            if value is not None:
                draft.given.add(name)


def check_drawn(ctx: RunContext, entity: str, records: Sequence[Row]) -> None:
    """Refuse records that draw more than is left, tolerance included, where their source says ``refuse``."""
    faults: list[Fault] = []
    for drawn in sources_of(ctx, entity):
        if drawn.source.beyond == "refuse" and drawn.source.left:
            faults.extend(_overdrawn_faults(ctx, drawn, records))
    if faults:
        raise Conflict(*faults)


def _overdrawn_faults(ctx: RunContext, drawn: Drawn, records: Sequence[Row]) -> Iterator[Fault]:
    source = drawn.source
    found = list(drawn_rows(drawn, _holding(ctx, drawn, records)))
    if not found:
        return
    origins = read_rows(ctx, drawn.origin_row, {row[source.line_field] for _, row in found})
    allowed = _tolerances(ctx, drawn, found)
    seen: set[int] = set()
    for (record, row), tolerance in zip(found, allowed, strict=True):
        origin = origins.get(row[source.line_field])
        if origin is None or origin["id"] in seen:
            continue
        left = origin.get(source.left)
        whole = origin.get(source.quantity)
        if left is None or left >= 0 or -left <= (whole or ZERO) * tolerance:
            continue
        seen.add(origin["id"])
        yield fault(
            ctx,
            "over_drawn",
            _path(source, record, row),
            left=plain(left + (row.get(source.quantity) or ZERO)),
            wanted=plain(row.get(source.quantity) or ZERO),
            label=ctx.app.model.entities[drawn.origin].label.get(ctx.language),
        )


def _holding(ctx: RunContext, drawn: Drawn, records: Sequence[Row]) -> list[Row]:
    """The records that hold what they draw; a cancelled one may name more than is left."""
    source = drawn.source
    if source.holds is None or not records:
        return list(records)
    holds = Workspace(ctx).evaluate(source.holds, list(records), None, drawn.drawn)
    return [record for record, held in zip(records, holds, strict=True) if held]


def _tolerances(ctx: RunContext, drawn: Drawn, found: Sequence[tuple[Row, Row]]) -> list[Decimal]:
    tolerance = drawn.source.tolerance
    if tolerance is None:
        return [ZERO] * len(found)
    rows = [row if row is record else {**row, "parent": record} for record, row in found]
    return [value or ZERO for value in Workspace(ctx).evaluate(tolerance, rows, None, drawn.drawn_row)]


def _path(source: Source, record: Row, row: Row) -> str:
    if not source.lines_into:
        return source.quantity
    position = next((n for n, line in enumerate(record[source.lines_into], 1) if line is row), 0)
    return f"{source.lines_into}.{position}.{source.quantity}"


def plain(number: Decimal) -> str:
    """A number as people write it: no exponent, no trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
