"""Explosion by level and where-used: what a quantity is made of, and what an item goes into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

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
    rows: list[Exploded] = []
    totals: dict[Key, Decimal] = {}
    bought: dict[Key, Decimal] = {}
    version = structure.at(item, day)
    if version is not None:
        _open(structure, version, quantity, day, makes, rows, (item,), -1)
    for row in rows:
        if row.line.through and row.made:
            continue
        totals[row.item] = totals.get(row.item, ZERO) + row.quantity
        if not row.made:
            bought[row.item] = bought.get(row.item, ZERO) + row.quantity
    return Explosion(tuple(rows), totals, bought, version is None and item in structure.versions)


def _open(
    structure: Structure,
    version: Version,
    quantity: Decimal,
    day: date,
    makes: Goes,
    rows: list[Exploded],
    above: tuple[Key, ...],
    index: int,
) -> None:
    for line in version.lines:
        amount = needed(line, quantity)
        opened = line.through or makes(line.item)
        inner = structure.at(line.item, day) if opened else None
        expired = opened and inner is None and line.item in structure.versions
        rows.append(Exploded(len(above), index, line.item, amount, line, version.id, inner is not None, expired))
        if inner is None:
            continue
        if line.item in above:
            raise StructureCycle([*above[above.index(line.item) :], line.item])
        if len(rows) > MOST_ROWS:
            raise TooManyRows
        _open(structure, inner, amount, day, makes, rows, (*above, line.item), len(rows) - 1)


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
