"""Structures are refused when they are saved, not when somebody plans with them."""

from __future__ import annotations

import pytest

from runtime import comments, records
from runtime.database import Database
from runtime.errors import Forbidden, Invalid, NotFound
from tests.runtime.works import ANNA, BUYER, MAKER, Works, open_works

BOLT, COPPER, SCREW, CONN, KIT = 1, 2, 3, 4, 5


@pytest.fixture
def works(database: Database) -> Works:
    return open_works(database)


def formula(works: Works, code: str, item: int, *parts: int, **line: object) -> int:
    lines = [{"item": part, "qty": "1", **line} for part in parts]
    return works.new("formula", code=code, name=code, item=item, lines=lines)


def test_a_cycle_is_refused_with_the_way_round_and_nothing_is_written(works: Works) -> None:
    with pytest.raises(Invalid) as refused:
        formula(works, "F9", SCREW, BOLT, CONN)
    (told,) = refused.value.faults
    assert (told.code, told.field) == ("structure_cycle", "lines")
    assert told.message == "It is made of itself: SCREW 螺丝 → CONN 接头 → KIT 套件 → SCREW 螺丝"
    with pytest.raises(NotFound):
        works.load("formula", 3)


def test_a_thing_made_of_itself_is_refused(works: Works) -> None:
    with pytest.raises(Invalid):
        formula(works, "F9", BOLT, BOLT)


def test_a_cycle_made_by_a_change_is_refused(works: Works) -> None:
    made = formula(works, "F9", BOLT, COPPER)
    line = works.load("formula", made)["lines"][0]["id"]
    with pytest.raises(Invalid), works.acting() as ctx:
        records.update(ctx, "formula", made, {"lines": [{"id": line, "item": BOLT}]})
    assert works.load("formula", made)["lines"][0]["item"] == COPPER


def test_a_version_that_is_not_used_may_lead_back(works: Works) -> None:
    lines = [{"item": CONN, "qty": "1"}]
    made = works.new("formula", code="F9", name="old", item=SCREW, usable=False, lines=lines)
    with pytest.raises(Invalid), works.acting() as ctx:
        records.update(ctx, "formula", made, {"usable": True})


def test_a_loss_on_whole_pieces_is_refused_on_measured_goods_not(works: Works) -> None:
    with pytest.raises(Invalid) as refused:
        formula(works, "F9", BOLT, SCREW, scrap="0.03")
    assert [f.code for f in refused.value.faults] == ["structure_loss"]
    assert "SCREW" in refused.value.faults[0].message
    formula(works, "F9", BOLT, COPPER, scrap="0.03")


def test_remarks_stand_under_a_record_in_order(works: Works) -> None:
    order = works.new("order", BUYER, place=1)
    with works.acting(BUYER) as ctx:
        comments.add(ctx, "order", order, " first ")
    with works.acting(ANNA) as ctx:
        comments.add(ctx, "order", order, "second")
        assert [(c.name, c.text) for c in comments.comments(ctx, "order", order)] == [
            ("buyer", "first"),
            ("anna", "second"),
        ]


def test_remarks_are_for_those_who_may_read_the_record(works: Works) -> None:
    order = works.new("order", BUYER, place=1)
    with pytest.raises(Forbidden), works.acting(MAKER) as ctx:
        comments.add(ctx, "order", order, "x")
    with pytest.raises(NotFound), works.acting(BUYER) as ctx:
        comments.comments(ctx, "order", 99)
    with pytest.raises(Invalid), works.acting(BUYER) as ctx:
        comments.add(ctx, "order", order, "  ")
