"""Expressions over the rows of a plan: what is planned, how much, when, and the fields of the item itself.

A plan has no table. Its names are read from the row at hand; everything else from the item's record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from engine.compile.plan_rows import ITEM, OWN, mapped, on_item, root_of
from engine.expressions.tree import Expr
from engine.expressions.types import Kind
from engine.model import Plan
from runtime.context import RunContext
from runtime.id_sets import ID_SETS
from runtime.planning_structure import sql_scope
from runtime.record_inputs import Workspace
from runtime.record_texts import record_title
from runtime.sql import Compiler
from runtime.sql_scope import Joiner, NotInSql

Row = dict[str, Any]
EMPTY = (None, "")


def evaluate(ctx: RunContext, plan: Plan, expr: Expr, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The value of ``expr`` for rows of a plan, each with ``item`` (an id) and the names of ``OWN``."""
    at = Workspace(ctx)
    at.need(plan.entity, (row[ITEM] for row in rows))
    merged: list[Row | None] = [
        {**(at.known(plan.entity, row[ITEM]) or {}), **{root_of(name): row.get(name) for name in OWN}} for row in rows
    ]
    return at.evaluate(_readable(ctx, plan, expr), merged, None, plan.entity)


def _readable(ctx: RunContext, plan: Plan, expr: Expr) -> Expr:
    """The expression as it stands on the item; made once."""
    key = ("plan expression", plan.id, id(expr))
    return ctx.app.programs.keep(key, lambda: (expr, on_item(expr, plan.id, plan.entity)))[1]


def titles_of(ctx: RunContext, entity: str, ids: Iterable[int]) -> dict[int, str]:
    """What people call records, read without the rest of them."""
    described, table = ctx.app.model.entities[entity], ctx.app.tables.entity[entity]
    names = [name for name in described.title or ("code", "name") if name in table.c]
    if any(described.fields[name].value.kind is Kind.REFERENCE for name in names if name in described.fields):
        return {i: record_title(ctx.app.model, entity, row) for i, row in records_of(ctx, entity, ids).items()}
    sets = ID_SETS[ctx.app.database.dialect]
    query = ctx.app.programs.keep(
        ("titles", entity),
        lambda: select(table.c.id, *(table.c[n] for n in names)).where(sets.among(table.c.id, "ids")),
    )
    return {
        row[0]: " ".join([str(word) for word in row[1:] if word not in EMPTY]) or f"#{row[0]}"
        for row in ctx.connection.execute(query, {"ids": sets.pack(set(ids))}).all()
    }


def holding(ctx: RunContext, plan: Plan, conditions: Sequence[Expr], items: Sequence[int]) -> list[set[int]] | None:
    """For each condition the items for which it holds, by the database; ``None``: one reads more than the item."""
    table = ctx.app.tables.entity[plan.entity]
    joiner = Joiner(table)
    scope = sql_scope(ctx, plan.entity, table, joiner)
    try:
        columns = [Compiler(scope).condition(_readable(ctx, plan, expr).tree) for expr in conditions]
    except NotInSql:
        return None
    found: list[set[int]] = [set() for _ in conditions]
    sets = ID_SETS[ctx.app.database.dialect]
    query = joiner.apply(select(table.c.id, *columns)).where(sets.among(table.c.id, "ids"))
    for row in ctx.connection.execute(query, {"ids": sets.pack(items)}).all():
        for held, value in zip(found, row[1:], strict=True):
            if value:
                held.add(row[0])
    return found


def records_of(ctx: RunContext, entity: str, ids: Iterable[int]) -> dict[int, Row]:
    """Rows of an entity by id, for titles."""
    at = Workspace(ctx)
    wanted = sorted(set(ids))
    at.need(entity, wanted)
    return {i: row for i in wanted if (row := at.known(entity, i)) is not None}


__all__ = ["ITEM", "OWN", "evaluate", "holding", "mapped", "records_of", "root_of", "titles_of"]
