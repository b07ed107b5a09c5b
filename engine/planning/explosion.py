"""Explosion by level and where-used: what a quantity is made of, and what an item goes into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from engine.planning.structure import (
    ONE,
    ZERO,
    Key,
    Line,
    Structure,
    StructureCycle,
    Version,
    needed,
)

MOST_ROWS = 200_000
"""A structure that shares its parts at every level has more places than a machine can list."""


class TooManyRows(Exception):
    """The explosion has more places than can be listed."""


class Exploded(NamedTuple):
    """One place in the explosion. ``above``: index of the row it belongs to, -1 = the product.

    ``made``: it has components of its own on that day. ``expired``: it has versions, but none is valid that day.
    """

    level: int
    above: int
    item: Key
    quantity: Decimal
    line: Line
    version: int
    made: bool
    expired: bool


@dataclass(frozen=True, slots=True)
class Explosion:
    """All places in order (a product directly before its components), and the sums per item.

    ``totals``: what is stocked and needed in all; items only passed through are left out. ``bought``: the part of it
    that is not made. ``expired``: the product itself has versions, but none is valid that day.
    """

    rows: tuple[Exploded, ...]
    totals: dict[Key, Decimal]
    bought: dict[Key, Decimal]
    expired: bool


Goes = Callable[[Key], bool]


def _everything(_: Key) -> bool:
    return True


def explode(structure: Structure, item: Key, quantity: Decimal, day: date, makes: Goes = _everything) -> Explosion:
    """Everything ``quantity`` of ``item`` is made of on ``day``; each place rounded for itself.

    ``makes``: whether an item's own structure is followed (what is bought is not opened).
    """
    opening = _Opening(structure, day, makes)
    version = structure.at(item, day)
    if version is not None:
        opening.open(version, quantity, (item,), -1)
    expired = version is None and item in structure.versions
    return Explosion(tuple(opening.rows), opening.totals, opening.bought, expired)


class _Opening:
    """An explosion under way. Of each item it is found out once how it is made on that day."""

    def __init__(self, structure: Structure, day: date, makes: Goes) -> None:
        self.structure = structure
        self.day = day
        self.makes = makes
        self.rows: list[Exploded] = []
        self.totals: dict[Key, Decimal] = {}
        self.bought: dict[Key, Decimal] = {}
        self._known: dict[Key, tuple[Version | None, bool, bool]] = {}

    def open(self, version: Version, quantity: Decimal, above: tuple[Key, ...], index: int) -> None:
        """The places below one, each directly before its own components."""
        rows, known, new, level = self.rows, self._known, tuple.__new__, len(above)
        totals, bought, number = self.totals, self.bought, version.id
        last: tuple[Any, Any, Any] = (None, None, None)
        amount = ZERO
        for line in version.lines:
            _, item, need, fixed, step, through, _, _ = line
            if need is not last[0] or fixed is not last[1] or step is not last[2]:
                last, amount = (need, fixed, step), needed(line, quantity)  # lines that ask the same need the same
            found = known.get(item)
            if found is None:
                found = known[item] = self._look(item)
            inner, made, has_versions = found
            if not (through or made):
                inner, has_versions = None, False
            if inner is None:
                rows.append(new(Exploded, (level, index, item, amount, line, number, False, has_versions)))
                totals[item] = totals[item] + amount if item in totals else amount
                bought[item] = bought[item] + amount if item in bought else amount
                continue
            rows.append(new(Exploded, (level, index, item, amount, line, number, True, False)))
            if not through:
                totals[item] = totals[item] + amount if item in totals else amount
            if item in above:
                raise StructureCycle([*above[above.index(item) :], item])
            if len(rows) > MOST_ROWS:
                raise TooManyRows
            self.open(inner, amount, (*above, item), len(rows) - 1)

    def _look(self, item: Key) -> tuple[Version | None, bool, bool]:
        """How an item is made that day, whether its structure is followed, whether it has any."""
        return self.structure.at(item, self.day), self.makes(item), item in self.structure.versions


class Used(NamedTuple):
    """One place where an item is used. ``per``: how much of the item asked for goes into one of ``product``.

    ``above``: index of the row one came from, -1 = the item asked for.
    """

    level: int
    above: int
    product: Key
    per: Decimal
    line: Line
    version: int


def where_used(structure: Structure, item: Key, day: date | None = None) -> tuple[Used, ...]:
    """Every product ``item`` goes into, directly and through others; ``day`` leaves out versions not valid then."""
    users = _users(structure, day)
    rows: list[Used] = []
    _climb(users, item, ONE, rows, (item,), -1)
    return tuple(rows)


Users = dict[Key, list[tuple[Version, Line]]]


def _users(structure: Structure, day: date | None) -> Users:
    users: Users = {}
    for product, versions in structure.versions.items():
        chosen = versions if day is None else [v for v in (structure.at(product, day),) if v is not None]
        for version in chosen:
            for line in version.lines:
                users.setdefault(line.item, []).append((version, line))
    return users


def _climb(users: Users, item: Key, per: Decimal, rows: list[Used], below: tuple[Key, ...], index: int) -> None:
    for version, line in users.get(item, ()):
        product = version.item
        if product in below:
            raise StructureCycle([*below[below.index(product) :], product][::-1])
        if len(rows) > MOST_ROWS:
            raise TooManyRows
        rows.append(Used(len(below), index, product, per * line.need, line, version.id))
        _climb(users, product, per * line.need, rows, (*below, product), len(rows) - 1)
