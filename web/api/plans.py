"""Planning by API: explosion, where-used, cost, netting with pegging, and making what it suggests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, Response

from engine.planning.supply import Demand
from runtime import planning
from runtime.context import RunContext
from runtime.errors import Invalid, Malformed
from runtime.finding import find_one
from runtime.messages import fault
from runtime.planning import Pegged, PlanRun, Suggestion
from runtime.planning_tree import Tree, structure_id
from web.access import reading, writing
from web.api import parameters
from web.api.bodies import body
from web.api.idempotency import once
from web.api.shapes import answer

MOST_DEMANDS = 1000
ONE = Decimal(1)


def item_of(ctx: RunContext, structure: str, given: object) -> int:
    """The id of an item given by id or by code."""
    declared = structure_id(ctx, structure)
    entity = ctx.app.model.entities[declared.entity].fields[declared.makes].targets[0]
    return find_one(ctx, entity, given, "item")


def _tree(tree: Tree) -> dict[str, Any]:
    return {
        "item": {"id": tree.item, "title": tree.title},
        "qty": tree.quantity,
        "date": tree.day,
        "expired": tree.expired,
        "rows": [
            {
                "level": row.level,
                "above": row.above,
                "item": {"id": row.item, "title": row.title},
                "qty": row.quantity,
                "through": row.through,
                "made": row.made,
                "expired": row.expired,
                "instead": [{"id": i, "title": title} for i, title in row.instead],
            }
            for row in tree.rows
        ],
        "totals": [{"item": {"id": i, "title": title}, "qty": quantity} for i, title, quantity in tree.totals],
    }


def explode() -> Response:
    """What a quantity of an item is made of, by level."""
    with reading() as ctx:
        structure = parameters.text("structure")
        item = item_of(ctx, structure, parameters.needed(ctx, "item"))
        quantity = parameters.decimal(ctx, "qty", ONE)
        return answer(_tree(planning.explode(ctx, item, quantity, parameters.day(ctx, "date"), structure)))


def where_used() -> Response:
    """What an item goes into, up to the top."""
    with reading() as ctx:
        structure = parameters.text("structure")
        item = item_of(ctx, structure, parameters.needed(ctx, "item"))
        return answer(_tree(planning.where_used(ctx, item, parameters.day(ctx, "date"), structure)))


def cost() -> Response:
    """What one of an item costs, rolled up from what it is made of, with the reason of each figure."""
    with reading() as ctx:
        structure = parameters.text("structure")
        item = item_of(ctx, structure, parameters.needed(ctx, "item"))
        rows = planning.cost(ctx, item, parameters.day(ctx, "date"), structure)
        return answer({"item": {"id": item}, "unit_cost": rows[0].unit_cost if rows else None, "rows": [
            {
                "item": {"id": row.item, "title": row.title},
                "level": row.level,
                "unit_cost": row.unit_cost,
                "basis": row.basis,
                "missing": row.missing,
                "parts": [
                    {"item": {"id": p.item, "title": p.title}, "qty": p.quantity, "unit_cost": p.unit_cost,
                     "amount": p.amount}
                    for p in row.parts
                ],
            }
            for row in rows
        ]})  # fmt: skip


def net() -> Response:
    """Net the plan against what is there; ``commit=true`` makes the documents it suggests."""
    commit = parameters.text("commit") == "true"
    with writing("api") if commit else reading() as ctx:
        return once(ctx, lambda: _net(ctx, commit=True)) if commit else answer(_net(ctx, commit=False)[0])


def _net(ctx: RunContext, *, commit: bool) -> tuple[dict[str, Any], int]:
    plan = planning.plan_of(ctx, parameters.text("plan"))
    given = body(ctx, empty=True)
    run = planning.net(ctx, plan.id, demands_of(ctx, plan.structure, given))
    made = planning.commit(ctx, plan.id, wanted(run, given)) if commit else []
    return {**run_json(run), "made": [{"entity": entity, "id": record} for entity, record in made]}, 200


def wanted(run: PlanRun, given: object) -> Sequence[Suggestion]:
    """The suggestions to make: those numbered in ``suggestions``, else all that become a document."""
    numbers = given.get("suggestions") if isinstance(given, Mapping) else None
    if isinstance(numbers, list):
        return [s for s in run.suggestions if s.number in numbers]
    return [s for s in run.suggestions if s.draws]


def demands_of(ctx: RunContext, structure: str, given: object) -> list[Demand]:
    """Demands on top of those of the app: a list, or ``{"demands": [...]}``, of item, qty, date, place."""
    rows = given.get("demands", []) if isinstance(given, Mapping) else given
    if not isinstance(rows, list) or len(rows) > MOST_DEMANDS or not all(isinstance(row, Mapping) for row in rows):
        raise Malformed(fault(ctx, "body_not_object"))
    return [_demand(ctx, structure, index, row) for index, row in enumerate(rows)]


def _demand(ctx: RunContext, structure: str, index: int, row: Mapping[str, Any]) -> Demand:
    try:
        quantity = Decimal(str(row.get("qty")))
        day = date.fromisoformat(str(row["date"])) if row.get("date") else ctx.today()
    except (InvalidOperation, ValueError):
        raise Invalid(fault(ctx, "bad_number", f"{index}.qty", name="qty / date", given=str(row)[:60])) from None
    if not quantity.is_finite() or not 0 < quantity < 10**12:
        raise Invalid(fault(ctx, "bad_number", f"{index}.qty", name="qty", given=str(row.get("qty"))[:40]))
    item = item_of(ctx, structure, row.get("item"))
    return Demand(id=("extra", index), item=item, quantity=quantity, day=day, place=None)


def _peg(peg: Pegged) -> dict[str, Any]:
    return {
        "kind": peg.kind,
        "qty": peg.quantity,
        "date": peg.day,
        "title": peg.title,
        "document": {"entity": peg.entity, "id": peg.id} if peg.entity else None,
    }


def run_json(run: PlanRun) -> dict[str, Any]:
    """A netting as JSON: suggestions with their pegs, supply that comes late, what has no structure."""
    return {
        "plan": run.plan,
        "date": run.today,
        "suggestions": [
            {
                "number": s.number,
                "item": {"id": s.item, "title": s.title},
                "level": s.level,
                "qty": s.quantity,
                "short_qty": s.short,
                "need_date": s.need_date,
                "order_date": s.order_date,
                "late_days": s.late_days,
                "becomes": s.draws or None,
                "pegs": [_peg(p) for p in s.pegs],
                "above": s.above,
            }
            for s in run.suggestions
        ],
        "late": [
            {
                "item": {"id": row.item, "title": row.title},
                "qty": row.quantity,
                "days": row.days,
                "need": _peg(row.need),
                "supply": _peg(row.supply),
            }
            for row in run.late
        ],
        "without_structure": run.unmade,
    }


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/plan/explode", "explode", explode)
    api.add_url_rule("/plan/where-used", "where_used", where_used)
    api.add_url_rule("/plan/cost", "cost", cost)
    api.add_url_rule("/plan/net", "net", net, methods=["POST"])
