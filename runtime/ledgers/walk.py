"""Costs in the order of time: the moves of a call and, where something later already stands, those after it.

All events, written and new, wait in one queue ordered by business moment and entry; each passes its pool once. What a
written move should cost differently becomes a difference and flows on to what was made from it, which stands later.
What arises only later than the move it concerns (a settlement, a correction of a closed period) counts in the walk
from the move's own moment, but its differences are dated to when it arose (``floor``). Where that reaches a moment
already passed, the walk is made again knowing it, until nothing new is learnt. Nothing written is ever changed;
differences are drafts of value-only moves, so a pool ends where it would have ended entered in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count

from runtime.errors import Conflict, Invalid
from runtime.ledgers.book import Draft, PoolKey
from runtime.ledgers.costing import ZERO, Outcome, PriceNeeded, Step, advance, share
from runtime.ledgers.events import (
    MOST_EVENTS,
    MOST_PASSES,
    NEW,
    UNBOUNDED,
    Event,
    Learnt,
    Spot,
    carry,
    preferred,
    quantity_of,
)
from runtime.ledgers.held import Held
from runtime.ledgers.history import Past, load_past
from runtime.ledgers.pools import (
    Pool,
    change_of,
    lock_pools,
    pools_of,
    wider_cost,
)
from runtime.ledgers.requests import Cost, DocumentKey, Move
from runtime.ledgers.shape import Shape
from runtime.messages import fault


@dataclass
class Walk(Held):
    """One pass over everything a call touches."""

    differences: list[Draft] = field(default_factory=list)
    _learnt: Learnt = field(default_factory=dict)
    _wanted: Learnt = field(default_factory=dict)
    _queue: list[tuple[datetime, int, int, Event]] = field(default_factory=list)
    _ties: Iterator[int] = field(default_factory=count)
    _pasts: dict[PoolKey, Past] = field(default_factory=dict)
    _ages: dict[Spot, datetime | None] = field(default_factory=dict)
    _steps: int = 0

    def run(self) -> None:
        """Value every draft opened so far and find every difference; may be run again after more are opened."""
        self._learnt = {}
        for _ in range(MOST_PASSES):
            for draft, value, amounts, age in self._asked:
                draft.value, draft.amounts, draft.age = value, dict(amounts), age
            if self._once():
                return
        raise Conflict(fault(self.book.ctx, "replay_too_long", moves=MOST_EVENTS))

    def restate(self, at: datetime) -> None:
        """Bring the pools to where their written moves, as they are recorded, leave them before a moment."""
        self._need = dict.fromkeys(self.pools, at)
        self._steps = -UNBOUNDED
        self._once()

    def _once(self) -> bool:
        """One pass; says whether it learnt nothing that it should have known from its start."""
        known = dict(self._need)
        self.differences, self.events, self._wanted, self._ages = [], {}, {}, {}
        for key, pool in self.pools.items():
            if key in known:
                self._load(pool, known[key])
            else:
                pool.restart()
        for spot, (value, floor) in self._learnt.items():
            if spot[0]:
                self._add_extra(self.events[spot], value, floor)
        for place, draft in enumerate(self.book.drafts):
            self._meet(draft, place)
        self._drain()
        for past in list(self._pasts.values()):
            self._drop_unsettled(past)
        wanted = {spot: known for spot, known in self._wanted.items() if known[0]}
        if self._need == known and wanted == self._learnt:
            return True
        self._learnt = wanted
        return False

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

    def _load(self, pool: Pool, since: datetime) -> None:
        """Walk a pool from ``since`` again instead of going on from its end."""
        past = self._pasts.get(pool.id)
        if past is None or past.since != since:
            past = self._pasts[pool.id] = load_past(self.book, pool, since)
        past.restart()
        pool.state = past.start.copy()
        pool.floor = None
        for move in past.moves:
            event = Event(move.at, move.id, pool, move=move, value=past.effective[move.id])
            event.given = past.given.get(move.id, ZERO)
            event.frozen = move.at < since
            self.events[pool.id.ledger, move.id] = event
            self._push(event)

    def _push(self, event: Event) -> None:
        heappush(self._queue, (event.at, event.entry, next(self._ties), event))

    def _meet(self, draft: Draft, place: int) -> None:
        pool = self.pools.get(draft.pool_key) if draft.pool_key else None
        event = Event(draft.at, NEW + place, pool, draft=draft, value=draft.value or ZERO)
        ledger = draft.shape.ledger.id
        if pool and draft.corrects is not None:
            corrected = self.events.get((ledger, draft.corrects))
            if corrected is not None:  # the corrected move itself carries the new value through the pool
                value = draft.value or ZERO
                self._add_extra(corrected, value, draft.at if draft.at > corrected.at else None)
                corrected.drafted += value
                event.pool = None
        if pool and draft.counter_of is not None:
            undone = self.events.get((ledger, draft.counter_of))
            if undone is not None and undone.at == draft.at:
                undone.passed = undone.undone = True  # both leave the walk: as if neither had been
                draft.value = -undone.value
                event.pool = None
        self._push(event)

    def _add_extra(self, event: Event, value: Decimal, floor: datetime | None) -> None:
        event.extra += value
        if floor is not None:
            event.floor = max(floor, event.floor or floor)

    # --- one event

    def _pass(self, event: Event) -> None:
        draft = event.draft
        if draft is not None and draft.origins and draft.cost is Cost.ORIGIN:
            carry(draft, self._learnt.get(("", event.entry), (ZERO, None))[0])
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
            standard=self._standard(pool, event, draft.quantity, derived=draft.value is None),
            age=self._age_of_return(pool, draft.returns, draft.age) if draft.cost is Cost.RETURNED else None,
            forced=draft.cost is Cost.GIVEN and draft.quantity < 0,
        )
        draft.standard = step.standard
        outcome = self._advance(pool, step)
        draft.value, draft.age = outcome.value, outcome.age or draft.age
        if draft.quantity < 0:
            self._ages[pool.id.ledger, draft.id] = outcome.age
        self._differ(event, pool, outcome)

    def _pass_move(self, event: Event, pool: Pool, move: Move) -> None:
        derived = move.cost is Cost.POOL and not event.frozen
        if event.floor is not None:
            pool.floor = max(event.floor, pool.floor or event.floor)
        step = Step(
            move=move.id,
            at=move.at,
            qty=quantity_of(pool.shape, move),
            value=None if derived else event.value + event.extra,
            prefer=preferred(move),
            standard=self._standard(pool, event, quantity_of(pool.shape, move), derived=derived),
            age=self._age_of_return(pool, move.returns, move.age) if move.cost is Cost.RETURNED else None,
            forced=not derived,
        )
        outcome = self._advance(pool, step)
        if step.qty < 0:
            self._ages[pool.id.ledger, move.id] = outcome.age
        changed = outcome.value - event.value
        if derived and (own := event.given + event.extra):  # what somebody set right comes on top
            advance(pool.state, Step(move=move.id, at=move.at, qty=ZERO, value=own, prefer=frozenset({move.id})))
            changed += own
        if changed != event.drafted and (event.extra or not event.frozen):
            self._append(pool.shape, move, changed - event.drafted, "correction", floor=pool.floor)
        if changed:
            self._propagate(pool.shape, move, changed, pool.floor)
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
        floor = max(event.at, pool.floor or event.at)
        if own is not None:
            draft = self._difference(pool.shape, own, value, "settlement", floor)
            draft.corrects, draft.returns = own.id, None
            self._tell_drafts(own, value)
        else:
            move = self._written(pool.shape, short)
            draft = self._append(pool.shape, move, value, "settlement", floor=floor)
            self._propagate(pool.shape, move, value, floor)
        draft.arrival = arrival
        if event.draft:
            draft.cause = event.draft.document

    def _tell_drafts(self, of: Draft, value: Decimal) -> None:
        """What the same call made from a short move carries what that finally costs."""
        for place, draft in enumerate(self.book.drafts):
            if draft.cost is Cost.ORIGIN and of in draft.origins:
                spot = ("", NEW + place)
                self._wanted[spot] = self._wanted.get(spot, (ZERO, None))[0] - value, None

    def _vary(self, pool: Pool, event: Event, value: Decimal) -> None:
        floor = max(event.at, pool.floor or event.at)
        if event.draft:
            draft = self._difference(pool.shape, event.draft, value, "variance", floor)
            draft.corrects = event.draft.id
        elif event.move:
            draft = self._append(pool.shape, event.move, value, "variance", floor=floor)
        else:
            return
        draft.arrival = draft.corrects

    def _drop_unsettled(self, past: Past) -> None:
        """Settlements that no longer happen are taken back, and so are differences from standards."""
        for (short, arrival), value in sorted(past.settled.items()):
            if value:
                move = self._written(past.shape, short)
                at = past.settled_at[short, arrival]
                draft = self._append(past.shape, move, -value, "settlement", floor=at)
                draft.arrival = arrival
                self._propagate(past.shape, move, -value, at)
        for number, value in sorted(past.varied.items()):
            if value:
                draft = self._append(past.shape, self._written(past.shape, number), -value, "variance")
                draft.arrival = number

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

    def _append(self, shape: Shape, move: Move, value: Decimal, kind: str, *, floor: datetime | None = None) -> Draft:
        draft = self._difference(shape, move, value, kind, max(floor, move.at) if floor else move.at)
        draft.corrects = move.id
        return draft

    # --- what was made from it

    def _propagate(self, shape: Shape, move: Move, difference: Decimal, floor: datetime | None) -> None:
        """Pass a difference of a written move on to those that carry its cost; ``floor``: it arose only then."""
        from_it = self.book.edges_from(shape.ledger.id, move.id)
        scale = shape.scales[shape.worth]
        carried = [e for e in from_it if not e.returned]
        left, whole = -difference, sum((e.qty or ZERO for e in carried), ZERO)
        for edge in carried:
            part = left if edge is carried[-1] else share(left, edge.qty or ZERO, whole, scale)
            left, whole = left - part, whole - (edge.qty or ZERO)
            self._receive(edge.ledger, edge.move, part, floor)
        base = abs(move.amounts[shape.main])
        for edge in from_it:
            if edge.returned and base:
                part = share(-difference, min(edge.qty or ZERO, base), base, scale)
                self._receive(edge.ledger, edge.move, part, floor)

    def _receive(self, ledger: str, number: int, value: Decimal, floor: datetime | None) -> None:
        """A written move is worth more or less than it says."""
        if not value:
            return
        shape = self.book.shape(ledger)
        move = self._written(shape, number)
        if not shape.value:
            draft = self._append(shape, move, value, "correction", floor=floor)
            self._flow(draft, value)
            self._propagate(shape, move, value, floor)
        elif move.cost is not Cost.POOL:  # that one finds its cost in its pool
            self._receive_valued(shape, move, value, floor)

    def _receive_valued(self, shape: Shape, move: Move, value: Decimal, floor: datetime | None) -> None:
        key = pools_of(self.book, shape, [move.dimensions])[0]
        if key not in self.pools:
            change = change_of(shape, key, move.dimensions, move.at)
            self.pools.update(lock_pools(self.book, shape, {key: (move.dimensions, change)}))
        spot = (shape.ledger.id, move.id)
        event = self.events.get(spot)
        if self._before_method(shape.ledger.id, move.at):
            self._receive_late(self.pools[key], move, value)
        elif event is None or event.frozen:
            self._needs(key, move.at)
        elif not event.passed:
            self._add_extra(event, value, floor)
        elif not event.undone:
            before, since = self._wanted.get(spot, (ZERO, None))
            self._wanted[spot] = before + value, max((f for f in (floor, since) if f), default=None)

    def _receive_late(self, pool: Pool, move: Move, value: Decimal) -> None:
        """A move from before the method changed is worth more or less: what is there bears it from now on."""
        self._append(pool.shape, move, value, "correction", floor=self.book.now)
        advance(pool.state, Step(move=move.id, at=self.book.now, qty=ZERO, value=value, prefer=frozenset({move.id})))

    def _flow(self, draft: Draft, value: Decimal) -> None:
        """Worth that arrives on a key others have already taken from follows them in proportion."""
        shape = draft.shape
        if draft.corrects is None:
            return
        moves = [m for m in self.book.moves_of_key(shape, draft.dimensions) if m.corrects is None]
        since = self._written(shape, draft.corrects).at
        undone = {m.counter_of for m in moves}
        moves = [m for m in moves if m.counter_of is None and m.id not in undone]
        left, whole = value, sum((m.amounts[shape.main] for m in moves if m.amounts[shape.main] > 0), ZERO)
        for move in moves:
            out = -move.amounts[shape.main]
            if out <= 0 or move.at < since:
                continue
            part = share(left, min(out, whole), whole, shape.scales[shape.worth])
            left, whole = left - part, whole - min(out, whole)
            if part:
                floor = draft.at if draft.at > since else None
                self._append(shape, move, -part, "correction", floor=floor)
                self._propagate(shape, move, -part, floor)
