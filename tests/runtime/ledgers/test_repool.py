"""Another costing method from the start of a period on: what is there stays worth what it is worth."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal as D

import pytest
from sqlalchemy import text

from runtime.errors import Conflict
from runtime.ledgers import DocumentKey, balances, close_period, rebuild, reopen
from runtime.ledgers.repool import refusal, repool, standing, valued_by
from tests.runtime.ledgers.depot import Depot, add, on, revalue, take

SETTING = DocumentKey(entity="costing", id=1)
APRIL = on(31, 16)  # the first of April begins in Shanghai


def change(depot: Depot, **values: str) -> None:
    """What the write door does when the setting is saved."""
    with depot.acting() as ctx:
        assert refusal(ctx, "goods") is None
        before = standing(ctx, ["goods"])
    depot.setting(**values)
    with depot.acting() as ctx:
        repool(ctx, before, SETTING)


def march(depot: Depot) -> None:
    """Three receipts at rising prices in two places, some used at the average; March is closed."""
    depot.setting(method="average", pool="firm")
    depot.now = on(10)
    depot.post(add(qty=100, value=100, at=on(2), place=1), add(qty=1, value=1, at=on(3), place=1))
    depot.post(add(qty=100, value=300, at=on(4), place=2))
    depot.post(take(qty=100, at=on(5), place=1))
    next_month(depot, 4)


def next_month(depot: Depot, month: int) -> None:
    depot.now = on(1, month=month)
    with depot.acting() as ctx:
        close_period(ctx, None, (on(1, month=month) - (on(2) - on(1))).date())


def pools(depot: Depot) -> list[tuple[str, D, D]]:
    return [
        row for row in depot.rows(depot.app.tables.ledgers.pool["goods"], "key", "qty", "value") if row[1] or row[2]
    ]


def layers(depot: Depot) -> list[tuple[D, D]]:
    return [row[1:] for row in depot.rows(depot.app.tables.ledgers.layer["goods"], "move", "qty", "value")]


def repooled(depot: Depot) -> list[tuple[datetime, D]]:
    moves = depot.rows(depot.app.tables.ledgers.moves["goods"], "at", "value", "kind")
    return [(at, value) for at, value, kind in moves if kind == "repooled"]


def test_the_settings_that_value_a_ledger_are_known(depot: Depot) -> None:
    model = depot.app.model
    assert [valued_by(model, "costing", f) for f in ("method", "pool", "other")] == [("goods",), ("goods",), ()]


def test_from_average_to_first_in_each_layer_takes_its_share_of_the_value(depot: Depot) -> None:
    march(depot)
    assert depot.pool() == (D(101), D("201.50"))  # 100 went at 401 × 100 ÷ 201 = 199.50
    change(depot, method="fifo")
    assert pools(depot) == [("firm|1", D(101), D("201.50"))]
    assert layers(depot) == [(D(1), D("2.00")), (D(100), D("199.50"))]
    assert sum(value for _, value in repooled(depot)) == 0
    assert {at for at, _ in repooled(depot)} == {APRIL}
    assert depot.problems() == []
    posted = depot.post(take(qty=2, at=depot.now, place=2))
    assert [m.amounts["value"] for m in posted.moves] == [D("-4.00")]  # 2.00 + 199.50 ÷ 100, rounded


def test_there_and_back_again_the_total_is_what_it_was(depot: Depot) -> None:
    march(depot)
    change(depot, method="fifo", pool="place")
    assert pools(depot) == [("place|1|1", D(1), D("2.00")), ("place|1|2", D(100), D("199.50"))]
    depot.post(take(qty=50, at=depot.now, place=2), add(qty=50, value=350, at=on(2, month=4), place=2))
    assert depot.pool() == (D(101), D("451.75"))
    next_month(depot, 5)
    change(depot, method="average", pool="firm")
    assert pools(depot) == [("firm|1", D(101), D("451.75"))]
    assert layers(depot) == []
    assert depot.problems() == []


def test_what_came_by_place_is_shared_by_quantity_from_then_on(depot: Depot) -> None:
    march(depot)
    with depot.acting() as ctx:
        shared = {r.dimensions["place"]: r.amounts["value"] for r in balances(ctx, "goods", group_by=("place",))}
    change(depot, pool="place")
    with depot.acting() as ctx:
        assert {
            r.dimensions["place"]: r.amounts["value"] for r in balances(ctx, "goods", group_by=("place",))
        } == shared
        at_the_end_of_march = balances(ctx, "goods", as_of=on(31).date())
    assert [(r.amounts["qty"], r.amounts["value"]) for r in at_the_end_of_march] == [(D(101), D("201.50"))]
    assert depot.problems() == []


@pytest.mark.parametrize("method", ["average", "fifo"])
def test_rows_made_anew_after_a_change_are_those_that_were_kept(depot: Depot, method: str) -> None:
    march(depot)
    change(depot, method=method, pool="place")
    depot.post(add(qty=10, value=90, at=on(1, 8, month=4), place=1), take(qty=5, at=on(1, 9, month=4), place=1))
    kept = pools(depot), layers(depot)
    with depot.acting() as ctx:
        rebuild(ctx, "goods")
    assert (pools(depot), layers(depot)) == kept


@pytest.mark.parametrize("method", ["average", "fifo"])
def test_what_is_dated_back_walks_by_the_new_method_and_not_before_it(depot: Depot, method: str) -> None:
    march(depot)
    change(depot, method=method, pool="place")
    depot.now = on(9, month=4)
    depot.post(add(qty=9, value=90, at=on(5, month=4), place=1))
    taken = depot.post(take(qty=5, at=on(6, month=4), place=1))
    posted = depot.post(add(qty=10, value=50, at=on(4, month=4), place=1))
    assert [m.corrects for m in posted.differences] == [m.id for m in taken.moves]
    assert depot.problems() == []
    first = min(depot.rows(depot.app.tables.ledgers.moves["goods"], "id"))  # of March: what is there bears it now
    posted = depot.post(revalue(corrects=first, value=20, document=3))
    assert {m.at >= APRIL for m in (*posted.moves, *posted.differences)} == {True}
    assert depot.problems() == []


def test_a_change_inside_a_period_is_refused_with_the_reason(depot: Depot) -> None:
    depot.setting(method="average", pool="firm")
    depot.now = on(10)

    def reason() -> str:
        with depot.acting() as ctx:
            found = refusal(ctx, "goods")
            return found.message if found else ""

    assert reason() == ""
    depot.post(add(qty=5, value=50, at=on(2), place=9))
    assert reason().endswith("close Goods through the end of the last one first")
    next_month(depot, 4)
    assert reason() == ""
    depot.post(take(qty=6, at=depot.now, place=9))
    assert "Goods already has moves in the period that began on 2026-04-01" in reason()
    next_month(depot, 5)
    assert reason().startswith("Goods is below zero somewhere")


def test_what_was_closed_before_a_change_stays_closed(depot: Depot) -> None:
    march(depot)
    change(depot, method="fifo")
    for through in (None, on(20).date()):
        with pytest.raises(Conflict, match="another method since 2026-04-01"), depot.acting() as ctx:
            reopen(ctx, "goods", through)
    with depot.acting() as ctx:
        reopen(ctx, None, on(31).date())


def test_the_whole_proof_finds_the_setting_that_the_moves_name(depot: Depot) -> None:
    march(depot)
    change(depot, method="fifo")
    with depot.app.database.read() as connection:
        named = connection.execute(text("SELECT DISTINCT doc_entity, doc_id FROM ledger_goods WHERE kind = 'repooled'"))
        assert [tuple(row) for row in named] == [("costing", 1)]


@pytest.mark.parametrize("method", ["average", "fifo"])
def test_dearer_work_of_before_the_change_is_borne_by_what_is_there_of_its_product(depot: Depot, method: str) -> None:
    depot.setting(method="average", pool="firm")
    depot.now = on(10)
    depot.post(
        add(qty=10, value=100), take(qty=10, key="issued"), add("work", from_=("issued",), job=1, element="material")
    )
    used = take("work", job=1, amounts={"value": None}, allocate="elements", key="used")
    depot.post(used, add(from_=("used",), thing=2, place=1, qty=4))
    next_month(depot, 4)
    change(depot, method=method, pool="place")
    depot.post(take(thing=2, qty=1, at=on(1, 8, month=4)))
    depot.now = on(9, month=4)
    first = min(depot.rows(depot.app.tables.ledgers.moves["work"], "id"))
    depot.post(revalue("work", corrects=first, value=20, document=3))
    assert depot.pool(2) == (D(3), D(95))  # 100, less the 25 that one took, and the 20 that arose today
    assert depot.problems() == []
