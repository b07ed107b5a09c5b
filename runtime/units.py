"""How many base units one unit of a thing is: exact fractions, from the thing's own list or the units' ratios."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from engine.model import Entity, Measured

if TYPE_CHECKING:
    from runtime.record_inputs import Workspace

Row = dict[str, Any]


def unit_ratio(at: Workspace, entity: str, item: Row | None, unit: int | None) -> Fraction | None:
    """Base units of ``item`` (a record of ``entity``) in one ``unit``; ``None``: they do not convert.

    No unit, or a thing that is not measured in units: one to one.
    """
    measured = at.model.entities[entity].measured
    if unit is None or item is None or measured is None:
        return Fraction(1)
    base = item.get(measured.unit)
    if base is None or base == unit:
        return Fraction(1)
    own = _own_ratio(at, at.model.entities[entity], measured, item, unit)
    return own if own is not None else _by_dimension(at, at.model.entities[entity], measured, base, unit)


def unit_ratios(
    at: Workspace, kinds: Sequence[str], items: Sequence[Row | None], units: Sequence[int | None]
) -> list[Fraction | None]:
    """``unit_ratio`` for many, with what they need fetched at once; ``kinds``: the entity of each thing."""
    for kind in dict.fromkeys(kinds):
        measured = at.model.entities[kind].measured
        if measured is not None:
            asked = [(i, u) for k, i, u in zip(kinds, items, units, strict=True) if k == kind and i is not None]
            _fetch(
                at,
                at.model.entities[kind],
                measured,
                [(i, u) for i, u in asked if u not in (None, i.get(measured.unit))],
            )
    return [unit_ratio(at, kind, item, unit) for kind, item, unit in zip(kinds, items, units, strict=True)]


def _fetch(at: Workspace, entity: Entity, measured: Measured, pairs: Sequence[tuple[Row, int | None]]) -> None:
    if not pairs:
        return
    if measured.units:
        at.column(entity.id, [item for item, _ in pairs], measured.units)
    pairs = [(i, u) for i, u in pairs if u is not None and _own_ratio(at, entity, measured, i, u) is None]
    target = entity.fields[measured.unit].targets[0]
    at.need(target, {i for item, unit in pairs for i in (item.get(measured.unit), unit) if i is not None})


def _own_ratio(at: Workspace, entity: Entity, measured: Measured, item: Row, unit: int) -> Fraction | None:
    """The thing's own line for the unit."""
    if not measured.units:
        return None
    if measured.units not in item:
        item[measured.units] = at.lines_of(entity.fields[measured.units].lines, item["id"])
    for line in item[measured.units] or ():
        if line.get(measured.line_unit) == unit:
            ratio = line.get(measured.line_ratio)
            return Fraction(ratio) if ratio else None
    return None


def _by_dimension(at: Workspace, entity: Entity, measured: Measured, base: int, unit: int) -> Fraction | None:
    """Both units measure the same: the quotient of their ratios."""
    target = entity.fields[measured.unit].targets[0]
    measuring = at.model.entities[target].measuring
    if measuring is None:
        return None
    at.need(target, (base, unit))
    mine, other = at.known(target, unit), at.known(target, base)
    if mine is None or other is None or mine.get(measuring.dimension) != other.get(measuring.dimension):
        return None
    above, below = mine.get(measuring.ratio), other.get(measuring.ratio)
    return Fraction(above) / Fraction(below) if above and below else None


def to_base(value: Decimal, ratio: Fraction, scale: int = 6) -> Decimal:
    """``value`` units in base units, rounded half away from zero at ``scale``."""
    if ratio == 1:
        return value
    exact = Fraction(value) * ratio * 10**scale
    whole, rest = divmod(abs(exact.numerator), exact.denominator)
    whole += 2 * rest >= exact.denominator
    return Decimal(whole if exact >= 0 else -whole).scaleb(-scale)
