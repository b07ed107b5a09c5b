"""Sums of a ledger by a grain, now or at a moment, as plain tuples: one statement, made once for each kind of question.

Amounts are the whole numbers that the database keeps, of the resource's last decimal: nothing is rounded on the way.

Now: the balances, and the pools for the value. Then: the last month end kept before, and the moves since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Table, and_, bindparam, column, func, select, type_coerce, union_all

from runtime.ledgers.book import Book
from runtime.ledgers.requests import DimensionValue
from runtime.ledgers.shape import Shape, dimension_columns_of
from runtime.ledgers.tables import dimension_columns
from runtime.prepared import Statement, prepare_statement
from runtime.values import Ref

Condition = Callable[[Table], ColumnElement[bool]]
"""A condition over rows of any of a ledger's tables that have all its dimensions."""

Key = tuple[Any, ...]
"""The values of dimension columns, in their order."""

Sums = dict[Key, list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What balances are wanted: fixed dimensions, a condition, and the moment (``None``: now)."""

    fixed: Mapping[str, DimensionValue]
    condition: Condition | None
    moment: datetime | None


def columns_of(shape: Shape, names: Iterable[str]) -> tuple[str, ...]:
    """The columns of dimensions."""
    return tuple(c for name in names for c in dimension_columns(shape.ledger.dimensions[name]))


def dimensions_of(shape: Shape, names: Sequence[str], key: Key) -> dict[str, DimensionValue]:
    """The dimensions that a key holds."""
    if not shape.several:
        return dict(zip(names, key, strict=True))
    row = dict(zip(columns_of(shape, names), key, strict=True))
    return {n: Ref(row[f"{n}__type"], row[n]) if n in shape.several and row[n] is not None else row[n] for n in names}


def summed(book: Book, shape: Shape, asked: Asked, names: Sequence[str], resources: Sequence[str]) -> Sums:
    """``resources`` by the grain of ``names``, added up in the database."""
    width, found = len(columns_of(shape, names)), Sums()
    for wanted, rows in _answers(book, shape, asked, tuple(names), tuple(resources)):
        places = [resources.index(r) for r in wanted]
        whole = len(places) == len(resources)
        for row in rows:
            key = tuple(row[:width])
            amounts = [int(amount or 0) for amount in row[width:]]
            sums = found.get(key)
            if sums is None and whole:
                found[key] = amounts
                continue
            if sums is None:
                sums = found[key] = [0] * len(resources)
            for place, amount in zip(places, amounts, strict=True):
                sums[place] += amount
    return found


def _answers(
    book: Book, shape: Shape, asked: Asked, names: tuple[str, ...], resources: tuple[str, ...]
) -> Iterable[tuple[Sequence[str], Iterable[Sequence[Any]]]]:
    given = shape.columns(asked.fixed, tuple(asked.fixed))
    if asked.moment is not None:
        start = _month_before(book, shape, asked.moment)
        moments = {"month": start, "until": asked.moment, "since": book.day_end(start) if start else None}
        yield resources, _ask(book, shape, asked, _Part(names, resources, start is not None, given), moments)
        return
    kept = tuple(r for r in resources if r in shape.kept)
    if kept:
        yield kept, _ask(book, shape, asked, _Part(names, kept, None, given), {})
    if shape.value in resources and shape.pool is not None:
        yield (shape.value,), _ask(book, shape, asked, _Part(names, (shape.value,), None, given, shape.pool), {})


@dataclass(frozen=True, slots=True)
class _Part:
    """A question: grain, resources, fixed columns; ``then``: of a moment, with a month end before it or without."""

    names: tuple[str, ...]
    resources: tuple[str, ...]
    then: bool | None
    given: Mapping[str, DimensionValue]
    table: Table | None = None

    def key(self, shape: Shape) -> tuple[object, ...]:
        empty = tuple((n, v is None) for n, v in self.given.items())
        table = "" if self.table is None else self.table.name
        return ("ledger sums", shape.ledger.id, self.names, self.resources, self.then, empty, table)


def _ask(book: Book, shape: Shape, asked: Asked, part: _Part, moments: Mapping[str, object]) -> Iterable[Sequence[Any]]:
    ctx = book.ctx
    given = {**moments, **{f"at_{n}": v for n, v in part.given.items() if v is not None}}
    if asked.condition is not None:
        statement = _statement(shape, part, asked.condition)
        return ctx.connection.execute(statement, {n: v for n, v in given.items() if v is not None})
    made: Statement = ctx.app.programs.keep(part.key(shape), lambda: _prepared(book, shape, part))
    return made.run(ctx, given)


def _prepared(book: Book, shape: Shape, part: _Part) -> Statement:
    table = shape.moves if part.then is not None else part.table if part.table is not None else shape.balance
    answers = [*_columns(shape, table, part), *(column(r, BigInteger) for r in part.resources)]
    return prepare_statement(book.ctx, _statement(shape, part, None), answers)


def _columns(shape: Shape, table: Table, part: _Part) -> list[Any]:
    return list(dimension_columns_of(shape, table, part.names)) if part.names else []


def _statement(shape: Shape, part: _Part, condition: Condition | None) -> Any:
    if part.then is None:
        return _select(shape, part.table if part.table is not None else shape.balance, part, condition)
    moves, kept = shape.moves, shape.snapshot
    until = moves.c.at <= bindparam("until", type_=moves.c.at.type)
    if not part.then:
        return _select(shape, moves, part, condition, until)
    since = moves.c.at > bindparam("since", type_=moves.c.at.type)
    month = kept.c.month == bindparam("month", type_=kept.c.month.type)
    return union_all(_select(shape, kept, part, condition, month), _select(shape, moves, part, condition, until, since))


def _select(shape: Shape, table: Table, part: _Part, condition: Condition | None, *more: ColumnElement[bool]) -> Any:
    columns = _columns(shape, table, part)
    rows = [
        table.c[n].is_(None) if v is None else table.c[n] == bindparam(f"at_{n}", type_=table.c[n].type)
        for n, v in part.given.items()
    ]
    own = [condition(table)] if condition is not None else []
    amounts = [type_coerce(table.c[r], BigInteger) for r in part.resources]
    if table is shape.snapshot and set(part.names) == set(shape.dimensions):  # one row a key as it is
        return select(*columns, *amounts).where(and_(True, *more, *rows, *own))
    query = select(*columns, *(func.sum(amount).label(r) for amount, r in zip(amounts, part.resources, strict=True)))
    return query.where(and_(True, *more, *rows, *own)).group_by(*columns)


def _month_before(book: Book, shape: Shape, moment: datetime) -> date | None:
    period = book.periods.get(shape.ledger.id)
    day = moment.astimezone(book.zone).date() + timedelta(days=1)
    before = day.replace(day=1) - timedelta(days=1)
    return min(before, period.kept) if period and period.kept else None


__all__ = ["Asked", "Condition", "Key", "Sums", "columns_of", "dimensions_of", "summed"]
