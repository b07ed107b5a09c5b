"""Cost roll-up: what one of each item costs on a day, level by level, with the reason for every figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from engine.planning.structure import ONE, ZERO, Key, Line, Structure, Version, low_levels

UNIT_COST = Decimal("0.000001")


class Prices(NamedTuple):
    """What is known of a bought item, best first: standard cost valid that day, moving average, last price."""

    standard: Decimal | None = None
    average: Decimal | None = None
    last: Decimal | None = None


class CostLine(NamedTuple):
    """A component's part in the cost of one made."""

    line: Line
    item: Key
    quantity: Decimal
    unit_cost: Decimal | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one of ``item`` costs. ``basis``: ``structure standard average last`` or ``missing``.

    ``level``: 0 for the item asked for. ``given_away``: share of the cost that by-products carry.
    ``missing``: items below without any price; their cost is left out of the sum.
    """

    item: Key
    level: int
    unit_cost: Decimal | None
    basis: str
    lines: tuple[CostLine, ...] = ()
    given_away: Decimal = ZERO
    missing: tuple[Key, ...] = ()


def _is_made(_: Key) -> bool:
    return True


def roll_up(
    structure: Structure,
    item: Key,
    day: date,
    prices: Mapping[Key, Prices],
    makes: Callable[[Key], bool] = _is_made,
) -> dict[Key, Cost]:
    """The cost of ``item`` and of everything below it, ``item`` first, then by level.

    Quantities are those of one made, fixed quantities of an order left out: they depend on how many are made.
    """
    versions = _below(structure, item, day, makes)
    edges = {key: [line.item for line in version.lines] if version else [] for key, version in versions.items()}
    levels = low_levels(edges)
    costs: dict[Key, Cost] = {}
    for key in sorted(levels, key=lambda k: -levels[k]):
        version = versions[key]
        if version is None:
            costs[key] = _bought(key, levels[key], prices.get(key, Prices()))
        else:
            costs[key] = _made(key, levels[key], version, costs)
    return {key: costs[key] for key in sorted(levels, key=lambda k: levels[k])}


def _below(structure: Structure, item: Key, day: date, makes: Callable[[Key], bool]) -> dict[Key, Version | None]:
    """Every item at or below ``item`` with the version it is made by (``None``: bought)."""
    versions: dict[Key, Version | None] = {}
    open_ = [item]
    while open_:
        key = open_.pop()
        if key in versions:
            continue
        version = structure.at(key, day) if makes(key) else None
        versions[key] = version
        if version:
            open_.extend(line.item for line in version.lines)
    return versions


def _bought(item: Key, level: int, prices: Prices) -> Cost:
    for basis, price in zip(("standard", "average", "last"), prices, strict=True):
        if price is not None:
            return Cost(item=item, level=level, unit_cost=price, basis=basis)
    return Cost(item=item, level=level, unit_cost=None, basis="missing", missing=(item,))


def _made(item: Key, level: int, version: Version, costs: Mapping[Key, Cost]) -> Cost:
    lines: list[CostLine] = []
    total = ZERO
    missing: dict[Key, None] = {}
    for line in version.lines:
        below = costs[line.item]
        missing.update(dict.fromkeys(below.missing))
        amount = None
        if below.unit_cost is not None:
            amount = (line.need * below.unit_cost).quantize(UNIT_COST, ROUND_HALF_UP)
            total += amount
        lines.append(CostLine(line, line.item, line.need, below.unit_cost, amount))
    given_away = sum((also.share for also in version.also), ZERO)
    unit_cost = (total * (ONE - given_away)).quantize(UNIT_COST, ROUND_HALF_UP)
    return Cost(
        item=item,
        level=level,
        unit_cost=unit_cost,
        basis="structure",
        lines=tuple(lines),
        given_away=given_away,
        missing=tuple(missing),
    )
