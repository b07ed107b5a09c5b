"""A declared structure as data of the planning algorithms: read level by level, each level with few statements.

Only what lies below the asked products is read; without products, everything. Statements are made once a day.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, FromClause, Select, Table, bindparam, false, func, null, or_, select
from sqlalchemy.types import Text

from engine.expressions.tree import Expr, Path, walk
from engine.model import Structure as Declared
from engine.planning.structure import Also, Key, Line, Structure, Version, structure_of, whole_step
from runtime.context import RunContext
from runtime.id_sets import ID_SETS
from runtime.planning_reading import HEADER, LINE, USED, Plan, Reader, Side, Ways, term
from runtime.prepared import Statement, prepare_statement
from runtime.sql import Joiner, SqlScope, TableRow, to_where
from runtime.values import Ref

ZERO = Decimal(0)
Made = TypeVar("Made")
MANY = 16
SHARE = 10
"""The whole structure is read where one level has more products than ``MANY``, and more than this part of all."""


class Along(NamedTuple):
    """Columns of what is used, read along with it. ``key``: which they are."""

    key: tuple[Hashable, ...]
    make: Callable[[SqlScope, Table], Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How far to read. ``items``: products asked for (``None``: all). ``deep``: below what is stocked too.

    ``where``: a further condition on component lines. ``extras``: alternates and by-products as well. ``along``: what
    else to read of the components.
    """

    items: frozenset[Key] | None = None
    deep: bool = True
    where: Expr | None = None
    extras: bool = False
    along: Along | None = None


class Loaded(NamedTuple):
    """A structure, what its components say of ``Scope.along`` by their id, and its alternates."""

    structure: Structure
    along: Mapping[int, Sequence[Any]]
    instead: frozenset[Key]


def load(ctx: RunContext, structure: str, scope: Scope) -> Structure:
    """Read a structure as far as ``scope`` says."""
    return load_along(ctx, structure, scope).structure


def load_along(ctx: RunContext, structure: str, scope: Scope) -> Loaded:
    """Read a structure with what stands beside it."""
    declared = ctx.app.model.structures[structure]
    reading = _Reading(ctx, declared, scope, everything=scope.items is None)
    wanted = set(scope.items or ())
    while wanted and not reading.everything:
        if len(wanted) > MANY and reading.is_most(len(wanted)):  # reading everything costs less than naming so many
            reading = _Reading(ctx, declared, scope, everything=True)
            break
        wanted = reading.level(wanted) - reading.seen
    if reading.everything:
        reading.level(set())
    return Loaded(structure_of(reading.versions()), reading.along, frozenset(reading.instead))


def sql_scope(ctx: RunContext, entity: str, table: FromClause, joiner: Joiner | None = None) -> SqlScope:
    """What an expression stands on in a statement of ours: a row of ``table``."""
    return SqlScope(
        model=ctx.app.model,
        tables=ctx.app.tables,
        dialect=ctx.connection.dialect.name,
        record=TableRow(entity, table),
        member=ctx.user.member,
        today=ctx.today(),
        now=ctx.now(),
        joiner=joiner,
    )


@dataclass(frozen=True, slots=True)
class Ends:
    """The entities of a structure: headers, component lines, what headers make, what lines use."""

    header: str
    line: str
    makes: tuple[str, ...]
    stocked: str

    def key(self, entity: str, record: int) -> Key:
        """A record as key: its id where components are such records, else with its entity."""
        return record if entity == self.stocked else Ref(entity, record)


def ends_of(ctx: RunContext, declared: Declared) -> Ends:
    """The entities that ``declared`` joins."""
    model = ctx.app.model
    header = model.entities[declared.entity]
    line = header.fields[declared.lines].lines
    uses = model.entities[line].fields[declared.uses]
    makes = header.fields[declared.makes]
    return Ends(header.id, line, makes.targets or makes.value.targets, (uses.targets or uses.value.targets)[0])


class _Reading:
    """One reading of a structure: what was found so far, and the statements it takes."""

    def __init__(self, ctx: RunContext, declared: Declared, scope: Scope, *, everything: bool) -> None:
        self.ctx = ctx
        self.declared = declared
        self.scope = scope
        self.everything = everything
        self.ends = ends_of(ctx, declared)
        self.sets = ID_SETS[ctx.app.database.dialect]
        self.seen: set[Key] = set()
        self.headers: list[tuple[Sequence[Any], Key, int]] = []
        self.numbers: dict[int, int] = {}
        self.rows: list[Sequence[Any]] = []
        self.lines: dict[int, list[Line]] = {}
        self.used: dict[int, int] = {}
        self.along: dict[int, Sequence[Any]] = {}
        self.instead: set[Key] = set()
        key = (id(scope.where) if scope.where else 0, *(scope.along.key if scope.along else ()))
        self.plan: Plan = self._kept(("lines", everything, *key), lambda: _planned(ctx, declared, scope, everything))
        self.reader = Reader(self.plan)

    def is_most(self, items: int) -> bool:
        """Whether so many products are a good part of all there are."""
        key = self.ctx.app.tables.entity[self.ends.header].c.id
        query = self._kept(("newest",), lambda: prepare_statement(self.ctx, select(func.max(key)), [key]))
        newest = query.run(self.ctx, {})[0][0] or 0
        return bool(items * SHARE > newest)

    def level(self, items: set[Key]) -> set[Key]:
        """Read how ``items`` are made, one level; what they are made of.

        What lines ask for is put together at the end, for all of them, unless it says how far to read.
        """
        self.seen |= items
        headers = self._headers(items)
        numbers = {row[0]: number for row, _, number in headers}
        self.headers += headers
        self.numbers.update(numbers)
        rows = [row for row in self._fetch(LINE, () if self.everything else numbers) if row[1] in numbers]
        if self.scope.deep:
            self.rows += rows
            return set() if self.everything else {row[2] for row in rows}
        lines = self._lines(rows, numbers)
        self.lines.update(lines)
        return {line.item for each in lines.values() for line in each if line.through}

    def versions(self) -> Iterator[Version]:
        """Everything that was read."""
        lines = self._lines(self.rows, self.numbers) if self.scope.deep else self.lines
        also: Mapping[int, list[Also]] = {}
        if self.scope.extras:
            lines, also = self._with_instead(lines), self._also()
        dates = dict(self.plan.statements[HEADER].returns)
        new = tuple.__new__
        for row, item, _ in self.headers:
            id, begins, ends = row[0], row[2], row[3]
            if begins or ends:
                begins, ends = (dates[i](day) if day and i in dates else day for i, day in ((2, begins), (3, ends)))
            yield new(Version, (id, item, lines[id], begins, ends, also.get(id, ())))

    # --- headers ---------------------------------------------------------------------------------------------

    def _headers(self, items: set[Key]) -> list[tuple[Sequence[Any], Key, int]]:
        """Rows of headers, what each makes, and the number of what it says of its lines."""
        by_entity: dict[str, list[int]] = {}
        for item in items:
            entity, record = (item.entity, item.id) if isinstance(item, Ref) else (self.ends.stocked, item)
            by_entity.setdefault(entity, []).append(record)  # type: ignore[arg-type]
        found: list[tuple[Sequence[Any], Key, int]] = []
        for target in self.ends.makes:
            ids = by_entity.get(target, [])
            if not ids and not self.everything:
                continue
            rows = self._fetch(HEADER, ids, target=target)
            keys = [row[1] for row in rows]
            if target != self.ends.stocked:
                keys = [self.ends.key(target, key) for key in keys]
            numbers = self.reader.numbers(HEADER, rows) if self.plan.asked[HEADER] else [-1] * len(rows)
            found += zip(rows, keys, numbers, strict=True)
        return found

    def _fetch(self, side: int, ids: Iterable[int], **given: object) -> list[Any]:
        """The rows of one of the three tables, as the driver gives them."""
        return self.plan.statements[side].fetch(self.ctx, {"ids": self.sets.pack(ids), **given})

    # --- lines -----------------------------------------------------------------------------------------------

    def _lines(self, rows: Sequence[Sequence[Any]], headers: Mapping[int, int]) -> dict[int, list[Line]]:
        """The lines of headers, by header; ``headers``: the number of what each says."""
        if self.plan.asked[USED]:
            fresh = {row[2] for row in rows} - self.used.keys()
            told = self._fetch(USED, fresh) if fresh else []
            ids = [row[0] for row in told]
            self.used.update(zip(ids, self.reader.numbers(USED, told), strict=True))
            self.along.update(zip(ids, told, strict=True))
        return self.reader.lines(rows, headers, self.used)

    def _with_instead(self, found: dict[int, list[Line]]) -> dict[int, list[Line]]:
        if not self.declared.instead:
            return found
        instead: dict[int, tuple[Key, ...]] = {}
        for owner, value in self._beside("instead", _instead, (line.id for lines in found.values() for line in lines)):
            instead[owner] = (*instead.get(owner, ()), value)
            self.instead.add(value)
        for lines in found.values() if instead else ():
            for place, line in enumerate(lines):
                if line.id in instead:
                    lines[place] = line._replace(instead=instead[line.id])
        return found

    def _also(self) -> dict[int, list[Also]]:
        """By-products of each version."""
        found: dict[int, list[Also]] = {}
        if self.declared.also_lines:
            for parent, item, quantity, share in self._beside("also", _also, self.numbers):
                if item is not None:
                    found.setdefault(parent, []).append(Also(item, quantity or ZERO, share or ZERO))
        return found

    def _beside(self, name: str, make: Beside, owners: Iterable[int]) -> list[list[Any]]:
        """Rows of a table beside: those of the owners, or all."""
        query = self._kept((name, self.everything), lambda: make(self.ctx, self.declared, self.ends, self.everything))
        return query.run(self.ctx, {"ids": self.sets.pack(() if self.everything else owners)})

    def _kept(self, key: tuple[Hashable, ...], make: Callable[[], Made]) -> Made:
        whole = ("structure", self.declared.id, self.ctx.today(), self.ctx.connection.dialect.name, *key)
        return self.ctx.app.programs.keep(whole, make)


# --- statements ------------------------------------------------------------------------------------------------

Beside = Callable[[RunContext, Declared, Ends, bool], Statement]


def _among(ctx: RunContext, query: Select[Any], column: Any, *, everything: bool) -> Select[Any]:
    """The query for the ids of its parameter, or for all."""
    return query if everything else query.where(ID_SETS[ctx.app.database.dialect].among(column, "ids"))


def _planned(ctx: RunContext, declared: Declared, scope: Scope, everything: bool) -> Plan:
    """The statements that read lines with what they ask of their headers and of what they use."""
    ends, tables = ends_of(ctx, declared), ctx.app.tables.entity
    header, line, used = tables[ends.header], tables[ends.line], tables[ends.stocked]
    dates = [header.c[name] if name else null() for name in (declared.valid_from, declared.valid_to)]
    sides = (
        _side(ctx, ends.line, line, [line.c.id, line.c.parent, line.c[declared.uses]]),
        _side(ctx, ends.header, header, [header.c.id, header.c[declared.makes], *dates]),
        _side(ctx, ends.stocked, used, [used.c.id], scope.along),
    )
    field = ctx.app.model.entities[ends.line].fields[declared.uses]
    ways = Ways(declared.uses if len(field.targets or field.value.targets) == 1 else "", ends.stocked, ends.header)
    values = (
        (declared.need, _amount),
        (declared.fixed, _amount),
        (declared.step, whole_step),
        (declared.through, bool),
        (_field(ctx, ends.line, declared.loss), _amount),
    )
    terms = [term(ctx, sides, ways, expr, finish) for expr, finish in values]
    lines = _line_query(declared, ends, scope, sides[LINE])
    queries = (
        _among(ctx, lines, line.c.parent, everything=everything).order_by(line.c.parent, line.c.position, line.c.id),
        _among(
            ctx, _header_query(declared, ends, sides[HEADER], header), header.c[declared.makes], everything=everything
        ),
        _among(ctx, sides[USED].query(), used.c.id, everything=False),
    )
    return Plan(
        terms,
        [prepare_statement(ctx, query, side.columns) for query, side in zip(queries, sides, strict=True)],
        [side.first for side in sides],
        [scope.along is not None or len(side.columns) > side.first for side in sides],
    )


def _side(ctx: RunContext, entity: str, table: Table, columns: list[Any], along: Along | None = None) -> Side:
    joiner = Joiner(table)
    scope = sql_scope(ctx, entity, table, joiner)
    return Side(scope, joiner, [*columns, *(along.make(scope, table) if along else ())])


def _field(ctx: RunContext, entity: str, name: str) -> Expr | None:
    """A field of lines as an expression."""
    if not name:
        return None
    path = Path(root="record", entity=entity, steps=(name,), type=ctx.app.model.entities[entity].fields[name].value)
    return ctx.app.programs.expression(path)


def _header_query(declared: Declared, ends: Ends, side: Side, table: Table) -> Select[Any]:
    made, kind = table.c[declared.makes], table.c.get(f"{declared.makes}__type")
    rows: list[ColumnElement[bool]] = [table.c.deleted_at.is_(None), made.is_not(None)]
    if kind is not None:
        rows.append(kind == bindparam("target", type_=Text()))
    if declared.where is not None and stands_on(declared.where) != ends.line:
        rows.append(to_where(declared.where, side.scope))
    return side.query().where(*rows)


def _line_query(declared: Declared, ends: Ends, scope: Scope, side: Side) -> Select[Any]:
    rows: list[ColumnElement[bool]] = [side.columns[2].is_not(None)]
    if declared.where is not None and stands_on(declared.where) == ends.line:
        rows.append(to_where(declared.where, side.scope))
    if scope.where is not None:  # judges what is used, not what is only passed through
        passed = false() if declared.through is None else to_where(declared.through, side.scope)
        rows.append(or_(to_where(scope.where, side.scope), passed))
    return side.query().where(*rows)


def _instead(ctx: RunContext, declared: Declared, ends: Ends, everything: bool) -> Statement:
    """The alternates of lines."""
    link = ctx.app.tables.links[ends.line, declared.instead]
    query = _among(ctx, select(link.c.owner, link.c.value), link.c.owner, everything=everything)
    return prepare_statement(ctx, query.order_by(link.c.owner, link.c.position), [link.c.owner, link.c.value])


def _also(ctx: RunContext, declared: Declared, ends: Ends, everything: bool) -> Statement:
    """What comes out besides."""
    table = ctx.app.tables.entity[ctx.app.model.entities[ends.header].fields[declared.also_lines].lines]
    names = (declared.also_item, declared.also_quantity, declared.also_share)
    columns = [table.c.parent, *(table.c[name] if name else null() for name in names)]
    query = _among(ctx, select(*columns), table.c.parent, everything=everything)
    return prepare_statement(ctx, query.order_by(table.c.id), columns)


def _amount(value: Decimal | None) -> Decimal:
    return value or ZERO


def stands_on(expr: Expr) -> str:
    """The entity of the record an expression stands on ("" where it reads none of its fields)."""
    return next((n.entity for n in walk(expr.tree) if isinstance(n, Path) and n.root == "record"), "")


def items_of(values: Iterable[object]) -> frozenset[Key]:
    """The products among values that may be empty."""
    return frozenset(value for value in values if value is not None)
