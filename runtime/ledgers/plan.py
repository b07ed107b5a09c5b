"""From wishes to moves: signs, moments, what is carried on, what comes back, and which balances a take goes over.

Nothing is written here. Costs are still open where they follow from what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from sqlalchemy import and_, select

from engine.expressions.tree import Expr
from runtime.errors import Conflict, Invalid
from runtime.ledgers.allocate import is_companion, spread
from runtime.ledgers.book import Book, Draft
from runtime.ledgers.costing import ZERO, share
from runtime.ledgers.named import demand_fit, demand_met, demand_some, unmet
from runtime.ledgers.requests import Cost, DimensionValue, DocumentKey, Move, MoveRequest, Short, Verb
from runtime.ledgers.running import not_enough
from runtime.ledgers.shape import Shape
from runtime.messages import fault


def plan(book: Book, requests: Sequence[MoveRequest]) -> None:
    """Fill ``book.drafts`` with the moves that the requests ask for, in order of their moments."""
    demand_fit(book, requests)
    for request in requests:
        book.by_request.setdefault(request.key, [])
        VERBS[request.verb](book, request)
    _demand_dimensions(book)
    for draft in book.drafts:
        book.demand_open(draft.shape.ledger, draft.at)
    book.drafts.sort(key=lambda d: d.at)  # stable: equal moments stay in order of entry


def _draft(
    book: Book,
    request: MoveRequest,
    dimensions: Mapping[str, DimensionValue],
    amounts: dict[str, Decimal],
    at: datetime,
) -> Draft:
    shape = book.shape(request.ledger)
    exact = {r: shape.exact(r, a) for r, a in amounts.items() if r in shape.scales}
    return Draft(
        shape=shape,
        dimensions={n: dimensions.get(n) for n in shape.dimensions},
        amounts=exact,
        at=at,
        document=request.document,
        line=request.line,
        posting_set=request.posting_set,
        posting=request.posting,
        kind=request.kind,
        request=request.key,
        cost=Cost.POOL if shape.value else Cost.NONE,
    )


def _origins(book: Book, request: MoveRequest) -> list[Draft]:
    return [draft for key in request.from_ for draft in book.by_request.get(key, [])]


def _add(book: Book, request: MoveRequest) -> None:
    _book_in_direction(book, request, 1)


def _take(book: Book, request: MoveRequest) -> None:
    if request.from_:
        _book_in_direction(book, request, -1)
        return
    shape = book.shape(request.ledger)
    at = book.moment(request.at, whole_day=request.whole_day, start=False)
    amounts = _amounts(shape, request)
    prefer = _receipt(book, shape, request)
    for part in _parts(book, shape, request, amounts):
        if not any(part.amounts.values()):
            continue
        draft = _draft(book, request, part.dimensions, {r: -a for r, a in part.amounts.items()}, at)
        draft.found, draft.wanted = part.found, part.wanted
        draft.never_below = bool(request.allocate) and request.short is Short.REFUSE and not guarded(book, shape)
        if prefer:
            draft.prefer, draft.returns = frozenset(m.id for m in prefer), prefer[0].id
            draft.edges = [(shape.ledger.id, prefer[0].id, -draft.quantity)]
        if shape.value and request.value is not None:
            draft.value, draft.cost = -shape.exact(shape.value, request.value), Cost.GIVEN
        book.add(draft)


@dataclass(slots=True)
class _Part:
    dimensions: Mapping[str, DimensionValue]
    amounts: dict[str, Decimal]
    found: Decimal | None = None
    wanted: dict[str, Decimal] = field(default_factory=dict)


def _amounts(shape: Shape, request: MoveRequest) -> dict[str, Decimal | None]:
    """What is asked for, without the valued resource."""
    asked = {r: a for r, a in request.amounts.items() if r != shape.value}
    if request.value is not None and not shape.value and shape.worth:
        asked[shape.worth] = request.value
    return asked


def _parts(book: Book, shape: Shape, request: MoveRequest, amounts: dict[str, Decimal | None]) -> list[_Part]:
    """The balances a take goes over, and how much of each."""
    book.demand_worth(shape)
    allocation = shape.ledger.allocations.get(request.allocate)
    open_ = [d for d in allocation.over if request.dimensions.get(d) is None] if allocation else []
    fixed = {d: request.dimensions.get(d) for d in shape.dimensions if d not in open_}
    if allocation and open_:
        parts, rest = spread(book, shape, allocation, fixed, amounts, request.demand)
        found = [_Part(dimensions, taken) for dimensions, taken in parts]
        if not parts and any(rest.values()) and request.short is Short.REFUSE:
            if request.demand and spread(book, shape, allocation, fixed, amounts)[0]:
                raise unmet(book, shape, request.demand, fixed)
            demand_some(book, shape, allocation, fixed)
        return found + _rest(book, shape, request, fixed, parts, rest, amounts)
    if request.demand:
        demand_met(book, shape, request.demand, fixed)
    known = {r: a for r, a in amounts.items() if a is not None}
    optional = [r for r in shape.kept if r not in amounts and is_companion(shape, r)]
    if len(known) == len(amounts) and not optional:
        return [_Part(fixed, known)]
    there = next((s for s in book.there(shape, fixed)), None)
    standing = there.amounts if there else {}
    whole = standing.get(shape.main, ZERO)
    for name in optional:  # catch weight travels with the pieces
        if shape.main in known and whole:
            known[name] = share(standing[name], known[shape.main], whole, shape.scales[name])
    return [_Part(fixed, known | {r: standing.get(r, ZERO) for r, a in amounts.items() if a is None})]


def guarded(book: Book, shape: Shape) -> bool:
    """Whether the template says itself what may fall below zero in a ledger."""
    own = shape.ledger.id
    return bool(shape.ledger.guards) or any(own in (g.ledger, *g.ledgers) for g in book.ctx.app.model.guards)


def _rest(
    book: Book,
    shape: Shape,
    request: MoveRequest,
    fixed: Mapping[str, DimensionValue],
    parts: Sequence[tuple[Mapping[str, DimensionValue], dict[str, Decimal]]],
    rest: dict[str, Decimal],
    amounts: Mapping[str, Decimal | None],
) -> list[_Part]:
    """What the balances did not give."""
    if not any(rest.values()) or request.short is Short.DROP:
        return []
    if request.short is Short.REST:
        return [_Part({**fixed, **request.short_dimensions}, rest)]
    wanted = {r: a for r, a in amounts.items() if a is not None}
    name = next(r for r, a in rest.items() if a)
    taken = sum((p.get(name, ZERO) for _, p in parts), ZERO)
    if not guarded(book, shape):
        raise not_enough(book.ctx, shape.ledger.id, taken, wanted[name])
    return [_Part(parts[-1][0] if parts else fixed, rest, taken, wanted)]


def _receipt(book: Book, shape: Shape, request: MoveRequest) -> list[Move]:
    """The moves of the receipt that a take gives back to where they came from."""
    return _moves_of(book, shape, *request.returns) if request.returns else []


def _moves_of(book: Book, shape: Shape, record: DocumentKey, posting: str) -> list[Move]:
    table = shape.moves
    of_line = and_(table.c.line_id == record.id, table.c.line_entity == record.entity)
    found = book.moves(shape, and_(of_line, table.c.posting == posting, table.c.corrects.is_(None)))
    if not found:
        of_document = and_(table.c.doc_id == record.id, table.c.doc_entity == record.entity)
        found = book.moves(shape, and_(of_document, table.c.posting == posting, table.c.corrects.is_(None)))
    undone = {m.counter_of for m in found if m.counter_of}
    return [m for m in found if m.counter_of is None and m.id not in undone]


def _book_in_direction(book: Book, request: MoveRequest, sign: int) -> None:
    shape = book.shape(request.ledger)
    origins = _origins(book, request)
    at = book.moment(request.at, whole_day=request.whole_day, start=sign > 0 and not request.from_)
    if not request.from_:
        amounts = {r: sign * a for r, a in _amounts(shape, request).items() if a is not None}
        draft = _draft(book, request, request.dimensions, amounts, at)
        if shape.value and request.value is not None:
            draft.value, draft.cost = sign * shape.exact(shape.value, request.value), Cost.GIVEN
        if any(draft.amounts.values()) or draft.value:
            book.add(draft)
        return
    known = {r: a for r, a in _amounts(shape, request).items() if a is not None}
    groups = [origins] if known else [[origin] for origin in origins]
    for group in groups:
        if group:
            book.add(_carried(book, request, group, known, sign, at))


def _carried(
    book: Book, request: MoveRequest, group: Sequence[Draft], known: Mapping[str, Decimal], sign: int, at: datetime
) -> Draft:
    """A move that carries others on: their quantity, their cost, their trace. Their cost may not be known yet."""
    shape = book.shape(request.ledger)
    amounts = {r: sign * a for r, a in known.items()}
    for name in shape.kept:
        if name not in known and all(name in o.shape.scales for o in group):
            amounts[name] = sign * abs(sum((o.amounts.get(name, ZERO) for o in group), ZERO))
    own = {n: v for n, v in request.dimensions.items() if v is not None}
    inherited = group[0].dimensions if len(group) == 1 else {}
    moment = max(at, *(o.at for o in group))
    draft = _draft(book, request, {**inherited, **own}, amounts, moment)
    draft.origins, draft.cost = tuple(group), Cost.ORIGIN
    if request.value is not None and shape.value:
        draft.value, draft.cost = sign * shape.exact(shape.value, request.value), Cost.GIVEN
    return draft


def _returns(book: Book, request: MoveRequest) -> None:
    shape = book.shape(request.ledger)
    assert request.returns is not None
    went = _matching(shape, request, _moves_of(book, shape, *request.returns))
    wanted = next((a for a in request.amounts.values() if a is not None), None)
    at = book.moment(request.at, whole_day=request.whole_day, start=False)
    bases = {m.id: _base(book, shape, m, request) for m in went}
    back = _came_back(book, shape, [m.id for m in went])
    left = wanted
    for move in reversed(went):
        possible = bases[move.id] - back.get(move.id, (ZERO, {}))[0]
        part = possible if left is None else min(left, possible)
        if part <= 0:
            continue
        left = None if left is None else left - part
        book.add(_return_of(book, request, move, part, bases[move.id], back.get(move.id, (ZERO, {})), max(at, move.at)))
    if left:
        raise Conflict(fault(book.ctx, "more_than_went", wanted=f"{wanted:f}", possible=f"{(wanted or ZERO) - left:f}"))


def _matching(shape: Shape, request: MoveRequest, went: list[Move]) -> list[Move]:
    """A dimension an allocation chose (the lot) selects among what went; the others may change on the way back."""
    chosen = {d for a in shape.ledger.allocations.values() for d in a.over}
    wanted = {d: v for d, v in request.dimensions.items() if d in chosen and v is not None}
    return [m for m in went if all(m.dimensions.get(d) == v for d, v in wanted.items())] or went


def _base(book: Book, shape: Shape, move: Move, request: MoveRequest) -> Decimal:
    """The quantity a return is measured against: the move's own, or that of the move it came from."""
    for name in request.amounts:
        if name in shape.kept:
            return abs(move.amounts[name])
    edge = book.ctx.app.tables.ledgers.edge
    query = select(edge.c.qty).where(edge.c.to_move == move.id, edge.c.to_ledger == shape.ledger.id)
    return sum((q for q in book.ctx.connection.scalars(query) if q is not None), ZERO)


Back = tuple[Decimal, dict[str, Decimal]]


def _came_back(book: Book, shape: Shape, ids: Sequence[int]) -> dict[int, Back]:
    """What earlier returns brought back of each move: quantity, and every resource."""
    table, edge = shape.moves, book.ctx.app.tables.ledgers.edge
    found: dict[int, Back] = {}
    returned = book.moves(shape, table.c.returns.in_(ids)) if ids else []
    undone = {m.counter_of for m in returned}
    kept = {m.id: m for m in returned if m.id not in undone and m.counter_of is None and m.cost is not Cost.POOL}
    query = select(edge.c.from_move, edge.c.to_move, edge.c.qty).where(
        edge.c.from_ledger == shape.ledger.id, edge.c.to_ledger == shape.ledger.id, edge.c.to_move.in_(sorted(kept))
    )
    for origin, move, qty in book.ctx.connection.execute(query) if kept else ():
        before, sums = found.get(origin, (ZERO, {}))
        amounts = kept[move].amounts
        found[origin] = before + (qty or ZERO), {r: sums.get(r, ZERO) + a for r, a in amounts.items()}
    for draft in book.drafts:
        if draft.returns is not None and draft.returns in ids and draft.shape is shape:
            before, sums = found.get(draft.returns, (ZERO, {}))
            qty = next((q for led, i, q in draft.edges if i == draft.returns), None)
            added = {r: sums.get(r, ZERO) + a for r, a in draft.all_amounts().items()}
            found[draft.returns] = before + (qty or ZERO), added
    return found


def _return_of(
    book: Book, request: MoveRequest, move: Move, part: Decimal, base: Decimal, back: Back, at: datetime
) -> Draft:
    """The average of the line it returns, rounded; the last return takes the rest."""
    shape = book.shape(request.ledger)
    last = back[0] + part == base
    corrected = book.corrections(shape, [move.id]).get(move.id, ZERO)
    amounts = {}
    for name, amount in move.amounts.items():
        whole = -(amount + corrected) if name == shape.worth else -amount
        brought = back[1].get(name, ZERO)
        amounts[name] = whole - brought if last else share(whole, part, base, shape.scales[name])
    own = {n: v for n, v in request.dimensions.items() if v is not None}
    value = amounts.pop(shape.value, None) if shape.value else None
    draft = _draft(book, request, {**move.dimensions, **own}, amounts, at)
    draft.value, draft.returns, draft.age = value, move.id, move.age or move.at
    draft.cost = Cost.RETURNED
    draft.edges = [(shape.ledger.id, move.id, part)]
    return draft


def _revalue(book: Book, request: MoveRequest) -> None:
    """Share a change of cost among the moves it corrects, by quantity; the last takes the rest."""
    shape = book.shape(request.ledger)
    moves = [m for m in book.moves(shape, shape.moves.c.id.in_(request.corrects)) if m.counter_of is None]
    if not moves:
        raise Invalid(fault(book.ctx, "nothing_to_revalue", ledger=shape.ledger.label.get(book.ctx.language)))
    origins = _origins(book, request)
    total = request.value if request.value is not None else -sum((o.worth() for o in origins), ZERO)
    left, whole = shape.exact(shape.worth, total), sum((abs(m.amounts[shape.main]) for m in moves), ZERO)
    for move in moves:
        part = abs(move.amounts[shape.main])
        value = share(left, part, whole, shape.scales[shape.worth])
        left, whole = left - value, whole - part
        at = book.now if book.is_closed(shape.ledger.id, move.at) else move.at
        draft = _draft(book, request, move.dimensions, {}, at)
        draft.document, draft.line, draft.cause = move.document, move.line, request.document
        draft.corrects, draft.cost, draft.origins = move.id, Cost.GIVEN, tuple(origins)
        if shape.value:
            draft.value = value
        else:
            draft.amounts[shape.worth] = value
        if value:
            book.add(draft)


def _demand_dimensions(book: Book) -> None:
    """Nothing is ever posted without a dimension that its ledger demands."""
    lacking: dict[tuple[str, str], list[Draft]] = {}
    for draft in book.drafts:
        if None in draft.dimensions.values():
            ledger = draft.shape.ledger
            for name, value in draft.dimensions.items():
                if value is None and ledger.dimensions[name].optional is not True:
                    lacking.setdefault((ledger.id, name), []).append(draft)
    for (_, name), drafts in lacking.items():
        ledger = drafts[0].shape.ledger
        dimension = ledger.dimensions[name]
        optional = dimension.optional
        if isinstance(optional, Expr) and all(
            book.reader(ledger).many(optional, [draft.dimensions for draft in drafts])
        ):
            continue
        label = dimension.label.get(book.ctx.language)
        raise Invalid(fault(book.ctx, "dimension_missing", dimension=label, ledger=ledger.label.get(book.ctx.language)))


VERBS: Mapping[Verb, Callable[[Book, MoveRequest], None]] = MappingProxyType(
    {Verb.ADD: _add, Verb.TAKE: _take, Verb.RETURNS: _returns, Verb.REVALUE: _revalue}
)
