"""The steps of an approval as a person follows them: who has said what, who is asked, which are passed over and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from engine.model import Step
from runtime.accounts import account_names, member_names
from runtime.context import RunContext
from runtime.expression_words import in_words
from runtime.flow_versions import walking
from runtime.messages import say
from runtime.prepared import Statement, prepare_statement
from runtime.record_inputs import Workspace
from runtime.task_opening import APPROVE, REJECT
from runtime.task_quorum import counting, is_refused
from runtime.task_ways import Way, told_ways, ways

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTold:
    """A step in words. ``state``: done, now, next, passed, refused."""

    label: str
    state: str
    who: str
    at: datetime | None = None
    why: str = ""


def steps(ctx: RunContext, entity: str, record: Row, state: str) -> list[StepTold]:
    """The steps of the approval in ``state`` of this record."""
    ctx = walking(ctx, entity, record.get("id"))
    workflow = ctx.app.model.entities[entity].workflow
    approval = workflow.states[state].approval if workflow else None
    if approval is None:
        return []
    rows = _rows(ctx, entity, record, state)
    accounts = account_names(
        ctx, {r["decided_by"] for r in rows} | {r["account"] for r in rows} | {r["on_behalf"] for r in rows}
    )
    members = member_names(ctx, {r["member"] for r in rows})
    here = record.get("status") == state
    return [_told(ctx, step, rows, record, accounts, members, here=here) for step in approval.steps]


def people(ctx: RunContext, entity: str, record: Row, state: str) -> list[Way]:
    """Those who were brought in besides those whom the steps name, and who stands in for somebody."""
    return ways(ctx, entity, _rows(ctx, entity, record, state))


def _rows(ctx: RunContext, entity: str, record: Row, state: str) -> list[Row]:
    """The tasks of the latest round in which the record was in this state."""
    if not isinstance(record.get("id"), int):
        return []
    query = ctx.app.programs.keep("tasks of a state", lambda: _in_state(ctx))
    given = {"entity": entity, "record": record["id"], "state": state}
    names = [column.name for column in ctx.app.tables.system.task.c]
    found = [dict(zip(names, row, strict=True)) for row in query.run(ctx, given)]
    newest = max((row["round"] for row in found), default=0)
    return [row for row in found if row["step"] and row["round"] == newest]


def _in_state(ctx: RunContext) -> Statement:
    table = ctx.app.tables.system.task
    wanted = (table.c[name] == bindparam(name) for name in ("entity", "record", "state"))
    return prepare_statement(ctx, select(table).where(*wanted).order_by(table.c.id), list(table.c))


def _told(
    ctx: RunContext,
    step: Step,
    rows: Sequence[Row],
    record: Row,
    accounts: dict[int, str],
    members: dict[int, str],
    *,
    here: bool,
) -> StepTold:
    label, of_step = step.label.get(ctx.language), [row for row in rows if row["step"] == step.id]
    rows = counting(rows, step.id)
    who = "、".join(dict.fromkeys(_name(ctx, row, accounts, members) for row in rows)) or _asked(ctx, step)
    if any(row["decided_at"] is None for row in rows):
        why = told_waits(ctx, step) if step.waits else told_ways(ctx, of_step)
        return StepTold(label=label, state="now", who=who, why=why)
    refused = is_refused(step, rows)
    said = [row for row in rows if row["decision"] == (REJECT if refused else APPROVE)]
    if said:
        last = max(said, key=lambda row: (row["decided_at"], row["id"]))
        names = "、".join(dict.fromkeys(_speaker(ctx, row, accounts, who) for row in said))
        state = "refused" if refused else "done"
        return StepTold(label=label, state=state, who=names, at=last["decided_at"], why=last["note"])
    if step.condition is not None and not Workspace(ctx).evaluate(step.condition, [record])[0]:
        return StepTold(
            label=label, state="passed", who="", why=say(ctx, "step_passed", condition=in_words(ctx, step.condition))
        )
    why = (
        say(ctx, "step_comes", condition=in_words(ctx, step.condition))
        if step.condition is not None and not here
        else ""
    )
    return StepTold(label=label, state="next", who=who, why=why or (told_waits(ctx, step) if step.waits else ""))


def told_waits(ctx: RunContext, step: Step) -> str:
    """How long a step waits that asks nobody."""
    (deadline,) = step.deadlines
    unit = "work_days" if deadline.days else "work_hours" if deadline.worked else "hours"
    return say(ctx, "step_waits", span=say(ctx, f"span_{unit}", count=deadline.days or deadline.hours))


def _speaker(ctx: RunContext, row: Row, accounts: dict[int, str], asked: str) -> str:
    """Who said it, and for whom; what nobody said is put down to those who were asked."""
    name = accounts.get(row["decided_by"] or 0, asked)
    if not row["on_behalf"]:
        return name
    return say(ctx, "said_on_behalf", name=name, absent=accounts.get(row["on_behalf"], ""))


def _asked(ctx: RunContext, step: Step) -> str:
    roles = ctx.app.model.roles
    return "、".join(roles[w.role].label.get(ctx.language) for w in step.who if w.role in roles)


def _name(ctx: RunContext, row: Row, accounts: dict[int, str], members: dict[int, str]) -> str:
    if row["member"]:
        return members.get(row["member"], "")
    if row["account"]:
        return accounts.get(row["account"], "")
    role = ctx.app.model.roles.get(row["role"])
    return role.label.get(ctx.language) if role else row["role"]
