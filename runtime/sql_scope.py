"""What the SQL reading of an expression stands on: the current row, who asks, what day it is, and joins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import ColumnElement, FromClause, Select, Table, and_, column, table

from engine.expressions.types import Kind, Type
from engine.model import AppModel, Entity

if TYPE_CHECKING:
    from runtime.tables import Tables

Sql = ColumnElement[Any]
LEAN = "lean"


class NotInSql(ValueError):
    """The expression cannot be computed by a database; the caller computes it in Python."""


def again(whole: FromClause) -> FromClause:
    """The table once more in a statement, under a name of its own.

    Like ``whole.alias()``, but of columns that know their name and type only: making forty columns with their foreign
    keys anew for every place that looks up one of them was most of the time that a first look at a dashboard took.
    """
    if not isinstance(whole, Table):
        return whole.alias()
    if LEAN not in whole.info:
        columns = (column(each.name, each.type) for each in whole.c)
        whole.info[LEAN] = table(whole.name, *columns, schema=whole.schema)
    lean: FromClause = whole.info[LEAN]
    return lean.alias()


class Row(Protocol):
    """A record inside a statement: its entity (or ``ledger.<id>``) and its columns by name (``id`` included)."""

    @property
    def entity(self) -> str: ...

    def column(self, name: str) -> Sql | None: ...


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table or alias of the statement."""

    entity: str
    table: FromClause

    def column(self, name: str) -> Sql | None:
        """The column called so."""
        return self.table.c.get(name)


class MemoryRow:
    """Records at hand, saved or not, as rows of a statement: ``columns`` by path (``parent.partner``).

    ``wanted`` gathers the paths that were asked for, so the caller knows which values to send along.
    ``owners``: the entities of owners that are at hand too, nearest first.
    """

    def __init__(self, entity: str, columns: Mapping[str, Sql], owners: tuple[str, ...] = (), prefix: str = "") -> None:
        self.entity = entity
        self.wanted: dict[str, None] = {}
        self._columns = columns
        self._owners = owners
        self._prefix = prefix

    def column(self, name: str) -> Sql | None:
        """The column of a value that the records bring along."""
        path = self._prefix + name
        if path not in self._columns:
            return None
        self.wanted.setdefault(path)
        return self._columns[path]

    def beside(self, name: str) -> MemoryRow | None:
        """The owner, if it is at hand."""
        if name != "parent" or not self._owners:
            return None
        owner = MemoryRow(self._owners[0], self._columns, self._owners[1:], f"{self._prefix}parent.")
        owner.wanted = self.wanted
        return owner


class Joiner:
    """Collects LEFT JOINs for the references that a list's columns, filters and sort go through."""

    def __init__(self, base: FromClause) -> None:
        self.base = base
        self._aliases: dict[tuple[str, ...], tuple[FromClause, Sql]] = {}

    def row(self, steps: tuple[str, ...], entity: str, table: FromClause, key: Sql) -> TableRow:
        """The joined row reached by ``steps``; ``key`` is the reference's column."""
        if steps not in self._aliases:
            alias = again(table)
            self._aliases[steps] = (alias, and_(alias.c.id == key))
        return TableRow(entity, self._aliases[steps][0])

    def known_by(self, keys: Iterable[tuple[str, ...]]) -> list[Sql]:
        """Ids of the joined rows that these references lead to: who groups by a reference groups by them too, so that
        PostgreSQL knows that a group has one such row."""
        return [self._aliases[steps][0].c.id for steps in keys if steps in self._aliases]

    def apply(self, statement: Select[Any]) -> Select[Any]:
        """``statement`` over the base table with all joins."""
        joined: FromClause = self.base
        for alias, condition in self._aliases.values():
            joined = joined.outerjoin(alias, condition)
        return statement.select_from(joined)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlScope:
    """``record``: the row of bare names. ``this``: the row one stands on, where it is another. ``given``: the
    rows that aggregates without a set run over; such aggregates are plain ones of the statement, so the caller
    groups. ``member``: id of the user's record; it and the moment may be parameters. ``values``: further names
    (``period.start``, ``before``) to a value, a column (numbers as integers at the scale of their type) or a
    ``Row``. ``joiner``: join references instead of looking up. ``withheld``: somebody reads the result, so what
    is not to be seen now is empty.
    """

    model: AppModel
    tables: Tables
    dialect: str
    record: Row | None = None
    this: Row | None = None
    given: Row | None = None
    member: int | Sql | None = None
    today: date | Sql | None = None
    now: datetime | Sql | None = None
    values: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    joiner: Joiner | None = None
    withheld: bool = False

    def table(self, entity: str) -> FromClause:
        """The table of an entity."""
        return self.tables.entity[entity]


STANDARD: Mapping[str, Type] = MappingProxyType(
    {
        "created_at": Type(kind=Kind.MOMENT),
        "changed_at": Type(kind=Kind.MOMENT),
        "created_by": Type(kind=Kind.REFERENCE),
        "changed_by": Type(kind=Kind.REFERENCE),
    }
)


def targets_of(model: AppModel, entity: str, name: str) -> tuple[str, ...]:
    """The entities that a step of a path may lead to."""
    if entity.startswith("ledger."):
        dimension = model.ledgers[entity.removeprefix("ledger.")].dimensions.get(name)
        return dimension.targets if dimension else ()
    owner: Entity = model.entities[entity]
    if name == "parent" and owner.parent:
        return (owner.parent,)
    found = owner.fields.get(name)
    return (found.targets or found.value.targets) if found else ()
