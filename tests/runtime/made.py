"""Small apps for tests: what is built of a model is built once, the statements that make its tables compiled once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, MetaData, create_mock_engine

from engine import AppModel
from runtime.apps import RunningApp
from runtime.database import Database
from runtime.tables import Tables, build_tables

URLS = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}
_TABLES: dict[int, tuple[AppModel, Tables]] = {}
_STATEMENTS: dict[tuple[int, str], tuple[MetaData, list[str]]] = {}


def make_app(name: str, model: AppModel, database: Database) -> RunningApp:
    """An app in an empty database, its tables made, nothing in them."""
    app = RunningApp(name=name, model=model, tables=tables_of(model), database=database)
    with database.write() as connection:
        make_tables(connection, app.tables.metadata)
    return app


def tables_of(model: AppModel) -> Tables:
    """The tables of a model; of the same model the same."""
    if id(model) not in _TABLES:
        _TABLES[id(model)] = model, build_tables(model)
    return _TABLES[id(model)][1]


def make_tables(connection: Connection, metadata: MetaData) -> None:
    """Make all of them in an empty database."""
    key = (id(metadata), connection.dialect.name)
    if key not in _STATEMENTS:
        _STATEMENTS[key] = metadata, _statements(metadata, connection.dialect.name)
    for statement in _STATEMENTS[key][1]:
        connection.exec_driver_sql(statement)


def _statements(metadata: MetaData, dialect: str) -> list[str]:
    found: list[str] = []

    def note(statement: Any, *_values: object, **_more: object) -> None:
        found.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine(URLS[dialect], note)
    metadata.create_all(engine, checkfirst=False)
    return ["; ".join(found)] if dialect == "postgresql" else found
