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
    """One place in an explosion or where-used. ``above``: index of the row it belongs to, -1 = what was asked for.

    ``made``: it has components of its own on that day. ``expired``: it has versions, but none is valid that day.
    ``instead``: alternates with their titles.
    """

    level: int
    above: int
    item: Any
    title: str
    quantity: Decimal
    line: Line
    version: int
    made: bool
    expired: bool
    instead: tuple[tuple[Any, str], ...] = ()

    @property
    def through(self) -> bool:
        """Whether it is only passed through, never stocked."""
        return self.line.through


@dataclass(frozen=True, slots=True)
class Explosion:
    """All places in order (a product directly before its components), and the sums per item.

    ``totals``: what is stocked and needed in all; items only passed through are left out. ``expired``: the product
    itself has versions, but none is valid that day.
    """

    rows: tuple[Exploded, ...]
    totals: dict[Key, Decimal]
    expired: bool

    @property
    def bought(self) -> dict[Key, Decimal]:
        """The part of the totals that is not made."""
        found: dict[Key, Decimal] = {}
        for row in self.rows:
            if not row.made:
                found[row.item] = found.get(row.item, ZERO) + row.quantity
        return found


Goes = Callable[[Key], bool]
Named = Callable[[Key], str]


def _everything(_: Key) -> bool:
    return True


def explode(
    structure: Structure, item: Key, quantity: Decimal, day: date, makes: Goes = _everything, named: Named = str
) -> Explosion:
    """Everything ``quantity`` of ``item`` is made of on ``day``; each place rounded for itself.

    ``makes``: whether an item's own structure is followed (what is bought is not opened). ``named``: what people call
    an item; asked once of each.
    """
    opening = _Opening(structure, day, makes, named)
    version = structure.at(item, day)
    if version is not None:
        opening.open(version, quantity, (item,), -1)
    expired = version is None and item in structure.versions
    return Explosion(tuple(opening.rows), opening.totals, expired)


class _Opening:
    """An explosion under way. Of each item it is found out once how it is made on that day."""

    def __init__(self, structure: Structure, day: date, makes: Goes, named: Named) -> None:
        self.structure = structure
        self.day = day
        self.makes = makes
        self.named = named
        self.rows: list[Exploded] = []
        self.totals: dict[Key, Decimal] = {}
        self._known: tuple[dict[Key, _Known], dict[Key, _Known]] = ({}, {})

    def open(self, version: Version, quantity: Decimal, above: tuple[Key, ...], index: int) -> None:
        """The places below one, each directly before its own components."""
        rows, new, level, totals, number = self.rows, tuple.__new__, len(above), self.totals, version.id
        stocked, passed = self._known
        last_need: Any = None
        last_fixed: Any = None
        last_step: Any = None
        amount, add = ZERO, rows.append
        for line in version.lines:
            _, item, need, fixed, step, through, others, _ = line
            if need is not last_need or fixed is not last_fixed or step is not last_step:
                last_need, last_fixed, last_step = need, fixed, step
                amount = needed(line, quantity)  # lines that ask the same need the same
            inner, expired, title = (passed if through else stocked).get(item) or self._look(item, through=through)
            instead = tuple([(other, self.named(other)) for other in others]) if others else ()
            if inner is None or not through:
                totals[item] = totals[item] + amount if item in totals else amount
            if inner is None:
                add(new(Exploded, (level, index, item, title, amount, line, number, False, expired, instead)))
                continue
            add(new(Exploded, (level, index, item, title, amount, line, number, True, False, instead)))
            if item in above:
                raise StructureCycle([*above[above.index(item) :], item])
            if len(rows) > MOST_ROWS:
                raise TooManyRows
            self.open(inner, amount, (*above, item), len(rows) - 1)

    def _look(self, item: Key, *, through: bool) -> _Known:
        """How an item is opened where it is only passed through, or else stocked: then only what is made is."""
        inner, expired = None, False
        if item in self.structure.versions and (through or self.makes(item)):
            inner = self.structure.at(item, self.day)
            expired = inner is None
        found = self._known[through][item] = (inner, expired, self.named(item))
        return found


_Known = tuple[Version | None, bool, str]
"""How an item is made that day, whether it has versions but none is valid, what people call it."""


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
