"""K2: figures on service, each told and each opening what it is made of."""

from __future__ import annotations

from decimal import Decimal

from tests.scenarios.clients import Row, code
from tests.scenarios.works import Works


def order(works: Works, qty: str, due: str) -> Row:
    sales = works.api("sales")
    line = {"item": code("SCREW"), "qty": qty, "price": "1"}
    made = sales.new("sales_order", partner=code("C"), warehouse=code("W"), due_date=due, lines=[line])
    return sales.take("sales_order", made["id"], "submit")


def deliver(works: Works, made: Row, qty: str) -> Row:
    lines = [{"source_line": made["lines"][0]["id"], "qty": qty}]
    delivery = works.api("keeper").new("delivery", order={"id": made["id"]}, lines=lines)
    return works.api("keeper").take("delivery", delivery["id"], "post")


def value(works: Works, card: str, **query: object) -> Decimal:
    return Decimal(works.api("manager").explain(card, **query)["value"])


def history(works: Works) -> Row:
    """Four lines due: one in time, one late by three days, one short, one not at all; then one comes back in part."""
    works.bought("SCREW", "10000", "0.1")
    works.day("2026-01-06")
    in_time, late, short, never = (order(works, "100", "2026-01-10") for _ in range(4))
    works.day("2026-01-09")
    first = deliver(works, in_time, "100")
    deliver(works, short, "60")
    works.day("2026-01-13")
    deliver(works, late, "100")
    works.day("2026-01-15")
    back = works.api("sales").new(
        "sales_return",
        delivery={"id": first["id"]},
        reason="quality",
        lines=[{"source_line": first["lines"][0]["id"], "qty": "13"}],
    )
    works.api("sales").take("sales_return", back["id"], "submit")
    works.api("manager").decide("sales_return", back["id"])
    works.api("admin").take("sales_return", back["id"], "post")
    return never


def test_k2_on_time_delay_returns_and_repurchase(works: Works) -> None:
    never = history(works)
    assert value(works, "on_time") == Decimal("0.25")
    assert value(works, "overdue_orders") == 2
    rows = works.api("manager").get("/reports/delivery_performance")["rows"]
    customer = next(r["values"] for r in rows if r["level"] == 1)
    assert (int(customer["due"]), int(customer["met"])) == (4, 1)
    assert Decimal(customer["rate"]) == Decimal("0.25")
    assert value(works, "return_rate") == Decimal("0.05")  # 13 of 260
    assert value(works, "repurchase_rate") == 1  # one customer, four orders
    late = works.api("manager").items("/sales_order", view="late", fields="code")
    assert never["code"] in [row["code"] for row in late]
    assert len(late) == 2


def test_k2_stock_outs_and_count_accuracy(works: Works) -> None:
    api, keeper = works.api(), works.api("keeper")
    api.change("item", works.id("item", "COPPER"), safety_stock="10")
    assert value(works, "stock_outs") == 1
    works.bought("COPPER", "100", "11")
    works.bought("SCREW", "100", "0.1")
    assert value(works, "stock_outs") == 0
    lines = [{"item": code("COPPER"), "counted": "100"}, {"item": code("SCREW"), "counted": "98", "reason": "lost"}]
    count = keeper.new("stocktake", warehouse=code("W"), lines=lines)
    keeper.take("stocktake", count["id"], "submit")
    assert value(works, "count_accuracy") == Decimal("0.5")


def test_k2_every_card_tells_how_it_is_computed_and_opens_something(works: Works) -> None:
    for card in works.api("admin").items("/cards"):
        assert card["help"], card["id"]
        assert card["opens"], card["id"]
