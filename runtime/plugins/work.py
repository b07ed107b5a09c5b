"""What a plug-in has while it works: reading with its rights, and noting what is to be written once it has ended.

It reads in a transaction that cannot write, so however long it takes nobody waits for it. What it notes is written
afterwards, all of it or nothing, through the one door for records, with its rights and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from engine.model import Text
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.id_sets import ID_SETS
from runtime.ledger_lists import allowed, ledger_of, standings
from runtime.messages import fault
from runtime.permissions import LEDGER, READ, demand, rights
from runtime.plugins.declare import Plugin
from runtime.plugins.values import given_values
from runtime.queries import ListQuery, list_records
from runtime.query_columns import Named
from runtime.record_reading import titles

MOST_SAID = 500
MOST_NOTED = 20_000
"""Records one run may write, and events it may raise."""


@dataclass(frozen=True, slots=True)
class Change:
    """Fields of a record that are to be changed."""

    entity: str
    record: int
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Made:
    """A record that is to be made."""

    entity: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Raised:
    """An event about a record."""

    event: str
    record: int
    values: Mapping[str, Any]


@dataclass(slots=True)
class Notes:
    """What a plug-in has noted so far."""

    said: list[Text] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    raised: list[Raised] = field(default_factory=list)
    versions: dict[tuple[str, int], int] = field(default_factory=dict)
    """The version in which it found each record that it may change."""
    left: set[tuple[str, int]] = field(default_factory=set)
    """Records that were left as they are, because somebody else changed them meanwhile."""

    @property
    def many(self) -> bool:
        """Whether no more can be taken."""
        return len(self.changes) + len(self.made) + len(self.raised) >= MOST_NOTED


class Work:
    """One run of a plug-in, as it sees it. ``key`` is the same when a run that was broken off is done again."""

    __slots__ = ("_ctx", "_notes", "_plugin", "_tell", "key", "settings")

    def __init__(
        self,
        ctx: RunContext,
        plugin: Plugin,
        settings: Mapping[str, Any],
        key: str,
        notes: Notes,
        tell: Callable[[int, int], None],
    ) -> None:
        self._ctx, self._plugin, self._notes, self._tell = ctx, plugin, notes, tell
        self.settings, self.key = settings, key

    def now(self) -> datetime:
        """The moment, in UTC."""
        return self._ctx.now()

    def today(self) -> date:
        """The firm's day."""
        return self._ctx.today()

    # reading

    def find(self, entity: str, where: str = "", fields: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Records that meet a condition (an expression, as in a list's filter), with the fields named by their paths.

        A reference is the id of what it names.
        """
        query = ListQuery(filter=where, fields=tuple(fields), page_size=0)
        page = list_records(self._ctx, entity, query)
        names = ["id", *(column.path for column in page.columns)]
        self._note_versions(entity, [row[0] for row in page.rows])
        return [dict(zip(names, map(_value, row), strict=False)) for row in page.rows]

    def _note_versions(self, entity: str, found: Sequence[int]) -> None:
        ctx = self._ctx
        if not found or not rights(ctx, entity).may("change"):
            return
        table, ids = ctx.app.tables.entity[entity], ID_SETS[ctx.connection.dialect.name]
        query = select(table.c.id, table.c.version).where(ids.among(table.c.id, "found"))
        for record, version in ctx.connection.execute(query, {"found": ids.pack(found)}):
            self._notes.versions.setdefault((entity, record), version)

    def titles(self, entity: str, ids: Iterable[int]) -> dict[int, str]:
        """What people call records: code and name, as far as it may know them."""
        wanted = list(ids)
        demand(self._ctx, entity, READ)
        known = titles(self._ctx, {(entity, record) for record in wanted})
        return {record: _title(known.get((entity, record))) or f"#{record}" for record in wanted}

    def balances(
        self, ledger: str, by: Sequence[str], where: str = "", as_of: date | None = None
    ) -> list[dict[str, Any]]:
        """Balances of a ledger by dimensions: the dimensions and figures of each."""
        found = standings(self._ctx, ledger_of(self._ctx, ledger), group_by=tuple(by), filter=where, as_of=as_of)
        return [{**row.dimensions, **row.figures} for row in found]

    def daily(
        self, ledger: str, resource: str, by: str, *, kinds: Sequence[str], since: date, until: date
    ) -> dict[int, dict[date, Decimal]]:
        """What moves of these kinds changed each day, by the record a dimension names; both days included.

        A move and the counter-move that takes it back come to nothing together.
        """
        ctx, found = self._ctx, ledger_of(self._ctx, ledger)
        table = ctx.app.tables.moves[found.id]
        visible = resource in found.resources and rights(ctx, LEDGER + ledger).sees(resource)
        if by not in found.dimensions or not visible:
            known = ", ".join((*found.dimensions, *found.resources))
            raise Malformed(fault(ctx, "no_such_dimension", given=f"{by}, {resource}", known=known))
        zone = ZoneInfo(ctx.app.model.timezone)
        start = datetime.combine(since, datetime.min.time(), zone)
        end = datetime.combine(until + timedelta(days=1), datetime.min.time(), zone)
        query = select(table.c[by], table.c.at, table.c[resource]).where(
            table.c.kind.in_(tuple(kinds)), table.c.at >= start, table.c.at < end, table.c[by].is_not(None)
        )
        condition = allowed(ctx, found, table, None)
        if condition is not None:
            query = query.where(condition)
        sums: dict[int, dict[date, Decimal]] = {}
        for record, at, amount in ctx.connection.execute(query.execution_options(yield_per=5000)):
            days = sums.setdefault(record, {})
            day = at.astimezone(zone).date()
            days[day] = days.get(day, Decimal(0)) + amount
        return sums

    # writing

    def change(self, entity: str, record: int, values: Mapping[str, object]) -> None:
        """Fields of a record become these, once all is done."""
        demand(self._ctx, entity, "change")
        self._room()
        self._notes.changes.append(Change(entity, record, dict(values)))

    def create(self, entity: str, values: Mapping[str, object]) -> None:
        """A record comes into being, once all is done."""
        demand(self._ctx, entity, "create")
        self._room()
        self._notes.made.append(Made(entity, dict(values)))

    def raise_event(self, event: str, record: int, values: Mapping[str, object] | None = None) -> None:
        """Report something about a record; rules that wait for it run once all is written."""
        declared = self._plugin.event(event)
        if declared is None:
            raise Malformed(fault(self._ctx, "plugin_event_unknown", given=event[:60]))
        self._room()
        self._notes.raised.append(Raised(event, record, given_values(self._ctx, declared.gives, values or {})))

    def _room(self) -> None:
        if self._notes.many:
            raise Malformed(fault(self._ctx, "plugin_too_much", most=MOST_NOTED))

    # telling

    def say(self, zh: str, en: str = "") -> None:
        """A reason or a result, in words; it stands in the trace."""
        if len(self._notes.said) < MOST_SAID:
            self._notes.said.append(Text(zh[:2000], (en or zh)[:2000]))

    def progress(self, done: int, total: int) -> None:
        """How far it is."""
        self._tell(done, total)


def _value(value: object) -> object:
    return value.id if isinstance(value, Named) else value


def _title(named: Mapping[str, Any] | None) -> str:
    texts = (named.get(name) for name in ("code", "name")) if named else ()
    return " ".join(str(text) for text in texts if text)
