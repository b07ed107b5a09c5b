"""Alerts: what keeps them open, on which level, who is told, what is offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.compile.bench import Bench
from engine.compile.messages import message, plain_message
from engine.compile.part import Part, Word
from engine.compile.plan_rows import message_on_item, on_item
from engine.compile.rules import entity_of, span
from engine.compile.rules_actions import fills, pace, receivers
from engine.compile.scope import AppScope, parse, parse_condition, scope_of
from engine.expressions.tree import Expr
from engine.expressions.types import TEXT, Type
from engine.frozen import Frozen
from engine.model import Alert, Escalation, Level, Offer, Receiver
from engine.problems import did_you_mean, got
from engine.yaml_source import Scalar

COLORS = ("blue", "grey", "yellow", "orange", "red")


def compile_alerts(bench: Bench) -> Frozen[str, Alert]:
    """All alerts."""
    made = {id: _alert(bench, id, part) for id, part in bench.root.parts("alerts")}
    return Frozen({id: alert for id, alert in made.items() if alert is not None})


def _alert(bench: Bench, id: str, part: Part) -> Alert | None:
    rows = _plan_rows(bench, part) if part.has("plan") else entity_of(bench, part.word("of"), part)
    if not rows:
        return None
    plan = rows.removeprefix("plan.") if part.has("plan") else ""
    entity = bench.row_items[rows] if plan else rows
    scope = scope_of(bench, rows)
    condition = parse_condition(part.word("while"), scope)
    if condition is None:
        if not part.has("while"):
            part.problem("D204", "while", "key while is missing", "write while: and what keeps it open")
        return None
    told = scope if plan else scope_of(bench, entity, _told(bench, entity))
    levels = tuple(each for name, inner in part.parts("levels") if (each := _level(scope, told, name, inner)))
    say = message(part.word("say"), told)
    label = part.label("label", id)
    if say is None and not levels:
        part.problem("D204", "say", "key say is missing", "write say: and what is told")
    alert = Alert(
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
        plan=plan,
        origin=part.origin,
    )
    return _on_item(alert) if plan else alert


def _plan_rows(bench: Bench, part: Part) -> str:
    """What the expressions of an alert over a plan stand on, "" with a problem when there is no such plan."""
    if part.has("of"):
        part.problem("D902", "plan", "of and plan stand together", "write one of of, plan")
    name = part.text("plan").removeprefix("plan.")
    if f"plan.{name}" not in bench.rows:
        plans = [id for id, _ in bench.root.parts("plans")]
        part.problem("D304", "plan", f"unknown plan {got(name)}", did_you_mean(name, plans))
        return ""
    return f"plan.{name}"


def _on_item(alert: Alert) -> Alert:
    """The alert with its expressions standing on the item."""

    def moved(expr: Expr) -> Expr:
        return on_item(expr, alert.plan, alert.entity)

    levels = (
        replace(
            level,
            condition=moved(level.condition),
            say=message_on_item(level.say, alert.plan, alert.entity) if level.say else None,
            to=_people_on_item(alert, level.to),
        )
        for level in alert.levels
    )
    return replace(
        alert,
        condition=moved(alert.condition),
        until=moved(alert.until) if alert.until else None,
        say=message_on_item(alert.say, alert.plan, alert.entity),
        to=_people_on_item(alert, alert.to),
        levels=tuple(levels),
        escalate=tuple(replace(each, to=_people_on_item(alert, each.to)) for each in alert.escalate),
    )


def _people_on_item(alert: Alert, to: Sequence[Receiver]) -> tuple[Receiver, ...]:
    return tuple(replace(each, expr=on_item(each.expr, alert.plan, alert.entity)) if each.expr else each for each in to)


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
    if part.has("open"):
        return _opening(scope, part, id)
    part.problem("D902", "", "it offers nothing", "write one of plan, set, snooze, open")
    return None


def _opening(scope: AppScope, part: Part, id: str) -> Offer | None:
    """A record that is opened: named by its code, which the record of the alert gives."""
    entity, word = part.text("open"), part.word("code")
    if entity not in scope.bench.entities:
        known = scope.bench.entities
        part.problem("D304", "open", f"unknown entity {got(entity)}", did_you_mean(entity, known))
        return None
    code = parse(word, scope, TEXT) if word else None
    if code is None:
        part.problem("D204", "code", "key code is missing", "write code: and how to find the code of the record")
        return None
    return Offer(id=id, label=part.label("label", id), kind="open", entity=entity, code=code)


def _plan(bench: Bench, id: str, word: Word) -> Offer | None:
    name = word.text.removeprefix("plan.")
    plans = dict(bench.root.parts("plans"))
    if name not in plans:
        what = f"unknown plan {got(name)}"
        bench.problems.add("D304", word.place, word.path, what, did_you_mean(name, plans))
        return None
    return Offer(id=id, label=plans[name].label("label", name), kind="plan", plan=name)
