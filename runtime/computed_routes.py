"""From changed records to the records whose formulas read them, step by step of a route.

The first step may stand on rows at hand, as they are and as they were: a reference that was moved concerns both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, or_, select

from engine.dependencies import Route, Step
from engine.expressions.tree import Path
from engine.expressions.types import EMPTY
from engine.model import EntityKind
from runtime.columns import is_link
from runtime.context import RunContext
from runtime.id_sets import ID_SETS
from runtime.prepared import Statement, prepare_statement
from runtime.record_inputs import Workspace
from runtime.row_rules import scope_of
from runtime.sql import to_sql
from runtime.values import Ref

Row = dict[str, Any]
NOTHING = frozenset((None,))


@dataclass(frozen=True)
class Touched:
    """Records of ``entity`` that changed: rows at hand (new and old states), or ids only. ``fresh``: just made.

    ``leads``: what references of the records name, by their column, where it was read with them. ``same``: what tells
    it from another set of the same entity; two sets with one mark are the same.
    """

    entity: str
    rows: Sequence[Row] = ()
    ids: tuple[int, ...] = ()
    fresh: frozenset[int] = field(default_factory=frozenset)
    leads: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    same: Hashable = None

    @cached_property
    def key(self) -> frozenset[int]:
        """The ids of all."""
        return frozenset([*self.ids, *[row["id"] for row in self.rows]])

    def states(self, at: Workspace) -> Sequence[Row]:
        """The rows; read where only ids are known."""
        if self.rows:
            return self.rows
        at.need(self.entity, self.ids)
        return [row for i in self.ids if (row := at.known(self.entity, i)) is not None]


def walk(at: Workspace, route: Route, start: Touched, end: str = "") -> set[int]:
    """The records at the end of a route; ``end``: only those of this entity, where it could lead to others."""
    if not route:
        return set(start.key)
    here = start
    for step in route[:-1]:
        ids = STEPS[step.kind](at, step, here, "")
        if not ids:
            return ids
        here = Touched(_leads_to(at, step), (), tuple(sorted(ids)))
    return STEPS[route[-1].kind](at, route[-1], here, end)


def _leads_to(at: Workspace, step: Step) -> str:
    if step.kind == "lines_to_parent":
        return at.model.entities[step.entity].parent
    if step.kind == "matching":
        return step.target
    if step.kind == "follow":
        entity, name = step.entity, ""
        for name in step.field.split("."):
            owner = at.model.entities[entity]
            entity = owner.parent if name == "parent" else (owner.fields[name].targets or ("",))[0]
        return entity
    return step.entity


def _parent_to_lines(at: Workspace, step: Step, here: Touched, end: str) -> set[int]:
    """Records at hand carry their lines."""
    name = next((f.id for f in at.model.entities[here.entity].fields.values() if f.lines == step.entity), "")
    if here.rows and all(name in row for row in here.rows):
        lines = [line for row in here.rows for line in row[name]]
        at.keep(step.entity, lines)
        return {line["id"] for line in lines}
    table = at.ctx.app.tables.entity[step.entity]
    return _ids(at.ctx, ("lines", step.entity), lambda: (select(table.c.id), table.c.parent), here.key)


def _lines_to_parent(at: Workspace, step: Step, here: Touched, end: str) -> set[int]:
    if "parent" in here.leads:
        return set(here.leads["parent"])
    if not here.rows:
        table = at.ctx.app.tables.entity[step.entity]
        owners_of = ("owners", step.entity)
        return _ids(at.ctx, owners_of, lambda: (select(table.c.parent).distinct(), table.c.id), here.ids)
    owners = (row.get("parent") for row in here.rows)
    return {o["id"] if isinstance(o, dict) else o for o in owners if o is not None}


def _reference_reverse(at: Workspace, step: Step, here: Touched, end: str) -> set[int]:
    """Nothing names a record that was just made."""
    named = here.key - here.fresh
    if not named:
        return set()
    mark = ("naming", step.entity, step.field, here.entity)
    return _ids(at.ctx, mark, lambda: _naming(at, step, here.entity), named)


def _naming(at: Workspace, step: Step, entity: str) -> Asking:
    """Those whose reference names records of ``entity``."""
    spec = at.model.entities[step.entity].fields[step.field]
    table = at.ctx.app.tables.entity[step.entity]
    if is_link(spec):
        link = at.ctx.app.tables.links[step.entity, step.field]
        return select(link.c.owner), link.c.value
    query = select(table.c.id)
    if f"{step.field}__type" in table.c:
        query = query.where(table.c[f"{step.field}__type"] == entity)
    return query, table.c[step.field]


def _follow(at: Workspace, step: Step, here: Touched, end: str) -> set[int]:
    if step.field in here.leads:
        return _led(here, step.field, end)
    if here.rows and all([step.field in row for row in here.rows]):  # noqa: C419  a list is a call less a row
        at_hand = {row[step.field] for row in here.rows} - NOTHING
        return {i for value in at_hand for i in _named(value)} if at_hand else set()
    read = bool(here.rows) or all(at.known(here.entity, i) is not None for i in here.ids)
    if not read and "." not in step.field and step.field != "parent":
        found = _named_by(at, step, here, end)
        if found is not None:
            return found
    rows = here.states(at)
    found = set()
    for value in at.follow(step.entity, list(rows), tuple(step.field.split("."))):
        found.update(_named(value))
    return found


def _led(here: Touched, name: str, end: str) -> set[int]:
    """What a reference names that was read with the records."""
    kinds = here.leads.get(f"{name}__type")
    if kinds is not None and end:
        return {i for i, kind in zip(here.leads[name], kinds, strict=True) if kind == end and i is not None}
    found = set(here.leads[name])
    found.discard(None)
    return found


def leading(ctx: RunContext, entity: str, routes: Iterable[Route]) -> frozenset[str]:
    """The columns of an entity's table by which the first steps of these routes go on."""
    table, found = ctx.app.tables.entity[entity], set[str]()
    for step in (route[0] for route in routes if route):
        if step.kind == "lines_to_parent" and step.entity == entity:
            found.add("parent")
        elif step.kind == "follow" and step.entity == entity and step.field != "parent" and step.field in table.c:
            found.update(name for name in (step.field, f"{step.field}__type") if name in table.c)
    return frozenset(found)


def _named_by(at: Workspace, step: Step, here: Touched, end: str) -> set[int] | None:
    """What a reference of saved records names; ``None`` where it is not kept in a column."""
    table = at.ctx.app.tables.entity[step.entity]
    if step.field not in table.c:
        return None
    kind = table.c.get(f"{step.field}__type")

    def naming() -> Asking:
        query = select(table.c[step.field]).distinct().where(table.c[step.field].is_not(None))
        return query.where(kind == end) if kind is not None and end else query, table.c.id

    return _ids(at.ctx, ("named", step.entity, step.field, end), naming, here.ids)


def _named(value: object) -> Iterable[int]:
    if isinstance(value, Ref):
        return (value.id,)
    if isinstance(value, int):
        return (value,)
    return [i for one in value for i in _named(one)] if isinstance(value, tuple) else ()


def _matching(at: Workspace, step: Step, here: Touched, end: str) -> set[int]:
    """Records whose paths have the values that the rows have or had."""
    rows = list(here.states(at))
    columns = [at.follow(step.entity, rows, on_row) if on_row else [r["id"] for r in rows] for on_row, _ in step.pairs]
    keys = sorted({key for key in zip(*columns, strict=True) if all(v is not None for v in key)}, key=str)
    if all(not on_record for _, on_record in step.pairs):
        return {i for key in keys for i in _named(key[0])}
    table = at.ctx.app.tables.entity[step.target]
    scope = scope_of(at.ctx, step.target, table)
    sides = [
        to_sql(Path(root="record", entity=step.target, steps=on_record, type=EMPTY), scope) if on_record else table.c.id
        for _, on_record in step.pairs
    ]
    found: set[int] = set()
    for begin in range(0, len(keys), 400):
        chunk = keys[begin : begin + 400]
        condition: ColumnElement[bool]
        if len(sides) == 1:
            condition = sides[0].in_([key[0] for key in chunk])
        else:
            condition = or_(*(and_(*(s == v for s, v in zip(sides, key, strict=True))) for key in chunk))
        found.update(at.ctx.connection.execute(select(table.c.id).where(condition)).scalars())
    return found


def _all(at: Workspace, step: Step, here: Touched, end: str) -> set[int]:
    table = at.ctx.app.tables.entity[step.entity]
    query = select(table.c.id)
    if at.model.entities[step.entity].kind is not EntityKind.LINES:
        query = query.where(table.c.deleted_at.is_(None))
    return set(at.ctx.connection.execute(query).scalars())


Asking: TypeAlias = tuple[Select[Any], ColumnElement[Any]]
"""What is asked for, and the column that is to be one of the ids given."""


def _ids(ctx: RunContext, mark: tuple[str, ...], make: Callable[[], Asking], values: Iterable[int]) -> set[int]:
    """What a statement (made once for each ``mark``) finds for these ids."""
    sets = ID_SETS[ctx.app.database.dialect]

    def prepared() -> Statement:
        query, column = make()
        statement = query.where(sets.among(column, "_ids"))
        return prepare_statement(ctx, statement, list(statement.selected_columns))

    found = ctx.app.programs.keep(("step", *mark), prepared)
    read = found.run if found.returns else found.fetch
    return {row[0] for row in read(ctx, {"_ids": sets.pack(sorted(values))})}


STEPS: Mapping[str, Callable[[Workspace, Step, Touched, str], set[int]]] = {
    "parent_to_lines": _parent_to_lines,
    "lines_to_parent": _lines_to_parent,
    "reference_reverse": _reference_reverse,
    "follow": _follow,
    "matching": _matching,
    "all": _all,
}
