"""Costs in the order of time: the moves of a call and, where something later already stands, those after it.

All events, written and new, wait in one queue ordered by business moment and entry. Each passes its pool once. What a
written move should cost differently becomes a difference, which flows on to what was made from it: that always stands
later, so one pass settles everything. Nothing written is ever changed; differences are drafts of value-only moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count

from runtime.errors import Conflict, Invalid
from runtime.ledgers.book import Book, Draft, PoolKey
from runtime.ledgers.costing import ZERO, Outcome, PriceNeeded, Step, advance, share
from runtime.ledgers.history import Past, last_out, load_past
from runtime.ledgers.pools import Pool, change_of, lock_pools, pools_of, standards, wider_cost
from runtime.ledgers.requests import Cost, DimensionValue, DocumentKey, Move
from runtime.ledgers.running import Change
from runtime.ledgers.shape import Shape
from runtime.messages import fault

MOST_EVENTS = 50_000
"""A replay longer than this is refused: close periods, or correct today."""

NEW = 1 << 62
"""Entry number of moves not yet written: after all that are."""


@dataclass(slots=True, eq=False)
class Event:
    """A move on its way through its pool. ``value``: as known so far; ``extra``: what a correction adds to it."""

    at: datetime
    entry: int
    pool: Pool | None
    draft: Draft | None = None
    move: Move | None = None
    value: Decimal = ZERO
    extra: Decimal = ZERO
    frozen: bool = False
    passed: bool = False


@dataclass(slots=True)
class Walk:
    """One pass over everything a call touches."""

    book: Book
    pools: dict[PoolKey, Pool] = field(default_factory=dict)
    events: dict[tuple[str, int], Event] = field(default_factory=dict)
    differences: list[Draft] = field(default_factory=list)
    _queue: list[tuple[datetime, int, int, Event]] = field(default_factory=list)
    _ties: Iterator[int] = field(default_factory=count)
    _pasts: dict[PoolKey, Past] = field(default_factory=dict)
    _standards: dict[tuple[str, str], Decimal | None] = field(default_factory=dict)
    _ages: dict[tuple[str, int], datetime | None] = field(default_factory=dict)
    _steps: int = 0

    def run(self) -> None:
        """Value every draft of the call and find every difference."""
        for place, draft in enumerate(self.book.drafts):
            self._meet(draft, place)
        self._drain()
        dropped = True
        while dropped:
            pasts = list(self._pasts.values())
            dropped = sum(self._drop_unsettled(past) for past in pasts) > 0
            self._drain()

    def _drain(self) -> None:
        while self._queue:
            event = heappop(self._queue)[-1]
            self._steps += 1
            if self._steps > MOST_EVENTS:
                raise Conflict(fault(self.book.ctx, "replay_too_long", moves=MOST_EVENTS))
            if not event.passed:
                event.passed = True
                self._pass(event)

    # --- getting ready

    def open(self) -> None:
        """Lock the pools of the call's moves, in the order of their keys."""
        by_shape: dict[str, list[Draft]] = {}
        for draft in self.book.drafts:
            if draft.shape.value:
                by_shape.setdefault(draft.shape.ledger.id, []).append(draft)
        for ledger in sorted(by_shape):
            drafts = by_shape[ledger]
            shape = drafts[0].shape
            wanted: dict[PoolKey, tuple[Mapping[str, DimensionValue], Change]] = {}
            for draft, key in zip(drafts, pools_of(self.book, shape, [d.dimensions for d in drafts]), strict=True):
                _, change = wanted.setdefault(
                    key, (draft.dimensions, change_of(shape, key, draft.dimensions, draft.at))
                )
                change.add({"qty": draft.quantity, "value": draft.value or ZERO}, draft.at)
                draft.pool_key = key
            locked = lock_pools(self.book, shape, wanted)
            self.pools.update(locked)
            self._keep_standards(shape, drafts)
            for key, pool in locked.items():
                touching = [d for d in drafts if d.pool_key == key and (d.corrects or d.counter_of)]
                if pool.behind or touching:
                    self._load(pool, wanted[key][1].since)

    def _keep_standards(self, shape: Shape, drafts: list[Draft]) -> None:
        found = standards(self.book, shape, [d.dimensions for d in drafts])
        for draft, cost in zip(drafts, found, strict=True):
            self._standards[shape.ledger.id, shape.key(draft.dimensions)] = cost

    def _standard(self, shape: Shape, event: Event) -> Decimal | None:
        if shape.ledger.valuation is None or shape.ledger.valuation.standard is None:
            return None
        dimensions = event.draft.dimensions if event.draft else event.move.dimensions if event.move else {}
        spot = (shape.ledger.id, shape.key(dimensions))
        if spot not in self._standards:
            self._standards[spot] = standards(self.book, shape, [dimensions])[0]
        return self._standards[spot]

    def _load(self, pool: Pool, since: datetime) -> None:
        """Walk a pool from ``since`` again instead of going on from its end."""
        if pool.id in self._pasts:
            return
        past = self._pasts[pool.id] = load_past(self.book, pool, since)
        pool.state = past.state
        for move in past.moves:
            event = Event(move.at, move.id, pool, move=move, value=past.effective[move.id])
            event.frozen = move.at < since or self.book.is_closed(pool.id.ledger, move.at)
            self.events[pool.id.ledger, move.id] = event
            self._push(event)

    def _push(self, event: Event) -> None:
        heappush(self._queue, (event.at, event.entry, next(self._ties), event))

    def _meet(self, draft: Draft, place: int) -> None:
        pool = self.pools.get(draft.pool_key) if draft.pool_key else None
        event = Event(draft.at, NEW + place, pool, draft=draft, value=draft.value or ZERO)
        past = self._pasts.get(pool.id) if pool else None
        if draft.corrects is not None and past and draft.at in past.at_of.get(draft.corrects, ()):
            self.events[draft.shape.ledger.id, draft.corrects].extra += draft.value or ZERO
            event.pool = None  # the corrected move itself carries the new value through the pool
        if draft.counter_of is not None and past and draft.at in past.at_of.get(draft.counter_of, ()):
            undone = self.events[draft.shape.ledger.id, draft.counter_of]
            undone.passed = True  # both leave the walk: as if neither had been
            draft.value = -undone.value
            event.pool = None
        self._push(event)

    # --- one event

    def _pass(self, event: Event) -> None:
        draft = event.draft
        if draft is not None and draft.origins and draft.cost is Cost.ORIGIN:
            _carry(draft)
        if event.pool is None:
            if draft is not None and draft.corrects is not None and not draft.shape.value:
                self._flow(draft, draft.worth())
            return
        if draft is not None:
            self._pass_draft(event, event.pool, draft)
        elif event.move is not None:
            self._pass_move(event, event.pool, event.move)

    def _pass_draft(self, event: Event, pool: Pool, draft: Draft) -> None:
        if draft.quantity and draft.value is None and draft.cost is Cost.ORIGIN:
            draft.value = ZERO
        step = Step(
            move=draft.id,
            at=draft.at,
            qty=draft.quantity,
            value=draft.value,
            prefer=draft.prefer | ({draft.corrects} if draft.corrects else set()),
            standard=self._standard(pool.shape, event),
            age=self._age_of_return(pool, draft.returns, draft.age) if draft.cost is Cost.RETURNED else None,
            forced=draft.cost is Cost.GIVEN and draft.quantity < 0,
        )
        outcome = self._advance(pool, step)
        draft.value, draft.age = outcome.value, outcome.age or draft.age
        if draft.quantity < 0:
            self._ages[pool.id.ledger, draft.id] = outcome.age
        if not draft.quantity and draft.corrects:
            self._share_gone(pool, draft)
        self._differ(event, pool, outcome)

    def _pass_move(self, event: Event, pool: Pool, move: Move) -> None:
        derived = move.cost is Cost.POOL and not event.frozen
        given = event.value + event.extra
        step = Step(
            move=move.id,
            at=move.at,
            qty=_quantity(pool.shape, move),
            value=None if derived and event.extra == 0 else given,
            prefer=_preferred(move),
            standard=self._standard(pool.shape, event),
            age=self._age_of_return(pool, move.returns, move.age) if move.cost is Cost.RETURNED else None,
            forced=event.frozen or not derived,
        )
        outcome = self._advance(pool, step)
        if step.qty < 0:
            self._ages[pool.id.ledger, move.id] = outcome.age
        changed = outcome.value - given if derived else ZERO
        if changed:
            self._append(pool.shape, move, changed, "correction")
        if changed + event.extra:
            self._propagate(pool.shape, move, changed + event.extra)
        self._differ(event, pool, outcome)

    def _advance(self, pool: Pool, step: Step) -> Outcome:
        needs = step.value is None and pool.state.qty + min(step.qty, ZERO) <= 0 and pool.state.last_cost is None
        if needs:
            step.fallback = wider_cost(self.book, pool)
        try:
            return advance(pool.state, step)
        except PriceNeeded:
            label = pool.shape.ledger.label.get(self.book.ctx.language)
            raise Invalid(fault(self.book.ctx, "price_needed", ledger=label)) from None

    def _age_of_return(self, pool: Pool, went: int | None, known: datetime | None) -> datetime | None:
        found = self._ages.get((pool.id.ledger, went)) if went is not None else None
        return found or known

    # --- differences

    def _differ(self, event: Event, pool: Pool, outcome: Outcome) -> None:
        """Settlements of what was short, and what standard cost adds, each a move of its own."""
        past = self._pasts.get(pool.id)
        arrival = event.draft.id if event.draft else event.entry
        for short, value in outcome.settled:
            known = past.settled.pop((short, arrival), ZERO) if past else ZERO
            if event.frozen:
                pool.state.value += known - value  # what is recorded stands
            elif value != known:
                self._settle(pool, event, short, value - known)
        known = past.varied.pop(arrival, ZERO) if past else ZERO
        if event.frozen:
            pool.state.value += known - outcome.variance
        elif outcome.variance != known:
            self._vary(pool, event, outcome.variance - known)

    def _settle(self, pool: Pool, event: Event, short: int, value: Decimal) -> None:
        own = next((d for d in self.book.drafts if d.id == short and d.shape is pool.shape), None)
        arrival = event.draft.id if event.draft else event.entry
        if own is not None:
            draft = self._difference(pool.shape, own, value, "settlement", event.at)
            draft.corrects, draft.returns = own.id, None
        else:
            move = self._written(pool.shape, short)
            draft = self._append(pool.shape, move, value, "settlement", at=event.at)
            self._propagate(pool.shape, move, value, at=event.at)
        draft.arrival = arrival
        if event.draft:
            draft.cause = event.draft.document

    def _vary(self, pool: Pool, event: Event, value: Decimal) -> None:
        if event.draft:
            draft = self._difference(pool.shape, event.draft, value, "variance", event.at)
            draft.corrects = event.draft.id
        elif event.move:
            draft = self._append(pool.shape, event.move, value, "variance", at=event.at)
        else:
            return
        draft.arrival = draft.corrects

    def _drop_unsettled(self, past: Past) -> bool:
        """Settlements that no longer happen are taken back; says whether there were any."""
        dropped = dict(past.settled)
        past.settled.clear()
        for (short, arrival), value in sorted(dropped.items()):
            if value:
                move = self._written(past.shape, short)
                at = past.settled_at[short, arrival]
                draft = self._append(past.shape, move, -value, "settlement", at=at)
                draft.arrival = arrival
                self._propagate(past.shape, move, -value, at=at)
        return any(dropped.values())

    def _written(self, shape: Shape, move: int) -> Move:
        event = self.events.get((shape.ledger.id, move))
        if event and event.move:
            return event.move
        return self.book.moves(shape, shape.moves.c.id == move)[0]

    def _difference(self, shape: Shape, of: Draft | Move, value: Decimal, kind: str, at: datetime) -> Draft:
        draft = Draft(
            shape=shape,
            dimensions=of.dimensions,
            amounts={},
            at=self.book.now if self.book.is_closed(shape.ledger.id, at) else at,
            document=of.document,
            line=of.line,
            posting_set=of.posting_set,
            posting=of.posting,
            kind=kind,
            cost=Cost.GIVEN if shape.value else Cost.NONE,
            cause=self._cause(),
        )
        if shape.value:
            draft.value = value
        else:
            draft.amounts[shape.worth] = value
        self.differences.append(draft)
        return draft

    def _cause(self) -> DocumentKey | None:
        return next((d.cause or d.document for d in self.book.drafts), None)

    def _append(self, shape: Shape, move: Move, value: Decimal, kind: str, *, at: datetime | None = None) -> Draft:
        draft = self._difference(shape, move, value, kind, at or move.at)
        draft.corrects = move.id
        return draft

    def _share_gone(self, pool: Pool, draft: Draft) -> None:
        """A correction of today for a closed period: what has left since bears its part."""
        assert draft.corrects is not None
        move, value = self._written(pool.shape, draft.corrects), draft.value or ZERO
        whole, state = abs(_quantity(pool.shape, move)), pool.state
        gone = value - share(value, min(max(state.qty, ZERO), whole), whole, state.scale)
        last = last_out(self.book, pool) if gone else None
        if gone and last is not None:
            state.value -= gone
            self._append(pool.shape, last, -gone, "correction", at=draft.at)
            self._propagate(pool.shape, last, -gone, at=draft.at)

    # --- what was made from it

    def _propagate(self, shape: Shape, move: Move, difference: Decimal, *, at: datetime | None = None) -> None:
        """Pass a difference of a written move on to those that carry its cost; ``at``: it arose only then."""
        from_it = self.book.edges_from(shape.ledger.id, move.id)
        scale = shape.scales[shape.worth]
        carried = [e for e in from_it if not e.returned]
        left, whole = -difference, sum((e.qty or ZERO for e in carried), ZERO)
        for edge in carried:
            part = left if edge is carried[-1] else share(left, edge.qty or ZERO, whole, scale)
            left, whole = left - part, whole - (edge.qty or ZERO)
            self._receive(edge.ledger, edge.move, part, at)
        base = abs(move.amounts[shape.main])
        for edge in from_it:
            if edge.returned and base:
                part = share(-difference, min(edge.qty or ZERO, base), base, scale)
                self._receive(edge.ledger, edge.move, part, at)

    def _receive(self, ledger: str, number: int, value: Decimal, at: datetime | None) -> None:
        """A written move is worth more or less than it says."""
        if not value:
            return
        shape = self.book.shape(ledger)
        move = self._written(shape, number)
        draft = self._append(shape, move, value, "correction", at=max(at, move.at) if at else None)
        if not shape.value:
            self._flow(draft, value)
            self._propagate(shape, move, value, at=at)
            return
        key = pools_of(self.book, shape, [move.dimensions])[0]
        if key not in self.pools:
            change = change_of(shape, key, move.dimensions, move.at)
            self.pools.update(lock_pools(self.book, shape, {key: (move.dimensions, change)}))
        pool = self.pools[key]
        if draft.at == move.at:
            self._load(pool, move.at)
            event = self.events[ledger, number]
            if not event.passed:
                event.extra += value
                return
        else:
            self._load(pool, draft.at)
        draft.pool_key = key
        self._push(Event(draft.at, NEW + len(self.differences), pool, draft=draft, value=value))

    def _flow(self, draft: Draft, value: Decimal) -> None:
        """Worth that arrives on a key others have already taken from follows them in proportion."""
        shape = draft.shape
        if draft.corrects is None:
            return
        moves = [m for m in self.book.moves_of_key(shape, draft.dimensions) if m.corrects is None]
        left, whole = value, sum((m.amounts[shape.main] for m in moves if m.amounts[shape.main] > 0), ZERO)
        for move in moves:
            out = -move.amounts[shape.main]
            if out <= 0 or move.at < draft.at or move.counter_of is not None:
                continue
            part = share(left, min(out, whole), whole, shape.scales[shape.worth])
            left, whole = left - part, whole - min(out, whole)
            if part:
                self._append(shape, move, -part, "correction")
                self._propagate(shape, move, -part)


def _carry(draft: Draft) -> None:
    """The worth of what it came from, in the opposite direction."""
    shape = draft.shape
    worth = -sum((o.worth() for o in draft.origins), ZERO)
    if shape.value:
        draft.value = shape.exact(shape.value, worth)
    elif shape.worth and shape.worth in draft.amounts:
        draft.amounts[shape.worth] = shape.exact(shape.worth, worth)


def _preferred(move: Move) -> frozenset[int]:
    """The layers a move goes to first: of the receipt it gives back, or of the move it corrects."""
    if move.corrects is not None:
        return frozenset({move.corrects})
    return frozenset({move.returns} if move.returns and move.cost is Cost.POOL else ())


def _quantity(shape: Shape, move: Move) -> Decimal:
    return move.amounts[shape.main]
