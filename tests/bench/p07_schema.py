"""P7: nothing to change in 30 entities; a new column on a million rows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from engine.compiler import load_text
from runtime.database import Database, open_database
from runtime.migrate import apply_steps, plan
from runtime.tables import build_tables
from tests.bench.measure import Figure, against, median_wall
from tests.bench.p06_definitions import FIELDS
from tests.bench.places import Place

GOAL = "P7"
ENTITIES = 30
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def run(place: Place) -> Iterator[Figure]:
    """In a database of its own."""
    database = _fresh(place)
    try:
        yield from _figures(place, database)
    finally:
        database.drop_schema()
        database.close()


def _fresh(place: Place) -> Database:
    name = f"schema_{uuid.uuid4().hex[:8]}"
    if place.dialect == "postgresql":
        made = open_database(place.home.url, name)
        made.create_schema()
        return made
    path = place.home.folder / "schema.db"
    for old in path.parent.glob("schema.db*"):
        old.unlink()
    return open_database(f"sqlite:///{path}")


def definition(extra: int = 0) -> str:
    """Thirty entities; ``extra`` more columns in the first."""
    parts = ["app: bench\nversion: 1.0.0\ntitle: 测试 | Bench\ncurrency: CNY\nentities:\n"]
    for number in range(ENTITIES):
        parts.append(f"  thing_{number}:\n    kind: master\n    label: 东西{number} | Thing {number}\n    fields:\n")
        parts.extend(FIELDS.format(n=n) for n in range(5))
        if number == 0:
            parts.extend(f"      more_{n}: {{type: text, label: 更多{n} | More {n}}}\n" for n in range(extra))
    return "".join(parts)


def _figures(place: Place, database: Database) -> Iterator[Figure]:
    model = load_text(definition())
    tables = build_tables(model)
    with database.change_schema() as connection:
        apply_steps(connection, plan(None, model, connection, tables=tables), version=1, now=NOW)
    shared = {"goal": GOAL, "database": place.dialect, "of": "ours"}

    def same() -> object:
        with database.write() as connection:
            steps = plan(model, load, connection, tables=tables)
            assert not steps
            return steps

    load = load_text(definition())

    def names() -> object:
        query = "SELECT name FROM sqlite_master" if place.dialect == "sqlite" else "SELECT relname FROM pg_class"
        with database.read() as connection:
            return connection.execute(text(query)).all()

    mine, theirs = against(same, names, max(3, place.size.rounds // 3))
    yield Figure(
        name=f"sync of {ENTITIES} entities without change", unit="ms CPU", ours=mine, hand=theirs, limit=30.0,
        note="beside it: only reading the catalogue", **shared,
    )  # fmt: skip
    _fill(place, database)
    yield _add_column(place, database, model, shared)


def _add_column(place: Place, database: Database, model: Any, shared: dict[str, Any]) -> Figure:
    rounds = 2 if place.size.quick else 5
    versions = [model, *(load_text(definition(n + 1)) for n in range(rounds))]
    made = [(new, build_tables(new)) for new in versions[1:]]
    olds = iter([(model, build_tables(model)), *made])  # a server has those of the version it runs
    news = iter(made)

    def ours() -> None:
        """The next version has one column more."""
        new, wanted = next(news)
        old, present = next(olds)
        with database.change_schema() as connection:
            steps = plan(old, new, connection, tables=wanted, old_tables=present)
            apply_steps(connection, steps, version=2, now=NOW)

    numbers = iter(range(1000))

    def hand() -> None:
        with database.change_schema() as connection:
            connection.execute(text(f"ALTER TABLE thing_0 ADD COLUMN hand_{next(numbers)} TEXT"))

    return Figure(
        name=f"a new column on {place.size.rows} rows", unit="ms wall",
        ours=median_wall(ours, rounds, 0), hand=median_wall(hand, rounds, 0), limit=100.0, **shared,
    )  # fmt: skip


def _fill(place: Place, database: Database) -> None:
    numbers = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows) SELECT i FROM n",
        "postgresql": "SELECT i FROM generate_series(1, :rows) AS g(i)",
    }
    query = f"INSERT INTO thing_0 (version, name_0) SELECT 1, 'thing' FROM ({numbers[place.dialect]}) AS rows"
    with database.write() as connection:
        connection.execute(text(query), {"rows": place.size.rows})
