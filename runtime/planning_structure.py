"""A declared structure as data of the planning algorithms: read level by level, expressions evaluated set-wise.

Only what lies below the asked products is read; without products, everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from engine.expressions.tree import Expr, Path, walk
from engine.model import Structure as Declared
from engine.planning.structure import Also, Key, Line, Structure, Version, structure_of, whole_step
from runtime.context import RunContext
from runtime.record_inputs import Workspace
from runtime.record_rows import CHUNK, read_links, read_rows, reader
from runtime.values import Ref

Row = dict[str, Any]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A structure read. ``lines``: rows of its component lines by id, with their header under ``parent``."""

    structure: Structure
    lines: Mapping[int, Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How far to read. ``items``: products asked for (``None``: all). ``deep``: below what is stocked too.

    ``where``: a further condition on component lines. ``extras``: alternates and by-products as well.
    """

    items: frozenset[Key] | None = None
    deep: bool = True
    where: Expr | None = None
    extras: bool = False


def load(ctx: RunContext, structure: str, scope: Scope) -> Loaded:
    """Read a structure as far as ``scope`` says."""
    reading = _Reading(ctx, ctx.app.model.structures[structure], scope)
    if scope.items is None:
        reading.level(None)
    else:
        wanted = set(scope.items)
        while wanted:
            wanted = reading.level(wanted) - reading.seen
    return Loaded(structure=structure_of(reading.versions), lines=reading.lines)


class _Reading:
    def __init__(self, ctx: RunContext, declared: Declared, scope: Scope) -> None:
        model = ctx.app.model
        self.ctx = ctx
        self.declared = declared
        self.scope = scope
        self.at = Workspace(ctx)
        self.header = model.entities[declared.entity]
        self.line_entity = self.header.fields[declared.lines].lines
        uses = model.entities[self.line_entity].fields[declared.uses]
        self.stocked = (uses.targets or uses.value.targets)[0]
        self.makes_entity = self.header.fields[declared.makes].targets
        self.seen: set[Key] = set()
        self.versions: list[Version] = []
        self.lines: dict[int, Row] = {}

    def level(self, items: set[Key] | None) -> set[Key]:
        """Read the versions of ``items``; what is to be read next."""
        self.seen |= items or set()
        headers = self._headers(items)
        lines = self._lines(headers)
        made = {line["id"]: line_of for line, line_of in zip(lines, self._values(lines), strict=True)}
        by_header: dict[int, list[Line]] = {header: [] for header in headers}
        for line in lines:
            by_header[line["parent"]["id"]].append(made[line["id"]])
            self.lines[line["id"]] = line
        also = self._also(headers) if self.scope.extras else {}
        for header, row in headers.items():
            self.versions.append(self._version(row, by_header[header], also.get(header, ())))
        return {line.item for line in made.values() if self.scope.deep or line.through}

    def _version(self, row: Row, lines: Sequence[Line], also: Sequence[Also]) -> Version:
        begins, ends = (row.get(name) if name else None for name in (self.declared.valid_from, self.declared.valid_to))
        return Version(row["id"], self.key(row[self.declared.makes]), lines, _day(begins), _day(ends), also)

    def key(self, value: object) -> Key:
        """What a reference names, as key: the id for things that components are, else the reference itself."""
        if isinstance(value, Ref) and value.entity == self.stocked:
            return value.id
        if isinstance(value, int) and len(self.makes_entity) == 1 and self.makes_entity[0] != self.stocked:
            return Ref(self.makes_entity[0], value)
        return value

    # --- headers ---------------------------------------------------------------------------------------------

    def _headers(self, items: set[Key] | None) -> dict[int, Row]:
        table = self.ctx.app.tables.entity[self.header.id]
        made = reader(self.ctx, self.header.id)
        query = made.statement.where(table.c.deleted_at.is_(None))
        found: dict[int, Row] = {}
        for condition in self._makes(items):
            for values in self.ctx.connection.execute(query.where(condition) if condition is not None else query):
                row = made.record(values)
                if row[self.declared.makes] is not None:
                    found[row["id"]] = row
        where = self.declared.where
        if where is not None and stands_on(where) != self.line_entity and found:
            held = self.at.evaluate(where, list(found.values()), None, self.header.id)
            found = {i: row for (i, row), holds in zip(found.items(), held, strict=True) if holds}
        return found

    def _makes(self, items: set[Key] | None) -> Iterator[Any]:
        """Conditions that find the headers which make ``items``, a chunk at a time."""
        if items is None:
            yield None
            return
        column = self.ctx.app.tables.entity[self.header.id].c[self.declared.makes]
        kind = self.ctx.app.tables.entity[self.header.id].c.get(f"{self.declared.makes}__type")
        by_entity: dict[str, list[int]] = {}
        for item in items:
            ref = item if isinstance(item, Ref) else Ref(self.stocked, item)  # type: ignore[arg-type]
            by_entity.setdefault(ref.entity, []).append(ref.id)
        for entity, ids in sorted(by_entity.items()):
            if kind is None and self.makes_entity[0] != entity:
                continue
            for start in range(0, len(ids), CHUNK):
                condition = column.in_(sorted(ids)[start : start + CHUNK])
                yield condition if kind is None else condition & (kind == entity)

    # --- lines -----------------------------------------------------------------------------------------------

    def _lines(self, headers: Mapping[int, Row]) -> list[Row]:
        table = self.ctx.app.tables.entity[self.line_entity]
        made = reader(self.ctx, self.line_entity)
        order = (table.c.parent, table.c.position, table.c.id)
        everything = self.scope.items is None
        found: list[Row] = []
        owners = sorted(headers)
        for start in range(0, 1 if everything else len(owners), CHUNK):
            query = made.statement.order_by(*order)
            if not everything:
                query = query.where(table.c.parent.in_(owners[start : start + CHUNK]))
            for values in self.ctx.connection.execute(query):
                row = made.record(values)
                if row["parent"] in headers and row[self.declared.uses] is not None:
                    row["parent"] = headers[row["parent"]]
                    found.append(row)
        for condition in (self.scope.where, self.declared.where):
            if condition is not None and stands_on(condition) == self.line_entity and found:
                held = self.at.evaluate(condition, found, None, self.line_entity)
                found = [row for row, holds in zip(found, held, strict=True) if holds]
        return found

    def _values(self, lines: Sequence[Row]) -> list[Line]:
        if not lines:
            return []
        declared = self.declared
        need = self.at.evaluate(declared.need, lines, None, self.line_entity)
        fixed = self._optional(declared.fixed, lines)
        step = self._optional(declared.step, lines)
        through = self._optional(declared.through, lines)
        instead = self._instead(lines)
        return [
            Line(
                id=line["id"],
                item=self.key(line[declared.uses]),
                need=need[n] or ZERO,
                fixed=fixed[n] or ZERO,
                step=whole_step(step[n]),
                through=bool(through[n]),
                instead=instead.get(line["id"], ()),
                loss=(line.get(declared.loss) or ZERO) if declared.loss else ZERO,
            )
            for n, line in enumerate(lines)
        ]

    def _optional(self, expr: Expr | None, lines: Sequence[Row]) -> list[Any]:
        return [None] * len(lines) if expr is None else self.at.evaluate(expr, lines, None, self.line_entity)

    def _instead(self, lines: Sequence[Row]) -> Mapping[int, tuple[Key, ...]]:
        if not self.scope.extras or not self.declared.instead:
            return {}
        return read_links(self.ctx, self.line_entity, self.declared.instead, [line["id"] for line in lines])

    def _also(self, headers: Mapping[int, Row]) -> dict[int, list[Also]]:
        """By-products, per one made."""
        declared = self.declared
        if not declared.also_lines or not headers:
            return {}
        entity = self.header.fields[declared.also_lines].lines
        table = self.ctx.app.tables.entity[entity]
        ids = select(table.c.id).where(table.c.parent.in_(sorted(headers)))
        rows = read_rows(self.ctx, entity, self.ctx.connection.execute(ids).scalars())
        found: dict[int, list[Also]] = {}
        for row in rows.values():
            share = (row.get(declared.also_share) or ZERO) if declared.also_share else ZERO
            quantity = (row.get(declared.also_quantity) or ZERO) if declared.also_quantity else ZERO
            found.setdefault(row["parent"], []).append(Also(self.key(row[declared.also_item]), quantity, share))
        return found


def stands_on(expr: Expr) -> str:
    """The entity of the record an expression stands on ("" where it reads none of its fields)."""
    return next((n.entity for n in walk(expr.tree) if isinstance(n, Path) and n.root == "record"), "")


def _day(value: object) -> date | None:
    return value if isinstance(value, date) else None


def items_of(values: Iterable[object]) -> frozenset[Key]:
    """The products among values that may be empty."""
    return frozenset(value for value in values if value is not None)
