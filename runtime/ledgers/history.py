"""What already stands in a pool, read back for a replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import and_, func, select

from runtime.ledgers.book import Book
from runtime.ledgers.costing import ZERO, Method, PoolState
from runtime.ledgers.pools import Pool, inside
from runtime.ledgers.requests import OWN_KINDS, Move
from runtime.ledgers.shape import Shape

Settled = dict[tuple[int, int], Decimal]


@dataclass(slots=True, kw_only=True)
class Past:
    """The moves of a pool from some moment on, in order.

    ``effective``: value of each with all its corrections, whenever they were posted: in a replay they count from the
    move's own moment. ``given``: the part of them that somebody gave. ``all_settled``: what was settled by (short
    move, arrival). ``all_varied``: standard cost differences by move. ``settled``, ``varied``: what a pass has not
    met again yet.
    """

    shape: Shape
    since: datetime
    start: PoolState
    moves: Sequence[Move] = ()
    effective: dict[int, Decimal] = field(default_factory=dict)
    given: dict[int, Decimal] = field(default_factory=dict)
    all_settled: Settled = field(default_factory=dict)
    settled_at: dict[tuple[int, int], datetime] = field(default_factory=dict)
    all_varied: dict[int, Decimal] = field(default_factory=dict)
    settled: Settled = field(default_factory=dict)
    varied: dict[int, Decimal] = field(default_factory=dict)

    def restart(self) -> None:
        """Forget what an earlier pass met."""
        self.settled, self.varied = dict(self.all_settled), dict(self.all_varied)


def load_past(book: Book, pool: Pool, since: datetime) -> Past:
    """The pool as it stood before ``since``, and all that follows.

    An average needs only the sums before; layers and short pieces can only be found by walking from the beginning.
    """
    shape, table = pool.shape, pool.shape.moves
    rows = inside(pool)
    start = PoolState(method=pool.start.method, scale=pool.start.scale)
    query = select(func.sum(table.c[shape.main]), func.sum(table.c[shape.value])).where(rows, table.c.at < since)
    qty, value = (n if isinstance(n, Decimal) else ZERO for n in book.ctx.connection.execute(query).one())
    whole = start.method is Method.FIFO or qty <= 0
    if not whole:
        start.qty, start.value = qty, value
    past = Past(shape=shape, since=since, start=start)
    _sort_out(past, book.moves(shape, rows if whole else and_(rows, table.c.at >= since)))
    return past


def _sort_out(past: Past, rows: Sequence[Move]) -> None:
    """Moves are events; what corrects them is part of them; what a walk makes by itself waits to be met again."""
    value = past.shape.value
    by_id = {m.id: m for m in rows}
    past.effective = {m.id: m.amounts[value] for m in rows}
    undone = {m.counter_of for m in rows if m.counter_of in by_id and by_id[m.counter_of].at == m.at}
    kept = []
    for move in rows:
        if move.corrects is not None:
            _set_aside(past, move, move.amounts[value], by_id)
        elif move.id not in undone and move.counter_of not in undone:
            kept.append(move)
    past.moves = kept


def _set_aside(past: Past, move: Move, value: Decimal, by_id: dict[int, Move]) -> None:
    assert move.corrects is not None
    if move.kind == "settlement" and move.origin in by_id:
        spot = (move.corrects, move.origin or 0)
        past.all_settled[spot] = past.all_settled.get(spot, ZERO) + value
        past.settled_at[spot] = move.at
    elif move.kind == "variance" and move.corrects in by_id:
        past.all_varied[move.corrects] = past.all_varied.get(move.corrects, ZERO) + value
    elif move.corrects in by_id and move.kind != "settlement":
        past.effective[move.corrects] += value
        if move.kind not in OWN_KINDS:
            past.given[move.corrects] = past.given.get(move.corrects, ZERO) + value
    else:  # of a move before: it had this value from its own moment on
        past.start.value += value
