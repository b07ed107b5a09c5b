"""One way to a database: read and write transactions, on SQLite and on PostgreSQL.

SQLite has one writer at a time. Writers of this process wait in a fair queue, those of other processes in the
database's own busy handler, so nobody ever sees "database is locked". On PostgreSQL every app lives in a schema
of its own, found through the search path.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, get_ident, local
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.schema import CreateSchema, DropSchema

from runtime.sqlite_functions import register_functions

Result = TypeVar("Result")

WAIT_SECONDS = 60
"""How long a writer waits for its turn before it gives up: far above any transaction of ours."""

STATEMENTS = 4000
"""Compiled statements kept: an app of a hundred tables has more shapes of them than SQLAlchemy's 500."""

PREPARED = 400
"""Statements that a connection keeps prepared on the server: a document of several ledgers alone needs some thirty."""

ATTEMPTS = 8
"""How often ``run`` repeats a transaction that PostgreSQL broke off (deadlock, serialization)."""

LOCK_TIMEOUT = "5s"
"""How long a schema change may wait for the tables: longer would queue every reader behind it."""

WRITING = "dougong_writing"
"""Whether a connection may write, as it remembers it."""

RETRIED = ("40P01", "40001")
"""PostgreSQL's states for a deadlock and for a serialization failure."""


class Busy(Exception):
    """The database was busy for longer than any caller should wait; nothing was written."""


class Queue:
    """Turns in order of arrival. ``threading.Lock`` promises no order, and under load starves the unlucky."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Event] = deque()
        self._holder: int | None = None

    def enter(self, seconds: float) -> None:
        """Wait for one's turn."""
        turn = Event()
        with self._lock:
            if self._holder == get_ident():
                raise RuntimeError("a write transaction is already open in this thread")
            if self._holder is None:
                self._holder = get_ident()
                return
            self._waiting.append(turn)
        if not turn.wait(seconds):
            self._give_up(turn)
        self._holder = get_ident()

    def _give_up(self, turn: Event) -> None:
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                raise Busy("another write has been running for too long")

    def leave(self) -> None:
        """Pass the turn on."""
        with self._lock:
            if self._waiting:
                self._holder = -1  # taken: by the thread that is being woken
                self._waiting.popleft().set()
            else:
                self._holder = None


class TwoSided(QueuePool):
    """Connections that read are kept apart from those that write: to make one into the other, SQLite forgets every
    statement that is prepared on it."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.wanted = local()

    def _do_get(self) -> ConnectionPoolEntry:
        """An idle connection of the side that this thread wants, else a new one, else whatever there is."""
        writing = getattr(self.wanted, "writing", None)
        passed: list[ConnectionPoolEntry] = []
        try:
            found = super()._do_get()
            while found.info.get(WRITING, writing) is not writing and (
                self.checkedin() or self.checkedout() < self.size()
            ):
                passed.append(found)
                found = super()._do_get()
            return found
        finally:
            for each in passed:
                self._do_return_conn(each)


class Database:
    """A pool of connections to one app's tables. Share one object per app and process: it holds the queue."""

    def __init__(self, engine: Engine, schema: str) -> None:
        self.engine = engine
        self.schema = schema
        self.dialect = engine.dialect.name
        self._queue = Queue()
        readonly: dict[str, Any] = {"postgresql_readonly": True} if self.dialect == "postgresql" else {}
        self._readers = engine.execution_options(dougong_begin="read", **readonly)
        self._writers = engine.execution_options(dougong_begin="write")

    @property
    def url(self) -> URL:
        """Where the database is."""
        return self.engine.url

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that cannot write. On SQLite it sees one state throughout."""
        self._want(writing=False)
        with self._readers.begin() as connection:
            yield connection

    def _want(self, *, writing: bool) -> None:
        pool = self.engine.pool
        if isinstance(pool, TwoSided):
            pool.wanted.writing = writing

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; committed at the end of the block, rolled back by an exception."""
        if self.dialect == "sqlite":
            self._queue.enter(WAIT_SECONDS)
            try:
                self._want(writing=True)
                with self._writers.begin() as connection:
                    yield connection
            finally:
                self._queue.leave()
        else:
            with self._writers.begin() as connection:
                yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction that reads one state of all tables, however long it takes (backup, check)."""
        if self.dialect == "sqlite":
            with self.read() as connection:
                yield connection
        else:
            reader = self._readers.execution_options(isolation_level="REPEATABLE READ")
            with reader.begin() as connection:
                yield connection

    @contextmanager
    def change_schema(self) -> Iterator[Connection]:
        """A write transaction for DDL: no idle connection holds an old plan, no reader queues behind us for long."""
        self.engine.dispose(close=True)
        with self.write() as connection:
            if self.dialect == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            yield connection
        self.engine.dispose(close=True)

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """``work`` in a write transaction, again from the start when the database broke it off for another's sake."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.write() as connection:
                    return work(connection)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", "") not in RETRIED or attempt == ATTEMPTS:
                    raise
            time.sleep(random.uniform(0, 0.01) * 2**attempt)  # apart, those who collided
        raise AssertionError("the last attempt returns or raises")

    def create_schema(self) -> None:
        """Make the app's schema (PostgreSQL); a SQLite file makes itself."""
        if self.dialect == "postgresql" and self.schema:
            with self.engine.begin() as connection:
                connection.execute(CreateSchema(self.schema, if_not_exists=True))

    def drop_schema(self) -> None:
        """Remove the app's schema with all that is in it (PostgreSQL)."""
        if self.dialect == "postgresql" and self.schema:
            self.engine.dispose(close=True)
            with self.engine.begin() as connection:
                connection.execute(DropSchema(self.schema, cascade=True, if_exists=True))

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose(close=True)


def open_database(url: str, schema: str = "") -> Database:
    """The database at ``url``: ``sqlite:///path`` or ``postgresql://…`` (``schema``: the app's own)."""
    parsed = make_url(url)
    kind = parsed.get_backend_name()
    if kind not in OPENERS:
        raise ValueError(f"{kind}: only sqlite and postgresql are supported")
    return Database(OPENERS[kind](parsed, schema), schema)


def _open_sqlite(url: URL, _schema: str) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        poolclass=TwoSided,
        pool_size=8,
        max_overflow=64,
        query_cache_size=STATEMENTS,
        connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False, "cached_statements": 512},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own comes too late
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "cache_size=-16000",
        "mmap_size=268435456",  # rows that lie far apart are read twice as fast from mapped pages
        "temp_store=MEMORY",
    ):
        _patiently(lambda pragma=pragma: connection.execute(f"PRAGMA {pragma}").close())  # type: ignore[misc]
    register_functions(connection)


def _patiently(action: Callable[[], None]) -> None:
    """The switch to WAL does not use the busy handler: repeat it while another process is opening the file."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.005)


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("dougong_begin", "write") == "write"
    if connection.info.get(WRITING) is not writing:
        connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writing else 'ON'}")
        connection.info[WRITING] = writing
    if not writing:
        connection.exec_driver_sql("BEGIN")
        return
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
            if time.monotonic() > deadline:
                raise Busy("another process has been writing for too long") from error


def search_path(schema: str) -> str:
    """The options of a connection to PostgreSQL by which an app's tables are found."""
    return "-c timezone=UTC" + (f" -c search_path={schema}" if schema else "")


def _open_postgresql(url: URL, schema: str) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=8,
        max_overflow=24,
        pool_use_lifo=True,
        query_cache_size=STATEMENTS,
        connect_args={"options": search_path(schema), "prepare_threshold": 3},
    )
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _record: object) -> None:
    """Whole numbers all go as one type: otherwise each size of number makes a statement another, never prepared."""
    from psycopg.types.numeric import Int8Dumper  # the driver weighs much: only who uses PostgreSQL loads it

    connection.adapters.register_dumper(int, Int8Dumper)
    connection.prepared_max = PREPARED


OPENERS: Mapping[str, Callable[[URL, str], Engine]] = {"sqlite": _open_sqlite, "postgresql": _open_postgresql}
