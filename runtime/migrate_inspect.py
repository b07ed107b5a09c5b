"""What is really in the database: every table, column and index by one or two statements, not one per table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Columns by table, and the table of every index, of the app's own schema."""

    columns: Mapping[str, frozenset[str]]
    indexes: Mapping[str, str]

    def has(self, table: str, column: str) -> bool:
        """Whether the column is there."""
        return column in self.columns.get(table, frozenset())


SQLITE_COLUMNS = text(
    "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c "
    "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite|_%' ESCAPE '|'"
)
SQLITE_INDEXES = text("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
POSTGRESQL_COLUMNS = text(
    "SELECT t.relname, c.attname FROM pg_class AS t JOIN pg_attribute AS c ON c.attrelid = t.oid "
    "WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) "
    "AND t.relkind IN ('r', 'p') AND c.attnum > 0 AND NOT c.attisdropped"
)
POSTGRESQL_INDEXES = text(
    "SELECT i.relname, t.relname FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid "
    "JOIN pg_class AS t ON t.oid = x.indrelid LEFT JOIN pg_constraint AS k ON k.conindid = x.indexrelid "
    "AND k.contype IN ('p', 'u', 'x') "
    "WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND k.oid IS NULL"
)


def look(connection: Connection) -> Found:
    """Tables, columns and indexes (those that constraints own left out)."""
    sqlite = connection.dialect.name == "sqlite"
    columns: dict[str, set[str]] = defaultdict(set)
    for table, column in connection.execute(SQLITE_COLUMNS if sqlite else POSTGRESQL_COLUMNS):
        columns[table].add(column)
    indexes = connection.execute(SQLITE_INDEXES if sqlite else POSTGRESQL_INDEXES).all()
    return Found(
        columns={table: frozenset(names) for table, names in columns.items()},
        indexes={str(index): str(table) for index, table in indexes},
    )
