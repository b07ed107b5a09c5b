"""Moves on their way through the walk of a call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from runtime.ledgers.book import Draft
from runtime.ledgers.costing import ZERO
from runtime.ledgers.pools import Pool
from runtime.ledgers.requests import REPOOLED, Cost, Move
from runtime.ledgers.shape import Shape

MOST_EVENTS = 50_000
"""A replay longer than this is refused: close periods, or correct today."""

UNBOUNDED = 1 << 60
"""Head start of a walk that may be as long as it takes."""

MOST_PASSES = 200
"""How often a walk may learn something about a moment already passed. Costs flow along shorts, oldest last: finite."""

SKEW = timedelta(seconds=10)
"""Clocks of several processes differ; a move of now that is this little behind another was not dated back."""

NEW = 1 << 62
"""Entry number of moves not yet written: after all that are."""

Spot = tuple[str, int]
"""A written move: its ledger and id; a move of this call: "" and its entry."""


@dataclass(slots=True, eq=False)
class Event:
    """A move on its way through its pool.

    ``value``: worth as recorded so far, ``given`` of it by somebody's correction; ``extra``: what this call adds,
    ``drafted`` of it by drafts of their own. ``floor``: when that arose. ``frozen``: before anything changes.
    """

    at: datetime
    entry: int
    pool: Pool | None
    draft: Draft | None = None
    move: Move | None = None
    value: Decimal = ZERO
    given: Decimal = ZERO
    extra: Decimal = ZERO
    drafted: Decimal = ZERO
    floor: datetime | None = None
    frozen: bool = False
    passed: bool = False
    undone: bool = False


Learnt = dict[Spot, tuple[Decimal, datetime | None]]


def carry(draft: Draft, extra: Decimal) -> None:
    """The worth of what it came from, in the opposite direction."""
    shape = draft.shape
    worth = extra - sum((o.worth() for o in draft.origins), ZERO)
    if shape.value:
        draft.value = shape.exact(shape.value, worth)
    elif shape.worth and shape.worth in draft.amounts:
        draft.amounts[shape.worth] = shape.exact(shape.worth, worth)


def preferred(move: Move) -> frozenset[int]:
    """The layers a move goes to first: of the receipt it gives back, of the move it corrects, of the one it values."""
    if move.corrects is not None:
        return frozenset({move.corrects})
    own = move.cost is Cost.POOL or move.kind == REPOOLED
    return frozenset({move.returns} if move.returns and own else ())


def quantity_of(shape: Shape, move: Move) -> Decimal:
    """How much a written move moved, signed."""
    return move.amounts[shape.main]
