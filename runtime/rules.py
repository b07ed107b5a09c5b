"""Rules at work: when the outermost door of a write closes, whatever concerns a rule is looked at, in the same
transaction.

A rule acts on a record at most once in a transaction: where its own effects would set it off again it stops, and says
so. A rule that breaks never refuses the save (unless it is declared to); it is *failed*, with its reason in the trace,
and those who administer the app are told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy.exc import DBAPIError

from engine.expressions.tree import Expr
from engine.model import Rule
from runtime import alerts, alerts_telling, rules_dates, rules_states, rules_traces
from runtime.context import SYSTEM, RunContext
from runtime.database import RETRIED
from runtime.happenings import Journal, door, seeds
from runtime.rules_actions import Acting, Done, act, breaks_nothing, leaves_nothing
from runtime.rules_index import Index, Watch, index_of
from runtime.rules_look import Records, holds, look
from runtime.rules_people import People
from runtime.rules_running import (
    CHAIN_TEXT,
    LOOP_TEXT,
    ROUNDS,
    Running,
    broken,
    fail,
    tell_administrators,
)
from runtime.rules_sets import Turn, Waiting, only_sets
from runtime.rules_traces import ALREADY, FIRED, LIMITED, LOOP, REFUSED, Trace, reason_of
from runtime.rules_watch import events, touched, worth_a_look

Row = dict[str, Any]


def follow(ctx: RunContext, journal: Journal) -> None:
    """Everything that rules and alerts do about what happened, and about what they do themselves."""
    running = _running(ctx)
    rounds = 0
    while journal and rounds < ROUNDS:
        rounds += 1
        read, taken = journal.take_read(), journal.take()
        running.records.start(seeds(taken), read)
        looks = touched(running.records.at, running.index, taken)
        warned = {watch: looks.pop(watch) for watch in list(looks) if watch.kind == "alert"}
        for rule, ids, event in events(running.index, taken):
            run(running, rule, ids, event)
        settle(running)
        for watch in sorted(looks, key=lambda each: _place(running.index, each)):
            if watch.kind != "changed":  # the others look at records before a rule is asked
                settle(running)
            WATCHES[watch.kind](running, watch, sorted(looks[watch]), taken)
        settle(running)
        running.say()
        worth = worth_a_look(running.records.at, warned, taken)
        for watch in sorted(worth, key=lambda each: _place(running.index, each)):
            _alert(running, watch, sorted(worth[watch]), taken)
    if journal:
        _cut(running, journal)
    rules_traces.write(ctx, running.traces)


def _cut(running: Running, journal: Journal) -> None:
    """Rules have followed rules for too long: those whose turn would be next are stopped, and say so."""
    taken = journal.take()
    running.records.start(seeds(taken), journal.take_read())
    looks = touched(running.records.at, running.index, taken)
    next_ones = [(rule, ids, event) for rule, ids, event in events(running.index, taken)]
    next_ones += [(w.subject, sorted(ids), w.kind) for w, ids in looks.items() if isinstance(w.subject, Rule)]
    for rule, ids, event in next_ones:
        if running.is_off(rule.id) or event == "date":
            continue
        running.traces += [Trace(rule.id, rule.trigger.entity, i, event, LOOP) for i in ids]
        tell_administrators(running, rule, {"id": ids[0]}, CHAIN_TEXT)
    running.say()
    for watch in sorted((w for w in looks if w.kind in ("alert", "date")), key=lambda w: _place(running.index, w)):
        WATCHES[watch.kind](running, watch, sorted(looks[watch]), taken)  # they set nothing off


def _running(ctx: RunContext) -> Running:
    return Running(ctx, Records(ctx), People(ctx), index_of(ctx))


def _place(index: Index, watch: Watch) -> int:
    return index.watches.index(watch)


# --- what a watch does -----------------------------------------------------------------------------------------


def _becomes(running: Running, watch: Watch, ids: Sequence[int], taken: Journal) -> None:
    """A condition that turned true sets the rule off; one that is true already does not."""
    rule = watch.subject
    assert isinstance(rule, Rule)
    if running.is_off(rule.id):
        return
    found = running.records.rows(watch.entity, ids)
    started = time.perf_counter()
    try:
        with _reading(running, rule, rule.trigger.that, rule.trigger.rearm):
            looked = look(running.records.at, rule.trigger.that, found, watch.entity)
            rearmed = look(running.records.at, rule.trigger.rearm, found, watch.entity)
    except (ArithmeticError, ValueError) as error:
        broken(running, rule, [row["id"] for row in found], "becomes", error)
        return
    true = {row["id"]: parts for row, parts in zip(found, looked, strict=True) if holds(parts)}
    free = [
        row["id"]
        for row, parts, again in zip(found, looked, rearmed, strict=True)
        if not holds(parts) and not rule.trigger.once and (rule.trigger.rearm is None or holds(again))
    ]
    fired = rules_states.settle(running.ctx, rule.id, sorted(true), free)
    micros = _micros(started, found)
    for row, parts in zip(found, looked, strict=True):
        if row["id"] not in fired:
            result = ALREADY if row["id"] in true else REFUSED
            running.traces.append(
                Trace(rule.id, watch.entity, row["id"], "becomes", result, conditions=parts, micros=micros)
            )
    if fired:
        run(running, rule, sorted(fired), "becomes", {i: true[i] for i in fired})


def _changed(running: Running, watch: Watch, ids: Sequence[int], taken: Journal) -> None:
    assert isinstance(watch.subject, Rule)
    run(running, watch.subject, ids, "changed")


def _date(running: Running, watch: Watch, ids: Sequence[int], taken: Journal) -> None:
    assert isinstance(watch.subject, Rule)
    try:
        rules_dates.remind(running.records, watch.subject, ids)
    except (ArithmeticError, ValueError) as error:
        broken(running, watch.subject, ids, "date", error)


def _alert(running: Running, watch: Watch, ids: Sequence[int], taken: Journal) -> None:
    if not running.is_off(f"alert:{watch.id}"):
        cause = alerts.cause_of(running.ctx, taken)
        try:
            alerts.look_at(running.ctx, running.records, running.people, watch.id, ids, cause, taken)
        except (ArithmeticError, ValueError) as error:  # an alert that cannot be worked out refuses no save
            alerts_telling.tell_failed(running.ctx, running.ctx.app.model.alerts[watch.id], reason_of(error))


WATCHES: Mapping[str, Callable[[Running, Watch, Sequence[int], Journal], None]] = {
    "becomes": _becomes,
    "changed": _changed,
    "date": _date,
    "alert": _alert,
}


# --- running a rule --------------------------------------------------------------------------------------------


def run(
    running: Running, rule: Rule, ids: Sequence[int], event: str, known: Mapping[int, Sequence[Any]] | None = None
) -> None:
    """Ask the rule's condition and act where it holds. ``known``: parts that were looked at on the way here."""
    if running.waiting.turns and running.waiting.hinders(running.ctx, rule):
        settle(running)
    started = time.perf_counter()
    rows = running.records.rows(rule.trigger.entity, list(dict.fromkeys(ids)))
    try:
        with _reading(running, rule, rule.condition):
            looked = look(running.records.at, rule.condition, rows, rule.trigger.entity)
    except (ArithmeticError, ValueError) as error:
        broken(running, rule, [row["id"] for row in rows], event, error)
        return
    traces = {
        row["id"]: Trace(
            rule.id, rule.trigger.entity, row["id"], event, conditions=(*(known or {}).get(row["id"], ()), *parts)
        )
        for row, parts in zip(rows, looked, strict=True)
    }
    due = [row for row, parts in zip(rows, looked, strict=True) if holds(parts)]
    if due and running.is_off(rule.id):
        return
    due = _allowed(running, rule, due, traces)
    if due:
        _act(running, rule, due, event, traces)
    micros = _micros(started, rows)
    for trace in traces.values():
        trace.micros = micros
    running.traces.extend(traces.values())


@contextmanager
def _reading(running: Running, rule: Rule, *exprs: Expr | None) -> Iterator[None]:
    """While conditions are looked at: what the database cannot work out is the rule's fault and not the save's."""
    ctx, asked = running.ctx, tuple(expr for expr in exprs if expr is not None)
    key = ("reading breaks nothing", *map(id, asked))
    unbroken = ctx.app.programs.keep(key, lambda: (asked, breaks_nothing(ctx, asked, rule.trigger.entity)))[1]
    try:
        with nullcontext() if unbroken else ctx.connection.begin_nested():
            yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") in RETRIED:
            raise
        raise ArithmeticError(reason_of(error)) from error


def _micros(started: float, rows: Sequence[Row]) -> int:
    return int((time.perf_counter() - started) * 1_000_000 / max(len(rows), 1))


def _allowed(running: Running, rule: Rule, due: Sequence[Row], traces: Mapping[int, Trace]) -> list[Row]:
    """Without those on which it has acted too often, or already in this transaction."""
    ids = [row["id"] for row in due]
    often: dict[int, int] = {}
    if rule.most and ids:
        since = running.ctx.now() - timedelta(hours=rule.hours)
        often = rules_traces.fired_since(running.ctx, rule.id, ids, since)
    allowed = []
    for row in due:
        if (rule.id, row["id"]) in running.acted:
            traces[row["id"]].result = LOOP
            tell_administrators(running, rule, row, LOOP_TEXT)
        elif rule.most and often.get(row["id"], 0) >= rule.most:
            traces[row["id"]].result = LIMITED
        else:
            allowed.append(row)
    return allowed


def _act(running: Running, rule: Rule, due: Sequence[Row], event: str, traces: Mapping[int, Trace]) -> None:
    """All at once; where that fails, one by one, so that one record's fault is not the others'."""
    running.acted.update((rule.id, row["id"]) for row in due)
    ctx = running.ctx
    if ctx.app.programs.keep(("only sets", rule.id), lambda: only_sets(ctx, rule)) and _waits(
        running, rule, due, event, traces
    ):
        return
    _act_now(running, rule, due, event, traces)


def _waits(running: Running, rule: Rule, due: Sequence[Row], event: str, traces: Mapping[int, Trace]) -> bool:
    """Let what a rule sets wait for what others set; ``False``: what it sets cannot be worked out."""
    acting = Acting(running.ctx, rule, running.records.at, running.people, event, "")
    return _attempt(running, lambda: running.waiting.add(acting, due, traces)) is None


def settle(running: Running) -> None:
    """Write what waits; where that fails, each rule writes its own, so that one rule's fault is not the others'."""
    waiting, running.waiting = running.waiting, Waiting()
    if not waiting.turns:
        return
    ctx = replace(running.ctx, user=SYSTEM, source="rule")
    started = time.perf_counter()
    error = _attempt(running, lambda: waiting.write(ctx))
    micros = _micros(started, [row for turn in waiting.turns for row in turn.due])
    for turn in waiting.turns:
        if error is None:
            turn.fired(micros)
        else:
            _by_itself(running, turn, micros)
    running.records.changed()


def _by_itself(running: Running, turn: Turn, micros: int) -> None:
    """A turn whose rule writes alone, on its records as the rules before it have left them."""
    started = time.perf_counter()
    found = running.records.rows(turn.rule.trigger.entity, [row["id"] for row in turn.due])
    if found:
        _act_now(running, turn.rule, turn.renewed(found), turn.event, turn.traces)
    turn.took(micros + _micros(started, turn.due))


def _act_now(running: Running, rule: Rule, due: Sequence[Row], event: str, traces: Mapping[int, Trace]) -> None:
    error = _tried(running, rule, due, event, traces)
    if error is not None and len(due) > 1:
        for row in due:
            error = _tried(running, rule, [row], event, traces)
            if error is not None:
                fail(running, rule, row, traces, error)
    elif error is not None:
        fail(running, rule, due[0], traces, error)


def _tried(
    running: Running, rule: Rule, due: Sequence[Row], event: str, traces: Mapping[int, Trace]
) -> Exception | None:
    ctx, done = running.ctx, list[list[Done]]()
    acting = Acting(ctx, rule, running.records.at, running.people, event, f"rule:{rule.id}:{uuid4().hex[:12]}")
    unbroken = ctx.app.programs.keep(("leaves nothing", rule.id), lambda: leaves_nothing(ctx, rule))
    error = _attempt(running, lambda: done.extend(act(acting, due)), savepoint=not unbroken)
    if error is not None:
        return error
    running.said.extend(acting.said)
    for row, told in zip(due, done, strict=True):
        trace = traces[row["id"]]
        trace.result, trace.actions = FIRED, list(told)
    if any(action.kind != "send" for action in rule.actions):
        running.records.changed()
    return None


def _attempt(running: Running, work: Callable[[], None], *, savepoint: bool = True) -> Exception | None:
    """Do something of which nothing stays if it fails; what was wrong."""
    try:
        with running.ctx.connection.begin_nested() if savepoint else nullcontext():
            work()
    except Exception as error:  # one rule's fault becomes a step of its trace, never the fault of the save
        if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") in RETRIED:
            raise
        running.records.changed()
        return error
    return None


# --- by the clock ----------------------------------------------------------------------------------------------


def run_at(ctx: RunContext, rule: Rule, ids: Sequence[int], event: str) -> None:
    """Run a rule on records because their moment has come."""
    with door(ctx):
        running = _running(ctx)
        run(running, rule, ids, event)
        settle(running)
        running.say()
        rules_traces.write(ctx, running.traces)


def run_events(ctx: RunContext, rule: Rule, raised: Mapping[int, Mapping[str, Any]]) -> None:
    """Run a rule on the records about which a plug-in raised the event it waits for, with the values of each."""
    with door(ctx):
        running = _running(ctx)
        for row in running.records.rows(rule.trigger.entity, list(raised)):
            row["event"] = {name: raised[row["id"]].get(name) for name in rule.trigger.gives}
        run(running, rule, list(raised), rule.trigger.event)
        settle(running)
        running.say()
        rules_traces.write(ctx, running.traces)


def look_again(ctx: RunContext, watch: Watch, ids: Sequence[int]) -> None:
    """Look at records because the clock went on, or because a rule is new."""
    with door(ctx):
        running = _running(ctx)
        WATCHES[watch.kind](running, watch, ids, Journal())
        settle(running)
        running.say()
        rules_traces.write(ctx, running.traces)
