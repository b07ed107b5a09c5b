"""The open balances a take goes over, in their order and no more of them than it needs: found by the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, and_, bindparam, collate, literal, select

from engine.expressions.tree import Expr
from engine.expressions.types import Kind
from engine.model import Allocation
from runtime.columns import Moment
from runtime.ledgers.book import Book, Standing
from runtime.ledgers.costing import ZERO
from runtime.ledgers.requests import DimensionValue
from runtime.ledgers.shape import Shape
from runtime.prepared import Statement, prepare_statement
from runtime.sql import Joiner, NotInSql, SqlScope, TableRow, to_sql, to_where

FEW = 64
"""How many open balances are read at first; each further time, eight times as many."""

SAME_ORDER = frozenset({Kind.DATE, Kind.MOMENT, Kind.NUMBER, Kind.MONEY, Kind.QUANTITY})
"""Kinds that Python and every database put in the same order; texts follow the database's language."""


def first_open(
    book: Book,
    shape: Shape,
    allocation: Allocation,
    fixed: Mapping[str, DimensionValue],
    need: tuple[str, Decimal],
    ordered: Callable[[list[Standing]], list[Standing]],
    meeting: Callable[[list[Standing]], list[Standing]],
) -> list[Standing] | None:
    """Enough of the first open balances, ``ordered``, to cover ``need`` (resource, amount); all if none suffice.

    ``meeting``: those of some balances that this one take may use, which the statement that many share cannot tell.
    What the call has already done to balances counts. ``None``: the order cannot be told in SQL.
    """
    if any(isinstance(e, Expr) and e.type.kind not in SAME_ORDER for e, _ in allocation.order):
        return None
    query = _kept(book, shape, allocation, fixed, need[0])
    if query is None:
        return None
    names = [column.name for column in shape.balance.c]
    given = {"_today": book.ctx.today(), "_now": book.now, **_given(shape, fixed)}
    limit, same = FEW, (shape.ledger.id, allocation.id, shape.key(fixed), need[0])
    while True:
        rows = book.read_before.get((*same, limit))
        if rows is None:  # lines that want the same goods read them once
            found_rows = query.run(book.ctx, {**given, "_most": limit})
            rows = book.read_before[(*same, limit)] = [dict(zip(names, row, strict=True)) for row in found_rows]
        open_, sure = _in_order(book, shape, fixed, rows, need[0], (ordered, meeting))
        if len(rows) < limit:
            return open_
        if sum((s.amounts[need[0]] for s in open_[:sure]), ZERO) >= need[1]:
            return open_[:sure]
        limit *= 8


def _in_order(
    book: Book,
    shape: Shape,
    fixed: Mapping[str, DimensionValue],
    rows: Sequence[Mapping[Any, Any]],
    lead: str,
    chosen: tuple[Callable[[list[Standing]], list[Standing]], Callable[[list[Standing]], list[Standing]]],
) -> tuple[list[Standing], int]:
    """What is open of the rows read, in their order, and how many of those nothing unread comes before."""
    ordered, meeting = chosen
    touched = book.touched(shape, fixed)
    if not touched:  # as the database has put them
        found = {s.key: s for s in book.standings(shape, rows, fixed)}
        open_ = meeting([found[row["key"]] for row in rows if row["key"] in found])
        return open_, len(open_)
    read = {row["key"] for row in rows}
    also = _also_touched(book, shape, sorted(set(touched) - read))
    open_ = ordered([s for s in book.standings(shape, [*rows, *also], fixed) if s.amounts[lead] > 0])
    open_ = meeting(open_)
    return open_, max((place for place, s in enumerate(open_, 1) if s.key in read), default=0)


def _also_touched(book: Book, shape: Shape, keys: Sequence[str]) -> Sequence[Mapping[Any, Any]]:
    """Balances that the call has changed and that were not among the first."""
    if not keys:
        return ()
    return book.ctx.connection.execute(select(shape.balance).where(shape.balance.c.key.in_(keys))).mappings().all()


def _given(shape: Shape, fixed: Mapping[str, DimensionValue]) -> dict[str, object]:
    """The parameters of what is fixed."""
    return {f"d_{name}": value for name, value in shape.columns(fixed, tuple(fixed)).items() if value is not None}


def _kept(
    book: Book, shape: Shape, allocation: Allocation, fixed: Mapping[str, DimensionValue], lead: str
) -> Statement | None:
    """The statement, made once for each set of dimensions that are fixed; ``None``: not to be told in SQL."""
    columns = shape.columns(fixed, tuple(fixed))
    known = tuple(sorted((name, value is None) for name, value in columns.items()))
    key = ("first_open", shape.ledger.id, allocation.id, known, lead, book.ctx.app.database.dialect)

    def make() -> Statement | None:
        try:
            return prepare_statement(book.ctx, _query(book, shape, allocation, columns, lead), list(shape.balance.c))
        except NotInSql:
            return None

    return book.ctx.app.programs.keep(key, make)


def _query(book: Book, shape: Shape, allocation: Allocation, columns: Mapping[str, object], lead: str) -> Select[Any]:
    """The open balances in the allocation's order: empties last, then by age and key, as ``ordered`` has it."""
    ctx, table = book.ctx, shape.balance
    joiner = Joiner(table)
    scope = SqlScope(
        model=ctx.app.model,
        tables=ctx.app.tables,
        dialect=ctx.app.database.dialect,
        record=TableRow(f"ledger.{shape.ledger.id}", table),
        today=bindparam("_today", type_=Date()),
        now=bindparam("_now", type_=Moment()),
        joiner=joiner,
    )
    named = [table.c[n].is_(None) if v is None else table.c[n] == bindparam(f"d_{n}") for n, v in columns.items()]
    wanted: list[ColumnElement[bool]] = [*named, table.c[lead] > literal(ZERO, table.c[lead].type)]
    if allocation.where is not None:
        wanted.append(to_where(allocation.where, scope))
    order: list[ColumnElement[Any]] = []
    for entry, descending in allocation.order:
        value = to_sql(entry, scope) if isinstance(entry, Expr) else table.c.first_at
        order += [value.is_(None), value.desc() if descending else value.asc()]
    key = collate(table.c.key, "C") if ctx.connection.dialect.name == "postgresql" else table.c.key
    return (
        joiner.apply(select(table))
        .where(and_(*wanted))
        .order_by(*order, table.c.first_at, key)
        .limit(bindparam("_most"))
    )
