"""Rules: what they wait for, what they ask, what they do."""

from __future__ import annotations

from datetime import time

from engine.compile.bench import Bench
from engine.compile.constants import after_equals, constant
from engine.compile.part import Part, Word
from engine.compile.paths import walk_path
from engine.compile.plugins import event_trigger, given_names
from engine.compile.rules_actions import compile_actions
from engine.compile.scope import AppScope, parse, parse_condition, scope_of
from engine.expressions.tree import Expr
from engine.expressions.types import YES_NO, Kind
from engine.frozen import Frozen
from engine.model import Rule, Trigger
from engine.problems import did_you_mean, got
from engine.yaml_source import Scalar

TRIGGERS = ("created", "changed", "transition", "becomes", "crosses", "date", "every", "event")
UNITS = {
    **dict.fromkeys(("day", "days"), "days"),
    **dict.fromkeys(("workday", "workdays"), "workdays"),
    **dict.fromkeys(("hour", "hours"), "hours"),
    **dict.fromkeys(("work_hour", "work_hours"), "work_hours"),
}


def compile_rules(bench: Bench) -> Frozen[str, Rule]:
    """All rules."""
    made = {id: _rule(bench, id, part) for id, part in bench.root.parts("rules")}
    return Frozen({id: rule for id, rule in made.items() if rule is not None})


def _rule(bench: Bench, id: str, part: Part) -> Rule | None:
    when = part.part("when")
    if when is None:
        part.problem("D204", "when", "key when is missing", "write when: and what the rule waits for")
        return None
    trigger = _trigger(bench, part, when)
    if trigger is None:
        return None
    scope = scope_of(bench, trigger.entity, given_names(trigger))
    asked = [parse_condition(part.word(key), scope) for key in ("where", "if") if part.has(key)]
    actions = compile_actions(scope, part)
    if not actions and not part.has("then"):
        part.problem("D204", "then", "key then is missing", "write then: and what is done")
    limit = part.part("at_most")
    return Rule(
        id=id,
        label=part.label("label", id),
        help=part.label("help", id) if part.has("help") else None,
        trigger=trigger,
        condition=_both([expr for expr in asked if expr is not None], part, scope),
        actions=actions,
        blocks=part.flag("blocks"),
        most=limit.number("times", 1) if limit else 0,
        hours=limit.number("hours", 24) if limit else 24,
        origin=part.origin,
    )


def _both(found: list[Expr], part: Part, scope: AppScope) -> Expr | None:
    """``where`` and ``if`` are one condition."""
    if len(found) < 2:
        return found[0] if found else None
    return parse(Word(f"({found[0].text}) and ({found[1].text})", part.place, part.path), scope, YES_NO)


def _trigger(bench: Bench, part: Part, when: Part) -> Trigger | None:
    named = [key for key in TRIGGERS if when.has(key)]
    if len(named) != 1:
        what = f"{' and '.join(named)} stand together" if named else "it waits for nothing"
        when.problem("D901", "", what, f"write one of {', '.join(TRIGGERS)}")
        return None
    kind = named[0]
    if kind == "crosses":
        return _crossing(bench, when)
    if kind in ("created", "changed"):
        return _event(bench, when, kind)
    if kind == "transition":
        return _taken(bench, when)
    if kind == "date":
        return _dated(bench, when)
    entity = entity_of(bench, part.word("of"), part)
    if not entity:
        return None
    if kind == "event":
        return event_trigger(bench, when, entity)
    return _becomes(bench, when, entity) if kind == "becomes" else _every(when, entity)


def entity_of(bench: Bench, word: Word | None, part: Part) -> str:
    """The entity a word names, "" with a problem when there is none."""
    if word is None:
        part.problem("D204", "of", "key of is missing", "name the entity")
        return ""
    if word.text not in bench.entities:
        what = f"unknown entity {got(word.text)}"
        bench.problems.add("D304", word.place, word.path, what, did_you_mean(word.text, bench.entities))
        return ""
    return word.text


def _event(bench: Bench, when: Part, kind: str) -> Trigger | None:
    entity = entity_of(bench, when.word(kind), when)
    if not entity:
        return None
    fields = []
    for word in when.words("fields"):
        field = bench.draft(entity, word.text)
        if field is None:
            what = f"{entity} has no field {got(word.text)}"
            bench.problems.add("D305", word.place, word.path, what, did_you_mean(word.text, bench.names(entity)))
        else:
            fields.append(field.id)
    return Trigger(kind=kind, entity=entity, fields=tuple(fields))


def _taken(bench: Bench, when: Part) -> Trigger | None:
    word = when.word("transition")
    if word is None:
        return None
    owner, _, name = word.text.rpartition(".")
    entity = entity_of(bench, Word(owner or word.text, word.place, word.path), when)
    workflow = bench.entities[entity].part.part("workflow") if entity else None
    if not entity:
        return None
    known = [id for id, _ in workflow.parts("transitions")] if workflow else []
    if name not in known:
        what = f"{entity} has no transition {got(name)}"
        bench.problems.add("D304", word.place, word.path, what, did_you_mean(name, known))
        return None
    return Trigger(kind="transition", entity=entity, transition=name)


def _becomes(bench: Bench, when: Part, entity: str) -> Trigger | None:
    scope = scope_of(bench, entity)
    that = parse_condition(when.word("becomes"), scope)
    if that is None:
        return None
    rearm = parse_condition(when.word("again"), scope)
    return Trigger(kind="becomes", entity=entity, that=that, rearm=rearm, once=when.flag("once"))


def _crossing(bench: Bench, when: Part) -> Trigger | None:
    """A figure that passes a threshold is a condition that becomes true."""
    part = when.part("crosses")
    entity = entity_of(bench, part.word("of"), part) if part else ""
    if part is None or not entity:
        return None
    scope, word = scope_of(bench, entity), part.word("value")
    value = parse(word, scope) if word else None
    sides = [key for key in ("reaches", "falls_below") if part.has(key)]
    if word is None or len(sides) != 1:
        part.problem(
            "D901", "", "a crossing has a value and one threshold", "write value: and reaches: or falls_below:"
        )
        return None
    if value is None:
        return None
    up = sides[0] == "reaches"
    that = _compared(part, word, sides[0], ">=" if up else "<", scope, value)
    key = "rearms_below" if up else "rearms_at"
    rearm = _compared(part, word, key, "<" if up else ">=", scope, value) if part.has(key) else None
    if that is None:
        return None
    return Trigger(kind="becomes", entity=entity, that=that, rearm=rearm, once=part.flag("once"))


def _compared(part: Part, value: Word, key: str, operator: str, scope: AppScope, typed: Expr) -> Expr | None:
    side = part.word(key)
    if side is None:
        return None
    if side.text.startswith("="):
        inner = after_equals(side)
    elif constant(side, typed.type, scope) is None:
        return None
    else:
        inner = Word(_plain(side.text), side.place, side.path)
    if parse(inner, scope) is None:
        return None
    return parse(Word(f"({value.text}) {operator} ({inner.text})", side.place, side.path), scope, YES_NO)


def _plain(text: str) -> str:
    """``90 %`` as an expression."""
    return f"{text.rstrip('% ')} / 100" if text.endswith("%") else text


def _dated(bench: Bench, when: Part) -> Trigger | None:
    word = when.word("date")
    if word is None:
        return None
    owner, entity = _owner(bench, word), ""
    if owner:
        entity = entity_of(bench, Word(owner, word.place, word.path), when)
    else:
        when.problem("D207", "date", f"{got(word.text)} names no field", "write entity.field")
    if not entity:
        return None
    path = Word(word.text[len(owner) + 1 :], word.place, word.path)
    found = walk_path(bench, entity, path)
    if found is None:
        return None
    if found[1].type.kind not in (Kind.DATE, Kind.MOMENT):
        what = f"{got(path.text)} is a {found[1].type.kind}, not a date"
        bench.problems.add("D404", word.place, word.path, what, "name a date or a moment")
        return None
    date = parse(path, scope_of(bench, entity))
    amount, unit = span(when, "offset", signed=True)
    return Trigger(
        kind="date",
        entity=entity,
        date=date,
        offset=amount,
        unit=unit,
        at=hour(when, "at"),
        missed=when.text("missed", "late"),
    )


def _owner(bench: Bench, word: Word) -> str:
    """The longest beginning of a path that is an entity: ``purchase_order.lines`` before ``purchase_order``."""
    parts = word.text.split(".")
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        if name in bench.entities:
            return name
    return parts[0] if len(parts) > 1 else ""


def _every(when: Part, entity: str) -> Trigger:
    return Trigger(
        kind="every",
        entity=entity,
        period=when.text("every"),
        day=when.number("day"),
        at=hour(when, "at"),
        missed=when.text("missed", "late"),
    )


def hour(part: Part, key: str) -> time:
    """An hour of the day."""
    text = part.text(key)
    if not text:
        return time(9)
    try:
        return time.fromisoformat(text)
    except ValueError:
        part.problem("D207", key, f"{got(text)} is no hour", "write it as in 08:00")
        return time(9)


def span(part: Part, key: str, *, signed: bool = False, units: tuple[str, ...] = ()) -> tuple[int, str]:
    """A length of time: ``-2 days``, ``24 work_hours``."""
    node = part.get(key)
    if not isinstance(node, Scalar):
        return 0, "days"
    words = node.text.split()
    digits = words[0].lstrip("-+" if signed else "") if words else ""
    unit = UNITS.get(words[1], "") if len(words) == 2 else ""
    if not digits.isdigit() or not unit or (units and unit not in units):
        part.problem("D207", key, f"{got(node.text)} is no length of time", "write it as in 2 days or 8 hours")
        return 0, "days"
    return int(words[0]), unit
