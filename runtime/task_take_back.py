"""Taking one's own approval back while nobody after it has spoken: it waits again, and who was asked next is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update

from runtime import audit, inbox, reminders, task_deadlines, tasks, workflow
from runtime.context import RunContext
from runtime.errors import Conflict, Fault, Forbidden, NotFound
from runtime.messages import fault
from runtime.task_opening import AGAIN, APPROVE, PASSED, TAKEN_BACK, WITHDRAWN, table

Row = Mapping[str, Any]
KIND = "taken_back"
"""The audit trail's word for it."""
COPIED_OVER = (
    "entity", "record", "state", "step", "stage", "account", "role", "member", "opened_at", "decided_by", "note",
    "round", "then_stage", "asked_by", "added_by", "on_behalf",
)  # fmt: skip


def take_back(ctx: RunContext, task_id: int, note: str = "") -> dict[str, Any]:
    """My approval counts no more: I am asked again, those asked after me are not. The record."""
    ctx = tasks.walking_task(ctx, task_id)
    mine = table(ctx)
    found = ctx.connection.execute(select(mine).where(mine.c.id == task_id)).mappings().first()
    if found is None or found["entity"] not in ctx.app.model.entities:
        raise NotFound(fault(ctx, "task_unknown"))
    record = workflow.locked(ctx, found["entity"], [found["record"]])[0]
    rows = _of_record(ctx, found["entity"], [found["record"]], lock=True)
    task = next(row for row in rows if row["id"] == task_id)
    stands = _stands_against(ctx, task, rows, record["status"])
    if stands is not None:
        raise Forbidden(stands) if stands.code == "take_back_not_yours" else Conflict(stands)
    _withdraw(ctx, task, [row for row in rows if _is_after(task, row)])
    _ask_again(ctx, task, record, rows)
    entry = audit.Entry(task["entity"], record["id"], record["version"], KIND, {}, note=note)
    audit.write(ctx, [entry])
    task_deadlines.watch(ctx, task["entity"], [record])
    return record


def takeable(ctx: RunContext, entity: str, states: Mapping[int, str]) -> dict[int, int]:
    """Of records (each with the state it is in) those of which I may take my say back, with my latest such task."""
    found: dict[int, int] = {}
    by_record: dict[int, list[Row]] = {}
    for row in _of_record(ctx, entity, sorted(states)):
        by_record.setdefault(row["record"], []).append(row)
    for record, rows in by_record.items():
        for row in rows:
            own = row["decided_by"] == ctx.user.account and row["decision"] == APPROVE
            if own and _stands_against(ctx, row, rows, states[record]) is None:
                found[record] = row["id"]
    return found


def _of_record(ctx: RunContext, entity: str, records: Sequence[int], *, lock: bool = False) -> list[Row]:
    mine = table(ctx)
    query = select(mine).where(mine.c.entity == entity, mine.c.record.in_(list(records))).order_by(mine.c.id)
    return [dict(row) for row in ctx.connection.execute(query.with_for_update() if lock else query).mappings()]


def _stands_against(ctx: RunContext, task: Row, rows: Sequence[Row], state: str) -> Fault | None:
    """Why a say cannot be taken back."""
    own = task["decided_by"] == ctx.user.account and task["decision"] == APPROVE and task["mark"] != AGAIN
    if not own or ctx.user.is_system:
        return fault(ctx, "take_back_not_yours")
    newest = max(row["round"] for row in rows if row["state"] == task["state"])
    if state != task["state"] or task["round"] != newest:
        return fault(ctx, "take_back_through")
    if any(_has_spoken(row) for row in rows if _is_after(task, row) or row["waits_for"] == task["id"]):
        return fault(ctx, "take_back_spoken")
    return None


def _is_after(task: Row, row: Row) -> bool:
    """Whether a row was asked because of what followed a task: another stage of its round, opened later."""
    same = all(row[name] == task[name] for name in ("state", "round"))
    return same and row["id"] > task["id"] and row["stage"] != task["stage"]


def _has_spoken(row: Row) -> bool:
    """Whether a person (or a deadline) did something with a row; what is closed by itself is no say."""
    by_itself = row["decision"] in (PASSED, WITHDRAWN) or row["mark"] == AGAIN or row["decided_by"] is None
    return row["decided_at"] is not None and not by_itself


def _withdraw(ctx: RunContext, task: Row, after: Sequence[Row]) -> None:
    """Who was asked after it is asked no more: neither in his tasks nor by reminders nor in his inbox."""
    if not after:
        return
    mine = table(ctx)
    gone = {"decided_at": ctx.now(), "decided_by": ctx.user.account, "decision": WITHDRAWN}
    ctx.connection.execute(update(mine).where(mine.c.id.in_([row["id"] for row in after])).values(gone))
    for row in after:
        reminders.drop(ctx, f"task:{row['id']}:")
    still = task_deadlines.asked(ctx, _open(ctx, task))
    for account in sorted(task_deadlines.asked(ctx, after) - still):
        inbox.settle(ctx, task["entity"], [task["record"]], account)


def _open(ctx: RunContext, task: Row) -> list[Row]:
    rows = _of_record(ctx, task["entity"], [task["record"]])
    return [row for row in rows if row["decided_at"] is None and row["awake"]]


def _ask_again(ctx: RunContext, task: Row, record: Row, rows: Sequence[Row]) -> None:
    """The say waits again, and with it those who need not have spoken any more because of it.

    What was said stays in the history as a row of its own; the task keeps its number, so that links to it still lead
    to it and who comes after it in turn waits for it again.
    """
    mine = table(ctx)
    said = {name: task[name] for name in COPIED_OVER} | {"decided_at": task["decided_at"], "decision": TAKEN_BACK}
    ctx.connection.execute(mine.insert(), said)
    again = [row for row in rows if _passed_by(task, row)]
    fresh = {
        "decided_at": None, "decided_by": None, "decision": "", "note": "", "on_behalf": None, "urged_at": None,
        "opened_at": ctx.now(),
    }  # fmt: skip
    ctx.connection.execute(update(mine).where(mine.c.id.in_([task["id"], *(row["id"] for row in again)])).values(fresh))
    sleeping = (mine.c.waits_for == task["id"], mine.c.decided_at.is_(None))
    ctx.connection.execute(update(mine).where(*sleeping).values(awake=False))
    asked = [dict(row) for row in again if row["awake"] and row["waits_for"] != task["id"]]
    if asked:
        inbox.tell_waiting(ctx, task["entity"], record, asked)
    unasked = [row for row in rows if row["waits_for"] == task["id"] and row["decided_at"] is None]
    for account in sorted(task_deadlines.asked(ctx, unasked) - task_deadlines.asked(ctx, _open(ctx, task))):
        inbox.settle(ctx, task["entity"], [task["record"]], account)
    for row in unasked:
        reminders.drop(ctx, f"task:{row['id']}:")


def _passed_by(task: Row, row: Row) -> bool:
    """Whether a row of the same step was closed unsaid when this say, or one after it, decided the step."""
    same = all(row[name] == task[name] for name in ("state", "round", "stage", "step"))
    unsaid = row["decision"] == PASSED and row["decided_by"] is None
    return same and unsaid and row["decided_at"] >= task["decided_at"]


__all__ = ["KIND", "take_back", "takeable"]
