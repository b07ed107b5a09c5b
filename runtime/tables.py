"""AppModel → SQLAlchemy tables: real columns, foreign keys and the indexes that the declared lists need.

Requiredness is not in the tables: it depends on conditions, so the write door keeps it. That also means no field
ever costs a copy of its table on SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

from engine.expressions.tree import Binary, Expr, Literal, Node, Path
from engine.model import AppModel, Entity, EntityKind, View
from runtime.columns import ColumnPlan, Id, Moment, column_plans, is_link, link_plan
from runtime.ledgers.tables import LedgerTables, ledger_tables
from runtime.sort_keys import SORT, SORT_TYPE, sorted_fields
from runtime.system_tables import SystemTables, system_tables

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

LONGEST_NAME = 63
"""Bytes of a name that PostgreSQL keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """All tables of an app. ``entity`` by entity id; ``links`` by (entity id, field id)."""

    metadata: MetaData
    entity: Mapping[str, Table]
    links: Mapping[tuple[str, str], Table]
    ledgers: LedgerTables
    system: SystemTables

    @property
    def moves(self) -> Mapping[str, Table]:
        """The moves of each ledger."""
        return self.ledgers.moves

    @property
    def balance(self) -> Mapping[str, Table]:
        """The balances of each ledger at its finest key."""
        return self.ledgers.balance

    @property
    def total(self) -> Mapping[tuple[str, str], Table]:
        """The balances of (ledger, total)."""
        return self.ledgers.total


def build_tables(model: AppModel, schema: str = "") -> Tables:
    """The tables of ``model``. With ``schema`` names are qualified; without, the search path finds them."""
    metadata = MetaData(schema=schema or None, naming_convention=NAMES)
    system = system_tables(metadata)
    own = [e for e in model.entities.values() if e.kind is not EntityKind.SYSTEM]
    entity = {e.id: _entity_table(e, metadata) for e in own}
    links = {
        (e.id, field.id): _link_table(e, link_plan(field), field.id, metadata)
        for e in own
        for field in e.fields.values()
        if is_link(field)
    }
    for each in own:
        _add_indexes(each, entity[each.id])
    kept = {t.name.removeprefix("dg_"): t for t in system.all()}
    shown = {e: kept[e] for e, entry in model.entities.items() if entry.kind is EntityKind.SYSTEM and e in kept}
    return Tables(
        metadata=metadata,
        entity=MappingProxyType({**entity, **shown}),
        links=MappingProxyType(links),
        ledgers=ledger_tables(model, metadata, entity),
        system=system,
    )


def table_name(entity: str) -> str:
    """The name of an entity's table."""
    return entity.replace(".", "__")


def link_name(entity: str, field: str) -> str:
    """The name of the table that keeps a field of many values."""
    return f"{table_name(entity)}__{field}"


def _entity_table(entity: Entity, metadata: MetaData) -> Table:
    standard = _line_columns(entity) if entity.kind is EntityKind.LINES else _record_columns()
    own = [_column(plan) for field in entity.fields.values() for plan in column_plans(field)]
    keys = [Column(name + SORT, SORT_TYPE) for name in sorted_fields(entity)]
    return Table(table_name(entity.id), metadata, *standard, *own, *keys)


def _record_columns() -> list[Column[Any]]:
    return [
        Column("id", Id, primary_key=True),
        Column("version", Integer, nullable=False, default=1, server_default="1"),
        Column("created_at", Moment),
        Column("created_by", Id),
        Column("changed_at", Moment),
        Column("changed_by", Id),
        Column("deleted_at", Moment),
        Column("search_key", Text),
    ]


def _line_columns(entity: Entity) -> list[Column[Any]]:
    owner = ForeignKey(f"{table_name(entity.parent)}.id", ondelete="CASCADE")
    return [
        Column("id", Id, primary_key=True),
        Column("parent", Id, owner, nullable=False),
        Column("position", Integer, nullable=False, default=0, server_default="0"),
    ]


def _column(plan: ColumnPlan) -> Column[Any]:
    if not plan.target:
        return Column(plan.name, plan.type)
    return Column(plan.name, plan.type, ForeignKey(f"{table_name(plan.target)}.id", ondelete="RESTRICT"))


def _link_table(entity: Entity, value: ColumnPlan, field: str, metadata: MetaData) -> Table:
    name = link_name(entity.id, field)
    kept = _column(value)
    kept.nullable = False
    return Table(
        name,
        metadata,
        Column("owner", Id, ForeignKey(f"{table_name(entity.id)}.id", ondelete="CASCADE"), nullable=False),
        kept,
        Column("position", Integer, nullable=False, default=0),
        PrimaryKeyConstraint("owner", "value"),
        Index(_index_name(name, ("value", "owner")), "value", "owner"),
    )


def _add_indexes(entity: Entity, table: Table) -> None:
    live = {} if entity.kind is EntityKind.LINES else _not_deleted(table)
    unique = {tuple(_unique_columns(entity, names)) for names in entity.unique.values()}
    unique |= {tuple(_unique_columns(entity, (f.id,))) for f in entity.fields.values() if f.unique}
    for columns in sorted(c for c in unique if all(name in table.c for name in c)):
        Index(_index_name(table.name, columns, "uq"), *(table.c[c] for c in columns), unique=True, **live)
    wanted = (c for c in _wanted(entity, table) if all(name in table.c for name in c))
    for columns in _needed(wanted, set() if live else unique):
        Index(_index_name(table.name, columns), *(table.c[c] for c in columns))


def _not_deleted(table: Table) -> dict[str, Any]:
    present = table.c.deleted_at.is_(None)
    return {"sqlite_where": present, "postgresql_where": present}


def _unique_columns(entity: Entity, names: tuple[str, ...]) -> tuple[str, ...]:
    """Lines are unique among their owner's."""
    return ("parent", *(n for n in names if n != "parent")) if entity.kind is EntityKind.LINES else names


def _wanted(entity: Entity, table: Table) -> Iterator[tuple[str, ...]]:
    """Every order of columns that a declared list, a reference or the entity itself asks for."""
    if entity.kind is EntityKind.LINES:
        yield ("parent", "position")
    for column in table.c:
        if column.foreign_keys and column.name != "parent":
            yield (column.name,)
        elif f"{column.name}__type" in table.c:
            yield (column.name, f"{column.name}__type")
    yield from entity.indexes.values()
    if "status" in table.c and "date" in table.c:
        yield ("status", "date", "id")
        yield ("date", "id")
    for view in entity.views.values():
        yield from _of_view(view, table)


def _of_view(view: View, table: Table) -> Iterator[tuple[str, ...]]:
    order = (*(path + SORT if path + SORT in table.c else path for path, _ in view.sort), "id")
    fixed = tuple(dict.fromkeys(_pinned(view.where)))
    yield tuple(dict.fromkeys((*fixed, *order)))
    for path in view.filters:
        yield tuple(dict.fromkeys((path, *order)))


def _pinned(where: Expr | None) -> Iterator[str]:
    """The own columns which a filter compares with a constant by ``==``, joined by ``and``."""
    stack: list[Node] = [where.tree] if where else []
    while stack:
        match stack.pop():
            case Binary(operator="and", left=left, right=right):
                stack.extend((right, left))
            case Binary(operator="==", left=Path(root="record", steps=(name,)), right=Literal()):
                yield name


def _needed(wanted: Iterator[tuple[str, ...]], covered: set[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Those that are not the beginning of another one: the longer serves both."""
    several = sorted(set(wanted) - {("id",)}, key=lambda columns: (-len(columns), columns))
    kept: list[tuple[str, ...]] = []
    for columns in several:
        if not any(other[: len(columns)] == columns for other in (*kept, *covered)):
            kept.append(columns)
    return sorted(kept)


def _index_name(table: str, columns: tuple[str, ...], kind: str = "ix") -> str:
    """A name that both databases keep whole, the same every time; ``by`` keeps table ``a`` apart from ``a_b``."""
    name = "_".join((kind, table, "by", *columns))
    if len(name.encode()) <= LONGEST_NAME:
        return name
    return f"{kind}_{table[:40]}_{sha256(name.encode()).hexdigest()[:12]}"
