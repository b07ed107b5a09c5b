"""Spreading a take over open balances: in turn by an order (first expired, oldest, first in) or in proportion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cmp_to_key

from engine.expressions.tree import Expr
from engine.model import Allocation
from runtime.ledgers.book import Book, Standing
from runtime.ledgers.costing import ZERO, share
from runtime.ledgers.open_balances import Need, first_open
from runtime.ledgers.requests import Demand, DimensionValue
from runtime.ledgers.shape import Shape

Parts = list[tuple[Mapping[str, DimensionValue], dict[str, Decimal]]]


def spread(
    book: Book,
    shape: Shape,
    allocation: Allocation,
    fixed: Mapping[str, DimensionValue],
    amounts: Mapping[str, Decimal | None],
    demand: Demand | None = None,
) -> tuple[Parts, dict[str, Decimal]]:
    """What to take of each balance, and what is left wanting."""

    def meeting(some: list[Standing]) -> list[Standing]:
        return _meeting(book, shape, demand, some)

    lead = next((r for r, a in amounts.items()), shape.main)
    wanted = amounts.get(lead)
    if wanted is not None and not allocation.share:
        need = Need(
            lead,
            wanted,
            lambda some: ordered(book, shape, allocation, _fitting(book, shape, allocation, some)),
            meeting,
        )
        first = first_open(book, shape, allocation, fixed, need)
        if first is not None:
            return _in_turn(shape, first, amounts, lead)
    there = [s for s in book.there(shape, fixed) if any(s.amounts.values())]
    standing = meeting(_fitting(book, shape, allocation, there))
    if wanted is None:
        return [(s.dimensions, {r: s.amounts[r] for r in amounts}) for s in standing], {}
    positive = [s for s in standing if s.amounts[lead] > 0]
    if allocation.share:
        return _in_proportion(shape, allocation.share, positive, amounts, lead)
    return _in_turn(shape, ordered(book, shape, allocation, positive), amounts, lead)


def _fitting(book: Book, shape: Shape, allocation: Allocation, standing: list[Standing]) -> list[Standing]:
    if allocation.where is None or not standing:
        return standing
    fits = book.reader(shape.ledger).many(allocation.where, [_row(s) for s in standing])
    return [s for s, fit in zip(standing, fits, strict=True) if fit]


def _meeting(book: Book, shape: Shape, demand: Demand | None, standing: list[Standing]) -> list[Standing]:
    """Those that are as the take demands."""
    if demand is None or not standing:
        return standing
    fits = book.reader(shape.ledger).many(demand.that, [{**_row(s), "this": demand.given} for s in standing])
    return [s for s, fit in zip(standing, fits, strict=True) if fit]


def _row(standing: Standing) -> dict[str, object]:
    return {**standing.dimensions, **standing.amounts, "first_in": standing.first_at}


def ordered(book: Book, shape: Shape, allocation: Allocation, standing: list[Standing]) -> list[Standing]:
    """The balances in the allocation's order, empties last, then by age and key."""
    rows = [_row(s) for s in standing]
    columns: list[tuple[Sequence[object], bool]] = []
    for entry, descending in allocation.order:
        if isinstance(entry, Expr):
            columns.append((book.reader(shape.ledger).many(entry, rows), descending))
        else:
            columns.append(([s.first_at for s in standing], descending))

    def compare(one: int, other: int) -> int:
        for values, descending in columns:
            found = _compare(values[one], values[other], descending=descending)
            if found:
                return found
        return _compare(_last(standing[one]), _last(standing[other]), descending=False)

    return [standing[i] for i in sorted(range(len(standing)), key=cmp_to_key(compare))]


def _last(standing: Standing) -> tuple[datetime, str]:
    return (standing.first_at, standing.key)


def _compare(one: object, other: object, *, descending: bool) -> int:
    if one == other:
        return 0
    if one is None or other is None:
        return 1 if one is None else -1
    smaller = one < other  # type: ignore[operator]
    return -1 if smaller != descending else 1


def _in_turn(
    shape: Shape, standing: Sequence[Standing], amounts: Mapping[str, Decimal | None], lead: str
) -> tuple[Parts, dict[str, Decimal]]:
    wanted = {r: a for r, a in amounts.items() if a is not None}
    left = dict(wanted)
    parts: Parts = []
    for each in standing:
        if left[lead] <= 0:
            break
        taken = min(left[lead], each.amounts[lead])
        part = {r: _companion(shape, r, lead, taken, left, each, r in wanted) for r in shape.kept if r != lead}
        part = {r: a for r, a in part.items() if a or r in wanted}
        part[lead] = taken
        for name, amount in part.items():
            if name in left:
                left[name] -= amount
        parts.append((each.dimensions, part))
    return parts, {r: a for r, a in left.items() if a} if left[lead] > 0 else {}


def _companion(
    shape: Shape, name: str, lead: str, taken: Decimal, left: Mapping[str, Decimal], each: Standing, said: bool
) -> Decimal:
    """What else leaves with the pieces: as said, in proportion; else its part of what stands there."""
    if said:
        return share(left[name], taken, left[lead], shape.scales[name])
    if not is_companion(shape, name):
        return ZERO
    return share(each.amounts[name], taken, each.amounts[lead], shape.scales[name])


def is_companion(shape: Shape, name: str) -> bool:
    """Whether a resource follows the main one unasked: catch weight, and the worth of a ledger without valuation."""
    return name != shape.main and (shape.ledger.resources[name].optional or name == shape.worth)


def _in_proportion(
    shape: Shape, by: str, standing: Sequence[Standing], amounts: Mapping[str, Decimal | None], lead: str
) -> tuple[Parts, dict[str, Decimal]]:
    left = {r: a for r, a in amounts.items() if a is not None}
    whole = sum((s.amounts[by] for s in standing), ZERO)
    rest = max(left[lead] - whole, ZERO) if by == lead else ZERO
    left[lead] -= rest
    parts: Parts = []
    for each in standing:
        part = {r: share(a, each.amounts[by], whole, shape.scales[r]) for r, a in left.items()}
        whole -= each.amounts[by]
        left = {r: left[r] - part[r] for r in left}
        if any(part.values()):
            parts.append((each.dimensions, part))
    return parts, {lead: rest} if rest else {}
