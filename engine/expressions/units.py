"""Units inside expressions: which quantity meets which price, and where a ratio has to come between.

A quantity's value is in base units. A price is per the unit its field names (its basis) or, without one, per base unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.expressions import operators
from engine.expressions.operators import Basis, Typed
from engine.expressions.syntax import refuse
from engine.expressions.tree import Convert, Node, Path, UnitRatio
from engine.expressions.types import QUOTIENT, QUOTIENT_SCALE, Kind


def one_basis(values: Sequence[Typed]) -> tuple[list[Typed], Basis | None]:
    """Values that may be prices per different units, brought to one unit: theirs if they agree, else the base."""
    bases = {v.basis for v in values if operators.key_of(v.type) == "price" and not v.written}
    if len(bases) <= 1:
        return list(values), next(iter(bases), None)
    return [to_base(v) for v in values], None


def to_base(value: Typed) -> Typed:
    """A price per base unit (quantities are in the base unit already)."""
    if value.basis is None or operators.key_of(value.type) != "price":
        return value
    return Typed(converted(value, value.basis, divide=True))


def in_one_unit(sign: str, left: Typed, right: Typed, column: int) -> tuple[Typed, Typed, Basis | None]:
    keys = (operators.key_of(left.type), operators.key_of(right.type))
    if keys == ("price", "price"):
        (left, right), basis = one_basis([left, right])
        return left, right, basis if sign in ("+", "-", "%") else None
    if sign == "*" and keys == (Kind.QUANTITY, "price"):
        return _quantity_at(left, right), right, None
    if sign == "*" and keys == ("price", Kind.QUANTITY):
        return left, _quantity_at(right, left), None
    if keys[0] == "price" and sign in ("*", "/", "+", "-", "%"):
        return left, right, left.basis
    return left, right, right.basis if keys[1] == "price" and sign in ("*", "+", "-") else None


def _quantity_at(quantity: Typed, price: Typed) -> Typed:
    """The quantity in the unit the price is per: as entered where it is the same unit field, else by the ratio."""
    if price.basis is None:
        return quantity
    node = quantity.node
    same = quantity.basis is not None and quantity.basis.unit == price.basis.unit
    if isinstance(node, Path) and same:
        beside = len(price.basis.unit.steps) == len(node.steps)
        return Typed(
            replace(node, entered=True) if beside else node
        )  # a unit further away is never chosen for a record
    item = price.basis.item or (quantity.basis.item if quantity.basis else None)
    return Typed(converted(quantity, Basis(item, price.basis.unit), divide=True))


def into_unit(quantity: Typed, unit: Typed, column: int) -> Node:
    item = quantity.basis.item if quantity.basis else None
    if item is None or not isinstance(unit.node, Path):
        raise refuse("E340", column, "convert: the quantity must be a field with a unit, the unit a field")
    type_ = replace(QUOTIENT, nullable=True)
    return replace(converted(quantity, Basis(item, unit.node), divide=True), type=type_)


def converted(value: Typed, basis: Basis, *, divide: bool) -> Convert:
    if basis.item is None:
        raise refuse("E340", 0, "two units meet here, but it is not known of which thing; use one unit field")
    ratio = UnitRatio(item=basis.item, unit=basis.unit, type=QUOTIENT)
    type_ = replace(value.type, scale=QUOTIENT_SCALE, nullable=True)
    return Convert(operand=value.node, ratio=ratio, type=type_, divide=divide)
