"""Which balances a take goes over, and what guards say when it is too much."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy import insert, update

from runtime.errors import Conflict, Invalid
from runtime.ledgers import Short, open_balances
from runtime.values import Ref
from tests.runtime.ledgers.depot import Depot, add, take


def test_f1_first_expired_goes_first_and_the_take_is_split(depot: Depot) -> None:
    depot.post(*(add(thing=3, batch=b, qty=q, value=q) for b, q in ((3, 9), (2, 50), (1, 30), (4, 70))))
    posted = depot.post(take(thing=3, qty=60, allocate="expiring"))
    assert [(m.dimensions["batch"], m.amounts["qty"]) for m in posted.moves] == [(1, -30), (2, -30)]


def test_a_payment_settles_the_oldest_debt_and_the_rest_stays_as_credit(depot: Depot) -> None:
    for number, (due, amount) in enumerate(((date(2026, 3, 9), 50), (date(2026, 2, 9), 30)), 1):
        depot.post(_debt(number, due, amount))
    credit = {"document": Ref("batch", 1), "due": date(2026, 3, 10)}
    posted = depot.post(
        take("debts", partner=1, amount=100, allocate="oldest", short=Short.REST, short_dimensions=credit)
    )
    assert [m.amounts["amount"] for m in posted.moves] == [-30, -50, -20]
    assert posted.moves[2].dimensions["document"] == Ref("batch", 1)


def _debt(number: int, due: date, amount: int):  # type: ignore[no-untyped-def]
    asked = add("debts", partner=1, due=due, amount=amount)
    return asked._replace(dimensions={**asked.dimensions, "document": Ref("thing", number)})


def test_a_refusal_names_what_is_there_and_what_was_wanted_and_writes_nothing(depot: Depot) -> None:
    depot.post(add(qty=10, value=100))
    with pytest.raises(Conflict) as refused:
        depot.post(take(qty=12))
    assert [(f.code, f.message) for f in refused.value.faults] == [("not_negative", "Only 10 of T1 at Place 1, not 12")]
    assert depot.pool() == (Decimal(10), Decimal(100))
    assert depot.problems() == []


def test_nothing_is_posted_without_a_lot_where_one_is_demanded(depot: Depot) -> None:
    with pytest.raises(Invalid, match="say which"):
        depot.post(add(thing=3, qty=1, value=1))


def test_what_is_promised_cannot_be_taken(depot: Depot) -> None:
    depot.post(add(qty=100, value=100), add("promised", qty=40, demand=2))
    with pytest.raises(Conflict, match="Not enough T1"):
        depot.post(take(qty=70))
    depot.post(take("promised", qty=40, demand=2), take(qty=70))
    assert depot.problems() == []


def test_guards_judge_the_end_and_hours_cannot_be_booked_twice(depot: Depot) -> None:
    day = date(2026, 3, 11)
    booking = {"worker": 1, "day": day}
    depot.post(add("hours", hours=6, **{"for": 1}, **booking))
    with pytest.raises(Conflict, match="already has 6 hours on 2026-03-11"):
        depot.post(add("hours", hours=3, **{"for": 2}, **booking))
    depot.post(add("hours", hours=3, **{"for": 2}, **booking), take("hours", hours=1, **{"for": 1}, **booking))
    assert depot.problems() == []


def test_a_ledger_without_guards_refuses_what_open_balances_do_not_cover(depot: Depot) -> None:
    depot.post(_debt(1, date(2026, 3, 9), 50))
    with pytest.raises(Conflict) as refused:
        depot.post(take("debts", partner=1, amount=80, allocate="oldest"))
    assert [(f.code, f.message) for f in refused.value.faults] == [
        ("not_enough", "Debts: only 50 of 80 there, 30 missing")
    ]
    depot.post(take("debts", partner=1, amount=50, allocate="oldest"))
    assert depot.problems() == []


def test_however_few_balances_are_read_the_same_ones_are_taken(depot: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(7)
    story = [[(random.choice((1, 2, 3, 4)), random.randint(1, 9)) for _ in range(8)] for _ in range(3)]
    taken = []
    for few in (1, 1_000):
        monkeypatch.setattr(open_balances, "FEW", few)
        depot.empty()
        for lots in story:
            depot.post(*(add(thing=3, batch=b, qty=q, value=q) for b, q in lots))
            posted = depot.post(*(take(thing=3, qty=q, allocate="expiring", short=Short.DROP) for q in (3, 9, 2, 6)))
            taken.append((few, [(m.dimensions["batch"], m.amounts["qty"]) for m in posted.moves]))
        assert depot.problems() == []
    assert [t for few, t in taken if few == 1] == [t for few, t in taken if few != 1]
    assert all(t for _, t in taken)


def test_lots_are_taken_in_order_whatever_thing_they_name(depot: Depot) -> None:
    batch = depot.app.tables.entity["batch"]
    with depot.acting() as ctx:
        ctx.connection.execute(update(batch).where(batch.c.id == 2).values(thing=3))
        ctx.connection.execute(update(batch).where(batch.c.id == 3).values(thing=1))
    depot.post(*(add(thing=3, batch=b, qty=1, value=1) for b in (3, 2, 4, 1)))
    posted = depot.post(take(thing=3, qty=2, allocate="expiring"), take(thing=3, qty=1, allocate="expiring"))
    with depot.acting() as ctx:
        ctx.connection.execute(update(batch).values(thing=None))
    assert [m.dimensions["batch"] for m in posted.moves] == [1, 2, 3]


def test_a_place_whose_number_begins_like_another_s_keeps_its_lots(depot: Depot) -> None:
    place = depot.app.tables.entity["place"]
    with depot.acting() as ctx:
        ctx.connection.execute(insert(place).values(id=12, code="P12", name="Place 12", negative=False))
    depot.post(add(thing=3, place=12, batch=1, qty=5, value=5), add(thing=3, place=1, batch=3, qty=5, value=5))
    posted = depot.post(take(thing=3, place=1, qty=4, allocate="expiring"))
    assert [(m.dimensions["place"], m.dimensions["batch"], m.amounts["qty"]) for m in posted.moves] == [(1, 3, -4)]
    with pytest.raises(Conflict):
        depot.post(take(thing=3, place=1, qty=2, allocate="expiring"))
