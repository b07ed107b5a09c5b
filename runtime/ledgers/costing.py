"""What moves cost: pure arithmetic over one valuation pool, no database.

A pool is walked move by move. What leaves costs value × quantity leaving ÷ quantity there, rounded once; the last
piece takes the rest, so quantity 0 always has value 0. Pieces are layers (FIFO) and, with a negative quantity, what
left without having been there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from types import MappingProxyType

from engine.expressions.types import PRICE_SCALE
from runtime.value_numbers import STEPS

ZERO = Decimal(0)
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


class Method(StrEnum):
    """How a pool is valued. By lot is an average of a pool as fine as the lot."""

    AVERAGE = "average"
    FIFO = "fifo"
    LOT = "lot"
    STANDARD = "standard"
    NONE = "none"


class PriceNeeded(Exception):
    """Goods came in without a price and nothing says what they are worth."""


def rounded(number: Decimal, scale: int) -> Decimal:
    """``number`` with ``scale`` decimals, half away from zero, never minus zero."""
    result = number.quantize(STEPS[scale], ROUND_HALF_UP, _EXACT)
    return result if result else abs(result)


def share(value: Decimal, part: Decimal, whole: Decimal, scale: int) -> Decimal:
    """The value of ``part`` out of ``whole``, rounded once; all of it takes all."""
    if part == whole or not whole:
        return value
    return rounded(_EXACT.divide(_EXACT.multiply(value, part), whole), scale)


def unit_cost(value: Decimal, quantity: Decimal) -> Decimal:
    """Value ÷ quantity with the decimals of a price, for display and for the last known cost."""
    return rounded(_EXACT.divide(value, quantity), PRICE_SCALE)


def worth(quantity: Decimal, cost: Decimal, scale: int) -> Decimal:
    """Quantity × unit cost, rounded."""
    return rounded(_EXACT.multiply(quantity, cost), scale)


@dataclass(slots=True, kw_only=True)
class Piece:
    """A layer or, below zero, what is short. Oldest ``age``, then lowest ``rank``, goes first."""

    move: int
    age: datetime
    rank: int
    qty: Decimal
    value: Decimal
    id: int | None = None


@dataclass(slots=True, kw_only=True)
class PoolState:
    """Where a pool stands while it is walked."""

    method: Method
    scale: int
    qty: Decimal = ZERO
    value: Decimal = ZERO
    last_cost: Decimal | None = None
    pieces: list[Piece] = field(default_factory=list)

    @property
    def layered(self) -> bool:
        """Whether what is there stands in layers."""
        return self.method is Method.FIFO

    def copy(self) -> PoolState:
        """The same, to be walked without touching this one."""
        pieces = [replace(p) for p in self.pieces]
        return PoolState(
            method=self.method, scale=self.scale, qty=self.qty, value=self.value, last_cost=self.last_cost,
            pieces=pieces,
        )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Step:
    """A move as the walk sees it. ``value``: given (in its direction, signed), ``None`` = derive.

    ``prefer``: layers of these moves go first. ``fallback``: unit cost where nothing else is known (the coarser
    pool's). ``age``: of returned goods. ``forced``: an outgoing value that may not change (closed period).
    """

    move: int
    at: datetime
    qty: Decimal
    value: Decimal | None = None
    prefer: frozenset[int] = frozenset()
    fallback: Decimal | None = None
    standard: Decimal | None = None
    age: datetime | None = None
    forced: bool = False


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The signed value of the move, and value-only differences it caused: ``settled`` by short move, ``variance``."""

    value: Decimal
    settled: list[tuple[int, Decimal]] = field(default_factory=list)
    variance: Decimal = ZERO
    age: datetime | None = None


def advance(state: PoolState, step: Step) -> Outcome:
    """Apply one move to the pool."""
    before = _to_standard(state, step)
    if step.qty > 0:
        outcome = _into(state, step)
    elif step.qty < 0:
        outcome = _out_of(state, step)
    else:
        outcome = _value_only(state, step)
    after = _to_standard(state, step)
    outcome.variance += before + after
    return outcome


def _to_standard(state: PoolState, step: Step) -> Decimal:
    """What must be added so that the pool stands at standard cost."""
    if state.method is not Method.STANDARD or step.standard is None:
        return ZERO
    difference = worth(state.qty, step.standard, state.scale) - state.value
    state.value += difference
    return difference


def _into(state: PoolState, step: Step) -> Outcome:
    value = step.value if step.value is not None else _found_value(state, step)
    outcome = Outcome(value=value)
    qty, left = step.qty, value
    while qty and state.qty < 0 and (short := _first_short(state)):
        part = min(-short.qty, qty)
        own = share(left, part, qty, state.scale)
        booked = share(-short.value, part, -short.qty, state.scale)
        if own != booked:
            outcome.settled.append((short.move, booked - own))
        _shrink(state, short, -part, -booked)
        qty, left = qty - part, left - own
        state.qty, state.value = state.qty + part, state.value + booked
    if qty and state.layered:
        _push(state, step, qty, left)
    state.qty, state.value = state.qty + qty, state.value + left
    return outcome


def _found_value(state: PoolState, step: Step) -> Decimal:
    """Found goods come in at the current unit cost, else the last known, else a wider pool's, else the standard."""
    if state.method is Method.STANDARD and step.standard is not None:
        return worth(step.qty, step.standard, state.scale)
    if state.qty > 0:
        return share(state.value, step.qty, state.qty, state.scale)
    for cost in (state.last_cost, step.fallback, step.standard):
        if cost is not None:
            return worth(step.qty, cost, state.scale)
    raise PriceNeeded


def _push(state: PoolState, step: Step, qty: Decimal, value: Decimal) -> None:
    returned = step.age is not None
    piece = Piece(
        move=step.move, age=step.age or step.at, rank=-step.move if returned else step.move, qty=qty, value=value
    )
    at = len(state.pieces)
    while at and (state.pieces[at - 1].age, state.pieces[at - 1].rank) > (piece.age, piece.rank):
        at -= 1
    state.pieces.insert(at, piece)


def _out_of(state: PoolState, step: Step) -> Outcome:
    wanted = -step.qty
    there = min(wanted, max(state.qty, ZERO))
    cost, age = _leaving(state, step, there)
    short = wanted - there
    fixed = -step.value if step.forced and step.value is not None else None
    if short:
        cost += _book_short(state, step, short, None if fixed is None else fixed - cost)
    elif fixed is not None:
        _absorb(state, cost - fixed)
        cost = fixed
    return Outcome(value=-cost, age=age)


def _leaving(state: PoolState, step: Step, qty: Decimal) -> tuple[Decimal, datetime | None]:
    """Take what is there; says its cost and the age of the oldest piece."""
    if not qty:
        return ZERO, None
    state.last_cost = unit_cost(state.value, state.qty)
    cost, age = (
        _from_layers(state, step, qty) if state.layered else (share(state.value, qty, state.qty, state.scale), None)
    )
    state.qty, state.value = state.qty - qty, state.value - cost
    return cost, age


def _from_layers(state: PoolState, step: Step, qty: Decimal) -> tuple[Decimal, datetime | None]:
    cost, ages = ZERO, []
    queue = sorted(state.pieces, key=lambda p: p.move not in step.prefer) if step.prefer else list(state.pieces)
    for piece in queue:
        if not qty:
            break
        part = min(piece.qty, qty)
        if part <= 0:
            continue
        value = share(piece.value, part, piece.qty, state.scale)
        state.last_cost = unit_cost(piece.value, piece.qty)
        _shrink(state, piece, part, value)
        cost, qty = cost + value, qty - part
        ages.append(piece.age)
    return cost, min(ages, default=None)


def _book_short(state: PoolState, step: Step, qty: Decimal, fixed: Decimal | None) -> Decimal:
    """Book what is not there at the last known unit cost, else the standard, else nothing; remember the piece."""
    cost = next((c for c in (state.last_cost, step.fallback, step.standard) if c is not None), ZERO)
    value = worth(qty, cost, state.scale) if fixed is None else fixed
    state.pieces.append(Piece(move=step.move, age=step.at, rank=step.move, qty=-qty, value=-value))
    state.qty, state.value = state.qty - qty, state.value - value
    return value


def _value_only(state: PoolState, step: Step) -> Outcome:
    value = step.value or ZERO
    state.value += value
    if state.layered and value:
        _spread(state, value, step.prefer)
    return Outcome(value=value)


def _absorb(state: PoolState, difference: Decimal) -> None:
    """A recorded cost differed from the derived one: the rest of the pool bears it."""
    if not difference:
        return
    state.value += difference
    if state.layered:
        _spread(state, difference, frozenset())


def _spread(state: PoolState, value: Decimal, prefer: frozenset[int]) -> None:
    pieces = [p for p in state.pieces if p.qty > 0 and p.move in prefer] or [p for p in state.pieces if p.qty > 0]
    if pieces:
        pieces[0].value += value


def _first_short(state: PoolState) -> Piece | None:
    return next((p for p in state.pieces if p.qty < 0), None)


def _shrink(state: PoolState, piece: Piece, qty: Decimal, value: Decimal) -> None:
    piece.qty, piece.value = piece.qty - qty, piece.value - value
    if not piece.qty:
        state.pieces = [p for p in state.pieces if p is not piece]


METHODS: Mapping[str, Method] = MappingProxyType({m.value: m for m in Method})
