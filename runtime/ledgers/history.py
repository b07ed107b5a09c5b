"""What already stands in a pool, read back for a replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, func, select

from runtime.ledgers.book import Book
from runtime.ledgers.costing import ZERO, Method, PoolState
from runtime.ledgers.pools import Pool
from runtime.ledgers.requests import Move
from runtime.ledgers.shape import Shape

GENERATED = ("settlement", "variance")
"""Value-only moves that a walk makes again by itself."""


@dataclass(slots=True, kw_only=True)
class Past:
    """The moves of a pool from some moment on, in order.

    ``effective``: value of each with the corrections of its own moment. ``settled``: what was settled by (short move,
    arrival). ``varied``: standard cost differences by move. ``at_of``: moment of each move.
    """

    shape: Shape
    state: PoolState
    moves: Sequence[Move]
    effective: dict[int, Decimal]
    at_of: dict[int, tuple[datetime, ...]]
    settled: dict[tuple[int, int], Decimal] = field(default_factory=dict)
    settled_at: dict[tuple[int, int], datetime] = field(default_factory=dict)
    varied: dict[int, Decimal] = field(default_factory=dict)


def load_past(book: Book, pool: Pool, since: datetime) -> Past:
    """The pool as it stood before ``since``, and all that follows.

    An average needs only the sums before; layers and short pieces can only be found by walking from the beginning.
    """
    shape, table = pool.shape, pool.shape.moves
    inside = _inside(pool)
    state = PoolState(method=pool.state.method, scale=pool.state.scale)
    query = select(func.sum(table.c[shape.main]), func.sum(table.c[shape.value])).where(inside, table.c.at < since)
    qty, value = book.ctx.connection.execute(query).one()
    start = _exact(qty, shape.scales[shape.main]), _exact(value, shape.scales[shape.value])
    whole = state.method is Method.FIFO or start[0] <= 0
    if not whole:
        state.qty, state.value = start
    return _sorted_out(shape, state, book.moves(shape, inside if whole else and_(inside, table.c.at >= since)))


def last_out(book: Book, pool: Pool) -> Move | None:
    """The latest issue that still stands and left the ledger: it bears what can no longer be attributed exactly.

    One that was carried on within the ledger would only send the difference back.
    """
    table, undone = pool.shape.moves, pool.shape.moves.alias()
    edge, own = book.ctx.app.tables.ledgers.edge, pool.shape.ledger.id
    carried = select(edge.c.from_move).where(edge.c.from_ledger == own, edge.c.to_ledger == own)
    countered = select(undone.c.counter_of).where(undone.c.counter_of.is_not(None))
    left = and_(_inside(pool), table.c[pool.shape.main] < 0, table.c.counter_of.is_(None))
    here = and_(left, table.c.id.not_in(countered), table.c.id.not_in(carried))
    query = select(table).where(here).order_by(table.c.at.desc(), table.c.id.desc()).limit(1)
    row = book.ctx.connection.execute(query).mappings().first()
    return None if row is None else pool.shape.move(row)


def _exact(number: object, scale: int) -> Decimal:
    return number if isinstance(number, Decimal) else ZERO


def _inside(pool: Pool) -> ColumnElement[bool]:
    shape = pool.shape
    assert shape.ledger.valuation is not None
    names = shape.ledger.valuation.pools[pool.id.pool]
    columns = shape.columns(pool.dimensions, names)
    table = shape.moves
    return and_(*(table.c[n].is_(None) if v is None else table.c[n] == v for n, v in columns.items()))


def _sorted_out(shape: Shape, state: PoolState, rows: Sequence[Move]) -> Past:
    by_id = {m.id: m for m in rows}
    effective = {m.id: m.amounts[shape.value] for m in rows}
    at_of: dict[int, tuple[datetime, ...]] = {m.id: (m.at,) for m in rows}
    past = Past(shape=shape, state=state, moves=(), effective=effective, at_of=at_of)
    undone = {m.counter_of for m in rows if m.counter_of in by_id and by_id[m.counter_of].at == m.at}
    kept = []
    for move in rows:
        if _aside(past, move, by_id) or move.id in undone or move.counter_of in undone:
            continue
        kept.append(move)
    past.moves = kept
    return past


def _aside(past: Past, move: Move, by_id: dict[int, Move]) -> bool:
    """Whether a value-only move is no event of its own: generated anew, or part of the move it corrects."""
    if move.corrects is None:
        return False
    value = move.amounts[past.shape.value]
    if move.kind == "settlement" and move.origin is not None:
        spot = (move.corrects, move.origin)
        past.settled[spot] = past.settled.get(spot, ZERO) + value
        past.settled_at[spot] = move.at
        return True
    if move.kind == "variance":
        past.varied[move.corrects] = past.varied.get(move.corrects, ZERO) + value
        return True
    corrected = by_id.get(move.corrects)
    if corrected is not None and corrected.at == move.at:
        past.effective[corrected.id] += value
        return True
    return False
