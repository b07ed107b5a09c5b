"""Alerts: what keeps them open, on which level, who is told, what is offered."""

from __future__ import annotations

from engine.compile.bench import Bench
from engine.compile.messages import message, plain_message
from engine.compile.part import Part, Word
from engine.compile.rules import entity_of, span
from engine.compile.rules_actions import fills, pace, receivers
from engine.compile.scope import AppScope, parse_condition, scope_of
from engine.expressions.types import TEXT, Type
from engine.frozen import Frozen
from engine.model import Alert, Escalation, Level, Offer
from engine.problems import did_you_mean, got
from engine.yaml_source import Scalar

COLORS = ("blue", "grey", "yellow", "orange", "red")


def compile_alerts(bench: Bench) -> Frozen[str, Alert]:
    """All alerts."""
    made = {id: _alert(bench, id, part) for id, part in bench.root.parts("alerts")}
    return Frozen({id: alert for id, alert in made.items() if alert is not None})


def _alert(bench: Bench, id: str, part: Part) -> Alert | None:
    entity = entity_of(bench, part.word("of"), part)
    if not entity:
        return None
    scope = scope_of(bench, entity)
    condition = parse_condition(part.word("while"), scope)
    if condition is None:
        if not part.has("while"):
            part.problem("D204", "while", "key while is missing", "write while: and what keeps it open")
        return None
    told = scope_of(bench, entity, _told(bench, entity))
    levels = tuple(each for name, inner in part.parts("levels") if (each := _level(scope, told, name, inner)))
    say = message(part.word("say"), told)
    label = part.label("label", id)
    if say is None and not levels:
        part.problem("D204", "say", "key say is missing", "write say: and what is told")
    return Alert(
        id=id,
        label=label,
        help=part.label("help", id) if part.has("help") else None,
        entity=entity,
        condition=condition,
        until=parse_condition(part.word("until"), scope),
        color=part.text("color", "red"),
        to=receivers(scope, part),
        channels=tuple(word.text for word in part.words("channels")),
        say=say or plain_message(label.zh, label.en),
        levels=levels,
        escalate=tuple(_escalation(scope, name, inner) for name, inner in part.parts("escalate")),
        offers=tuple(each for each in (_offer(scope, part, name) for name, _ in part.entries("offers")) if each),
        pace=pace(part),
        origin=part.origin,
    )


def _told(bench: Bench, entity: str) -> dict[str, Type]:
    """What a message may name beside the record: ``before.x`` of its fields, and what caused it."""
    fields = bench.entities[entity].fields.values()
    kept = {f"before.{f.id}": bench.ask(f).type for f in fields if not f.lines and not bench.ask(f).type.many}
    return {**kept, "cause": TEXT}


def _level(scope: AppScope, told: AppScope, id: str, part: Part) -> Level | None:
    condition = parse_condition(part.word("while"), scope)
    if condition is None:
        if not part.has("while"):
            part.problem("D204", "while", "key while is missing", "write while: and when the level holds")
        return None
    days, _ = span(part, "repeat", units=("days",))
    return Level(
        id=id,
        label=part.label("label", id),
        condition=condition,
        color=part.text("color", "red"),
        to=receivers(scope, part),
        channels=tuple(word.text for word in part.words("channels")),
        say=message(part.word("say"), told),
        repeat=days,
        urgent=part.flag("urgent"),
    )


def _escalation(scope: AppScope, id: str, part: Part) -> Escalation:
    if not part.has("after"):
        part.problem("D204", "after", "key after is missing", "write after: and how long, as in 24 hours")
    after, unit = span(part, "after")
    return Escalation(id=id, after=after, unit=unit, to=receivers(scope, part))


def _offer(scope: AppScope, alert: Part, id: str) -> Offer | None:
    offers = alert.part("offers")
    if offers is None:
        return None
    node = offers.get(id)
    if isinstance(node, Scalar):
        return _plan(scope.bench, id, Word(node.text, node.place, offers.path_of(id)))
    part = offers.part(id)
    if part is None or part.retired:
        return None
    plan = part.word("plan")
    if plan is not None:
        return _plan(scope.bench, id, plan)
    label = part.label("label", id)
    if part.has("set"):
        return Offer(id=id, label=label, kind="set", fill=fills(scope, part, "set", scope.root_entity))
    if part.has("snooze"):
        days, _ = span(part, "snooze", units=("days",))
        return Offer(id=id, label=label, kind="snooze", days=days)
    part.problem("D902", "", "it offers nothing", "write one of plan, set, snooze")
    return None


def _plan(bench: Bench, id: str, word: Word) -> Offer | None:
    name = word.text.removeprefix("plan.")
    plans = dict(bench.root.parts("plans"))
    if name not in plans:
        what = f"unknown plan {got(name)}"
        bench.problems.add("D304", word.place, word.path, what, did_you_mean(name, plans))
        return None
    return Offer(id=id, label=plans[name].label("label", name), kind="plan", plan=name)
