"""Kit availability: how many of an order can be made from what is there, and which lines are short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from engine.planning.structure import ONE, ZERO, Key


class KitLine(NamedTuple):
    """A component of an order: ``needed`` in all for the order's quantity, ``open`` still to be issued."""

    id: int
    item: Key
    needed: Decimal
    open: Decimal


class ShortLine(NamedTuple):
    """A line that stock does not cover: what it still needs, what is there for it, what is missing."""

    id: int
    item: Key
    open: Decimal
    available: Decimal
    short: Decimal


@dataclass(frozen=True, slots=True)
class Kit:
    """``makeable``: how many can be made with what was issued and what is there. ``complete``: nothing is short."""

    makeable: Decimal
    complete: bool
    short: tuple[ShortLine, ...]


def kit(quantity: Decimal, lines: Sequence[KitLine], available: Mapping[Key, Decimal], step: Decimal = ONE) -> Kit:
    """The kit of one order; lines of the same item share what is there, earlier lines first."""
    left = {item: max(amount, ZERO) for item, amount in available.items()}
    short: list[ShortLine] = []
    for line in lines:
        there = left.get(line.item, ZERO)
        given = min(there, max(line.open, ZERO))
        left[line.item] = there - given
        if given < line.open:
            short.append(ShortLine(line.id, line.item, line.open, given, line.open - given))
    return Kit(_makeable(quantity, lines, available, step), not short, tuple(short))


def _makeable(quantity: Decimal, lines: Sequence[KitLine], available: Mapping[Key, Decimal], step: Decimal) -> Decimal:
    """The scarcest item decides: (issued + there) ÷ need of the whole order, in steps of the product's unit."""
    needed: dict[Key, Decimal] = {}
    issued: dict[Key, Decimal] = {}
    for line in lines:
        needed[line.item] = needed.get(line.item, ZERO) + line.needed
        issued[line.item] = issued.get(line.item, ZERO) + (line.needed - line.open)
    makeable = quantity
    for item, amount in needed.items():
        if amount > 0:
            there = issued[item] + max(available.get(item, ZERO), ZERO)
            makeable = min(makeable, quantity * there / amount)
    return max((makeable / step).to_integral_value(ROUND_FLOOR) * step, ZERO)
