"""Stored formulas made anew for all records, set-wise, after a change of the definition."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from runtime.context import RunContext
from runtime.sql import Joiner, SqlScope, TableRow, to_stored


def recompute(ctx: RunContext, fields: Sequence[tuple[str, str]]) -> int:
    """Recompute ``fields`` (entity, field), which are in order of dependency; how many cells were written."""
    return sum(_recompute(ctx, entity, field) for entity, field in fields)


def _recompute(ctx: RunContext, entity: str, name: str) -> int:
    model, tables = ctx.app.model, ctx.app.tables
    field, table = model.entities[entity].fields[name], tables.entity[entity]
    if field.formula is None or name not in table.c:
        return 0
    joiner = Joiner(table)
    scope = SqlScope(
        model=model, tables=tables, dialect=ctx.app.database.dialect, record=TableRow(entity, table),
        today=ctx.today(), now=ctx.now(), joiner=joiner,
    )  # fmt: skip
    value = to_stored(field.formula, field.value, scope).label("value")
    made = joiner.apply(select(table.c.id, value)).subquery()
    changes = {name: made.c.value}
    if f"{name}__entered" in table.c:
        changes[f"{name}__entered"] = made.c.value
    return ctx.connection.execute(update(table).values(changes).where(table.c.id == made.c.id)).rowcount
