"""K1: how often the stock turns over, and the capital that sets free."""

from __future__ import annotations

from decimal import Decimal

from tests.scenarios.clients import code
from tests.scenarios.works import Works


def sold(works: Works, qty: str) -> None:
    line = {"item": code("SCREW"), "qty": qty, "price": "1"}
    keeper = works.api("keeper")
    made = works.api().new("delivery", partner=code("C"), warehouse=code("W"), lines=[line])
    keeper.take("delivery", made["id"], "post")


def a_month(works: Works) -> None:
    """Opening 400,000.00; 48,750.00 comes in; 148,750.00 goes out at cost; closing 300,000.00."""
    works.day("2025-12-20")
    works.bought("SCREW", "4000000", "0.1")
    works.day("2026-01-10")
    works.bought("SCREW", "487500", "0.1")
    works.day("2026-01-20")
    sold(works, "1487500")
    works.day("2026-02-03")


def test_k1_turnover_of_a_month_and_a_year(works: Works) -> None:
    a_month(works)
    card = works.api("finance").explain("turnover", period="last_month")
    parts = {p["id"]: Decimal(p["value"]) for p in card["parts"]}
    assert (parts["opening"], parts["closing"], parts["cost"]) == (400000, 300000, 148750)
    assert parts["average"] == 350000
    assert parts["rate"] == Decimal("0.425")
    assert Decimal(card["value"]) == Decimal("5.1")
    assert "期间销售成本" in str(card)


def test_k1_raw_material_days_use_what_was_issued(works: Works) -> None:
    from tests.scenarios.test_d5_issue import issue, started

    works.day("2026-01-05")
    works.bought("COPPER", "1000", "10")
    job = started(works)
    made = issue(works, job, "100")
    works.api("keeper").take("material_issue", made["id"], "post")
    works.day("2026-01-31")
    card = works.api("manager").explain("raw_days", period="this_month")
    parts = {p["id"]: Decimal(p["value"]) for p in card["parts"]}
    assert parts["used"] == 1000
    # 4 days of nothing, then 9,000.00 at the end of each of 27 days
    assert parts["average"].quantize(Decimal("0.01")) == (Decimal(9000) * 27 / 31).quantize(Decimal("0.01"))


def test_k1_capital_released_against_the_month_before(works: Works) -> None:
    works.day("2025-12-01")
    works.bought("SCREW", "4000000", "0.1")
    works.day("2026-01-01", hour=8)
    sold(works, "1000000")
    works.day("2026-02-03")
    card = works.api("finance").explain("capital_released", period="last_month")
    assert Decimal(card["value"]) == 100000  # 400,000.00 all December, 300,000.00 all January
