"""The plain data of netting: demands, supplies, rules of an item, planned orders and what is pegged to what."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from engine.planning.structure import ZERO, Key

DEMAND = "demand"
ORDER = "order"
KEEP = "keep"
ORDER_POINT = "order_point"

ON_HAND = "on_hand"
ORDERED = "ordered"
PLANNED = "planned"


class Demand(NamedTuple):
    """Something asked for from outside the plan."""

    id: Key
    item: Key
    quantity: Decimal
    day: date
    place: Key | None = None


class Supply(NamedTuple):
    """What is there (``day`` is ``None``) or on its way."""

    id: Key
    item: Key
    quantity: Decimal
    day: date | None = None
    place: Key | None = None


class Rule(NamedTuple):
    """How an item is planned. ``made``: its orders are exploded. ``through``: never planned, only its components."""

    lead_days: int = 0
    keep: Decimal = ZERO
    minimum: Decimal = ZERO
    multiple: Decimal = ZERO
    order_point: Decimal | None = None
    target: Decimal | None = None
    group_days: int = 0
    made: bool = False
    through: bool = False


class Need(NamedTuple):
    """What an item is needed for: a demand, a planned order above (``id``: its number), or stock to keep."""

    kind: str
    id: Key
    item: Key
    quantity: Decimal
    day: date
    place: Key | None = None


class Peg(NamedTuple):
    """So much of ``need`` is covered by ``supply`` (kind ``on_hand``, ``ordered``, ``planned``; id of it).

    ``late_days``: days after the need at which it can be there.
    """

    need: Need
    kind: str
    supply: Key
    quantity: Decimal
    late_days: int = 0


class Root(NamedTuple):
    """What an order is for in the end, in quantity of the order's item."""

    need: Need
    quantity: Decimal


class PlannedOrder(NamedTuple):
    """An order the plan asks for. ``short``: what is missing; ``quantity``: that, raised to lots.

    ``need_date``: the day the shortage bites. ``order_date``: the latest day to order (or start).
    ``late_days``: how far that day lies in the past.
    """

    id: int
    item: Key
    level: int
    place: Key | None
    quantity: Decimal
    short: Decimal
    need_date: date
    order_date: date
    late_days: int
    pegs: tuple[Peg, ...]
    roots: tuple[Root, ...] = ()
