"""The steps of a schema change, as data: each can say what it does, do it, and undo it.

Nothing is ever thrown away: a column or table that goes is renamed and noted in ``dg_lost``, which costs no time
whatever its size and brings everything back exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    Index,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    literal,
    quoted_name,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateIndex, DropIndex

from engine.model import Text
from runtime.sort_keys import fill_keys
from runtime.system_tables import SystemTables, system_tables

if TYPE_CHECKING:
    from alembic.operations import Operations

SENTENCES: Mapping[str, tuple[str, str]] = {
    "AddTables": ("新建表 {tables}", "create tables {tables}"),
    "RenameTable": ("表 {old} 改名为 {new}", "rename table {old} to {new}"),
    "RenameColumn": ("{table}.{old} 改名为 {new}", "rename {table}.{old} to {new}"),
    "AddColumn": ("新增字段 {table}.{column}", "add {table}.{column}"),
    "FillKeys": (
        "{table}.{column}：按拼音排序的键（{rows} 条）",
        "keys by which {table}.{column} is sorted ({rows} records)",
    ),
    "LoseTable": ("停用表 {table}（{rows} 行，保留可恢复）", "remove table {table} ({rows} rows, kept restorable)"),
    "LoseColumn": (
        "删除字段 {table}.{column}（{rows} 条有值，保留可恢复）",
        "remove {table}.{column} ({rows} values, kept restorable)",
    ),
    "Restore": ("恢复 {thing}（{rows} 条）", "restore {thing} ({rows} values)"),
    "AddIndex": ("建立索引 {table} ({columns})", "build an index on {table} ({columns})"),
    "RemoveIndex": ("删除索引 {name}", "drop index {name}"),
    "NowRequired": (
        "{table}.{column} 改为必填：{rows} 条记录还没有填",
        "{table}.{column} becomes required: {rows} records have none",
    ),
    "Convert": (
        "{table}.{column} 从 {old} 改为 {new}：{rows} 条，{failed} 条无法转换",
        "convert {table}.{column} from {old} to {new}: {rows} values, {failed} cannot be converted",
    ),
    "ToMany": ("{table}.{column} 改为多个值（{rows} 条）", "{table}.{column} takes several values ({rows} records)"),
    "ToOne": (
        "{table}.{column} 改为单个值：{failed} 条记录有多个值，只留第一个",
        "{table}.{column} takes one value: {failed} records have several, the first stays",
    ),
    "KeepFlow": (
        "{label}：{rows} 张在途单据按第 {flow} 版的流程走完",
        "{label}: {rows} documents under way finish by the flow of version {flow}",
    ),
    "LeaveFlow": (
        "{label}：{rows} 张在途单据改走新流程，第 {flow} 版的流程走不下去了（{why}）",
        "{label}: {rows} documents under way take the new flow; that of version {flow} cannot be walked ({why})",
    ),
    "RestoreOption": ("恢复 {table}.{column} 的选项 {option}", "restore the option {option} of {table}.{column}"),
    "RetireOptions": (
        "{table}.{column} 去掉选项 {options}：{failed} 条记录正在使用",
        "remove the options {options} of {table}.{column}: {failed} records use them",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where steps work: one transaction, the number of the version being made, its moment."""

    connection: Connection
    op: Operations
    version: int
    now: datetime
    system: SystemTables

    @property
    def postgresql(self) -> bool:
        """Whether constraint and index names live apart from their tables."""
        return self.connection.dialect.name == "postgresql"

    def quote(self, name: str) -> str:
        """``name`` as an identifier."""
        return self.connection.dialect.identifier_preparer.quote(quoted_name(name, None))


def operations(connection: Connection) -> Operations:
    """Alembic's operations on a connection. It is imported here: a server that starts changes no table."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    return Operations(MigrationContext.configure(connection))


def open_site(connection: Connection, version: int, now: datetime) -> Site:
    """A site on ``connection``."""
    return Site(connection=connection, op=operations(connection), version=version, now=now, system=own_tables())


@cache
def own_tables() -> SystemTables:
    """The tables every app has, as they are now: the same for all apps, so made once."""
    return system_tables(MetaData())


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A value that a step cannot keep where it is: the record and what stands there."""

    record: int
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """``rows`` that it touches and an estimate of its ``seconds``; ``failures`` (the first of ``failed``)."""

    rows: int = 0
    seconds: float = 0.0
    failed: int = 0
    failures: tuple[Failure, ...] = ()

    @property
    def loses(self) -> bool:
        """Whether somebody would miss something afterwards; it is kept in ``dg_lost``."""
        return False

    @property
    def blocked(self) -> bool:
        """Whether the data stand in its way: no flag helps, they must be corrected first."""
        return False

    def names(self) -> Mapping[str, object]:
        """What its sentence mentions."""
        return {}

    def describe(self, language: str) -> str:
        """What it does, for a person."""
        chinese, english = SENTENCES[type(self).__name__]
        names = {name: said.get(language) if isinstance(said, Text) else said for name, said in self.names().items()}
        return (english if language == "en" else chinese).format(rows=self.rows, failed=self.failed, **names)

    def forward(self, site: Site) -> None:
        """Do it."""

    def backward(self, site: Site) -> None:
        """Undo it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTables(Step):
    """New tables, together because they may point at each other."""

    tables: tuple[Table, ...]

    def names(self) -> Mapping[str, object]:
        """Their names."""
        return {"tables": ", ".join(t.name for t in self.tables)}

    def forward(self, site: Site) -> None:
        """Create them with their indexes."""
        self.tables[0].metadata.create_all(site.connection, tables=self.tables, checkfirst=False)

    def backward(self, site: Site) -> None:
        """Drop them."""
        self.tables[0].metadata.drop_all(site.connection, tables=self.tables, checkfirst=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameTable(Step):
    """A table under a new name."""

    old: str
    new: str

    def names(self) -> Mapping[str, object]:
        """Both names."""
        return {"old": self.old, "new": self.new}

    def forward(self, site: Site) -> None:
        """Rename, and what was lost from it along."""
        rename_table(site, self.old, self.new)
        kept = site.system.lost.c.kept_as
        there = site.connection.dialect.has_table(site.connection, "dg_lost")
        if there:
            moved = literal(self.new) + func.substr(kept, len(self.old) + 1)
            mine = kept.startswith(f"{self.old}.", autoescape=True)
            site.connection.execute(update(site.system.lost).where(mine).values(kept_as=moved))

    def backward(self, site: Site) -> None:
        """Rename back."""
        rename_table(site, self.new, self.old)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameColumn(Step):
    """A column under a new name."""

    table: str
    old: str
    new: str

    def names(self) -> Mapping[str, object]:
        """Table and both names."""
        return {"table": self.table, "old": self.old, "new": self.new}

    def forward(self, site: Site) -> None:
        """Rename."""
        site.op.alter_column(self.table, self.old, new_column_name=self.new)

    def backward(self, site: Site) -> None:
        """Rename back."""
        site.op.alter_column(self.table, self.new, new_column_name=self.old)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddColumn(Step):
    """A new column, empty; never a copy of the table."""

    table: str
    column: Column[object]

    def names(self) -> Mapping[str, object]:
        """Table and column."""
        return {"table": self.table, "column": self.column.name}

    def forward(self, site: Site) -> None:
        """Add it."""
        site.op.add_column(self.table, detached(self.column), inline_references=True)

    def backward(self, site: Site) -> None:
        """Take it out; a column with a foreign key stays under another name where SQLite cannot drop it."""
        kept_as = free_name(site, self.table, self.column.name)
        site.op.alter_column(self.table, self.column.name, new_column_name=kept_as)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseTable(Step):
    """A table that nothing uses any more: kept under another name."""

    table: str
    entity: str
    field: str = ""

    @property
    def loses(self) -> bool:
        """Only if there was something in it."""
        return self.rows > 0

    def names(self) -> Mapping[str, object]:
        """The table."""
        return {"table": self.table}

    def forward(self, site: Site) -> None:
        """Rename it and note where it is."""
        kept_as = f"lost_{site.version}_{self.table}"[:60]
        rename_table(site, self.table, kept_as)
        note_lost(site, "table", self.entity, self.field, self.table, kept_as, "", self.rows)

    def backward(self, site: Site) -> None:
        """Give it its name back."""
        restore(site, "table", self.table, self.table)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseColumn(Step):
    """A column that nothing uses any more: kept under another name."""

    table: str
    column: str
    entity: str
    shape: str

    @property
    def loses(self) -> bool:
        """Only if there was something in it."""
        return self.rows > 0

    def names(self) -> Mapping[str, object]:
        """Table and column."""
        return {"table": self.table, "column": self.column}

    def forward(self, site: Site) -> None:
        """Rename it and note where it is."""
        lose_column(site, self.table, self.column, self.entity, self.shape, self.rows)

    def backward(self, site: Site) -> None:
        """Give it its name back."""
        restore(site, "column", self.table, self.column)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillKeys(Step):
    """Records that were there before their names had keys get them; with the column these go again."""

    table: Table
    column: str

    def names(self) -> Mapping[str, object]:
        """Table and column."""
        return {"table": self.table.name, "column": self.column}

    def forward(self, site: Site) -> None:
        """Make them, in batches."""
        fill_keys(site.connection, self.table, self.column)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore(Step):
    """Something lost comes back under its name, with all that was in it. ``kind``: table or column."""

    kind: str
    table: str
    column: str
    kept_as: str
    target: str = ""

    def names(self) -> Mapping[str, object]:
        """What comes back."""
        return {"thing": f"{self.table}.{self.column}" if self.kind == "column" else self.table}

    def forward(self, site: Site) -> None:
        """Rename it back; PostgreSQL gave up its foreign key meanwhile."""
        restore(site, self.kind, self.table, self.column, self.kept_as)
        if self.target and site.postgresql:
            name = f"fk_{self.table}_{self.column}"[:60]
            site.op.create_foreign_key(
                name, self.table, self.target, [self.column], ["id"], ondelete="RESTRICT", postgresql_not_valid=True
            )

    def backward(self, site: Site) -> None:
        """Lose it again."""
        if self.kind == "column":
            lose_column(site, self.table, self.column, "", "", self.rows)
        else:
            rename_table(site, self.table, f"lost_{site.version}_{self.table}"[:60])


@dataclass(frozen=True, slots=True, kw_only=True)
class AddIndex(Step):
    """An index. A unique one is blocked by values that stand twice (``failures``)."""

    index: Index

    @property
    def blocked(self) -> bool:
        """Duplicates."""
        return self.failed > 0

    def names(self) -> Mapping[str, object]:
        """Table and columns."""
        table = self.index.table
        return {
            "table": table.name if table is not None else "",
            "columns": ", ".join(c.name for c in self.index.columns),
        }

    def forward(self, site: Site) -> None:
        """Build it."""
        site.connection.execute(CreateIndex(self.index))

    def backward(self, site: Site) -> None:
        """Drop it."""
        site.connection.execute(DropIndex(self.index))


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveIndex(Step):
    """An index that no list needs any more, or that is in the way of the next steps (``index``: to build it again)."""

    name: str
    index: Index | None = None

    def names(self) -> Mapping[str, object]:
        """Its name."""
        return {"name": self.name}

    def forward(self, site: Site) -> None:
        """Drop it."""
        site.connection.execute(text(f"DROP INDEX {site.quote(self.name)}"))

    def backward(self, site: Site) -> None:
        """Build it again."""
        if self.index is not None:
            site.connection.execute(CreateIndex(self.index))


@dataclass(frozen=True, slots=True, kw_only=True)
class NowRequired(Step):
    """A field must be filled from now on; nothing changes in the database, people fill it when they next save."""

    table: str
    column: str

    def names(self) -> Mapping[str, object]:
        """Table and column."""
        return {"table": self.table, "column": self.column}


def detached(column: Column[object]) -> Column[object]:
    """A copy that belongs to no table, its foreign key with it."""
    return column._copy()


def free_name(site: Site, table: str, column: str) -> str:
    """A name for a column that goes, which no column of the table has."""
    taken = {c["name"] for c in inspect(site.connection).get_columns(table)}
    names = (f"lost_{site.version}{'_' * n}_{column}"[:60] for n in range(1, 50))
    return next(name for name in names if name not in taken)


def rename_table(site: Site, old: str, new: str) -> None:
    """On PostgreSQL the key's index keeps its name and would clash with a later table of the old name."""
    site.op.rename_table(old, new)
    if site.postgresql:
        keys = f"ALTER INDEX IF EXISTS {site.quote('pk_' + old)} RENAME TO {site.quote('pk_' + new)}"
        site.connection.execute(text(keys))


def lose_column(site: Site, table: str, column: str, entity: str, shape: str, rows: int) -> None:
    """Rename a column out of the way and note it. Its foreign key goes where that is possible."""
    if site.postgresql:
        for key in inspect(site.connection).get_foreign_keys(table):
            if key["constrained_columns"] == [column] and key["name"]:
                site.op.drop_constraint(key["name"], table, type_="foreignkey")
    kept_as = free_name(site, table, column)
    site.op.alter_column(table, column, new_column_name=kept_as)
    note_lost(site, "column", entity, column, table, kept_as, shape, rows)


def note_lost(site: Site, kind: str, entity: str, field: str, table: str, kept_as: str, shape: str, rows: int) -> int:
    """A row of ``dg_lost``; its id."""
    lost = site.system.lost
    values = {
        "version": site.version, "at": site.now, "kind": kind, "entity": entity or table, "field": field,
        "kept_as": f"{table}.{kept_as}", "shape": shape, "rows": rows,
    }  # fmt: skip
    return int(site.connection.execute(insert(lost).values(values).returning(lost.c.id)).scalar_one())


def restore(site: Site, kind: str, table: str, column: str, kept_as: str = "") -> None:
    """What was lost (``kept_as``, or the last thing of this name) gets its name back."""
    lost = site.system.lost
    which = [lost.c.kept_as == f"{table}.{kept_as}"] if kept_as else []
    found = site.connection.execute(
        select(lost.c.id, lost.c.kept_as)
        .where(lost.c.kind == kind, lost.c.kept_as.startswith(f"{table}.", autoescape=True), *which)
        .where(lost.c.restored_at.is_(None), *([lost.c.field == column] if kind == "column" else []))
        .order_by(lost.c.id.desc())
        .limit(1)
    ).one()
    name = found.kept_as.partition(".")[2]
    if kind == "column":
        site.op.alter_column(table, name, new_column_name=column)
    else:
        rename_table(site, name, table)
    site.connection.execute(update(lost).where(lost.c.id == found.id).values(restored_at=site.now))
