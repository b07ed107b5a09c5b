"""The order of a list and paging by key: what comes after a row is asked by its values, never by counting rows."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sqlalchemy import and_, bindparam, or_, tuple_

from engine.model import Entity, View
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.messages import fault
from runtime.query_columns import ColumnSql, ListColumn, column_if_seen, column_of
from runtime.sort_keys import SORT

Sql = Any


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the order: its column, direction, and whether it can be empty."""

    path: str
    sql: Sql
    descending: bool
    nullable: bool


def order_keys(at: ColumnSql, entity: Entity, view: View | None, asked: Sequence[tuple[str, bool]]) -> list[Key]:
    """The keys of the order, made unique by the id, which runs as the first key does."""
    if not asked and view is not None:
        asked = tuple(s for s in view.sort if column_if_seen(at.ctx, entity.id, s[0]) is not None)
    if not asked:
        first = next(iter(entity.views.values()), None)
        asked = tuple(s for s in first.sort if column_if_seen(at.ctx, entity.id, s[0]) is not None) if first else ()
    keys = [_key(at, entity, path, descending) for path, descending in asked if path != "id"]
    last = next((d for path, d in asked if path == "id"), keys[0].descending if keys else True)
    return [*keys, Key("id", at.table.c.id, last, False)]


def _key(at: ColumnSql, entity: Entity, path: str, descending: bool) -> Key:
    column = column_of(at.ctx, entity.id, path, "sort_unknown")
    if column.field.many or column.field.value.many or column.field.type == "ratio":
        raise Malformed(fault(at.ctx, "sort_unknown", path[:80], given=path[:80], hint=""))
    if column.target and column.target in at.ctx.app.model.entities:
        column = _by_title(at, entity, column)
    spec = column.field
    nullable = "." in column.path or not (spec.required is True or spec.id in ("status", "code"))
    if f"{spec.id}{SORT}" in at.ctx.app.tables.entity[column.entity].c:
        return Key(f"{column.path}{SORT}", at.key(column), descending, nullable)
    return Key(column.path, at.value(column), descending, nullable)


def _by_title(at: ColumnSql, entity: Entity, column: ListColumn) -> ListColumn:
    """References sort by what people read: the name, else the code."""
    for name in ("name", "code"):
        titled = column_if_seen(at.ctx, entity.id, f"{column.path}.{name}")
        if titled is not None:
            return titled
    return column


def spelled(key: Key) -> Sql:
    """As the index is spelled; empties count as the smallest on both databases."""
    if not key.nullable:
        return key.sql.desc() if key.descending else key.sql.asc()
    return key.sql.desc().nulls_last() if key.descending else key.sql.asc().nulls_first()


def after(keys: Sequence[Key], empty: Sequence[bool]) -> Sql:
    """Rows that come after the one with the key values of the parameters ``k0 k1 …``. ``empty``: which have none."""
    given = [
        None if none else bindparam(f"k{n}", type_=k.sql.type)
        for n, (k, none) in enumerate(zip(keys, empty, strict=True))
    ]
    plain = all(not k.nullable and k.descending == keys[0].descending for k in keys)
    if plain and len(keys) > 1:
        left, right = tuple_(*(k.sql for k in keys)), tuple_(*given)
        return left < right if keys[0].descending else left > right
    steps = []
    for index, key in enumerate(keys):
        same = [_same(k, v) for k, v in zip(keys[:index], given[:index], strict=True)]
        beyond = _beyond(key, given[index])
        if beyond is not None:
            steps.append(and_(*same, beyond))
    return or_(*steps)


def _same(key: Key, value: Sql | None) -> Sql:
    return key.sql.is_(None) if value is None else key.sql == value


def _beyond(key: Key, value: Sql | None) -> Sql | None:
    """Strictly after a value of one key; empties are the smallest."""
    if key.descending:
        if value is None:
            return None
        below = key.sql < value
        return or_(below, key.sql.is_(None)) if key.nullable else below
    return key.sql.is_not(None) if value is None else key.sql > value


def cursor_of(keys: Sequence[Key], values: Sequence[Any]) -> str:
    """Opaque, and bound to the order it was made for."""
    packed = json.dumps([_shape(keys), [_packed(v) for v in values]], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _shape(keys: Sequence[Key]) -> str:
    return sha256(repr([(k.path, k.descending) for k in keys]).encode()).hexdigest()[:8]


def _packed(value: Any) -> Any:
    for mark, kind in (("n", Decimal), ("m", datetime), ("d", date), ("t", time)):
        if isinstance(value, kind):
            return [mark, value.isoformat() if not isinstance(value, Decimal) else str(value)]
    return value


_UNPACK: Mapping[str, Callable[[str], Any]] = {
    "n": Decimal,
    "m": datetime.fromisoformat,
    "d": date.fromisoformat,
    "t": time.fromisoformat,
}


def read_cursor(ctx: RunContext, cursor: str, keys: Sequence[Key]) -> list[Any]:
    try:
        shape, values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        unpacked = [_UNPACK[v[0]](v[1]) if isinstance(v, list) else v for v in values]
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError):
        raise Malformed(fault(ctx, "cursor_bad", "cursor")) from None
    if shape != _shape(keys) or len(unpacked) != len(keys):
        raise Malformed(fault(ctx, "cursor_bad", "cursor"))
    return unpacked
