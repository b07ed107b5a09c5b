"""Tables made from a model keep every kind of value exactly, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import func, insert, inspect, select, update
from sqlalchemy.exc import IntegrityError, StatementError

from engine.model import AppModel, EntityKind, View
from runtime.database import Database
from runtime.tables import Tables, build_tables
from tests.factories import make_entity, make_field, make_model, text


def sample() -> AppModel:
    unit = make_entity("unit", make_field("code", unique=True), make_field("ratio", "ratio"))
    thing = make_entity(
        "thing",
        make_field("code"),
        make_field("name"),
        make_field("unit", "reference", to=["unit"]),
        make_field("upper", "reference", to=["thing"]),
        make_field("origin", "reference", to=["unit", "thing"]),
        make_field("others", "references", to=["thing"]),
        make_field("colours", "choices", options=["red", "green"]),
        make_field("status", "choice", options=["draft", "done"]),
        make_field("date", "date"),
        make_field("hour", "time"),
        make_field("seen", "moment"),
        make_field("stock", "quantity", unit_field="unit"),
        make_field("price", "money"),
        make_field("count", "integer"),
        make_field("active", "yes_no"),
        make_field("picture", "file"),
        make_field("extra", "json"),
        make_field("lines", "lines", lines="thing.lines"),
        make_field("age", "integer", live=True),
        unique={"code": ("code",)},
        indexes={"by_name": ("name", "date")},
        views={
            "recent": View(
                id="recent",
                entity="thing",
                type="list",
                label=text("recent"),
                where=None,
                columns=("code",),
                sort=(("date", True), ("code", False)),
                filters=("unit", "unit.code"),
            )
        },
    )
    lines = make_entity(
        "thing.lines",
        make_field("unit", "reference", to=["unit"]),
        make_field("qty", "quantity"),
        kind=EntityKind.LINES,
        parent="thing",
        parent_field="lines",
        unique={"unit": ("unit",)},
    )
    return make_model(unit, thing, lines)


@pytest.fixture
def tables(database: Database) -> Tables:
    made = build_tables(sample())
    with database.write() as connection:
        made.metadata.create_all(connection)
    return made


def test_every_kind_of_value_comes_back_as_it_went_in(database: Database, tables: Tables) -> None:
    shanghai = timezone(timedelta(hours=8))
    values = {
        "code": "A-1",
        "status": "draft",
        "date": date(2026, 2, 28),
        "hour": time(8, 30),
        "seen": datetime(2026, 3, 1, 7, 0, 0, 120000, tzinfo=shanghai),
        "stock": Decimal("0.000001"),
        "stock__entered": Decimal("999999999999.999999"),
        "price": Decimal("-12.50"),
        "count": 7,
        "active": True,
        "extra": {"a": [1, None, "二"]},
        "origin": 5,
        "origin__type": "unit",
    }
    thing = tables.entity["thing"]
    with database.write() as connection:
        connection.execute(insert(thing).values(id=1, **values))
    with database.read() as connection:
        row = connection.execute(select(thing).where(thing.c.id == 1)).mappings().one()
    assert {name: row[name] for name in values} == {
        **values,
        "seen": datetime(2026, 2, 28, 23, 0, 0, 120000, tzinfo=UTC),
    }
    assert row["seen"].tzinfo is UTC
    assert str(row["price"]) == "-12.50"
    assert type(row["count"]) is int
    assert row["version"] == 1
    assert row["name"] is None


def test_a_million_cents_sum_without_drift(database: Database, tables: Tables) -> None:
    thing = tables.entity["thing"]
    with database.write() as connection:
        connection.execute(insert(thing), [{"price": Decimal("0.01")} for _ in range(1000)])
    with database.read() as connection:
        assert connection.execute(select(func.sum(thing.c.price))).scalar_one() == Decimal("10.00")


def test_a_number_of_more_than_18_digits_is_refused(database: Database, tables: Tables) -> None:
    thing = tables.entity["thing"]
    with (
        database.write() as connection,
        pytest.raises(StatementError, match="has more than 12 digits before the decimal"),
    ):
        connection.execute(insert(thing).values(stock=Decimal("1000000000000")))


def test_finer_decimals_round_half_away_from_zero(database: Database, tables: Tables) -> None:
    thing = tables.entity["thing"]
    with database.write() as connection:
        connection.execute(insert(thing), [{"id": 1, "price": Decimal("0.125")}, {"id": 2, "price": Decimal("-0.125")}])
        found = connection.execute(select(thing.c.price).order_by(thing.c.id)).scalars().all()
    assert found == [Decimal("0.13"), Decimal("-0.13")]


def test_a_referenced_record_cannot_be_removed_but_its_lines_go_with_it(database: Database, tables: Tables) -> None:
    unit, thing, lines = (tables.entity[name] for name in ("unit", "thing", "thing.lines"))
    with database.write() as connection:
        connection.execute(insert(unit).values(id=1, code="pcs"))
        connection.execute(insert(thing).values(id=1, unit=1))
        connection.execute(insert(lines).values(parent=1, unit=1, qty=Decimal(3)))
        connection.execute(insert(tables.links["thing", "others"]).values(owner=1, value=1, position=0))
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(unit.delete())
    with database.write() as connection:
        connection.execute(tables.links["thing", "others"].delete())
        connection.execute(thing.delete())
        assert connection.execute(select(func.count()).select_from(lines)).scalar_one() == 0


def test_unique_means_unique_among_records_that_are_not_deleted(database: Database, tables: Tables) -> None:
    thing = tables.entity["thing"]
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    with database.write() as connection:
        connection.execute(insert(thing).values(id=1, code="A"))
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(thing).values(id=2, code="A"))
    with database.write() as connection:
        connection.execute(update(thing).values(deleted_at=moment))
        connection.execute(insert(thing).values(id=2, code="A"))


def test_live_fields_lines_and_many_values_have_no_column(tables: Tables) -> None:
    columns = set(tables.entity["thing"].c.keys())
    assert not columns & {"age", "lines", "others", "colours"}
    assert set(tables.links) == {("thing", "others"), ("thing", "colours")}
    assert [c.name for c in tables.entity["unit"].c][-2:] == ["ratio__num", "ratio__den"]


def test_declared_lists_and_references_have_indexes(database: Database, tables: Tables) -> None:
    found = {tuple(i["column_names"]) for i in inspect(database.engine).get_indexes("thing")}
    assert found == {
        ("code",),
        ("date", "code", "id"),
        ("date", "id"),
        ("name", "date"),
        ("origin", "origin__type"),
        ("picture",),
        ("status", "date", "id"),
        ("unit", "date", "code", "id"),
        ("upper",),
    }


def test_tables_are_the_same_each_time() -> None:
    one, two = build_tables(sample()), build_tables(sample())
    assert [i.name for t in one.metadata.tables.values() for i in sorted(t.indexes, key=str)] == [
        i.name for t in two.metadata.tables.values() for i in sorted(t.indexes, key=str)
    ]
