"""What one call of the ledgers holds in its hands: shapes, readers, periods, and moves not yet written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Table, and_, or_, select, tuple_

from engine.model import Ledger
from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.ledgers.costing import ZERO, Method
from runtime.ledgers.expressions import Reader
from runtime.ledgers.requests import Cost, DimensionValue, DocumentKey, Move
from runtime.ledgers.shape import Shape, shape_of
from runtime.messages import fault
from runtime.prepared import Ask, ask_all, prepare_statement

if TYPE_CHECKING:
    from runtime.record_inputs import Workspace

INSTANT = timedelta(microseconds=1)
Touched = dict[str, Mapping[str, DimensionValue]]
"""Balances that a call has changed: key → dimensions."""


class PoolKey(NamedTuple):
    """A valuation pool: the ledger, the row's key, which of the ledger's pools, and its method."""

    ledger: str
    key: str
    pool: str
    method: Method


@dataclass(frozen=True, slots=True)
class Edge:
    """A move that came from another. ``returned``: brought back rather than carried on."""

    ledger: str
    move: int
    qty: Decimal | None
    returned: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Draft:
    """A move before it is written. ``amounts`` are signed and without the valued resource; that is ``value``.

    ``origins``: drafts it carries on, with the quantity taken from each. ``shares``: part of each origin's worth.
    ``never_below``: refused where it would leave less than nothing, whatever the guards say.
    ``source``: a written move it brings back, counters or corrects, see the links beside.
    """

    shape: Shape
    dimensions: Mapping[str, DimensionValue]
    amounts: dict[str, Decimal]
    at: datetime
    document: DocumentKey
    line: DocumentKey | None
    posting_set: str
    posting: str
    kind: str
    request: str = ""
    value: Decimal | None = None
    cost: Cost = Cost.NONE
    origins: Sequence[Draft] = ()
    counter_of: int | None = None
    corrects: int | None = None
    corrects_draft: Draft | None = None
    returns: int | None = None
    prefer: frozenset[int] = frozenset()
    age: datetime | None = None
    cause: DocumentKey | None = None
    edges: list[tuple[str, int, Decimal | None]] = field(default_factory=list)
    found: Decimal | None = None
    wanted: dict[str, Decimal] = field(default_factory=dict)
    never_below: bool = False
    pool_key: PoolKey | None = None
    arrival: int | None = None
    standard: Decimal | None = None
    id: int = 0
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.shape.key(self.dimensions)

    @property
    def quantity(self) -> Decimal:
        """How much it moves, signed."""
        return self.amounts.get(self.shape.main, ZERO)

    def all_amounts(self) -> dict[str, Decimal]:
        """Every resource, the value too."""
        shape = self.shape
        return {r: (self.value or ZERO) if r == shape.value else self.amounts.get(r, ZERO) for r in shape.resources}

    def worth(self) -> Decimal:
        """The money it moves, signed."""
        shape = self.shape
        return (self.value or ZERO) if shape.value else self.amounts.get(shape.worth, ZERO)


@dataclass(frozen=True, slots=True)
class Period:
    """Until when a ledger is closed, until when month ends are kept, since when it is valued as it is now."""

    closed: date | None = None
    kept: date | None = None
    valued: date | None = None


class Book:
    """One call's view of the ledgers."""

    def __init__(self, ctx: RunContext, known: Workspace | None = None) -> None:
        self.ctx = ctx
        self._known = known
        self.zone = ZoneInfo(ctx.app.model.timezone)
        self.now = ctx.now()
        self.today = self.now.astimezone(self.zone).date()
        self.drafts: list[Draft] = []
        self.by_request: dict[str, list[Draft]] = {}
        self._readers: dict[str, Reader] = {}
        self._shapes: dict[str, Shape] = {}
        self._pending: dict[str, dict[str, dict[str, Decimal]]] = {}
        self._new: dict[str, Touched] = {}
        self._named: dict[tuple[str, str, DimensionValue], Touched] = {}
        self.periods = self._load_periods()
        self.locked = False
        self.read_before: dict[tuple[object, ...], Any] = {}
        self.beside: Ask | None = None
        self.told: list[list[Any]] | None = None
        self.value_so_far: Callable[[], None] = lambda: None

    def ask_all(self, asks: Sequence[Ask]) -> list[list[list[Any]]]:
        """Send statements, and with them (once) what was laid ``beside``; that answer is then ``told``."""
        beside, self.beside = self.beside, None
        if beside is None:
            return ask_all(self.ctx, asks)
        *answers, self.told = ask_all(self.ctx, [*asks, beside])
        return answers

    def shape(self, ledger: str) -> Shape:
        """The shape of a ledger."""
        found = self._shapes.get(ledger)
        if found is None:
            found = self._shapes[ledger] = shape_of(self.ctx, ledger)
        return found

    def reader(self, ledger: Ledger) -> Reader:
        """Expressions over rows of a ledger."""
        found = self._readers.get(ledger.id)
        if found is None:
            found = self._readers[ledger.id] = Reader(self.ctx, ledger.dimensions, self._known)
        return found

    def _load_periods(self) -> dict[str, Period]:
        state = self.ctx.app.tables.ledgers.state
        columns = [state.c.ledger, state.c.closed_through, state.c.snapshot_through, state.c.valued_since]
        statement = self.ctx.app.programs.keep(
            "ledger periods", lambda: prepare_statement(self.ctx, select(*columns), columns)
        )
        return {row[0]: Period(row[1], row[2], row[3]) for row in statement.run(self.ctx, {})}

    def closed_through(self, ledger: str) -> date | None:
        """The last closed day of a ledger, its own or that of all."""
        ends = [p.closed for i in ("", ledger) if (p := self.periods.get(i)) and p.closed]
        return max(ends, default=None)

    def is_closed(self, ledger: str, at: datetime) -> bool:
        """Whether a moment lies in a closed period of a ledger."""
        end = self.closed_through(ledger)
        return end is not None and at.astimezone(self.zone).date() <= end

    def open_since(self, ledger: str) -> datetime | None:
        """The first moment after the closed periods."""
        end = self.closed_through(ledger)
        return None if end is None else self.day_start(end + timedelta(days=1))

    def valued_since(self, ledger: str) -> datetime | None:
        """The first moment at which a ledger's present method of costing holds; ``None``: it always did."""
        period = self.periods.get(ledger)
        return self.day_start(period.valued) if period and period.valued else None

    def demand_open(self, ledger: Ledger, at: datetime) -> None:
        """Refuse a moment of a closed period."""
        if self.is_closed(ledger.id, at):
            end = self.closed_through(ledger.id)
            raise Conflict(fault(self.ctx, "period_closed", ledger=ledger.label.get(self.ctx.language), day=end))

    def day_start(self, day: date) -> datetime:
        """The first moment of a day of the firm."""
        return datetime.combine(day, time(), self.zone).astimezone(self.now.tzinfo)

    def day_end(self, day: date) -> datetime:
        """The last moment of a day of the firm."""
        return self.day_start(day + timedelta(days=1)) - INSTANT

    def moment(self, at: datetime, *, whole_day: bool, start: bool) -> datetime:
        """When a move counts: a past day without an hour at its start or end, today now."""
        if not whole_day:
            return at
        day = at.astimezone(self.zone).date()
        if day == self.today:
            return self.now
        return self.day_start(day) if start else self.day_end(day)

    def add(self, draft: Draft) -> Draft:
        """Take a draft into the call; what follows sees its balance."""
        self.drafts.append(draft)
        self.by_request.setdefault(draft.request, []).append(draft)
        self._sum(draft)
        return draft

    def sum_up(self) -> None:
        """Balances follow what the call has found out about the worth of its drafts."""
        self._pending, self._new, self._named = {}, {}, {}
        for draft in self.drafts:
            self._sum(draft)

    def demand_worth(self, shape: Shape) -> None:
        """What follows is measured by the worth of a ledger: value what earlier drafts of the call carry there."""
        if shape.worth and not shape.value and any(d.shape is shape and d.origins and not d.id for d in self.drafts):
            self.value_so_far()

    def _sum(self, draft: Draft) -> None:
        shape, key, amounts = draft.shape, draft.key, draft.amounts
        ledger = shape.ledger.id
        sums = self._pending.setdefault(ledger, {}).setdefault(key, {})
        for name in shape.kept:
            sums[name] = sums.get(name, ZERO) + amounts.get(name, ZERO)
        new = self._new.setdefault(ledger, {})
        if key not in new:
            new[key] = draft.dimensions
            for name, value in draft.dimensions.items():
                self._named.setdefault((ledger, name, value), {})[key] = draft.dimensions

    def pending(self, shape: Shape) -> Mapping[str, Mapping[str, Decimal]]:
        """What this call has already done to the balances of a ledger, by their key."""
        return self._pending.get(shape.ledger.id, {})

    def there(self, shape: Shape, fixed: Mapping[str, DimensionValue]) -> list[Standing]:
        """The balances whose dimensions are ``fixed``, with what this call has already done to them."""
        query = select(shape.balance).where(self.fixed(shape, fixed))
        return self.standings(shape, self.ctx.connection.execute(query).mappings(), fixed)

    def fixed(self, shape: Shape, fixed: Mapping[str, DimensionValue]) -> ColumnElement[bool]:
        """The balances whose dimensions are ``fixed``, as a condition."""
        return _equal(shape, shape.balance, fixed)

    def touched(self, shape: Shape, fixed: Mapping[str, DimensionValue]) -> Touched:
        """The balances with these dimensions which this call has already changed."""
        ledger = shape.ledger.id
        named = [self._named.get((ledger, n, v), {}) for n, v in fixed.items() if v is not None]
        fewest = min([self._new.get(ledger, {}), *named], key=len)
        return {key: own for key, own in fewest.items() if all(own.get(n) == v for n, v in fixed.items())}

    def standings(
        self, shape: Shape, rows: Iterable[Mapping[Any, Any]], fixed: Mapping[str, DimensionValue]
    ) -> list[Standing]:
        """Balances as they were read, with what this call has already done to them."""
        found = {}
        for row in rows:
            amounts = {name: row[name] for name in shape.kept}
            own = shape.read(row)
            if any(own.get(n) != v for n, v in fixed.items()):
                continue
            found[row["key"]] = Standing(row["key"], own, amounts, row["first_at"])
        for key, dimensions in self.touched(shape, fixed).items():
            known = found.setdefault(key, Standing(key, dimensions, dict.fromkeys(shape.kept, ZERO), self.now))
            for name, amount in self._pending[shape.ledger.id][key].items():
                known.amounts[name] += amount
        return sorted(found.values(), key=lambda s: s.key)

    def moves(self, shape: Shape, condition: ColumnElement[bool]) -> list[Move]:
        """Written moves in their order."""
        table = shape.moves
        query = select(table).where(condition).order_by(table.c.at, table.c.id)
        return [shape.move(row) for row in self.ctx.connection.execute(query).mappings()]

    def corrections(self, shape: Shape, ids: Iterable[int]) -> dict[int, Decimal]:
        """What later value-only moves added to the worth of moves."""
        table, name = shape.moves, shape.worth
        wanted = sorted(set(ids))
        if not wanted or not name:
            return {}
        query = select(table.c.corrects, table.c[name]).where(table.c.corrects.in_(wanted))
        sums: dict[int, Decimal] = {}
        for move, amount in self.ctx.connection.execute(query):
            sums[move] = sums.get(move, ZERO) + amount
        return sums

    def moves_of_key(self, shape: Shape, dimensions: Mapping[str, DimensionValue]) -> list[Move]:
        """The written moves of one finest key."""
        return self.moves(shape, _equal(shape, shape.moves, dimensions))

    def edges_from(self, ledger: str, move: int) -> list[Edge]:
        """The moves that came from a written one."""
        edge = self.ctx.app.tables.ledgers.edge
        query = (
            select(edge.c.to_ledger, edge.c.to_move, edge.c.qty)
            .where(edge.c.from_ledger == ledger, edge.c.from_move == move)
            .order_by(edge.c.to_ledger, edge.c.to_move)
        )
        rows = self.ctx.connection.execute(query).all()
        back = self._returning(ledger, [row[1] for row in rows if row[0] == ledger])
        return [Edge(row[0], row[1], row[2], row[0] == ledger and row[1] in back) for row in rows]

    def _returning(self, ledger: str, ids: Sequence[int]) -> frozenset[int]:
        table = self.shape(ledger).moves
        query = select(table.c.id).where(table.c.id.in_(ids), table.c.returns.is_not(None))
        return frozenset(self.ctx.connection.scalars(query)) if ids else frozenset()


@dataclass(slots=True)
class Standing:
    """A balance at the finest key."""

    key: str
    dimensions: Mapping[str, DimensionValue]
    amounts: dict[str, Decimal]
    first_at: datetime


def _equal(shape: Shape, table: Table, fixed: Mapping[str, DimensionValue]) -> ColumnElement[bool]:
    columns = shape.columns(fixed, tuple(fixed))
    return and_(*(table.c[n].is_(None) if v is None else table.c[n] == v for n, v in columns.items()))


def any_of(table: Table, names: Sequence[str], rows: Sequence[Sequence[object]]) -> ColumnElement[bool]:
    """Rows whose columns are one of the combinations; an empty value matches an empty one."""
    if all(v is not None for row in rows for v in row):
        return tuple_(*(table.c[n] for n in names)).in_(rows)
    return or_(*(and_(*(table.c[n].is_not_distinct_from(v) for n, v in zip(names, row, strict=True))) for row in rows))
