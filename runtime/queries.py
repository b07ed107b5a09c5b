"""Lists of records: filtered, searched, sorted, paged by key, counted up to a cap, with totals over the whole filter.

One statement for the rows however many columns and references; rows are tuples of the visible columns' values.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sqlalchemy import Select, and_, func, literal, or_, select, tuple_

from engine.expressions.tree import Clock, Expr, walk
from engine.model import Entity, EntityKind, View
from runtime.context import RunContext
from runtime.errors import Malformed, NotFound
from runtime.messages import fault
from runtime.model_scope import parse_filter
from runtime.permissions import READ, demand, owner_of, rights
from runtime.query_columns import ColumnSql, ListColumn, Named, Selection, column_of
from runtime.query_filters import Filter, Parsed, conditions, parameters, parse_filters, parse_words
from runtime.record_rows import read_links
from runtime.sql_scope import Row as SqlRow

COUNT_CAP = 1000
MOST_ROWS = 500
USUAL = 50
MOST_SHAPES = 400
EXPORT_ROWS = 1_000_000
Sql = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What a list asks for. ``fields``: paths ("" = the view's). ``sort``: (path, descending).

    ``filter``: an expression as text; ``where``: compiled conditions of the caller's own (pickers, drill-down).
    ``count``: ``""`` none, ``capped`` or ``exact``. ``deleted``: the recycle bin. ``page_size`` 0: everything (export).
    ``this``: the record at hand that ``where`` may read (a form being filled in).
    """

    view: str = ""
    filters: tuple[Filter, ...] = ()
    filter: str = ""
    where: tuple[Expr, ...] = ()
    q: str = ""
    sort: tuple[tuple[str, bool], ...] = ()
    fields: tuple[str, ...] = ()
    cursor: str = ""
    page_size: int = 50
    count: str = ""
    totals: bool = False
    deleted: bool = False
    this: SqlRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: ``rows`` are tuples, the record's id first, then one value per column (references as ``Named``)."""

    columns: tuple[ListColumn, ...]
    rows: list[tuple[Any, ...]]
    next: str | None
    count: int | str | None = None
    totals: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Key:
    """One key of the order: its column, direction, and whether it can be empty."""

    path: str
    sql: Sql
    descending: bool
    nullable: bool


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Everything of a list but its values: built once per shape, role and day.

    ``wheres`` are held because the shape names them by identity. ``counts``: by way of counting; ``totals``: of the
    columns that are summed, in their order.
    """

    at: ColumnSql
    narrowed: list[Sql]
    keys: list[_Key]
    selection: Selection
    statement: Select[Any]
    wheres: tuple[Expr, ...]
    counts: Mapping[str, Select[Any]]
    totals: Select[Any] | None


def list_records(ctx: RunContext, entity: str, query: ListQuery) -> Page:
    """One page of a list, as the acting person may see it."""
    columns, made, given = _asked(ctx, entity, query)
    size = _size(ctx, query)
    statement = made.statement
    if query.cursor:
        values = _read_cursor(ctx, query.cursor, made.keys)
        statement = statement.where(_after(ctx, made.keys, values))
    found = ctx.connection.execute(statement.limit(size + 1) if size != USUAL else statement, given).all()
    rows = [_row(made.selection, len(made.keys), values) for values in found[:size]]
    _add_links(ctx, entity, made.selection, rows)
    return Page(
        columns=columns,
        rows=[tuple(row) for row in rows],
        next=_cursor(made.keys, found[size - 1][1 : 1 + len(made.keys)]) if len(found) > size else None,
        count=_count(ctx, made, query.count, given),
        totals=_totals(ctx, made, columns, given) if query.totals else {},
    )


def count_records(ctx: RunContext, entity: str, query: ListQuery) -> int | str | None:
    """How many records a list has, without the records."""
    _, made, given = _asked(ctx, entity, query)
    return _count(ctx, made, query.count, given)


def _asked(ctx: RunContext, entity: str, query: ListQuery) -> tuple[tuple[ListColumn, ...], _Prepared, dict[str, Any]]:
    """The columns, what is prepared of the list, and the values it is asked with."""
    described = _readable(ctx, entity)
    view = described.views.get(query.view) if query.view else None
    columns = _columns(ctx, described, view, query)
    filters = parse_filters(ctx, described, query.filters)
    words = parse_words(query.q)
    wheres = _wheres(ctx, described, view, query)
    key = _shape_of(ctx, entity, query, columns, filters, words, wheres)
    made = _kept(ctx, key, lambda: _prepare(ctx, described, view, query, columns, filters, words, wheres))
    return columns, made, parameters(filters, words)


def _prepare(
    ctx: RunContext,
    entity: Entity,
    view: View | None,
    query: ListQuery,
    columns: tuple[ListColumn, ...],
    filters: tuple[Parsed, ...],
    words: tuple[str, ...],
    wheres: tuple[Expr, ...],
) -> _Prepared:
    at = ColumnSql(ctx, entity.id, ctx.app.tables.entity[entity.id])
    narrowed = conditions(at, entity, filters, wheres, words, deleted=query.deleted)
    keys = _order(at, entity, view, query)
    selection = at.select(columns)
    statement = select(at.table.c.id, *(k.sql for k in keys), *selection.sql).where(*narrowed)
    statement = at.joiner.apply(statement.order_by(*(_spelled(k) for k in keys)).limit(USUAL + 1))
    ids = at.joiner.apply(select(at.table.c.id).where(*narrowed))
    counts = {
        "exact": select(func.count()).select_from(ids.subquery()),
        "capped": select(func.count()).select_from(ids.limit(COUNT_CAP + 1).subquery()),
    }
    totals = _totals_of(at, narrowed, columns)
    del at.ctx  # what is kept must not hold a connection
    return _Prepared(at, narrowed, keys, selection, statement, (*query.where, *wheres), counts, totals)


def _totals_of(at: ColumnSql, narrowed: Sequence[Sql], columns: Sequence[ListColumn]) -> Select[Any] | None:
    values = [func.sum(at.value(c)).label(f"s{i}") for i, c in enumerate(c for c in columns if c.sums)]
    return at.joiner.apply(select(*values).where(*narrowed)) if values else None


def _shape_of(
    ctx: RunContext,
    entity: str,
    query: ListQuery,
    columns: tuple[ListColumn, ...],
    filters: tuple[Parsed, ...],
    words: tuple[str, ...],
    wheres: tuple[Expr, ...],
) -> Hashable | None:
    """What the statement depends on. The person counts only where a condition may ask for him, and nothing is kept
    that reads the clock to the second."""
    live = any(w.live for w in wheres) or any(c.field.live or "." in c.path for c in columns)
    rules = rights(ctx, owner_of(ctx.app.model, entity)).rows
    formulas = [c.field.formula for c in columns if c.field.formula is not None]
    if any(_reads_now(e) for e in (*wheres, *formulas, *(rule for some in rules for rule in some))):
        return None
    personal = bool(rules) or live or bool(query.filter)
    who = (ctx.user.member, ctx.today()) if personal else ctx.today()
    shapes = tuple(f.shape for f in filters)
    paths = tuple(c.path for c in columns)
    asked = (query.view, query.filter, tuple(map(id, query.where)), query.sort, query.deleted)
    return (entity, ctx.user.roles, ctx.user.is_system, ctx.language, who, shapes, len(words), paths, asked)


def _reads_now(expr: Expr) -> bool:
    return expr.live and any(isinstance(n, Clock) and n.name == "now" for n in walk(expr.tree))


def _kept(ctx: RunContext, key: Hashable | None, make: Callable[[], _Prepared]) -> _Prepared:
    """The latest shapes stay; conditions of the caller's own live only as long as he keeps them."""
    if key is None:
        return make()
    kept: dict[Hashable, _Prepared] = ctx.app.programs.keep("lists", dict)
    found = kept.get(key)
    if found is None:
        if len(kept) >= MOST_SHAPES:
            kept.clear()
        found = kept[key] = make()
    return found


def _readable(ctx: RunContext, entity: str) -> Entity:
    found = ctx.app.model.entities.get(entity)
    if found is None or found.kind is EntityKind.SYSTEM or entity not in ctx.app.tables.entity:
        raise NotFound(fault(ctx, "no_such_entity", given=entity[:60]))
    demand(ctx, entity, READ)
    return found


def _columns(ctx: RunContext, entity: Entity, view: View | None, query: ListQuery) -> tuple[ListColumn, ...]:
    """The columns asked for; of a view's those the person may see, silently."""
    if query.fields:
        return tuple(column_of(ctx, entity.id, path) for path in query.fields)
    paths = view.columns if view is not None and view.columns else _usual(entity)
    return tuple(c for c in (_if_seen(ctx, entity, path) for path in paths) if c is not None)


def _if_seen(ctx: RunContext, entity: Entity, path: str) -> ListColumn | None:
    try:
        return column_of(ctx, entity.id, path)
    except Malformed:
        return None


def _usual(entity: Entity) -> tuple[str, ...]:
    first = next(iter(entity.views.values()), None)
    if first is not None and first.columns:
        return first.columns
    return tuple(f.id for f in entity.fields.values() if not f.lines and not f.retired)[:8]


def _wheres(ctx: RunContext, entity: Entity, view: View | None, query: ListQuery) -> tuple[Expr, ...]:
    wheres = list(query.where)
    if view is not None and view.where is not None:
        wheres.append(view.where)
    if query.filter.strip():
        wheres.append(parse_filter(ctx, entity.id, query.filter))
    return tuple(wheres)


def _size(ctx: RunContext, query: ListQuery) -> int:
    if query.page_size == 0:
        return EXPORT_ROWS
    if not 1 <= query.page_size <= MOST_ROWS:
        raise Malformed(fault(ctx, "page_size_bad", "page_size", most=MOST_ROWS))
    return query.page_size


def _row(selection: Selection, skip: int, values: Sequence[Any]) -> list[Any]:
    return [values[0], *selection.row(values[1 + skip :])]


def _add_links(ctx: RunContext, entity: str, selection: Selection, rows: list[list[Any]]) -> None:
    """Values kept in tables of their own: one statement per such column."""
    for index, column in selection.links:
        if "." not in column.path:
            found = read_links(ctx, entity, column.field.id, [row[0] for row in rows])
            for row in rows:
                row[1 + index] = found[row[0]]


# --- order and paging ----------------------------------------------------------------------------------------


def _order(at: ColumnSql, entity: Entity, view: View | None, query: ListQuery) -> list[_Key]:
    """The keys of the order, made unique by the id, which runs as the first key does."""
    asked = query.sort
    if not asked and view is not None:
        asked = tuple(s for s in view.sort if _if_seen(at.ctx, entity, s[0]) is not None)
    if not asked:
        first = next(iter(entity.views.values()), None)
        asked = tuple(s for s in first.sort if _if_seen(at.ctx, entity, s[0]) is not None) if first else ()
    keys = [_key(at, entity, path, descending) for path, descending in asked if path != "id"]
    last = next((d for path, d in asked if path == "id"), keys[0].descending if keys else True)
    return [*keys, _Key("id", at.table.c.id, last, False)]


def _key(at: ColumnSql, entity: Entity, path: str, descending: bool) -> _Key:
    column = column_of(at.ctx, entity.id, path, "sort_unknown")
    if column.field.many or column.field.value.many or column.field.type == "ratio":
        raise Malformed(fault(at.ctx, "sort_unknown", path[:80], given=path[:80], hint=""))
    if column.target and column.target in at.ctx.app.model.entities:
        column = _by_title(at, entity, column)
    spec = column.field
    nullable = "." in column.path or not (spec.required is True or spec.id in ("status", "code"))
    return _Key(column.path, at.value(column), descending, nullable)


def _by_title(at: ColumnSql, entity: Entity, column: ListColumn) -> ListColumn:
    """References sort by what people read: the name, else the code."""
    for name in ("name", "code"):
        titled = _if_seen(at.ctx, entity, f"{column.path}.{name}")
        if titled is not None:
            return titled
    return column


def _spelled(key: _Key) -> Sql:
    """As the index is spelled; empties count as the smallest on both databases."""
    if not key.nullable:
        return key.sql.desc() if key.descending else key.sql.asc()
    return key.sql.desc().nulls_last() if key.descending else key.sql.asc().nulls_first()


def _after(ctx: RunContext, keys: Sequence[_Key], values: Sequence[Any]) -> Sql:
    """Rows that come after the one with these key values."""
    plain = all(not k.nullable and k.descending == keys[0].descending for k in keys)
    if plain and len(keys) > 1:
        left, right = (
            tuple_(*(k.sql for k in keys)),
            tuple_(*(literal(v, k.sql.type) for k, v in zip(keys, values, strict=True))),
        )
        return left < right if keys[0].descending else left > right
    steps = []
    for index, key in enumerate(keys):
        same = [_same(k, v) for k, v in zip(keys[:index], values[:index], strict=True)]
        beyond = _beyond(key, values[index])
        if beyond is not None:
            steps.append(and_(*same, beyond))
    return or_(*steps)


def _same(key: _Key, value: Any) -> Sql:
    return key.sql.is_(None) if value is None else key.sql == value


def _beyond(key: _Key, value: Any) -> Sql | None:
    """Strictly after a value of one key; empties are the smallest."""
    if key.descending:
        if value is None:
            return None
        below = key.sql < value
        return or_(below, key.sql.is_(None)) if key.nullable else below
    return key.sql.is_not(None) if value is None else key.sql > value


def _cursor(keys: Sequence[_Key], values: Sequence[Any]) -> str:
    """Opaque, and bound to the order it was made for."""
    packed = json.dumps([_shape(keys), [_packed(v) for v in values]], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _shape(keys: Sequence[_Key]) -> str:
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


def _read_cursor(ctx: RunContext, cursor: str, keys: Sequence[_Key]) -> list[Any]:
    try:
        shape, values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        unpacked = [_UNPACK[v[0]](v[1]) if isinstance(v, list) else v for v in values]
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError):
        raise Malformed(fault(ctx, "cursor_bad", "cursor")) from None
    if shape != _shape(keys) or len(unpacked) != len(keys):
        raise Malformed(fault(ctx, "cursor_bad", "cursor"))
    return unpacked


# --- figures over the whole filter ---------------------------------------------------------------------------


def _count(ctx: RunContext, made: _Prepared, how: str, given: dict[str, Any]) -> int | str | None:
    """Counting stops just above the cap: nobody needs to wait for the exact size of a large list."""
    if not how:
        return None
    number = int(ctx.connection.execute(made.counts["exact" if how == "exact" else "capped"], given).scalar_one())
    return number if how == "exact" or number <= COUNT_CAP else f"{COUNT_CAP}+"


def _totals(ctx: RunContext, made: _Prepared, columns: Sequence[ListColumn], given: dict[str, Any]) -> dict[str, Any]:
    summed = [c for c in columns if c.sums]
    if made.totals is None:
        return {}
    row = ctx.connection.execute(made.totals, given).one()
    return {c.path: value if value is not None else Decimal(0) for c, value in zip(summed, row, strict=True)}


def search_everywhere(ctx: RunContext, words: str, limit: int = 5) -> list[tuple[str, Named]]:
    """Records of any entity the person may read whose search key has the words."""
    found: list[tuple[str, Named]] = []
    for entity in ctx.app.model.entities.values():
        searched = entity.kind in (EntityKind.MASTER, EntityKind.DOCUMENT) and rights(ctx, entity.id).may(READ)
        if searched and words.strip():
            fields = tuple(n for n in ("code", "name") if n in entity.fields and rights(ctx, entity.id).sees(n))
            page = list_records(
                ctx, entity.id, ListQuery(q=words, fields=fields, page_size=limit, sort=(("id", True),))
            )
            for row in page.rows:
                shown = dict(zip(fields, row[1:], strict=True))
                found.append((entity.id, Named(row[0], shown.get("code"), shown.get("name"), entity.id)))
    return found
