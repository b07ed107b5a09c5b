"""Filling from a structure: lines of a document, or one move for each component."""

from __future__ import annotations

from engine.compile.bench import Bench, EntityDraft
from engine.compile.part import Part
from engine.compile.scope import AppScope, parse, parse_condition, scope_of
from engine.expressions.tree import Expr
from engine.expressions.types import DATE, QUANTITY, Type, reference
from engine.frozen import Frozen
from engine.model import Copy, Explode
from engine.problems import did_you_mean, got


def component_names(bench: Bench, structure: Part | None) -> dict[str, Type]:
    """``need`` and ``component``: what an explosion hands on."""
    names: dict[str, Type] = {"need": QUANTITY}
    if structure is None:
        return names
    rows = component_rows(structure)
    field = bench.draft(rows, structure.text("uses"))
    names["component"] = bench.ask(field).type if field is not None else reference()
    return names


def component_rows(structure: Part) -> str:
    """Entity of the component lines."""
    return f"{structure.text('of')}.{structure.text('lines') or 'lines'}"


def structure_part(bench: Bench, part: Part) -> Part | None:
    """The structure that an ``explode`` names."""
    structures = bench.root.part("structures")
    id = part.text("structure")
    found = structures.part(id) if structures else None
    if found is None:
        known = structures.block.entries if structures else ()
        part.problem("D304", "structure", f"unknown structure {got(id)}", did_you_mean(id, known))
    return found


def compile_explode(bench: Bench, draft: EntityDraft) -> Explode | None:
    """How the lines of a document are filled; product, quantity and date stand on the document."""
    part = draft.part.part("explode")
    if part is None:
        return None
    structure = structure_part(bench, part)
    if structure is None:
        return None
    done = read_explode(bench, part, structure, scope_of(bench, draft.parent))
    if done is None:
        return None
    inner = AppScope(
        bench=bench,
        root_entity=component_rows(structure),
        this_entity=component_rows(structure),
        names=component_names(bench, structure),
    )
    fill = filled_fields(bench, draft, part, inner)
    return Explode(
        structure=done.structure,
        product=done.product,
        quantity=done.quantity,
        at=done.at,
        where=done.where,
        upon=part.text("upon"),
        renew=_renewing(bench, draft, part),
        fill=fill,
    )


def _renewing(bench: Bench, draft: EntityDraft, part: Part) -> tuple[str, ...]:
    """The transitions of the document that fill the lines anew."""
    flow = bench.entities[draft.parent].part.part("workflow")
    known = [id for id, _ in flow.parts("transitions")] if flow else []
    for word in part.words("renew"):
        if word.text not in known:
            what = f"{draft.parent} has no transition {got(word.text)}"
            bench.problems.add("D305", word.place, word.path, what, did_you_mean(word.text, known))
    return tuple(word.text for word in part.words("renew"))


def compile_copy(bench: Bench, draft: EntityDraft) -> Copy | None:
    """How the lines of a document are copied from lines of a record that it names."""
    part = draft.part.part("copy")
    if part is None:
        return None
    *steps, lines = part.text("from").split(".")
    entity = draft.parent
    for step in steps:
        info = bench.info(entity, step)
        if info is None or not info.type.targets:
            part.problem("D305", "from", f"{entity} has no reference {got(step)}", "name references of the document")
            return None
        entity = info.type.targets[0]
    rows = f"{entity}.{lines}"
    if not steps or rows not in bench.entities:
        known = [field.id for field in bench.entities[entity].fields.values() if field.lines]
        part.problem("D305", "from", f"{entity} has no lines {got(lines)}", did_you_mean(lines, known))
        return None
    scope = scope_of(bench, rows)
    where = parse_condition(part.word("where"), scope)
    return Copy(
        entity=rows,
        steps=tuple(steps),
        upon=part.text("upon"),
        where=where,
        fill=filled_fields(bench, draft, part, scope),
    )


def filled_fields(bench: Bench, draft: EntityDraft, part: Part, scope: AppScope) -> Frozen[str, Expr]:
    """``fill`` of lines: their fields, with what each is given."""
    done: dict[str, Expr] = {}
    for id, word in part.pairs("fill"):
        field = bench.draft(draft.id, id)
        if field is None:
            what = f"{draft.id} has no field {got(id)}"
            bench.problems.add("D305", word.place, word.path, what, did_you_mean(id, bench.names(draft.id)))
            continue
        expr = parse(word, scope, bench.ask(field).type)
        if expr is not None:
            done[field.id] = expr
    return Frozen(done)


def read_explode(bench: Bench, part: Part, structure: Part, scope: AppScope) -> Explode | None:
    """Product, quantity, date and filter."""
    words = [part.word(key) for key in ("product", "qty", "at")]
    for key, word in zip(("product", "qty", "at"), words, strict=True):
        if word is None:
            part.problem("D204", "", f"key {key} is missing", f"write {key}:")
    if any(word is None for word in words):
        return None
    product, quantity, at = words
    assert product is not None
    assert quantity is not None
    assert at is not None
    made, much, day = parse(product, scope), parse(quantity, scope), parse(at, scope, DATE)
    if made is None or much is None or day is None:
        return None
    where = parse_condition(part.word("where"), scope_of(bench, component_rows(structure)))
    return Explode(structure=part.text("structure"), product=made, quantity=much, at=day, where=where)
