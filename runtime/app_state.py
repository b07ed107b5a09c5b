"""Small facts about an app that are no records: one text for each key."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from runtime.context import RunContext


def state(ctx: RunContext, key: str) -> str:
    """What is kept under ``key`` ("": nothing)."""
    table = ctx.app.tables.system.app_state
    return str(ctx.connection.execute(select(table.c.value).where(table.c.key == key)).scalar() or "")


def keep_state(ctx: RunContext, key: str, value: str) -> None:
    """Keep it."""
    table = ctx.app.tables.system.app_state
    make = (postgresql if ctx.connection.dialect.name == "postgresql" else sqlite).insert
    statement = make(table).values(key=key, value=value)
    ctx.connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))
