"""What is there, now or at a moment, and the moves behind it. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, Table, and_, func, select

from engine.expressions.tree import Path
from runtime.context import RunContext
from runtime.ledgers.book import Book, PoolKey
from runtime.ledgers.costing import ZERO, share, unit_cost
from runtime.ledgers.pools import pool_key, pools_of
from runtime.ledgers.requests import DimensionValue, Move
from runtime.ledgers.shape import Shape, dimension_columns_of, shape_of

MOST_NAMED = 500
"""More pools than this are all read instead of being named."""

Sums = dict[str, tuple[dict[str, DimensionValue], dict[str, Decimal]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow:
    """A balance at the asked grain. ``unit_cost``: value ÷ quantity, where the ledger is valued."""

    dimensions: Mapping[str, DimensionValue]
    amounts: Mapping[str, Decimal]
    unit_cost: Decimal | None = None


Condition = Callable[[Table], ColumnElement[bool]]
"""A condition over rows of any of a ledger's tables that have all its dimensions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What balances are wanted: fixed dimensions, a condition, and the moment (``None``: now)."""

    fixed: Mapping[str, DimensionValue]
    condition: Condition | None
    moment: datetime | None

    def on(self, shape: Shape, table: Table) -> ColumnElement[bool]:
        """The rows of a table."""
        found = _fixed(shape, table, self.fixed)
        return found if self.condition is None else and_(found, self.condition(table))


def balances(
    ctx: RunContext,
    ledger: str,
    *,
    group_by: Sequence[str] = (),
    where: Mapping[str, DimensionValue] | None = None,
    as_of: date | datetime | None = None,
    condition: Condition | None = None,
) -> list[BalanceRow]:
    """Balances grouped by dimensions; ``where`` fixes dimensions. A date means the end of that day.

    ``condition`` makes, for a table with the ledger's dimensions, the condition of the rows that count (a filter, the
    reader's rights). The value of a part of a valuation pool is its share by quantity, of a whole pool its value.
    """
    book, shape = Book(ctx), shape_of(ctx, ledger)
    moment = as_of if as_of is None or isinstance(as_of, datetime) else book.day_end(as_of)
    asked, names = _Asked(fixed=dict(where or {}), condition=condition, moment=moment), tuple(group_by)
    if not shape.value or (condition is None and _whole_pools(book, shape, {*names, *asked.fixed})):
        grouped = _added_up(book, shape, asked, names, shape.resources)
    else:
        grouped = _shared_out(book, shape, asked, names)
    return [
        BalanceRow(dimensions=own, amounts=sums, unit_cost=_unit_cost(shape, sums))
        for _, (own, sums) in sorted(grouped.items())
        if any(sums.values())
    ]


def _unit_cost(shape: Shape, sums: Mapping[str, Decimal]) -> Decimal | None:
    quantity = sums[shape.main]
    return unit_cost(sums[shape.value], quantity) if shape.value and quantity else None


def _fixed(shape: Shape, table: Table, fixed: Mapping[str, DimensionValue]) -> ColumnElement[bool]:
    columns = shape.columns(fixed, tuple(fixed))
    return and_(True, *(table.c[n].is_(None) if v is None else table.c[n] == v for n, v in columns.items()))


def _whole_pools(book: Book, shape: Shape, names: set[str]) -> bool:
    """Whether a grain never cuts through a pool: then values are sums."""
    valuation = shape.ledger.valuation
    assert valuation is not None
    if all(names <= set(pool) for pool in valuation.pools.values()):
        return True
    if any(isinstance(n, Path) and n.root != "settings" for e in (valuation.method, valuation.pool) for n in e.inputs):
        return False
    used = pools_of(book, shape, [dict.fromkeys(shape.dimensions)])[0].pool
    return names <= set(valuation.pools[used])


def _added_up(book: Book, shape: Shape, asked: _Asked, names: Sequence[str], resources: Sequence[str]) -> Sums:
    """Sums by a grain, added up in the database."""
    found: Sums = {}
    for table, wanted, rows in _sources(book, shape, asked, resources):
        columns = dimension_columns_of(shape, table, names) if names else []
        query = select(*columns, *(func.sum(table.c[r]).label(r) for r in wanted)).where(rows)
        for row in book.ctx.connection.execute(query.group_by(*columns) if columns else query).mappings():
            own = shape.read(row, names) if names else {}
            _, sums = found.setdefault(shape.key(own, names), (own, dict.fromkeys(shape.resources, ZERO)))
            for name in wanted:
                sums[name] += row[name] or ZERO
    return found


def _sources(
    book: Book, shape: Shape, asked: _Asked, resources: Sequence[str]
) -> Iterator[tuple[Table, Sequence[str], ColumnElement[bool]]]:
    """The tables that together hold the figures, what each gives, and its rows.

    Now: the balances, and the pools for the value. Then: the last month end kept before, and the moves since.
    """
    if asked.moment is None:
        kept = [r for r in resources if r in shape.kept]
        yield shape.balance, kept, asked.on(shape, shape.balance)
        if shape.value in resources and shape.pool is not None:
            yield shape.pool, [shape.value], asked.on(shape, shape.pool)
        return
    start = _month_before(book, shape, asked.moment)
    moves, kept_ends = shape.moves, shape.snapshot
    since: ColumnElement[bool] = moves.c.at <= asked.moment
    if start is not None:
        yield kept_ends, resources, and_(kept_ends.c.month == start, asked.on(shape, kept_ends))
        since = and_(since, moves.c.at > book.day_end(start))
    yield moves, resources, and_(since, asked.on(shape, moves))


def _month_before(book: Book, shape: Shape, moment: datetime) -> date | None:
    period = book.periods.get(shape.ledger.id)
    day = moment.astimezone(book.zone).date() + timedelta(days=1)
    before = day.replace(day=1) - timedelta(days=1)
    return min(before, period.kept) if period and period.kept else None


def _shared_out(book: Book, shape: Shape, asked: _Asked, names: Sequence[str]) -> Sums:
    """Sums by a grain that cuts through pools: every finest balance has its share of its pool's value."""
    finest = _added_up(book, shape, asked, shape.dimensions, [r for r in shape.resources if r != shape.value])
    _share_values(book, shape, finest, asked.moment)
    grouped: Sums = {}
    for dimensions, amounts in finest.values():
        own = {n: dimensions.get(n) for n in names}
        _, sums = grouped.setdefault(shape.key(own, names), (own, dict.fromkeys(shape.resources, ZERO)))
        for name in shape.resources:
            sums[name] += amounts.get(name, ZERO)
    return grouped


def _share_values(book: Book, shape: Shape, finest: Sums, moment: datetime | None) -> None:
    """Give every finest balance its share of its pool's value; the last of a pool takes the rest."""
    rows = [finest[k] for k in sorted(finest)]
    members: dict[PoolKey, list[tuple[dict[str, DimensionValue], dict[str, Decimal]]]] = {}
    for row, key in zip(rows, pools_of(book, shape, [r[0] for r in rows]), strict=True):
        members.setdefault(key, []).append(row)
    there = _pools(book, shape, {key: rows[0][0] for key, rows in members.items()}, moment)
    for key, inside in members.items():
        left, value = there.get(key.key, (ZERO, ZERO))
        for _, amounts in inside:
            amounts[shape.value] = share(value, amounts[shape.main], left, shape.scales[shape.value]) if left else ZERO
            left, value = left - amounts[shape.main], value - amounts[shape.value]


def _pools(
    book: Book, shape: Shape, wanted: Mapping[PoolKey, Mapping[str, DimensionValue]], moment: datetime | None
) -> dict[str, tuple[Decimal, Decimal]]:
    """Quantity and value of whole pools, with a statement or two a kind of pool."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    assert shape.pool is not None
    assert shape.ledger.valuation is not None
    if moment is None:
        pool = shape.pool.c
        query = select(pool.key, pool.qty, pool.value)
        few = sorted(k.key for k in wanted)
        query = query.where(pool.key.in_(few)) if len(few) <= MOST_NAMED else query
        return {row[0]: (row[1], row[2]) for row in book.ctx.connection.execute(query)}
    for name in sorted({k.pool for k in wanted}):
        grain = shape.ledger.valuation.pools[name]
        mine = [dimensions for key, dimensions in wanted.items() if key.pool == name]
        alike = {n: mine[0].get(n) for n in grain if len({d.get(n) for d in mine}) == 1}
        whole = _Asked(fixed=alike, condition=None, moment=moment)
        for own, sums in _added_up(book, shape, whole, grain, (shape.main, shape.value)).values():
            found[pool_key(shape, name, own)] = sums[shape.main], sums[shape.value]
    return found


def moves(
    ctx: RunContext,
    ledger: str,
    *,
    where: Mapping[str, DimensionValue] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    condition: ColumnElement[bool] | None = None,
    after: tuple[datetime, int] | None = None,
    limit: int = 100,
) -> list[Move]:
    """Moves in their order; ``after``: moment and id of the last one seen (keyset paging)."""
    shape = shape_of(ctx, ledger)
    table = shape.moves
    query = select(table).where(_fixed(shape, table, where or {})).order_by(table.c.at, table.c.id).limit(limit)
    if since is not None:
        query = query.where(table.c.at >= since)
    if until is not None:
        query = query.where(table.c.at <= until)
    if condition is not None:
        query = query.where(condition)
    if after is not None:
        query = query.where((table.c.at > after[0]) | and_(table.c.at == after[0], table.c.id > after[1]))
    return [shape.move(row) for row in ctx.connection.execute(query).mappings()]
