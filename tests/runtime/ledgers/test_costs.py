"""What things cost: the figures of the policy, each sentence a test."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import update

from runtime.errors import Invalid
from runtime.ledgers import DocumentKey
from tests.runtime.ledgers.depot import Depot, add, give_back, on, revalue, take, values


def D(text: str | int) -> Decimal:
    return Decimal(text)


def standard(depot: Depot, cost: str, thing: int = 1) -> None:
    table = depot.app.tables.entity["thing"]
    with depot.acting() as ctx:
        ctx.connection.execute(update(table).where(table.c.id == thing).values(standard=Decimal(cost)))


def test_d7_moving_average_issue_of_60_costs_660_and_leaves_90_worth_990(depot: Depot) -> None:
    depot.post(add(qty=100, value=1000))
    depot.post(add(qty=50, value=650))
    posted = depot.post(take(qty=60))
    assert values(posted) == [D("-660.00")]
    assert depot.pool() == (D(90), D("990.00"))
    assert depot.problems() == []


def test_d7_fifo_issue_of_120_costs_1260_and_leaves_30_worth_390(depot: Depot) -> None:
    depot.setting(method="fifo", pool="firm")
    depot.post(add(qty=100, value=1000))
    depot.post(add(qty=50, value=650))
    posted = depot.post(take(qty=120))
    assert values(posted) == [D("-1260.00")]
    assert depot.pool() == (D(30), D("390.00"))
    assert depot.problems() == []


def test_what_leaves_costs_its_part_rounded_once_and_the_last_piece_takes_the_rest(depot: Depot) -> None:
    depot.post(add(qty=3, value=10))
    assert [values(depot.post(take(qty=1)))[0] for _ in range(3)] == [D("-3.33"), D("-3.34"), D("-3.33")]
    assert depot.pool() == (0, 0)


def test_by_lot_each_lot_has_its_own_cost(depot: Depot) -> None:
    depot.setting(method="lot", pool="firm")
    depot.post(add(thing=3, batch=1, qty=10, value=100), add(thing=3, batch=2, qty=10, value=200))
    assert values(depot.post(take(thing=3, batch=2, qty=5))) == [D(-100)]
    assert values(depot.post(take(thing=3, batch=1, qty=5))) == [D(-50)]
    assert depot.problems() == []


def test_per_place_each_place_has_its_own_average(depot: Depot) -> None:
    depot.setting(method="average", pool="place")
    depot.post(add(qty=10, value=100), add(place=2, qty=10, value=200))
    assert values(depot.post(take(place=2, qty=5))) == [D(-100)]


def test_at_standard_cost_the_difference_is_a_move_of_its_own(depot: Depot) -> None:
    depot.setting(method="standard", pool="firm")
    standard(depot, "10.00")
    posted = depot.post(add(qty=100, value=1040))
    assert values(posted) == [D(1040)]
    assert [(m.kind, m.amounts["value"], m.corrects) for m in posted.differences] == [
        ("variance", D(-40), posted.moves[0].id)
    ]
    assert depot.pool() == (D(100), D(1000))
    assert values(depot.post(take(qty=30))) == [D(-300)]
    assert depot.problems() == []


def test_a_supplier_return_leaves_from_the_layers_of_its_receipt(depot: Depot) -> None:
    depot.setting(method="fifo", pool="firm")
    depot.post(add(qty=10, value=100, line=1, posting="came"))
    depot.post(add(qty=10, value=200, line=2, posting="came", document=2))
    back = take(qty=4, returns=(request_line(2), "came"))
    assert values(depot.post(back)) == [D(-80)]
    assert values(depot.post(take(qty=16))) == [D(-220)]
    assert depot.problems() == []


def request_line(number: int) -> DocumentKey:
    return DocumentKey(entity="batch", id=number)


def test_a_return_comes_back_at_the_cost_at_which_it_went_and_the_last_takes_the_rest(depot: Depot) -> None:
    depot.post(add(qty=3, value=10))
    depot.post(take(qty=3, line=7, posting="went"))
    depot.post(add(qty=5, value=100))
    came = [values(depot.post(give_back(of=(7, "went"), qty=1)))[0] for _ in range(3)]
    assert came == [D("3.33"), D("3.33"), D("3.34")]
    assert depot.problems() == []


def test_more_than_went_cannot_come_back(depot: Depot) -> None:
    from runtime.errors import Conflict

    depot.post(add(qty=3, value=10))
    depot.post(take(qty=3, line=7, posting="went"))
    depot.post(give_back(of=(7, "went"), qty=2))
    with pytest.raises(Conflict, match="At most 1"):
        depot.post(give_back(of=(7, "went"), qty=2))


def test_under_fifo_a_return_goes_to_the_front_of_the_queue(depot: Depot) -> None:
    depot.setting(method="fifo", pool="firm")
    depot.post(add(qty=10, value=100))
    depot.post(add(qty=10, value=300))
    depot.post(take(qty=10, line=7, posting="went"))
    depot.post(give_back(of=(7, "went"), qty=4))
    assert values(depot.post(take(qty=5))) == [D(-70)]
    assert depot.problems() == []


def test_what_is_found_comes_in_at_the_current_unit_cost(depot: Depot) -> None:
    depot.post(add(qty=10, value=110))
    assert values(depot.post(add(qty=2))) == [D(22)]


def test_what_is_found_with_nothing_on_hand_takes_the_last_known_cost(depot: Depot) -> None:
    depot.post(add(qty=10, value=110))
    depot.post(take(qty=10))
    assert values(depot.post(add(qty=2))) == [D(22)]


def test_what_is_found_in_a_lot_without_a_cost_takes_that_of_the_item(depot: Depot) -> None:
    depot.setting(method="lot", pool="lot")
    depot.post(add(thing=3, batch=1, qty=10, value=110))
    assert values(depot.post(add(thing=3, batch=2, qty=2))) == [D(22)]


def test_what_is_found_without_any_cost_takes_the_standard(depot: Depot) -> None:
    standard(depot, "7.50")
    assert values(depot.post(add(qty=2))) == [D(15)]


def test_what_is_found_without_any_cost_or_standard_asks_for_a_price(depot: Depot) -> None:
    with pytest.raises(Invalid, match="enter a price"):
        depot.post(add(qty=2))
    assert depot.pool() == (0, 0)


def test_what_is_short_is_booked_at_the_last_cost_and_settled_when_goods_arrive(depot: Depot) -> None:
    depot.post(add(place=9, qty=10, value=50))
    first = depot.post(take(place=9, qty=10), take(place=9, qty=10))
    assert values(first) == [D(-50), D(-50)]
    assert depot.pool() == (D(-10), D(-50))
    arrived = depot.post(add(place=9, qty=30, value=180))
    assert [(m.kind, m.amounts["value"], m.corrects) for m in arrived.differences] == [
        ("settlement", D(-10), first.moves[1].id)
    ]
    assert depot.pool() == (D(20), D(120))
    assert depot.problems() == []


def test_arriving_goods_settle_the_oldest_short_pieces_first(depot: Depot) -> None:
    depot.post(add(place=9, qty=1, value=5))
    out = depot.post(take(place=9, qty=1), take(place=9, qty=2), take(place=9, qty=2))
    arrived = depot.post(add(place=9, qty=3, value=18))
    assert [(m.corrects, m.amounts["value"]) for m in arrived.differences] == [
        (out.moves[1].id, D(-2)),
        (out.moves[2].id, D(-1)),
    ]
    assert depot.pool() == (D(-1), D(-5))
    assert depot.problems() == []


def test_cost_travels_with_what_is_carried_on(depot: Depot) -> None:
    depot.post(add(qty=10, value=100))
    posted = depot.post(
        take(qty=4, key="sent"),
        add("road", from_=("sent",), trip=1),
    )
    assert [m.amounts["value"] for m in posted.moves] == [D(-40), D(40)]
    posted = depot.post(
        take("road", thing=1, trip=1, qty=3, allocate="carried", key="off"),
        add(from_=("off",), place=2),
    )
    assert [m.amounts["value"] for m in posted.moves] == [D(-30), D(30)]
    assert depot.pool() == (D(9), D(90))
    assert depot.problems() == []


def test_what_a_job_used_becomes_the_cost_of_what_it_made(depot: Depot) -> None:
    depot.post(add(qty=10, value=100))
    depot.post(take(qty=4, key="issued"), add("work", from_=("issued",), job=1, element="material"))
    depot.post(add("work", job=1, element="labour", amounts={"value": 60}))
    posted = depot.post(
        take("work", job=1, amounts={"value": 50}, allocate="elements", key="used"),
        add(thing=2, place=1, qty=5, from_=("used",), key="made"),
    )
    assert [m.amounts["value"] for m in posted.moves] == [D(-30), D(-20), D(50)]
    rest = depot.post(
        take("work", job=1, amounts={"value": None}, allocate="elements", key="rest"),
        revalue(corrects=(posted.by_key["made"][0].id,), from_=("rest",), kind="cost"),
    )
    assert [m.amounts["value"] for m in rest.moves] == [D(-30), D(-20), D(50)]
    assert depot.pool(2) == (D(5), D(100))
    assert depot.problems() == []


def test_a_returned_issue_takes_its_share_out_of_the_job(depot: Depot) -> None:
    depot.post(add(qty=3, value=10))
    depot.post(
        take(qty=3, key="issued", line=5, posting="issued"),
        add("work", from_=("issued",), job=1, element="material", line=5, posting="consumed"),
    )
    back = depot.post(give_back("work", of=(5, "consumed"), amounts={"qty": 1}), give_back(of=(5, "issued"), qty=1))
    assert [m.amounts["value"] for m in back.moves] == [D("-3.33"), D("3.33")]
    back = depot.post(give_back("work", of=(5, "consumed"), amounts={"qty": 2}), give_back(of=(5, "issued"), qty=2))
    assert [m.amounts["value"] for m in back.moves] == [D("-6.67"), D("6.67")]
    assert depot.problems() == []


def test_catch_weight_travels_with_the_pieces(depot: Depot) -> None:
    depot.post(add(qty=4, weight="10.5", value=40))
    posted = depot.post(take(qty=1))
    assert posted.moves[0].amounts["weight"] == D("-2.625")


def test_a_price_corrected_later_reaches_what_has_gone_and_what_is_there(depot: Depot) -> None:
    depot.now = on(12)
    came = depot.post(add(qty=10, value=100, at=on(2), document=1))
    out = depot.post(take(qty=4, at=on(5), document=2))
    posted = depot.post(revalue(corrects=(came.moves[0].id,), value=20, document=3))
    assert [(m.amounts["value"], m.document.id, m.at) for m in posted.moves] == [(D(20), 1, on(2))]
    assert [(m.amounts["value"], m.corrects, m.document.id, m.at) for m in posted.differences] == [
        (D(-8), out.moves[0].id, 2, on(5))
    ]
    assert posted.differences[0].cause == DocumentKey(entity="thing", id=3)
    assert depot.pool() == (D(6), D(72))
    assert depot.problems() == []


def test_what_one_call_uses_up_reaches_what_the_same_call_makes(depot: Depot) -> None:
    depot.post(add(qty=10, value=100), add("work", job=1, element="labour", amounts={"value": 7}))
    posted = depot.post(
        take(qty=4, key="issued"),
        add("work", from_=("issued",), job=1, element="material"),
        take("work", job=1, amounts={"value": None}, allocate="elements", key="used"),
        add(thing=2, place=1, qty=5, from_=("used",), key="made"),
    )
    assert [m.amounts["value"] for m in posted.by_key["made"]] == [D(47)]
    assert depot.pool(2) == (D(5), D(47))
    assert depot.rows(depot.app.tables.ledgers.balance["work"], "value") == [(D(0),), (D(0),)]
    assert depot.problems() == []


def test_goods_loaded_and_unloaded_in_one_call_keep_their_cost(depot: Depot) -> None:
    depot.post(add(qty=10, value=100))
    posted = depot.post(
        take(qty=4, key="sent"),
        add("road", from_=("sent",), trip=1),
        take("road", thing=1, trip=1, qty=3, allocate="carried", key="off"),
        add(from_=("off",), place=2),
    )
    assert [m.amounts["value"] for m in posted.moves] == [D(-40), D(40), D(-30), D(30)]
    assert depot.pool() == (D(9), D(90))
    assert depot.problems() == []
