"""What stands behind a record, under its form: its kit, its live figures, what it is made of. From metadata only."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, url_for

from engine.expressions.tree import Expr
from engine.expressions.types import Kind
from engine.model import AppModel, Entity, Field
from runtime.context import RunContext
from runtime.drawing import drawn_from
from runtime.permissions import rights
from runtime.planning import kit
from runtime.planning_kit import KitStatus
from runtime.planning_structure import ends_of
from runtime.record_inputs import Workspace
from runtime.record_reading import titles, with_live
from web import templating
from web.access import reading, running_app
from web.display import number, text_of
from web.ledger_view import base_units
from web.made_of import made_of
from web.pages.records import entity_of, visible_row
from web.texts import translator

Part = dict[str, Any]
Row = Mapping[str, Any]
MOST_FACTS = 8
MOST_FIGURES = 5
FACT_TYPES = ("money", "percent")
ZERO = Decimal(0)


def filled_lines(model: AppModel, entity: Entity) -> Field | None:
    """The lines of an entity that are filled from a structure."""
    return next((f for f in entity.fields.values() if f.lines and model.entities[f.lines].explode), None)


def fact_fields(entity: Entity) -> list[Field]:
    """Figures that follow what happens after the record was written."""
    live = [f for f in entity.fields.values() if f.live and f.formula is not None and f.type in FACT_TYPES]
    shown = {
        name
        for section in (entity.form.sections if entity.form else ())
        if not section.folded
        for name in section.fields
    }
    return [f for f in live if f.id not in shown] if len(live) > 1 else []


def structures_of(ctx: RunContext, entity: str) -> list[str]:
    """The structures whose parts are records of this entity."""
    return [s.id for s in ctx.app.model.structures.values() if ends_of(ctx, s).stocked == entity]


def is_carrier(model: AppModel, entity: str) -> bool:
    """Whether things are followed by records of this entity: a dimension that only some of them need."""
    dimensions = (d for ledger in model.ledgers.values() for d in ledger.dimensions.values())
    return any(entity in d.targets and isinstance(d.optional, Expr) for d in dimensions)


def has_analysis(entity: str) -> bool:
    """Whether a record's page has something to ask for."""
    model = running_app().model
    found = model.entities.get(entity)
    if found is None:
        return False
    made = {
        f.id
        for s in model.structures.values()
        for f in (model.entities[s.entity].fields.get(s.makes),)
        if f and entity in f.targets
    }
    return bool(made or fact_fields(found) or filled_lines(model, found) or is_carrier(model, entity))


def analysis(entity: str, id: int) -> Response:
    """The fragment under a record."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        row = visible_row(ctx, found, id)
        lines = filled_lines(ctx.app.model, found)
        allowed = rights(ctx, found.id)
        structures = structures_of(ctx, entity)
        html = templating.html(
            ctx.language,
            "pages/analysis.html",
            facts=[_fact(ctx, f, row) for f in fact_fields(found) if allowed.sees(f.id) and row.get(f.id) is not None][
                :MOST_FACTS
            ],
            kit=_kit(ctx, found, lines, row) if lines is not None else None,
            made_of=made_of(ctx, entity, id),
            structures=[
                {
                    "label": ctx.app.model.structures[name].label.get(ctx.language),
                    "made": url_for("pages.structure", structure=name, item=id),
                    "used": url_for("pages.structure", structure=name, item=id, show="used"),
                    "cost": url_for("pages.structure", structure=name, item=id, show="cost"),
                }
                for name in structures
                if rights(ctx, ctx.app.model.structures[name].entity).may("read")
            ],
            trace=url_for("pages.traced", entity=entity, id=id) if is_carrier(ctx.app.model, entity) else "",
        )
    return Response(html)


def _fact(ctx: RunContext, field: Field, row: Row) -> Part:
    return {"label": field.label.get(ctx.language), "text": text_of(ctx, field, row[field.id])}


# --- kit -------------------------------------------------------------------------------------------------------


def _kit(ctx: RunContext, entity: Entity, field: Field, row: Row) -> Part | None:
    lines = [dict(line) for line in row.get(field.id) or ()]
    if not lines or not rights(ctx, field.lines).may("read"):
        return None
    line_entity = ctx.app.model.entities[field.lines]
    with_live(Workspace(ctx), line_entity, lines)
    status = kit(ctx, entity.id, row["id"])
    names = _columns(ctx, entity, field)
    item = names["item"]
    target = line_entity.fields[item].targets[0]
    ids = [line[item] for line in lines if line.get(item)]
    told = titles(ctx, ((target, i) for i in ids))
    units = base_units(ctx, target, ids)
    short = {one.line: one.short for one in status.short}
    others = names["others"]
    return {
        "label": field.label.get(ctx.language),
        "head": line_entity.fields[item].label.get(ctx.language),
        "heads": [line_entity.fields[n].label.get(ctx.language) for n in (names["need"], names["done"], *others) if n],
        "rows": [_kit_row(ctx, line_entity, line, names, target, told, units, short) for line in lines],
        "said": _said(ctx, status),
        "complete": status.complete,
    }


def _columns(ctx: RunContext, entity: Entity, field: Field) -> Part:
    """Which field of the lines is the item, what is needed, what was issued, what is open; the other quantities."""
    model = ctx.app.model
    line = model.entities[field.lines]
    explode = line.explode
    assert explode is not None
    structure = model.structures[explode.structure]
    stocked = ends_of(ctx, structure).stocked
    item = (
        structure.uses
        if structure.uses in line.fields
        else next(f.id for f in line.fields.values() if f.targets == (stocked,))
    )
    drawn = [d.source for d in drawn_from(model, entity.id) if d.source.lines_from == field.id]
    need = next((s.quantity for s in drawn if s.quantity), "") or next(iter(explode.fill), "")
    done, left = next((s.done for s in drawn if s.done), ""), next((s.left for s in drawn if s.left), "")
    seen = rights(ctx, line.id)
    every = [f.id for f in line.fields.values() if f.value.kind is Kind.QUANTITY and not f.retired and seen.sees(f.id)]
    return {
        "item": item,
        "need": need,
        "done": done,
        "left": left,
        "others": [n for n in every if n not in (need, done)][:MOST_FIGURES],
    }


def _kit_row(
    ctx: RunContext,
    entity: Entity,
    line: Row,
    names: Part,
    target: str,
    told: Mapping[tuple[str, int], Row],
    units: Mapping[int, str],
    short: Mapping[int, Decimal],
) -> Part:
    record = line.get(names["item"]) or 0
    title = told.get((target, record), {})
    need = line.get(names["need"]) or ZERO
    done = (line.get(names["done"]) or ZERO) if names["done"] else ZERO
    missing = short.get(line["id"], ZERO)
    open_ = max(need - done, ZERO)
    t = translator(ctx.language)
    return {
        "title": " ".join(str(title[n]) for n in ("code", "name") if title.get(n)),
        "url": url_for("pages.record", entity=target, id=record) if record and rights(ctx, target).may("read") else "",
        "unit": units.get(record, ""),
        "figures": [
            text_of(ctx, entity.fields[n], line.get(n)) or "–"
            for n in (names["need"], names["done"], *names["others"])
            if n
        ],
        "short": number(missing) if missing else "",
        "parts": [(_share(done, need), ""), (_share(open_ - missing, need), "base"), (_share(missing, need), "short")],
        "said": t(
            f"已领 {number(done)}，可用 {number(open_ - missing)}，缺 {number(missing)}",
            f"{number(done)} issued, {number(open_ - missing)} there, {number(missing)} short",
        ),
    }


def _share(part: Decimal, whole: Decimal) -> int:
    return int(min(max(part * 100 / whole, ZERO), Decimal(100))) if whole > 0 else 0


def _said(ctx: RunContext, status: KitStatus) -> str:
    """The consequence in a sentence."""
    t = translator(ctx.language)
    if status.complete:
        return t("已齐套", "The kit is complete")
    names = t("、", ", ").join(one.title for one in status.short[:3])
    more = len(status.short)
    return t(
        f"缺 {more} 种（{names}），现有的料够做 {number(status.makeable)}，一共要 {number(status.quantity)}",
        f"{more} short ({names}): enough for {number(status.makeable)} of {number(status.quantity)}",
    )


def register(pages: Blueprint) -> None:
    """Attach the address, and the question whether there is anything to ask for."""
    pages.add_url_rule("/e/<entity>/<int:id>/analysis", "analysis", analysis)
    pages.add_app_template_global(has_analysis, "has_analysis")
