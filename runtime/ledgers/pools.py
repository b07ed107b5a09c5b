"""Valuation pools in the database: which pool a move belongs to, locking them in order, walking them, writing them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Executable, and_, bindparam, delete, func, insert, select, update

from engine.expressions.tree import Expr, Literal, Path
from engine.model import Valuation
from runtime.ledgers.book import Book, PoolKey
from runtime.ledgers.costing import METHODS, ZERO, Method, Piece, PoolState, unit_cost
from runtime.ledgers.requests import DimensionValue
from runtime.ledgers.running import Became, Change, Grain, apply_changes, asks_of, judged, move_on
from runtime.ledgers.shape import Shape
from runtime.prepared import Ask, ask_all, prepare_statement


@dataclass(slots=True, kw_only=True)
class Pool:
    """A locked pool while a call walks it, ``start``: as it was found.

    ``behind``: something later than the call already stands in it, the last of it at ``latest``.
    ``floor``: differences are dated no earlier.
    """

    id: PoolKey
    shape: Shape
    dimensions: Mapping[str, DimensionValue]
    start: PoolState
    state: PoolState
    behind: bool = False
    latest: datetime | None = None
    floor: datetime | None = None
    stored: tuple[Decimal, Decimal, Decimal | None] = (ZERO, ZERO, None)
    pieces: list[tuple[int, Decimal, Decimal]] = field(default_factory=list)

    def restart(self) -> None:
        """Back to where it was found."""
        self.state, self.floor = self.start.copy(), None


def pools_of(book: Book, shape: Shape, rows: Sequence[Mapping[str, DimensionValue]]) -> list[PoolKey]:
    """The pool of each row of dimensions."""
    valuation = shape.ledger.valuation
    assert valuation is not None
    methods = _evaluate(book, shape, valuation.method, rows)
    chosen = _evaluate(book, shape, valuation.pool, rows)
    found = []
    for row, method, pool in zip(rows, methods, chosen, strict=True):
        how = METHODS[str(method or "average")]
        name = _by_lot(valuation) if how is Method.LOT else str(pool or next(iter(valuation.pools)))
        found.append(PoolKey(shape.ledger.id, pool_key(shape, name, row), name, how))
    return found


def _by_lot(valuation: Valuation) -> str:
    """By lot: the pool of that name, else the finest."""
    return "lot" if "lot" in valuation.pools else max(valuation.pools, key=lambda name: len(valuation.pools[name]))


def inside(pool: Pool) -> ColumnElement[bool]:
    """The moves of a pool."""
    shape = pool.shape
    assert shape.ledger.valuation is not None
    names = shape.ledger.valuation.pools[pool.id.pool]
    columns = shape.columns(pool.dimensions, names)
    table = shape.moves
    return and_(*(table.c[n].is_(None) if v is None else table.c[n] == v for n, v in columns.items()))


def pool_key(shape: Shape, pool: str, row: Mapping[str, DimensionValue]) -> str:
    """The key of a pool's row."""
    assert shape.ledger.valuation is not None
    return f"{pool}|{shape.key(row, shape.ledger.valuation.pools[pool])}"


def _evaluate(book: Book, shape: Shape, expr: Expr, rows: Sequence[Mapping[str, DimensionValue]]) -> Sequence[object]:
    if isinstance(expr.tree, Literal):
        return [expr.tree.value] * len(rows)
    if all(isinstance(n, Path) and n.root == "settings" for n in expr.inputs):
        return [book.reader(shape.ledger).one(expr, {})] * len(rows)
    return book.reader(shape.ledger).many(expr, rows)


def standards(book: Book, shape: Shape, rows: Sequence[Mapping[str, DimensionValue]]) -> list[Decimal | None]:
    """The standard cost of each row, where the ledger has one."""
    valuation = shape.ledger.valuation
    if valuation is None or valuation.standard is None or not rows:
        return [None] * len(rows)
    found = book.reader(shape.ledger).many(valuation.standard, rows)
    return [value if isinstance(value, Decimal) else None for value in found]


def pool_grain(shape: Shape) -> Grain:
    """The pool table as running rows."""
    assert shape.pool is not None
    return Grain(id=("pool", shape.ledger.id), table=shape.pool, sums=("qty", "value"), guards=(), also=("last_cost",))


def lock_pools(
    book: Book, shape: Shape, wanted: Mapping[PoolKey, tuple[Mapping[str, DimensionValue], Change]]
) -> dict[PoolKey, Pool]:
    """Add the quantities (and known values) to the rows, and with that hold them until the transaction ends."""
    assert shape.pool is not None
    changes = {key.key: change for key, (_, change) in wanted.items()}
    grain = pool_grain(shape)
    rows = [row for each in book.ask_all(asks_of(book.ctx, grain, changes)) for row in each]
    became = {b.key: b for b in judged(book.ctx, grain, changes, rows, book.reader(shape.ledger))}
    pools = {}
    for key, (dimensions, change) in wanted.items():
        row = became[key.key]
        qty, value = (row.amounts[n] - change.sums.get(n, ZERO) for n in ("qty", "value"))
        state = PoolState(method=key.method, scale=shape.scales[shape.value], qty=qty, value=value)
        if qty <= 0:  # the last known unit cost matters only where nothing is on hand now
            state.last_cost = row.also[0]
        stored = (row.amounts["qty"], row.amounts["value"], state.last_cost)
        pool = Pool(id=key, shape=shape, dimensions=dimensions, start=state, state=state, stored=stored)
        pool.behind, pool.latest = row.behind, row.latest
        pools[key] = pool
    _load_pieces(book, shape, pools)
    return pools


def add_to_pools(book: Book, shape: Shape, pools: Mapping[PoolKey, Pool], changes: Mapping[PoolKey, Change]) -> None:
    """Add what a later part of the call moves to rows that are already held."""
    rows = {
        b.key: b
        for b in apply_changes(
            book.ctx, pool_grain(shape), {k.key: c for k, c in changes.items()}, book.reader(shape.ledger)
        )
    }
    for key in changes:
        row = rows[key.key]
        pools[key].stored = (row.amounts["qty"], row.amounts["value"], pools[key].stored[2])
        pools[key].behind = pools[key].behind or row.behind


def stand_later(book: Book, shape: Shape, changes: Mapping[PoolKey, Change]) -> None:
    """Note in the rows of pools that the call stands later than it said."""
    became = [Became(key=k.key, change=c, amounts={}, behind=False) for k, c in sorted(changes.items(), key=str)]
    move_on(book.ctx, pool_grain(shape), became)


def _load_pieces(book: Book, shape: Shape, pools: Mapping[PoolKey, Pool]) -> None:
    wanted = {p.id.key: p for p in pools.values() if p.state.layered or p.state.qty < 0}
    table = shape.layer
    if not wanted or table is None:
        return
    query = select(table).where(table.c.pool_key.in_(sorted(wanted))).order_by(table.c.age, table.c.rank)
    for row in book.ctx.connection.execute(query).mappings():
        piece = Piece(
            id=row["id"], move=row["move"], age=row["age"], rank=row["rank"], qty=row["qty"], value=row["value"]
        )
        pool = wanted[row["pool_key"]]
        pool.state.pieces.append(piece)
        pool.pieces.append((row["id"], piece.qty, piece.value))


def wider_cost(book: Book, pool: Pool) -> Decimal | None:
    """A fine pool without a cost takes that of the coarsest: the average over all its pools."""
    shape, valuation = pool.shape, pool.shape.ledger.valuation
    assert valuation is not None
    assert shape.pool is not None
    coarsest = min(valuation.pools.values(), key=len)
    if set(coarsest) == set(valuation.pools[pool.id.pool]):
        return None
    table = shape.pool
    columns = shape.columns(pool.dimensions, coarsest)
    same = [table.c[n] == v for n, v in columns.items() if v is not None]
    query = select(func.sum(table.c.qty), func.sum(table.c.value)).where(*same, table.c.key != pool.id.key)
    qty, value = book.ctx.connection.execute(query).one()
    if qty is None or qty <= 0:
        return None
    return unit_cost(Decimal(value), Decimal(qty))


def write_pools(book: Book, shape: Shape, pools: Collection[Pool]) -> None:
    """Bring rows and layers to where the walk ended."""
    ask_all(book.ctx, pool_rows(book, shape, pools))
    write_pieces(book, shape, pools)


def pool_rows(book: Book, shape: Shape, pools: Iterable[Pool]) -> list[Ask]:
    """The rows brought to where the walk ended, as statements in the order of their keys."""
    rows = []
    for pool in pools:
        state = pool.state
        now = (state.qty, state.value, state.last_cost)
        if now != pool.stored:
            rows.append({"k": pool.id.key, "q": state.qty, "v": state.value, "c": state.last_cost})
    statement = book.ctx.app.programs.keep(
        ("write pool", shape.ledger.id), lambda: prepare_statement(book.ctx, _write(shape))
    )
    return [statement.ask(row) for row in sorted(rows, key=lambda r: str(r["k"]))]


def _write(shape: Shape) -> Executable:
    assert shape.pool is not None
    table = shape.pool
    cost = bindparam("c", type_=table.c.last_cost.type)
    return (
        update(table)
        .where(table.c.key == bindparam("k", type_=table.c.key.type))
        .values(
            qty=bindparam("q", type_=table.c.qty.type),
            value=bindparam("v", type_=table.c.value.type),
            last_cost=func.coalesce(cost, table.c.last_cost),
        )
    )


def write_pieces(book: Book, shape: Shape, pools: Iterable[Pool]) -> None:
    """Bring the layers to where the walk ended."""
    table = shape.layer
    assert table is not None
    gone: list[int] = []
    changed: list[dict[str, object]] = []
    new: list[dict[str, object]] = []
    for pool in pools:
        kept = {p.id: p for p in pool.state.pieces if p.id is not None}
        for number, qty, value in pool.pieces:
            piece = kept.get(number)
            if piece is None:
                gone.append(number)
            elif (piece.qty, piece.value) != (qty, value):
                changed.append({"i": number, "q": piece.qty, "v": piece.value})
        new += [_piece_row(pool.id.key, p) for p in pool.state.pieces if p.id is None]
    connection = book.ctx.connection
    if gone:
        connection.execute(delete(table).where(table.c.id.in_(gone)))
    if changed:
        values = {"qty": bindparam("q", type_=table.c.qty.type), "value": bindparam("v", type_=table.c.value.type)}
        connection.execute(update(table).where(table.c.id == bindparam("i")).values(**values), changed)
    if new:
        connection.execute(insert(table), new)


def _piece_row(key: str, piece: Piece) -> dict[str, object]:
    return {
        "pool_key": key,
        "move": piece.move,
        "age": piece.age,
        "rank": piece.rank,
        "qty": piece.qty,
        "value": piece.value,
    }


def change_of(shape: Shape, key: PoolKey, dimensions: Mapping[str, DimensionValue], at: datetime) -> Change:
    """An empty change of a pool's row."""
    assert shape.ledger.valuation is not None
    names = shape.ledger.valuation.pools[key.pool]
    own = {n: dimensions.get(n) if n in names else None for n in shape.pooled}
    return Change({"pool": key.pool, **shape.columns(own, shape.pooled)}, {}, at, at)
