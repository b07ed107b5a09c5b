"""A "made of" relation as plain data: versions with their lines, levels, cycles, and what one order needs.

Rows are named tuples, not dataclasses: thousands are made for one question, and they are made three times faster.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import NamedTuple, TypeAlias

Key: TypeAlias = Hashable

ZERO = Decimal(0)
ONE = Decimal(1)
SMALLEST = Decimal("0.000001")
"""Quantities keep six decimals."""


class Line(NamedTuple):
    """A component of one version: ``need`` per one made (loss included), ``fixed`` per order.

    ``step``: what it is counted in whole pieces of (``whole_step``), ``None`` = measured. ``through``: passed through
    to its own components, never stocked. ``instead``: items that may take its place. ``loss``: share lost, only to
    refuse it on whole pieces.
    """

    id: int
    item: Key
    need: Decimal
    fixed: Decimal = ZERO
    step: Decimal | None = None
    through: bool = False
    instead: tuple[Key, ...] = ()
    loss: Decimal = ZERO


class Also(NamedTuple):
    """What comes out besides the product: quantity per one made and its share of the cost."""

    item: Key
    quantity: Decimal
    share: Decimal = ZERO


class Version(NamedTuple):
    """One way of making ``item``, valid from and to (both days included, ``None`` = open)."""

    id: int
    item: Key
    lines: Sequence[Line]
    valid_from: date | None = None
    valid_to: date | None = None
    also: Sequence[Also] = ()


@dataclass(frozen=True, slots=True)
class Structure:
    """All versions of all products, by product."""

    versions: Mapping[Key, Sequence[Version]]

    def at(self, item: Key, day: date) -> Version | None:
        """The version valid on ``day``: the one that began last; of two that began together the newer one."""
        best: Version | None = None
        for version in self.versions.get(item, ()):
            begins, ends = version.valid_from, version.valid_to
            if (begins and begins > day) or (ends and ends < day):
                continue
            if best is None or (begins or date.min, version.id) > (best.valid_from or date.min, best.id):
                best = version
        return best


class StructureCycle(Exception):
    """A product is made of itself; ``path`` names the items, the first again at the end."""

    def __init__(self, path: Sequence[Key]) -> None:
        super().__init__(" → ".join(str(item) for item in path))
        self.path = tuple(path)


class LossOnPieces(Exception):
    """A line counted in whole pieces carries a loss percentage."""

    def __init__(self, line: Line) -> None:
        super().__init__(f"line {line.id} of item {line.item}")
        self.line = line


def structure_of(versions: Iterable[Version]) -> Structure:
    """The versions, grouped by what they make."""
    by_item: dict[Key, list[Version]] = {}
    for version in versions:
        by_item.setdefault(version.item, []).append(version)
    return Structure(by_item)


def whole_step(step: Decimal | None) -> Decimal | None:
    """The smallest step of a unit, if it counts whole pieces; what is measured is not rounded to steps."""
    return step if step is not None and step >= 1 and step == step.to_integral_value() else None


def check_losses(versions: Iterable[Version]) -> None:
    """Refuse a loss percentage where whole pieces are counted: rounding up would hide what it means."""
    for version in versions:
        for line in version.lines:
            if line.loss and line.step is not None:
                raise LossOnPieces(line)


def round_up(quantity: Decimal, step: Decimal) -> Decimal:
    """The next multiple of ``step`` that is not below ``quantity``."""
    return (quantity / step).to_integral_value(ROUND_CEILING) * step


def needed(line: Line, quantity: Decimal) -> Decimal:
    """What ``quantity`` made asks of ``line``: six decimals, whole pieces rounded up."""
    raw, step = quantity * line.need, line.step
    raw = (raw + line.fixed if line.fixed else raw).quantize(SMALLEST, ROUND_HALF_UP)
    if step is None:
        return raw
    return raw.to_integral_value(ROUND_CEILING) * step if step == ONE else round_up(raw, step)


def low_levels(edges: Mapping[Key, Iterable[Key]]) -> dict[Key, int]:
    """The lowest level at which each item stands: 0 for what nothing is made of … ; raises ``StructureCycle``.

    ``edges``: product → components. An item is always on a lower level (greater number) than whatever uses it.
    """
    followers = {item: tuple(dict.fromkeys(below)) for item, below in edges.items()}
    waiting: dict[Key, int] = dict.fromkeys(followers, 0)
    for below in followers.values():
        for item in below:
            waiting[item] = waiting.get(item, 0) + 1
    levels = {item: 0 for item, count in waiting.items() if not count}
    ready = list(levels)
    for item in ready:  # grows while it is walked: the list is the queue
        level = levels[item] + 1
        for component in followers.get(item, ()):
            waiting[component] -= 1
            levels[component] = max(levels.get(component, 0), level)
            if not waiting[component]:
                ready.append(component)
    if len(ready) < len(waiting):
        raise StructureCycle(_cycle(followers, {item for item, count in waiting.items() if count}))
    return levels


def _cycle(edges: Mapping[Key, Sequence[Key]], left: set[Key]) -> list[Key]:
    """A way round among the items that were never free of users.

    Walked upwards: every item that is left has a user that is left, so the walk must meet itself.
    """
    users: dict[Key, Key] = {}
    for item in left:
        for component in edges.get(item, ()):
            if component in left:
                users.setdefault(component, item)
    path: list[Key] = [min(left, key=str)]
    while (above := users[path[-1]]) not in path:
        path.append(above)
    around = path[path.index(above) :]
    around.reverse()
    first = around.index(min(around, key=str))
    around = around[first:] + around[:first]
    return [*around, around[0]]


def edges_of(structure: Structure) -> dict[Key, list[Key]]:
    """Product → components over all versions, whatever day they are valid."""
    return {
        item: [line.item for version in versions for line in version.lines]
        for item, versions in structure.versions.items()
    }


class Component(NamedTuple):
    """What an order needs of one line; ``path``: ids of the lines passed through to reach it."""

    line: Line
    quantity: Decimal
    version: int
    path: tuple[int, ...] = ()


def components(structure: Structure, item: Key, quantity: Decimal, day: date) -> list[Component]:
    """What making ``quantity`` takes: one level, items that are only passed through replaced by their own components.

    Empty where no version is valid on ``day``. An item that is passed through but has no version stays as it is.
    """
    version = structure.at(item, day)
    if version is None:
        return []
    found: list[Component] = []
    _collect(structure, version, quantity, day, (), (item,), found)
    return found


def _collect(
    structure: Structure,
    version: Version,
    quantity: Decimal,
    day: date,
    path: tuple[int, ...],
    above: tuple[Key, ...],
    found: list[Component],
) -> None:
    for line in version.lines:
        amount = needed(line, quantity)
        inner = structure.at(line.item, day) if line.through else None
        if inner is None:
            found.append(Component(line, amount, version.id, path))
            continue
        if line.item in above:
            raise StructureCycle([*above[above.index(line.item) :], line.item])
        _collect(structure, inner, amount, day, (*path, line.id), (*above, line.item), found)
