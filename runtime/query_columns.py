"""Columns of lists: paths through references, as SQL with joins, and what the fetched values become.

A path a person may not see does not exist for him: the fault is the same as for a name nobody declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from sqlalchemy import FromClause, null
from sqlalchemy.types import TypeEngine

from engine.expressions.tree import Path
from engine.expressions.types import INTEGER, MOMENT, Kind
from engine.field_types import FIELD_TYPES
from engine.model import Entity, Field, Text
from runtime.columns import is_link
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.messages import fault, say
from runtime.permissions import READ, rights
from runtime.record_reading import title_fields
from runtime.row_rules import scope_of
from runtime.sort_keys import SORT
from runtime.sql import Joiner, SqlScope, is_withheld, to_sql
from runtime.sql_scope import Row as SqlRow
from runtime.values import ENTERED

Sql = Any
SYSTEM_FIELDS = {
    "id": ("编号 | Id", "integer", INTEGER),
    "version": ("版本 | Version", "integer", INTEGER),
    "created_at": ("创建时间 | Created at", "moment", MOMENT),
    "changed_at": ("修改时间 | Changed at", "moment", MOMENT),
}


@dataclass(frozen=True, slots=True)
class Named:
    """A record referred to, as lists show it."""

    id: int
    code: str | None
    name: str | None
    entity: str = ""

    def __str__(self) -> str:
        return " ".join(word for word in (self.code, self.name) if word) or f"#{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListColumn:
    """One column of a list: where it comes from and what it is. ``entity``: the entity that holds the field."""

    path: str
    field: Field
    entity: str
    label: str

    @property
    def sums(self) -> bool:
        """Whether a total of it makes sense."""
        spec = FIELD_TYPES.get(self.field.type)
        return bool(spec and spec.sums) and not self.field.value.per_unit and not self.field.unit_field

    @property
    def target(self) -> str:
        """The entity a plain reference names."""
        many = self.field.many or self.field.value.many
        targets = self.field.targets or self.field.value.targets
        return targets[0] if self.field.value.kind is Kind.REFERENCE and len(targets) == 1 and not many else ""


def column_of(ctx: RunContext, entity: str, path: str, code: str = "column_unknown") -> ListColumn:
    """The column at ``path``; ``Malformed`` for one that is not there or not to be seen."""
    here = entity
    steps = path.split(".")
    labels: list[str] = []
    for step in steps[:-1]:
        here, label = _hop(ctx, here, step, path, code)
        labels.append(label)
    field = _field(ctx, here, steps[-1])
    if field is None or not _readable(ctx, entity, here, field):
        raise _unknown(ctx, here, path, code)
    labels.append(field.label.get(ctx.language))
    return ListColumn(path=path, field=field, entity=here, label=" · ".join(labels[-2:]))


def _hop(ctx: RunContext, entity: str, step: str, path: str, code: str) -> tuple[str, str]:
    described = ctx.app.model.entities[entity]
    if step == "parent" and described.parent:
        return described.parent, ctx.app.model.entities[described.parent].label.get(ctx.language)
    field = _field(ctx, entity, step)
    targets = (field.targets or field.value.targets) if field else ()
    if field is None or field.lines or is_link(field) or len(targets) != 1:
        raise _unknown(ctx, entity, path, code)
    return targets[0], field.label.get(ctx.language)


def _field(ctx: RunContext, entity: str, name: str) -> Field | None:
    described = ctx.app.model.entities[entity]
    field = described.fields.get(name)
    if field is not None:
        return None if field.lines or name in rights(ctx, entity).hidden else field
    if name in SYSTEM_FIELDS and name in ctx.app.tables.entity[entity].c:
        label, kind, value = SYSTEM_FIELDS[name]
        zh, en = label.split(" | ")
        return Field(id=name, entity=entity, type=kind, value=value, label=Text(zh, en), standard=True)
    return None


def _readable(ctx: RunContext, start: str, entity: str, field: Field) -> bool:
    """Beyond the list's own entity: its name is shown to all, the rest to who may read it."""
    if entity == start or field.id in ("code", "name", "id") or ctx.app.model.entities[start].parent == entity:
        return True
    return rights(ctx, entity).may(READ)


def _unknown(ctx: RunContext, entity: str, path: str, code: str) -> Malformed:
    hidden = rights(ctx, entity).hidden
    known = [n for n, f in ctx.app.model.entities[entity].fields.items() if n not in hidden and not f.lines]
    near = get_close_matches(path.rpartition(".")[2][:60], known, 1)
    hint = say(ctx, "did_you_mean", near=near[0]) if near else ""
    return Malformed(fault(ctx, code, path[:80], given=path[:80], hint=hint))


def column_if_seen(ctx: RunContext, entity: str, path: str) -> ListColumn | None:
    """The column at ``path``, where there is one that may be seen."""
    try:
        return column_of(ctx, entity, path)
    except Malformed:
        return None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the values of a column begin in a row of the statement, of what types they are, and what they make:
    ``one`` value, a ``record`` (id, code, name), a ``ratio``, a reference to ``either`` of several entities; ``links``
    stand in a table of their own."""

    column: ListColumn
    start: int
    kinds: tuple[TypeEngine[Any], ...]
    shape: str


class ColumnSql:
    """Builds the SQL of columns of one list over ``table``."""

    def __init__(self, ctx: RunContext, entity: str, table: FromClause, this: SqlRow | None = None) -> None:
        self.ctx = ctx
        self.entity = entity
        self.table = table
        self.joiner = Joiner(table)
        self.scope: SqlScope = replace(
            scope_of(ctx, entity, table, self.joiner), this=this, withheld=not ctx.user.is_system
        )

    def value(self, column: ListColumn) -> Sql:
        """The value to filter and sort by."""
        if "." not in column.path and column.path in self.table.c and not is_withheld(column.field):
            return self.table.c[column.path]
        steps = tuple(column.path.split("."))
        return to_sql(Path(root="record", entity=self.entity, steps=steps, type=column.field.value), self.scope)

    def key(self, column: ListColumn) -> Sql:
        """The stored key by which a name is put in order."""
        if "." not in column.path:
            return self.table.c[column.path + SORT]
        *way, last = column.path.split(".")
        node = Path(root="record", entity=self.entity, steps=(*way, last + SORT), type=column.field.value)
        return to_sql(node, self.scope)

    def select(self, columns: Sequence[ListColumn], start: int) -> tuple[list[Sql], tuple[Place, ...]]:
        """What to fetch for ``columns``, behind ``start`` other values, and where in a row each of them then stands."""
        sql: list[Sql] = []
        places: list[Place] = []
        for column in columns:
            shape, values = self._fetched(column)
            places.append(Place(column, start + len(sql), tuple(value.type for value in values), shape))
            sql.extend(values)
        return sql, tuple(places)

    def _fetched(self, column: ListColumn) -> tuple[str, list[Sql]]:
        field = column.field
        if is_link(field):
            return "links", []
        if column.target and column.target in self.ctx.app.model.entities:
            return "record", self._named(column)
        own = self.table.c if "." not in column.path else None
        if field.type == "ratio" and own is not None and f"{field.id}__num" in own:
            return "ratio", [own[f"{field.id}__num"], own[f"{field.id}__den"]]
        if own is not None and f"{field.id}__type" in own:
            return "either", [own[field.id], own[f"{field.id}__type"]]
        if own is not None and field.formula is None and field.id + ENTERED in own:
            return "one", [own[field.id + ENTERED]]
        return "one", [self.value(column)]

    def _named(self, column: ListColumn) -> list[Sql]:
        target: Entity = self.ctx.app.model.entities[column.target]
        shown = title_fields(self.ctx, target, rights(self.ctx, target.id))
        steps = tuple(column.path.split("."))
        found = [self.value(column)]
        for name in ("code", "name"):
            if name in shown:
                kind = target.fields[name].value
                node = Path(root="record", entity=self.entity, steps=(*steps, name), type=kind)
                found.append(to_sql(node, self.scope))
            else:
                found.append(null())
        return found
