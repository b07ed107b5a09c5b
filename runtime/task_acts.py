"""What an approver may do beside yes and no: hand over, add and remove signers, return, and being urged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from runtime import inbox, task_deadlines, tasks
from runtime.accounts import account_names, person_of
from runtime.context import RunContext
from runtime.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from runtime.flow_versions import walking
from runtime.messages import fault
from runtime.permissions import READ, rights
from runtime.record_rows import load_rows
from runtime.row_rules import visible_ids
from runtime.task_copies import copy_to
from runtime.task_opening import (
    ADDED,
    APPROVE,
    HELPS,
    PASSED,
    RETURN,
    STRAIGHT_BACK,
    WALK_AGAIN,
    approval_of,
    follow,
    open_stage_again,
    quiet,
    stages,
    table,
    wake,
)
from runtime.task_people import of_account
from runtime.task_quorum import of_step

Row = dict[str, Any]
DELEGATED, REMOVED = "delegated", "removed"
BEFORE, AFTER, BESIDE, HELPER = "before", "after", "parallel", "helper"
KEPT = ("entity", "record", "state", "step", "stage", "round", "then_stage", "asked_by")
"""What a new row has in common with the one it stands beside."""


def delegate(ctx: RunContext, task_id: int, account: int, note: str = "") -> Row:
    """Hand my say over to another; who had it before stays in the history. The record."""
    ctx = tasks.walking_task(ctx, task_id)
    task, record, _step = tasks.held(ctx, task_id)
    _fit(ctx, task, account)
    before = task["id"]  # says who handed it over
    made = _insert(ctx, task, account, mark=task["mark"], awake=True, waits_for=before, added_by=task["added_by"])
    _close(ctx, task, DELEGATED, note)
    follow(ctx, task["id"], made)
    quiet(ctx, task["entity"], task["record"])
    _tell(ctx, record, task, account)
    task_deadlines.watch(ctx, task["entity"], [record])
    return record


def add_signer(ctx: RunContext, task_id: int, to: int | Sequence[int], where: str, note: str) -> Row:
    """Ask others too: ``before`` me (then it comes back to me), ``after`` me, or ``parallel``. The record.

    A ``helper`` only says what he thinks, and it comes back to me whatever that is. Of several all have to speak:
    those before me one after the other, the others in any order.
    """
    ctx = tasks.walking_task(ctx, task_id)
    task, record, _step = tasks.held(ctx, task_id)
    if where not in (BEFORE, AFTER, BESIDE, HELPER):
        raise Invalid(_no_option(ctx, "where", where, (BEFORE, AFTER, BESIDE, HELPER)))
    if task["mark"] == HELPS and where != HELPER:
        raise Conflict(fault(ctx, "helper_asks_no_signer"))
    if not note.strip():
        raise Invalid(fault(ctx, "demand_note_missing", "note"))
    accounts = list(dict.fromkeys([to] if isinstance(to, int) else to))
    if not accounts:
        raise Invalid(fault(ctx, "person_unknown", "to"))
    for account in accounts:
        _fit(ctx, task, account)
    _add(ctx, task, accounts, where, note)
    if where in (BEFORE, HELPER):
        quiet(ctx, task["entity"], task["record"])
    if where != AFTER:
        asked = accounts if where == BESIDE else accounts[:1]
        inbox.tell_waiting(ctx, task["entity"], record, [of_account(account) for account in asked])
    task_deadlines.watch(ctx, task["entity"], [record])
    return record


def _add(ctx: RunContext, task: Row, accounts: Sequence[int], where: str, note: str) -> None:
    """The rows of those who are asked besides, and who waits for whom."""
    mine, mark = ctx.user.account, HELPS if where == HELPER else ADDED
    in_turn = where in (BEFORE, HELPER)
    before = task["id"] if where == AFTER else None
    for account in accounts:
        awake = before is None
        made = _insert(ctx, task, account, mark=mark, awake=awake, waits_for=before, note=note, added_by=mine)
        before = made if in_turn else before
    if in_turn:
        rows = table(ctx)
        ctx.connection.execute(update(rows).where(rows.c.id == task["id"]).values(awake=False, waits_for=before))


def circulate(ctx: RunContext, task_id: int, to: Sequence[int], note: str = "") -> Row:
    """Let others read the document without asking them anything; it stays with me. The record."""
    ctx = tasks.walking_task(ctx, task_id)
    task, record, _step = tasks.held(ctx, task_id)
    for account in to:
        _refuse_unless_reader(ctx, task, account)
    if not to:
        raise Invalid(fault(ctx, "person_unknown", "to"))
    copy_to(ctx, task["entity"], record, to, note)
    return record


def remove_signer(ctx: RunContext, task_id: int) -> Row:
    """Take back a signer I added, as long as he has said nothing. The record."""
    ctx = tasks.walking_task(ctx, task_id)
    task = table(ctx)
    found = ctx.connection.execute(select(task).where(task.c.id == task_id).with_for_update()).mappings().first()
    if found is None:
        raise NotFound(fault(ctx, "task_unknown"))
    if found["added_by"] != ctx.user.account or found["mark"] not in (ADDED, HELPS) or found["decided_at"] is not None:
        raise Forbidden(fault(ctx, "signer_not_yours"))
    row = dict(found)
    _close(ctx, row, REMOVED, "")
    if not row["awake"]:  # asked in turn: who waited for it waits for the one before
        follow(ctx, row["id"], row["waits_for"])
    record = load_rows(ctx, row["entity"], [row["record"]])[row["record"]]
    wake(ctx, row["entity"], record, row["id"])
    return tasks.settle(ctx, row, record, tasks.step_of(ctx, row), {})


def give_back(ctx: RunContext, task_id: int, note: str, to: str = "", way: str = "") -> Row:
    """Return the document: to the step ``to`` decided before, or to who asked (empty). The record.

    ``way``: ``walk_again`` (all steps from there) or ``straight_back`` (then to me at once); the approval may fix it.
    """
    ctx = tasks.walking_task(ctx, task_id)
    task, record, _step = tasks.held(ctx, task_id)
    if task["mark"] == HELPS:
        raise Conflict(fault(ctx, "helper_only_advises"))
    approval = approval_of(ctx.app.model.entities[task["entity"]], task["state"])
    chosen = approval.resubmit if approval.resubmit != "ask" else way or WALK_AGAIN
    if chosen not in (WALK_AGAIN, STRAIGHT_BACK):
        raise Invalid(_no_option(ctx, "way", way, (WALK_AGAIN, STRAIGHT_BACK)))
    if not note.strip():
        raise Invalid(fault(ctx, "demand_note_missing", "note"))
    if not to:
        return _to_initiator(ctx, task, record, note, chosen, offered="returned" in approval.outcome)
    stage = next((n for n, steps in enumerate(stages(approval)) if to in {s.id for s in steps}), None)
    if stage is None or stage >= task["stage"] or not _was_decided(ctx, task, to):
        raise Invalid(fault(ctx, "return_step_unknown", "to"))
    tasks.say(ctx, task, RETURN, note, mark=chosen)
    _pass_rest(ctx, task)
    then = task["stage"] if chosen == STRAIGHT_BACK else None
    ended = open_stage_again(ctx, task["entity"], record, task, stage, then)
    if ended:
        raise Conflict(fault(ctx, "return_step_unknown", "to"))
    task_deadlines.watch(ctx, task["entity"], [record])
    return load_rows(ctx, task["entity"], [record["id"]])[record["id"]]


def _no_option(ctx: RunContext, field: str, given: str, options: Sequence[str]) -> Fault:
    return fault(ctx, "not_an_option", field, label=field, given=given[:40], options=", ".join(options))


def _to_initiator(ctx: RunContext, task: Row, record: Row, note: str, way: str, *, offered: bool) -> Row:
    if not offered:
        raise Conflict(fault(ctx, "return_not_offered"))
    tasks.say(ctx, task, RETURN, note, mark=way)
    return tasks.returned(ctx, task["entity"], record, {"note": note})


def _was_decided(ctx: RunContext, task: Row, step: str) -> bool:
    mine = table(ctx)
    query = select(mine.c.id).where(
        *(mine.c[name] == task[name] for name in ("entity", "record", "state", "round")),
        mine.c.step == step,
        mine.c.decision == APPROVE,
    )
    return ctx.connection.execute(query.limit(1)).first() is not None


def _pass_rest(ctx: RunContext, task: Row) -> None:
    mine = table(ctx)
    ctx.connection.execute(
        update(mine)
        .where(
            *(mine.c[name] == task[name] for name in ("entity", "record", "state", "round")),
            mine.c.decided_at.is_(None),
        )
        .values(decided_at=ctx.now(), decision=PASSED)
    )
    inbox.settle(ctx, task["entity"], [task["record"]])


# --- urging -----------------------------------------------------------------------------------------------------------


def urge(ctx: RunContext, entity: str, record_id: int) -> int:
    """Who sent a document asks those it waits for to hurry, as often as the approval lets him. How many were told."""
    task = table(ctx)
    query = select(task).where(
        task.c.entity == entity, task.c.record == record_id, task.c.decided_at.is_(None), task.c.awake
    )
    rows = [dict(row) for row in ctx.connection.execute(query.with_for_update()).mappings()]
    told = task_deadlines.asked(ctx, rows)
    if not told:
        raise Conflict(fault(ctx, "nothing_to_urge"))
    record = load_rows(ctx, entity, [record_id])[record_id]
    if ctx.user.account not in {rows[0]["asked_by"], record.get("created_by")} and not ctx.user.is_system:
        raise Forbidden(fault(ctx, "urge_not_yours"))
    last = max((row["urged_at"] for row in rows if row["urged_at"]), default=None)
    again = timedelta(
        hours=approval_of(walking(ctx, entity, record_id).app.model.entities[entity], rows[0]["state"]).urged
    )
    if last is not None and ctx.now() - last < again:
        minutes = int((again - (ctx.now() - last)).total_seconds() // 60) + 1
        raise Conflict(fault(ctx, "urged_lately", minutes=minutes))
    ids = [row["id"] for row in rows]
    ctx.connection.execute(update(task).where(task.c.id.in_(ids)).values(urged_at=ctx.now()))
    inbox.tell_people(ctx, "urged", entity, record, told)
    inbox.tell_deputies(ctx, "urged", entity, [(record, told)])
    return len(told)


# --- the rows ---------------------------------------------------------------------------------------------------------


def _fit(ctx: RunContext, task: Row, account: int) -> None:
    """Refuses people who cannot see the document, and those who are asked in this step anyway."""
    _refuse_unless_reader(ctx, task, account)
    open_rows = [row for row in of_step(ctx, task) if row["decided_at"] is None]
    if any(row["account"] == account for row in open_rows):
        name = account_names(ctx, [account])[account]
        raise Conflict(fault(ctx, "person_asked_already", "to", name=name))


def _refuse_unless_reader(ctx: RunContext, task: Row, account: int) -> None:
    if account == ctx.user.account:
        raise Invalid(fault(ctx, "person_is_you", "to"))
    person = person_of(ctx, account)
    if person is None:
        raise Invalid(fault(ctx, "person_unknown", "to"))
    theirs = replace(ctx, user=person.user)
    may = rights(theirs, task["entity"]).may(READ)
    if not may or task["record"] not in visible_ids(theirs, task["entity"], [task["record"]]):
        name = account_names(ctx, [account])[account]
        raise Conflict(fault(ctx, "person_may_not_read", "to", name=name))


def _insert(
    ctx: RunContext,
    task: Mapping[str, Any],
    account: int,
    *,
    mark: str,
    awake: bool,
    added_by: int | None,
    waits_for: int | None = None,
    note: str = "",
) -> int:
    mine = table(ctx)
    row = {
        **of_account(account),
        **{name: task[name] for name in KEPT},
        "opened_at": ctx.now(),
        "mark": mark,
        "awake": awake,
        "waits_for": waits_for,
        "added_by": added_by,
        "note": note,
    }
    return int(ctx.connection.execute(mine.insert().returning(mine.c.id), row).scalar_one())


def _close(ctx: RunContext, task: Mapping[str, Any], decision: str, note: str) -> None:
    mine = table(ctx)
    ctx.connection.execute(
        update(mine)
        .where(mine.c.id == task["id"])
        .values(decided_at=ctx.now(), decided_by=ctx.user.account, decision=decision, note=note)
    )
    inbox.settle(ctx, task["entity"], [task["record"]], ctx.user.account)


def _tell(ctx: RunContext, record: Row, task: Mapping[str, Any], account: int) -> None:
    inbox.tell_waiting(ctx, task["entity"], record, [of_account(account)])
