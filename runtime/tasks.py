"""Approval tasks: opened when a document enters a state with an approval, decided by people, closed with the state.

A task row is one person's (or one role's) say in one step. Steps of the same stage wait side by side; when a stage
is decided the next one opens; when none is left the approval's outcome is taken in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Text, and_, cast, func, select, update

from engine.model import Step
from runtime import inbox, records, task_deadlines, workflow
from runtime.context import RunContext
from runtime.errors import Conflict, Forbidden, Invalid, NotFound
from runtime.flow_versions import flows_of, walking
from runtime.messages import fault
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from runtime.record_rows import load_rows
from runtime.record_texts import record_title
from runtime.task_acting import acting, on_behalf
from runtime.task_copies import copy_to
from runtime.task_opening import (
    ADVISED,
    APPROVE,
    HELPS,
    REJECT,
    RETURN,
    approval_of,
    close,
    open_next,
    open_round,
    quiet,
    table,
    wake,
)
from runtime.task_people import accounts_of
from runtime.task_quorum import may_still_pass, of_step, stage_waits, step_decided
from runtime.workflow_demands import ask, keep_files

Row = dict[str, Any]
OUTCOMES: Mapping[str, str] = MappingProxyType({APPROVE: "approved", REJECT: "refused", RETURN: "returned"})
FIELDS = "fields"
"""Key of a decision's body: values for the fields that the step lets the approver fill in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One say that somebody waits for."""

    id: int
    entity: str
    record: int
    title: str
    label: str
    state: str
    step: str
    step_label: str
    opened_at: datetime
    version: int
    asked_by: int | None
    row: Row
    """The document as stored, with its lines."""


def open_tasks(
    ctx: RunContext, entity: str, entered: Sequence[Row], chosen: Mapping[str, Sequence[int]] | None = None
) -> dict[int, str]:
    """Ask about records that just entered a state with an approval.

    Answers the records about which nobody has to say anything, each with the decision taken at once.
    """
    ended = open_round(ctx, entity, entered, chosen)
    task_deadlines.watch(ctx, entity, [record for record in entered if record["id"] not in ended])
    return ended


# --- what waits -----------------------------------------------------------------------------------------------------


def mine(ctx: RunContext) -> list[Task]:
    """What waits for the acting person, oldest first; only what the person may read."""
    task = table(ctx)
    open_now = and_(task.c.decided_at.is_(None), task.c.awake)
    rows = ctx.connection.execute(
        select(task).where(open_now, acting(ctx).matches(task)).order_by(task.c.opened_at, task.c.id)
    ).mappings()
    wanted: dict[str, list[Row]] = {}
    for row in rows:
        wanted.setdefault(row["entity"], []).append(dict(row))
    found = [
        one for entity, each in wanted.items() if entity in ctx.app.model.entities for one in _told(ctx, entity, each)
    ]
    return sorted(found, key=lambda one: (one.opened_at, one.id))


def _told(ctx: RunContext, entity: str, rows: Sequence[Row]) -> list[Task]:
    model = ctx.app.model.entities[entity]
    if model.workflow is None or not rights(ctx, entity).may("read"):
        return []
    found = workflow.visible(ctx, entity, {row["record"] for row in rows})
    flows = flows_of(ctx, entity, found)
    told: dict[tuple[int, str], Task] = {}
    for row in rows:
        record = found.get(row["record"])
        state = flows.get(row["record"], model.workflow).states.get(row["state"])
        if record is None or state is None:
            continue
        step = next((s for s in state.approval.steps if s.id == row["step"]), None) if state.approval else None
        told.setdefault(
            (row["record"], row["step"]),
            Task(
                id=row["id"],
                entity=entity,
                record=row["record"],
                title=record_title(ctx.app.model, entity, record),
                label=model.label.get(ctx.language),
                state=row["state"],
                step=row["step"],
                step_label=step.label.get(ctx.language) if step else row["step"],
                opened_at=row["opened_at"],
                version=record["version"],
                asked_by=row["asked_by"],
                row=record,
            ),
        )
    return list(told.values())


def count_mine(ctx: RunContext) -> int:
    """How many records wait for the acting person: the number beside the menu entry."""
    task = table(ctx)
    query = select(func.count(func.distinct(task.c.entity + ":" + cast(task.c.record, Text))))
    open_now = and_(task.c.decided_at.is_(None), task.c.awake)
    return int(ctx.connection.execute(query.where(open_now, acting(ctx).matches(task))).scalar_one())


def waiting(ctx: RunContext, entity: str, record: int, *, lock: bool = False) -> list[Row]:
    """The open tasks of a record that the acting person may decide."""
    task = table(ctx)
    allowed = task.c.id.is_not(None) if ctx.user.is_system else acting(ctx).matches(task)
    about = and_(task.c.entity == entity, task.c.record == record)
    query = select(task).where(about, task.c.decided_at.is_(None), task.c.awake, allowed).order_by(task.c.id)
    rows = ctx.connection.execute(query.with_for_update() if lock else query).mappings()
    return [dict(row) for row in rows]


def history(ctx: RunContext, entity: str, record: int) -> list[Row]:
    """Every say on a record, in order: step, who decided, when, what, note."""
    task = table(ctx)
    query = select(task).where(task.c.entity == entity, task.c.record == record).order_by(task.c.id)
    return [dict(row) for row in ctx.connection.execute(query).mappings()]


# --- deciding ---------------------------------------------------------------------------------------------------------


def held(ctx: RunContext, task_id: int) -> tuple[Row, Row, Step]:
    """A task that the person may decide now, with its record and step, both locked; refuses any other."""
    task = table(ctx)
    found = ctx.connection.execute(select(task).where(task.c.id == task_id)).mappings().first()
    if found is None or found["entity"] not in ctx.app.model.entities:
        raise NotFound(fault(ctx, "task_unknown"))
    record = workflow.locked(ctx, found["entity"], [found["record"]])[0]
    allowed = {row["id"]: row for row in waiting(ctx, found["entity"], found["record"], lock=True)}
    if task_id not in allowed:
        current = ctx.connection.execute(select(task.c.decided_at).where(task.c.id == task_id)).scalar()
        raise Conflict(fault(ctx, "task_decided")) if current else Forbidden(fault(ctx, "task_not_yours"))
    if record["status"] != found["state"]:
        raise Conflict(fault(ctx, "task_decided"))
    return allowed[task_id], record, step_of(ctx, allowed[task_id])


def walking_task(ctx: RunContext, task_id: int) -> RunContext:
    """The context for the document a task is about: in it the flow is that which the document walks."""
    if not (ctx.app.newest or ctx.app).flows:
        return ctx
    task = table(ctx)
    found = ctx.connection.execute(select(task.c.entity, task.c.record).where(task.c.id == task_id)).first()
    return walking(ctx, found.entity, found.record) if found is not None else ctx


def step_of(ctx: RunContext, task: Mapping[str, Any]) -> Step:
    """The step a task belongs to; one that is gone from the definition decides by any say."""
    approval = approval_of(ctx.app.model.entities[task["entity"]], task["state"])
    found = next((step for step in approval.steps if step.id == task["step"]), None)
    return found or Step(id=task["step"], label=approval.steps[0].label, who=())


def decide(
    ctx: RunContext, task_id: int, decision: str, note: str = "", body: Mapping[str, object] | None = None
) -> Row:
    """Say ``approve`` or ``reject`` to a task; takes the approval's outcome when it is the last say. The record.

    ``body`` brings what the step demands, and under ``fields`` values for the fields it lets the approver fill in;
    those it requires may also stand beside the rest.
    """
    ctx = walking_task(ctx, task_id)
    task, record, step = held(ctx, task_id)
    given = {**(body or {}), "note": note}
    if decision == REJECT and step.handled and task["mark"] != HELPS:
        raise Conflict(fault(ctx, "handled_not_refused"))
    if decision == APPROVE and task["mark"] != HELPS:
        record = _take_in(ctx, task["entity"], record, step, given)
    return _said(ctx, task, record, step, decision, given)


def decide_alone(ctx: RunContext, task_id: int, decision: str, note: str) -> Row:
    """The approval decides by itself (a deadline passed): nothing is demanded. The record."""
    ctx = walking_task(ctx, task_id)
    task, record, step = held(ctx, task_id)
    return _said(ctx, task, record, step, decision, {"note": note})


def _advised(ctx: RunContext, task: Row, record: Row, decision: str, note: str) -> Row:
    """Who was asked for his opinion has given it: who asked him decides."""
    say(ctx, task, ADVISED[decision], note)
    wake(ctx, task["entity"], record, task["id"])
    quiet(ctx, task["entity"], record["id"])
    task_deadlines.watch(ctx, task["entity"], [record])
    return record


def _said(ctx: RunContext, task: Row, record: Row, step: Step, decision: str, given: Mapping[str, object]) -> Row:
    note = str(given["note"] or "")
    if task["mark"] == HELPS:
        return _advised(ctx, task, record, decision, note)
    say(ctx, task, decision, note)
    if decision == REJECT and not may_still_pass(step, of_step(ctx, task)):
        return _outcome(ctx, task["entity"], record, REJECT, given)
    return settle(ctx, task, record, step, given)


def settle(ctx: RunContext, task: Row, record: Row, step: Step, given: Mapping[str, object]) -> Row:
    """After a say: wake those who waited for it, and go on when the step, then the stage, is decided."""
    entity = task["entity"]
    wake(ctx, entity, record, task["id"])
    ended = ""
    if step_decided(ctx, task, step) and not stage_waits(ctx, task):
        ended = open_next(ctx, entity, record, task)
    if ended:
        return _outcome(ctx, entity, record, ended, given)
    quiet(ctx, entity, record["id"])
    task_deadlines.watch(ctx, entity, [record])
    return load_rows(ctx, entity, [record["id"]])[record["id"]]


def _take_in(ctx: RunContext, entity: str, record: Row, step: Step, given: Mapping[str, object]) -> Row:
    """What the step demands and lets be filled in, kept with the record; the record as it is then."""
    model = ctx.app.model.entities[entity]
    brought = ask(ctx, Workspace(ctx), model, step.demands, record, given)
    values = _values(ctx, step, given)
    missing = [
        fault(ctx, "required", path, label=model.fields[path].label.get(ctx.language))
        for path in step.required
        if values.get(path, record.get(path)) in (None, "", (), [])
    ]
    if missing:
        raise Invalid(*missing)
    keep_files(ctx, entity, record["id"], brought)
    changes = {**brought.values, **values}
    if not changes:
        return record
    return records.apply_system(ctx, entity, {record["id"]: changes}, kind="change", held={record["id"]: record})[0]


def _values(ctx: RunContext, step: Step, given: Mapping[str, object]) -> dict[str, object]:
    """The values given for fields, all of them fields the step names."""
    raw = given.get(FIELDS)
    values = {path: given[path] for path in step.required if path in given}
    values.update(raw if isinstance(raw, Mapping) else {})
    beyond = sorted(str(name) for name in set(values) - set(step.edit))
    if beyond:
        raise Invalid(*(fault(ctx, "field_not_in_step", name, given=name[:60]) for name in beyond))
    return values


def say(ctx: RunContext, task: Row, decision: str, note: str, mark: str = "") -> None:
    """Keep what was said, and for whom."""
    rows = table(ctx)
    kept: Row = {
        "decided_at": ctx.now(),
        "decided_by": ctx.user.account,
        "decision": decision,
        "note": note,
        "on_behalf": on_behalf(ctx, task),
    }
    if mark:
        kept["mark"] = mark
    ctx.connection.execute(update(rows).where(rows.c.id == task["id"]).values(kept))
    inbox.settle(ctx, task["entity"], [task["record"]], ctx.user.account)


# --- the end ----------------------------------------------------------------------------------------------------------


def _outcome(ctx: RunContext, entity: str, record: Row, decision: str, body: Mapping[str, object]) -> Row:
    approval = approval_of(ctx.app.model.entities[entity], record["status"])
    made = workflow.outcome(ctx, entity, record, approval.outcome[OUTCOMES[decision]], body)
    note = body.get("note")
    inbox.tell_decided(ctx, OUTCOMES[decision], entity, made, note if isinstance(note, str) else "")
    if decision != RETURN and approval.copies:
        sender = initiator_of(ctx, entity, record["id"])
        copy_to(ctx, entity, made, accounts_of(ctx, entity, record, approval.copies, initiator=sender))
    return made


def initiator_of(ctx: RunContext, entity: str, record: int) -> int | None:
    """Who sent a document for approval last."""
    task = table(ctx)
    sent = (task.c.entity == entity, task.c.record == record, task.c.round > 0)
    return ctx.connection.execute(select(task.c.asked_by).where(*sent).order_by(task.c.id.desc()).limit(1)).scalar()


def returned(ctx: RunContext, entity: str, record: Row, body: Mapping[str, object]) -> Row:
    """The document goes back to who asked."""
    return _outcome(ctx, entity, record, RETURN, body)


__all__ = [
    "APPROVE",
    "OUTCOMES",
    "REJECT",
    "RETURN",
    "Task",
    "close",
    "count_mine",
    "decide",
    "decide_alone",
    "history",
    "mine",
    "open_tasks",
    "waiting",
]
