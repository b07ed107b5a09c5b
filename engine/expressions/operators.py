"""What operators make of types: the tables of arithmetic, comparison and common type.

Rules: sums keep the larger scale, products the sum of scales up to ten, quotients ten. A plain written number takes on
the kind of what it stands beside, so ``total > 5000`` needs no currency.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.expressions.tree import Literal, Node, Path, Unary
from engine.expressions.types import DURATION, INTEGER, QUOTIENT_SCALE, TEXT, Kind, Type


@dataclass(frozen=True, slots=True)
class Basis:
    """The unit a quantity was entered in or a price is per: the thing counted (if known) and the unit."""

    item: Path | None
    unit: Path


@dataclass(frozen=True, slots=True)
class Typed:
    """A node with what the parser knows of it; ``basis`` only for quantities and prices not in the base unit."""

    node: Node
    basis: Basis | None = None

    @property
    def type(self) -> Type:
        """The type of the value."""
        return self.node.type

    @property
    def written(self) -> bool:
        """A number as written, which takes on any numeric kind."""
        node = self.node.operand if isinstance(self.node, Unary) else self.node
        return isinstance(node, Literal) and node.type.kind is Kind.NUMBER


NUMERIC = frozenset({Kind.NUMBER, Kind.MONEY, Kind.QUANTITY, Kind.DURATION})
ORDERED = NUMERIC | {Kind.DATE, Kind.TIME, Kind.MOMENT}

_N, _M, _Q, _D = Kind.NUMBER, Kind.MONEY, Kind.QUANTITY, Kind.DURATION
_PRICE = "price"
Key = Kind | str
_PRODUCTS: dict[tuple[Key, Key], Key] = {
    (_N, _N): _N,
    (_N, _M): _M,
    (_N, _Q): _Q,
    (_N, _PRICE): _PRICE,
    (_Q, _PRICE): _M,
    (_N, _D): _D,
}
_PRODUCTS |= {(b, a): r for (a, b), r in _PRODUCTS.items()}
_QUOTIENTS: dict[tuple[Key, Key], Key] = {
    (_N, _N): _N,
    (_M, _N): _M,
    (_Q, _N): _Q,
    (_PRICE, _N): _PRICE,
    (_M, _M): _N,
    (_Q, _Q): _N,
    (_PRICE, _PRICE): _N,
    (_M, _Q): _PRICE,
    (_M, _PRICE): _Q,
    (_N, _Q): _N,
    (_D, _N): _D,
    (_D, _D): _N,
}


def key_of(type_: Type) -> Key:
    """The kind, with prices apart from amounts."""
    return _PRICE if type_.kind is Kind.MONEY and type_.per_unit else type_.kind


def describe(type_: Type) -> str:
    """A word for the type in a problem."""
    word = {"price": "money per unit", Kind.YES_NO: "yes/no"}.get(key_of(type_), str(key_of(type_).replace("_", " ")))
    return f"a set of {word}" if type_.many else word


def arithmetic(operator: str, left: Typed, right: Typed) -> Type | None:
    """The type of ``left operator right``, ``None`` where the two cannot be combined."""
    if left.type.many or right.type.many:
        return None
    nullable = left.type.nullable or right.type.nullable
    rule = {"+": _sum, "-": _sum, "%": _remainder, "*": _product, "/": _quotient}[operator]
    found = rule(left, right)
    if found is None:
        return None
    zero_free = isinstance(right.node, Literal) and bool(right.node.value)
    return replace(found, nullable=nullable or (operator in "/%" and not zero_free))


def _make(key: Key, scale: int) -> Type:
    if key == _PRICE:
        return Type(kind=Kind.MONEY, scale=scale, per_unit=True)
    return Type(kind=Kind(key), scale=scale)


def _sum(left: Typed, right: Typed) -> Type | None:
    if left.type.kind is Kind.TEXT and right.type.kind is Kind.TEXT:
        return TEXT
    return _remainder(left, right)


def _remainder(left: Typed, right: Typed) -> Type | None:
    if left.type.kind not in NUMERIC or right.type.kind not in NUMERIC:
        return None
    scale = max(left.type.scale, right.type.scale)
    if key_of(left.type) == key_of(right.type):
        return replace(left.type, scale=scale, options=(), targets=())
    if right.written:
        return _make(key_of(left.type), scale)
    return _make(key_of(right.type), scale) if left.written else None


def _product(left: Typed, right: Typed) -> Type | None:
    key = _PRODUCTS.get((key_of(left.type), key_of(right.type)))
    if key is None:
        return None
    if key is _D:
        return DURATION
    return _make(key, min(left.type.scale + right.type.scale, QUOTIENT_SCALE))


def _quotient(left: Typed, right: Typed) -> Type | None:
    key = _QUOTIENTS.get((key_of(left.type), key_of(right.type)))
    if key is None:
        return None
    return DURATION if key is _D else _make(key, QUOTIENT_SCALE)


def difference_of_days(left: Type, right: Type) -> Type | None:
    """date - date = days (a number); moment - moment = a duration."""
    nullable = left.nullable or right.nullable
    if left.kind is Kind.DATE and right.kind is Kind.DATE:
        return replace(INTEGER, nullable=nullable)
    if left.kind is Kind.MOMENT and right.kind is Kind.MOMENT:
        return replace(DURATION, nullable=nullable)
    return None


def comparable(operator: str, left: Typed, right: Typed) -> bool:
    """Whether the two may stand beside a comparison."""
    if left.type.many or right.type.many:
        return False
    if operator in ("==", "!="):
        return common([left, right]) is not None
    kinds = {left.type.kind, right.type.kind}
    return kinds <= ORDERED and common([left, right]) is not None


def common(branches: Iterable[Typed]) -> Type | None:
    """The one type all branches fit, with the largest scale; ``None`` where there is none."""
    found: tuple[Type, bool] | None = None
    for branch in branches:
        here = (branch.type, branch.written)
        if branch.type.many:
            return None
        found = here if found is None else _both(found, here)
        if found is None:
            return None
    return None if found is None else found[0]


def _both(left: tuple[Type, bool], right: tuple[Type, bool]) -> tuple[Type, bool] | None:
    (a, a_written), (b, b_written) = left, right
    nullable = a.nullable or b.nullable
    if a.kind is Kind.EMPTY or b.kind is Kind.EMPTY:
        kept = right if a.kind is Kind.EMPTY else left
        return replace(kept[0], nullable=True), kept[1]
    if a.kind in NUMERIC and b.kind in NUMERIC:
        if key_of(a) != key_of(b) and not (a_written or b_written):
            return None
        kept = left if b_written else right
        return replace(kept[0], scale=max(a.scale, b.scale), nullable=nullable), a_written and b_written
    if a.kind is not b.kind:
        return None
    if a.kind is Kind.REFERENCE:
        if a.targets and b.targets and not set(a.targets) & set(b.targets):
            return None
        return replace(a, targets=_union(a.targets, b.targets), nullable=nullable), False
    return replace(a, options=_union(a.options, b.options), nullable=nullable), False


def _union(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    return left if set(right) <= set(left) else (*left, *(x for x in right if x not in left))


def fits(found: Typed, wanted: Type) -> bool:
    """Whether a result may be stored where ``wanted`` is expected (scales are rounded when stored)."""
    have = found.type
    if have.many != wanted.many:
        return False
    if have.kind is Kind.EMPTY or wanted.kind is Kind.JSON:
        return True
    if wanted.kind in NUMERIC:
        if have.kind not in NUMERIC:
            return False
        same = have.kind is wanted.kind
        return same or found.written or wanted.kind is Kind.NUMBER
    if have.kind is not wanted.kind:
        return False
    if have.kind is Kind.REFERENCE and have.targets and wanted.targets:
        return bool(set(have.targets) & set(wanted.targets))
    return have.kind is not Kind.CHOICE or not wanted.options or set(have.options) <= set(wanted.options)
