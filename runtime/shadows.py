"""A transaction that changes what it likes and holds up nobody: it reads everybody's tables and writes copies.

A table is copied into the session's own before it is first written or locked, and stands before everybody's under the
same name from then on. Nothing of it stays, and no other writer ever waits for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, NullPool, Table, create_engine, event, text
from sqlalchemy.schema import CreateTable

from runtime.database import Database, search_path
from runtime.sqlite_functions import register_functions

WRITTEN = re.compile(r"\b(?:UPDATE|INTO|DELETE FROM)\s+\"?(\w+)\"?")
LOCKED = re.compile(r"\bFROM\s+\"?(\w+)\"?.*\bFOR UPDATE\b", re.DOTALL)
OWN = {"sqlite": "temp", "postgresql": "pg_temp"}
"""The schema of a session's own tables, which both databases look through first."""


@contextmanager
def shadowed(database: Database, tables: Mapping[str, Table]) -> Iterator[Connection]:
    """A connection of its own whose writes go into copies of ``tables``; always rolled back."""
    engine = ENGINES[database.dialect](database)
    try:
        with engine.connect() as connection:
            shadows = _Shadows(connection, tables)
            event.listen(connection, "before_cursor_execute", shadows.look)
            event.listen(connection, "savepoint", shadows.remember)
            event.listen(connection, "release_savepoint", shadows.keep)
            event.listen(connection, "rollback_savepoint", shadows.forget)
            transaction = connection.begin()
            try:
                yield connection
            finally:
                transaction.rollback()
    finally:
        engine.dispose()


class _Shadows:
    """Looks at every statement before it is sent, and copies what it would write."""

    def __init__(self, connection: Connection, tables: Mapping[str, Table]) -> None:
        self._connection = connection
        self._tables = tables
        self._copied: set[str] = set()
        self._before: list[frozenset[str]] = []

    def look(self, _connection: Connection, _cursor: Any, words: str, *_: Any) -> None:
        """Copy the tables that a statement writes or locks."""
        for name in (*WRITTEN.findall(words), *LOCKED.findall(words)):
            if name in self._tables and name not in self._copied:
                self._copied.add(name)
                COPIES[self._connection.dialect.name](self._connection, self._tables[name])

    def remember(self, *_: object) -> None:
        """What is copied so far outlives a way back to this savepoint."""
        self._before.append(frozenset(self._copied))

    def keep(self, *_: object) -> None:
        """There is no way back to the last savepoint any more."""
        self._before.pop()

    def forget(self, *_: object) -> None:
        """Copies made since the last savepoint go with it: whatever is written next is copied anew."""
        self._copied = set(self._before.pop())


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def _copy_sqlite(connection: Connection, table: Table) -> None:
    own = table.to_metadata(MetaData(), schema=OWN["sqlite"])
    connection.execute(CreateTable(own, include_foreign_key_constraints=()))
    columns = [column.name for column in table.c]
    everybodys = table.to_metadata(MetaData(), schema="main")
    connection.execute(own.insert().from_select(columns, everybodys.select()))
    for index in own.indexes:
        index.create(connection)


def _copy_postgresql(connection: Connection, table: Table) -> None:
    quoted = _quoted(connection, table.name)
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    everybodys = f"{_quoted(connection, schema)}.{quoted}"
    copied = f"CREATE TEMPORARY TABLE {quoted} (LIKE {everybodys} INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP"
    connection.execute(text(copied))
    connection.execute(text(f"INSERT INTO {OWN['postgresql']}.{quoted} SELECT * FROM {everybodys}"))
    connection.execute(text(f"ANALYZE {OWN['postgresql']}.{quoted}"))


def _sqlite(database: Database) -> Engine:
    """Everybody's file is open for reading only: what would slip by is refused."""
    engine = create_engine(
        database.url.set(database=f"file:{database.url.database}", query={"mode": "ro", "uri": "true"}),
        poolclass=NullPool,
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys=OFF").close()  # copies point at no copies
        connection.execute("PRAGMA temp_store=FILE").close()  # a large table need not fit into memory
        register_functions(connection)

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _postgresql(database: Database) -> Engine:
    """One state of everybody's tables throughout; nothing is prepared, so that names are looked up each time."""
    return create_engine(
        database.url,
        poolclass=NullPool,
        isolation_level="REPEATABLE READ",
        connect_args={"options": search_path(database.schema), "prepare_threshold": None},
    )


ENGINES = {"sqlite": _sqlite, "postgresql": _postgresql}
COPIES = {"sqlite": _copy_sqlite, "postgresql": _copy_postgresql}
