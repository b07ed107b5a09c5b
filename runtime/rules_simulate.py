"""A rule (or a draft of one) run over what has happened: when it would have fired, on what, with what effect.

Nothing is written and nobody is told. Records are judged as they were, from the trail; what a condition reads
elsewhere (other records, ledgers) is as it is now, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from engine.expressions.tree import Aggregate, Balance, Expr, Path, walk
from engine.model import Action, Rule
from runtime.context import FixedClock, RunContext
from runtime.errors import Invalid
from runtime.messages import fault, say
from runtime.plugins.reports import reported
from runtime.programs import Programs
from runtime.record_inputs import Workspace
from runtime.record_rows import read_rows
from runtime.record_texts import record_title
from runtime.rules_crossings import MOST, Effects, crossings
from runtime.rules_dates import Moments
from runtime.rules_look import Part, holds, kept_value, look
from runtime.rules_past import Entry, count_entries, entries, states
from runtime.rules_people import People
from runtime.rules_states import next_turn
from runtime.rules_texts import say as say_message

Row = dict[str, Any]
MOST_SHOWN = 500
AT_ONCE = 5000
MOST_REPORTED = 20_000
"""Events of a plug-in that are looked at, the latest first."""
MOST_DAYS = 1100
"""Three years: a rule of every hour is asked as often as there are hours."""
FIRST_YEAR, LAST_YEAR = 1990, 2200
WRITES = {"created": ("create",), "changed": ("update", "transition"), "transition": ("transition",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Once that the rule would have fired."""

    at: datetime
    entity: str
    record: int
    title: str
    parts: Sequence[Part]
    effects: Sequence[Mapping[str, Any]]


@dataclass(slots=True, kw_only=True)
class Simulated:
    """What came of it. ``looked``: events of the kind it waits for. ``fired``: how often; ``hits``: the first of them.

    ``days``: of each time, the day of the firm. ``notes``: in what the past could not be known exactly.
    """

    rule: str
    since: date
    until: date
    looked: int = 0
    fired: int = 0
    records: set[tuple[str, int]] = field(default_factory=set)
    hits: list[Hit] = field(default_factory=list)
    days: list[date] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Progress = Callable[[float], None]
"""Told now and then which share of the work is done, from 0 to 1; what it raises ends the work."""


def simulate(
    ctx: RunContext, rule: Rule, since: date, until: date, progress: Progress = lambda share: None
) -> Simulated:
    """Run a rule over the days ``since`` to ``until``, both included; ``progress`` hears how far it is."""
    _check_days(ctx, since, until)
    apart = replace(ctx.app, programs=Programs())  # what is compiled of a draft goes with it
    acting = replace(ctx.as_system(), app=apart, language=ctx.language)
    result = Simulated(rule=rule.id, since=since, until=until)
    _WAYS[rule.trigger.kind](acting, rule, result, progress)
    result.notes.extend(_notes(ctx, rule))
    return result


def _check_days(ctx: RunContext, since: date, until: date) -> None:
    if since > until or not FIRST_YEAR <= since.year <= until.year <= LAST_YEAR:
        raise Invalid(fault(ctx, "bad_days", since=since, until=until))
    if (until - since).days >= MOST_DAYS:
        raise Invalid(fault(ctx, "too_many_days", most=MOST_DAYS))


def _period(ctx: RunContext, result: Simulated) -> tuple[datetime, datetime]:
    zone = ZoneInfo(ctx.app.model.timezone)
    start = datetime.combine(result.since, datetime.min.time(), zone)
    return start, datetime.combine(result.until + timedelta(days=1), datetime.min.time(), zone)


# --- events ----------------------------------------------------------------------------------------------------


def _events(ctx: RunContext, rule: Rule, result: Simulated, progress: Progress) -> None:
    trigger = rule.trigger
    owner = ctx.app.model.entities[trigger.entity]
    since, until = _period(ctx, result)
    waiting: list[Entry] = []
    of = (owner.parent or owner.id, since, until, WRITES[trigger.kind])
    total = count_entries(ctx, *of)
    for entry in entries(ctx, *of):
        if _happened(rule, entry, owner.parent_field if owner.parent else ""):
            waiting.append(entry)
            if len(waiting) >= AT_ONCE:
                _judge(ctx, rule, waiting, result)
                waiting = []
        result.looked += 1
        if result.looked % 1000 == 0:
            progress(result.looked / total)
    _judge(ctx, rule, waiting, result)


def _happened(rule: Rule, entry: Entry, lines: str) -> bool:
    trigger = rule.trigger
    if trigger.kind == "transition":
        return entry.transition == trigger.transition
    if trigger.kind == "created" or lines:
        return not lines or any(name.partition(".")[0] == lines for name in entry.changes)
    if not trigger.fields:
        return entry.kind == "update"
    return any(name.partition(".")[0] in trigger.fields for name in entry.changes)


def _judge(ctx: RunContext, rule: Rule, waiting: Sequence[Entry], result: Simulated) -> None:
    """Ask the condition of the records as they were, all of a day at once."""
    if not waiting:
        return
    entity = ctx.app.model.entities[rule.trigger.entity]
    for moment, those in _by_day(ctx, waiting):
        there = replace(ctx, clock=FixedClock(moment))
        pairs = list(_rows_then(there, rule, entity.parent, those))
        at = Workspace(there)
        rows = [row for _, row in pairs]
        for (entry, row), parts in zip(pairs, look(at, rule.condition, rows, entity.id), strict=True):
            if holds(parts):
                _hit(at, rule, result, entry.at, row, parts)


def _by_day(ctx: RunContext, waiting: Sequence[Entry]) -> Iterator[tuple[datetime, list[Entry]]]:
    zone = ZoneInfo(ctx.app.model.timezone)
    days: dict[date, list[Entry]] = {}
    for entry in waiting:
        days.setdefault(entry.at.astimezone(zone).date(), []).append(entry)
    for those in days.values():
        yield those[-1].at, those


def _rows_then(ctx: RunContext, rule: Rule, parent: str, those: Sequence[Entry]) -> Iterator[tuple[Entry, Row]]:
    entity = ctx.app.model.entities[rule.trigger.entity]
    wanted: dict[int, list[int]] = {}
    for entry in those:
        wanted.setdefault(entry.record, []).append(entry.id)
    if parent:
        yield from _lines_now(ctx, rule.trigger.entity, those)
        return
    now = read_rows(ctx, entity.id, sorted(wanted))
    then = states(ctx, entity, wanted, now)
    for entry in those:
        if entry.id in then:
            yield entry, then[entry.id]


def _lines_now(ctx: RunContext, entity: str, those: Sequence[Entry]) -> Iterator[tuple[Entry, Row]]:
    """Lines are judged as they are now; the trail tells of their owner."""
    from_owner: dict[int, list[Row]] = {}
    at = Workspace(ctx)
    for entry in those:
        if entry.record not in from_owner:
            from_owner[entry.record] = at.lines_of(entity, entry.record)
        for row in from_owner[entry.record]:
            yield entry, row


# --- thresholds, dates, turns ------------------------------------------------------------------------------------


def _becomes(ctx: RunContext, rule: Rule, result: Simulated, progress: Progress) -> None:
    since, until = _period(ctx, result)
    shown = iter(range(MOST_SHOWN))

    def tell(at: Workspace, row: Row) -> Effects:
        return _effects(at, rule, row) if next(shown, None) is not None else ()

    looked, found, cut = crossings(ctx, rule, since, until, progress, tell)
    result.looked += looked
    if cut:
        result.notes.append(say(ctx, "simulated_cut", most=MOST))
    for each in found:
        at = Workspace(replace(ctx, clock=FixedClock(each.at)))
        if holds(each.asked):
            _hit(at, rule, result, each.at, each.row, (*each.parts, *each.asked), each.effects)


def _dates(ctx: RunContext, rule: Rule, result: Simulated, progress: Progress) -> None:
    """The records as they are now, at the moments their dates would have reminded of them."""
    since, until = _period(ctx, result)
    entity = ctx.app.model.entities[rule.trigger.entity]
    assert rule.trigger.date is not None
    table = ctx.app.tables.entity[entity.id]
    total = ctx.connection.execute(select(func.count()).select_from(table)).scalar_one()
    early = replace(ctx, clock=FixedClock(since))
    moments = Moments(early, rule.trigger)
    for rows in _all_rows(ctx, entity.id):
        dates = Workspace(early).evaluate(rule.trigger.date, rows, None, entity.id)
        for row, value in zip(rows, dates, strict=True):
            result.looked += 1
            due = moments.of(value) if value is not None else None
            if due is not None and since <= due < until:
                at = Workspace(replace(ctx, clock=FixedClock(due)))
                parts = look(at, rule.condition, [row], entity.id)[0]
                if holds(parts):
                    _hit(at, rule, result, due, row, parts)
        progress(min(1, result.looked / total) if total else 1)


def _turns(ctx: RunContext, rule: Rule, result: Simulated, progress: Progress) -> None:
    """What each turn of the period would have found among the records as they are now."""
    since, until = _period(ctx, result)
    moment = next_turn(replace(ctx, clock=FixedClock(since)), rule.trigger)
    entity = rule.trigger.entity
    while moment < until:
        at = Workspace(replace(ctx, clock=FixedClock(moment)))
        for rows in _all_rows(ctx, entity):
            for row, parts in zip(rows, look(at, rule.condition, rows, entity), strict=True):
                result.looked += 1
                if holds(parts):
                    _hit(at, rule, result, moment, row, parts)
        progress((moment - since) / (until - since))
        moment = next_turn(replace(ctx, clock=FixedClock(moment)), rule.trigger)


def _reports(ctx: RunContext, rule: Rule, result: Simulated, progress: Progress) -> None:
    """What the plug-in reported in the period, with the values it gave, about the records as they are now."""
    since, until = _period(ctx, result)
    trigger = rule.trigger
    for found in reported(ctx, trigger.event, since, until):
        rows = read_rows(ctx, trigger.entity, {each.record for each in found})
        for each in found[: MOST_REPORTED - result.looked]:
            result.looked += 1
            row = rows.get(each.record)
            if row is not None and row.get("deleted_at") is None:
                at = Workspace(replace(ctx, clock=FixedClock(each.at)))
                row = {**row, "event": {name: each.values.get(name) for name in trigger.gives}}
                parts = look(at, rule.condition, [row], trigger.entity)[0]
                if holds(parts):
                    _hit(at, rule, result, each.at, row, parts)
        progress((until - found[-1].at) / (until - since))
        if result.looked >= MOST_REPORTED:
            result.notes.append(say(ctx, "simulated_cut", most=MOST_REPORTED))
            break
    result.hits.sort(key=lambda hit: hit.at)


def _all_rows(ctx: RunContext, entity: str) -> Iterator[list[Row]]:
    """All records, a portion at a time."""
    table = ctx.app.tables.entity[entity]
    last = 0
    while True:
        query = select(table.c.id).where(table.c.id > last).order_by(table.c.id).limit(AT_ONCE)
        ids = list(ctx.connection.execute(query).scalars())
        rows = read_rows(ctx, entity, ids)
        yield [row for row in rows.values() if row.get("deleted_at") is None]
        if len(ids) < AT_ONCE:
            return
        last = ids[-1]


_WAYS: Mapping[str, Callable[[RunContext, Rule, Simulated, Progress], None]] = {
    "created": _events,
    "changed": _events,
    "transition": _events,
    "becomes": _becomes,
    "date": _dates,
    "every": _turns,
    "event": _reports,
}


# --- what would have been done -------------------------------------------------------------------------------------


def _hit(
    at: Workspace, rule: Rule, result: Simulated, moment: datetime, row: Row, parts: Sequence[Part],
    effects: Effects = (),
) -> None:  # fmt: skip
    result.fired += 1
    result.days.append(moment.astimezone(ZoneInfo(at.model.timezone)).date())
    model = at.model
    entity = model.entities[rule.trigger.entity]
    result.records.add((entity.id, row["id"]))
    if len(result.hits) >= MOST_SHOWN:
        return
    owner, shown = entity.id, row
    if entity.parent and isinstance(row.get("parent"), int):
        at.need(entity.parent, [row["parent"]])
        owner, shown = entity.parent, at.known(entity.parent, row["parent"]) or row
    effects = effects or _effects(at, rule, row)
    title = record_title(model, owner, shown)
    result.hits.append(
        Hit(at=moment, entity=owner, record=shown["id"], title=title, parts=tuple(parts), effects=effects)
    )


def _effects(at: Workspace, rule: Rule, row: Row) -> Effects:
    return tuple(_effect(at, rule, action, row) for action in rule.actions)


def _effect(at: Workspace, rule: Rule, action: Action, row: Row) -> Mapping[str, Any]:
    """What an action would have done."""
    entity = rule.trigger.entity
    if action.kind == "send":
        row = {"cause": "", "before": {}, **row}  # what alerts may name: the past does not tell
        accounts, addresses = People(at.ctx).told(at, action.to, [row], entity)[0]
        text = say_message(at, action.text, row, entity, at.ctx.language) if action.text else ""
        told = {"channel": action.channel, "accounts": sorted(accounts), "addresses": list(addresses), "text": text}
        return {"id": action.id, "kind": action.kind, **told}
    values = {n: kept_value(at.evaluate(expr, [row], None, entity)[0]) for n, expr in action.fill.items()}
    if action.kind == "set":
        return {"id": action.id, "kind": "set", "set": {n: [kept_value(row.get(n)), v] for n, v in values.items()}}
    if action.kind == "start":
        return {"id": action.id, "kind": "start", "plugin": action.plugin, "act": action.act, "given": values}
    return {
        "id": action.id,
        "kind": action.kind,
        "entity": action.entity,
        "transition": action.transition,
        "fill": values,
    }


def _notes(ctx: RunContext, rule: Rule) -> list[str]:
    exprs: list[Expr] = [expr for expr in (rule.condition,) if expr is not None]
    nodes = [node for expr in exprs for node in walk(expr.tree)]
    notes = []
    if any(
        isinstance(node, (Aggregate, Balance)) or (isinstance(node, Path) and len(node.steps) > 1) for node in nodes
    ):
        notes.append(say(ctx, "simulated_elsewhere"))
    if rule.trigger.kind in ("date", "every", "event"):
        notes.append(say(ctx, "simulated_now"))
    return notes
