"""What a call holds while it is walked: the pools of its moves, locked in order, and since when to replay each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import and_, select

from runtime.ledgers.book import INSTANT, Book, Draft, PoolKey
from runtime.ledgers.costing import ZERO, Method
from runtime.ledgers.events import SKEW, Event, Spot
from runtime.ledgers.pools import Pool, add_to_pools, change_of, inside, lock_pools, pools_of, stand_later, standards
from runtime.ledgers.requests import DimensionValue, Move
from runtime.ledgers.running import Change
from runtime.ledgers.shape import Shape


@dataclass
class Held:
    """The pools and written moves a call works on."""

    book: Book
    pools: dict[PoolKey, Pool] = field(default_factory=dict)
    events: dict[Spot, Event] = field(default_factory=dict)
    _need: dict[PoolKey, datetime] = field(default_factory=dict)
    _written_moves: dict[Spot, Move] = field(default_factory=dict)
    _standards: dict[tuple[str, str], Decimal | None] = field(default_factory=dict)
    _asked: list[tuple[Draft, Decimal | None, dict[str, Decimal], datetime | None]] = field(default_factory=list)

    def open(self, new: Sequence[Draft]) -> None:
        """Lock the pools of new drafts, in the order of their keys."""
        self._asked += [(d, d.value, dict(d.amounts), d.age) for d in new]
        by_shape: dict[str, list[Draft]] = {}
        for draft in new:
            if draft.shape.value:
                by_shape.setdefault(draft.shape.ledger.id, []).append(draft)
        for ledger in sorted(by_shape):
            self._open_ledger(by_shape[ledger][0].shape, by_shape[ledger])
        self._need_touched(new)

    def _open_ledger(self, shape: Shape, drafts: list[Draft]) -> None:
        wanted: dict[PoolKey, tuple[Mapping[str, DimensionValue], Change]] = {}
        for draft, key in zip(drafts, pools_of(self.book, shape, [d.dimensions for d in drafts]), strict=True):
            if key not in wanted:
                wanted[key] = (draft.dimensions, change_of(shape, key, draft.dimensions, draft.at))
            change = wanted[key][1]
            change.add({"qty": draft.quantity, "value": draft.value or ZERO}, draft.at)
            draft.pool_key = key
        again = {key: change for key, (_, change) in wanted.items() if key in self.pools} if self.pools else {}
        fresh = {key: both for key, both in wanted.items() if key not in again} if again else wanted
        if again:
            add_to_pools(self.book, shape, self.pools, again)
        if fresh:
            self.pools.update(lock_pools(self.book, shape, fresh))
        self._keep_standards(shape, drafts)
        changes = {key: change for key, (_, change) in wanted.items()}
        if not self._stood_aside(shape, drafts, changes):
            for key, change in changes.items():
                if self.pools[key].behind:
                    self._needs(key, change.since)

    def _stood_aside(self, shape: Shape, drafts: list[Draft], changes: Mapping[PoolKey, Change]) -> bool:
        """Whether all was of now and only met others of now: then it follows them, and nothing is walked again."""
        edge = self.book.now - SKEW
        latest = max((p.latest for k in changes if (p := self.pools[k]).behind and p.latest), default=None)
        if latest is None or latest > self.book.now + SKEW or any(c.since < edge for c in changes.values()):
            return False
        for draft in self.book.drafts:
            if draft.at >= edge:
                draft.at = max(draft.at, latest + INSTANT)
        for change in changes.values():
            change.until = max(change.until, latest + INSTANT)
        stand_later(self.book, shape, changes)
        return True

    def _need_touched(self, new: Sequence[Draft]) -> None:
        """What is corrected or undone is walked again from its own moment."""
        touched: dict[str, set[int]] = {}
        for draft in new:
            if draft.pool_key and (link := draft.corrects or draft.counter_of):
                touched.setdefault(draft.shape.ledger.id, set()).add(link)
        for ledger, ids in touched.items():
            shape = self.book.shape(ledger)
            for move in self.book.moves(shape, shape.moves.c.id.in_(ids)):
                self._written_moves[ledger, move.id] = move
        for draft in new:
            if draft.pool_key and (link := draft.corrects or draft.counter_of):
                move = self._written(draft.shape, link)
                if draft.corrects or draft.at == move.at:
                    self._needs(draft.pool_key, move.at)

    def _needs(self, key: PoolKey, since: datetime) -> None:
        """Walk a pool again from ``since``; never what was posted while the ledger was valued otherwise."""
        floor = self.book.valued_since(key.ledger)
        since = max(since, floor) if floor else since
        self._need[key] = min(since, self._need.get(key, since))

    def _before_method(self, ledger: str, at: datetime) -> bool:
        """Whether a moment lies before the present method of costing."""
        floor = self.book.valued_since(ledger)
        return floor is not None and at < floor

    def _keep_standards(self, shape: Shape, drafts: list[Draft]) -> None:
        """Standard costs of many drafts with one reading, where they are what goods are valued at."""
        drafts = [d for d in drafts if d.pool_key and d.pool_key.method is Method.STANDARD]
        found = standards(self.book, shape, [d.dimensions for d in drafts])
        for draft, cost in zip(drafts, found, strict=True):
            self._standards[shape.ledger.id, shape.key(draft.dimensions)] = cost

    def _standard(self, pool: Pool, event: Event, qty: Decimal, *, derived: bool) -> Decimal | None:
        """The standard cost, where something may be valued at it."""
        shape, state = pool.shape, pool.state
        valuation = shape.ledger.valuation
        if valuation is None or valuation.standard is None:
            return None
        if state.method is not Method.STANDARD and not (derived and state.qty + min(qty, ZERO) <= 0):
            return None
        if event.move is not None and event.move.standard is not None:
            return event.move.standard
        if event.draft is not None and event.draft.at < self.book.now - SKEW:
            then = self._standard_then(pool, event.draft.at)
            if then is not None:
                return then
        dimensions = event.draft.dimensions if event.draft else event.move.dimensions if event.move else {}
        spot = (shape.ledger.id, shape.key(dimensions))
        if spot not in self._standards:
            self._standards[spot] = standards(self.book, shape, [dimensions])[0]
        return self._standards[spot]

    def _standard_then(self, pool: Pool, at: datetime) -> Decimal | None:
        """The standard cost of a past moment that others already follow, as the last before it knew it.

        Without any before it that of the next; behind all moves of the pool that of today holds.
        """
        moves = pool.shape.moves
        known = and_(inside(pool), moves.c.unit_standard.is_not(None))
        before = (
            select(moves.c.unit_standard).where(known, moves.c.at <= at).order_by(moves.c.at.desc(), moves.c.id.desc())
        )
        after = select(moves.c.unit_standard).where(known, moves.c.at > at).order_by(moves.c.at, moves.c.id)
        later: Decimal | None = self.book.ctx.connection.scalar(after.limit(1))
        if later is None:
            return None
        earlier: Decimal | None = self.book.ctx.connection.scalar(before.limit(1))
        return later if earlier is None else earlier

    def _written(self, shape: Shape, move: int) -> Move:
        spot = (shape.ledger.id, move)
        if spot not in self._written_moves:
            event = self.events.get(spot)
            found = event.move if event and event.move else self.book.moves(shape, shape.moves.c.id == move)[0]
            self._written_moves[spot] = found
        return self._written_moves[spot]
