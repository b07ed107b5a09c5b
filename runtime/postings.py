"""From a document and a posting set to what the ledgers are asked to write. Nothing is written here.

Every expression of a posting is evaluated once for all its rows. Amounts of zero ask for nothing; a negative amount
turns ``add`` into ``take`` and back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from engine.expressions.tree import Expr, Path
from engine.model import Ledger, Posting
from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.exploding import exploded
from runtime.ledgers.requests import Demand, DimensionValue, DocumentKey, MoveRequest, Short, Verb
from runtime.ledgers.tables import is_polymorphic
from runtime.messages import fault
from runtime.postings_corrects import corrected_moves
from runtime.record_inputs import Workspace
from runtime.values import Ref

Row = dict[str, Any]

VERBS: Mapping[str, Verb] = MappingProxyType({verb.value: verb for verb in Verb})
OPPOSITE: Mapping[Verb, Verb] = MappingProxyType({Verb.ADD: Verb.TAKE, Verb.TAKE: Verb.ADD})


class _Place(NamedTuple):
    """One row a posting stands on: its document, and its line if it has one."""

    document: Row
    row: Row
    line: DocumentKey | None


@dataclass(slots=True)
class _Building:
    """The requests made so far, which of them each posting made for which row, and when each document counts."""

    ctx: RunContext
    entity: str
    posting_set: str
    workspace: Workspace
    at: tuple[datetime, bool] | None = None
    requests: list[MoveRequest] = field(default_factory=list)
    keys: dict[tuple[str, int, int | None], list[str]] = field(default_factory=dict)
    each: dict[str, str] = field(default_factory=dict)
    moments: dict[int, tuple[datetime, bool]] = field(default_factory=dict)

    def row_entity(self, posting: Posting) -> str:
        """The entity of the rows a posting stands on."""
        fields = self.ctx.app.model.entities[self.entity].fields
        return fields[posting.each].lines if posting.each else self.entity

    def sources(self, posting: Posting, place: _Place) -> list[str]:
        """Keys of the requests which this row of the posting carries on."""
        document = place.document["id"]
        if self.each[posting.source] == posting.each:
            return self.keys.get((posting.source, document, place.line.id if place.line else None), [])
        made = (keys for (name, of, _), keys in self.keys.items() if name == posting.source and of == document)
        return [key for keys in made for key in keys]


def build(
    ctx: RunContext, entity: str, records: Sequence[Row], posting_set: str, *, at: Workspace | None = None
) -> list[MoveRequest]:
    """What the posting set asks of the ledgers for ``records`` (with their lines), in the order of its entries.

    ``at``: what the caller has read in this transaction.
    """
    postings = ctx.app.model.entities[entity].postings.get(posting_set, ())
    building = _Building(ctx, entity, posting_set, at or Workspace(ctx))
    for record in records:
        for name in {posting.each for posting in postings if posting.each}:
            for line in record[name]:
                line["parent"] = record
    for posting in postings:
        building.each[posting.id] = posting.each
        _add(building, posting, list(_places(building, posting, records)))
    for record in records:  # as they were given
        for name in {posting.each for posting in postings if posting.each}:
            for line in record[name]:
                line["parent"] = record["id"]
    return building.requests


def build_later(
    ctx: RunContext, entity: str, posting_set: str, posting: Posting, rows: Sequence[tuple[Row, Row]]
) -> list[MoveRequest]:
    """What one posting asks for now on behalf of (document, line) rows that were posted before, in this order."""
    building = _Building(ctx, entity, posting_set, Workspace(ctx), at=(ctx.now(), False))
    building.each[posting.id] = posting.each
    owner = building.row_entity(posting)
    places = [_Place(doc, row, DocumentKey(entity=owner, id=row["id"]) if posting.each else None) for doc, row in rows]
    _add(building, posting, places)
    return building.requests


def _add(building: _Building, posting: Posting, places: list[_Place]) -> None:
    places = _meeting(building, posting, places)
    if posting.explode is not None:
        found = exploded(building.workspace, building.row_entity(posting), posting.explode, [p.row for p in places])
        places = [places[index]._replace(row=row) for index, row in found]
    if not places:
        return
    rows = [place.row for place in places]
    columns = _Columns(building.workspace, posting, rows, building.row_entity(posting))
    shares = _Shares(posting)
    for index, place in enumerate(places):
        requests = _requests(building, posting, place, shares.bound(columns.at(index)))
        for request in requests:
            building.requests.append(request)
            slot = (posting.id, place.document["id"], place.line.id if place.line else None)
            building.keys.setdefault(slot, []).append(request.key)


def _places(building: _Building, posting: Posting, records: Sequence[Row]) -> Iterator[_Place]:
    if not posting.each:
        yield from (_Place(record, record, None) for record in records)
        return
    entity = building.row_entity(posting)
    for record in records:
        for line in record[posting.each]:
            yield _Place(record, line, DocumentKey(entity=entity, id=line["id"]))


def _meeting(building: _Building, posting: Posting, places: list[_Place]) -> list[_Place]:
    """The places whose row meets the posting's condition."""
    if posting.condition is None or not places:
        return places
    rows = [place.row for place in places]
    met = building.workspace.evaluate(posting.condition, rows, None, building.row_entity(posting))
    return [place for place, holds in zip(places, met, strict=True) if holds]


class _Values(NamedTuple):
    """What a posting's expressions gave for one row."""

    amounts: Mapping[str, Decimal | None]
    dimensions: Mapping[str, DimensionValue]
    short: Mapping[str, DimensionValue]
    allocate: str
    returns: DocumentKey | None
    first: date | None
    last: date | None
    upto: Decimal | None = None
    demand: Demand | None = None


class _Shares:
    """What the rows of one posting may add together where it says ``upto``: by their dimensions, in their order."""

    def __init__(self, posting: Posting) -> None:
        self._bounded = posting.upto is not None
        self._lead = next(iter(posting.amounts), "")
        self._shared = shared_dimensions(posting)
        self._used: dict[tuple[DimensionValue, ...], Decimal] = {}

    def bound(self, values: _Values) -> _Values:
        """The values with no more than what the rows before left."""
        wanted = values.amounts.get(self._lead)
        if not self._bounded or wanted is None:
            return values
        key = tuple(values.dimensions.get(name) for name in self._shared)
        used = self._used.get(key, Decimal(0))
        amount = max(Decimal(0), min(wanted, (values.upto or Decimal(0)) - used))
        self._used[key] = used + amount
        return values._replace(amounts={**values.amounts, self._lead: amount})


def shared_dimensions(posting: Posting) -> tuple[str, ...]:
    """The dimensions of a posting that several rows may have in common: all but those that name the row itself."""
    return tuple(name for name, expr in posting.at.items() if not (isinstance(expr.tree, Path) and not expr.tree.steps))


class _Columns:
    """The expressions of a posting, evaluated for all rows."""

    def __init__(self, workspace: Workspace, posting: Posting, rows: Sequence[Row], entity: str) -> None:
        self._posting = posting
        ledger = workspace.model.ledgers[posting.ledger]

        def each(expressions: Mapping[str, Expr]) -> dict[str, list[DimensionValue]]:
            return {name: _dimension(ledger, name, expr, evaluate(expr)) for name, expr in expressions.items()}

        nothing = [None] * len(rows)

        def evaluate(expr: Expr | None) -> list[Any]:
            return nothing if expr is None else workspace.evaluate(expr, rows, None, entity)

        self._amounts = {name: evaluate(expr) for name, expr in posting.amounts.items()}
        self._dimensions = each(posting.at)
        self._short = each(posting.short_at)
        self._allocate = evaluate(posting.allocate)
        self._returns = evaluate(posting.returns_line)
        self._first = evaluate(posting.spread[1] if posting.spread else None)
        self._last = evaluate(posting.spread[2] if posting.spread else None)
        self._upto = evaluate(posting.upto)
        self._given = {} if posting.fits is None else {n: evaluate(e) for n, e in posting.fits.given.items()}

    def at(self, index: int) -> _Values:
        returned = self._returns[index]
        entity = self._posting.returns_line.type.targets[0] if self._posting.returns_line else ""
        return _Values(
            amounts={name: values[index] for name, values in self._amounts.items()},
            dimensions={name: values[index] for name, values in self._dimensions.items()},
            short={name: values[index] for name, values in self._short.items()},
            allocate=self._allocate[index] or "",
            returns=DocumentKey(entity=entity, id=returned) if returned is not None else None,
            first=self._first[index],
            last=self._last[index],
            upto=self._upto[index],
            demand=self._demand(index),
        )

    def _demand(self, index: int) -> Demand | None:
        fits = self._posting.fits
        if fits is None:
            return None
        return Demand(that=fits.that, say=fits.say, given={n: values[index] for n, values in self._given.items()})


def _dimension(ledger: Ledger, name: str, expr: Expr, values: Sequence[Any]) -> list[DimensionValue]:
    """Values of a dimension; where it may name records of several entities, with the entity."""
    if not is_polymorphic(ledger.dimensions[name]):
        return [value.id if isinstance(value, Ref) else value for value in values]
    entity = expr.type.targets[0] if expr.type.targets else ""
    return [Ref(entity, value) if isinstance(value, int) else value for value in values]


def _requests(building: _Building, posting: Posting, place: _Place, values: _Values) -> Iterator[MoveRequest]:
    amounts = _signed(posting, values.amounts)
    if amounts is None:
        return
    verb, wanted = amounts
    sources: tuple[str, ...] = ()
    if posting.source:
        sources = tuple(building.sources(posting, place))
        if not sources:
            return
    if posting.returns_posting and values.returns is None:
        raise Conflict(fault(building.ctx, "nothing_to_return", posting=posting.id))
    value_name = _value_resource(building.ctx.app.model.ledgers[posting.ledger])
    document = place.document["id"]
    if document not in building.moments:
        building.moments[document] = building.at or moment_of(building.ctx, place.document)
    at, whole_day = building.moments[document]
    request = MoveRequest(
        ledger=posting.ledger,
        key=_key(building, posting, place),
        verb=verb,
        dimensions=_bound(posting, values.dimensions),
        amounts={name: amount for name, amount in wanted.items() if name != value_name},
        value=wanted.get(value_name),
        at=at,
        whole_day=whole_day,
        document=DocumentKey(building.entity, document),
        line=place.line,
        posting_set=building.posting_set,
        posting=posting.id,
        kind=posting.kind,
        from_=sources,
        allocate=values.allocate,
        demand=values.demand,
        short=Short.REST if posting.short_at else Short(posting.short or Short.REFUSE),
        short_dimensions=values.short,
        returns=(values.returns, posting.returns_posting) if values.returns else None,
        corrects=corrected_moves(building.ctx, posting, place.document) if posting.of_rows else (),
    )
    yield from _spread(posting, request, values)


def _signed(
    posting: Posting, amounts: Mapping[str, Decimal | None]
) -> tuple[Verb, Mapping[str, Decimal | None]] | None:
    """The verb and positive amounts; ``None`` if nothing is asked for."""
    verb = VERBS[posting.verb]
    declared = posting.amounts
    wanted = {name: amount for name, amount in amounts.items() if amount is not None or declared[name] is None}
    if declared and not wanted:
        return None
    numbers = [amount for amount in wanted.values() if amount is not None]
    if numbers and len(numbers) == len(wanted) and not any(numbers):
        return None
    if numbers and max(numbers) <= 0 and verb in OPPOSITE:
        verb = OPPOSITE[verb]
        return verb, {name: None if amount is None else -amount for name, amount in wanted.items()}
    return verb, wanted


def _value_resource(ledger: Ledger) -> str:
    return ledger.valuation.value if ledger.valuation else ""


def _bound(posting: Posting, dimensions: Mapping[str, DimensionValue]) -> Mapping[str, DimensionValue]:
    """Where moves are carried on, an empty dimension means that of the origin, so it is left out."""
    if not (posting.source or posting.returns_posting):
        return dimensions
    return {name: value for name, value in dimensions.items() if value is not None}


def _key(building: _Building, posting: Posting, place: _Place) -> str:
    return f"{posting.id}#{place.document['id']}#{len(building.requests)}"


def _spread(posting: Posting, request: MoveRequest, values: _Values) -> Iterator[MoveRequest]:
    """One request a day, in equal parts; the last day takes the rest."""
    if posting.spread is None:
        yield request
        return
    first, last = values.first, values.last
    if first is None or last is None or last < first:
        return
    days = (last - first).days + 1
    parts = {name: _parts(amount, days) for name, amount in request.amounts.items()}
    for index in range(days):
        yield request._replace(
            key=f"{request.key}.{index}",
            dimensions={**request.dimensions, posting.spread[0]: first + timedelta(days=index)},
            amounts={name: part[index] for name, part in parts.items()},
        )


def _parts(amount: Decimal | None, days: int) -> list[Decimal | None]:
    if amount is None:
        return [None] * days
    part = (amount / days).quantize(Decimal("0.000001"))
    return [*[part] * (days - 1), amount - part * (days - 1)]


def moment_of(ctx: RunContext, document: Row) -> tuple[datetime, bool]:
    """The business moment of a document's moves: its past day, else now; and whether it is a day without an hour."""
    day = document.get("date")
    if not isinstance(day, date) or day >= ctx.today():
        return ctx.now(), False
    return datetime.combine(day, time(), ZoneInfo(ctx.app.model.timezone)), True
