"""Structures ("made of") and plans (demands against supplies)."""

from __future__ import annotations

from engine.compile.bench import Bench
from engine.compile.fields import fill_of
from engine.compile.part import Part, Word
from engine.compile.paths import checked_path
from engine.compile.scope import AppScope, parse, parse_condition, scope_of
from engine.expressions.scope import FieldInfo
from engine.expressions.tree import Expr
from engine.expressions.types import DATE, QUANTITY, YES_NO, Kind, reference
from engine.frozen import Frozen
from engine.model import Plan, PlanFlow, Structure, Suggest
from engine.problems import did_you_mean, got


def compile_structures(bench: Bench) -> Frozen[str, Structure]:
    """All structures."""
    made = {id: _structure(bench, id, part) for id, part in bench.root.parts("structures")}
    return Frozen({id: each for id, each in made.items() if each is not None})


def _structure(bench: Bench, id: str, part: Part) -> Structure | None:
    entity, lines = part.text("of"), part.text("lines", "lines")
    rows = f"{entity}.{lines}"
    if entity not in bench.entities:
        part.problem("D801", "of", f"unknown entity {got(entity)}", did_you_mean(entity, bench.entities))
        return None
    if rows not in bench.entities:
        known = [f.id for f in bench.entities[entity].fields.values() if f.lines]
        part.problem("D801", "lines", f"{entity} has no lines {got(lines)}", did_you_mean(lines, known))
        return None
    line, head = scope_of(bench, rows), scope_of(bench, entity)
    need = part.word("need")
    needed = parse(need, line) if need else None
    if needed is None:
        if need is None:
            part.problem("D204", "", "key need is missing", "write need: and what one takes")
        return None
    version = part.part("version")
    also = part.part("also_makes")
    also_rows = f"{entity}.{also.text('lines')}" if also else ""
    component = _reference(bench, rows, part, "uses")
    return Structure(
        id=id,
        label=part.label("label", id),
        entity=entity,
        makes=_reference(bench, entity, part, "makes")[0],
        lines=lines,
        uses=component[0],
        need=needed,
        fixed=_optional(part, "fixed", line),
        step=_optional(part, "round", line),
        where=parse_condition(version.word("where"), head) if version else None,
        valid_from=_field(bench, entity, version, "from"),
        valid_to=_field(bench, entity, version, "to"),
        through=parse_condition(part.word("through"), line),
        instead=_field(bench, rows, part, "instead"),
        loss=_field(bench, rows, part, "loss"),
        also_lines=_field(bench, entity, also, "lines"),
        also_item=_field(bench, also_rows, also, "item"),
        also_quantity=_field(bench, also_rows, also, "qty"),
        also_share=_field(bench, also_rows, also, "share"),
        bought_cost=_optional(part, "bought_cost", scope_of(bench, component[1])) if component[1] else None,
    )


def _optional(part: Part, key: str, scope: AppScope) -> Expr | None:
    word = part.word(key)
    return parse(word, scope) if word is not None else None


def _field(bench: Bench, entity: str, part: Part | None, key: str) -> str:
    word = part.word(key) if part is not None else None
    if word is None or entity not in bench.entities:
        return ""
    return checked_path(bench, entity, word)


def _reference(bench: Bench, entity: str, part: Part, key: str) -> tuple[str, str]:
    """A reference field and the entity it points at."""
    word = part.word(key)
    field = bench.draft(entity, word.text) if word else None
    if field is None:
        what = f"{entity} has no field {got(word.text)}" if word else f"key {key} is missing"
        part.problem("D801", key, what, did_you_mean(word.text if word else "", bench.names(entity)))
        return "", ""
    type = bench.ask(field).type
    if type.kind is not Kind.REFERENCE or not type.targets:
        part.problem("D403", key, f"{field.id} is not a reference", "name the field with the item")
        return field.id, ""
    return field.id, type.targets[0]


# --- plans


def declare_plans(bench: Bench) -> None:
    """What expressions may know about the rows of a plan: its own columns and the fields of the item."""
    for id, part in bench.root.parts("plans"):
        target = part.part("for")
        entity = target.text("of") if target else ""
        if entity not in bench.entities:
            remedy = did_you_mean(entity, bench.entities)
            (target or part).problem("D802", "of", f"unknown entity {got(entity)}", remedy)
            continue
        bench.row_items[f"plan.{id}"] = entity
        bench.rows[f"plan.{id}"] = {
            "item": FieldInfo(type=reference(entity), live=True),
            "qty": FieldInfo(type=QUANTITY, live=True),
            "short_qty": FieldInfo(type=QUANTITY, live=True),
            "need_date": FieldInfo(type=DATE, live=True),
            "order_date": FieldInfo(type=DATE, live=True),
            "late": FieldInfo(type=YES_NO, live=True),
            "place": FieldInfo(type=reference(*_places(bench, part)), live=True),
        }


def _places(bench: Bench, part: Part) -> tuple[str, ...]:
    """What places of flows are records of, found without reading their expressions twice."""
    found: dict[str, None] = {}
    for key in ("demands", "supplies"):
        for _, flow in part.parts(key):
            word, rows = flow.word("place"), _rows(bench, flow)
            if word is None or not rows:
                continue
            info: FieldInfo | None = None
            here = rows
            for step in word.text.split("."):
                owner = bench.entities.get(here)
                if step == "parent" and owner is not None:
                    here = owner.parent
                    continue
                info = bench.info(here, step)
                here = info.type.targets[0] if info and info.type.targets else ""
            found.update(dict.fromkeys(info.type.targets if info else ()))
    return tuple(found)


def _rows(bench: Bench, flow: Part) -> str:
    """Entity of the rows of a flow."""
    if flow.has("ledger"):
        return f"ledger.{flow.text('ledger')}" if flow.text("ledger") in bench.ledgers else ""
    return flow.text("of") if flow.text("of") in bench.entities else ""


def compile_plans(bench: Bench) -> Frozen[str, Plan]:
    """All plans."""
    plans = [(id, part) for id, part in bench.root.parts("plans") if f"plan.{id}" in bench.rows]
    return Frozen({id: _plan(bench, id, part) for id, part in plans})


def _plan(bench: Bench, id: str, part: Part) -> Plan:
    entity = bench.row_items[f"plan.{id}"]
    target, lots = part.part("for"), part.part("lots")
    item = scope_of(bench, entity)
    return Plan(
        id=id,
        label=part.label("label", id),
        structure=_structure_id(bench, part),
        entity=entity,
        where=parse_condition(target.word("where"), item) if target else None,
        demands=Frozen({n: f for n, each in part.parts("demands") if (f := _flow(bench, entity, n, each))}),
        supplies=Frozen({n: f for n, each in part.parts("supplies") if (f := _flow(bench, entity, n, each))}),
        keep=_optional(part, "keep", item),
        minimum=_optional(lots, "minimum", item) if lots else None,
        multiple=_optional(lots, "multiple", item) if lots else None,
        order_point=_optional(part, "order_point", item),
        target=_optional(part, "target", item),
        group_days=lots.number("group_days") if lots else 0,
        lead_time=_optional(part, "lead_time", item),
        horizon_days=_days(part),
        per_place=part.flag("per_place"),
        suggest=Frozen({n: s for n, each in part.parts("suggest") if (s := _suggest(bench, id, n, each))}),
    )


def _structure_id(bench: Bench, part: Part) -> str:
    word = part.word("structure")
    known = [id for id, _ in bench.root.parts("structures")]
    if word is not None and word.text not in known:
        part.problem("D304", "structure", f"unknown structure {got(word.text)}", did_you_mean(word.text, known))
    return word.text if word else ""


def _days(part: Part) -> int:
    word = part.word("horizon")
    if word is None:
        return 90
    number = word.text.split()[0] if word.text.split() else ""
    factor = {"week": 7, "weeks": 7, "month": 30, "months": 30}.get(word.text.split()[-1], 1)
    if not number.isdigit():
        part.problem("D207", "horizon", f"{got(word.text)} is no span of time", "write it as in 90 days")
        return 90
    return int(number) * factor


def _flow(bench: Bench, entity: str, id: str, part: Part) -> PlanFlow | None:
    rows = _rows(bench, part)
    if not rows:
        key = "ledger" if part.has("ledger") else "of"
        known = bench.ledgers if part.has("ledger") else bench.entities
        part.problem("D304", key, f"unknown {key} {got(part.text(key))}", did_you_mean(part.text(key), known))
        return None
    scope = scope_of(bench, rows)
    quantity = parse(part.word("qty") or Word("qty", part.place, part.path), scope, QUANTITY)
    if quantity is None:
        return None
    item = part.word("item") or Word(_item_name(bench, rows, entity), part.place, part.path)
    return PlanFlow(
        id=id,
        label=part.label("label", id),
        entity="" if part.has("ledger") else rows,
        ledger=part.text("ledger"),
        where=parse_condition(part.word("where"), scope),
        item=parse(item, scope, reference(entity)),
        quantity=quantity,
        date=_optional(part, "date", scope),
        place=_optional(part, "place", scope),
        reserves=_ledger_id(bench, part),
    )


def _item_name(bench: Bench, rows: str, entity: str) -> str:
    """The first reference of a row to what is planned."""
    for name in bench.names(rows):
        info = bench.info(rows, name)
        if info is not None and not info.lines and entity in info.type.targets:
            return name
    return "item"


def _ledger_id(bench: Bench, part: Part) -> str:
    word = part.word("reserves")
    if word is not None and word.text not in bench.ledgers:
        part.problem("D304", "reserves", f"unknown ledger {got(word.text)}", did_you_mean(word.text, bench.ledgers))
    return word.text if word else ""


def _suggest(bench: Bench, plan: str, id: str, part: Part) -> Suggest | None:
    draw = part.text("draw")
    if draw not in bench.entities:
        part.problem("D304", "draw", f"unknown entity {got(draw)}", did_you_mean(draw, bench.entities))
        return None
    lines = part.text("into") or ("lines" if part.has("lines") else "")
    rows = f"{draw}.{lines}"
    if lines and rows not in bench.entities:
        known = [f.id for f in bench.entities[draw].fields.values() if f.lines]
        part.problem("D802", "into", f"{draw} has no lines {got(lines)}", did_you_mean(lines, known))
        return None
    scope = scope_of(bench, f"plan.{plan}")
    return Suggest(
        id=id,
        label=part.label("label", id),
        condition=parse_condition(part.word("if"), scope),
        draw=draw,
        lines=lines,
        fill=_with_own(bench, scope, part, "set", draw, bound=not lines),
        lines_fill=_with_own(bench, scope, part, "lines", rows, bound=True) if lines else Frozen({}),
        group=tuple(path for word in part.words("group") if (path := checked_path(bench, draw, word))),
    )


def _with_own(bench: Bench, scope: AppScope, part: Part, key: str, entity: str, *, bound: bool) -> Frozen[str, Expr]:
    """The written fills; item and quantity bind by themselves where the planned order stands."""
    done = dict(fill_of(bench, part, key, entity, scope))
    for name in ("item", "qty") if bound else ():
        field = bench.draft(entity, name)
        if name not in done and field is not None and not field.part.has("formula"):
            expr = parse(Word(name, part.place, part.path), scope, bench.ask(field).type)
            if expr is not None:
                done[name] = expr
    return Frozen(done)
