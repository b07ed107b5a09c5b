"""Schema changes on a live app: ordered, reversible, nothing lost that was not agreed to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, text, update

from engine.model import AppModel, EntityKind, Field
from runtime.database import Database
from runtime.errors import Conflict
from runtime.migrate import apply_steps, plan, undo_steps
from runtime.migrate_steps import Step
from runtime.tables import Tables, build_tables
from tests.bench.measure import statements
from tests.factories import make_entity, make_field, make_model

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def thing(*fields: Field, **rest: Any) -> AppModel:
    """An app with units, kinds and things of ``fields``."""
    kind = make_entity("kind", make_field("code"))
    unit = make_entity("unit", make_field("code"))
    return make_model(kind, unit, make_entity("thing", make_field("code"), *fields, **rest))


class Live:
    """A database that goes from model to model, as an app does."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.model: AppModel | None = None
        self.version = 0

    def go(self, model: AppModel, *, loss: bool = False, renames: Sequence[tuple[str, str]] = ()) -> list[Step]:
        with self.database.change_schema() as connection:
            steps = plan(self.model, model, connection, renames=renames)
            self.version += 1
            apply_steps(connection, steps, version=self.version, now=NOW, allow_loss=loss, language="en")
        self.model = model
        return steps

    @property
    def tables(self) -> Tables:
        assert self.model is not None
        return build_tables(self.model)

    def put(self, entity: str, *rows: dict[str, Any]) -> None:
        with self.database.write() as connection:
            connection.execute(insert(self.tables.entity[entity]), list(rows))

    def column(self, name: str, entity: str = "thing") -> list[Any]:
        here = self.tables.entity[entity]
        with self.database.read() as connection:
            return list(connection.execute(select(here.c[name]).order_by(here.c.id)).scalars())

    def refused(self, model: AppModel) -> list[str]:
        with pytest.raises(Conflict) as caught:
            self.go(model)
        return [f.message for f in caught.value.faults]


@pytest.fixture
def live(database: Database) -> Live:
    return Live(database)


def said(steps: Sequence[Step]) -> list[str]:
    return [step.describe("en") for step in steps]


def test_a_new_app_gets_all_its_tables_even_if_they_point_at_each_other(live: Live) -> None:
    one = make_entity("one", make_field("code"), make_field("other", "reference", to=["two"]))
    two = make_entity("two", make_field("code"), make_field("other", "reference", to=["one"]))
    steps = live.go(make_model(one, two))
    assert len(steps) == 1
    assert steps[0].describe("en").startswith("create tables ")
    assert live.go(make_model(one, two)) == []


def test_a_field_is_added_without_touching_the_records(live: Live) -> None:
    live.go(thing())
    live.put("thing", {"code": "A"})
    steps = live.go(thing(make_field("unit", "reference", to=["unit"]), make_field("size", "quantity")))
    assert said(steps) == ["add thing.unit", "add thing.size", "build an index on thing (unit)"]
    assert live.column("size") == [None]
    assert not any(step.loses for step in steps)


def test_a_field_that_goes_is_refused_unless_the_loss_is_agreed_to_and_comes_back_whole(live: Live) -> None:
    with_note = thing(make_field("note"), make_field("unit", "reference", to=["unit"]))
    live.go(with_note)
    live.put("unit", {"id": 1, "code": "pcs"})
    live.put("thing", {"note": "一", "unit": 1}, {"note": None, "unit": None}, {"note": "三", "unit": 1})
    assert live.refused(thing()) == [
        "remove thing.note (2 values, kept restorable); needs --allow-loss",
        "remove thing.unit (2 values, kept restorable); needs --allow-loss",
    ]
    assert live.column("note") == ["一", None, "三"]
    live.go(thing(), loss=True)
    live.put("thing", {"code": "D"})
    steps = live.go(with_note)
    assert said(steps) == [
        "restore thing.note (2 values)",
        "restore thing.unit (2 values)",
        "build an index on thing (unit)",
    ]
    assert live.column("note") == ["一", None, "三", None]
    assert live.column("unit") == [1, None, 1, None]


def test_an_empty_field_goes_without_asking(live: Live) -> None:
    live.go(thing(make_field("note")))
    live.put("thing", {"code": "A"})
    assert said(live.go(thing())) == ["remove thing.note (0 values, kept restorable)"]


def test_a_field_added_under_the_name_of_a_lost_one_of_another_type_starts_empty(live: Live) -> None:
    live.go(thing(make_field("note")))
    live.put("thing", {"note": "x"})
    live.go(thing(), loss=True)
    live.go(thing(make_field("note", "date")))
    assert live.column("note") == [None]
    live.go(thing(), loss=True)
    live.go(thing(make_field("note")))
    assert live.column("note") == ["x"]


def test_an_entity_that_goes_comes_back_with_its_lines(live: Live) -> None:
    lines = make_entity("box.lines", make_field("qty", "quantity"), kind=EntityKind.LINES, parent="box")
    box = make_entity("box", make_field("code", unique=True), make_field("tags", "references", to=["unit"]))
    unit = make_entity("unit", make_field("code"))
    full = make_model(unit, box, lines)
    live.go(full)
    live.put("box", {"id": 1, "code": "A"})
    live.put("box.lines", {"parent": 1, "qty": Decimal(2)}, {"parent": 1, "qty": Decimal(3)})
    assert live.refused(make_model(unit)) == [
        "remove table box (1 rows, kept restorable); needs --allow-loss",
        "remove table box__lines (2 rows, kept restorable); needs --allow-loss",
    ]
    live.go(make_model(unit), loss=True)
    live.go(full)
    assert live.column("qty", "box.lines") == [Decimal(2), Decimal(3)]
    live.put("box.lines", {"parent": 1, "qty": Decimal(4)})
    assert live.go(full) == []


def test_renames_keep_columns_tables_and_data(live: Live) -> None:
    lines = make_entity("thing.lines", make_field("qty", "quantity"), kind=EntityKind.LINES, parent="thing")
    before = make_model(make_entity("thing", make_field("code", unique=True), make_field("model")), lines)
    live.go(before)
    live.put("thing", {"id": 1, "code": "A", "model": "M"})
    live.put("thing.lines", {"parent": 1, "qty": Decimal(2)})
    lines = make_entity("piece.lines", make_field("qty", "quantity"), kind=EntityKind.LINES, parent="piece")
    after = make_model(make_entity("piece", make_field("code", unique=True), make_field("drawing_no")), lines)
    steps = live.go(after, renames=[("thing", "piece"), ("piece.model", "drawing_no")])
    assert [s for s in said(steps) if "index" not in s] == [
        "rename table thing to piece",
        "rename table thing__lines to piece__lines",
        "rename piece.model to drawing_no",
    ]
    assert live.column("drawing_no", "piece") == ["M"]
    assert live.column("qty", "piece.lines") == [Decimal(2)]
    assert live.go(after) == []
    live.go(make_model(*after.entities.values(), make_entity("thing", make_field("code", unique=True))))


def test_a_rename_together_with_a_new_type_keeps_the_data(live: Live) -> None:
    live.go(thing(make_field("size")))
    live.put("thing", {"size": "12"})
    live.go(thing(make_field("length", "integer")), renames=[("thing.size", "length")])
    assert live.column("length") == [12]


def test_what_cannot_be_converted_is_listed_and_kept(live: Live) -> None:
    words, numbers = thing(make_field("size")), thing(make_field("size", "decimal"))
    live.go(words)
    live.put("thing", {"size": "1,200.50"}, {"size": "big"}, {"size": "１２"}, {"size": None}, {"size": "1e99"})
    assert live.refused(numbers) == [
        "convert thing.size from text to decimal: 4 values, 2 cannot be converted; needs --allow-loss: #2 big, #5 1e99"
    ]
    assert live.column("size") == ["1,200.50", "big", "１２", None, "1e99"]
    live.go(numbers, loss=True)
    assert live.column("size") == [Decimal("1200.5"), None, Decimal(12), None, None]
    live.go(words)
    assert live.column("size") == ["1200.5", "big", "12", None, "1e99"]


CHANGES = [
    ("integer", {}, "text", {}, [7, -3], ["7", "-3"]),
    ("integer", {}, "decimal", {}, [7, -3], [Decimal(7), Decimal(-3)]),
    ("decimal", {}, "money", {}, [Decimal("1.25"), Decimal(3)], [Decimal("1.25"), Decimal(3)]),
    ("money", {}, "text", {}, [Decimal("1.20"), Decimal(3)], ["1.2", "3"]),
    ("text", {}, "yes_no", {}, ["是", "no"], [True, False]),
    ("yes_no", {}, "integer", {}, [True, False], [1, 0]),
    ("text", {}, "date", {}, ["2026-03-01", "2026年3月2日"], [date(2026, 3, 1), date(2026, 3, 2)]),
    ("date", {}, "text", {}, [date(2026, 3, 1), date(2026, 3, 2)], ["2026-03-01", "2026-03-02"]),
    ("date", {}, "moment", {}, [date(2026, 3, 1)], [datetime(2026, 2, 28, 16, tzinfo=UTC)]),
    ("moment", {}, "date", {}, [datetime(2026, 2, 28, 17, tzinfo=UTC)], [date(2026, 3, 1)]),
    ("text", {}, "choice", {"options": ["red", "blue"]}, ["red", " blue "], ["red", "blue"]),
    ("choice", {"options": ["red", "blue"]}, "text", {}, ["red", "blue"], ["red", "blue"]),
    ("text", {}, "reference", {"to": ["unit"]}, ["kg", "pcs"], [2, 1]),
    ("reference", {"to": ["unit"]}, "text", {}, [2, 1], ["kg", "pcs"]),
    ("reference", {"to": ["unit"]}, "reference", {"to": ["unit", "kind"]}, [2, 1], [2, 1]),
    ("reference", {"to": ["unit"]}, "reference", {"to": ["kind"]}, [1], [7]),
    ("integer", {}, "quantity", {"unit_field": "unit"}, [5], [Decimal(5)]),
]


@pytest.mark.parametrize(("old", "how", "new", "then", "given", "expected"), CHANGES)
def test_every_kind_of_change_carries_the_values(
    live: Live, old: str, how: dict[str, Any], new: str, then: dict[str, Any], given: list[Any], expected: list[Any]
) -> None:
    live.go(thing(make_field("it", old, **how)))
    live.put("unit", {"id": 1, "code": "pcs"}, {"id": 2, "code": "kg"})
    live.put("kind", {"id": 7, "code": "pcs"})
    live.put("thing", *({"it": value} for value in given))
    steps = live.go(thing(make_field("it", new, **then)))
    assert not any(step.loses for step in steps)
    assert live.column("it") == expected
    if len(then.get("to", ())) > 1:
        assert live.column("it__type") == ["unit"] * len(expected)
    if "unit_field" in then:
        assert live.column("it__entered") == expected


def test_a_smaller_scale_lists_what_would_lose_decimals(live: Live) -> None:
    live.go(thing(make_field("price", "decimal")))
    live.put("thing", {"price": Decimal("1.25")}, {"price": Decimal("1.255")})
    assert live.refused(thing(make_field("price", "money"))) == [
        "convert thing.price from decimal to money: 2 values, 1 cannot be converted; needs --allow-loss: #2 1.255"
    ]


def test_one_value_becomes_several_and_one_again(live: Live) -> None:
    one = thing(make_field("unit", "reference", to=["unit"]))
    several = thing(make_field("unit", "references", to=["unit"]))
    live.go(one)
    live.put("unit", *({"id": n, "code": str(n)} for n in (1, 2, 3)))
    live.put("thing", {"id": 1, "unit": 2}, {"id": 2, "unit": None}, {"id": 3, "unit": 3})
    live.go(several)
    link = live.tables.links["thing", "unit"]
    with live.database.write() as connection:
        assert _pairs(connection, link) == [(1, 2), (3, 3)]
        connection.execute(insert(link).values(owner=1, value=1, position=1))
    assert live.refused(one) == [
        "thing.unit takes one value: 1 records have several, the first stays; needs --allow-loss: #1 ×2"
    ]
    live.go(one, loss=True)
    assert live.column("unit") == [2, None, 3]
    with live.database.write() as connection:
        connection.execute(update(live.tables.entity["thing"]).values(unit=1).where(text("id = 3")))
    live.go(several)
    with live.database.read() as connection:
        assert _pairs(connection, link) == [(1, 1), (1, 2), (3, 1)]


def _pairs(connection: Connection, link: Any) -> list[tuple[int, int]]:
    return [
        tuple(r) for r in connection.execute(select(link.c.owner, link.c.value).order_by(link.c.owner, link.c.value))
    ]


def test_an_option_in_use_goes_only_by_agreement_and_comes_back(live: Live) -> None:
    three = thing(make_field("hue", "choice", options=["red", "green", "blue"]))
    two = thing(make_field("hue", "choice", options=["red", "green"]))
    live.go(three)
    live.put("thing", {"hue": "red"}, {"hue": "blue"}, {"hue": "blue"})
    assert live.refused(two) == [
        "remove the options blue of thing.hue: 2 records use them; needs --allow-loss: #2 blue, #3 blue"
    ]
    live.go(two, loss=True)
    assert live.column("hue") == ["red", None, None]
    with live.database.write() as connection:
        connection.execute(update(live.tables.entity["thing"]).values(hue="green").where(text("id = 2")))
    assert said(live.go(three)) == ["restore the option blue of thing.hue"]
    assert live.column("hue") == ["red", "green", "blue"]


def test_a_unique_key_is_blocked_by_duplicates_whatever_is_agreed(live: Live) -> None:
    live.go(thing())
    live.put("thing", {"code": "A"}, {"code": "A"}, {"code": "B"})
    with pytest.raises(Conflict) as caught:
        live.go(thing(unique={"code": ("code",)}), loss=True)
    fault = caught.value.faults[0]
    assert (fault.code, fault.message) == (
        "blocked_by_data",
        "build an index on thing (code); correct these first: #1 A",
    )


def test_a_field_that_becomes_required_says_how_many_lack_it(live: Live) -> None:
    live.go(thing(make_field("note")))
    live.put("thing", {"note": "x"}, {"note": None})
    steps = live.go(thing(make_field("note", required=True)))
    assert said(steps) == ["thing.note becomes required: 1 records have none"]


def test_steps_can_be_taken_back(live: Live) -> None:
    live.go(thing(make_field("size"), make_field("note")))
    live.put("thing", {"size": "12", "note": "x"})
    before = live.model
    steps = live.go(thing(make_field("size", "integer"), make_field("fresh", "date")), loss=True)
    with live.database.change_schema() as connection:
        undo_steps(connection, steps, version=3, now=NOW)
    live.model = before
    assert live.column("size") == ["12"]
    assert live.column("note") == ["x"]
    assert live.go(before) == []  # type: ignore[arg-type]


def test_a_failure_in_the_middle_changes_nothing(live: Live) -> None:
    live.go(thing(make_field("size")))
    live.put("thing", {"size": "12"})

    def fail() -> None:
        with live.database.change_schema() as connection:
            steps = plan(live.model, thing(make_field("size", "integer")), connection)
            apply_steps(connection, steps, version=2, now=NOW)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert live.column("size") == ["12"]
    assert live.go(thing(make_field("size"))) == []


LARGE = 100_000
LARGE_CHANGES = [
    ("text", "integer"),
    ("integer", "text"),
    ("text", "money"),
    ("money", "quantity"),
    ("quantity", "integer"),
]


def test_100_000_records_survive_one_change_after_another(live: Live) -> None:
    live.go(thing(make_field("it")))
    here = live.tables.entity["thing"]
    with live.database.write() as connection:
        connection.execute(insert(here), [{"it": str(n)} for n in range(1, LARGE + 1)])
    for old, new in LARGE_CHANGES:
        if live.model is not None and live.model.entities["thing"].fields["it"].type != old:
            live.go(thing(make_field("it", old)))
        live.go(thing(make_field("it", new)))
    here = live.tables.entity["thing"]
    with live.database.read() as connection:
        found = connection.execute(select(func.count(), func.sum(here.c.it), func.max(here.c.it))).one()
    assert tuple(found) == (LARGE, Decimal(LARGE * (LARGE + 1) // 2), Decimal(LARGE))


def test_looking_for_changes_asks_no_more_for_thirty_entities_than_for_one(live: Live) -> None:
    fields = [make_field(f"f{n}") for n in range(12)]
    asked = []
    for several in (1, 30):
        model = make_model(*(make_entity(f"e{n}", *fields) for n in range(several)), hash=f"{several}")
        live.go(model)
        with live.database.read() as connection, statements(live.database.engine) as sent:
            assert plan(model, model, connection, tables=build_tables(model)) == []
        asked.append(len(sent))
    assert 0 < asked[0] == asked[1]
