"""When a say is late: each open row of a step with deadlines is watched by reminders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from engine.model import Approval, Deadline
from runtime import calendars, reminders
from runtime.context import RunContext
from runtime.task_opening import approval_of, table
from runtime.task_people import Directory

Row = dict[str, Any]
HANDLER = "approval_deadline"


def watch(ctx: RunContext, entity: str, records: Sequence[Row]) -> None:
    """Remind of the deadlines of whatever is open about these records."""
    wanted = [record for record in records if _deadlines(approval_of(ctx.app.model.entities[entity], record["status"]))]
    if not wanted:
        return
    task = table(ctx)
    query = select(task).where(
        task.c.entity == entity,
        task.c.record.in_([record["id"] for record in wanted]),
        task.c.decided_at.is_(None),
        task.c.awake,
    )
    found: list[reminders.Due] = []
    for row in map(dict, ctx.connection.execute(query).mappings()):
        for deadline in _of_step(ctx, row):
            found.append(
                reminders.Due(
                    key=f"task:{row['id']}:{deadline.id}",
                    due=_due(ctx, row["opened_at"], deadline),
                    handler=HANDLER,
                    subject={"task": row["id"], "deadline": deadline.id},
                )
            )
    reminders.put_many(ctx, found)


def _deadlines(approval: Approval) -> bool:
    return any(step.deadlines for step in approval.steps)


def _of_step(ctx: RunContext, row: Mapping[str, Any]) -> Sequence[Deadline]:
    approval = approval_of(ctx.app.model.entities[row["entity"]], row["state"])
    return next((step.deadlines for step in approval.steps if step.id == row["step"]), ())


def _due(ctx: RunContext, opened: datetime, deadline: Deadline) -> datetime:
    if deadline.worked:
        return calendars.after_work_hours(ctx, opened, deadline.hours)
    return opened + timedelta(hours=deadline.hours)


def asked(ctx: RunContext, rows: Iterable[Mapping[str, Any]]) -> set[int]:
    """The accounts that these rows ask."""
    directory = Directory(ctx)
    return {account for row in rows for account in directory.accounts(row)}


__all__ = ["HANDLER", "asked", "watch"]
