"""What those who administer the app see of rules and do with them: switching, runs, "why not?"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from engine.model import Alert, Rule
from runtime import alerts, audit, rules_clock, rules_dates, rules_states, rules_traces
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.messages import fault
from runtime.permissions import demand_admin
from runtime.rules_look import Part, Records, Told, holds, look, tell
from runtime.rules_running import switched_off
from runtime.rules_traces import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a rule acts on a record now, or why not. ``first``: the first part that does not hold.

    ``trigger``: whether what it waits for holds now (``None``: an event, which only traces can tell of). ``due``: when
    a rule of a date will act on it.
    """

    rule: str
    entity: str
    record: int
    fires: bool
    off: bool
    trigger: bool | None
    already: bool
    parts: Sequence[Told]
    first: Told | None
    last: Run | None
    due: datetime | None


def rule_of(ctx: RunContext, id: str) -> Rule:
    """A rule by its id."""
    demand_admin(ctx)
    found = ctx.app.model.rules.get(id)
    if found is None:
        raise NotFound(fault(ctx, "no_such_rule", given=id[:60]))
    return found


def why(ctx: RunContext, id: str, record: int) -> Why:
    """The rule's conditions against a record as it is now, with the values, and its last look at it."""
    rule = rule_of(ctx, id)
    entity = rule.trigger.entity
    held = Records(ctx.as_system())
    rows = held.rows(entity, [record])
    if not rows:
        label = ctx.app.model.entities[entity].label.get(ctx.language)
        raise NotFound(fault(ctx, "not_found", label=label, id=record))
    waits = look(held.at, rule.trigger.that, rows, entity)[0]
    asked = look(held.at, rule.condition, rows, entity)[0]
    parts = [*_told(ctx, rule.trigger.that, waits, entity), *_told(ctx, rule.condition, asked, entity)]
    already = rule.trigger.kind == "becomes" and record in rules_states.armed(ctx, id)
    last = rules_traces.runs(ctx, id, record=record, most=1)
    off = id in switched_off(ctx)
    return Why(
        rule=id,
        entity=entity,
        record=record,
        fires=holds(waits) and holds(asked) and not off and not already,
        off=off,
        trigger=holds(waits) if rule.trigger.kind == "becomes" else None,
        already=already,
        parts=parts,
        first=next((part for part in parts if not part.holds), None),
        last=last[0] if last else None,
        due=rules_dates.waits_for(ctx, rule, record) if rule.trigger.kind == "date" else None,
    )


def _told(ctx: RunContext, expr: Any, parts: Sequence[Part], entity: str) -> list[Told]:
    return tell(ctx, expr, [part.kept() for part in parts], entity)


def conditions_of(ctx: RunContext, run: Run) -> list[Told]:
    """The parts kept with a run, in the reader's words."""
    rule = ctx.app.model.rules.get(run.rule)
    if rule is None:
        return tell(ctx, None, run.conditions, run.entity)
    waits = rule.trigger.that
    first = tell(ctx, waits, run.conditions, run.entity) if waits is not None else []
    second = tell(ctx, rule.condition, run.conditions, run.entity)
    if not first:
        return second
    return [a if a.text != kept["text"] else b for a, b, kept in zip(first, second, run.conditions, strict=True)]


def switch(ctx: RunContext, id: str, *, off: bool) -> None:
    """Switch a rule (or ``alert:id``) off or on; switching an alert off closes what is open of it.

    What is switched on begins anew: it takes in what is there, as if it had come with this version of the app.
    """
    demand_admin(ctx)
    subject = subject_of(ctx, id)
    table = ctx.app.tables.system.rule_switch
    values = {"off": off, "at": ctx.now(), "account": ctx.user.account or None}
    known = ctx.connection.execute(select(table.c.off).where(table.c.rule == id)).scalar()
    if known is None:
        ctx.connection.execute(insert(table).values(rule=id, **values))
    else:
        ctx.connection.execute(update(table).where(table.c.rule == id).values(values))
    if off and isinstance(subject, Alert):
        alerts.close_all(ctx, subject.id)
    if not off:
        ctx.connection.execute(update(table).where(table.c.rule == id).values(seen=""))
        rules_clock.begin(ctx.as_system())
    entry = audit.Entry(entity="rule", record=0, version=0, kind="off" if off else "on", changes={"rule": id})
    audit.write(ctx, [entry])


def subject_of(ctx: RunContext, id: str) -> Rule | Alert:
    """What a switch is of."""
    model = ctx.app.model
    found: Rule | Alert | None = model.alerts.get(id[6:]) if id.startswith("alert:") else model.rules.get(id)
    if found is None:
        raise NotFound(fault(ctx, "no_such_rule", given=id[:60]))
    return found


def overview(ctx: RunContext) -> Mapping[str, Mapping[str, int]]:
    """How often each rule came to each result in the last days that are kept."""
    demand_admin(ctx)
    return rules_traces.counts(ctx)
