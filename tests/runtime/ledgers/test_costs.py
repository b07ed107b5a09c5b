"""What things cost: the figures of the policy, each sentence a test."""

from __future__ import annotations

from decimal import Decimal

from tests.runtime.ledgers.depot import Depot, add, take, values


def test_d7_moving_average_issue_of_60_costs_660_and_leaves_90_worth_990(depot: Depot) -> None:
    depot.post(add(qty=100, value=1000))
    depot.post(add(qty=50, value=650))
    posted = depot.post(take(qty=60))
    assert values(posted) == [Decimal("-660.00")]
    assert depot.pool() == (Decimal(90), Decimal("990.00"))
    assert depot.problems() == []


def test_d7_fifo_issue_of_120_costs_1260_and_leaves_30_worth_390(depot: Depot) -> None:
    depot.setting(method="fifo", pool="firm")
    depot.post(add(qty=100, value=1000))
    depot.post(add(qty=50, value=650))
    posted = depot.post(take(qty=120))
    assert values(posted) == [Decimal("-1260.00")]
    assert depot.pool() == (Decimal(30), Decimal("390.00"))
    assert depot.problems() == []
