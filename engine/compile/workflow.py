"""Workflows: states, transitions, who may, what is asked for, approvals."""

from __future__ import annotations

from engine.compile.bench import Bench
from engine.compile.messages import message
from engine.compile.part import Part, Word
from engine.compile.paths import checked_paths, walk_path
from engine.compile.scope import AppScope, parse, parse_condition, scope_of
from engine.expressions.tree import Expr
from engine.expressions.types import TEXT, reference
from engine.frozen import Frozen
from engine.model import Approval, Demand, State, Step, Transition, Who, Workflow
from engine.problems import did_you_mean, got
from engine.yaml_source import Block, Items, Node, Scalar


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
        approval=_approval(scope, approval, transitions) if approval else None,
        color=part.text("color"),
    )


def _approval(scope: AppScope, part: Part, transitions: dict[str, Part]) -> Approval | None:
    steps = tuple(_step(scope, id, each) for id, each in part.parts("steps"))
    nobody = who_of(scope, part.get("nobody"), part.path_of("nobody"))
    if nobody is None:
        if not part.has("nobody"):
            part.problem("D204", "", "key nobody is missing", "say who decides when nobody is found")
        nobody = Who(kind="role")
    outcome: dict[str, str] = {}
    written = part.part("outcome")
    for key, usual in (("approved", "approve"), ("refused", "reject")):
        word = written.word(key) if written else None
        id = word.text if word else usual
        if id in transitions:
            outcome[key] = id
        else:
            place = word.place if word else part.place
            path = word.path if word else part.path
            remedy = did_you_mean(id, transitions)
            scope.bench.problems.add("D604", place, path, f"{key}: there is no transition {got(id)}", remedy)
    return Approval(steps=steps, nobody=nobody, outcome=Frozen(outcome))


def _step(scope: AppScope, id: str, part: Part) -> Step:
    who = _people(scope, part, "who")
    if not who:
        part.problem("D204", "who", "nobody decides this step", "write who: [{role: …}]")
    return Step(
        id=id,
        label=part.label("label", id),
        who=who,
        condition=parse_condition(part.word("if"), scope),
        decide=part.text("decide", "any"),
        stage=part.number("stage"),
    )


def _people(scope: AppScope, part: Part, key: str) -> tuple[Who, ...]:
    node = part.get(key)
    items = node.items if isinstance(node, Items) else [node] if isinstance(node, Scalar) else []
    found = (who_of(scope, item, part.path_of(key)) for item in items)
    return tuple(who for who in found if who is not None)


def who_of(scope: AppScope, node: Node | None, path: str) -> Who | None:
    """Someone who may act: a role id, or a block with role, field or member."""
    if isinstance(node, Scalar):
        return _role(scope, Word(node.text, node.place, path))
    if not isinstance(node, Block):
        return None
    part = Part(node, path, scope.bench.problems)
    role, field, member = part.word("role"), part.word("field"), part.word("member")
    if role is not None:
        return _role(scope, role)
    word = field or member
    if word is None:
        part.problem("D204", "", "neither role, field nor member", "write one of them")
        return None
    if field is not None and walk_path(scope.bench, scope.root_entity, field) is None:
        return None
    expect = reference(scope.bench.members) if scope.bench.members else None
    expr = parse(word, scope, expect)
    return Who(kind="field" if field else "member", expr=expr) if expr else None


def _role(scope: AppScope, word: Word) -> Who | None:
    roles = scope.bench.root.part("roles")
    known = list(roles.block.entries) if roles else []
    if word.text not in known:
        scope.bench.problems.add(
            "D304", word.place, word.path, f"unknown role {got(word.text)}", did_you_mean(word.text, known)
        )
        return None
    return Who(kind="role", role=word.text)


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
        by=_people(scope, part, "by"),
        condition=condition,
        say=message(part.word("say"), scope),
        demands=_demands(scope, part.part("demands")),
        posts=part.text("posts") or id,
        reverses=tuple(w.text for w in part.words("reverses") if _known(scope, w, all, "transition")),
        kind=part.text("kind") or _kind(id, to, origins, part, states),
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


def _demands(scope: AppScope, part: Part | None) -> tuple[Demand, ...]:
    if part is None:
        return ()
    done = []
    for kind in ("note", "photo", "file", "signature"):
        text = part.text(kind)
        if text and text != "false":
            done.append(Demand(kind=kind, count=int(text) if text.isdigit() else 1))
    scan = part.word("scan")
    if scan is not None:
        done.append(Demand(kind="scan", expr=parse(scan, scope, TEXT)))
    done.extend(_demanded_fields(scope, part))
    return tuple(done)


def _demanded_fields(scope: AppScope, part: Part) -> list[Demand]:
    done = []
    for word in part.words("fields"):
        if walk_path(scope.bench, scope.root_entity, word):
            done.append(Demand(kind="field", field=word.text))
    for id, word in part.pairs("fields"):
        named = Word(id, word.place, word.path)
        if walk_path(scope.bench, scope.root_entity, named):
            expr: Expr | None = None if word.text == "true" else parse_condition(word, scope)
            done.append(Demand(kind="field", field=id, expr=expr))
    return done
