"""What is there, now or at a moment, and the moves behind it. Reads only."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Table, and_, func, select, type_coerce

from engine.expressions.tree import Path
from runtime.context import RunContext
from runtime.id_sets import ID_SETS
from runtime.ledgers.book import Book
from runtime.ledgers.costing import ZERO, unit_cost
from runtime.ledgers.pools import pool_key, pools_of
from runtime.ledgers.requests import DimensionValue, Move
from runtime.ledgers.shape import Shape, key_text, shape_of
from runtime.ledgers.sums import Asked, Condition, Key, Sums, columns_of, dimensions_of, summed
from runtime.prepared import Statement, prepare_statement

MOST_NAMED = 500
"""More pools than this are all read instead of being named."""


class BalanceRow(NamedTuple):
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
    condition: Condition | None = None,
) -> list[BalanceRow]:
    """Balances grouped by dimensions; ``where`` fixes dimensions. A date means the end of that day.

    ``condition`` makes, for a table with the ledger's dimensions, the condition of the rows that count (a filter, the
    reader's rights). The value of a part of a valuation pool is its share by quantity, of a whole pool its value.
    """
    book, shape = Book(ctx), shape_of(ctx, ledger)
    moment = as_of if as_of is None or isinstance(as_of, datetime) else book.day_end(as_of)
    asked, names = Asked(fixed=dict(where or {}), condition=condition, moment=moment), tuple(group_by)
    only = _only_pool(book, shape) if shape.value else ""
    if not shape.value or (condition is None and _whole_pools(shape, only, {*names, *asked.fixed})):
        grouped = summed(book, shape, asked, names, shape.resources)
    else:
        grouped = _shared_out(book, shape, asked, names, only)
    return _rows(shape, names, grouped)


def on_hand(ctx: RunContext, ledger: str, dimension: str, ids: Iterable[int]) -> dict[int, Decimal]:
    """How much there is now of each of many records (lots, say) that one dimension of a ledger names."""
    shape, sets = shape_of(ctx, ledger), ID_SETS[ctx.app.database.dialect]
    key = ("on hand", ledger, dimension)
    statement = ctx.app.programs.keep(key, lambda: _on_hand(ctx, shape, dimension))
    return dict(statement.run(ctx, {"ids": sets.pack(ids)}))


def _on_hand(ctx: RunContext, shape: Shape, dimension: str) -> Statement:
    record, amount = shape.balance.c[dimension], shape.balance.c[shape.main]
    among = ID_SETS[ctx.app.database.dialect].among(record, "ids")
    query = select(record, func.sum(amount)).where(among).group_by(record)
    return prepare_statement(ctx, query, [record, amount])


def _rows(shape: Shape, names: Sequence[str], grouped: Sums) -> list[BalanceRow]:
    """The rows that are not empty, in the order of their keys."""
    found = []
    resources = [(name, shape.scales[name]) for name in shape.resources]
    for key in sorted(grouped, key=_text):
        sums = grouped[key]
        if any(sums):
            amounts = {name: exact(amount, scale) for (name, scale), amount in zip(resources, sums, strict=True)}
            cost = unit_cost(amounts[shape.value], amounts[shape.main]) if shape.value and amounts[shape.main] else None
            found.append(BalanceRow(dimensions_of(shape, names, key), amounts, cost))
    return sorted(found, key=lambda row: shape.key(row.dimensions, names)) if shape.several else found


def _text(key: Key) -> str:
    """What puts keys in order."""
    return "|".join(map(key_text, key))


def _fixed(shape: Shape, table: Table, fixed: Mapping[str, DimensionValue]) -> ColumnElement[bool]:
    columns = shape.columns(fixed, tuple(fixed))
    return and_(True, *(table.c[n].is_(None) if v is None else table.c[n] == v for n, v in columns.items()))


def _whole_pools(shape: Shape, only: str, names: set[str]) -> bool:
    """Whether a grain never cuts through a pool: then values are sums."""
    valuation = shape.ledger.valuation
    assert valuation is not None
    if all(names <= set(pool) for pool in valuation.pools.values()):
        return True
    return bool(only) and names <= set(valuation.pools[only])


def _only_pool(book: Book, shape: Shape) -> str:
    """The pool that all goods are in, "" where that depends on them."""
    valuation = shape.ledger.valuation
    assert valuation is not None
    if any(isinstance(n, Path) and n.root != "settings" for e in (valuation.method, valuation.pool) for n in e.inputs):
        return ""
    return pools_of(book, shape, [dict.fromkeys(shape.dimensions)])[0].pool


def _shared_out(book: Book, shape: Shape, asked: Asked, names: Sequence[str], only: str) -> Sums:
    """Sums by a grain that cuts through pools: every finest balance has its share of its pool's value."""
    wanted = shape.resources if asked.moment is not None else shape.kept
    finest = summed(book, shape, asked, shape.dimensions, wanted)
    values = _shares(book, shape, asked, finest, wanted, only)
    pick = _picker(shape, names)
    places = [wanted.index(r) if r in wanted and r != shape.value else -1 for r in shape.resources]
    grouped = Sums()
    for key, amounts in finest.items():
        group = pick(key)
        sums = grouped.get(group)
        if sums is None:
            grouped[group] = [amounts[place] if place >= 0 else values[key] for place in places]
            continue
        for at, place in enumerate(places):
            sums[at] += amounts[place] if place >= 0 else values[key]
    return grouped


def _picker(shape: Shape, names: Sequence[str]) -> Any:
    """From a finest key to that of a coarser grain."""
    every = columns_of(shape, shape.dimensions)
    places = [every.index(column) for column in columns_of(shape, names)]
    if len(places) == 1:
        return lambda key: (key[places[0]],)
    return itemgetter(*places) if places else lambda _: ()


def exact(amount: int, scale: int) -> Decimal:
    """A whole number of the last decimal as what it stands for."""
    return Decimal(amount).scaleb(-scale) if amount else ZERO


def shared(value: int, part: int, whole: int) -> int:
    """The value of ``part`` out of ``whole``, rounded once, half away from zero; all of it takes all."""
    if part == whole:
        return value
    over, under = value * part, whole
    found = (2 * abs(over) + abs(under)) // (2 * abs(under))
    return found if (over < 0) == (under < 0) else -found


def _shares(book: Book, shape: Shape, asked: Asked, finest: Sums, wanted: Sequence[str], only: str) -> dict[Key, int]:
    """Every finest balance's share of its pool's value by quantity; the last of a pool takes the rest."""
    main = wanted.index(shape.main)
    members, names = _members(book, shape, finest, only)
    found: dict[Key, int] = {}
    for pool, (left, value) in _worth(book, shape, asked, finest, wanted, members, names).items():
        found.update(_parts([(key, finest[key][main]) for key in members[pool]], left, value))
    return found


def _parts(inside: Sequence[tuple[Key, int]], left: int, value: int) -> dict[Key, int]:
    """What of a pool's value falls to each of its balances (key, quantity)."""
    if not left:
        return {key: 0 for key, _ in inside}
    found = {key: value * qty // left for key, qty in inside if not value * qty % left}
    if len(found) == len(inside):  # nothing is rounded, so that it does not matter who comes last
        return found
    for key, qty in sorted(inside, key=_as_text) if len(inside) > 1 else inside:
        part = found[key] = shared(value, qty, left) if left else 0
        left, value = left - qty, value - part
    return found


def _as_text(one: tuple[Key, int]) -> str:
    return repr(one[0])


Members = dict[Hashable, list[Key]]


def _members(book: Book, shape: Shape, finest: Sums, only: str) -> tuple[Members, dict[Hashable, str]]:
    """The balances in each pool, and which of the ledger's pools each is."""
    valuation = shape.ledger.valuation
    assert valuation is not None
    members: Members = {}
    if only:
        pick = _picker(shape, valuation.pools[only])
        for key in finest:
            members.setdefault(pick(key), []).append(key)
        return members, dict.fromkeys(members, only)
    rows = [dimensions_of(shape, shape.dimensions, key) for key in finest]
    names: dict[Hashable, str] = {}
    for key, pool in zip(finest, pools_of(book, shape, rows), strict=True):
        members.setdefault(pool.key, []).append(key)
        names[pool.key] = pool.pool
    return members, names


def _worth(
    book: Book, shape: Shape, asked: Asked, finest: Sums, wanted: Sequence[str], members: Members,
    names: Mapping[Hashable, str],
) -> dict[Hashable, tuple[int, int]]:  # fmt: skip
    """Quantity and value of the whole pools that the balances stand in."""
    valuation = shape.ledger.valuation
    assert valuation is not None
    used = {valuation.pools[name] for name in names.values()}
    if asked.moment is not None and asked.condition is None and all(set(asked.fixed) <= set(pool) for pool in used):
        main, worth = wanted.index(shape.main), wanted.index(shape.value)
        return {
            pool: (sum(finest[k][main] for k in keys), sum(finest[k][worth] for k in keys))
            for pool, keys in members.items()
        }
    first = {pool: dimensions_of(shape, shape.dimensions, keys[0]) for pool, keys in members.items()}
    texts = {pool: pool_key(shape, names[pool], first[pool]) for pool in members}
    there = _pools(book, shape, {texts[p]: (names[p], first[p]) for p in members}, asked.moment)
    return {pool: there.get(texts[pool], (0, 0)) for pool in members}


def _pools(
    book: Book,
    shape: Shape,
    wanted: Mapping[str, tuple[str, Mapping[str, DimensionValue]]],
    moment: datetime | None,
) -> dict[str, tuple[int, int]]:
    """Quantity and value of whole pools, with a statement a kind of pool."""
    found: dict[str, tuple[int, int]] = {}
    assert shape.pool is not None
    assert shape.ledger.valuation is not None
    if moment is None:
        pool = shape.pool.c
        query = select(pool.key, type_coerce(pool.qty, BigInteger), type_coerce(pool.value, BigInteger))
        query = query.where(pool.key.in_(sorted(wanted))) if len(wanted) <= MOST_NAMED else query
        return {row[0]: (row[1], row[2]) for row in book.ctx.connection.execute(query)}
    for name in sorted({pool for pool, _ in wanted.values()}):
        grain = shape.ledger.valuation.pools[name]
        mine = [dimensions for pool, dimensions in wanted.values() if pool == name]
        alike = {n: mine[0].get(n) for n in grain if len({d.get(n) for d in mine}) == 1}
        whole = Asked(fixed=alike, condition=None, moment=moment)
        for key, sums in summed(book, shape, whole, grain, (shape.main, shape.value)).items():
            found[pool_key(shape, name, dimensions_of(shape, grain, key))] = sums[0], sums[1]
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
