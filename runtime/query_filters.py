"""Conditions of a list: simple filters of the filter bar, a typed expression, words searched for, the view's own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, and_, bindparam, or_, select

from engine.expressions.tree import Expr
from engine.expressions.types import Kind
from engine.field_types import FIELD_TYPES
from engine.model import Entity
from runtime.columns import is_link
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.messages import fault
from runtime.permissions import rights
from runtime.query_columns import ColumnSql, ListColumn, column_of
from runtime.query_keys import ids_of_code
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


@dataclass(frozen=True, slots=True)
class Parsed:
    """A filter whose column is known and whose values are typed, in the order of the statement's parameters."""

    column: ListColumn
    operator: str
    values: tuple[Any, ...]

    @property
    def shape(self) -> Hashable:
        """What the statement depends on: everything but the values."""
        return (self.column.path, self.operator, _open(self))


def _open(one: Parsed) -> tuple[bool, ...]:
    return tuple(v is None for v in one.values)


def parse_filters(ctx: RunContext, entity: Entity, filters: tuple[Filter, ...]) -> tuple[Parsed, ...]:
    """Filters as typed values; ``Malformed`` for what cannot be compared or seen."""
    return tuple(_parse(ctx, entity, one) for one in filters)


def _parse(ctx: RunContext, entity: Entity, one: Filter) -> Parsed:
    column = column_of(ctx, entity.id, one.path)
    if one.operator not in OPERATORS:
        raise Malformed(fault(ctx, "filter_bad", one.path, reason=one.operator[:40]))
    if one.operator in ("empty", "filled"):
        return Parsed(column, one.operator, ())
    values = tuple(_parsed(ctx, column, raw) for raw in one.values)
    if not values and one.operator != "in":
        raise Malformed(fault(ctx, "filter_bad", one.path, reason="?"))
    if one.operator == "contains":
        values = tuple(pattern(str(v)) for v in values[:1])
    return Parsed(column, one.operator, values)


def named_by_code(ctx: RunContext, entity: Entity, codes: Iterable[tuple[str, str]]) -> tuple[Parsed, ...]:
    """Filters for the references that a condition compares with codes."""
    found = []
    for path, code in codes:
        column = column_of(ctx, entity.id, path)
        ids = ids_of_code(ctx, column.target, code)
        found.append(Parsed(column, "in" if len(ids) > 1 else "eq", ids or (0,)))
    return tuple(found)


def parse_words(words: str) -> tuple[str, ...]:
    """The patterns of a search."""
    return tuple(pattern(word) for word in words.split()[:8])


def conditions(
    at: ColumnSql,
    entity: Entity,
    filters: tuple[Parsed, ...],
    wheres: tuple[Expr, ...],
    words: tuple[str, ...],
    *,
    deleted: bool,
) -> list[Sql]:
    """Everything that narrows the list, rights included. Values become parameters ``p0 p1 …``, words ``w0 w1 …``."""
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
    start = 0
    for one in filters:
        found.append(_filter(at, one, start))
        start += len(one.values)
    if words:
        found.append(_search(at, entity, [bindparam(f"w{i}", type_=Text()) for i in range(len(words))]))
    return found


def parameters(filters: tuple[Parsed, ...], words: tuple[str, ...]) -> dict[str, Any]:
    """The values of the parameters of ``conditions``."""
    values = (v for one in filters for v in one.values)
    return {f"p{i}": v for i, v in enumerate(values)} | {f"w{i}": w for i, w in enumerate(words)}


def _owner_lives(at: ColumnSql, entity: Entity) -> Sql:
    owner = at.ctx.app.tables.entity[entity.parent]
    condition = owner.c.deleted_at.is_(None) if "deleted_at" in owner.c else owner.c.id.is_not(None)
    return at.table.c.parent.in_(select(owner.c.id).where(condition))


def _filter(at: ColumnSql, one: Parsed, start: int) -> Sql:
    linked = is_link(one.column.field)
    side = at.ctx.app.tables.links[one.column.entity, one.column.field.id].c.value if linked else at.value(one.column)
    given = [_parameter(at, one, side, value, start + i) for i, value in enumerate(one.values)]
    return _linked(at, one, side, given) if linked else OPERATORS[one.operator](side, given)


def _parameter(at: ColumnSql, one: Parsed, side: Sql, value: Any, number: int) -> Sql:
    if value is None:
        return None
    return bindparam(f"p{number}", type_=Text() if one.operator == "contains" else side.type)


def _parsed(ctx: RunContext, column: ListColumn, raw: object) -> Any:
    field = column.field
    if field.value.kind is Kind.REFERENCE:
        return _reference(ctx, column, raw)
    if field.value.kind is Kind.TEXT:
        return str(raw)
    return _typed(ctx, column, raw)


def _typed(ctx: RunContext, column: ListColumn, raw: object) -> Any:
    try:
        value = parse_raw(ctx, column.field, [raw] if is_link(column.field) else raw)
    except Refusal as refusal:
        raise Malformed(refused(ctx, column.field, refusal, column.path)) from None
    return value[0] if isinstance(value, tuple) and value else value


def _reference(ctx: RunContext, column: ListColumn, raw: object) -> Any:
    """An id, or a code of the entity named."""
    if isinstance(raw, str) and raw.strip().isascii() and raw.strip().isdigit() and len(raw) < 19:
        return int(raw)
    value = _typed(ctx, column, raw)
    if isinstance(value, Lookup):
        known = column.target and "code" in ctx.app.tables.entity[column.target].c
        return next(iter(ids_of_code(ctx, column.target, value.text)), 0) if known and value.text else 0
    return value.id if isinstance(value, Ref) else value


def _linked(at: ColumnSql, one: Parsed, value: Sql, given: list[Any]) -> Sql:
    """Among the values of a field of many."""
    link = at.ctx.app.tables.links[one.column.entity, one.column.field.id]
    owners = select(link.c.owner)
    key = at.table.c.id
    if one.operator == "empty":
        return key.not_in(owners)
    if one.operator == "filled":
        return key.in_(owners)
    named = key.in_(owners.where(or_(*(value == v for v in given))))
    return ~named if one.operator == "ne" else named


def _search(at: ColumnSql, entity: Entity, words: list[Sql]) -> Sql:
    """Every word somewhere in the search key; in visible texts only, where a field of the key is hidden."""
    if "search_key" in at.table.c and not _searches_hidden(at, entity):
        return and_(*(at.table.c.search_key.like(w, escape="\\") for w in words))
    columns = list(_visible_texts(at, entity))
    named = list(_named(at, entity)) if entity.parent else []
    if not columns and not named:
        return at.table.c.id.is_(None)
    texts = [[c.ilike(w, escape="\\") for c in columns] for w in words]
    keys = [[c.in_(select(t.c.id).where(t.c.search_key.like(w, escape="\\"))) for c, t in named] for w in words]
    return and_(*(or_(*own, *others) for own, others in zip(texts, keys, strict=True)))


def _named(at: ColumnSql, entity: Entity) -> Iterator[tuple[Sql, Sql]]:
    """What a line is known by: the records it must name, with the table of their search keys."""
    hidden = rights(at.ctx, entity.id).hidden
    for field in entity.fields.values():
        one = len(field.targets) == 1 and not field.many and field.id in at.table.c and field.id not in hidden
        if not one or field.required is not True or not rights(at.ctx, field.targets[0]).may("read"):
            continue
        target = at.ctx.app.tables.entity[field.targets[0]]
        if "search_key" in target.c and not _searches_hidden(at, at.ctx.app.model.entities[field.targets[0]]):
            yield at.table.c[field.id], target


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
    "contains": lambda c, v: c.ilike(v[0], escape="\\"),
    "between": _between,
    "empty": lambda c, _: c.is_(None),
    "filled": lambda c, _: c.is_not(None),
}
