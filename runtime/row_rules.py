"""Row rights as SQL: which records the acting person may know of. Every query of records passes here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, or_, select

from runtime.context import RunContext
from runtime.permissions import READ, owner_of, rights
from runtime.sql import Joiner, SqlScope, TableRow, to_where


def scope_of(ctx: RunContext, entity: str, table: FromClause, joiner: Joiner | None = None) -> SqlScope:
    """What SQL readings stand on for rows of ``table``: the record, the person, the day."""
    return SqlScope(
        model=ctx.app.model,
        tables=ctx.app.tables,
        dialect=ctx.app.database.dialect,
        record=TableRow(entity, table),
        member=ctx.user.member,
        today=ctx.today(),
        now=ctx.now(),
        joiner=joiner,
    )


def row_condition(ctx: RunContext, entity: str, table: FromClause | None = None) -> ColumnElement[bool] | None:
    """The condition under which a row of ``entity``'s table is visible; ``None``: all are.

    Lines are visible with their owner.
    """
    owner = owner_of(ctx.app.model, entity)
    alternatives = rights(ctx, owner).rows
    if not alternatives:
        return None
    here = table if table is not None else ctx.app.tables.entity[entity]
    if owner != entity:
        return _through_owner(ctx, entity, here)
    scope = scope_of(ctx, entity, here)
    return or_(*(and_(*(to_where(rule, scope) for rule in rules)) for rules in alternatives))


def _through_owner(ctx: RunContext, entity: str, table: FromClause) -> ColumnElement[bool] | None:
    parent = ctx.app.model.entities[entity].parent
    above = ctx.app.tables.entity[parent]
    condition = row_condition(ctx, parent)
    return None if condition is None else table.c.parent.in_(select(above.c.id).where(condition))


def visible_ids(ctx: RunContext, entity: str, ids: Iterable[int]) -> set[int]:
    """Those of the records that the person may know of."""
    wanted = set(ids)
    condition = row_condition(ctx, entity)
    if condition is None or not wanted:
        return wanted
    table = ctx.app.tables.entity[entity]
    query = select(table.c.id).where(table.c.id.in_(sorted(wanted)), condition)
    return set(ctx.connection.execute(query).scalars())


def readable(ctx: RunContext, rows: Iterable[Mapping[str, Any]]) -> set[tuple[str, int]]:
    """Of the records that rows are about (``entity`` and ``record``) those that the acting person may know of."""
    wanted: dict[str, set[int]] = {}
    for row in rows:
        wanted.setdefault(row["entity"], set()).add(row["record"])
    return {
        (entity, record)
        for entity, ids in wanted.items()
        if entity in ctx.app.model.entities and rights(ctx, entity).may(READ)
        for record in visible_ids(ctx, entity, ids)
    }
