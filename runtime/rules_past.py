"""Records as they were: the trail read backwards from what they are now.

Only a record's own stored fields are in the trail; what it is read with from elsewhere is as it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import orjson
from sqlalchemy import func, select

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.values import Ref

Row = dict[str, Any]
CHUNK = 400
PORTION = 5000
"""Lines of the trail fetched at a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the trail: what a record became, and when."""

    id: int
    at: datetime
    record: int
    kind: str
    transition: str
    changes: Mapping[str, Any]
    account: int | None = None


def entries(ctx: RunContext, entity: str, since: datetime, until: datetime, kinds: Sequence[str]) -> Iterator[Entry]:
    """The trail of an entity in a period, oldest first, a portion at a time."""
    table = ctx.app.tables.system.audit
    columns = (table.c.id, table.c.at, table.c.record, table.c.kind, table.c.transition, table.c.changes)
    query = select(*columns, table.c.account).where(table.c.entity == entity, table.c.at >= since, table.c.at < until)
    if kinds:
        query = query.where(table.c.kind.in_(kinds))
    for row in ctx.connection.execute(query.order_by(table.c.id).execution_options(yield_per=PORTION)):
        changes = orjson.loads(row.changes or "{}")
        yield Entry(row.id, row.at, row.record, row.kind, row.transition, changes, row.account)


def count_entries(ctx: RunContext, entity: str, since: datetime, until: datetime, kinds: Sequence[str]) -> int:
    """How many lines ``entries`` gives."""
    table = ctx.app.tables.system.audit
    wanted = (table.c.entity == entity, table.c.at >= since, table.c.at < until, table.c.kind.in_(kinds))
    return ctx.connection.execute(select(func.count()).select_from(table).where(*wanted)).scalar_one()


def states(
    ctx: RunContext, entity: Entity, wanted: Mapping[int, Sequence[int]], now: Mapping[int, Row]
) -> dict[int, Row]:
    """The record after each wanted entry (record → ids of entries), by the entry's id."""
    table = ctx.app.tables.system.audit
    found: dict[int, Row] = {}
    records = sorted(wanted)
    for start in range(0, len(records), CHUNK):
        some = records[start : start + CHUNK]
        first = min(min(wanted[record]) for record in some)
        query = select(table.c.id, table.c.record, table.c.kind, table.c.changes).where(
            table.c.entity == entity.id, table.c.record.in_(some), table.c.id >= first
        )
        by_record: dict[int, list[Any]] = {}
        for row in ctx.connection.execute(query.order_by(table.c.id.desc())):
            by_record.setdefault(row.record, []).append(row)
        for record, rows in by_record.items():
            if record in now:
                found.update(_backwards(entity, now[record], rows, frozenset(wanted[record])))
    return found


def _backwards(entity: Entity, row: Row, rows: Sequence[Any], wanted: frozenset[int]) -> Iterator[tuple[int, Row]]:
    current = dict(row)
    for entry in rows:
        if entry.id in wanted:
            yield entry.id, dict(current)
        if entry.kind not in ("create", "history"):
            for name, change in orjson.loads(entry.changes or "{}").items():
                field = entity.fields.get(name)
                if field is not None and not field.lines and isinstance(change, list) and len(change) == 2:
                    current[name] = from_kept(field, change[0])


def from_kept(field: Field, value: Any) -> Any:
    """A value of the trail as the record had it."""
    if value is None:
        return None
    if isinstance(value, list):
        return tuple(from_kept(field, each) for each in value)
    if isinstance(value, dict):
        return Ref(value["entity"], value["id"]) if {"entity", "id"} <= value.keys() else value
    if field.type == "ratio":
        return Fraction(str(value))
    return _READ.get(field.value.kind, lambda kept: kept)(value)


def _number(value: Any) -> Any:
    return value if isinstance(value, int) else Decimal(str(value))


_READ: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.NUMBER: _number,
    Kind.MONEY: lambda value: Decimal(str(value)),
    Kind.QUANTITY: lambda value: Decimal(str(value)),
    Kind.DATE: lambda value: date.fromisoformat(str(value)[:10]),
    Kind.MOMENT: lambda value: datetime.fromisoformat(str(value)),
    Kind.TIME: lambda value: time.fromisoformat(str(value)),
}
