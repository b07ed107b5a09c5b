"""What the clock does to rules and alerts: reminders that are due, turns, the daily look, escalation, forgetting.

Everything here can be done again at the same moment without doing anything twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from engine.expressions.render import render
from engine.expressions.tree import Clock, walk
from engine.model import Alert, Escalation, Rule
from runtime import (
    alerts,
    alerts_plans,
    alerts_telling,
    calendars,
    reminders,
    rules,
    rules_dates,
    rules_states,
    rules_traces,
)
from runtime.calendars import WorkHours
from runtime.context import RunContext
from runtime.reminders import Due
from runtime.rules_index import Watch, index_of
from runtime.rules_look import Records
from runtime.rules_people import People
from runtime.rules_watch import matching

Row = dict[str, Any]
BETWEEN_LOOKS = timedelta(minutes=10)
"""How often what reads the hour is looked at; what reads the day is looked at once a day."""


def remind(ctx: RunContext, due: Due) -> None:
    """A date rule's moment has come for one record."""
    rule = ctx.app.model.rules.get(str(due.subject["rule"]))
    if rule is not None and rule.trigger.kind == "date":
        ids = [int(each.subject["record"]) for each in (*due.merged, due)]
        rules.run_at(ctx, rule, ids, "date")


def turn(ctx: RunContext, due: Due) -> None:
    """A rule's turn: all records of its entity that meet its condition; then the next turn is put."""
    rule = ctx.app.model.rules.get(str(due.subject["rule"]))
    if rule is None or rule.trigger.kind != "every":
        return
    exprs = (rule.condition,) if rule.condition is not None else ()
    watch = Watch("every", rule.id, rule.trigger.entity, rule, exprs, clock=True)
    ids = sorted(matching(ctx, watch)) if exprs else []
    if ids:
        rules.run_at(ctx, rule, ids, "every")
    rules_states.schedule(ctx, rule)


HANDLERS: Mapping[str, reminders.Handler] = {rules_dates.HANDLER: remind, rules_states.EVERY: turn}


def tick(ctx: RunContext) -> list[str]:
    """Look at what the clock alone changes; the ids of the rules and alerts looked at."""
    index = index_of(ctx)
    if not index.watches and not ctx.app.model.rules and not ctx.app.model.alerts:
        return []
    looked = _begin(ctx)
    for watch in index.watches:
        if watch.clock and watch.kind in ("becomes", "alert", "date") and _due(ctx, watch):
            look(ctx, watch)
            looked.append(watch.id)
    looked += alerts_plans.look_again(ctx, lambda alert: _moved_on(ctx, f"looked:plan:{alert.id}", _hour(ctx)))
    _escalate(ctx)
    if _moved_on(ctx, "rules:forgotten", ctx.today().isoformat()):
        rules_traces.forget_old(ctx)
    return looked


def look(ctx: RunContext, watch: Watch) -> None:
    """All records that meet the condition now, and those that did."""
    ids = matching(ctx, watch) if watch.kind != "date" else _all_dated(ctx, watch)
    if watch.kind == "becomes":
        ids |= rules_states.armed(ctx, watch.id)
    elif watch.kind == "alert":
        table = alerts.table_of(ctx)
        known = select(table.c.record).where(table.c.alert == watch.id, table.c.open_key.is_not(None))
        ids |= set(ctx.connection.execute(known).scalars())
    if ids:
        rules.look_again(ctx, watch, sorted(ids))


def _all_dated(ctx: RunContext, watch: Watch) -> set[int]:
    """The records whose date rule may say something else today: those its condition holds for."""
    rule = watch.subject
    assert isinstance(rule, Rule)
    if rule.condition is None:
        return set()
    return matching(ctx, Watch("date", rule.id, watch.entity, rule, (rule.condition,), clock=True))


def _reads_now(watch: Watch) -> bool:
    return any(isinstance(node, Clock) and node.name == "now" for expr in watch.exprs for node in walk(expr.tree))


def _due(ctx: RunContext, watch: Watch) -> bool:
    """Whether it is to be looked at again; notes that it was."""
    slot = int(ctx.now().timestamp() // BETWEEN_LOOKS.total_seconds())
    now = str(slot) if _reads_now(watch) else ctx.today().isoformat()
    return _moved_on(ctx, f"looked:{watch.kind}:{watch.id}", now)


def _hour(ctx: RunContext) -> str:
    return f"{ctx.now():%Y-%m-%dT%H}"


def _moved_on(ctx: RunContext, key: str, now: str) -> bool:
    """Whether a mark of time is another one than last time; notes it."""
    table = ctx.app.tables.system.app_state
    last = ctx.connection.execute(select(table.c.value).where(table.c.key == key)).scalar()
    if last == now:
        return False
    if last is None:
        ctx.connection.execute(insert(table).values(key=key, value=now))
    else:
        ctx.connection.execute(update(table).where(table.c.key == key).values(value=now))
    return True


# --- beginnings --------------------------------------------------------------------------------------------------


def switch_of(subject: Rule | Alert) -> str:
    """What a rule or an alert is called by its switch."""
    return f"alert:{subject.id}" if isinstance(subject, Alert) else subject.id


def definition_of(subject: Rule | Alert) -> str:
    """What makes a rule another one: a changed condition is looked at anew."""
    if isinstance(subject, Alert):
        exprs = [subject.condition, subject.until, *(level.condition for level in subject.levels)]
    else:
        trigger = subject.trigger
        exprs = [trigger.that, trigger.rearm, trigger.date]
    texts = [render(expr.tree) for expr in exprs if expr is not None]
    return json.dumps([texts, [] if isinstance(subject, Alert) else _timing(subject)], ensure_ascii=False)


def _timing(rule: Rule) -> list[object]:
    """When it is due; of what reminds of a date also how far from it, and while what holds."""
    trigger = rule.trigger
    timing: list[object] = [trigger.period, trigger.day, str(trigger.at)]
    if trigger.kind == "date":
        condition = render(rule.condition.tree) if rule.condition is not None else ""
        timing += [trigger.offset, trigger.unit, trigger.missed, condition]
    return timing


def _begin(ctx: RunContext) -> list[str]:
    """Rules that are new: what is past their threshold already is noted, dates are put, alerts are opened."""
    table = ctx.app.tables.system.rule_switch
    known = {row.rule: row.seen for row in ctx.connection.execute(select(table.c.rule, table.c.seen))}
    begun = []
    subjects: list[Rule | Alert] = [*ctx.app.model.rules.values(), *ctx.app.model.alerts.values()]
    watches = {(watch.kind, watch.id): watch for watch in index_of(ctx).watches}
    for subject in subjects:
        seen, id = definition_of(subject), switch_of(subject)
        if known.get(id) == seen:
            continue
        values = {"seen": seen, "at": ctx.now()}
        if id in known:
            ctx.connection.execute(update(table).where(table.c.rule == id).values(values))
        else:
            ctx.connection.execute(insert(table).values(rule=id, off=False, **values))
        _start(ctx, subject, watches)
        begun.append(id)
    return begun


def _start(ctx: RunContext, subject: Rule | Alert, watches: Mapping[tuple[str, str], Watch]) -> None:
    if isinstance(subject, Alert):
        if subject.plan:
            alerts_plans.look_again(ctx, lambda alert: alert.id == subject.id)
        else:
            look(ctx, watches["alert", subject.id])
    elif subject.trigger.kind == "every":
        rules_states.schedule(ctx, subject)
    elif subject.trigger.kind == "becomes":
        watch = watches["becomes", subject.id]
        if not subject.trigger.once:
            rules_states.forget(ctx, subject.id)  # what was past another threshold is not past this one
        rules_states.settle(ctx, subject.id, sorted(matching(ctx, watch)), ())
    elif subject.trigger.kind == "date":
        rules_dates.begin(ctx, subject)


def begin(ctx: RunContext) -> list[str]:
    """A version of the app begins: its new rules take in what is there, so that nothing old looks like news."""
    return _begin(ctx)


# --- escalation --------------------------------------------------------------------------------------------------


def _escalate(ctx: RunContext) -> None:
    """Alerts that nobody has acknowledged in time are told to the next people, once each."""
    waiting = [alert for alert in ctx.app.model.alerts.values() if alert.escalate]
    table = alerts.table_of(ctx)
    for alert in waiting:
        query = select(table).where(
            table.c.alert == alert.id, table.c.open_key.is_not(None), table.c.acknowledged_at.is_(None),
            table.c.escalated != " ".join(each.id for each in alert.escalate),
        )  # fmt: skip
        rows = [dict(row) for row in ctx.connection.execute(query).mappings()]
        due = _steps_due(ctx, alert, rows) if rows else []
        records, people = Records(ctx), People(ctx)
        records.rows(alert.entity, [row["record"] for row, _ in due])
        for row, steps in due:
            _climb(records, people, alert, row, steps)


def _steps_due(ctx: RunContext, alert: Alert, rows: Sequence[Row]) -> list[tuple[Row, list[Escalation]]]:
    """The alerts that have stood too long, each with the steps that are due; the calendar is read once."""
    worked = any(each.unit in UNITS for each in alert.escalate)
    hours = calendars.work_hours(ctx) if worked else None
    due = []
    for row in rows:
        done = row["escalated"].split()
        fresh = (each for each in alert.escalate if each.id not in done)
        steps = [each for each in fresh if _moment(row["opened_at"], each, hours) <= ctx.now()]
        if steps:
            due.append((row, steps))
    return due


def _climb(records: Records, people: People, alert: Alert, row: Row, due: Sequence[Escalation]) -> None:
    ctx, done = records.ctx, row["escalated"].split()
    found = records.rows(alert.entity, [row["record"]])
    for each in due:
        if found:
            told = {**found[0], "cause": "", "before": {}}
            key = f"alert:{row['id']}:up:{each.id}"
            alerts_telling.tell(ctx, people, records.at, alert, told, row["level"], key, each.to)
    table = alerts.table_of(ctx)
    names = " ".join([*done, *(each.id for each in due)])
    ctx.connection.execute(update(table).where(table.c.id == row["id"]).values(escalated=names))


UNITS: Mapping[str, Callable[[WorkHours, datetime, int], datetime]] = {
    "work_hours": WorkHours.after,
    "workdays": WorkHours.days_after,
}
"""Lengths of time that the firm's calendar counts."""


def _moment(opened: datetime, each: Escalation, hours: WorkHours | None) -> datetime:
    """When nobody having acknowledged matters."""
    if hours is not None and each.unit in UNITS:
        return UNITS[each.unit](hours, opened, each.after)
    return opened + (timedelta(days=each.after) if each.unit == "days" else timedelta(hours=each.after))
