"""The open balances a take goes over, in their order and no more of them than it needs: found by the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Date,
    Select,
    Subquery,
    Table,
    and_,
    bindparam,
    collate,
    func,
    literal,
    literal_column,
    select,
    true,
)

from engine.expressions.tree import Clock, Expr, Path
from engine.expressions.types import Kind
from engine.model import Allocation, AppModel
from runtime.columns import Moment
from runtime.ledgers.book import Book, Standing
from runtime.ledgers.costing import ZERO
from runtime.ledgers.near_joins import NearJoiner
from runtime.ledgers.requests import DimensionValue
from runtime.ledgers.shape import Shape
from runtime.prepared import Statement, prepare_statement
from runtime.sql import Joiner, NotInSql, SqlScope, TableRow, to_sql, to_where

FEW = 64
"""How many open balances are read at first; each further time, eight times as many."""

AT_ONCE = 8
"""How many of those read are looked at together: nearly every take ends among the first."""

SAME_ORDER = frozenset({Kind.DATE, Kind.MOMENT, Kind.NUMBER, Kind.MONEY, Kind.QUANTITY})
"""Kinds that Python and every database put in the same order; texts follow the database's language."""

BETWEEN, BEHIND = "|", "}"
"""What stands between the parts of a key, and the sign after it: what begins with a part is before that."""

NO_BYTES: ColumnElement[Any] = literal_column("x''")

Choose = Callable[[list[Standing]], list[Standing]]


class Need(NamedTuple):
    """What is to be covered.

    ``ordered``: those of some balances that fit, in the allocation's order. ``meeting``: those of some balances that
    this one take may use, which the statement that many share cannot tell.
    """

    resource: str
    amount: Decimal
    ordered: Choose
    meeting: Choose


class _Query(NamedTuple):
    """``lasting``: what a call does to balances changes neither whether they fit nor their order."""

    statement: Statement
    lasting: bool


@dataclass(slots=True)
class _Opened:
    """The first open balances that fit, in their order; ``whole``: there are no others.

    Most are never looked at: a row as the driver gave it becomes a balance when it is.
    """

    shape: Shape
    rows: Sequence[Sequence[Any]]
    read: Callable[[Sequence[Any]], list[Any]]
    whole: bool
    keys: frozenset[str]
    _known: dict[int, Mapping[str, Any]] = field(default_factory=dict)

    def row(self, place: int) -> Mapping[str, Any]:
        """A row by the names of its columns."""
        found = self._known.get(place)
        if found is None:
            found = self._known[place] = dict(
                zip(self.shape.balance.c.keys(), self.read(self.rows[place]), strict=False)
            )
        return found

    def parts(self, pending: Mapping[str, Mapping[str, Decimal]]) -> Iterator[list[Standing]]:
        """The balances with what the call has already done to them, a few at a time."""
        for start in range(0, len(self.rows), AT_ONCE):
            places = range(start, min(start + AT_ONCE, len(self.rows)))
            yield [self._standing(self.row(place), pending) for place in places]

    def _standing(self, row: Mapping[str, Any], pending: Mapping[str, Mapping[str, Decimal]]) -> Standing:
        own = pending.get(row["key"], {})
        amounts = {name: row[name] + own.get(name, ZERO) for name in self.shape.kept}
        return Standing(row["key"], self.shape.read(row), amounts, row["first_at"])


def first_open(
    book: Book, shape: Shape, allocation: Allocation, fixed: Mapping[str, DimensionValue], need: Need
) -> list[Standing] | None:
    """Enough of the first open balances, in order, to cover the need; all if none suffice.

    What the call has already done to balances counts. ``None``: the order cannot be told in SQL.
    """
    if any(isinstance(e, Expr) and e.type.kind not in SAME_ORDER for e, _ in allocation.order):
        return None
    query = _kept(book, shape, allocation, fixed, need.resource)
    if query is None:
        return None
    limit = FEW
    while True:
        key = (shape.ledger.id, allocation.id, shape.key(fixed), need.resource, limit)
        opened: _Opened | None = book.read_before.get(key)
        if opened is None:  # lines that want the same goods read them once
            opened = book.read_before[key] = _opened(book, shape, query.statement, fixed, limit)
        touched = book.touched(shape, fixed)
        if query.lasting and touched.keys() <= opened.keys:
            found, sure = _in_turn(book, opened, need)
        else:
            found, sure = _put_in_order(book, fixed, opened, need)
        if opened.whole:
            return found
        if sum((s.amounts[need.resource] for s in found[:sure]), ZERO) >= need.amount:
            return found[:sure]
        limit *= 8


def _opened(book: Book, shape: Shape, statement: Statement, fixed: Mapping[str, DimensionValue], limit: int) -> _Opened:
    given = {"_today": book.ctx.today(), "_now": book.now, **_given(shape, fixed), "_most": limit}
    rows = statement.fetch(book.ctx, given)
    fitting = [row for row in rows if row[-1]]
    return _Opened(shape, fitting, statement.read or list, len(rows) < limit, frozenset(row[0] for row in fitting))


def _in_turn(book: Book, opened: _Opened, need: Need) -> tuple[list[Standing], int]:
    """As the database has put them, no more than are needed."""
    found: list[Standing] = []
    left = need.amount
    for some in opened.parts(book.pending(opened.shape)):
        open_ = need.meeting([s for s in some if s.amounts[need.resource] > 0])
        found += open_
        left -= sum((s.amounts[need.resource] for s in open_), ZERO)
        if left <= 0:
            break
    return found, len(found)


def _put_in_order(
    book: Book, fixed: Mapping[str, DimensionValue], opened: _Opened, need: Need
) -> tuple[list[Standing], int]:
    """In order anew, with what the call has changed and was not among them; how many nothing unread comes before."""
    shape = opened.shape
    rows = [opened.row(place) for place in range(len(opened.rows))]
    also = _also_touched(book, shape, sorted(book.touched(shape, fixed).keys() - opened.keys))
    open_ = need.ordered([s for s in book.standings(shape, [*rows, *also], fixed) if s.amounts[need.resource] > 0])
    open_ = need.meeting(open_)
    return open_, max((place for place, s in enumerate(open_, 1) if s.key in opened.keys), default=0)


def _also_touched(book: Book, shape: Shape, keys: Sequence[str]) -> Sequence[Mapping[Any, Any]]:
    """Balances that the call has changed and that were not among the first."""
    if not keys:
        return ()
    return book.ctx.connection.execute(select(shape.balance).where(shape.balance.c.key.in_(keys))).mappings().all()


def _given(shape: Shape, fixed: Mapping[str, DimensionValue]) -> dict[str, object]:
    """The parameters of what is fixed, as columns and as the beginning of a key."""
    begin = shape.key(fixed, tuple(fixed))
    columns = {f"d_{name}": value for name, value in shape.columns(fixed, tuple(fixed)).items() if value is not None}
    return {**columns, "_from": begin + BETWEEN, "_below": begin + BEHIND}


def _kept(
    book: Book, shape: Shape, allocation: Allocation, fixed: Mapping[str, DimensionValue], lead: str
) -> _Query | None:
    """The statement, made once for each set of dimensions that are fixed; ``None``: not to be told in SQL."""
    columns = shape.columns(fixed, tuple(fixed))
    known = tuple(sorted((name, value is None) for name, value in columns.items()))
    key = ("first_open", shape.ledger.id, allocation.id, known, lead, book.ctx.app.database.dialect)

    def make() -> _Query | None:
        try:
            statement = _query(book, shape, allocation, columns, lead)
        except NotInSql:
            return None
        answers = [*shape.balance.c, literal(True, Boolean)]
        return _Query(prepare_statement(book.ctx, statement, answers), _lasting(shape, allocation))

    return book.ctx.app.programs.keep(key, make)


def _lasting(shape: Shape, allocation: Allocation) -> bool:
    """Whether neither the order nor what fits is told by amounts."""
    read = [entry for entry, _ in allocation.order if isinstance(entry, Expr)]
    read += [allocation.where] if allocation.where is not None else []
    return all(
        isinstance(node, Clock) or (isinstance(node, Path) and not (node.steps and node.steps[0] in shape.resources))
        for expr in read
        for node in expr.inputs
    )


def _query(book: Book, shape: Shape, allocation: Allocation, columns: Mapping[str, object], lead: str) -> Select[Any]:
    """The first open balances in the allocation's order, and whether each fits.

    Whether they fit is asked of the first alone: it can be long to tell, and of most nobody wants to know.
    """
    ctx, table = book.ctx, shape.balance
    named = [name for name in shape.dimensions if columns.get(name) is not None]
    joiner = JOINERS[ctx.connection.dialect.name](table, ctx.app.model, shape, named)
    scope = SqlScope(
        model=ctx.app.model,
        tables=ctx.app.tables,
        dialect=ctx.app.database.dialect,
        record=TableRow(f"ledger.{shape.ledger.id}", table),
        today=bindparam("_today", type_=Date()),
        now=bindparam("_now", type_=Moment()),
        joiner=joiner,
    )
    fixed = _fixed(ctx.connection.dialect.name, shape, columns)
    order = _order(ctx.connection.dialect.name, shape, allocation, scope)
    first = (
        joiner.apply(select(table, *(value.label(f"_o{place}") for place, (value, _) in enumerate(order))))
        .where(and_(*fixed, table.c[lead] > literal(ZERO, table.c[lead].type)))
        .order_by(*(_ordering(ctx.connection.dialect.name, value, descending=down) for value, down in order))
        .limit(bindparam("_most"))
        .subquery("first")
    )
    return _judged(first, shape, allocation, scope, [descending for _, descending in order])


def _fixed(dialect: str, shape: Shape, columns: Mapping[str, object]) -> list[ColumnElement[bool]]:
    """What says which balances are looked at. On SQLite rows lie in the order of their keys: those that begin alike
    lie together, and are read in one go."""
    table = shape.balance
    if dialect == "sqlite" and tuple(columns) == tuple(table.c.keys())[1 : 1 + len(columns)]:
        return [table.c.key >= bindparam("_from"), table.c.key < bindparam("_below")]
    return [table.c[n].is_(None) if v is None else table.c[n] == bindparam(f"d_{n}") for n, v in columns.items()]


JOINERS: Mapping[str, Callable[[Table, AppModel, Shape, Sequence[str]], Joiner]] = {
    "sqlite": lambda table, *_: Joiner(table),
    "postgresql": NearJoiner,
}


def _judged(
    first: Subquery, shape: Shape, allocation: Allocation, scope: SqlScope, descending: Sequence[bool]
) -> Select[Any]:
    """The balances found, in the same order, with whether each fits."""
    joiner = Joiner(first)
    mine = replace(scope, record=TableRow(f"ledger.{shape.ledger.id}", first), joiner=joiner)
    fits = true() if allocation.where is None else to_where(allocation.where, mine)
    columns = [first.c[c.name] for c in shape.balance.c]
    order = [_ordering(scope.dialect, first.c[f"_o{place}"], descending=down) for place, down in enumerate(descending)]
    return joiner.apply(select(*columns, fits)).order_by(*order)


def _order(
    dialect: str, shape: Shape, allocation: Allocation, scope: SqlScope
) -> list[tuple[ColumnElement[Any], bool]]:
    """What the balances are ordered by, as ``ordered`` has it: then by age and key."""
    table = shape.balance
    order: list[tuple[ColumnElement[Any], bool]] = [
        (to_sql(entry, scope) if isinstance(entry, Expr) else table.c.first_at, descending)
        for entry, descending in allocation.order
    ]
    key = collate(table.c.key, "C") if dialect == "postgresql" else table.c.key
    aged = any(not isinstance(entry, Expr) for entry, _ in allocation.order)
    return [*order, *([] if aged else [(table.c.first_at, False)]), (key, False)]


def _ordering(dialect: str, value: ColumnElement[Any], *, descending: bool) -> ColumnElement[Any]:
    """Empties last, whichever way. SQLite says so in half the time where bytes stand for them: they follow all else."""
    if dialect == "sqlite":
        always = descending or (isinstance(value, Column) and not value.nullable)
        value = value if always else func.coalesce(value, NO_BYTES)
        return value.desc() if descending else value.asc()
    return (value.desc() if descending else value.asc()).nulls_last()
