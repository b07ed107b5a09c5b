"""When a say is late: each open row of a step with deadlines is watched by reminders.

A reminder belongs to one asking: who is asked anew has his whole time again, and what was watched before says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import bindparam, or_, select, update

from engine.expressions.tree import Expr
from engine.model import Approval, Deadline
from runtime import calendars, reminders
from runtime.context import RunContext
from runtime.record_inputs import Workspace
from runtime.task_opening import approval_of, table
from runtime.task_people import Directory

Row = dict[str, Any]
HANDLER = "approval_deadline"
SINCE, WORK_HOURS, WORK_DAYS = "since", "work_hours", "work_days"
"""Of a reminder's subject: when the say was asked for, and how much working time was given."""


def watch(ctx: RunContext, entity: str, records: Sequence[Row]) -> None:
    """Remind of the deadlines of whatever is open about these records and not watched yet."""
    wanted = [record for record in records if _deadlines(approval_of(ctx.app.model.entities[entity], record["status"]))]
    if not wanted:
        return
    found = {_key(row, deadline): (row, deadline) for row, deadline in _open(ctx, entity, wanted)}
    watched = _watched(ctx, list(found))
    fresh = {key: each for key, each in found.items() if key not in watched or each[1].at is not None}
    hours = _hours(ctx, [deadline for _, deadline in fresh.values()])
    by_id = {record["id"]: record for record in wanted}
    put = (_reminder(ctx, key, row, deadline, hours, by_id) for key, (row, deadline) in fresh.items())
    reminders.put_many(ctx, [each for each in put if each is not None])


def _deadlines(approval: Approval) -> bool:
    return any(step.deadlines for step in approval.steps)


def _open(ctx: RunContext, entity: str, records: Sequence[Row]) -> Iterator[tuple[Row, Deadline]]:
    """What is asked now about these records, with each deadline."""
    task = table(ctx)
    query = select(task).where(
        task.c.entity == entity,
        task.c.record.in_([record["id"] for record in records]),
        task.c.decided_at.is_(None),
        task.c.awake,
    )
    for row in map(dict, ctx.connection.execute(query.order_by(task.c.id)).mappings()):
        for deadline in _of_step(ctx, row):
            yield row, deadline


def _of_step(ctx: RunContext, row: Mapping[str, Any]) -> Sequence[Deadline]:
    approval = approval_of(ctx.app.model.entities[row["entity"]], row["state"])
    return next((step.deadlines for step in approval.steps if step.id == row["step"]), ())


def _key(row: Row, deadline: Deadline) -> str:
    return f"task:{row['id']}:{deadline.id}:{row['opened_at'].astimezone(UTC):%Y%m%dT%H%M%S%f}"


def _watched(ctx: RunContext, keys: Sequence[str]) -> set[str]:
    """Those that are watched already, or were."""
    key = ctx.app.tables.system.reminder.c.key
    return set(ctx.connection.execute(select(key).where(key.in_(keys))).scalars()) if keys else set()


def _hours(ctx: RunContext, deadlines: Sequence[Deadline]) -> calendars.WorkHours | None:
    """The firm's working time, where a deadline counts in it; it stays as it was read until the reminders are kept."""
    if not any(deadline.worked for deadline in deadlines):
        return None
    calendars.hold(ctx)
    return calendars.work_hours(ctx)


def _reminder(
    ctx: RunContext,
    key: str,
    row: Row,
    deadline: Deadline,
    hours: calendars.WorkHours | None,
    records: Mapping[int, Row],
) -> reminders.Due | None:
    """What is put into the reminders; nothing where the record has no date for it."""
    opened: datetime = row["opened_at"]
    subject = {"task": row["id"], "deadline": deadline.id, SINCE: opened.astimezone(UTC).isoformat()}
    if deadline.at is not None:
        due = _by_date(ctx, row["entity"], records[row["record"]], deadline.at)
    elif deadline.worked and hours is not None:
        subject |= {WORK_DAYS: deadline.days} if deadline.days else {WORK_HOURS: deadline.hours}
        due = _worked(hours, subject)
    else:
        due = opened + timedelta(hours=deadline.hours)
    return None if due is None else reminders.Due(key=key, due=due, handler=HANDLER, subject=subject)


def _worked(hours: calendars.WorkHours, subject: Mapping[str, Any]) -> datetime:
    since = datetime.fromisoformat(subject[SINCE])
    if WORK_DAYS in subject:
        return hours.days_after(since, subject[WORK_DAYS])
    return hours.after(since, subject[WORK_HOURS])


def _by_date(ctx: RunContext, entity: str, record: Row, at: Expr) -> datetime | None:
    """The moment that a record gives; a date is over with its day."""
    value = Workspace(ctx).evaluate(at, [record], None, entity)[0]
    if value is None or isinstance(value, datetime):
        return value
    return datetime.combine(value + timedelta(days=1), time(), ZoneInfo(ctx.app.model.timezone)).astimezone(UTC)


def put_off(ctx: RunContext, due: reminders.Due, entity: str, record: Row, deadline: Deadline) -> bool:
    """Whether the record's date is another one by now, still to come or gone; then it is watched anew."""
    if deadline.at is None:
        return False
    now = _by_date(ctx, entity, record, deadline.at)
    if now is None or now <= ctx.now():
        return now is None
    reminders.put_many(ctx, [replace(due, due=now)])
    return True


def count_anew(ctx: RunContext) -> None:
    """The working time is another one: the moments still to come that were counted in it move.

    Those that are being handled right now stay; what is past by the new count is handled at the next turn.
    """
    reminder = ctx.app.tables.system.reminder
    query = (
        select(reminder.c.key, reminder.c.due, reminder.c.subject)
        .where(
            reminder.c.handler == HANDLER,
            reminder.c.due.is_not(None),
            or_(reminder.c.subject.contains(WORK_HOURS), reminder.c.subject.contains(WORK_DAYS)),
        )
        .order_by(reminder.c.id)
    )
    rows = ctx.connection.execute(query.with_for_update(skip_locked=True)).all()
    hours = calendars.work_hours(ctx)
    moved = []
    for row in rows:
        due = _worked(hours, orjson.loads(row.subject))
        if due != row.due:
            moved.append({"_key": row.key, "_due": due})
    if moved:
        values = {"due": bindparam("_due", type_=reminder.c.due.type)}
        ctx.connection.execute(update(reminder).where(reminder.c.key == bindparam("_key")).values(values), moved)


def is_of(subject: Mapping[str, Any], row: Row) -> bool:
    """Whether a reminder is about this asking, and not about one before it."""
    since = subject.get(SINCE)
    return since is None or datetime.fromisoformat(since) == row["opened_at"]


def asked(ctx: RunContext, rows: Iterable[Mapping[str, Any]]) -> set[int]:
    """The accounts that these rows ask."""
    directory = Directory(ctx)
    return {account for row in rows for account in directory.accounts(row)}


__all__ = ["HANDLER", "asked", "count_anew", "is_of", "put_off", "watch"]
