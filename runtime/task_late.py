"""What is done about a say that is late: a reminder, a decision by the approval itself, or somebody above is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import select, update

from engine.model import Deadline
from runtime import inbox, tasks
from runtime.context import RunContext
from runtime.messages import say
from runtime.record_rows import load_rows
from runtime.reminders import Due
from runtime.task_deadlines import asked
from runtime.task_opening import table
from runtime.task_people import accounts_of, of_account

Row = dict[str, Any]
ESCALATED = "escalated"


def deadline_passed(ctx: RunContext, due: Due) -> None:
    """Do what the deadline says, if the task still waits."""
    ctx = tasks.walking_task(ctx, due.subject["task"])
    task = table(ctx)
    query = select(task).where(task.c.id == due.subject["task"], task.c.decided_at.is_(None), task.c.awake)
    row = ctx.connection.execute(query.with_for_update()).mappings().first()
    if row is None or row["entity"] not in ctx.app.model.entities:
        return
    step = tasks.step_of(ctx, dict(row))
    deadline = next((each for each in step.deadlines if each.id == due.subject["deadline"]), None)
    record = load_rows(ctx, row["entity"], [row["record"]]).get(row["record"])
    if deadline is not None and record is not None and record["status"] == row["state"]:
        ACTS[deadline.act](ctx, dict(row), record, deadline)


def _remind(ctx: RunContext, task: Row, record: Row, _deadline: Deadline) -> None:
    inbox.tell_people(ctx, "overdue", task["entity"], record, asked(ctx, [task]))


def _approve(ctx: RunContext, task: Row, _record: Row, _deadline: Deadline) -> None:
    tasks.decide_alone(ctx.as_system(), task["id"], tasks.APPROVE, say(ctx, "deadline_passed"))


def _reject(ctx: RunContext, task: Row, _record: Row, _deadline: Deadline) -> None:
    tasks.decide_alone(ctx.as_system(), task["id"], tasks.REJECT, say(ctx, "deadline_passed"))


def _escalate(ctx: RunContext, task: Row, record: Row, deadline: Deadline) -> None:
    """Those above may say it too; where heads are counted they say it instead."""
    accounts = accounts_of(ctx, task["entity"], record, deadline.to) - asked(ctx, [task])
    if not accounts:
        return
    rows = table(ctx)
    kept = ("entity", "record", "state", "step", "stage", "round", "then_stage", "asked_by", "waits_for")
    same = {name: task[name] for name in kept} | {"opened_at": ctx.now(), "mark": ESCALATED}
    if tasks.step_of(ctx, task).decide != "any":
        closed = {"decided_at": ctx.now(), "decision": "delegated", "note": say(ctx, "deadline_passed")}
        ctx.connection.execute(update(rows).where(rows.c.id == task["id"]).values(closed))
    ctx.connection.execute(rows.insert(), [{**of_account(account), **same} for account in sorted(accounts)])
    inbox.tell_people(ctx, ESCALATED, task["entity"], record, accounts)


ACTS: Mapping[str, Callable[[RunContext, Row, Row, Deadline], None]] = MappingProxyType(
    {"remind": _remind, "approve": _approve, "reject": _reject, "escalate": _escalate}
)
