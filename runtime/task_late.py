"""What is done about a say that is late: a reminder, a decision by the approval itself, or somebody above is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import select, update

from engine.model import Deadline
from runtime import inbox, task_deadlines, tasks
from runtime.accounts import account_names
from runtime.context import RunContext
from runtime.messages import say
from runtime.record_rows import load_rows
from runtime.reminders import Due
from runtime.task_deadlines import asked
from runtime.task_opening import ADDED, HELPS, follow, table
from runtime.task_people import accounts_of, of_account

Row = dict[str, Any]
ESCALATED = "escalated"
KEPT = ("entity", "record", "state", "step", "stage", "round", "then_stage", "asked_by", "added_by", "waits_for")


def deadline_passed(ctx: RunContext, due: Due) -> None:
    """Do what the deadline says, if the task still waits."""
    ctx = tasks.walking_task(ctx, due.subject["task"])
    task = table(ctx)
    query = select(task).where(task.c.id == due.subject["task"], task.c.decided_at.is_(None), task.c.awake)
    row = ctx.connection.execute(query.with_for_update()).mappings().first()
    known = row is not None and row["entity"] in ctx.app.model.entities
    if row is None or not known or not task_deadlines.is_of(due.subject, dict(row)):
        return
    step = tasks.step_of(ctx, dict(row))
    deadline = next((each for each in step.deadlines if each.id == due.subject["deadline"]), None)
    record = load_rows(ctx, row["entity"], [row["record"]]).get(row["record"])
    if deadline is None or record is None or record["status"] != row["state"]:
        return
    if not task_deadlines.put_off(ctx, due, row["entity"], record, deadline):
        act = _late_opinion if row["mark"] == HELPS else ACTS[deadline.act]
        act(ctx, dict(row), record, deadline)


def _late_opinion(ctx: RunContext, task: Row, record: Row, deadline: Deadline) -> None:
    """Who is asked for his opinion decides nothing by his silence: he is reminded, and who asked him learns of it."""
    _remind(ctx, task, record, deadline)
    if deadline.act != "remind" and task["added_by"]:
        names = account_names(ctx, sorted(asked(ctx, [task])))
        late = "、".join(names[each] for each in sorted(names))
        inbox.tell_people(ctx, "opinion_late", task["entity"], record, [task["added_by"]], late)


def _remind(ctx: RunContext, task: Row, record: Row, _deadline: Deadline) -> None:
    people = asked(ctx, [task])
    inbox.tell_people(ctx, "overdue", task["entity"], record, people)
    inbox.tell_deputies(ctx, "overdue", task["entity"], [(record, people)])


def _approve(ctx: RunContext, task: Row, _record: Row, _deadline: Deadline) -> None:
    why = say(ctx, "waited" if tasks.step_of(ctx, task).waits else "deadline_passed")
    tasks.decide_alone(ctx.as_system(), task["id"], tasks.APPROVE, why)


def _reject(ctx: RunContext, task: Row, _record: Row, _deadline: Deadline) -> None:
    tasks.decide_alone(ctx.as_system(), task["id"], tasks.REJECT, say(ctx, "deadline_passed"))


def _escalate(ctx: RunContext, task: Row, record: Row, deadline: Deadline) -> None:
    """Those above may say it too; where heads are counted, or somebody was asked besides, they say it instead."""
    people = asked(ctx, [task])
    above = accounts_of(ctx, task["entity"], record, deadline.to, initiator=task["asked_by"], asked=people)
    accounts = sorted(above - people)
    if not accounts:
        return
    rows = table(ctx)
    same = {name: task[name] for name in KEPT} | {"opened_at": ctx.now(), "mark": task["mark"] or ESCALATED}
    made = [{**of_account(account), **same} for account in accounts]
    if task["mark"] == ADDED or tasks.step_of(ctx, task).decide != "any":
        closed = {"decided_at": ctx.now(), "decision": "delegated", "note": say(ctx, "deadline_passed")}
        ctx.connection.execute(update(rows).where(rows.c.id == task["id"]).values(closed))
        accounts = _instead(ctx, task, made)
    else:
        ctx.connection.execute(rows.insert(), made)
    inbox.tell_people(ctx, ESCALATED, task["entity"], record, accounts)
    inbox.tell_deputies(ctx, ESCALATED, task["entity"], [(record, set(accounts))])
    task_deadlines.watch(ctx, task["entity"], [record])


def _instead(ctx: RunContext, task: Row, made: Sequence[Row]) -> list[int]:
    """Keep the rows that stand for one: whoever waited for it waits for them, one after the other. Who is asked now."""
    rows = table(ctx)
    waited_for = ctx.connection.execute(select(rows.c.id).where(rows.c.waits_for == task["id"]).limit(1)).first()
    if waited_for is None:
        ctx.connection.execute(rows.insert(), made)
        return [row["account"] for row in made]
    before = 0
    for row in made:
        kept = {**row, "waits_for": before, "awake": False} if before else row
        before = int(ctx.connection.execute(rows.insert().returning(rows.c.id), kept).scalar_one())
    follow(ctx, task["id"], before)
    return [made[0]["account"]]


ACTS: Mapping[str, Callable[[RunContext, Row, Row, Deadline], None]] = MappingProxyType(
    {"remind": _remind, "approve": _approve, "reject": _reject, "escalate": _escalate}
)
