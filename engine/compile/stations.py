"""Stations: what waits at a work place, what a scan finds, the few keys there are."""

from __future__ import annotations

from dataclasses import replace

from engine.compile.bench import Bench
from engine.compile.looks import sort_of
from engine.compile.part import Part, Word
from engine.compile.paths import checked_path, checked_paths
from engine.compile.rules_actions import fills
from engine.compile.scope import parse_condition, scope_of
from engine.expressions.tree import Expr
from engine.frozen import Frozen
from engine.model import Queue, Station, StationAct
from engine.problems import did_you_mean, got

USUAL_ICON = "scan"
USUAL_SCAN = ("code",)


def compile_stations(bench: Bench) -> Frozen[str, Station]:
    """All stations."""
    return Frozen({id: _station(bench, id, part) for id, part in bench.root.parts("stations")})


def _station(bench: Bench, id: str, part: Part) -> Station:
    place = part.word("place")
    queues = (_queue(bench, name, each) for name, each in part.parts("queues"))
    return Station(
        id=id,
        label=part.label("label", id),
        help=part.label("help", id) if part.has("help") else None,
        icon=part.text("icon", USUAL_ICON),
        roles=_known(bench, part.words("for"), [name for name, _ in bench.root.parts("roles")], "role"),
        place=next(iter(_known(bench, [place] if place else [], _owners(bench), "entity")), ""),
        starts=_known(bench, part.words("starts"), _owners(bench), "entity"),
        queues=tuple(queue for queue in queues if queue is not None),
    )


def _owners(bench: Bench) -> list[str]:
    return [id for id, draft in bench.entities.items() if not draft.parent]


def _known(bench: Bench, words: list[Word], known: list[str], what: str) -> tuple[str, ...]:
    """Those of the names that there are; the others are told."""
    for word in words:
        if word.text not in known:
            told = f"unknown {what} {got(word.text)}"
            bench.problems.add("D304", word.place, word.path, told, did_you_mean(word.text, known))
    return tuple(word.text for word in words if word.text in known)


def _queue(bench: Bench, id: str, part: Part) -> Queue | None:
    of = part.word("of")
    if of is None:
        part.problem("D204", "", "key of is missing", "name an entity")
        return None
    if not _known(bench, [of], _owners(bench), "entity"):
        return None
    entity, place = of.text, part.word("place")
    lines = _lines(bench, entity, part)
    rows = bench.entities[entity].fields[lines].lines if lines else ""
    acts = (_act(bench, entity, name, each) for name, each in part.parts("acts"))
    return Queue(
        id=id,
        entity=entity,
        label=part.label("label", id),
        where=parse_condition(part.word("where"), scope_of(bench, entity)),
        place=checked_path(bench, entity, place) if place else "",
        sort=sort_of(bench, entity, part),
        facts=checked_paths(bench, entity, part.words("facts")),
        lines=lines,
        columns=checked_paths(bench, rows, part.words("columns")) if rows else (),
        scan=checked_paths(bench, entity, part.words("scan")) or USUAL_SCAN,
        acts=tuple(act for act in acts if act is not None),
    )


def _lines(bench: Bench, entity: str, part: Part) -> str:
    word = part.word("lines")
    if word is None:
        return ""
    found = bench.draft(entity, word.text)
    if found is None or not found.lines:
        known = [each.id for each in bench.entities[entity].fields.values() if each.lines]
        told = f"{entity} has no lines {got(word.text)}"
        bench.problems.add("D305", word.place, word.path, told, did_you_mean(word.text, known))
        return ""
    return found.id


def _act(bench: Bench, entity: str, id: str, part: Part) -> StationAct | None:
    label = part.label("label", id) if part.has("label") else None
    icon = part.text("icon")
    drawn, created = part.word("draw"), part.word("create")
    if created is not None and _known(bench, [created], _owners(bench), "entity"):
        fill = fills(scope_of(bench, entity), part, "set", created.text)
        return _making(bench, entity, StationAct(id=id, label=label, icon=icon, entity=created.text, fill=fill), part)
    if drawn is None:
        transition = _transition(bench, entity, part, "do")
        ask = checked_paths(bench, entity, part.words("ask"))
        if not transition:
            return None
        adds = _adds(bench, entity, entity, part)
        return StationAct(id=id, label=label, icon=icon, transition=transition, ask=ask, adds=adds)
    sources = [f"{name}.{key}" for name, each in bench.entities.items() for key, _ in each.part.parts("sources")]
    if not _known(bench, [drawn], sources, "source"):
        return None
    made, _, source = drawn.text.partition(".")
    return _making(bench, entity, StationAct(id=id, label=label, icon=icon, entity=made, source=source), part)


def _making(bench: Bench, entity: str, act: StationAct, part: Part) -> StationAct:
    """What is asked for of the document a key makes, and what becomes of it."""
    return replace(
        act,
        then=_transition(bench, act.entity, part, "then") if part.has("then") else "",
        ask=checked_paths(bench, act.entity, part.words("ask")),
        adds=_adds(bench, act.entity, entity, part),
    )


def _adds(bench: Bench, entity: str, picked: str, part: Part) -> Frozen[str, Frozen[str, Expr]]:
    """Lines of ``entity`` that may be added, with what a first one begins with; they must be asked about."""
    asked = {word.text.partition(".")[0] for word in part.words("ask") if "." in word.text}
    done: dict[str, Frozen[str, Expr]] = {}
    adds = part.part("adds")
    if adds is None:
        return Frozen(done)
    for lines, _ in part.parts("adds"):
        found = bench.draft(entity, lines)
        if found is None or lines not in asked or not found.lines:
            part.problem("D305", "adds", f"{entity} asks for no lines {got(lines)}", did_you_mean(lines, sorted(asked)))
        else:
            done[lines] = fills(scope_of(bench, picked), adds, lines, found.lines)
    return Frozen(done)


def _transition(bench: Bench, entity: str, part: Part, key: str) -> str:
    name = part.text(key)
    workflow = bench.entities[entity].part.part("workflow")
    known = [each for each, _ in workflow.parts("transitions")] if workflow else []
    if name in known:
        return name
    if part.has(key):
        part.problem("D304", key, f"{entity} has no transition {got(name)}", did_you_mean(name, known))
    else:
        part.problem(
            "D204", "", "neither do, draw nor create", "name a transition of the document or what is made from it"
        )
    return ""
