"""The task centre beside what waits for me: what I decided, what I sent, what was copied to me."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from runtime import workflow
from runtime.accounts import account_names
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.record_texts import record_title
from runtime.task_copies import COPIED
from runtime.task_deadlines import asked
from runtime.task_opening import ADDED, ADVISED, APPROVE, HELPS, table
from runtime.task_take_back import takeable

Row = Mapping[str, Any]
MOST = 100
ASKED: Mapping[str, str] = MappingProxyType({ADDED: "asked_signer", HELPS: "asked_opinion"})
"""What I did who asked somebody besides, by the mark of his row."""
SAID = ("approve", "reject", "return", "delegated", *ADVISED.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A document in the task centre: where it stands, what I said, whom it waits for."""

    entity: str
    record: int
    title: str
    label: str
    status: str
    status_label: str
    at: datetime
    decision: str = ""
    note: str = ""
    waits_for: tuple[str, ...] = ()
    take_back: int | None = None
    """My task on it that I may still take back."""
    remove: int | None = None
    """The task of somebody I asked besides, who has not spoken: I may take that back."""


def done(ctx: RunContext) -> list[Seen]:
    """What I decided, and what waits for somebody I asked besides, the latest first; each document once."""
    task = table(ctx)
    mine = and_(task.c.decided_by == ctx.user.account, task.c.decision.in_(SAID))
    asked_by_me = and_(task.c.added_by == ctx.user.account, task.c.mark.in_(sorted(ASKED)), task.c.decided_at.is_(None))
    found = _seen(ctx, _latest(ctx, or_(mine, asked_by_me)))
    states: dict[str, dict[int, str]] = {}
    for one in found:
        if one.decision == APPROVE:
            states.setdefault(one.entity, {})[one.record] = one.status
    free = {entity: takeable(ctx, entity, each) for entity, each in states.items()}
    return [replace(one, take_back=free.get(one.entity, {}).get(one.record)) for one in found]


def copied(ctx: RunContext) -> list[Seen]:
    """What was copied to me, the latest first."""
    task = table(ctx)
    return _seen(ctx, _latest(ctx, task.c.account == ctx.user.account, task.c.decision == COPIED))


def sent(ctx: RunContext) -> list[Seen]:
    """What I sent for approval, the latest first, with those it waits for."""
    task = table(ctx)
    return _seen(ctx, _latest(ctx, task.c.asked_by == ctx.user.account, task.c.decision != COPIED), waits=True)


def _latest(ctx: RunContext, *conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
    """The newest row of each document that fits."""
    task = table(ctx)
    newest = select(func.max(task.c.id)).where(*conditions).group_by(task.c.entity, task.c.record)
    query = select(task).where(task.c.id.in_(newest)).order_by(task.c.id.desc()).limit(MOST)
    return [dict(row) for row in ctx.connection.execute(query).mappings()]


def _seen(ctx: RunContext, rows: Sequence[Row], *, waits: bool = False) -> list[Seen]:
    by_entity: dict[str, list[Row]] = {}
    for row in rows:
        if row["entity"] in ctx.app.model.entities and rights(ctx, row["entity"]).may("read"):
            by_entity.setdefault(row["entity"], []).append(row)
    found: dict[int, Seen] = {}
    for entity, each in by_entity.items():
        ids = {row["record"] for row in each}
        waiting = _waiting(ctx, entity, ids) if waits else {}
        visible = workflow.visible(ctx, entity, ids)
        for row in each:
            if row["record"] in visible:
                found[row["id"]] = _one(ctx, row, visible[row["record"]], waiting.get(row["record"], ()))
    return [found[row["id"]] for row in rows if row["id"] in found]


def _one(ctx: RunContext, row: Row, record: Row, waits_for: tuple[str, ...]) -> Seen:
    model = ctx.app.model.entities[row["entity"]]
    open_to = "" if row["decided_at"] or row["added_by"] != ctx.user.account else ASKED.get(row["mark"], "")
    state = model.workflow.states.get(record["status"]) if model.workflow else None
    return Seen(
        entity=row["entity"],
        record=row["record"],
        title=record_title(ctx.app.model, row["entity"], dict(record)),
        label=model.label.get(ctx.language),
        status=record["status"],
        status_label=state.label.get(ctx.language) if state else "",
        at=row["decided_at"] or row["opened_at"],
        decision=row["decision"] or open_to,
        note=row["note"],
        waits_for=waits_for,
        remove=row["id"] if open_to else None,
    )


def _waiting(ctx: RunContext, entity: str, ids: set[int]) -> dict[int, tuple[str, ...]]:
    """Names of those who are asked now, by record."""
    task = table(ctx)
    query = select(task).where(
        task.c.entity == entity, task.c.record.in_(sorted(ids)), task.c.decided_at.is_(None), task.c.awake
    )
    by_record: dict[int, list[Row]] = {}
    for row in map(dict, ctx.connection.execute(query).mappings()):
        by_record.setdefault(row["record"], []).append(row)
    accounts = {record: asked(ctx, rows) for record, rows in by_record.items()}
    names = account_names(ctx, {one for each in accounts.values() for one in each})
    return {record: tuple(sorted(names[one] for one in each)) for record, each in accounts.items()}
