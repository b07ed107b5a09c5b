"""A declared structure as data of the planning algorithms: read level by level, computed by the database.

Only what lies below the asked products is read; without products, everything. Statements are made once a day.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import FromClause, Select, false, literal, or_, select, true

from engine.expressions.tree import Expr, Path, walk
from engine.model import Structure as Declared
from engine.planning.structure import Also, Key, Line, Structure, Version, structure_of, whole_step
from runtime.context import RunContext
from runtime.id_sets import ID_SETS
from runtime.planning_reading import Reading, reader_of
from runtime.record_rows import read_links
from runtime.sql import Joiner, SqlScope, TableRow, to_where
from runtime.values import Ref

ZERO = Decimal(0)
Made = TypeVar("Made")
MANY = 60
"""Products on one level above which the whole structure is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How far to read. ``items``: products asked for (``None``: all). ``deep``: below what is stocked too.

    ``where``: a further condition on component lines. ``extras``: alternates and by-products as well.
    """

    items: frozenset[Key] | None = None
    deep: bool = True
    where: Expr | None = None
    extras: bool = False


def load(ctx: RunContext, structure: str, scope: Scope) -> Structure:
    """Read a structure as far as ``scope`` says."""
    declared = ctx.app.model.structures[structure]
    reading = _Reading(ctx, declared, scope)
    wanted: set[Key] | None = None if scope.items is None else set(scope.items)
    while wanted is None or wanted:
        if wanted is not None and len(wanted) > MANY:  # reading everything costs less than naming so many
            reading, wanted = _Reading(ctx, declared, scope), None
        found = reading.level(wanted)
        wanted = found - reading.seen if wanted is not None else set()
    return structure_of(reading.versions)


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

    def __init__(self, ctx: RunContext, declared: Declared, scope: Scope) -> None:
        self.ctx = ctx
        self.declared = declared
        self.scope = scope
        self.ends = ends_of(ctx, declared)
        self.seen: set[Key] = set()
        self.versions: list[Version] = []

    def level(self, items: set[Key] | None) -> set[Key]:
        """Read the versions of ``items``; what they are made of."""
        self.seen |= items or set()
        headers = list(self._headers(items))
        lines = self._lines([header[0] for header in headers], everything=items is None)
        also = self._also([header[0] for header in headers]) if self.scope.extras else {}
        for header, item, begins, ends in headers:
            self.versions.append(Version(header, item, lines.get(header, ()), begins, ends, also.get(header, ())))
        each = (line for header in headers for line in lines.get(header[0], ()))
        return {line.item for line in each if self.scope.deep or line.through}

    # --- headers ---------------------------------------------------------------------------------------------

    def _headers(self, items: set[Key] | None) -> Iterator[tuple[int, Key, date | None, date | None]]:
        ends = self.ends
        if items is None:
            for target in ends.makes:
                yield from self._of_target(target, None)
            return
        by_entity: dict[str, list[int]] = {}
        for item in items:
            entity, record = (item.entity, item.id) if isinstance(item, Ref) else (ends.stocked, item)
            by_entity.setdefault(entity, []).append(record)  # type: ignore[arg-type]
        for target in ends.makes:
            if ids := by_entity.get(target):
                yield from self._of_target(target, sorted(ids))

    def _of_target(self, target: str, ids: list[int] | None) -> Iterator[tuple[int, Key, date | None, date | None]]:
        query = self._kept(("headers", target, ids is None), lambda: self._header_query(target, everything=ids is None))
        sent = {} if ids is None else {"ids": ID_SETS[self.ctx.app.database.dialect].pack(ids)}
        for header, made, begins, ends in self.ctx.connection.execute(query, sent).all():
            yield header, self.ends.key(target, made), begins, ends

    def _header_query(self, target: str, *, everything: bool) -> Select[Any]:
        declared, table = self.declared, self.ctx.app.tables.entity[self.ends.header]
        made = table.c[declared.makes]
        begins, ends = (table.c[name] if name else literal(None) for name in (declared.valid_from, declared.valid_to))
        query = select(table.c.id, made, begins, ends).where(table.c.deleted_at.is_(None), made.is_not(None))
        kind = table.c.get(f"{declared.makes}__type")
        if kind is not None:
            query = query.where(kind == target)
        where = declared.where
        if where is not None and stands_on(where) != self.ends.line:
            query = query.where(to_where(where, sql_scope(self.ctx, self.ends.header, table)))
        if everything:
            return query
        return query.where(ID_SETS[self.ctx.app.database.dialect].among(made, "ids"))

    # --- lines -----------------------------------------------------------------------------------------------

    def _lines(self, headers: Sequence[int], *, everything: bool) -> dict[int, list[Line]]:
        key = ("lines", everything, id(self.scope.where) if self.scope.where else 0)
        query, readings = self._kept(key, lambda: self._line_query(everything=everything))
        read = reader_of(readings)
        found: dict[int, list[Line]] = {header: [] for header in headers}
        ids = ID_SETS[self.ctx.app.database.dialect]
        for row in self.ctx.connection.execute(query, {} if everything else {"ids": ids.pack(headers)}).all():
            lines = found.get(row[1])
            if lines is not None:
                need, fixed, step, through, loss = read(row)
                lines.append(Line(row[0], row[2], need, fixed, step, through, (), loss))
        return self._with_instead(found) if self.scope.extras and self.declared.instead else found

    def _line_query(self, *, everything: bool) -> tuple[Select[Any], tuple[Reading, ...]]:
        declared, table = self.declared, self.ctx.app.tables.entity[self.ends.line]
        joiner = Joiner(table)
        scope = sql_scope(self.ctx, self.ends.line, table, joiner)
        columns: list[Any] = [table.c.id, table.c.parent, table.c[declared.uses]]
        readings = []
        for expr, finish in (
            (declared.need, _amount),
            (declared.fixed, _amount),
            (declared.step, whole_step),
            (declared.through, bool),
        ):
            reading = Reading(self.ctx, expr, finish, scope, len(columns))
            columns.extend(reading.columns)
            readings.append(reading)
        readings.append(Reading.of(table.c[declared.loss] if declared.loss else None, _amount, len(columns)))
        columns.extend(readings[-1].columns)
        where = declared.where
        conditions = [to_where(where, scope)] if where is not None and stands_on(where) == self.ends.line else []
        if self.scope.where is not None:  # judges what is used, not what is only passed through
            passed = false() if declared.through is None else to_where(declared.through, scope)
            conditions.append(or_(to_where(self.scope.where, scope), passed))
        query = joiner.apply(select(*columns)).where(table.c[declared.uses].is_not(None), *(conditions or [true()]))
        if not everything:
            query = query.where(ID_SETS[self.ctx.app.database.dialect].among(table.c.parent, "ids"))
        return query.order_by(table.c.parent, table.c.position, table.c.id), tuple(readings)

    def _with_instead(self, found: Mapping[int, list[Line]]) -> dict[int, list[Line]]:
        ids = [line.id for lines in found.values() for line in lines]
        instead = self._links(ids)
        for lines in found.values():
            for place, line in enumerate(lines):
                if line.id in instead:
                    lines[place] = line._replace(instead=instead[line.id])
        return dict(found)

    def _links(self, ids: Sequence[int]) -> Mapping[int, tuple[Key, ...]]:
        """The alternates of lines."""
        if len(ids) <= MANY:
            return read_links(self.ctx, self.ends.line, self.declared.instead, ids)
        link = self.ctx.app.tables.links[self.ends.line, self.declared.instead]
        found: dict[int, tuple[Key, ...]] = {}
        query = select(link.c.owner, link.c.value).order_by(link.c.owner, link.c.position)
        for owner, value in self.ctx.connection.execute(query):
            found[owner] = (*found.get(owner, ()), value)
        return found

    def _also(self, headers: Sequence[int]) -> dict[int, list[Also]]:
        """By-products of each version."""
        declared = self.declared
        if not declared.also_lines:
            return {}
        entity = self.ctx.app.model.entities[self.ends.header].fields[declared.also_lines].lines
        table = self.ctx.app.tables.entity[entity]
        names = (declared.also_item, declared.also_quantity, declared.also_share)
        columns = [table.c[name] if name else literal(None) for name in names]
        ids = ID_SETS[self.ctx.app.database.dialect]
        query = select(table.c.parent, *columns).where(ids.among(table.c.parent, "ids")).order_by(table.c.id)
        found: dict[int, list[Also]] = {}
        for parent, item, quantity, share in self.ctx.connection.execute(query, {"ids": ids.pack(headers)}):
            if item is not None:
                found.setdefault(parent, []).append(Also(item, quantity or ZERO, share or ZERO))
        return found

    def _kept(self, key: tuple[Hashable, ...], make: Callable[[], Made]) -> Made:
        whole = ("structure", self.declared.id, self.ctx.today(), self.ctx.connection.dialect.name, *key)
        return self.ctx.app.programs.keep(whole, make)


def _amount(value: Decimal | None) -> Decimal:
    return value or ZERO


def stands_on(expr: Expr) -> str:
    """The entity of the record an expression stands on ("" where it reads none of its fields)."""
    return next((n.entity for n in walk(expr.tree) if isinstance(n, Path) and n.root == "record"), "")


def items_of(values: Iterable[object]) -> frozenset[Key]:
    """The products among values that may be empty."""
    return frozenset(value for value in values if value is not None)
