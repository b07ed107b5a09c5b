"""Values at the end of a path (``item.spec``) for many rows: one statement a hop, nothing the person may not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.values import Ref

Row = dict[str, Any]
PARENT = "parent"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathEnd:
    """Where a path ends: the entity and the field there."""

    entity: Entity
    field: Field


def path_end(ctx: RunContext, entity: str, path: str) -> PathEnd | None:
    """The field a path ends at; ``None`` where it leads nowhere or through something the person may not see."""
    here = ctx.app.model.entities[entity]
    *hops, last = path.split(".")
    for hop in hops:
        target = _hop(ctx, here, hop)
        if target is None:
            return None
        here = target
    field = here.fields.get(last)
    if field is None or not rights(ctx, here.id).sees(last):
        return None
    return PathEnd(entity=here, field=field)


def _hop(ctx: RunContext, entity: Entity, name: str) -> Entity | None:
    if name == PARENT:
        return ctx.app.model.entities.get(entity.parent)
    field = entity.fields.get(name)
    if field is None or field.many or len(field.targets) != 1 or not rights(ctx, entity.id).sees(name):
        return None
    return ctx.app.model.entities[field.targets[0]]


def path_values(ctx: RunContext, entity: str, rows: Sequence[Row], path: str) -> list[object]:
    """The value at the end of ``path`` for each row; empty where a reference on the way is."""
    end = path_end(ctx, entity, path)
    if end is None:
        return [None] * len(rows)
    *hops, last = path.split(".")
    if not hops:
        return [row.get(last) for row in rows]
    here = ctx.app.model.entities[entity]
    keys: list[object] = [row.get(hops[0]) for row in rows]
    for position, hop in enumerate(hops):
        target = _hop(ctx, here, hop)
        if target is None:
            return [None] * len(rows)
        wanted = hops[position + 1] if position + 1 < len(hops) else last
        found = _column(ctx, target, wanted, keys)
        keys = [found.get(_id(key)) for key in keys]
        here = target
    return keys


def _id(key: object) -> int | None:
    if isinstance(key, Ref):
        return key.id
    return key if isinstance(key, int) else None


def _column(ctx: RunContext, entity: Entity, name: str, keys: Sequence[object]) -> dict[int | None, object]:
    table = ctx.app.tables.entity[entity.id]
    ids = sorted({found for key in keys if (found := _id(key)) is not None})
    if not ids or name not in table.c:
        return {}
    rows = ctx.connection.execute(select(table.c.id, table.c[name]).where(table.c.id.in_(ids)))
    return {row[0]: row[1] for row in rows}
