"""What a take names by hand has to fit its allocation as well as what the allocation would have chosen itself.

Whoever writes (a form, a program, an import, a rule) comes through here: a unit that is not to be used is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.expressions.tree import Expr, Path
from engine.model import Allocation
from runtime.errors import Fault, Invalid
from runtime.ledgers.book import Book
from runtime.ledgers.requests import Demand, DimensionValue, MoveRequest, Verb
from runtime.ledgers.shape import Shape

Row = Mapping[str, DimensionValue]


def demand_fit(book: Book, requests: Sequence[MoveRequest]) -> None:
    """Refuse every named balance that is not one of those which its allocation may take, all at once."""
    named: dict[tuple[str, str], dict[tuple[object, ...], Row]] = {}
    for request in requests:
        if request.verb is not Verb.TAKE or request.from_ or not request.allocate:
            continue
        allocation = book.shape(request.ledger).ledger.allocations[request.allocate]
        if (names := _judged_by(allocation, request)) is not None:
            rows = named.setdefault((request.ledger, allocation.id), {})
            rows[tuple(request.dimensions.get(name) for name in names)] = request.dimensions
    faults = []
    for (ledger, id), rows in named.items():
        shape = book.shape(ledger)
        faults += _misfits(book, shape, shape.ledger.allocations[id], list(rows.values()))
    if faults:
        raise Invalid(*faults)


def _judged_by(allocation: Allocation, request: MoveRequest) -> tuple[str, ...] | None:
    """The dimensions that decide whether a balance fits; ``None`` where none of them was left to choose, or some are.

    What is still open is chosen among those that fit.
    """
    if allocation.where is None:
        return None
    names = {_first(node) for node in allocation.where.inputs if isinstance(node, Path) and node.root != "settings"}
    chosen = names.intersection(allocation.over)
    if not chosen or any(request.dimensions.get(name) is None for name in chosen):
        return None
    return tuple(sorted(names | set(allocation.over)))


def _first(path: Path) -> str:
    return path.steps[0] if path.root in ("record", "this") else path.root


def _misfits(book: Book, shape: Shape, allocation: Allocation, rows: Sequence[Row]) -> list[Fault]:
    assert allocation.where is not None
    reader = book.reader(shape.ledger)
    fits = reader.many(allocation.where, rows)
    return [
        Fault(code="unit_not_usable", message=reader.text(allocation.say, row))
        for row, fit in zip(rows, fits, strict=True)
        if not fit
    ]


def demand_some(book: Book, shape: Shape, allocation: Allocation, fixed: Row) -> None:
    """Refuse a take for which there is nothing, where the ledger wants to know from which balance it is taken."""
    reader = book.reader(shape.ledger)
    for name in allocation.over:
        optional = shape.ledger.dimensions[name].optional
        free = reader.one(optional, fixed) if isinstance(optional, Expr) else optional
        if name not in fixed and not free:
            raise Invalid(Fault(code="nothing_usable", message=reader.text(allocation.none, fixed)))


def demand_met(book: Book, shape: Shape, demand: Demand, named: Row) -> None:
    """Refuse a balance named by hand that is not as the take demands."""
    if not book.reader(shape.ledger).one(demand.that, {**named, "this": demand.given}):
        raise unmet(book, shape, demand, named, "unit_not_usable")


def unmet(book: Book, shape: Shape, demand: Demand, row: Row, code: str = "nothing_usable") -> Invalid:
    """The refusal of a take whose demand nothing meets."""
    return Invalid(Fault(code=code, message=book.reader(shape.ledger).text(demand.say, {**row, "this": demand.given})))
