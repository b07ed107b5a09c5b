"""Deleting and restoring: records are only marked; nothing goes that others refer to or that is to be kept longer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Table, func, literal, select, union_all, update

from engine.expressions.types import Kind
from engine.model import AppModel, Entity, EntityKind, Field
from runtime.columns import is_link
from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.messages import fault
from runtime.record_drafts import Batch
from runtime.record_inputs import Workspace
from runtime.record_texts import record_title

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A field of another entity that may name records of this one."""

    entity: str
    field: Field


def incoming(model: AppModel, entity: str) -> Iterator[Incoming]:
    """Every stored reference to ``entity``, but that of lines to their owner."""
    for other in model.entities.values():
        if other.kind is EntityKind.SYSTEM:
            continue
        for field in other.fields.values():
            targets = field.targets or field.value.targets
            plain = field.value.kind is Kind.REFERENCE and not field.lines and field.formula is None
            if plain and entity in targets:
                yield Incoming(other.id, field)


def referrers(ctx: RunContext, entity: str, ids: Sequence[int], within: frozenset[str] = frozenset()) -> dict[str, int]:
    """How many live records of each entity refer to any of ``ids``; ``within``: entities not counted."""
    found: dict[str, int] = {}
    if not ids:
        return found
    queries = [_count(ctx, one, entity, ids) for one in incoming(ctx.app.model, entity) if one.entity not in within]
    if queries:
        for name, number in ctx.connection.execute(union_all(*queries)):
            if number:
                found[name] = found.get(name, 0) + number
    return found


def _count(ctx: RunContext, one: Incoming, entity: str, ids: Sequence[int]) -> Any:
    table = ctx.app.tables.entity[one.entity]
    query = select(literal(one.entity), func.count()).select_from(table)
    if is_link(one.field):
        link = ctx.app.tables.links[one.entity, one.field.id]
        query = query.where(table.c.id.in_(select(link.c.owner).where(link.c.value.in_(ids))))
    else:
        query = query.where(table.c[one.field.id].in_(ids))
        if f"{one.field.id}__type" in table.c:
            query = query.where(table.c[f"{one.field.id}__type"] == entity)
    return query.where(*_alive(ctx, one.entity, table))


def _alive(ctx: RunContext, entity: str, table: Table) -> list[Any]:
    """Lines live with their owner."""
    described = ctx.app.model.entities[entity]
    if described.kind is not EntityKind.LINES:
        return [table.c.deleted_at.is_(None)]
    owner = ctx.app.tables.entity[described.parent]
    return [table.c.parent.in_(select(owner.c.id).where(*_alive(ctx, described.parent, owner)))]


def retained(ctx: RunContext, entity: Entity, rows: Sequence[Row]) -> list[date | None]:
    """For each record the day from which it may go, where that is still to come."""
    if entity.retain is None:
        return [None] * len(rows)
    days = Workspace(ctx).evaluate(entity.retain, rows, None, entity.id)
    return [day if day is not None and ctx.today() < day else None for day in days]


def check_free(ctx: RunContext, entity: Entity, row: Row) -> None:
    """Refuse while it is to be kept, or anything outside the record refers to it or to one of its lines."""
    kept = retained(ctx, entity, [row])[0]
    if kept is not None:
        title, label = record_title(ctx.app.model, entity.id, row), entity.label.get(ctx.language)
        raise Conflict(fault(ctx, "retained", label=label, title=title, day=kept))
    inside = frozenset(_inside(ctx.app.model, entity))
    found = referrers(ctx, entity.id, [row["id"]])
    for field in entity.fields.values():
        if field.lines:
            ids = [line["id"] for line in row.get(field.id) or ()]
            for name, number in referrers(ctx, field.lines, ids, inside).items():
                found[name] = found.get(name, 0) + number
    if found:
        raise Conflict(*(_referred(ctx, entity, row, name, number) for name, number in sorted(found.items())))


def _referred(ctx: RunContext, entity: Entity, row: Row, name: str, number: int) -> Any:
    other = ctx.app.model.entities[name].label.get(ctx.language)
    label = entity.label.get(ctx.language)
    title = record_title(ctx.app.model, entity.id, row)
    return fault(ctx, "still_referred", label=label, title=title, count=number, other=other)


def _inside(model: AppModel, entity: Entity) -> Iterator[str]:
    yield entity.id
    for field in entity.fields.values():
        if field.lines:
            yield from _inside(model, model.entities[field.lines])


def check_lines_free(batch: Batch) -> None:
    """Lines that go must not be referred to by other records."""
    inside = frozenset(batch.plan.parts)
    for entity, rows in batch.gone.items():
        found = referrers(batch.ctx, entity, [row["id"] for row in rows], inside)
        if found:
            described = batch.plan.parts[entity].entity
            owner = batch.headers[0].row
            raise Conflict(*(_referred(batch.ctx, described, owner, n, number) for n, number in sorted(found.items())))


def mark(ctx: RunContext, entity: str, row: Row, *, deleted: bool) -> None:
    """Set or take away the mark of deletion; the version moves on."""
    table = ctx.app.tables.entity[entity]
    row["version"] += 1
    row["deleted_at"] = ctx.now() if deleted else None
    row["changed_at"], row["changed_by"] = ctx.now(), ctx.user.account or None
    names = ("version", "deleted_at", "changed_at", "changed_by")
    ctx.connection.execute(update(table).where(table.c.id == row["id"]).values({n: row[n] for n in names}))
