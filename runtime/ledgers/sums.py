"""Sums of a ledger by a grain, now or at a moment, as plain tuples: one statement, made once for each kind of question.

Amounts are the whole numbers that the database keeps, of the resource's last decimal: nothing is rounded on the way.

Now: the balances, and the pools for the value. Then: the nearest month end that is kept, and the moves between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    and_,
    bindparam,
    cast,
    column,
    func,
    select,
    type_coerce,
    union_all,
)

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

WHOLE, ON, BACK = "whole", "on", "back"
"""How a moment is reached: by all moves before it, by those since the month end before, or until the one after."""


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
        if len(wanted) == len(resources):
            _add(found, rows, width)
            continue
        for row in rows:
            sums = found.setdefault(tuple(row[:width]), [0] * len(resources))
            for name, amount in zip(wanted, row[width:], strict=True):
                sums[resources.index(name)] += int(amount or 0)
    return found


def _add(found: Sums, rows: Iterable[Sequence[Any]], width: int) -> None:
    """Rows with every amount, thousands of them: most keys come once, few twice."""
    for row in rows:
        key, amounts = tuple(row[:width]), row[width:]
        if type(amounts[0]) is not int:  # sums of PostgreSQL, or sums over nothing
            amounts = [int(amount or 0) for amount in amounts]
        sums = found.get(key)
        found[key] = [*amounts] if sums is None else [one + more for one, more in zip(sums, amounts, strict=True)]


def _answers(
    book: Book, shape: Shape, asked: Asked, names: tuple[str, ...], resources: tuple[str, ...]
) -> Iterable[tuple[Sequence[str], Iterable[Sequence[Any]]]]:
    given = shape.columns(asked.fixed, tuple(asked.fixed))
    if asked.moment is not None:
        month = _nearest(book, shape, asked.moment)
        edge = book.day_end(month) if month else None
        way = WHOLE if edge is None else BACK if edge > asked.moment else ON
        since, until = (asked.moment, edge) if way == BACK else (edge, asked.moment)
        moments = {"month": month, "until": until, "since": since}
        yield resources, _ask(book, shape, asked, _Part(names, resources, way, given), moments)
        return
    kept = tuple(r for r in resources if r in shape.kept)
    if kept:
        yield kept, _ask(book, shape, asked, _Part(names, kept, None, given), {})
    if shape.value in resources and shape.pool is not None:
        yield (shape.value,), _ask(book, shape, asked, _Part(names, (shape.value,), None, given, shape.pool), {})


@dataclass(frozen=True, slots=True)
class _Part:
    """A question: grain, resources, fixed columns; ``then``: of a moment, reached from a month end or from nothing."""

    names: tuple[str, ...]
    resources: tuple[str, ...]
    then: str | None
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
    return made.run(ctx, given) if made.returns else made.fetch(ctx, given)


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
    if part.then == WHOLE:
        return _select(shape, moves, part, condition, until)
    since = moves.c.at > bindparam("since", type_=moves.c.at.type)
    month = kept.c.month == bindparam("month", type_=kept.c.month.type)
    later = _select(shape, moves, part, condition, until, since)
    if not part.given and condition is None:  # SQLite would jump through an index a thing at a time
        later = later.with_hint(moves, f"INDEXED BY {_by_time(moves)}", "sqlite")
    return union_all(_select(shape, kept, part, condition, month), later)


def _by_time(moves: Table) -> str:
    """The index along which moves stand in their order."""
    names = (str(index.name) for index in moves.indexes if [c.name for c in index.columns] == ["at", "id"])
    return next(names)


def _select(shape: Shape, table: Table, part: _Part, condition: Condition | None, *more: ColumnElement[bool]) -> Any:
    columns = _columns(shape, table, part)
    rows = [
        table.c[n].is_(None) if v is None else table.c[n] == bindparam(f"at_{n}", type_=table.c[n].type)
        for n, v in part.given.items()
    ]
    own = [condition(table)] if condition is not None else []
    undone = part.then == BACK and table is shape.moves
    amounts = [type_coerce(-table.c[r] if undone else table.c[r], BigInteger) for r in part.resources]
    if table is shape.snapshot and set(part.names) == set(shape.dimensions):  # one row a key as it is
        return select(*columns, *amounts).where(and_(True, *more, *rows, *own))
    sums: list[ColumnElement[Any]] = [func.sum(amount) for amount in amounts]
    if set(part.names) == set(shape.dimensions):  # what lies between two balances of a key fits where they do
        sums = [cast(amount, BigInteger) for amount in sums]
    query = select(*columns, *(amount.label(r) for amount, r in zip(sums, part.resources, strict=True)))
    return query.where(and_(True, *more, *rows, *own)).group_by(*columns)


def _nearest(book: Book, shape: Shape, moment: datetime) -> date | None:
    """The kept month end to start from: the last before the moment, or the first after it where that is nearer."""
    period = book.periods.get(shape.ledger.id)
    if not period or not period.kept:
        return None
    day = moment.astimezone(book.zone).date() + timedelta(days=1)
    before = min(day.replace(day=1) - timedelta(days=1), period.kept)
    after = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return after if after <= period.kept and after - day < day - before else before


__all__ = ["Asked", "Condition", "Key", "Sums", "columns_of", "dimensions_of", "summed"]
