"""Lists of records: filtered, searched, sorted, paged by key, counted up to a cap, with totals over the whole filter.

One statement for the rows however many columns and references; rows are tuples of the visible columns' values.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import Integer, Select, bindparam, func, select

from engine.expressions.tree import Clock, Expr, walk
from engine.model import Entity, EntityKind, View
from runtime.context import RunContext
from runtime.errors import Malformed, NotFound
from runtime.id_sets import ID_SETS
from runtime.messages import fault
from runtime.permissions import READ, demand, owner_of, rights
from runtime.prepared import Convert, Statement, prepare_statement, told
from runtime.query_columns import ColumnSql, ListColumn, Named, column_if_seen, column_of
from runtime.query_filters import Filter, Parsed, conditions, named_by_code, parameters, parse_filters, parse_words
from runtime.query_keys import read_condition
from runtime.query_order import Key, after, cursor_of, order_keys, read_cursor, spelled
from runtime.query_rows import Found, Links, Rows
from runtime.record_rows import read_links
from runtime.row_marks import mark_of
from runtime.sql_scope import Row as SqlRow

COUNT_CAP = 1000
TOTALS_CAP = 5000
"""Rows of a list that are added up unasked: above it a total would cost more than the whole page."""
MOST_ROWS = 500
MOST_SHAPES = 400
EXPORT_ROWS = 1_000_000
Sql = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What a list asks for. ``fields``: paths ("" = the view's). ``sort``: (path, descending).

    ``filter``: an expression as text; ``where``: compiled conditions of the caller's own (pickers, drill-down).
    ``count``: ``""`` none, ``capped`` or ``exact``. ``totals``: of a list that is not counted exactly only up to some
    thousand rows. ``marks``: the view whose colours the rows are asked for. ``deleted``: the recycle bin.
    ``page_size`` 0: everything (export). ``this``: the record at hand that ``where`` may read (a form being filled in).
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
    marks: str = ""
    deleted: bool = False
    this: SqlRow | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page: ``rows`` are tuples, the record's id first, then one value per column (references as ``Named``).

    ``found`` are the same rows as the driver gave them, ``source`` reads them, ``links`` are values it reads beside
    them. ``totals``: sums over the whole filter by path; none were made where ``totals_left``. ``marks``: colours by
    id.
    """

    columns: tuple[ListColumn, ...]
    found: Found
    source: Rows
    links: Links
    next: str | None
    count: int | str | None = None
    totals: dict[str, Any] = field(default_factory=dict)
    totals_left: bool = False
    marks: dict[int, str] = field(default_factory=dict)

    @cached_property
    def rows(self) -> list[tuple[Any, ...]]:
        """The values of the page."""
        return self.source.values(self.found, self.links)


@dataclass(frozen=True, slots=True)
class Question:
    """A query taken apart: its columns are known, its values are typed. ``typed``: the canonical text of what a typed
    condition says beside the records it names."""

    entity: Entity
    view: View | None
    query: ListQuery
    columns: tuple[ListColumn, ...]
    filters: tuple[Parsed, ...]
    words: tuple[str, ...]
    wheres: tuple[Expr, ...]
    typed: str

    def conditions(self, at: ColumnSql) -> list[Sql]:
        """All that narrows the list."""
        return conditions(at, self.entity, self.filters, self.wheres, self.words, deleted=self.query.deleted)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Everything of a list but its values: built once per shape, role and day.

    ``seek``: where no index serves what is asked and the whole list is asked for: the ids of all that fits, in no
    order, and ``few``: the same list over these ids, if they are few. ``wheres`` are held because the shape names them
    by identity. ``pages``: the statements of pages, by which key values of the row before them are empty. ``figures``:
    how many there are, then the sums of the columns that are summed, in their order; at the most so many rows as its
    limit says.
    """

    keys: list[Key]
    ends: tuple[Convert | None, ...]
    rows: Rows
    statement: Select[Any]
    wheres: tuple[Expr, ...]
    marked: bool
    bare: Select[Any]
    sums: tuple[str, ...]
    seek: Statement | None = None
    few: _Prepared | None = None
    pages: dict[tuple[bool, ...], Statement] = field(default_factory=dict)
    figures: dict[int | None, Statement] = field(default_factory=dict)


def list_records(ctx: RunContext, entity: str, query: ListQuery) -> Page:
    """One page of a list, as the acting person may see it."""
    columns, made, given = _asked(ctx, entity, query)
    size = _size(ctx, query)
    found = _page(ctx, made, query.cursor, {**given, "size": size + 1})
    here = len(found) if len(found) <= size and not query.cursor else None
    shown = found[:size]
    count, totals = _figures(ctx, made, query, given, here)
    return Page(
        columns=columns,
        found=shown,
        source=made.rows,
        links=_links(ctx, entity, made.rows, shown),
        next=cursor_of(made.keys, _end(made, shown[-1])) if len(found) > size else None,
        count=count,
        totals=totals or {},
        totals_left=totals is None,
        marks={values[0]: values[-1] for values in shown if values[-1]} if made.marked else {},
    )


def _page(ctx: RunContext, made: _Prepared, cursor: str, given: dict[str, Any]) -> list[Any]:
    """The rows after the one that ``cursor`` names, as the driver gives them."""
    values = read_cursor(ctx, cursor, made.keys) if cursor else []
    empty = tuple(value is None for value in values)
    statement = made.pages.get(empty)
    if statement is None:
        rows = made.statement.where(after(made.keys, empty)) if values else made.statement
        statement = made.pages[empty] = prepare_statement(ctx, rows, tuple(rows.selected_columns))
    return statement.fetch(ctx, {**given, **{f"k{n}": value for n, value in enumerate(values)}} if values else given)


def _end(made: _Prepared, row: Sequence[Any]) -> list[Any]:
    """The key values of a row."""
    values = row[1 : 1 + len(made.ends)]
    return [value if end is None else end(value) for value, end in zip(values, made.ends, strict=True)]


def count_records(ctx: RunContext, entity: str, query: ListQuery) -> int | str | None:
    """How many records a list has, without the records."""
    _, made, given = _asked(ctx, entity, query)
    return _figures(ctx, made, query, given)[0]


def _asked(ctx: RunContext, entity: str, query: ListQuery) -> tuple[tuple[ListColumn, ...], _Prepared, dict[str, Any]]:
    """The columns, what is prepared of the list, and the values it is asked with."""
    asked, given = question_of(ctx, entity, query)
    made = _kept(ctx, _shape_of(ctx, asked), lambda: _prepare(ctx, asked))
    return asked.columns, *_sought(ctx, made, given)


def _sought(ctx: RunContext, made: _Prepared, given: dict[str, Any]) -> tuple[_Prepared, dict[str, Any]]:
    """Where no index serves: the few that fit are found by one look through the table, and all else is asked of them.

    Going through the records in the order of the list would touch each one by itself, the page's rows and its figures
    both. Where many fit, that finds a page soon enough.
    """
    if made.seek is None or made.few is None:
        return made, given
    ids = [row[0] for row in made.seek.fetch(ctx, given)]
    if len(ids) > TOTALS_CAP:
        return made, given
    return made.few, {"_among": ID_SETS[ctx.app.database.dialect].pack(ids)}


def question_of(ctx: RunContext, entity: str, query: ListQuery) -> tuple[Question, dict[str, Any]]:
    """A query taken apart, and the values of its parameters; refuses what the person may not ask."""
    described = _readable(ctx, entity)
    view = described.views.get(query.view) if query.view else None
    columns = _columns(ctx, described, view, query)
    filters = parse_filters(ctx, described, query.filters)
    words = parse_words(query.q)
    typed = read_condition(ctx, described.id, query.filter)
    filters += named_by_code(ctx, described, typed.codes)
    beside = (view.where if view is not None else None, typed.rest)
    wheres = (*query.where, *(where for where in beside if where is not None))
    return Question(described, view, query, columns, filters, words, wheres, typed.text), parameters(filters, words)


def _prepare(ctx: RunContext, asked: Question) -> _Prepared:
    whole = _prepared(ctx, asked, asked.conditions)
    if not (asked.query.count or asked.query.totals) or not _unserved(ctx, asked):
        return whole
    among = ID_SETS[ctx.app.database.dialect].among
    few = _prepared(ctx, asked, lambda at: [among(at.table.c.id, "_among")])
    at = ColumnSql(ctx, asked.entity.id, ctx.app.tables.entity[asked.entity.id], asked.query.this)
    fitting = select(at.table.c.id).where(*asked.conditions(at)).limit(TOTALS_CAP + 1)
    return replace(whole, seek=prepare_statement(ctx, at.joiner.apply(fitting), (at.table.c.id,)), few=few)


def _unserved(ctx: RunContext, asked: Question) -> bool:
    """Whether words are looked for, or a column that begins no index is compared."""
    table = ctx.app.tables.entity[asked.entity.id]
    led = {next(iter(index.columns)).name for index in table.indexes}
    plain = (one.column.path for one in asked.filters if one.column.path in table.c)
    return bool(asked.words) or any(path not in led for path in plain)


def _prepared(ctx: RunContext, asked: Question, narrow: Callable[[ColumnSql], list[Sql]]) -> _Prepared:
    entity, query = asked.entity, asked.query
    at = ColumnSql(ctx, entity.id, ctx.app.tables.entity[entity.id], query.this)
    narrowed = narrow(at)
    keys = order_keys(at, entity, asked.view, query.sort)
    values, places = at.select(asked.columns, 1 + len(keys))
    mark = mark_of(at.scope, entity.views[query.marks]) if query.marks else None
    fetched = [at.table.c.id, *(k.sql for k in keys), *values, *([] if mark is None else [mark])]
    statement = select(*fetched).where(*narrowed).order_by(*(spelled(k) for k in keys))
    statement = at.joiner.apply(statement.limit(bindparam("size", type_=Integer())))
    bare, sums = _bare(ctx, asked, narrow)
    own = ctx.connection.dialect
    return _Prepared(
        keys=keys,
        ends=tuple(told(key.sql.type, own) for key in keys),
        rows=Rows(own, places),
        statement=statement,
        wheres=(*query.where, *asked.wheres),
        marked=mark is not None,
        bare=bare,
        sums=sums,
    )


def _bare(
    ctx: RunContext, asked: Question, narrow: Callable[[ColumnSql], list[Sql]]
) -> tuple[Select[Any], tuple[str, ...]]:
    """The rows of the list with no more than what is added up: joins that only words need are not made."""
    at = ColumnSql(ctx, asked.entity.id, ctx.app.tables.entity[asked.entity.id], asked.query.this)
    narrowed = narrow(at)
    summed = [c for c in asked.columns if c.sums] if asked.query.totals else []
    values = [at.value(c).label(f"s{i}") for i, c in enumerate(summed)]
    return at.joiner.apply(select(at.table.c.id, *values).where(*narrowed)), tuple(c.path for c in summed)


def _shape_of(ctx: RunContext, asked: Question) -> Hashable | None:
    """What the statement depends on. The person counts only where a condition may ask for him, and nothing is kept
    that reads the clock to the second, or a form that is being filled in."""
    query, columns, wheres = asked.query, asked.columns, asked.wheres
    if query.this is not None:
        return None
    colors = [expr for _, expr in asked.entity.views[query.marks].colors] if query.marks else []
    live = any(e.live for e in (*wheres, *colors)) or any(c.field.live or "." in c.path for c in columns)
    rules = rights(ctx, owner_of(ctx.app.model, asked.entity.id)).rows
    formulas = [c.field.formula for c in columns if c.field.formula is not None]
    if any(_reads_now(e) for e in (*wheres, *formulas, *colors, *(rule for some in rules for rule in some))):
        return None
    personal = bool(rules) or live or bool(asked.typed)
    who = (ctx.user.member, ctx.today()) if personal else ctx.today()
    shapes = tuple(f.shape for f in asked.filters)
    paths = tuple(c.path for c in columns)
    wanted = (query.view, asked.typed, tuple(map(id, query.where)), query.sort, query.deleted, bool(query.count))
    whose = (ctx.user.roles, ctx.user.is_system, ctx.language, who)
    return (asked.entity.id, whose, shapes, len(asked.words), paths, wanted, query.marks, query.totals)


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
    whose = (ctx.user.roles, ctx.user.is_system, ctx.language)
    key = (entity.id, query.fields or (view.columns if view is not None and view.columns else ()), *whose)
    return ctx.app.programs.latest("list columns", (bool(query.fields), *key), lambda: _found(ctx, entity, view, query))


def _found(ctx: RunContext, entity: Entity, view: View | None, query: ListQuery) -> tuple[ListColumn, ...]:
    if query.fields:
        return tuple(column_of(ctx, entity.id, path) for path in query.fields)
    paths = view.columns if view is not None and view.columns else _usual(entity)
    return tuple(c for c in (column_if_seen(ctx, entity.id, path) for path in paths) if c is not None)


def _usual(entity: Entity) -> tuple[str, ...]:
    first = next(iter(entity.views.values()), None)
    if first is not None and first.columns:
        return first.columns
    return tuple(f.id for f in entity.fields.values() if not f.lines and not f.retired)[:8]


def _size(ctx: RunContext, query: ListQuery) -> int:
    if query.page_size == 0:
        return EXPORT_ROWS
    if not 1 <= query.page_size <= MOST_ROWS:
        raise Malformed(fault(ctx, "page_size_bad", "page_size", most=MOST_ROWS))
    return query.page_size


def _links(ctx: RunContext, entity: str, rows: Rows, found: Found) -> Links:
    """Values kept in tables of their own: one statement per such column."""
    return {c.path: read_links(ctx, entity, c.field.id, [row[0] for row in found]) for c in rows.linked()}


# --- figures over the whole filter ---------------------------------------------------------------------------


def _figures(
    ctx: RunContext, made: _Prepared, query: ListQuery, given: dict[str, Any], here: int | None = None
) -> tuple[int | str | None, dict[str, Any] | None]:
    """The count and the totals, in one statement; ``None`` for totals of more rows than are added up unasked.

    Counting stops just above the cap: nobody needs to wait for the exact size of a large list. ``here``: how many there
    are, where a page has shown all of them.
    """
    if not made.sums and (not query.count or here is not None):
        return (here if query.count else None), {}
    exact = query.count == "exact"
    most = None if exact else TOTALS_CAP if made.sums else COUNT_CAP
    row = _statement(ctx, made, most).run(ctx, given)[0]
    number = int(row[0])
    totals = {path: Decimal(0) if value is None else value for path, value in zip(made.sums, row[1:], strict=True)}
    if exact:
        return number, totals
    count = number if number <= COUNT_CAP else f"{COUNT_CAP}+"
    return (count if query.count else None), (None if most is not None and number > most and made.sums else totals)


def _statement(ctx: RunContext, made: _Prepared, most: int | None) -> Statement:
    found = made.figures.get(most)
    if found is None:
        rows = (made.bare if most is None else made.bare.limit(most + 1)).subquery()
        counted: list[Sql] = [func.count(), *(func.sum(rows.c[f"s{i}"]) for i in range(len(made.sums)))]
        found = made.figures[most] = prepare_statement(ctx, select(*counted).select_from(rows), counted)
    return found


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
