"""What is there, now or at a moment, and the moves behind it. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, func, select

from runtime.context import RunContext
from runtime.ledgers.book import Book
from runtime.ledgers.costing import ZERO, share, unit_cost
from runtime.ledgers.pools import pools_of
from runtime.ledgers.requests import DimensionValue, Move
from runtime.ledgers.shape import Shape, dimension_columns_of, shape_of

CHUNK = 400
"""Keys in one statement."""

Sums = dict[str, tuple[dict[str, DimensionValue], dict[str, Decimal]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow:
    """A balance at the asked grain. ``unit_cost``: value ÷ quantity, where the ledger is valued."""

    dimensions: Mapping[str, DimensionValue]
    amounts: Mapping[str, Decimal]
    unit_cost: Decimal | None = None


def balances(
    ctx: RunContext,
    ledger: str,
    *,
    group_by: Sequence[str] = (),
    where: Mapping[str, DimensionValue] | None = None,
    as_of: date | datetime | None = None,
) -> list[BalanceRow]:
    """Balances grouped by dimensions; ``where`` fixes dimensions. A date means the end of that day.

    The value of a part of a valuation pool is its share by quantity, of a whole pool its value.
    """
    book, shape = Book(ctx), shape_of(ctx, ledger)
    fixed, names = dict(where or {}), tuple(group_by)
    finest = _now(book, shape, fixed) if as_of is None else _then(book, shape, fixed, _moment(book, as_of))
    if shape.value:
        _share_values(book, shape, finest, fixed, as_of)
    grouped: Sums = {}
    for dimensions, amounts in finest.values():
        own = {n: dimensions.get(n) for n in names}
        _, sums = grouped.setdefault(shape.key(own, names), (own, dict.fromkeys(shape.resources, ZERO)))
        for name in shape.resources:
            sums[name] += amounts.get(name, ZERO)
    return [
        BalanceRow(dimensions=own, amounts=sums, unit_cost=_unit_cost(shape, sums))
        for _, (own, sums) in sorted(grouped.items())
        if any(sums.values())
    ]


def _unit_cost(shape: Shape, sums: Mapping[str, Decimal]) -> Decimal | None:
    quantity = sums[shape.main]
    return unit_cost(sums[shape.value], quantity) if shape.value and quantity else None


def _moment(book: Book, as_of: date | datetime) -> datetime:
    return as_of if isinstance(as_of, datetime) else book.day_end(as_of)


def _fixed(shape: Shape, table: Table, fixed: Mapping[str, DimensionValue]) -> ColumnElement[bool]:
    columns = shape.columns(fixed, tuple(fixed))
    return and_(True, *(table.c[n].is_(None) if v is None else table.c[n] == v for n, v in columns.items()))


def _now(book: Book, shape: Shape, fixed: Mapping[str, DimensionValue]) -> Sums:
    table = shape.balance
    rows = book.ctx.connection.execute(select(table).where(_fixed(shape, table, fixed))).mappings()
    return {row["key"]: (shape.read(row), {r: row[r] for r in shape.kept}) for row in rows}


def _then(book: Book, shape: Shape, fixed: Mapping[str, DimensionValue], moment: datetime) -> Sums:
    """The last month end kept before the moment, plus the moves since."""
    kept, moves = shape.snapshot, shape.moves
    found: Sums = {}
    period = book.periods.get(shape.ledger.id)
    day = moment.astimezone(book.zone).date() + timedelta(days=1)
    before = day.replace(day=1) - timedelta(days=1)
    start = min(before, period.kept) if period and period.kept else None
    if start is not None:
        query = select(kept).where(kept.c.month == start, _fixed(shape, kept, fixed))
        for row in book.ctx.connection.execute(query).mappings():
            found[row["key"]] = (shape.read(row), {r: row[r] for r in shape.resources})
    columns = dimension_columns_of(shape, moves)
    changed: Select[Any] = select(*columns, *(func.sum(moves.c[r]).label(r) for r in shape.resources))
    changed = changed.where(moves.c.at <= moment, _fixed(shape, moves, fixed)).group_by(*columns)
    if start is not None:
        changed = changed.where(moves.c.at > book.day_end(start))
    for row in book.ctx.connection.execute(changed).mappings():
        own = shape.read(row)
        _, sums = found.setdefault(shape.key(own), (own, dict.fromkeys(shape.resources, ZERO)))
        for name in shape.resources:
            sums[name] += row[name]
    return found


def _share_values(
    book: Book, shape: Shape, finest: Sums, fixed: Mapping[str, DimensionValue], as_of: date | datetime | None
) -> None:
    """Give every finest balance its share of its pool's value; the last of a pool takes the rest."""
    rows = list(finest.values())
    pools: dict[str, list[tuple[dict[str, DimensionValue], dict[str, Decimal]]]] = {}
    names: dict[str, tuple[str, ...]] = {}
    assert shape.ledger.valuation is not None
    for row, key in zip(rows, pools_of(book, shape, [r[0] for r in rows]), strict=True):
        pools.setdefault(key.key, []).append(row)
        names[key.key] = shape.ledger.valuation.pools[key.pool]
    if as_of is None and shape.pool is not None:
        wholes = _pools_now(book, shape.pool, list(pools))
    else:
        assert as_of is not None
        wholes = _pools_then(book, shape, finest, fixed, set(names.values()), as_of)
    for pool, members in pools.items():
        left, value = wholes.get(pool, (ZERO, ZERO))
        for _, amounts in members:
            amounts[shape.value] = share(value, amounts[shape.main], left, shape.scales[shape.value]) if left else ZERO
            left, value = left - amounts[shape.main], value - amounts[shape.value]


def _pools_now(book: Book, table: Table, keys: Sequence[str]) -> dict[str, tuple[Decimal, Decimal]]:
    """Quantity and value of whole pools."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    query = select(table.c.key, table.c.qty, table.c.value)
    for start in range(0, len(keys), CHUNK):
        for row in book.ctx.connection.execute(query.where(table.c.key.in_(keys[start : start + CHUNK]))):
            found[row[0]] = (row[1], row[2])
    return found


def _pools_then(
    book: Book,
    shape: Shape,
    finest: Sums,
    fixed: Mapping[str, DimensionValue],
    kinds: set[tuple[str, ...]],
    as_of: date | datetime,
) -> dict[str, tuple[Decimal, Decimal]]:
    """Quantity and value of whole pools at a moment: what was asked for, unless that cuts through pools."""
    valuation = shape.ledger.valuation
    assert valuation is not None
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for inside in {tuple(n for n in fixed if n in names) for names in kinds}:
        whole = finest
        if len(inside) < len(fixed):
            whole = _then(book, shape, {n: fixed[n] for n in inside}, _moment(book, as_of))
        rows = list(whole.values())
        for (_, amounts), key in zip(rows, pools_of(book, shape, [r[0] for r in rows]), strict=True):
            if tuple(n for n in fixed if n in valuation.pools[key.pool]) == inside:
                qty, value = found.get(key.key, (ZERO, ZERO))
                found[key.key] = (qty + amounts[shape.main], value + amounts[shape.value])
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
