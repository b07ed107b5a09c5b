"""Conditions of a list: simple filters of the filter bar, a typed expression, words searched for, the view's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select

from engine.expressions.tree import Expr
from engine.expressions.types import Kind
from engine.field_types import FIELD_TYPES
from engine.model import Entity
from runtime.columns import is_link
from runtime.errors import Malformed
from runtime.messages import fault
from runtime.permissions import rights
from runtime.query_columns import ColumnSql, ListColumn, column_of
from runtime.row_rules import row_condition
from runtime.search_keys import pattern
from runtime.sql import to_where
from runtime.values import Lookup, Ref, Refusal, parse_raw, refused

Sql = Any


@dataclass(frozen=True, slots=True)
class Filter:
    """``path`` compared with raw values: eq ne lt le gt ge in contains between empty filled."""

    path: str
    operator: str = "eq"
    values: tuple[object, ...] = ()


def conditions(
    at: ColumnSql, entity: Entity, filters: tuple[Filter, ...], wheres: tuple[Expr, ...], words: str, *, deleted: bool
) -> list[Sql]:
    """Everything that narrows the list, rights included."""
    table = at.table
    found: list[Sql] = []
    if "deleted_at" in table.c:
        found.append(table.c.deleted_at.is_not(None) if deleted else table.c.deleted_at.is_(None))
    elif entity.parent:
        found.append(_owner_lives(at, entity))
    mine = row_condition(at.ctx, entity.id, table)
    if mine is not None:
        found.append(mine)
    found.extend(to_where(where, at.scope) for where in wheres)
    found.extend(_filter(at, entity, one) for one in filters)
    if words.strip():
        found.append(_search(at, entity, words))
    return found


def _owner_lives(at: ColumnSql, entity: Entity) -> Sql:
    owner = at.ctx.app.tables.entity[entity.parent]
    condition = owner.c.deleted_at.is_(None) if "deleted_at" in owner.c else owner.c.id.is_not(None)
    return at.table.c.parent.in_(select(owner.c.id).where(condition))


def _filter(at: ColumnSql, entity: Entity, one: Filter) -> Sql:
    column = column_of(at.ctx, entity.id, one.path)
    compare = OPERATORS.get(one.operator)
    if compare is None:
        raise Malformed(fault(at.ctx, "filter_bad", one.path, reason=one.operator[:40]))
    values = [_parsed(at, column, raw) for raw in one.values] if one.operator not in ("empty", "filled") else []
    if one.operator not in ("empty", "filled", "in") and not values:
        raise Malformed(fault(at.ctx, "filter_bad", one.path, reason="?"))
    if is_link(column.field):
        return _linked(at, column, one, values)
    return compare(at.value(column), values)


def _parsed(at: ColumnSql, column: ListColumn, raw: object) -> Any:
    field = column.field
    if field.value.kind is Kind.REFERENCE:
        return _reference(at, column, raw)
    if field.value.kind is Kind.TEXT:
        return str(raw)
    try:
        value = parse_raw(at.ctx, field, [raw] if is_link(field) else raw)
    except Refusal as refusal:
        raise Malformed(refused(at.ctx, field, refusal, column.path)) from None
    return value[0] if isinstance(value, tuple) and value else value


def _reference(at: ColumnSql, column: ListColumn, raw: object) -> Any:
    """An id, or a code of the entity named."""
    if isinstance(raw, str) and raw.strip().isascii() and raw.strip().isdigit() and len(raw) < 19:
        return int(raw)
    try:
        value = parse_raw(at.ctx, column.field, [raw] if is_link(column.field) else raw)
    except Refusal as refusal:
        raise Malformed(refused(at.ctx, column.field, refusal, column.path)) from None
    value = value[0] if isinstance(value, tuple) and value else value
    if isinstance(value, Lookup) and value.text and column.target:
        table = at.ctx.app.tables.entity[column.target]
        if "code" in table.c:
            return select(table.c.id).where(table.c.code == value.text).scalar_subquery()
    return value.id if isinstance(value, Ref) else None if isinstance(value, Lookup) else value


def _linked(at: ColumnSql, column: ListColumn, one: Filter, values: list[Any]) -> Sql:
    """Among the values of a field of many."""
    link = at.ctx.app.tables.links[column.entity, column.field.id]
    owners = select(link.c.owner)
    key = at.table.c.id
    if one.operator == "empty":
        return key.not_in(owners)
    if one.operator == "filled":
        return key.in_(owners)
    named = key.in_(owners.where(link.c.value.in_(values)))
    return ~named if one.operator == "ne" else named


def _search(at: ColumnSql, entity: Entity, words: str) -> Sql:
    """Every word somewhere in the search key; in visible texts only, where a field of the key is hidden."""
    pieces = words.split()[:8]
    if "search_key" in at.table.c and not _searches_hidden(at, entity):
        return and_(*(at.table.c.search_key.like(pattern(w), escape="\\") for w in pieces))
    columns = list(_visible_texts(at, entity))
    if not columns:
        return at.table.c.id.is_(None)
    return and_(*(or_(*(c.ilike(pattern(w), escape="\\") for c in columns)) for w in pieces))


def _searches_hidden(at: ColumnSql, entity: Entity) -> bool:
    hidden = rights(at.ctx, entity.id).hidden
    paths = entity.search or entity.title
    if any(path.split(".")[0] in hidden for path in paths):
        return True
    return any("." in path and not _path_seen(at, entity, path) for path in paths)


def _path_seen(at: ColumnSql, entity: Entity, path: str) -> bool:
    first, _, rest = path.partition(".")
    field = entity.fields.get(first)
    if field is None:
        return False
    if field.lines:
        return rest not in rights(at.ctx, field.lines).hidden
    try:
        column_of(at.ctx, entity.id, path)
    except Malformed:
        return False
    return True


def _visible_texts(at: ColumnSql, entity: Entity) -> Iterator[Sql]:
    hidden = rights(at.ctx, entity.id).hidden
    for field in entity.fields.values():
        spec = FIELD_TYPES.get(field.type)
        if spec is not None and spec.searches and field.id not in hidden and field.id in at.table.c:
            yield at.table.c[field.id]


def _between(column: Sql, values: list[Any]) -> Sql:
    low, high = values[0], values[1] if len(values) > 1 else None
    bounds = [column >= low] if low is not None else []
    return and_(*bounds, *([column <= high] if high is not None else []))


def _in(column: Sql, values: list[Any]) -> Sql:
    return or_(*(column == v for v in values)) if values else column.is_(None)


OPERATORS: Mapping[str, Callable[[Sql, list[Any]], Sql]] = {
    "eq": lambda c, v: c == v[0],
    "ne": lambda c, v: c.is_distinct_from(v[0]),
    "lt": lambda c, v: c < v[0],
    "le": lambda c, v: c <= v[0],
    "gt": lambda c, v: c > v[0],
    "ge": lambda c, v: c >= v[0],
    "in": _in,
    "contains": lambda c, v: c.ilike(pattern(str(v[0])), escape="\\"),
    "between": _between,
    "empty": lambda c, _: c.is_(None),
    "filled": lambda c, _: c.is_not(None),
}
