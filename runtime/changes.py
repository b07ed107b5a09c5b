"""Has anything been written since? One cheap look that tells two states of an app's data apart."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from sqlalchemy import func, select

from runtime.context import RunContext


def last_change(ctx: RunContext) -> Hashable | None:
    """What stays the same as long as nothing is written; ``None`` inside a transaction that writes itself.

    Every write leaves its mark in the audit trail. On PostgreSQL a mark may become visible after a later one: the
    oldest transaction still under way tells such states apart.
    """
    if ctx.connection.get_execution_options().get("dougong_begin") != "read":
        return None
    marks: list[Any] = [func.max(ctx.app.tables.system.audit.c.id)]
    if ctx.app.database.dialect == "postgresql":
        marks.append(func.pg_snapshot_xmin(func.pg_current_snapshot()))
    return tuple(str(mark) for mark in ctx.connection.execute(select(*marks)).one())
