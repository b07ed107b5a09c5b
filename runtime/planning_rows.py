"""Expressions over the rows of a plan: what is planned, how much, when, and the fields of the item itself.

A plan has no table. Its names are read from the row at hand; everything else from the item's record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, select

from engine.compile.plan_rows import ITEM, OWN, mapped, on_item, root_of
from engine.expressions.tree import Expr
from engine.expressions.types import Kind
from engine.model import Plan
from runtime.context import RunContext
from runtime.id_sets import ID_SETS
from runtime.planning_structure import sql_scope
from runtime.prepared import Statement, prepare_statement
from runtime.record_inputs import Workspace
from runtime.record_texts import record_title
from runtime.sql import Compiler
from runtime.sql_scope import Joiner, NotInSql, SqlScope

Row = dict[str, Any]


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


def title_columns(ctx: RunContext, entity: str) -> list[Column[Any]] | None:
    """The columns that make up what people call records; ``None``: a title names other records."""
    described, table = ctx.app.model.entities[entity], ctx.app.tables.entity[entity]
    names = [name for name in described.title or ("code", "name") if name in table.c]
    if any(described.fields[name].value.kind is Kind.REFERENCE for name in names if name in described.fields):
        return None
    return [table.c[name] for name in names]


def title_text(id: int, words: Sequence[Any]) -> str:
    """What people call a record with these words in its title."""
    if "" not in words:
        try:
            return " ".join(words) or f"#{id}"
        except TypeError:  # something is empty, or no text
            pass
    return " ".join([str(word) for word in words if word or word == 0]) or f"#{id}"


def titles_of(ctx: RunContext, entity: str, ids: Iterable[int]) -> dict[int, str]:
    """What people call records, read without the rest of them."""
    columns = title_columns(ctx, entity)
    if columns is None:
        return {i: record_title(ctx.app.model, entity, row) for i, row in records_of(ctx, entity, ids).items()}
    sets, key = ID_SETS[ctx.app.database.dialect], ctx.app.tables.entity[entity].c.id
    query = ctx.app.programs.keep(
        ("titles", entity),
        lambda: prepare_statement(ctx, select(key, *columns).where(sets.among(key, "ids")), [key, *columns]),
    )
    return {row[0]: title_text(row[0], row[1:]) for row in query.run(ctx, {"ids": sets.pack(set(ids))})}


def conditions_of(ctx: RunContext, plan: Plan, conditions: Sequence[Expr], scope: SqlScope) -> list[Any] | None:
    """Conditions over items as columns; ``None``: one reads more than the item."""
    try:
        return [Compiler(scope).condition(_readable(ctx, plan, expr).tree) for expr in conditions]
    except NotInSql:
        return None


def holding(ctx: RunContext, plan: Plan, conditions: Sequence[Expr], items: Sequence[int]) -> list[set[int]] | None:
    """For each condition the items for which it holds, by the database; ``None``: one reads more than the item."""
    key = ("holding", plan.id, *map(id, conditions), ctx.today(), ctx.user.member)
    query = ctx.app.programs.latest("holding", key, lambda: (_holding(ctx, plan, conditions),))[0]
    if query is None:
        return None
    return held(query.run(ctx, {"ids": ID_SETS[ctx.app.database.dialect].pack(items)}), 1, len(conditions))


def _holding(ctx: RunContext, plan: Plan, conditions: Sequence[Expr]) -> Statement | None:
    table = ctx.app.tables.entity[plan.entity]
    joiner = Joiner(table)
    columns = conditions_of(ctx, plan, conditions, sql_scope(ctx, plan.entity, table, joiner))
    if columns is None:
        return None
    columns = [table.c.id, *columns]
    among = ID_SETS[ctx.app.database.dialect].among(table.c.id, "ids")
    return prepare_statement(ctx, joiner.apply(select(*columns)).where(among), columns)


def held(rows: Iterable[Sequence[Any]], first: int, count: int) -> list[set[int]]:
    """For each of ``count`` columns from ``first`` on, the ids of the rows in which it holds."""
    known = list(rows)
    return [{row[0] for row in known if row[place]} for place in range(first, first + count)]


def records_of(ctx: RunContext, entity: str, ids: Iterable[int]) -> dict[int, Row]:
    """Rows of an entity by id, for titles."""
    at = Workspace(ctx)
    wanted = sorted(set(ids))
    at.need(entity, wanted)
    return {i: row for i in wanted if (row := at.known(entity, i)) is not None}


__all__ = ["ITEM", "OWN", "evaluate", "holding", "mapped", "records_of", "root_of", "titles_of"]
