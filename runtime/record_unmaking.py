"""Many records into the bin at once, where nothing refers to any of them: what importing them made is unmade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import update

from engine.model import Entity
from runtime import audit, computed
from runtime.context import RunContext
from runtime.happenings import door, note_written
from runtime.permissions import demand
from runtime.record_locks import may_be_deleted
from runtime.record_removal import referrers, retained
from runtime.row_rules import visible_ids

Row = dict[str, Any]


def delete_free(ctx: RunContext, entity: str, rows: Mapping[int, Row]) -> bool:
    """Delete whole records, loaded and locked; ``False``, and nothing done, where one cannot go like this."""
    demand(ctx, entity, "delete")
    described = ctx.app.model.entities[entity]
    ids = list(rows)
    free = all(may_be_deleted(ctx, described, row) and row.get("deleted_at") is None for row in rows.values())
    if (
        not free
        or any(retained(ctx, described, list(rows.values())))
        or set(ids) - visible_ids(ctx, entity, ids)
        or _referred(ctx, described, rows)
    ):
        return False
    with door(ctx):
        _mark(ctx, entity, rows)
        done: dict[Any, set[int]] = {}
        for row in rows.values():
            for cell, followed in computed.propagate_presence(ctx, described, row).done.items():
                done.setdefault(cell, set()).update(followed)
        entries = [audit.Entry(entity, row["id"], row["version"], "delete", {}) for row in rows.values()]
        audit.write(ctx, entries)
        note_written(ctx, entity, "delete", "", {}, {entity: list(rows.values())}, done)
    return True


def _referred(ctx: RunContext, entity: Entity, rows: Mapping[int, Row]) -> bool:
    """Whether anything outside the records refers to one of them or of their lines."""
    if referrers(ctx, entity.id, list(rows)):
        return True
    inside = frozenset((entity.id, *(f.lines for f in entity.fields.values() if f.lines)))
    return any(referrers(ctx, name, ids, inside) for name, ids in _lines(entity, rows.values()))


def _lines(entity: Entity, rows: Any) -> Iterator[tuple[str, Sequence[int]]]:
    for field in entity.fields.values():
        if field.lines:
            ids = [line["id"] for row in rows for line in row.get(field.id) or ()]
            if ids:
                yield field.lines, ids


def _mark(ctx: RunContext, entity: str, rows: Mapping[int, Row]) -> None:
    table = ctx.app.tables.entity[entity]
    stamps = {"deleted_at": ctx.now(), "changed_at": ctx.now(), "changed_by": ctx.user.account or None}
    statement = update(table).where(table.c.id.in_(list(rows))).values(version=table.c.version + 1, **stamps)
    ctx.connection.execute(statement)
    for row in rows.values():
        row.update(stamps, version=row["version"] + 1)
