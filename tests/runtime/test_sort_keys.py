"""Names come in the order of their pinyin: in lists, through references, page by page, on both databases alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from engine.compiler import load_text
from engine.model import AppModel
from runtime import records
from runtime.apps import RunningApp
from runtime.context import SYSTEM, FixedClock, RunContext
from runtime.database import Database
from runtime.migrate import apply_steps, plan
from runtime.migrate_steps import FillKeys
from runtime.queries import ListQuery, list_records
from runtime.reports import run
from runtime.sort_keys import SORT, fill_keys, sort_key, sort_keys
from runtime.tables import build_tables
from tests.bench.measure import statements

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
APP = """
app: names
title: 名字 | Names
entities:
  town:
    kind: master
    label: 城市 | Town
    fields: {note: {type: text, label: 备注 | Note}}
    views: {all: {label: 全部 | All, columns: [code, name], sort: [name], filters: [note]}}
  trip:
    kind: document
    label: 行程 | Trip
    number: {pattern: T-<serial:4>}
    fields: {town: {type: reference, to: town, label: 城市 | Town}}
reports:
  trips: {label: 行程数 | Trips, of: trip, rows: [town.name], measures: {n: {label: 数 | Count, value: count()}}}
"""
NAMES = ("张家口", "重庆", "北京", "西安", "先锋", "安庆", "长沙", "Xuzhou", "中山", "张掖", None, "安康")
IN_ORDER = ["安康", "安庆", "北京", "长沙", "重庆", "西安", "先锋", "Xuzhou", "张家口", "张掖", "中山"]


def model_of(source: str = APP) -> AppModel:
    return load_text(source, "names.yaml")


@pytest.fixture(scope="module")
def app(module_database: Database) -> RunningApp:
    model = model_of()
    tables = build_tables(model)
    app = RunningApp(name="names", model=model, tables=tables, database=module_database)
    with module_database.write() as connection:
        tables.metadata.create_all(connection)
        towns = [{"code": f"C{n:02}", "name": name} for n, name in enumerate(NAMES) if name]
        made = records.create_many(context(app, connection), "town", towns)
        records.create_many(context(app, connection), "trip", [{"town": one.id} for one in reversed(made)])
        records.create(context(app, connection), "trip", {})
    return app


def context(app: RunningApp, connection: Any) -> RunContext:
    return RunContext(app=app, connection=connection, user=SYSTEM, clock=FixedClock(NOW))


@pytest.fixture
def ctx(app: RunningApp) -> Iterator[RunContext]:
    """A transaction that leaves nothing behind."""
    engine = app.database.engine.execution_options(dougong_begin="write")
    with engine.connect() as connection:
        transaction = connection.begin()
        yield context(app, connection)
        transaction.rollback()


def names(ctx: RunContext, entity: str = "town", field: str = "name", **query: Any) -> list[Any]:
    """The column of all pages of a list."""
    found: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = list_records(ctx, entity, ListQuery(fields=(field,), cursor=cursor, page_size=3, **query))
        found += [row[1] for row in page.rows]
        cursor = page.next
    return found


def test_names_are_sorted_by_pinyin_both_ways_page_by_page(ctx: RunContext) -> None:
    assert names(ctx, sort=(("name", False),)) == IN_ORDER
    assert names(ctx, sort=(("name", True),)) == IN_ORDER[::-1]
    assert names(ctx, view="all") == IN_ORDER


def test_a_reference_stands_where_its_name_does_and_nothing_stands_first(ctx: RunContext) -> None:
    assert names(ctx, "trip", "town.name", sort=(("town", False),)) == [None, *IN_ORDER]
    assert names(ctx, "trip", "town.name", sort=(("town", True), ("code", False))) == [*IN_ORDER[::-1], None]


def test_the_rows_of_a_report_come_in_the_order_of_its_list(ctx: RunContext) -> None:
    lines = run(ctx, "trips").lines
    assert [line.keys[-1] for line in lines if line.level and line.keys[-1]] == IN_ORDER


def test_a_changed_name_takes_its_new_place_and_so_do_many_made_at_once(ctx: RunContext) -> None:
    first = list_records(ctx, "town", ListQuery(fields=("name",), sort=(("name", False),), page_size=1)).rows[0][0]
    records.update(ctx, "town", first, {"name": "遵义"})
    assert names(ctx, sort=(("name", True),))[0] == "遵义"
    many = [{"code": f"M{n:03}", "name": f"{'白城' if n % 2 else '阿坝'} {n:03}"} for n in range(60)]
    records.create_many(ctx, "town", many)
    assert names(ctx, sort=(("name", False),))[:31] == [*(f"阿坝 {n:03}" for n in range(0, 60, 2)), "安庆"]


def test_the_declared_order_is_read_from_an_index(ctx: RunContext) -> None:
    indexes = {tuple(c.name for c in i.columns) for i in ctx.app.tables.entity["town"].indexes}
    assert ("name__sort", "id") in indexes
    assert ("note", "name__sort", "id") in indexes
    with statements(ctx.app.database.engine) as told:
        list_records(ctx, "town", ListQuery(view="all"))
    assert len(told) == 1


def test_the_key_is_nobodys_business(ctx: RunContext) -> None:
    record = records.load(ctx, "town", 1)
    assert not [name for name in record if name.endswith(SORT)]
    assert not [name for name in records.read(ctx, "town", 1) if name.endswith(SORT)]


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (None, None),
        ("", ""),
        (" Bolt M8 ", "bolt m8"),
        ("重庆", "chong2重qing4庆"),
        ("重量", "zhong4重liang4量"),
        ("螺栓（大）", "luo2螺shuan1栓（da4大）"),
        ("A4纸", "a4zhi3纸"),
        ("𠮷野", "𠮷ye3野"),
        ("℃", "℃"),
    ],
)
def test_each_letter_stands_behind_how_it_is_said(given: str | None, made: str | None) -> None:
    assert sort_key(given) == made


@settings(max_examples=60, deadline=None, database=None)
@given(st.lists(st.one_of(st.none(), st.text("aA 张三重庆\n\t（Σß𠮷1", max_size=8)), min_size=1))
def test_the_keys_of_many_are_the_keys_of_each(texts: list[str | None]) -> None:
    assert sort_keys(texts) == [sort_key(text) for text in texts]


def test_an_app_of_before_gets_its_keys_and_indexes_without_a_copy_of_its_tables(make_database: Any) -> None:
    for dialect in ("sqlite", "postgresql"):
        database = make_database(dialect)
        model = model_of()
        with database.change_schema() as connection:
            apply_steps(connection, plan(None, model, connection), version=1, now=NOW)
        town = build_tables(model).entity["town"]
        with database.change_schema() as connection:
            connection.execute(text("DROP INDEX ix_town_by_name__sort_id"))
            connection.execute(text("DROP INDEX ix_town_by_note_name__sort_id"))
            connection.execute(text("ALTER TABLE town DROP COLUMN name__sort"))
            rows = [{"id": n, "version": 1, "name": name} for n, name in enumerate(NAMES, 1)]
            connection.execute(text("INSERT INTO town (id, version, name) VALUES (:id, :version, :name)"), rows)
        with database.change_schema() as connection, statements(database.engine) as told:
            steps = plan(model, model, connection, tables=build_tables(model))
            apply_steps(connection, steps, version=1, now=NOW)
        assert [type(s).__name__ for s in steps] == ["AddColumn", "FillKeys", "AddIndex", "AddIndex"]
        assert not [sql for sql in told if "CREATE TABLE" in sql.upper()]
        with database.read() as connection:
            ordered = connection.execute(select(town.c.name).order_by(town.c.name__sort.asc().nulls_first())).scalars()
            assert list(ordered) == [None, *IN_ORDER]
            assert plan(model, model, connection) == []


def test_a_renamed_field_keeps_its_keys_and_one_that_is_no_name_any_more_loses_nothing(make_database: Any) -> None:
    before = APP.replace("sort: [name]", "sort: [note, name]")
    renamed = before.replace("{note: {type: text", "{remark: {type: text").replace("note", "remark")
    for dialect in ("sqlite", "postgresql"):
        database = make_database(dialect)
        old, new, less = model_of(before), model_of(renamed), model_of(APP.replace("note", "remark"))
        with database.change_schema() as connection:
            apply_steps(connection, plan(None, old, connection), version=1, now=NOW)
            town = build_tables(old).entity["town"]
            connection.execute(town.insert(), [{"id": 1, "version": 1, "note": "二", "note__sort": sort_key("二")}])
            steps = plan(old, new, connection, renames=[("town.note", "town.remark")])
            apply_steps(connection, steps, version=2, now=NOW)
            there = build_tables(new).entity["town"]
            assert connection.execute(select(there.c.remark__sort)).scalars().all() == ["er4二"]
            assert not [s for s in steps if isinstance(s, FillKeys)]
            steps = plan(new, less, connection)
            assert not [s for s in steps if s.loses]
            apply_steps(connection, steps, version=3, now=NOW)
            connection.execute(update(there).values(remark="三"))
            apply_steps(connection, plan(less, new, connection), version=4, now=NOW)
            assert connection.execute(select(there.c.remark__sort)).scalars().all() == ["san1三"]


def test_what_came_without_keys_gets_them_in_batches(ctx: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.sort_keys.BATCH", 4)
    town = ctx.app.tables.entity["town"]
    ctx.connection.execute(update(town).values(name__sort=None))
    assert fill_keys(ctx.connection, town, "name") == len(IN_ORDER)
    assert names(ctx, sort=(("name", False),)) == IN_ORDER
