"""Running rows made anew from the moves, when a definition changed what they are kept by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, delete, insert, select, update

from engine.model import AppModel
from runtime.context import RunContext
from runtime.ledgers.book import Book, PoolKey
from runtime.ledgers.costing import ZERO
from runtime.ledgers.months import keep_months
from runtime.ledgers.pools import change_of, lock_pools, pools_of, write_pools
from runtime.ledgers.requests import DimensionValue, Move
from runtime.ledgers.running import Change
from runtime.ledgers.shape import Shape
from runtime.ledgers.tables import is_polymorphic
from runtime.ledgers.walk import Walk
from runtime.ledgers.write import GrainSpec, grains_of, joints_of

FAR = datetime(9000, 1, 1, tzinfo=UTC)
"""After every move: all of a pool's moves stand as they are recorded."""

BATCH = 5_000


def to_rebuild(before: AppModel, after: AppModel) -> tuple[str, ...]:
    """The ledgers whose running rows a change of the definition touches."""
    return tuple(i for i in after.ledgers if i in before.ledgers and _kept_by(before, i) != _kept_by(after, i))


def _kept_by(model: AppModel, ledger: str) -> object:
    found = model.ledgers[ledger]
    valuation = found.valuation
    shared = [g for g in model.guards if ledger in (g.ledger, *g.ledgers)]
    return (
        tuple((d.id, is_polymorphic(d)) for d in found.dimensions.values()),
        tuple(found.resources),
        {name: tuple(grain) for name, grain in found.totals.items()},
        valuation and (valuation.quantity, valuation.value, {n: tuple(p) for n, p in valuation.pools.items()}),
        [(g.id, g.ledger, tuple(g.ledgers), g.per, dict(model.ledgers[g.ledger].totals)) for g in shared],
    )


def rebuild(ctx: RunContext, ledger: str) -> None:
    """Make balances, totals, shared rows, pools with their layers and month ends of a ledger anew from its moves."""
    book = Book(ctx)
    shape = book.shape(ledger)
    own = grains_of(ctx, shape)
    made = _made(book, shape, own)
    for spec in own:
        _write(ctx, spec[0].table, made[spec[0].id].values())
    for spec in joints_of(ctx, shape):
        _rebuild_joint(book, spec)
    if shape.pool is not None:
        rebuild_pools(book, shape)
    _rebuild_months(book, shape)


@dataclass(slots=True)
class _Row:
    values: dict[str, Any]
    first: str

    def add(self, move: Move, columns: Mapping[str, str]) -> None:
        if self.first and self.values[self.first] <= 0:
            self.values["first_at"] = move.at
        for column, resource in columns.items():
            self.values[column] += move.amounts[resource]
        self.values["last_at"] = max(move.at, self.values["last_at"])


Rows = dict[str, _Row]


def _made(
    book: Book, shape: Shape, specs: Iterable[GrainSpec], into: Rows | None = None
) -> dict[tuple[str, str], Rows]:
    """What the running rows should be: one pass over the moves in their order."""
    specs = tuple(specs)
    found: dict[tuple[str, str], Rows] = {spec[0].id: into if into is not None else {} for spec in specs}
    table = shape.moves
    query = select(table).order_by(table.c.at, table.c.id).execution_options(yield_per=BATCH)
    for row in book.ctx.connection.execute(query).mappings():
        move = shape.move(row)
        for grain, names, columns in specs:
            if not any(move.amounts[resource] for resource in columns.values()):
                continue
            key = shape.key(move.dimensions, names)
            rows = found[grain.id]
            if key not in rows:
                values = {"key": key, **shape.columns(move.dimensions, names), **dict.fromkeys(grain.sums, ZERO)}
                rows[key] = _Row(values | {"last_at": move.at}, grain.first)
            rows[key].add(move, columns)
    return found


def _write(ctx: RunContext, table: Table, rows: Iterable[_Row]) -> None:
    ctx.connection.execute(delete(table))
    every = [row.values for row in rows]
    for start in range(0, len(every), BATCH):
        ctx.connection.execute(insert(table), every[start : start + BATCH])


def _rebuild_joint(book: Book, spec: GrainSpec) -> None:
    """A row that several ledgers share is made from the moves of all of them."""
    grain, model = spec[0], book.ctx.app.model
    guard = next(g for g in model.guards if g.id == grain.id[1])
    rows: Rows = {}
    for ledger in dict.fromkeys((guard.ledger, *guard.ledgers)):
        shape = book.shape(ledger)
        same = [s for s in joints_of(book.ctx, shape) if s[0].id == grain.id]
        _made(book, shape, same, rows)
    _write(book.ctx, grain.table, rows.values())


def rebuild_pools(book: Book, shape: Shape) -> None:
    """Pools and layers as the moves say, each move at its recorded value."""
    assert shape.pool is not None
    assert shape.layer is not None
    book.ctx.connection.execute(delete(shape.layer))
    book.ctx.connection.execute(delete(shape.pool))
    balances = book.ctx.connection.execute(select(shape.balance)).mappings().all()
    dimensions = [shape.read(row) for row in balances]
    wanted: dict[PoolKey, tuple[Mapping[str, DimensionValue], Change]] = {}
    for row, own, key in zip(balances, dimensions, pools_of(book, shape, dimensions), strict=True):
        _, change = wanted.setdefault(key, (own, change_of(shape, key, own, row["last_at"])))
        change.add({}, row["last_at"])
    if not wanted:
        return
    pools = lock_pools(book, shape, wanted)
    walk = Walk(book=book, pools=dict(pools))
    walk.restate(FAR)
    write_pools(book, shape, pools.values())


def _rebuild_months(book: Book, shape: Shape) -> None:
    ctx, state = book.ctx, book.ctx.app.tables.ledgers.state
    period = book.periods.get(shape.ledger.id)
    ctx.connection.execute(delete(shape.snapshot))
    if period is None or period.kept is None:
        return
    ctx.connection.execute(update(state).where(state.c.ledger == shape.ledger.id).values(snapshot_through=None))
    keep_months(ctx, shape.ledger.id, period.kept)


__all__ = ["rebuild", "rebuild_pools", "to_rebuild"]
