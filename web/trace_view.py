"""A genealogy as people read it: the drawing's boxes in words, a table of every kind of record, what is still there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import url_for

from engine.model import Entity, Field, Traced
from runtime import ledgers, records, trace
from runtime.context import RunContext
from runtime.permissions import LEDGER, READ, rights
from runtime.record_reading import references_of, titles, visible_record
from runtime.record_rows import read_rows
from runtime.trace import Graph, Spot
from runtime.workflow import actions
from web.display import is_numeric, number, text_of
from web.trace_layout import HEIGHT, WIDTH, Box, Drawing

Part = dict[str, Any]
MOST_COLUMNS = 5
MOST_ROWS = 200
LETTERS = 15


def remaining(ctx: RunContext, graph: Graph) -> dict[str, Decimal]:
    """Carrier -> what is there of it now, over the ledgers that keep it and that the reader may see."""
    model, found = ctx.app.model, {}
    for ledger in model.ledgers.values():
        if ledger.valuation is None or not rights(ctx, LEDGER + ledger.id).may(READ):
            continue
        for dimension in trace.carriers(ctx, ledger):
            targets = ledger.dimensions[dimension].targets
            spots = {s.id: s.key for s in graph.nodes if s.entity in targets and s.id is not None}
            if len(targets) == 1 and spots:
                sums = ledgers.on_hand(ctx, ledger.id, dimension, spots)
                found.update({key: sums.get(id, Decimal(0)) for id, key in spots.items()})
    return found


def amounts(graph: Graph, carriers: Collection[str] = ()) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Node -> what came into it, and what went out of it.

    What went to a document and came back of it as what it was (looked at, and released) has not left its carrier.
    """
    came: dict[str, Decimal] = {}
    went: dict[str, Decimal] = {}
    between: dict[tuple[str, str], Decimal] = {}
    for edge in graph.edges:
        pair = edge.source, edge.target
        between[pair] = between.get(pair, Decimal(0)) + (edge.qty or Decimal(0))
    for (source, target), qty in between.items():
        around = min(qty, between.get((target, source), Decimal(0)))
        came[target] = came.get(target, Decimal(0)) + qty - (around if target in carriers else 0)
        went[source] = went.get(source, Decimal(0)) + qty - (around if source in carriers else 0)
    return came, went


def address(spot: Spot) -> str:
    """The page of a record; none where the reader may not know of it."""
    return url_for("pages.record", entity=spot.entity, id=spot.id) if spot.id is not None else ""


def boxes(ctx: RunContext, graph: Graph, drawn: Drawing, there: Mapping[str, Decimal], base: str) -> list[Part]:
    """The drawing's boxes in words."""
    came, went = amounts(graph, there)
    return [_box(ctx, graph, box, came, went, there, base) for box in drawn.boxes]


def _box(
    ctx: RunContext,
    graph: Graph,
    box: Box,
    came: Mapping[str, Decimal],
    went: Mapping[str, Decimal],
    there: Mapping[str, Decimal],
    base: str,
) -> Part:
    english = ctx.language == "en"
    moved = sum((came.get(s.key) or went.get(s.key, Decimal(0)) for s in box.spots), Decimal(0))
    left = sum((there.get(s.key, Decimal(0)) for s in box.spots), Decimal(0))
    first = box.spots[0]
    title = f"{len(box.spots)} × {box.label}" if box.folded else first.title or ("hidden" if english else "无权查看")
    return {
        "x": box.x,
        "y": box.y,
        "w": WIDTH,
        "h": HEIGHT,
        "title": title,
        "short": title if len(title) <= LETTERS else title[: LETTERS - 1] + "…",
        "label": box.label,
        "amount": number(moved) if moved else "",
        "left": f"{'on hand' if english else '在库'} {number(left)}" if left else "",
        "url": f"{base}&open={box.key}" if box.folded else address(first),
        "root": any(s.key == graph.root for s in box.spots),
        "there": bool(left),
        "folded": box.folded,
    }


# --- the tables ------------------------------------------------------------------------------------------------


def tables(ctx: RunContext, graph: Graph, there: Mapping[str, Decimal]) -> list[Part]:
    """One table for each kind of record, in the order in which they were come across."""
    came, went = amounts(graph, there)
    found: dict[str, list[Spot]] = {}
    for spot in graph.nodes:
        if spot.id is not None:
            found.setdefault(spot.entity, []).append(spot)
    return [_table(ctx, entity, spots, came, went, there) for entity, spots in found.items()]


def _table(
    ctx: RunContext,
    id: str,
    spots: Sequence[Spot],
    came: Mapping[str, Decimal],
    went: Mapping[str, Decimal],
    there: Mapping[str, Decimal],
) -> Part:
    entity = ctx.app.model.entities[id]
    fields = _fields(ctx, entity)
    shown = list(spots[:MOST_ROWS])
    kept = read_rows(ctx, id, {s.id for s in shown if s.id is not None})
    rows = {i: visible_record(ctx, id, row) for i, row in kept.items()}
    names = titles(ctx, references_of(ctx, entity, list(rows.values())))
    carried = any(s.key in there for s in shown)
    return {
        "id": id,
        "label": spots[0].label,
        "count": len(spots),
        "heads": [{"label": f.label.get(ctx.language), "num": is_numeric(f)} for f in fields],
        "carried": carried,
        "cut": len(spots) > MOST_ROWS,
        "rows": [
            {
                "title": spot.title,
                "url": address(spot),
                "cells": [_cell(ctx, f, rows.get(spot.id or 0, {}).get(f.id), names) for f in fields],
                "came": number(came[spot.key]) if spot.key in came else "",
                "went": number(went[spot.key]) if spot.key in went else "",
                "left": number(there[spot.key]) if there.get(spot.key) else "",
            }
            for spot in shown
        ],
        "sum_came": number(sum((came.get(s.key, Decimal(0)) for s in spots), Decimal(0))),
        "sum_went": number(sum((went.get(s.key, Decimal(0)) for s in spots), Decimal(0))),
        "sum_left": number(sum((there.get(s.key, Decimal(0)) for s in spots), Decimal(0))),
    }


def _fields(ctx: RunContext, entity: Entity) -> list[Field]:
    """The first plain stored columns of its main list, without what its title says already."""
    view = entity.views.get("all")
    names = [path for column in (view.columns if view else ()) for path in [str(getattr(column, "path", column))]]
    hidden = rights(ctx, entity.id).hidden
    said = {"code", *entity.title}
    fields = [entity.fields[n] for n in names if n in entity.fields and n not in said and n not in hidden]
    return [f for f in fields if not f.live and not f.lines and not f.retired][:MOST_COLUMNS]


def _cell(ctx: RunContext, field: Field, value: object, names: Mapping[tuple[str, int], Mapping[str, Any]]) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and field.targets:
        value = names.get((field.targets[0], value), {"id": value})
    return text_of(ctx, field, value)


# --- what can be done from here --------------------------------------------------------------------------------


def acts(ctx: RunContext, entity: str) -> list[Part]:
    """Documents that can be made about a record from its genealogy: their lines are filled from it."""
    found = []
    for document in ctx.app.model.entities.values():
        traced = _traced(ctx, document)
        if traced is None or not rights(ctx, document.id).may("create"):
            continue
        step = document.workflow.transitions.get(traced.upon) if document.workflow else None
        if step is None or entity not in document.fields[traced.start].targets:
            continue
        words = {"label": step.label.get(ctx.language), "title": document.label.get(ctx.language)}
        found.append({**words, "entity": document.id, "icon": document.icon, "start": traced.start, "step": step.id})
    return found


def _traced(ctx: RunContext, document: Entity) -> Traced | None:
    """How the lines of a document are filled from a genealogy, if any are."""
    entities = ctx.app.model.entities
    ways = (entities[f.lines].traced for f in document.fields.values() if f.lines)
    return next((way for way in ways if way is not None), None)


def act(ctx: RunContext, document: str, start: str, id: int, step: str) -> tuple[int, bool]:
    """The document about a record, and whether the step that fills its lines could be taken at once."""
    saved = records.create(ctx, document, {start: {"id": id}})
    able = {
        a.id
        for a in actions(ctx, document, records.load(ctx, document, saved.id))
        if not a.demands and not a.refused_because
    }
    return saved.id, step in able
