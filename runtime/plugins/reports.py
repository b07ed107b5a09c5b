"""What plug-ins have reported so far, read from their runs: events about records, with the values that came along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select

from runtime.context import RunContext
from runtime.plugins.finding import market
from runtime.plugins.values import fit


def reported(
    ctx: RunContext, event: str, since: datetime, until: datetime
) -> list[tuple[datetime, int, dict[str, Any]]]:
    """(moment, record, values) of every time ``plugin.event`` was raised in the period, in order."""
    plugin, _, name = event.partition(".")
    return list(_each(ctx, plugin, name, since, until))


def _each(
    ctx: RunContext, plugin: str, event: str, since: datetime, until: datetime
) -> Iterator[tuple[datetime, int, dict[str, Any]]]:
    table = ctx.app.tables.system.plugin_run
    query = select(table.c.ended_at, table.c.details).where(
        table.c.plugin == plugin, table.c.ended_at >= since, table.c.ended_at < until
    )
    kinds = _kinds(plugin, event)
    for row in ctx.connection.execute(query.order_by(table.c.id)):
        for each in orjson.loads(row.details).get("raised", ()):
            if each["event"] == event:
                values = {n: fit(kinds[n], v) for n, v in each["values"].items() if n in kinds and v is not None}
                yield row.ended_at, each["record"], values


def _kinds(plugin: str, event: str) -> Mapping[str, str]:
    found = market().plugins.get(plugin)
    declared = found.plugin.event(event) if found else None
    return {name: each.kind for name, each in declared.gives.items()} if declared else {}
