"""Opening the steps of an approval: stage by stage, each time with the people it finds then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, func, select, update

from engine.model import Approval, Entity, Step
from runtime import inbox
from runtime.context import RunContext
from runtime.record_inputs import Workspace
from runtime.task_copies import copy_to
from runtime.task_people import Asking, Directory, accounts_of

Row = dict[str, Any]
APPROVE, REJECT, PASSED = "approve", "reject", "passed"
AGAIN, STRAIGHT_BACK, WALK_AGAIN, ADDED, HELPS = "again", "straight_back", "walk_again", "added", "helps"
RETURN = "return"
TAKEN_BACK, WITHDRAWN = "taken_back", "withdrawn"
"""An approval that its giver took back, and rows that were opened because of it."""
ADVISED = {APPROVE: "advised_yes", REJECT: "advised_no"}
"""What somebody says who was only asked for his opinion; it decides nothing."""


def table(ctx: RunContext) -> Table:
    """The table of tasks."""
    return ctx.app.tables.system.task


def approval_of(entity: Entity, state: str) -> Approval:
    """The approval of a state that has one."""
    approval = entity.workflow.states[state].approval if entity.workflow else None
    if approval is None:
        raise LookupError(f"{entity.id} has no approval in {state}")
    return approval


def stages(approval: Approval) -> list[list[Step]]:
    """Steps in order; neighbours of the same stage number wait side by side, those without one wait alone."""
    found: list[list[Step]] = []
    for step in approval.steps:
        if found and step.stage and found[-1][-1].stage == step.stage:
            found[-1].append(step)
        else:
            found.append([step])
    return found


def open_round(
    ctx: RunContext, entity: str, records: Sequence[Row], chosen: Mapping[str, Sequence[int]] | None = None
) -> dict[int, str]:
    """Ask anew about records that just entered a state with an approval.

    ``chosen``: whom the initiator named, by step. Answers the decision for the records about which nobody has to say
    anything: ``approve``, or ``reject`` where nobody was found and that refuses.
    """
    before = _last_rounds(ctx, entity, records)
    ended: dict[int, str] = {}
    for record in records:
        number, back_to = before.get((record["id"], record["status"]), (0, -1))
        run = Run(ctx, entity, record, number + 1, ctx.user.account, chosen or {})
        decision = run.open_from(back_to)
        if decision:
            ended[record["id"]] = decision
    return ended


def open_next(ctx: RunContext, entity: str, record: Row, task: Row) -> str:
    """Open what follows the stage of ``task``; the decision if nothing does, else nothing."""
    run = Run(ctx, entity, record, task["round"], task["asked_by"] or 0, {})
    then = task["then_stage"]
    return run.open_from(task["stage"] + 1 if then is None else then)


def open_stage_again(ctx: RunContext, entity: str, record: Row, task: Row, stage: int, then: int | None) -> str:
    """Ask an earlier stage once more; ``then``: the stage to go on with after it."""
    run = Run(ctx, entity, record, task["round"], task["asked_by"] or 0, {}, then=then)
    return run.open_from(stage)


def _last_rounds(ctx: RunContext, entity: str, records: Sequence[Row]) -> dict[tuple[int, str], tuple[int, int]]:
    """For each record and state: the last round, and the stage to begin the next one with."""
    task = table(ctx)
    same = (task.c.entity == entity, task.c.record.in_(sorted(r["id"] for r in records)))
    last = (
        select(task.c.record, task.c.state, func.max(task.c.round).label("round"))
        .where(*same)
        .group_by(task.c.record, task.c.state)
        .subquery()
    )
    found = {(row.record, row.state): (row.round, -1) for row in ctx.connection.execute(select(last))}
    if not found:
        return {}
    returned = select(task.c.record, task.c.state, task.c.round, task.c.stage, task.c.mark).where(
        *same, task.c.decision == RETURN, task.c.mark == STRAIGHT_BACK
    )
    for row in ctx.connection.execute(returned):
        if found[row.record, row.state][0] == row.round:
            found[row.record, row.state] = (row.round, row.stage)
    return found


class Run:
    """One round of an approval about one record."""

    def __init__(
        self,
        ctx: RunContext,
        entity: str,
        record: Row,
        number: int,
        initiator: int,
        chosen: Mapping[str, Sequence[int]],
        then: int | None = None,
    ) -> None:
        self._ctx, self._entity, self._record, self._number = ctx, entity, record, number
        self._initiator, self._chosen, self._then = initiator, chosen, then
        self._directory = Directory(ctx)
        self._approval = approval_of(ctx.app.model.entities[entity], record["status"])

    def open_from(self, first: int) -> str:
        """Open the first stage from ``first`` on in which somebody has a say; the decision if none has."""
        for stage, steps in enumerate(stages(self._approval)):
            if stage < first:
                continue
            decision = self._open(stage, steps)
            if decision != APPROVE:
                return decision
        return APPROVE

    def _open(self, stage: int, steps: Sequence[Step]) -> str:
        """Nothing while somebody is asked, else what follows at once."""
        waits = False
        for step in steps:
            if not self._holds(step):
                continue
            rows = self._people(step)
            if rows is None:
                continue
            if not rows:
                if self._approval.nobody.kind == REJECT:
                    return REJECT
                continue
            waits |= self._insert(stage, step, rows)
            self._copy(step)
        return "" if waits else APPROVE

    def _holds(self, step: Step) -> bool:
        if step.condition is None:
            return True
        return bool(Workspace(self._ctx).evaluate(step.condition, [self._record], None, self._entity)[0])

    def _people(self, step: Step) -> list[Row] | None:
        asking = Asking(
            self._ctx,
            self._directory,
            self._entity,
            self._approval,
            step,
            self._record,
            self._initiator,
            self._chosen,
        )
        return asking.people()

    def _insert(self, stage: int, step: Step, people: Sequence[Row]) -> bool:
        """Keep the step's rows; whether anybody has still to say something."""
        approved = self._approved(stage)
        rows = [self._row(stage, step, person, approved) for person in people]
        if step.decide == "any" and any(row["decided_at"] for row in rows):
            for row in rows:
                if not row["decided_at"]:
                    row |= {"decided_at": self._ctx.now(), "decision": PASSED}
        self._keep(step, rows)
        waiting = [row for row in rows if not row["decided_at"]]
        if waiting:
            awake = waiting[:1] if step.decide == "in_turn" else waiting
            inbox.tell_waiting(self._ctx, self._entity, self._record, awake)
        return bool(waiting)

    def _copy(self, step: Step) -> None:
        """Who is to know that the document has come to this step."""
        if step.copies:
            accounts = accounts_of(self._ctx, self._entity, self._record, step.copies)
            copy_to(self._ctx, self._entity, self._record, accounts)

    def _row(self, stage: int, step: Step, person: Row, approved: frozenset[int]) -> Row:
        accounts = self._directory.accounts(person)
        again = len(accounts) == 1 and accounts[0] in approved
        now = self._ctx.now()
        return {
            **person,
            "entity": self._entity,
            "record": self._record["id"],
            "state": self._record["status"],
            "step": step.id,
            "stage": stage,
            "round": self._number,
            "then_stage": self._then,
            "asked_by": self._initiator or None,
            "opened_at": now,
            "decided_at": now if again else None,
            "decided_by": accounts[0] if again else None,
            "decision": APPROVE if again else "",
            "mark": AGAIN if again else "",
            "awake": True,
        }

    def _keep(self, step: Step, rows: list[Row]) -> None:
        """In turn: each sleeps until the one before has said it."""
        task = table(self._ctx)
        if step.decide != "in_turn":
            self._ctx.connection.execute(task.insert(), rows)
            return
        before: int | None = None
        for row in rows:
            kept = {**row, "waits_for": before, "awake": before is None}
            made = self._ctx.connection.execute(task.insert().returning(task.c.id), kept).scalar_one()
            before = before if row["decided_at"] else made

    def _approved(self, stage: int) -> frozenset[int]:
        """Who need not be asked again in this round."""
        again = self._approval.again
        if again == "always" or self._then is not None:
            return frozenset()
        task = table(self._ctx)
        query = select(task.c.decided_by, task.c.stage).where(
            task.c.entity == self._entity,
            task.c.record == self._record["id"],
            task.c.state == self._record["status"],
            task.c.round == self._number,
            task.c.decision == APPROVE,
            task.c.stage < stage,
        )
        rows = self._ctx.connection.execute(query).all()
        newest = max((row.stage for row in rows), default=-1)
        return frozenset(row.decided_by for row in rows if row.decided_by and (again == "once" or row.stage == newest))


def wake(ctx: RunContext, entity: str, record: Row, task_id: int) -> None:
    """Whoever waited for this say is asked now."""
    task = table(ctx)
    sleeping = (task.c.waits_for == task_id, task.c.decided_at.is_(None), task.c.awake.is_(False))
    rows = [dict(row) for row in ctx.connection.execute(select(task).where(*sleeping)).mappings()]
    if rows:
        ctx.connection.execute(update(task).where(*sleeping).values(awake=True, opened_at=ctx.now()))
        inbox.tell_waiting(ctx, entity, record, rows)


def follow(ctx: RunContext, old: int, new: int) -> None:
    """Who waited for one say waits for the other."""
    task = table(ctx)
    ctx.connection.execute(update(task).where(task.c.waits_for == old).values(waits_for=new))


def close(ctx: RunContext, entity: str, ids: Iterable[int], decision: str = PASSED) -> None:
    """Close whatever still waits for a say on these records (they left the state)."""
    task = table(ctx)
    wanted = sorted(ids)
    ctx.connection.execute(
        update(task)
        .where(task.c.entity == entity, task.c.record.in_(wanted), task.c.decided_at.is_(None))
        .values(decided_at=ctx.now(), decided_by=ctx.user.account, decision=decision)
    )
    inbox.settle(ctx, entity, wanted)
