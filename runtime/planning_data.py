"""What a plan looks at, read set-wise: demands, supplies, rules of items. One statement a flow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import FromClause, Select, literal, select

from engine.expressions.tree import Expr, Path
from engine.model import Plan, PlanFlow, Suggest
from engine.planning.structure import Key
from engine.planning.supply import Demand, Rule, Supply
from runtime.context import RunContext
from runtime.planning_rows import conditions_of, evaluate, holding
from runtime.planning_structure import sql_scope
from runtime.sql import Joiner, SqlScope, to_sql, to_where

ZERO = Decimal(0)
LEDGER = "ledger."


def demands(ctx: RunContext, plan: Plan) -> list[Demand]:
    """Everything asked for; what has no date is asked for today."""
    found: list[Demand] = []
    for flow in plan.demands.values():
        for row, item, quantity, day, place in _rows(ctx, flow):
            if item is not None and quantity:
                found.append(Demand((flow.id, row), item, quantity, day or ctx.today(), place))
    return found


def supplies(ctx: RunContext, plan: Plan) -> list[Supply]:
    """Everything there and on its way; what is there has no date."""
    found: list[Supply] = []
    for flow in plan.supplies.values():
        for row, item, quantity, day, place in _rows(ctx, flow):
            if item is not None and quantity:
                there = None if flow.ledger else day or ctx.today()
                found.append(Supply((flow.id, row), item, quantity, there, place))
    return found


Flowing = tuple[int, Key | None, Decimal | None, date | None, Key | None]


def _rows(ctx: RunContext, flow: PlanFlow) -> Iterator[Flowing]:
    entity, table = _stands_on(ctx, flow)
    joiner = Joiner(table)
    scope = sql_scope(ctx, entity, table, joiner)

    def value(expr: Expr | None) -> Any:
        return literal(None) if expr is None else to_sql(expr, scope)

    row = literal(0) if flow.ledger else table.c.id
    columns = [row, value(flow.item), value(flow.quantity), value(flow.date), value(flow.place)]
    where = [to_where(flow.where, scope)] if flow.where is not None else []
    query = joiner.apply(select(*columns)).where(*where)
    alive = _not_deleted(ctx, entity, table)
    query = query.where(alive) if alive is not None else query
    ordered: Select[Any] = query if flow.ledger else query.order_by(table.c.id)
    for values in ctx.connection.execute(ordered):
        yield tuple(values)


def _stands_on(ctx: RunContext, flow: PlanFlow) -> tuple[str, FromClause]:
    if flow.ledger:
        return LEDGER + flow.ledger, ctx.app.tables.balance[flow.ledger]
    return flow.entity, ctx.app.tables.entity[flow.entity]


def _not_deleted(ctx: RunContext, entity: str, table: FromClause) -> Any:
    """Rows of deleted records count for nothing."""
    model = ctx.app.model.entities.get(entity)
    if model is None:
        return None
    if not model.parent:
        return table.c.deleted_at.is_(None)
    above = ctx.app.tables.entity[model.parent]
    return select(above.c.id).where(above.c.id == table.c.parent, above.c.deleted_at.is_(None)).exists()


def rules(ctx: RunContext, plan: Plan) -> dict[Key, Rule]:
    """How each planned item is planned."""
    table = ctx.app.tables.entity[plan.entity]
    joiner = Joiner(table)
    scope = sql_scope(ctx, plan.entity, table, joiner)
    asked = (plan.lead_time, plan.keep, plan.minimum, plan.multiple, plan.order_point, plan.target)
    columns = [literal(None) if expr is None else to_sql(expr, scope) for expr in asked]
    query = joiner.apply(select(table.c.id, *columns)).where(table.c.deleted_at.is_(None))
    if plan.where is not None:
        query = query.where(to_where(plan.where, scope))
    rows = ctx.connection.execute(query.order_by(table.c.id)).all()
    made = made_items(ctx, plan, [row[0] for row in rows])
    return {
        item: Rule(
            lead_days=int(lead or 0),
            keep=keep or ZERO,
            minimum=minimum or ZERO,
            multiple=multiple or ZERO,
            order_point=point,
            target=target,
            group_days=plan.group_days,
            made=item in made,
        )
        for item, lead, keep, minimum, multiple, point, target in rows
    }


def made_items(ctx: RunContext, plan: Plan, items: Sequence[int]) -> set[int]:
    """The items whose structure is followed: all but those for which a document is suggested that fills no lines
    from it (what is bought is not opened)."""
    if not plan.structure:
        return set()
    if not plan.suggest:
        return set(items)
    held = holding(ctx, plan, conditions_on(plan), items)
    if held is None:
        chosen = suggestions(ctx, plan, [{"item": item} for item in items])
        pairs = zip(items, chosen, strict=True)
        return {item for item, suggest in pairs if suggest is None or explodes(ctx, plan, suggest)}
    return made_by(ctx, plan, items, held)


def conditions_on(plan: Plan) -> list[Expr]:
    """The conditions under which the plan suggests its documents."""
    return [suggest.condition for suggest in plan.suggest.values() if suggest.condition is not None]


def suggesting(ctx: RunContext, plan: Plan, scope: SqlScope) -> list[Any] | None:
    """Those conditions as columns over items; ``None``: one reads more than the item, or who asks."""
    conditions = conditions_on(plan)
    if any(isinstance(node, Path) and node.root == "user" for expr in conditions for node in expr.inputs):
        return None
    return conditions_of(ctx, plan, conditions, scope)


def in_sql(ctx: RunContext, plan: Plan) -> bool:
    """Whether the database can tell them."""
    table = ctx.app.tables.entity[plan.entity]

    def told() -> bool:
        return suggesting(ctx, plan, sql_scope(ctx, plan.entity, table, Joiner(table))) is not None

    return ctx.app.programs.keep(("suggesting", plan.id), told)


def made_by(ctx: RunContext, plan: Plan, items: Collection[int], held: Sequence[set[int]]) -> set[int]:
    """The items that are made, from those for which each condition holds; the first that holds decides."""
    left, made, each = set(items), set[int](), iter(held)
    for suggest in plan.suggest.values():
        mine = left & next(each) if suggest.condition is not None else set(left)
        left -= mine
        if explodes(ctx, plan, suggest):
            made |= mine
    return made | left


def explodes(ctx: RunContext, plan: Plan, suggest: Suggest) -> bool:
    """Whether the suggested document is filled from the plan's structure."""
    entities = ctx.app.model.entities
    lines = (entities[field.lines] for field in entities[suggest.draw].fields.values() if field.lines)
    return any(line.explode is not None and line.explode.structure == plan.structure for line in lines)


def suggestions(ctx: RunContext, plan: Plan, rows: Sequence[dict[str, Any]]) -> list[Suggest | None]:
    """The first suggestion whose condition holds, for each row."""
    chosen: list[Suggest | None] = [None] * len(rows)
    for suggest in plan.suggest.values():
        due = [index for index, found in enumerate(chosen) if found is None]
        if suggest.condition is None:
            held: Sequence[Any] = [True] * len(due)
        else:
            held = evaluate(ctx, plan, suggest.condition, [rows[index] for index in due])
        for index, holds in zip(due, held, strict=True):
            if holds:
                chosen[index] = suggest
    return chosen
