"""What is there, now and at any day."""

from __future__ import annotations

from decimal import Decimal

from runtime.ledgers import balances, keep_months, moves
from tests.runtime.ledgers.depot import Depot, add, on, take


def test_a_part_of_a_pool_is_shown_as_its_share_by_quantity(depot: Depot) -> None:
    depot.post(add(qty=10, value=100), add(place=2, qty=20, value=500))
    with depot.acting() as ctx:
        rows = balances(ctx, "goods", group_by=["place"])
    assert [(r.dimensions["place"], r.amounts["qty"], r.amounts["value"], r.unit_cost) for r in rows] == [
        (1, 10, 200, 20),
        (2, 20, 400, 20),
    ]


def test_as_of_a_day_means_its_end_with_and_without_month_ends(depot: Depot) -> None:
    depot.now = on(20, month=5)
    depot.post(add(qty=10, value=100, at=on(2)))
    depot.post(take(qty=4, at=on(5, month=4)))
    for kept in (False, True):
        with depot.acting() as ctx:
            if kept:
                keep_months(ctx, "goods", on(30, month=4).date())
            found = [balances(ctx, "goods", as_of=day.date()) for day in (on(31), on(5, month=4), on(1))]
        assert [[r.amounts["value"] for r in rows] for rows in found] == [[Decimal(100)], [Decimal(60)], []]


def test_a_moment_is_reached_from_the_month_end_before_or_after_it(depot: Depot) -> None:
    depot.now = on(20, month=6)
    depot.post(*(add(qty=day, value=day, at=on(day, month=2 + day % 4)) for day in range(1, 29)))
    depot.post(add(qty=99, value=99, at=on(31, hour=12)))
    asked = [on(day, month=month) for month in (2, 3, 4, 5) for day in (1, 3, 12, 17, 27, 28)]
    asked += [on(31, hour=1), on(31, hour=23), on(30, month=4, hour=2)]
    found = []
    for kept in (False, True):
        with depot.acting() as ctx:
            if kept:
                keep_months(ctx, "goods", on(31, month=5).date())
            found.append([balances(ctx, "goods", group_by=["thing"], as_of=moment) for moment in asked])
    assert found[0] == found[1]
    assert len({str(rows) for rows in found[0]}) > 12


def test_moves_are_read_page_by_page(depot: Depot) -> None:
    depot.post(*(add(qty=i, value=i) for i in (1, 2, 3)))
    with depot.acting() as ctx:
        first = moves(ctx, "goods", limit=2)
        rest = moves(ctx, "goods", after=(first[-1].at, first[-1].id), limit=2)
    assert [m.amounts["qty"] for m in (*first, *rest)] == [1, 2, 3]
