"""What plug-ins have reported so far, read from their runs: events about records, with the values that came along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select

from runtime.context import RunContext
from runtime.plugins.finding import market
from runtime.plugins.values import fit

AT_ONCE = 10
"""Runs read together: each may have raised as many events as its trace keeps."""


class Reported(NamedTuple):
    """Once that an event was raised."""

    at: datetime
    record: int
    values: Mapping[str, Any]


def reported(ctx: RunContext, event: str, since: datetime, until: datetime) -> Iterator[Sequence[Reported]]:
    """Every time ``plugin.event`` was raised in the period, the latest run first, a portion at a time.

    Runs that did not raise it are left out by the database: their details are never read.
    """
    plugin, _, name = event.partition(".")
    table, kinds, last = ctx.app.tables.system.plugin_run, _kinds(plugin, name), None
    query = select(table.c.id, table.c.ended_at, table.c.details).where(
        table.c.plugin == plugin,
        table.c.ended_at >= since,
        table.c.ended_at < until,
        table.c.details.contains(_as_kept(name), autoescape=True),
    )
    query = query.order_by(table.c.id.desc()).limit(AT_ONCE)
    while True:
        rows = ctx.connection.execute(query if last is None else query.where(table.c.id < last)).all()
        found = [each for row in rows for each in _raised(row.ended_at, row.details, name, kinds)]
        if found:
            yield found
        if len(rows) < AT_ONCE:
            return
        last = rows[-1].id


def _as_kept(event: str) -> str:
    """How an event begins in the details of its run; in what was said the quotes would be escaped."""
    return f'"event":{orjson.dumps(event).decode()}'


def _raised(at: datetime, details: str, event: str, kinds: Mapping[str, str]) -> Iterator[Reported]:
    for each in orjson.loads(details).get("raised", ()):
        if each["event"] == event:
            values = {n: fit(kinds[n], v) for n, v in each["values"].items() if n in kinds and v is not None}
            yield Reported(at, each["record"], values)


def _kinds(plugin: str, event: str) -> Mapping[str, str]:
    found = market().plugins.get(plugin)
    declared = found.plugin.event(event) if found else None
    return {name: each.kind for name, each in declared.gives.items()} if declared else {}
