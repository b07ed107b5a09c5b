"""An import taken back while others are at work: what they change stays theirs, and nobody takes it back twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from runtime import records
from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.importing import import_file
from runtime.importing_kept import note_import
from runtime.importing_mapping import read_mapping
from runtime.importing_undo import undo_import
from tests.runtime.shop import Shop

MAPPING = "{entity: place, match: code, fields: {code: C, name: N}}"


def brought(shop: Shop, rows: str) -> tuple[int, list[int]]:
    """The number of an import that stands, and its records."""
    with shop.acting() as ctx:
        report = import_file(ctx, "place", rows.encode(), "f.csv", read_mapping(ctx, MAPPING))
        return note_import(ctx, "place", "f.csv", report), report.ids


@contextmanager
def as_late_as_possible(connection: Connection, table: str, act: Callable[[], None]) -> Iterator[None]:
    """``act`` right before the first statement that would wait for a row of ``table``."""
    acted: list[str] = []

    def look(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        waits = f"UPDATE {table} " in statement or ("FOR UPDATE" in statement and f"FROM {table}" in statement)
        if waits and not acted:
            acted.append(statement)
            act()

    event.listen(connection, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", look)
    assert acted


@contextmanager
def another(shop: Shop, table: str, work: Callable[[RunContext], object]) -> Iterator[Connection]:
    """A transaction during which somebody else's ends, as late as the database can have it (SQLite: before)."""
    if shop.app.database.dialect == "sqlite":
        with shop.acting() as other:
            work(other)
        with shop.app.database.write() as connection:
            yield connection
        return
    others = shop.app.database.engine.connect()
    transaction = others.begin()
    try:
        work(shop.context(others))
        with shop.app.database.write() as connection, as_late_as_possible(connection, table, transaction.commit):
            connection.execute(text("SET LOCAL lock_timeout = '3s'"))  # a wait that nobody ends is a fault, told
            yield connection
    finally:
        transaction.close()
        others.close()


@pytest.mark.parametrize("rows", ["T1,one\nT2,two\n", "T3,three\n", "S,South\n"])
def test_what_somebody_changes_meanwhile_stays_as_he_left_it(shop: Shop, rows: str) -> None:
    number, ids = brought(shop, f"C,N\n{rows}")
    with another(shop, "place", lambda ctx: records.update(ctx, "place", ids[0], {"name": "mine"})) as connection:
        undone = undo_import(shop.context(connection), number)
    assert ([one.record for one in undone.stays], undone.written) == ([ids[0]], False)
    with shop.acting() as ctx:
        kept = records.load(ctx, "place", ids[0])
    assert (kept["name"], kept["deleted_at"]) == ("mine", None)


def test_an_import_is_taken_back_once(shop: Shop) -> None:
    number, ids = brought(shop, "C,N\nU1,one\nU2,two\n")
    with (
        another(shop, "dg_import", lambda ctx: undo_import(ctx, number)) as connection,
        pytest.raises(Conflict) as refused,
    ):
        undo_import(shop.context(connection), number)
    assert [one.code for one in refused.value.faults] == ["import_undone"]
    with shop.acting() as ctx:
        assert [records.load(ctx, "place", id)["version"] for id in ids] == [2, 2]
