"""Kit availability: whether an order's components are there, how many can be made, which lines are short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.model import Entity, Explode, Field
from engine.planning.kit import KitLine
from engine.planning.kit import kit as assemble
from engine.planning.structure import Key
from runtime.context import RunContext
from runtime.drawing import drawn_from
from runtime.errors import NotFound
from runtime.messages import fault
from runtime.permissions import label_of
from runtime.planning_data import supplies
from runtime.planning_rows import records_of
from runtime.planning_structure import ends_of
from runtime.record_inputs import Workspace
from runtime.record_texts import record_title
from runtime.workflow import visible

Row = dict[str, Any]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortComponent:
    """A line of an order that is not covered."""

    line: int
    item: int
    title: str
    open: Decimal
    available: Decimal
    short: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class KitStatus:
    """How many of an order can be made with what was issued and what is there."""

    entity: str
    id: int
    quantity: Decimal
    makeable: Decimal
    complete: bool
    short: tuple[ShortComponent, ...]


def kit(ctx: RunContext, entity: str, record_id: int) -> KitStatus:
    """The kit of one order."""
    return kits(ctx, entity, [record_id])[record_id]


def kits(ctx: RunContext, entity: str, ids: list[int]) -> Mapping[int, KitStatus]:
    """The kits of several orders, each looked at alone against everything that is there."""
    field, explode = _filled_lines(ctx, entity)
    found = visible(ctx, entity, ids)
    for i in ids:
        if i not in found:
            raise NotFound(fault(ctx, "not_found", label=label_of(ctx, entity), id=i))
    at, orders = Workspace(ctx), [found[i] for i in ids]
    quantities = at.evaluate(explode.quantity, orders, None, entity)
    available = _available(ctx, explode.structure)
    reading = _Lines(ctx, entity, field, explode)
    return {
        order["id"]: _status(ctx, reading, order, quantity or ZERO, available)
        for order, quantity in zip(orders, quantities, strict=True)
    }


def _status(
    ctx: RunContext, reading: _Lines, order: Row, quantity: Decimal, available: Mapping[Key, Decimal]
) -> KitStatus:
    lines = reading.of(order)
    result = assemble(quantity, lines, available)
    rows = records_of(ctx, reading.stocked, (line.item for line in lines if isinstance(line.item, int)))
    return KitStatus(
        entity=reading.entity,
        id=order["id"],
        quantity=quantity,
        makeable=result.makeable,
        complete=result.complete,
        short=tuple(
            ShortComponent(
                line=one.id,
                item=one.item if isinstance(one.item, int) else 0,
                title=record_title(ctx.app.model, reading.stocked, rows[one.item]) if one.item in rows else "",
                open=one.open,
                available=one.available,
                short=one.short,
            )
            for one in result.short
        ),
    )


def _filled_lines(ctx: RunContext, entity: str) -> tuple[Field, Explode]:
    """The lines of an entity that are filled from a structure."""
    model = ctx.app.model
    described = model.entities.get(entity)
    for field in described.fields.values() if described else ():
        explode = model.entities[field.lines].explode if field.lines else None
        if explode is not None:
            return field, explode
    raise NotFound(fault(ctx, "no_such_entity", given=entity[:60]))


class _Lines:
    """How the component lines of an order read: which item, how much in all, how much still open."""

    def __init__(self, ctx: RunContext, entity: str, field: Field, explode: Explode) -> None:
        structure = ctx.app.model.structures[explode.structure]
        self.entity = entity
        self.field = field.id
        self.stocked = ends_of(ctx, structure).stocked
        line = ctx.app.model.entities[field.lines]
        self.item = structure.uses if structure.uses in line.fields else _reference(line, self.stocked)
        drawn = [d.source for d in drawn_from(ctx.app.model, entity) if d.source.lines_from == field.id]
        self.left = next((source.left for source in drawn if source.left), "")
        self.needed = next((source.quantity for source in drawn), "") or next(iter(explode.fill), "")

    def of(self, order: Row) -> list[KitLine]:
        """The component lines of an order."""
        found = []
        for line in order[self.field]:
            needed = line.get(self.needed) or ZERO
            left = line.get(self.left) if self.left else needed
            if line.get(self.item) is not None:
                found.append(KitLine(line["id"], line[self.item], needed, max(left or ZERO, ZERO)))
        return found


def _reference(line: Entity, target: str) -> str:
    return next((f.id for f in line.fields.values() if f.targets == (target,)), "")


def _available(ctx: RunContext, structure: str) -> dict[Key, Decimal]:
    """What the plan over the structure counts as there."""
    found: dict[Key, Decimal] = {}
    plan = next((p for p in ctx.app.model.plans.values() if p.structure == structure), None)
    for supply in supplies(ctx, plan) if plan else ():
        if supply.day is None:
            found[supply.item] = found.get(supply.item, ZERO) + supply.quantity
    return found
