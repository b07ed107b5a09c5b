"""Opening the steps of an approval: stage by stage, each time with the people it finds then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import Table, bindparam, func, select, update

from engine.model import Approval, Entity, Step
from runtime import inbox
from runtime.context import RunContext
from runtime.record_inputs import Workspace
from runtime.task_copies import copy_all
from runtime.task_people import Asking, Directory, accounts_of, of_member

Row = dict[str, Any]
APPROVE, REJECT, PASSED = "approve", "reject", "passed"
AGAIN, STRAIGHT_BACK, WALK_AGAIN, ADDED, HELPS = "again", "straight_back", "walk_again", "added", "helps"
RETURN = "return"
TAKEN_BACK, WITHDRAWN = "taken_back", "withdrawn"
"""An approval that its giver took back, and rows that were opened because of it."""
CHOSEN = "chosen"
"""Rows that keep whom the initiator named for a step until it comes."""
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

    ``chosen``: whom the initiator named, by step; ``None``: nobody could be asked for that. Answers the decision for
    the records about which nobody has to say anything: ``approve``, or ``reject`` where nobody was found and that
    refuses.
    """
    before, opening = _last_rounds(ctx, entity, records), Opening(ctx, entity)
    ended: dict[int, str] = {}
    for record in records:
        number, back_to = before.get((record["id"], record["status"]), (0, -1))
        run = Run(opening, record, number + 1, ctx.user.account, chosen or {}, fresh=True)
        if chosen is not None:
            run.keep_chosen()
        decision = run.open_from(back_to)
        if decision:
            ended[record["id"]] = decision
    opening.keep()
    return ended


def open_next(ctx: RunContext, entity: str, record: Row, task: Row) -> str:
    """Open what follows the stage of ``task``; the decision if nothing does, else nothing."""
    then = task["then_stage"]
    return _open_once(ctx, entity, record, task, task["stage"] + 1 if then is None else then)


def open_stage_again(ctx: RunContext, entity: str, record: Row, task: Row, stage: int, then: int | None) -> str:
    """Ask an earlier stage once more; ``then``: the stage to go on with after it."""
    return _open_once(ctx, entity, record, task, stage, then)


def _open_once(ctx: RunContext, entity: str, record: Row, task: Row, stage: int, then: int | None = None) -> str:
    opening = Opening(ctx, entity)
    chosen = _chosen_before(ctx, task, approval_of(ctx.app.model.entities[entity], record["status"]))
    run = Run(opening, record, task["round"], task["asked_by"] or 0, chosen, then=then)
    decision = run.open_from(stage)
    opening.keep()
    return decision


def _chosen_before(ctx: RunContext, task: Row, approval: Approval) -> dict[str, list[int]]:
    """Whom the initiator named when he sent the document into this round."""
    if not any(who.kind == CHOSEN for step in approval.steps for who in step.who):
        return {}
    rows = table(ctx)
    same = (rows.c[name] == task[name] for name in ("entity", "record", "state", "round"))
    query = select(rows.c.step, rows.c.member).where(*same, rows.c.decision == CHOSEN).order_by(rows.c.id)
    found: dict[str, list[int]] = {}
    for step, member in ctx.connection.execute(query):
        found.setdefault(step, []).append(member)
    return found


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


class Opening:
    """What one call opens, about however many records: gathered first, then kept and told with a few statements."""

    def __init__(self, ctx: RunContext, entity: str) -> None:
        self.ctx, self.entity = ctx, entity
        self.directory, self.at = Directory(ctx), Workspace(ctx)
        self.rows: list[Row] = []
        self._turns: list[list[Row]] = []
        self._told: list[tuple[Row, Sequence[Row]]] = []
        self._copied: list[tuple[Row, frozenset[int]]] = []

    def add(self, record: Row, step: Step, rows: list[Row]) -> None:
        """Ask these people; in turn: each sleeps until the one before has said it."""
        waiting = [row for row in rows if not row["decided_at"]]
        if step.decide == "in_turn":
            for row in waiting[1:]:
                row["awake"] = False
            self._turns.append(waiting)
        self.rows += rows
        self._told.append((record, waiting[:1] if step.decide == "in_turn" else waiting))

    def copy(self, record: Row, step: Step, initiator: int) -> None:
        """Who is to know that the document has come to this step."""
        if step.copies:
            accounts = accounts_of(self.ctx, self.entity, record, step.copies, initiator=initiator)
            self._copied.append((record, frozenset(accounts)))

    def keep(self) -> None:
        """Write it all down, and tell whoever is asked now."""
        if not self.rows:
            return
        task = table(self.ctx)
        if not any(self._turns):
            self.ctx.connection.execute(task.insert(), self.rows)
        else:
            self._keep_turns(task)
        inbox.tell_all_waiting(self.directory, self.entity, self._told)
        copy_all(self.ctx, self.entity, self._copied)

    def _keep_turns(self, task: Table) -> None:
        """Each of those who are asked in turn waits for the row before; its number is known once it is kept."""
        made = task.insert().returning(task.c.id, sort_by_parameter_order=True)
        ids = self.ctx.connection.execute(made, self.rows).scalars().all()
        number = {id(row): kept for row, kept in zip(self.rows, ids, strict=True)}
        links = [
            {"_id": number[id(later)], "_before": number[id(before)]}
            for turn in self._turns
            for before, later in pairwise(turn)
        ]
        if links:
            waits = update(task).where(task.c.id == bindparam("_id")).values(waits_for=bindparam("_before"))
            self.ctx.connection.execute(waits, links)


class Run:
    """One round of an approval about one record; ``fresh``: it begins now, so nothing was said in it yet."""

    def __init__(
        self,
        opening: Opening,
        record: Row,
        number: int,
        initiator: int,
        chosen: Mapping[str, Sequence[int]],
        *,
        then: int | None = None,
        fresh: bool = False,
    ) -> None:
        self._opening, self._ctx, self._entity = opening, opening.ctx, opening.entity
        self._record, self._number, self._fresh = record, number, fresh
        self._initiator, self._chosen, self._then = initiator, chosen, then
        self._approval = approval_of(self._ctx.app.model.entities[self._entity], record["status"])

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
            waits |= self._ask(stage, step, rows)
            self._opening.copy(self._record, step, self._initiator)
        return "" if waits else APPROVE

    def _holds(self, step: Step) -> bool:
        if step.condition is None:
            return True
        return bool(self._opening.at.evaluate(step.condition, [self._record], None, self._entity)[0])

    def keep_chosen(self) -> None:
        """Whom the initiator names for steps that are to come is known when they come; he must name them now."""
        for stage, steps in enumerate(stages(self._approval)):
            for step in steps:
                if not any(who.kind == CHOSEN for who in step.who):
                    continue
                if self._holds(step):
                    self._asking(step).refuse_unless_chosen()
                said = {"decided_at": self._ctx.now(), "decision": CHOSEN}
                people = [of_member(member) for member in self._chosen.get(step.id, ())]
                self._opening.rows += [self._row(stage, step, one, frozenset()) | said for one in people]

    def _people(self, step: Step) -> list[Row] | None:
        return self._asking(step).people()

    def _asking(self, step: Step) -> Asking:
        return Asking(
            self._ctx,
            self._opening.directory,
            self._opening.at,
            self._entity,
            self._approval,
            step,
            self._record,
            self._initiator,
            self._chosen,
        )

    def _ask(self, stage: int, step: Step, people: Sequence[Row]) -> bool:
        """The step's rows; whether anybody has still to say something."""
        approved = self._approved(stage)
        rows = [self._row(stage, step, person, approved) for person in people]
        if step.decide == "any" and any(row["decided_at"] for row in rows):
            for row in rows:
                if not row["decided_at"]:
                    row |= {"decided_at": self._ctx.now(), "decision": PASSED}
        self._opening.add(self._record, step, rows)
        return any(not row["decided_at"] for row in rows)

    def _row(self, stage: int, step: Step, person: Row, approved: frozenset[int]) -> Row:
        accounts = self._opening.directory.accounts(person)
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

    def _approved(self, stage: int) -> frozenset[int]:
        """Who need not be asked again in this round."""
        again = self._approval.again
        if again == "always" or self._then is not None:
            return frozenset()
        rows = [(row["decided_by"], row["stage"]) for row in self._opening.rows if row["record"] == self._record["id"]]
        if not self._fresh:
            rows += self._said_before(stage)
        said = [(who, at) for who, at in rows if who and at < stage]
        newest = max((at for _, at in said), default=-1)
        return frozenset(who for who, at in said if again == "once" or at == newest)

    def _said_before(self, stage: int) -> list[tuple[int, int]]:
        """Who approved in earlier stages of this round, and in which."""
        task = table(self._ctx)
        query = select(task.c.decided_by, task.c.stage).where(
            task.c.entity == self._entity,
            task.c.record == self._record["id"],
            task.c.state == self._record["status"],
            task.c.round == self._number,
            task.c.decision == APPROVE,
            task.c.stage < stage,
        )
        return [(who, at) for who, at in self._ctx.connection.execute(query)]


def wake(ctx: RunContext, entity: str, record: Row, task_id: int) -> None:
    """Whoever waited for this say is asked now."""
    task = table(ctx)
    sleeping = (task.c.waits_for == task_id, task.c.decided_at.is_(None), task.c.awake.is_(False))
    rows = [dict(row) for row in ctx.connection.execute(select(task).where(*sleeping)).mappings()]
    if rows:
        ctx.connection.execute(update(task).where(*sleeping).values(awake=True, opened_at=ctx.now()))
        inbox.tell_waiting(ctx, entity, record, rows)


def quiet(ctx: RunContext, entity: str, record: int) -> None:
    """Who is not asked about a document any more need not look at what told him of it."""
    task, directory = table(ctx), Directory(ctx)
    query = select(task.c.account, task.c.role, task.c.member).where(
        task.c.entity == entity, task.c.record == record, task.c.decided_at.is_(None), task.c.awake
    )
    rows = [dict(row) for row in ctx.connection.execute(query).mappings()]
    directory.read(rows)
    inbox.settle_but(ctx, entity, record, {one for row in rows for one in directory.accounts(row)})


def follow(ctx: RunContext, old: int, new: int) -> None:
    """Who waited for one say waits for the other."""
    task = table(ctx)
    ctx.connection.execute(update(task).where(task.c.waits_for == old, task.c.id != new).values(waits_for=new))


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
