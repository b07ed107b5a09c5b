"""What rules and alerts do: messages and who gets them, fields, documents, transitions."""

from __future__ import annotations

from datetime import time

from engine.compile.bench import Bench
from engine.compile.constants import value_or_expression
from engine.compile.messages import message
from engine.compile.part import Part, Word
from engine.compile.paths import walk_path
from engine.compile.plugins import start_action
from engine.compile.scope import AppScope, parse
from engine.expressions.tree import Expr
from engine.expressions.types import TEXT, Kind
from engine.frozen import Frozen
from engine.model import Action, Pace, Receiver
from engine.problems import did_you_mean, got
from engine.yaml_source import Block, Items, Node, Scalar

KINDS = ("send", "set", "create", "draw", "take", "start")


def compile_actions(scope: AppScope, part: Part) -> tuple[Action, ...]:
    """The actions of a rule, in order."""
    found = (_action(scope, id, each) for id, each in part.parts("then"))
    return tuple(action for action in found if action is not None)


def _action(scope: AppScope, id: str, part: Part) -> Action | None:
    named = [key for key in KINDS if part.has(key)]
    if len(named) != 1:
        what = f"{' and '.join(named)} stand together" if named else "it does nothing"
        part.problem("D902", "", what, f"write one of {', '.join(KINDS)}")
        return None
    return _COMPILERS[named[0]](scope, id, part)


def _send(scope: AppScope, id: str, part: Part) -> Action | None:
    to = receivers(scope, part)
    channel = part.text("send")
    if not to and channel != "webhook" and not part.has("to"):
        part.problem("D204", "to", "nobody is told", "write to: [{role: …}]")
    text = message(part.word("say"), scope)
    if text is None and channel != "webhook":
        part.problem("D204", "say", "key say is missing", "write say: and the text")
    return Action(
        id=id,
        kind="send",
        channel=channel,
        more=tuple(word.text for word in part.words("channels")),
        to=to,
        title=message(part.word("subject"), scope),
        text=text,
        digest=part.flag("digest"),
        pace=pace(part),
        attach=tuple(_prints(scope.bench, part)),
        url=part.text("url"),
    )


def pace(part: Part) -> Pace:
    """When messages may leave."""
    begins, _, ends = (each.strip() for each in part.text("quiet").partition("-"))
    quiet = (_hour(part, "quiet", begins), _hour(part, "quiet", ends)) if part.has("quiet") else (None, None)
    return Pace(
        urgent=part.flag("urgent"),
        quiet=(quiet[0], quiet[1]) if quiet[0] is not None and quiet[1] is not None else None,
        daily=_hour(part, "daily", part.text("daily")) if part.has("daily") else None,
    )


def _hour(part: Part, key: str, text: str) -> time | None:
    try:
        return time.fromisoformat(text)
    except ValueError:
        example = "20:00-07:00" if key == "quiet" else "17:30"
        part.problem("D207", key, f"{got(part.text(key))} is no hour", f"write it as in {example}")
        return None


def _prints(bench: Bench, part: Part) -> list[str]:
    known = [id for key in ("prints", "labels") for id, _ in bench.root.parts(key)]
    done = []
    for word in part.words("attach"):
        name = word.text.removeprefix("print.")
        if name not in known:
            bench.problems.add("D304", word.place, word.path, f"unknown print {got(name)}", did_you_mean(name, known))
        else:
            done.append(name)
    return done


def _set(scope: AppScope, id: str, part: Part) -> Action:
    return Action(id=id, kind="set", fill=fills(scope, part, "set", scope.root_entity))


def _create(scope: AppScope, id: str, part: Part) -> Action | None:
    entity = part.text("create")
    if entity not in scope.bench.entities:
        part.problem("D304", "create", f"unknown entity {got(entity)}", did_you_mean(entity, scope.bench.entities))
        return None
    return Action(id=id, kind="create", entity=entity, fill=fills(scope, part, "fill", entity))


def _draw(scope: AppScope, id: str, part: Part) -> Action | None:
    entity, _, source = part.text("draw").partition(".")
    draft = scope.bench.entities.get(entity)
    known = [f"{name}.{key}" for name, each in scope.bench.entities.items() for key, _ in each.part.parts("sources")]
    if draft is None or f"{entity}.{source}" not in known:
        word = part.text("draw")
        part.problem("D304", "draw", f"unknown source {got(word)}", did_you_mean(word, known))
        return None
    return Action(id=id, kind="draw", entity=entity, source=source, fill=fills(scope, part, "fill", entity))


def _take(scope: AppScope, id: str, part: Part) -> Action | None:
    name = part.text("take")
    workflow = scope.bench.entities[scope.root_entity].part.part("workflow")
    known = [each for each, _ in workflow.parts("transitions")] if workflow else []
    if name not in known:
        part.problem("D304", "take", f"{scope.root_entity} has no transition {got(name)}", did_you_mean(name, known))
        return None
    return Action(id=id, kind="take", transition=name)


_COMPILERS = {"send": _send, "set": _set, "create": _create, "draw": _draw, "take": _take, "start": start_action}


def fills(scope: AppScope, part: Part, key: str, entity: str) -> Frozen[str, Expr]:
    """Field id of ``entity`` → a constant or what an expression on the rule's record gives."""
    done: dict[str, Expr] = {}
    for id, word in part.pairs(key):
        target = scope.bench.draft(entity, id)
        if target is None or target.part.has("formula"):
            what = f"{entity} has no field {got(id)}" if target is None else f"{got(id)} is computed"
            remedy = did_you_mean(id, scope.bench.names(entity))
            scope.bench.problems.add("D305", word.place, word.path, what, remedy)
            continue
        expr = value_or_expression(word, scope.bench.ask(target).type, scope)
        if expr is not None:
            done[target.id] = expr
    return Frozen(done)


def receivers(scope: AppScope, part: Part, key: str = "to") -> tuple[Receiver, ...]:
    """Who is told."""
    node = part.get(key)
    items = node.items if isinstance(node, Items) else ()
    found = (_receiver(scope, item, part.path_of(key)) for item in items)
    return tuple(each for each in found if each is not None)


def _receiver(scope: AppScope, node: Node, path: str) -> Receiver | None:
    if isinstance(node, Scalar):
        return _role(scope.bench, Word(node.text, node.place, path))
    if not isinstance(node, Block):
        return None
    part = Part(node, path, scope.bench.problems)
    role, address = part.word("role"), part.word("address")
    if role is not None:
        return _role(scope.bench, role)
    if address is not None:
        expr = parse(address, scope, TEXT)
        return Receiver(kind="address", expr=expr) if expr else None
    word = part.word("field") or part.word("member")
    if word is None:
        part.problem("D204", "", "neither role, field, member nor address", "write one of them")
        return None
    if part.has("field") and walk_path(scope.bench, scope.root_entity, word) is None:
        return None
    expr = parse(word, scope)
    if expr is None:
        return None
    if expr.type.kind is not Kind.REFERENCE or scope.bench.members not in expr.type.targets:
        what = f"{got(word.text)} is no member"
        remedy = f"name a field that refers to {scope.bench.members or 'members'}"
        scope.bench.problems.add("D903", word.place, word.path, what, remedy)
        return None
    return Receiver(kind="field" if part.has("field") else "member", expr=expr)


def _role(bench: Bench, word: Word) -> Receiver | None:
    known = [id for id, _ in bench.root.parts("roles")]
    if word.text not in known:
        what = f"unknown role {got(word.text)}"
        bench.problems.add("D304", word.place, word.path, what, did_you_mean(word.text, known))
        return None
    return Receiver(kind="role", role=word.text)
