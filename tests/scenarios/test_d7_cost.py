"""D7: what a finished piece costs, and why it differs from the standard."""

from __future__ import annotations

from decimal import Decimal

from tests.scenarios.clients import code
from tests.scenarios.test_d5_issue import issue, started
from tests.scenarios.works import Works


def taken(works: Works, qty: str, item: str = "COPPER") -> None:
    line = {"item": code(item), "qty": qty}
    keeper = works.api("keeper")
    made = keeper.new("stock_adjustment", warehouse=code("W"), reason="sample", lines=[line])
    made = keeper.take("stock_adjustment", made["id"], "submit")
    if made["status"] == "pending":
        works.api("manager").decide("stock_adjustment", made["id"])


def test_d7_variances_and_unit_cost_of_a_work_order(both: Works) -> None:
    both.bought("COPPER", "200", "11.50")
    job = started(both)
    keeper, production, finance = both.api("keeper"), both.api("production"), both.api("finance")
    first = issue(both, job, "100")
    keeper.take("material_issue", first["id"], "post")
    over = issue(both, job, "4", reason="scrap")
    keeper.take("material_issue", over["id"], "submit")
    production.decide("material_issue", over["id"])
    report = both.api().new("work_report", work_order={"id": job["id"]}, good="100", labour="60")
    production.take("work_report", report["id"], "post")
    made = production.new(
        "production_receipt", work_order={"id": job["id"]}, lines=[{"item": code("PART"), "qty": "100"}]
    )
    keeper.take("production_receipt", made["id"], "post")

    found = finance.read("work_order", job["id"])
    assert found["material_cost"] == "1196.00"
    assert found["quantity_variance"] == "44.00"
    assert found["price_variance"] == "52.00"
    assert Decimal(found["unit_cost"]) == Decimal("12.56")
    assert Decimal(found["wip_value"]) == 0
    assert both.stock("PART", resource="value") == Decimal("1256.00")
    hidden = keeper.read("work_order", job["id"])
    assert "unit_cost" not in hidden
    assert "material_cost" not in hidden
    rows = finance.get("/reports/material_variance")["rows"]
    assert {(Decimal(r["values"]["by_qty"]), Decimal(r["values"]["by_price"])) for r in rows} == {(44, 52)}


def test_d7_moving_average(both: Works) -> None:
    both.bought("COPPER", "100", "10")
    both.bought("COPPER", "50", "13")
    row = both.api("finance").balances("stock", group_by="item")[0]
    assert Decimal(row["unit_cost"]) == 11
    taken(both, "60")
    moves = both.api("finance").items("/ledgers/stock/moves")
    assert (Decimal(moves[-1]["qty"]), Decimal(moves[-1]["value"])) == (-60, -660)
    assert (both.stock("COPPER"), both.stock("COPPER", resource="value")) == (90, Decimal("990.00"))


def test_d7_first_in_first_out(both: Works) -> None:
    setting = both.api().items("/costing")[0]
    both.api().change("costing", setting["id"], method="fifo")
    both.bought("COPPER", "100", "10")
    both.bought("COPPER", "50", "13")
    taken(both, "120")
    moves = both.api("finance").items("/ledgers/stock/moves")
    assert sum(Decimal(m["value"]) for m in moves if Decimal(m["qty"]) < 0) == Decimal("-1260.00")
    assert (both.stock("COPPER"), both.stock("COPPER", resource="value")) == (30, Decimal("390.00"))
