"""Approval tasks: opened when a document enters a state with an approval, decided by people, closed with the state.

A task row is one person's (or one role's) say in one step. Steps of the same stage wait side by side; when a stage
is decided the next one opens; when none is left the approval's outcome is taken in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, Text, and_, cast, false, func, or_, select, update

from engine.model import Approval, Entity, Step, Who
from runtime import inbox, workflow
from runtime.context import RunContext
from runtime.errors import Conflict, Forbidden, NotFound
from runtime.messages import fault
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from runtime.record_rows import load_rows
from runtime.record_texts import record_title

Row = dict[str, Any]
APPROVE, REJECT, PASSED = "approve", "reject", "passed"
OUTCOMES: Mapping[str, str] = {APPROVE: "approved", REJECT: "refused"}


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


def open_tasks(ctx: RunContext, entity: str, records: Sequence[Row]) -> list[Row]:
    """Open the first stage for records that just entered a state with an approval.

    Answers the records for which nobody has to say anything: they are approved at once.
    """
    opened = _open_after(ctx, entity, records, -1)
    return [record for record in records if record["id"] not in opened]


def _open_after(ctx: RunContext, entity: str, records: Sequence[Row], after: int) -> set[int]:
    """Open for each record the first stage later than ``after`` that anybody has a say in; the records with one."""
    opened: set[int] = set()
    by_state: dict[str, list[Row]] = {}
    for record in records:
        by_state.setdefault(record["status"], []).append(record)
    for state, same in by_state.items():
        approval = _approval(ctx.app.model.entities[entity], state)
        for stage, steps in enumerate(stages(approval)):
            left = [record for record in same if record["id"] not in opened]
            if stage > after and left:
                opened |= _open_stage(ctx, entity, approval, stage, steps, left)
    return opened


def _open_stage(
    ctx: RunContext, entity: str, approval: Approval, stage: int, steps: Sequence[Step], records: Sequence[Row]
) -> set[int]:
    at = Workspace(ctx)
    due = [_holds(at, entity, step, records) for step in steps]
    opened: set[int] = set()
    for index, record in enumerate(records):
        wanted = [step for step, holds in zip(steps, due, strict=True) if holds[index]]
        rows = [{**row, "stage": stage} for step in wanted for row in _says(ctx, entity, approval, step, record)]
        if rows:
            _insert(ctx, entity, record, rows)
            opened.add(record["id"])
    return opened


def stages(approval: Approval) -> list[list[Step]]:
    """Steps in order; neighbours of the same stage number wait side by side, those without one wait alone."""
    found: list[list[Step]] = []
    for step in approval.steps:
        if found and step.stage and found[-1][-1].stage == step.stage:
            found[-1].append(step)
        else:
            found.append([step])
    return found


def _approval(entity: Entity, state: str) -> Approval:
    approval = entity.workflow.states[state].approval if entity.workflow else None
    if approval is None:
        raise LookupError(f"{entity.id} has no approval in {state}")
    return approval


def _holds(at: Workspace, entity: str, step: Step, records: Sequence[Row]) -> list[bool]:
    if step.condition is None:
        return [True] * len(records)
    return [bool(value) for value in at.evaluate(step.condition, records, None, entity)]


def _says(ctx: RunContext, entity: str, approval: Approval, step: Step, record: Row) -> list[Row]:
    """The rows of a step: one a person or role that may decide it; ``nobody`` steps in where there is none."""
    people = [row for who in step.who for row in _people(ctx, entity, step, who, record)]
    if not people and approval.nobody.kind in ("role", "field", "member"):
        people = _people(ctx, entity, step, approval.nobody, record) or _role_rows(approval.nobody)
    unique = {tuple(sorted(row.items())): {**row, "step": step.id} for row in people}
    return list(unique.values())


def _role_rows(who: Who) -> list[Row]:
    return [{"role": who.role, "member": None, "account": None}] if who.role else []


def _people(ctx: RunContext, entity: str, step: Step, who: Who, record: Row) -> list[Row]:
    if who.kind == "role":
        holders = _holders(ctx, who.role)
        if not holders and who.role not in ctx.user.roles:
            return []
        if step.decide == "all" and holders:
            return [{"role": "", "member": None, "account": account} for account in holders]
        return _role_rows(who)
    assert who.expr is not None
    value = Workspace(ctx).evaluate(who.expr, [record], None, entity)[0]
    members = value if isinstance(value, tuple) else (value,)
    return [{"role": "", "member": member, "account": None} for member in members if member is not None]


def _holders(ctx: RunContext, role: str) -> list[int]:
    """The active accounts with a role."""
    account, holds = ctx.app.tables.system.account, ctx.app.tables.system.account_role
    query = (
        select(account.c.id)
        .join(holds, holds.c.account == account.c.id)
        .where(holds.c.role == role, account.c.active)
        .order_by(account.c.id)
    )
    return list(ctx.connection.execute(query).scalars())


def _insert(ctx: RunContext, entity: str, record: Row, rows: Sequence[Row]) -> None:
    same = {"entity": entity, "record": record["id"], "state": record["status"], "opened_at": ctx.now()}
    ctx.connection.execute(_table(ctx).insert(), [{**row, **same} for row in rows])
    inbox.tell_waiting(ctx, entity, record, rows)


def _table(ctx: RunContext) -> Table:
    return ctx.app.tables.system.task


def close(ctx: RunContext, entity: str, ids: Iterable[int], decision: str = PASSED) -> None:
    """Close whatever still waits for a say on these records (they left the state)."""
    task = _table(ctx)
    ctx.connection.execute(
        update(task)
        .where(task.c.entity == entity, task.c.record.in_(sorted(ids)), task.c.decided_at.is_(None))
        .values(decided_at=ctx.now(), decided_by=ctx.user.account, decision=decision)
    )
    inbox.settle(ctx, entity, ids)


def mine(ctx: RunContext) -> list[Task]:
    """What waits for the acting person, oldest first; only what the person may read."""
    task = _table(ctx)
    rows = ctx.connection.execute(
        select(task).where(task.c.decided_at.is_(None), _is_mine(ctx)).order_by(task.c.opened_at, task.c.id)
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
    records = workflow.visible(ctx, entity, {row["record"] for row in rows})
    told: dict[tuple[int, str], Task] = {}
    for row in rows:
        record = records.get(row["record"])
        state = model.workflow.states.get(row["state"])
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
            ),
        )
    return list(told.values())


def _is_mine(ctx: RunContext) -> Any:
    task, user = _table(ctx), ctx.user
    return or_(
        task.c.account == user.account,
        task.c.role.in_(sorted(user.roles)) if user.roles else false(),
        task.c.member == user.member if user.member is not None else false(),
    )


def waiting(ctx: RunContext, entity: str, record: int, *, lock: bool = False) -> list[Row]:
    """The open tasks of a record that the acting person may decide."""
    task = _table(ctx)
    mine = task.c.id.is_not(None) if ctx.user.is_system else _is_mine(ctx)
    query = (
        select(task)
        .where(and_(task.c.entity == entity, task.c.record == record, task.c.decided_at.is_(None), mine))
        .order_by(task.c.id)
    )
    rows = ctx.connection.execute(query.with_for_update() if lock else query).mappings()
    return [dict(row) for row in rows]


def decide(
    ctx: RunContext, task_id: int, decision: str, note: str = "", body: Mapping[str, object] | None = None
) -> Row:
    """Say ``approve`` or ``reject`` to a task; takes the approval's outcome when it is the last say. The record."""
    table = _table(ctx)
    task = ctx.connection.execute(select(table).where(table.c.id == task_id)).mappings().first()
    if task is None or task["entity"] not in ctx.app.model.entities:
        raise NotFound(fault(ctx, "task_unknown"))
    entity, record_id = task["entity"], task["record"]
    record = workflow.locked(ctx, entity, [record_id])[0]
    allowed = {row["id"] for row in waiting(ctx, entity, record_id, lock=True)}
    if task_id not in allowed:
        current = ctx.connection.execute(select(table.c.decided_at).where(table.c.id == task_id)).scalar()
        raise Conflict(fault(ctx, "task_decided")) if current else Forbidden(fault(ctx, "task_not_yours"))
    if record["status"] != task["state"]:
        raise Conflict(fault(ctx, "task_decided"))
    given = {**(body or {}), "note": note}
    _say(ctx, dict(task), decision, note)
    if decision == REJECT:
        return _outcome(ctx, entity, record, REJECT, given)
    if not _decided(ctx, dict(task)):
        return record
    if _stage_waits(ctx, dict(task)) or _open_after(ctx, entity, [record], task["stage"]):
        return load_rows(ctx, entity, [record_id])[record_id]
    return _outcome(ctx, entity, record, APPROVE, given)


def _say(ctx: RunContext, task: Row, decision: str, note: str) -> None:
    table = _table(ctx)
    ctx.connection.execute(
        update(table)
        .where(table.c.id == task["id"])
        .values(decided_at=ctx.now(), decided_by=ctx.user.account, decision=decision, note=note)
    )
    inbox.settle(ctx, task["entity"], [task["record"]], ctx.user.account)


def _decided(ctx: RunContext, task: Row) -> bool:
    """Whether the task's step is decided; with ``any`` one say closes the others'."""
    table = _table(ctx)
    others = and_(_same_state(ctx, task), table.c.step == task["step"], table.c.decided_at.is_(None))
    approval = _approval(ctx.app.model.entities[task["entity"]], task["state"])
    step = next((s for s in approval.steps if s.id == task["step"]), None)
    if step is not None and step.decide == "all":
        return ctx.connection.execute(select(table.c.id).where(others).limit(1)).first() is None
    ctx.connection.execute(update(table).where(others).values(decided_at=ctx.now(), decision=PASSED))
    return True


def _stage_waits(ctx: RunContext, task: Row) -> bool:
    table = _table(ctx)
    query = select(table.c.id).where(_same_state(ctx, task), table.c.decided_at.is_(None)).limit(1)
    return ctx.connection.execute(query).first() is not None


def _same_state(ctx: RunContext, task: Row) -> Any:
    table = _table(ctx)
    return and_(table.c.entity == task["entity"], table.c.record == task["record"], table.c.state == task["state"])


def _outcome(ctx: RunContext, entity: str, record: Row, decision: str, body: Mapping[str, object]) -> Row:
    approval = _approval(ctx.app.model.entities[entity], record["status"])
    made = workflow.outcome(ctx, entity, record, approval.outcome[OUTCOMES[decision]], body)
    note = body.get("note")
    inbox.tell_decided(ctx, OUTCOMES[decision], entity, made, note if isinstance(note, str) else "")
    return made


def history(ctx: RunContext, entity: str, record: int) -> list[Row]:
    """Every say on a record, in order: step, who decided, when, what, note."""
    table = _table(ctx)
    query = select(table).where(table.c.entity == entity, table.c.record == record).order_by(table.c.id)
    return [dict(row) for row in ctx.connection.execute(query).mappings()]


__all__ = ["Task", "close", "decide", "history", "mine", "open_tasks", "waiting"]


def count_mine(ctx: RunContext) -> int:
    """How many records wait for the acting person: the number beside the menu entry."""
    task = _table(ctx)
    query = select(func.count(func.distinct(task.c.entity + ":" + cast(task.c.record, Text))))
    return int(ctx.connection.execute(query.where(task.c.decided_at.is_(None), _is_mine(ctx))).scalar_one())
