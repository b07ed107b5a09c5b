"""Lines filled from a structure when a document gets under way, and postings that explode a line into components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.model import Copy, Explode, Field
from engine.planning.structure import Component, StructureCycle, components
from runtime import records
from runtime.allotting import allot_lines
from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.messages import fault
from runtime.permissions import label_of
from runtime.planning_structure import Scope, ends_of, items_of, load
from runtime.record_inputs import Workspace
from runtime.record_rows import read_lines, read_rows
from runtime.record_texts import record_title
from runtime.structure_checks import titled
from runtime.traced_lines import traced_lines
from runtime.values import Base

Row = dict[str, Any]


def parts_of(at: Workspace, entity: str, explode: Explode, rows: Sequence[Row]) -> list[list[Component]]:
    """What each row's product and quantity is made of on its day, one level, what is passed through replaced."""
    products = _keys(at.ctx, explode, at.evaluate(explode.product, rows, None, entity))
    quantities = at.evaluate(explode.quantity, rows, None, entity)
    days = at.evaluate(explode.at, rows, None, entity)
    scope = Scope(items=items_of(products), deep=False, where=explode.where)
    structure = load(at.ctx, explode.structure, scope)
    found: list[list[Component]] = []
    for product, quantity, day in zip(products, quantities, days, strict=True):
        if product is None or not quantity:
            found.append([])
            continue
        try:
            found.append(components(structure, product, quantity, day or at.ctx.today()))
        except StructureCycle as cycle:
            raise Conflict(fault(at.ctx, "structure_cycle", path=named_path(at, explode.structure, cycle))) from None
    return found


def _keys(ctx: RunContext, explode: Explode, products: Sequence[Any]) -> list[Any]:
    """Products as the structure knows them: those that are never components with their entity."""
    targets = explode.product.type.targets
    if len(targets) != 1:
        return list(products)
    ends = ends_of(ctx, ctx.app.model.structures[explode.structure])
    return [ends.key(targets[0], one) if isinstance(one, int) else one for one in products]


def named_path(at: Workspace, structure: str, cycle: StructureCycle) -> str:
    """The way round, with the names people know."""
    return titled(at.ctx, ends_of(at.ctx, at.model.structures[structure]).stocked, cycle.path)


def exploded(at: Workspace, entity: str, explode: Explode, rows: Sequence[Row]) -> list[tuple[int, Row]]:
    """(index of the row, row with ``component`` and ``need``) of every component, in order."""
    if not rows:
        return []
    found = parts_of(at, entity, explode, rows)
    return [
        (index, {**rows[index], "component": part.line.item, "need": part.quantity})
        for index, parts in enumerate(found)
        for part in parts
    ]


def fill_lines(ctx: RunContext, entity: str, records_: Sequence[Row], transition: str) -> bool:
    """Fill the lines that this transition explodes or copies, where a record has none yet or they are to be made anew;
    whether any were filled."""
    changed: dict[int, Row] = {}
    for field in ctx.app.model.entities[entity].fields.values():
        if not field.lines:
            continue
        anew = _renews(ctx, field.lines, transition)
        empty = [record for record in records_ if anew or not record.get(field.id)]
        for record, lines in zip(empty, _lines_upon(ctx, entity, field.lines, transition, empty), strict=False):
            if lines:
                changed.setdefault(record["id"], {})[field.id] = lines
    if changed:
        records.apply_system(ctx, entity, changes=changed)
    return allot_lines(ctx, entity, records_, transition) or bool(changed)


def _renews(ctx: RunContext, lines: str, transition: str) -> bool:
    explode = ctx.app.model.entities[lines].explode
    return explode is not None and transition in explode.renew


def _lines_upon(ctx: RunContext, owner: str, lines: str, transition: str, rows: Sequence[Row]) -> list[list[Row]]:
    """The lines of each record; none at all where this transition fills nothing."""
    described = ctx.app.model.entities[lines]
    explode = described.explode
    if explode is not None and transition in (explode.upon, *explode.renew):
        found = _new_lines(ctx, owner, lines, explode, rows)
        for record, made in zip(rows, found, strict=True):
            if not made and not _left_out(ctx, owner, explode, record):
                raise _nothing(ctx, owner, explode, record)
        return found
    if described.copy is not None and described.copy.upon == transition and rows:
        return _copied(ctx, owner, lines, described.copy, rows)
    if described.traced is not None and described.traced.upon == transition and rows:
        return traced_lines(ctx, owner, lines, described.traced, rows)
    return []


def _left_out(ctx: RunContext, owner: str, explode: Explode, record: Row) -> bool:
    """Whether there are components, only none of those that are meant here: all come by another way."""
    return explode.where is not None and any(parts_of(Workspace(ctx), owner, replace(explode, where=None), [record]))


def _nothing(ctx: RunContext, entity: str, explode: Explode, record: Row) -> Conflict:
    model = ctx.app.model
    title = record_title(model, entity, record)
    structure = model.structures[explode.structure].label.get(ctx.language)
    words = {"label": label_of(ctx, entity), "title": title, "structure": structure}
    return Conflict(fault(ctx, "nothing_to_explode", **words))


def _copied(ctx: RunContext, owner: str, lines: str, copy: Copy, rows: Sequence[Row]) -> list[list[Row]]:
    """One line for each line of the record that a document names."""
    at = Workspace(ctx)
    named = at.follow(owner, rows, copy.steps)
    known = read_lines(ctx, copy.entity, sorted({id for id in named if isinstance(id, int)}))
    sources = [line for each in known.values() for line in each]
    fits = at.evaluate(copy.where, sources, None, copy.entity) if copy.where else [True] * len(sources)
    columns = {name: at.evaluate(expr, sources, None, copy.entity) for name, expr in copy.fill.items()}
    fields = ctx.app.model.entities[lines].fields
    made: dict[int, list[Row]] = {}
    for index, source in enumerate(sources):
        if fits[index]:
            line = {name: _based(fields[name], values[index]) for name, values in columns.items()}
            made.setdefault(source["parent"], []).append(line)
    return [list(made.get(id, ())) if isinstance(id, int) else [] for id in named]


def _based(field: Field, value: object) -> object:
    """A quantity comes in base units."""
    return Base(value) if field.unit_field and isinstance(value, Decimal) else value


def _new_lines(ctx: RunContext, owner: str, lines: str, explode: Explode, rows: Sequence[Row]) -> list[list[Row]]:
    if not rows:
        return []
    at = Workspace(ctx)
    found = parts_of(at, owner, explode, rows)
    structure = ctx.app.model.structures[explode.structure]
    uses = structure.uses
    component_entity = ends_of(ctx, structure).line
    known = read_rows(ctx, component_entity, {part.line.id for parts in found for part in parts})
    entity = ctx.app.model.entities[lines]
    made: list[list[Row]] = []
    for parts in found:
        sources = [{**known[p.line.id], "component": p.line.item, "need": p.quantity} for p in parts]
        columns = {name: at.evaluate(expr, sources, None, component_entity) for name, expr in explode.fill.items()}
        each: list[Row] = []
        for index, part in enumerate(parts):
            line: Row = {uses: part.line.item} if uses in entity.fields else {}
            for name, values in columns.items():
                line[name] = _based(entity.fields[name], values[index])
            each.append(line)
        made.append(each)
    return made
