"""What rules did and why, or why not: one row for each look at a record, kept for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError

from runtime.audit import plain
from runtime.context import RunContext
from runtime.errors import UserError
from runtime.prepared import MOST, prepared_insert
from runtime.record_bulk import insert_rows
from runtime.rules_look import Part

FIRED, REFUSED, ALREADY, LIMITED, LOOP, FAILED = "fired", "refused", "already", "limited", "loop", "failed"
"""What a look came to: it acted; the condition did not hold; past the threshold already; too often; in a circle; it
broke."""
RESULTS = (FIRED, REFUSED, ALREADY, LIMITED, LOOP, FAILED)
KEPT_FIRED, KEPT_OTHERS = 2000, 200
"""Rows kept of each rule: what it did or broke at, and where it did nothing."""


@dataclass(slots=True)
class Trace:
    """One look of a rule at a record, in the making."""

    rule: str
    entity: str
    record: int
    event: str
    result: str = REFUSED
    conditions: Sequence[Part] = ()
    actions: list[Mapping[str, Any]] = field(default_factory=list)
    error: str = ""
    micros: int = 0

    def row(self, ctx: RunContext) -> dict[str, Any]:
        """As the table keeps it."""
        details = {"conditions": [part.kept() for part in self.conditions], "actions": self.actions}
        if self.error:
            details["error"] = self.error
        return {
            "at": ctx.now(),
            "rule": self.rule,
            "entity": self.entity,
            "record": self.record,
            "event": self.event,
            "result": self.result,
            "details": orjson.dumps(details, default=plain, option=orjson.OPT_NON_STR_KEYS).decode(),
            "micros": self.micros,
            "account": ctx.user.account or None,
            "source": ctx.source,
        }


def reason_of(error: Exception) -> str:
    """Why something failed, for people: their own words where there are some; never values of a statement."""
    if isinstance(error, UserError):
        return str(error)[:500]
    if isinstance(error, DBAPIError):
        return f"{type(error.orig).__name__}"
    return f"{type(error).__name__}: {error}"[:500]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A kept look."""

    id: int
    at: datetime
    rule: str
    entity: str
    record: int
    event: str
    result: str
    conditions: Sequence[Mapping[str, Any]]
    actions: Sequence[Mapping[str, Any]]
    error: str
    micros: int
    account: int | None
    source: str


def write(ctx: RunContext, traces: Sequence[Trace]) -> None:
    """Keep the traces of a transaction."""
    if traces:
        rows = [trace.row(ctx) for trace in traces]
        table = ctx.app.tables.system.rule_run
        if len(rows) > MOST:
            insert_rows(ctx, table, rows)
        else:
            prepared_insert(ctx, table, tuple(rows[0])).run(ctx, [list(row.values()) for row in rows])


def runs(
    ctx: RunContext,
    rule: str,
    *,
    record: int | None = None,
    results: Sequence[str] = (),
    before: int = 0,
    most: int = 50,
) -> list[Run]:
    """The looks of a rule, newest first; ``before``: older than the run of this id."""
    table = ctx.app.tables.system.rule_run
    query = select(table).where(table.c.rule == rule)
    if record is not None:
        query = query.where(table.c.record == record)
    if results:
        query = query.where(table.c.result.in_(results))
    if before:
        query = query.where(table.c.id < before)
    rows = ctx.connection.execute(query.order_by(table.c.id.desc()).limit(most)).mappings()
    return [_run(row) for row in rows]


def run(ctx: RunContext, number: int) -> Run | None:
    """One look by its id."""
    table = ctx.app.tables.system.rule_run
    row = ctx.connection.execute(select(table).where(table.c.id == number)).mappings().first()
    return _run(row) if row is not None else None


def _run(row: Mapping[Any, Any]) -> Run:
    details = orjson.loads(row["details"])
    shown = {
        n: row[n] for n in ("id", "at", "rule", "entity", "record", "event", "result", "micros", "account", "source")
    }
    return Run(
        **shown,
        conditions=details.get("conditions", ()),
        actions=details.get("actions", ()),
        error=details.get("error", ""),
    )


def counts(ctx: RunContext) -> dict[str, dict[str, int]]:
    """How often each rule came to each result, as far back as is kept."""
    table = ctx.app.tables.system.rule_run
    query = select(table.c.rule, table.c.result, func.count().label("times"))
    found: dict[str, dict[str, int]] = {}
    for row in ctx.connection.execute(query.group_by(table.c.rule, table.c.result)):
        found.setdefault(row.rule, {})[row.result] = row.times
    return found


def fired_since(ctx: RunContext, rule: str, records: Sequence[int], since: datetime) -> dict[int, int]:
    """How often a rule has acted on each of the records since a moment."""
    table = ctx.app.tables.system.rule_run
    query = (
        select(table.c.record, func.count().label("times"))
        .where(table.c.rule == rule, table.c.record.in_(records), table.c.result == FIRED, table.c.at > since)
        .group_by(table.c.record)
    )
    return {row.record: row.times for row in ctx.connection.execute(query)}


def note_outcome(ctx: RunContext, look: tuple[str, str, int], key: str, told: Mapping[str, Any]) -> None:
    """What came of something that a look (rule, entity, record) started under ``key``; the look failed where it did."""
    table, (rule, entity, record) = ctx.app.tables.system.rule_run, look
    mine = select(table.c.id, table.c.details).where(
        table.c.entity == entity, table.c.record == record, table.c.rule == rule, table.c.result.in_((FIRED, FAILED))
    )
    for row in ctx.connection.execute(mine.order_by(table.c.id.desc()).limit(KEPT_OTHERS)):
        details = orjson.loads(row.details)
        started = [action for action in details.get("actions", ()) if action.get("run") == key]
        if not started:
            continue
        started[0]["outcome"] = told
        values: dict[str, Any] = {}
        if told.get("error"):
            details["error"], values["result"] = told["error"], FAILED
        values["details"] = orjson.dumps(details, default=plain, option=orjson.OPT_NON_STR_KEYS).decode()
        ctx.connection.execute(update(table).where(table.c.id == row.id).values(values))
        return


def forget_old(ctx: RunContext) -> int:
    """Drop what is beyond what is kept of each rule."""
    table = ctx.app.tables.system.rule_run
    gone = 0
    for rule in ctx.connection.execute(select(table.c.rule).distinct()).scalars().all():
        for fired, most in ((True, KEPT_FIRED), (False, KEPT_OTHERS)):
            acted = table.c.result.in_((FIRED, FAILED)) if fired else table.c.result.not_in((FIRED, FAILED))
            same = select(table.c.id).where(table.c.rule == rule, acted)
            last = ctx.connection.execute(same.order_by(table.c.id.desc()).offset(most).limit(1)).scalar()
            if last is not None:
                gone += ctx.connection.execute(
                    delete(table).where(table.c.rule == rule, acted, table.c.id <= last)
                ).rowcount
    return gone
