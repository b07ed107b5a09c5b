"""Workflows: states and the transitions between them."""

from __future__ import annotations

from engine.compile.approvals import compile_approval, demands, people
from engine.compile.bench import Bench
from engine.compile.messages import message
from engine.compile.part import Part, Word
from engine.compile.paths import checked_paths
from engine.compile.scope import AppScope, parse_condition, scope_of
from engine.frozen import Frozen
from engine.model import State, Transition, Workflow
from engine.problems import did_you_mean, got


def compile_workflow(bench: Bench, entity: str, part: Part | None) -> Workflow | None:
    """The workflow of an entity, if it has one."""
    if part is None:
        return None
    scope = scope_of(bench, entity)
    states = dict(part.parts("states"))
    transitions = dict(part.parts("transitions"))
    return Workflow(
        states=Frozen({id: _state(scope, id, each, transitions) for id, each in states.items()}),
        transitions=Frozen({id: _transition(scope, id, each, states, transitions) for id, each in transitions.items()}),
    )


def _state(scope: AppScope, id: str, part: Part, transitions: dict[str, Part]) -> State:
    """A state; one that no transition leaves is an end."""
    left = {word.text for each in transitions.values() for word in each.words("from")}
    approval = part.part("approval")
    return State(
        id=id,
        label=part.label("label", id),
        start=part.flag("start"),
        end=part.flag("end") or id not in left,
        edit=checked_paths(scope.bench, scope.root_entity, part.words("edit")),
        approval=compile_approval(scope, approval, transitions) if approval else None,
        color=part.text("color"),
    )


def _transition(scope: AppScope, id: str, part: Part, states: dict[str, Part], all: dict[str, Part]) -> Transition:
    origins = tuple(_known(scope, word, states, "state") for word in part.words("from"))
    target = part.word("to")
    for key in ("from", "to"):
        if not part.has(key):
            part.problem("D204", "", f"key {key} is missing", f"write {key}: and a state")
    to = _known(scope, target, states, "state") if target else ""
    condition = parse_condition(part.word("if"), scope)
    return Transition(
        id=id,
        label=part.label("label", id),
        origins=tuple(origin for origin in origins if origin),
        target=to,
        by=people(scope, part, "by"),
        condition=condition,
        say=message(part.word("say"), scope),
        demands=demands(scope, part.part("demands")),
        posts=part.text("posts") or id,
        reverses=tuple(w.text for w in part.words("reverses") if _known(scope, w, all, "transition")),
        kind=part.text("kind") or _kind(id, to, origins, part, states),
        unsaid=part.has("until"),
    )


def _known(scope: AppScope, word: Word, known: dict[str, Part], what: str) -> str:
    if word.text in known:
        return word.text
    told = f"unknown {what} {got(word.text)}"
    scope.bench.problems.add("D304", word.place, word.path, told, did_you_mean(word.text, known))
    return ""


def _kind(id: str, to: str, origins: tuple[str, ...], part: Part, states: dict[str, Part]) -> str:
    """Back when it leads to an earlier state, cancel when it ends by undoing; else forward."""
    if not to or not all(origins):
        return "forward"
    order = list(states)
    if states[to].flag("start") or all(order.index(to) < order.index(origin) for origin in origins):
        return "back"
    return "cancel" if states[to].flag("end") and (part.has("reverses") or id == "cancel") else "forward"
