"""Roles: what they may do, which fields and rows they see."""

from __future__ import annotations

from engine.compile.bench import Bench
from engine.compile.part import Part, Word
from engine.compile.scope import parse, scope_of
from engine.expressions.tree import Expr
from engine.expressions.types import YES_NO
from engine.frozen import Frozen
from engine.model import Role, RowRule
from engine.problems import did_you_mean, got

ACTIONS = frozenset({"read", "create", "change", "delete", "print", "export", "import", "run", "all"})


def compile_roles(bench: Bench) -> Frozen[str, Role]:
    """All roles."""
    return Frozen({id: _role(bench, id, part) for id, part in bench.root.parts("roles")})


def _role(bench: Bench, id: str, part: Part) -> Role:
    return Role(
        id=id,
        label=part.label("label", id),
        sees=_tags(bench, part),
        can=_can(bench, part.part("can")),
        fields=_fields(bench, part.part("fields")),
        rows=tuple(_row_rule(bench, name, each) for name, each in part.parts("rows")),
    )


def _tags(bench: Bench, part: Part) -> frozenset[str]:
    known = bench.root.part("secrecy")
    tags = known.block.entries if known else {}
    for word in part.words("sees"):
        if word.text not in tags:
            what = f"unknown secrecy tag {got(word.text)}"
            bench.problems.add("D304", word.place, word.path, what, did_you_mean(word.text, tags))
    return frozenset(word.text for word in part.words("sees") if word.text in tags)


def things(bench: Bench) -> list[str]:
    """Everything a role can be given a right on."""
    kinds = {"ledger": "ledgers", "report": "reports", "plan": "plans", "card": "cards"}
    named = [f"{kind}.{id}" for kind, key in kinds.items() for id, _ in bench.root.parts(key)]
    return ["all", *(id for id, draft in bench.entities.items() if not draft.parent), *named]


def _can(bench: Bench, part: Part | None) -> Frozen[str, frozenset[str]]:
    if part is None:
        return Frozen({})
    known = things(bench)
    done = {}
    for thing in part.block.entries:
        if thing not in known:
            place = part.place_of(thing)
            what = f"unknown entity {got(thing)}"
            bench.problems.add("D304", place, part.path_of(thing), what, did_you_mean(thing, known))
            continue
        words = part.words(thing)
        for word in words:
            if word.text not in ACTIONS:
                what = f"unknown action {got(word.text)}"
                bench.problems.add("D803", word.place, word.path, what, did_you_mean(word.text, ACTIONS))
        done[thing] = frozenset(word.text for word in words if word.text in ACTIONS)
    return Frozen(done)


def _fields(bench: Bench, part: Part | None) -> Frozen[str, Frozen[str, str]]:
    if part is None:
        return Frozen({})
    done = {}
    for entity in part.block.entries:
        inner = part.part(entity)
        if entity not in bench.entities or inner is None:
            place = part.place_of(entity)
            what = f"unknown entity {got(entity)}"
            bench.problems.add("D304", place, part.path_of(entity), what, did_you_mean(entity, bench.entities))
            continue
        rights = {}
        for name, node in inner.block.entries.items():
            field = bench.draft(entity, name)
            if field is None:
                what = f"{entity} has no field {got(name)}"
                place = inner.place_of(name)
                bench.problems.add("D305", place, inner.path_of(name), what, did_you_mean(name, bench.names(entity)))
            else:
                rights[field.id] = getattr(node, "text", "")
        done[entity] = Frozen(rights)
    return Frozen(done)


def _row_rule(bench: Bench, id: str, part: Part) -> RowRule:
    where = part.word("where")
    if where is None:
        part.problem("D204", "", "key where is missing", "write where: and a condition")
    rules: dict[str, Expr] = {}
    for word in part.words("of"):
        rows = word.text
        if rows not in bench.entities and rows not in bench.rows:
            known = [*bench.entities, *bench.rows]
            bench.problems.add("D304", word.place, word.path, f"unknown entity {got(rows)}", did_you_mean(rows, known))
        elif where is not None:
            expr = parse(Word(where.text, where.place, where.path), scope_of(bench, rows), YES_NO)
            if expr is not None:
                rules[rows] = expr
    return RowRule(id=id, entities=tuple(rules), where=Frozen(rules))
