"""Rows of entity tables as plain dicts: several columns of one field put together, links and lines gathered.

Reads everything it is asked for, without rights: callers decide who may see what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, literal_column, select, union_all

from engine.model import Entity, EntityKind, Field
from runtime.columns import column_plans, is_link
from runtime.context import RunContext
from runtime.id_sets import ID_SETS, WORD_SETS, ValueSet
from runtime.prepared import Statement, padded, prepare_statement
from runtime.sort_keys import SORT
from runtime.values import Ref

Row = dict[str, Any]
FEW = 24
"""So many values or fewer are asked for with a statement of their own number."""
WANTED = tuple(f"w{i}" for i in range(32))
"""Names of their parameters: as many as the next power of two."""

CHUNK = 5000
"""Ids in one statement: far below what either database takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How rows of one entity are read: the statement, the keys of its plain columns, and fields of two columns."""

    statement: Select[Any]
    keys: tuple[str, ...]
    ratios: tuple[str, ...]
    mixed: tuple[str, ...]

    def fields(self) -> tuple[str, ...]:
        """The names a record read has, without links and lines."""
        parts = {f"{n}__num" for n in self.ratios} | {f"{n}__den" for n in self.ratios}
        parts |= {f"{n}__type" for n in self.mixed}
        return (*(key for key in self.keys if key not in parts), *self.ratios)

    def record(self, values: Sequence[Any]) -> Row:
        """One row as a dict."""
        return self.whole(dict(zip(self.keys, values, strict=True)))

    def all(self, rows: list[Row]) -> list[Row]:
        """Rows that came as dicts of columns."""
        return [self.whole(row) for row in rows] if self.ratios or self.mixed else rows

    def whole(self, row: Row) -> Row:
        """Columns that make one value together, put together."""
        for name in self.ratios:
            top, bottom = row.pop(f"{name}__num"), row.pop(f"{name}__den")
            row[name] = None if top is None else Fraction(top, bottom)
        for name in self.mixed:
            kind = row.pop(f"{name}__type")
            row[name] = None if row[name] is None else Ref(kind, row[name])
        return row


def reader(ctx: RunContext, entity: str) -> Reader:
    """The reader of an entity, made once."""
    return ctx.app.programs.keep(("reader", entity), lambda: _make_reader(ctx, entity))


def _make_reader(ctx: RunContext, entity: str) -> Reader:
    table = ctx.app.tables.entity[entity]
    columns = [c for c in table.c if c.name != "search_key" and not c.name.endswith(SORT)]
    fields = ctx.app.model.entities[entity].fields.values()
    names = {c.name for c in columns}
    return Reader(
        statement=select(*columns),
        keys=tuple(c.name for c in columns),
        ratios=tuple(f.id for f in fields if f"{f.id}__num" in names),
        mixed=tuple(f.id for f in fields if f"{f.id}__type" in names),
    )


def read_rows(ctx: RunContext, entity: str, ids: Iterable[int], *, lock: bool = False) -> dict[int, Row]:
    """The rows with these ids, without links and lines. ``lock``: hold them until the end of the transaction."""
    return {row["id"]: row for row in _among(ctx, entity, "id", sorted(set(ids)), lock=lock)}


def _among(
    ctx: RunContext, entity: str, name: str, wanted: Sequence[Any], *, lock: bool = False, alive: bool = False
) -> list[Row]:
    """The rows whose column has one of these values: up to ``FEW`` of them by a statement prepared for that many,
    more by one that takes ids or texts as a set."""
    made = reader(ctx, entity)
    if 0 < len(wanted) <= FEW:
        wanted = padded(wanted)
        key = ("few rows", entity, name, lock, alive, len(wanted))
        few = ctx.app.programs.keep(key, lambda: _prepared_few(ctx, entity, name, len(wanted), lock=lock, alive=alive))
        return made.all(few.run(ctx, {WANTED[i]: value for i, value in enumerate(wanted)}))
    parts = [wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK)]
    kinds = {*map(type, wanted)}
    sets = SETS[kinds.pop()][ctx.app.database.dialect] if len(kinds) == 1 and kinds <= SETS.keys() else None
    if sets is not None:
        mark = ("set of rows", entity, name, lock, alive)
        many = ctx.app.programs.keep(mark, lambda: _prepared_set(ctx, entity, name, sets, lock=lock, alive=alive))
        return made.all([row for part in parts for row in many.run(ctx, {"wanted": sets.pack(part)})])
    names: Any = bindparam("wanted", expanding=True)
    where = ctx.app.tables.entity[entity].c[name].in_(names)
    statement = ctx.app.programs.keep(
        ("rows", entity, name, lock, alive), lambda: _rows_where(ctx, entity, where, lock=lock, alive=alive)
    )
    return [made.record(row) for part in parts for row in ctx.connection.execute(statement, {"wanted": part})]


SETS: Mapping[type, Mapping[str, ValueSet]] = {int: ID_SETS, str: WORD_SETS}


def _prepared_set(ctx: RunContext, entity: str, name: str, sets: ValueSet, *, lock: bool, alive: bool) -> Statement:
    where = sets.among(ctx.app.tables.entity[entity].c[name], "wanted")
    statement = _rows_where(ctx, entity, where, lock=lock, alive=alive)
    return prepare_statement(ctx, statement, list(statement.selected_columns), reader(ctx, entity).keys)


def _rows_where(ctx: RunContext, entity: str, where: ColumnElement[bool], *, lock: bool, alive: bool) -> Select[Any]:
    table = ctx.app.tables.entity[entity]
    statement = reader(ctx, entity).statement.where(where)
    if alive:
        statement = statement.where(table.c.deleted_at.is_(None))
    return _ordered(statement, table.c.id, lock)


def _prepared_few(ctx: RunContext, entity: str, name: str, count: int, *, lock: bool, alive: bool) -> Statement:
    kind = ctx.app.tables.entity[entity].c[name].type
    values = [bindparam(WANTED[i], type_=kind) for i in range(count)]
    where = ctx.app.tables.entity[entity].c[name].in_(values)
    statement = _rows_where(ctx, entity, where, lock=lock, alive=alive)
    return prepare_statement(ctx, statement, list(statement.selected_columns), reader(ctx, entity).keys)


def rows_by(ctx: RunContext, entity: str, name: str, values: Sequence[Any]) -> list[Row]:
    """The rows, not deleted, whose field has one of these values."""
    return _among(ctx, entity, name, list(values), alive=True)


def read_first(ctx: RunContext, entity: str) -> Row | None:
    """The oldest row: the one there is, of a setting."""
    statement = ctx.app.programs.keep(("first", entity), lambda: _prepared_first(ctx, entity))
    found = statement.run(ctx, {})
    return reader(ctx, entity).whole(found[0]) if found else None


def _prepared_first(ctx: RunContext, entity: str) -> Statement:
    key = ctx.app.tables.entity[entity].c.id
    made = reader(ctx, entity)
    statement = made.statement.order_by(key).limit(1)
    return prepare_statement(ctx, statement, list(statement.selected_columns), made.keys)


def _ordered(statement: Select[Any], key: Any, lock: bool) -> Select[Any]:
    """Locks are taken in order of ids, so that two transactions never wait for each other."""
    return statement.order_by(key).with_for_update() if lock else statement


def read_lines(ctx: RunContext, entity: str, owners: Iterable[int]) -> dict[int, list[Row]]:
    """The lines (of a lines entity) of each owner, in order of position."""
    made = reader(ctx, entity)
    wanted = sorted(set(owners))
    found: dict[int, list[Row]] = {owner: [] for owner in wanted}
    for values in _of_owners(ctx, ("lines", entity), lambda owners: _lines_of(ctx, entity, owners), wanted):
        row = made.record(values)
        found[row["parent"]].append(row)
    return found


def _lines_of(ctx: RunContext, entity: str, owners: Any) -> Select[Any]:
    table = ctx.app.tables.entity[entity]
    query = reader(ctx, entity).statement.where(table.c.parent.in_(owners))
    return query.order_by(table.c.parent, table.c.position, table.c.id)


def _of_owners(
    ctx: RunContext, key: tuple[str, ...], make: Callable[[Any], Select[Any]], wanted: Sequence[int]
) -> Iterator[Sequence[Any]]:
    """The rows of these owners; of up to ``FEW`` owners by a statement prepared for that many."""
    if 0 < len(wanted) <= FEW:
        some = padded(wanted)
        few = ctx.app.programs.keep((*key, len(some)), lambda: _for_owners(ctx, make, len(some)))
        yield from few.run(ctx, {f"w{i}": owner for i, owner in enumerate(some)})
        return
    names: Any = bindparam("owners", expanding=True)
    statement = ctx.app.programs.keep(key, lambda: make(names))
    for start in range(0, len(wanted), CHUNK):
        yield from ctx.connection.execute(statement, {"owners": wanted[start : start + CHUNK]})


def _for_owners(ctx: RunContext, make: Callable[[Any], Select[Any]], count: int) -> Statement:
    statement = make([bindparam(f"w{i}", type_=Integer()) for i in range(count)])
    return prepare_statement(ctx, statement, list(statement.selected_columns))


def read_links(ctx: RunContext, entity: str, field: str, owners: Iterable[int]) -> dict[int, tuple[Any, ...]]:
    """The values of a field kept in a table of its own."""
    wanted = sorted(set(owners))
    found: dict[int, list[Any]] = {owner: [] for owner in wanted}
    for owner, value in _of_owners(ctx, ("links", entity, field), lambda o: _links_of(ctx, entity, field, o), wanted):
        found[owner].append(value)
    return {owner: tuple(values) for owner, values in found.items()}


def _links_of(ctx: RunContext, entity: str, field: str, owners: Any) -> Select[Any]:
    table = ctx.app.tables.links[entity, field]
    return (
        select(table.c.owner, table.c.value).where(table.c.owner.in_(owners)).order_by(table.c.owner, table.c.position)
    )


def _links(ctx: RunContext, entity: Entity, owners: Iterable[int]) -> dict[str, Mapping[int, tuple[Any, ...]]]:
    """The values of all fields kept in tables of their own: a statement for each type of value."""
    wanted = sorted(set(owners))
    found: dict[str, Mapping[int, tuple[Any, ...]]] = {}
    for names in ctx.app.programs.keep(("all links", entity.id), lambda: _links_by_type(ctx, entity)):
        gathered: list[dict[int, list[Any]]] = [{} for _ in names]
        key = ("links", entity.id, *names)
        for number, owner, value in _of_owners(ctx, key, partial(_all_links, ctx, entity, names), wanted):
            gathered[number].setdefault(owner, []).append(value)
        for name, values in zip(names, gathered, strict=True):
            found[name] = {owner: tuple(each) for owner, each in values.items()}
    return found


def _links_by_type(ctx: RunContext, entity: Entity) -> list[tuple[str, ...]]:
    by_type: dict[type, list[str]] = {}
    for field in entity.fields.values():
        if is_link(field) and not field.lines:
            by_type.setdefault(type(ctx.app.tables.links[entity.id, field.id].c.value.type), []).append(field.id)
    return [tuple(names) for names in by_type.values()]


def _all_links(ctx: RunContext, entity: Entity, names: Sequence[str], owners: Any) -> Select[Any]:
    """The values of these fields, by field, owner and position."""
    queries = []
    for number, name in enumerate(names):
        table = ctx.app.tables.links[entity.id, name]
        field: ColumnElement[Any] = literal_column(str(number), Integer()).label("field")
        columns: tuple[Any, ...] = (field, table.c.owner, table.c.value, table.c.position)
        queries.append(select(*columns).where(table.c.owner.in_(owners)))
    rows = (queries[0] if len(queries) == 1 else union_all(*queries)).subquery()
    return select(rows.c.field, rows.c.owner, rows.c.value).order_by(rows.c.field, rows.c.owner, rows.c.position)


def load_rows(ctx: RunContext, entity: str, ids: Iterable[int], *, lock: bool = False) -> dict[int, Row]:
    """Whole records: links as tuples, lines nested (a line's ``parent`` is the owner's id)."""
    found = read_rows(ctx, entity, ids, lock=lock)
    _attach(ctx, ctx.app.model.entities[entity], found)
    return found


def _attach(ctx: RunContext, entity: Entity, found: Mapping[int, Row]) -> None:
    for field in entity.fields.values():
        if field.lines:
            lines = read_lines(ctx, field.lines, found)
            inner = {line["id"]: line for each in lines.values() for line in each}
            _attach(ctx, ctx.app.model.entities[field.lines], inner)
            for owner, row in found.items():
                row[field.id] = lines[owner]
    for name, links in _links(ctx, entity, found).items():
        for owner, row in found.items():
            row[name] = links.get(owner, ())


# --- the other way: a record as columns ----------------------------------------------------------------------

Writer = Callable[[Row, Row], None]


def writers(entity: Entity) -> Mapping[str, Writer]:
    """For every field with columns of its own: a function that puts its value from a record into a row of columns."""
    made: dict[str, Writer] = {}
    for field in entity.fields.values():
        names = [plan.name for plan in column_plans(field)]
        if names:
            made[field.id] = _writer(field, names)
    return made


def _writer(field: Field, names: list[str]) -> Writer:
    name = field.id
    if field.type == "ratio":

        def put_ratio(record: Row, columns: Row) -> None:
            value = record.get(name)
            ratio = None if value is None else Fraction(value)
            columns[f"{name}__num"] = None if ratio is None else ratio.numerator
            columns[f"{name}__den"] = None if ratio is None else ratio.denominator

        return put_ratio
    if f"{name}__type" in names:

        def put_mixed(record: Row, columns: Row) -> None:
            ref = record.get(name)
            columns[name] = None if ref is None else ref.id
            columns[f"{name}__type"] = None if ref is None else ref.entity

        return put_mixed

    def put(record: Row, columns: Row) -> None:
        for key in names:
            columns[key] = record.get(key)

    return put


def plain_columns(entity: Entity) -> Mapping[str, tuple[str, ...]]:
    """Fields whose columns hold what the record holds under the same names: no function need put them there."""
    plans = {f.id: tuple(plan.name for plan in column_plans(f)) for f in entity.fields.values()}
    return {
        name: names
        for name, names in plans.items()
        if names and entity.fields[name].type != "ratio" and f"{name}__type" not in names
    }


def is_lines(entity: Entity) -> bool:
    """Whether the entity's records are rows of others."""
    return entity.kind is EntityKind.LINES
