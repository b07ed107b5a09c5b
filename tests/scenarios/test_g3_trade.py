"""G3: price lists, several units, returns both ways, kits, payments matched, credit, ageing, statements."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from runtime.ledgers import check
from tests.scenarios.clients import Row, code
from tests.scenarios.works import Works


def bought(trade: Works, item: str, qty: str, price: str, warehouse: str = "A", **line: object) -> Row:
    return trade.bought(item, qty, price, warehouse, **line)


def priced(trade: Works, customer: str, item: str, qty: str, unit: str = "PC", date: str = "") -> str:
    """The price an order line is filled with."""
    line = {"item": code(item), "qty": qty, "unit": code(unit)}
    given = {"date": date} if date else {}
    made = trade.api("sales").new(
        "sales_order", partner=code(customer), due_date="2026-02-01", warehouse=code("A"), lines=[line], **given
    )
    return str(made["lines"][0]["price"])


def listed(trade: Works, price: str, item: str = "BOLT", unit: str = "PC", min_qty: str = "0", **head: object) -> None:
    line = {"item": code(item), "unit": code(unit), "min_qty": min_qty, "price": price}
    trade.api("finance").new("price_list", name=f"价目 {price}", lines=[line], **{"valid_from": "2026-01-01", **head})


def test_g3_the_nearest_price_list_gives_the_price(trade_both: Works) -> None:
    trade = trade_both
    assert Decimal(priced(trade, "D", "BOLT", "1")) == 10  # the item's own
    listed(trade, "9.5")
    listed(trade, "9", min_qty="48")
    listed(trade, "8.8", level="a")
    listed(trade, "7", valid_from="2025-01-01", valid_to="2025-12-31", partner=code("D"))
    assert Decimal(priced(trade, "D", "BOLT", "1")) == Decimal("9.5")
    assert Decimal(priced(trade, "D", "BOLT", "48")) == 9
    assert Decimal(priced(trade, "C", "BOLT", "48")) == Decimal("8.8")  # a customer of grade a
    listed(trade, "8.6", partner=code("C"))
    assert Decimal(priced(trade, "C", "BOLT", "1")) == Decimal("8.6")
    listed(trade, "8.5", partner=code("C"), valid_from="2026-01-02")
    assert Decimal(priced(trade, "C", "BOLT", "1")) == Decimal("8.5")  # of two, the newer


def test_g3_a_price_is_for_its_unit(trade: Works) -> None:
    assert Decimal(priced(trade, "C", "BOLT", "2", "BOX")) == 240  # the item's own: 10 a piece, 24 pieces a box
    listed(trade, "216", unit="BOX", partner=code("C"))
    assert Decimal(priced(trade, "C", "BOLT", "2", "BOX")) == 216
    assert Decimal(priced(trade, "C", "BOLT", "24")) == 9


def test_g3_a_price_list_ends_after_it_begins(trade: Works) -> None:
    line = {"item": code("BOLT"), "unit": code("PC"), "price": "1"}
    body = {"name": "反了", "valid_from": "2026-02-01", "valid_to": "2026-01-31", "lines": [line]}
    faults = trade.api("finance").refused(422, "POST", "/price_list", body)
    assert [f["field"] for f in faults] == ["valid_to"]


def test_g3_bought_in_boxes_sold_in_pieces(trade_both: Works) -> None:
    trade = trade_both
    bought(trade, "BOLT", "5", "96", unit=code("BOX"))
    assert (trade.stock("BOLT"), trade.stock("BOLT", resource="value")) == (120, 480)
    sold(trade, "C", "BOLT", "30", "10")
    assert (trade.stock("BOLT"), trade.stock("BOLT", resource="value")) == (90, 360)


def sold(trade: Works, customer: str, item: str, qty: str, price: str, warehouse: str = "A") -> Row:
    """A confirmed order and its delivery."""
    line = {"item": code(item), "qty": qty, "price": price}
    seller, keeper = trade.api("sales"), trade.api("admin")
    order = seller.new(
        "sales_order", partner=code(customer), due_date="2026-02-01", warehouse=code(warehouse), lines=[line]
    )
    seller.take("sales_order", order["id"], "submit")
    drawn = keeper.new("delivery", partner=code(customer), warehouse=code(warehouse), order={"code": order["code"]},
                       lines=[{**line, "source_line": order["lines"][0]["id"]}])  # fmt: skip
    return keeper.take("delivery", drawn["id"], "post")


def owed(trade: Works, ledger: str = "receivable") -> dict[str, Decimal]:
    rows = trade.api("finance").balances(ledger, group_by="partner")
    return {r["partner"]["code"]: Decimal(r["amount"]) for r in rows}


def test_g3_goods_come_back_at_the_cost_at_which_they_went(trade_both: Works) -> None:
    trade = trade_both
    bought(trade, "CUP", "100", "6")
    delivery = sold(trade, "C", "CUP", "10", "12")
    bought(trade, "CUP", "90", "8")  # the average is now 7
    line = {"item": code("CUP"), "qty": "4", "price": "12", "source_line": delivery["lines"][0]["id"]}
    back = trade.api("sales").new(
        "sales_return", partner=code("C"), reason="damage", delivery={"code": delivery["code"]}, lines=[line]
    )
    trade.api("sales").take("sales_return", back["id"], "submit")
    assert trade.stock("CUP") == 180
    trade.api("manager").decide("sales_return", back["id"])
    trade.api("keeper").take("sales_return", back["id"], "post")
    assert (trade.stock("CUP"), trade.stock("CUP", resource="value")) == (184, 540 + 720 + 24)
    assert owed(trade) == {"C": 72}
    line["qty"] = "7"  # six are still with the customer
    body = {"partner": code("C"), "reason": "wrong", "delivery": {"code": delivery["code"]}, "lines": [line]}
    faults = trade.api("sales").refused(409, "POST", "/sales_return", body)
    assert [f["code"] for f in faults] == ["over_drawn"]


def test_g3_goods_go_back_to_the_supplier(trade: Works) -> None:
    receipt = bought(trade, "CUP", "100", "6")
    line = {"item": code("CUP"), "qty": "5", "price": "6", "source_line": receipt["lines"][0]["id"]}
    back = trade.api("buyer").new(
        "purchase_return",
        partner=code("S"),
        warehouse=code("A"),
        reason="quality",
        receipt={"code": receipt["code"]},
        lines=[line],
    )
    trade.api("buyer").take("purchase_return", back["id"], "submit")
    trade.api("manager").decide("purchase_return", back["id"])
    trade.api("keeper").take("purchase_return", back["id"], "post")
    assert (trade.stock("CUP"), owed(trade, "payable")) == (95, {"S": 570})


def test_g3_a_kit_costs_what_its_parts_cost(trade_both: Works) -> None:
    trade = trade_both
    bought(trade, "CUP", "10", "6")
    bought(trade, "SAUCER", "10", "2.33")
    keeper = trade.api("keeper")
    made = keeper.new("assembly", kit={"item": trade.id("item", "SET")}, qty="4", warehouse=code("A"))
    made = keeper.take("assembly", made["id"], "submit")
    assert [(r["item"]["code"], Decimal(r["qty"])) for r in made["lines"]] == [("CUP", 4), ("SAUCER", 4)]
    keeper.take("assembly", made["id"], "post")
    assert (trade.stock("CUP"), trade.stock("SAUCER"), trade.stock("SET")) == (6, 6, 4)
    assert trade.stock("SET", resource="value") == Decimal("33.32")
    assert sum(trade.stock(i, resource="value") for i in ("CUP", "SAUCER", "SET")) == Decimal("83.30")

    apart = keeper.new(
        "assembly", direction="split", kit={"item": trade.id("item", "SET")}, qty="2", warehouse=code("A")
    )
    keeper.take("assembly", apart["id"], "submit")
    assert trade.stock("SET") == 2
    keeper.take("assembly", apart["id"], "post")
    assert (trade.stock("CUP"), trade.stock("SAUCER")) == (8, 8)
    assert trade.stock("CUP", resource="value") == 36 + Decimal("12.50")  # 16.66 × 75 %, rounded
    assert trade.stock("SAUCER", resource="value") == Decimal("13.98") + Decimal("4.17")
    rows = trade.api("admin").balances("assembling", group_by="assembly")
    assert [Decimal(r["value"]) for r in rows if Decimal(r["value"])] == []
    trade.api("manager").take("assembly", apart["id"], "cancel", note="点错")
    assert (trade.stock("SET"), trade.stock("CUP")) == (4, 6)
    with trade.app.database.read() as connection:
        assert list(check(connection, trade.app.model, trade.app.tables)) == []


def test_g3_parts_that_are_missing_stop_a_kit(trade: Works) -> None:
    bought(trade, "CUP", "3", "6")
    bought(trade, "SAUCER", "10", "2")
    keeper = trade.api("keeper")
    made = keeper.new("assembly", kit={"item": trade.id("item", "SET")}, qty="4", warehouse=code("A"))
    keeper.take("assembly", made["id"], "submit")
    before = trade.row_counts()
    faults = keeper.refused(409, "POST", f"/assembly/{made['id']}/actions/post", {})
    assert "CUP" in faults[0]["message"]
    assert trade.row_counts() == before


def test_g3_a_payment_settles_what_it_names_and_no_more(trade_both: Works) -> None:
    trade = trade_both
    trade.day("2026-01-05")
    bought(trade, "CUP", "100", "6")
    first = sold(trade, "C", "CUP", "10", "12")
    second = sold(trade, "C", "CUP", "5", "12")
    finance = trade.api("finance")

    over = finance.call("POST", "/payment", {
        "direction": "receive", "partner": code("C"), "amount": "50",
        "lines": [{"document": ref(second), "amount": "60"}],
    })  # fmt: skip
    assert over.status_code == 422  # more matched than paid
    more = finance.new("payment", direction="receive", partner=code("C"), amount="70",
                       lines=[{"document": ref(second), "amount": "70"}])  # fmt: skip
    before = trade.row_counts()
    assert finance.refused(409, "POST", f"/payment/{more['id']}/actions/post", {})  # that document owes 60
    assert trade.row_counts() == before
    good = finance.new("payment", direction="receive", partner=code("C"), amount="60",
                       lines=[{"document": ref(second), "amount": "60"}])  # fmt: skip
    finance.take("payment", good["id"], "post")
    assert owed(trade) == {"C": 120}
    assert finance.read("delivery", second["id"])["settlement_status"] == "done"
    assert finance.read("delivery", first["id"])["settlement_status"] == "none"
    statement = finance.get("/reports/partner_statement")
    assert first["code"] in str(statement)
    assert second["code"] not in str(statement)


def ref(document: Row, entity: str = "delivery") -> Row:
    """A reference to one of several kinds of document."""
    return {"entity": entity, "code": document["code"]}


def test_g3_credit_and_overdue_customers_need_a_decision(trade: Works) -> None:
    trade.day("2026-01-05")
    bought(trade, "CUP", "500", "6")
    seller = trade.api("sales")

    def order(qty: str) -> Row:
        line = {"item": code("CUP"), "qty": qty, "price": "12"}
        made = seller.new("sales_order", partner=code("D"), due_date="2026-02-01", warehouse=code("A"), lines=[line])
        return seller.take("sales_order", made["id"], "submit")

    assert order("80")["status"] == "approved"  # 960 of 1000
    blocked = order("84")  # 1008
    assert blocked["status"] == "pending"
    trade.api("manager").decide("sales_order", blocked["id"])
    assert seller.read("sales_order", blocked["id"])["status"] == "pending"  # finance too
    trade.api("finance").decide("sales_order", blocked["id"])
    assert seller.read("sales_order", blocked["id"])["status"] == "approved"
    sold(trade, "D", "CUP", "1", "12")  # due today
    trade.day("2026-01-07")
    assert order("1")["status"] == "pending"  # something is overdue


def test_g3_ageing_by_due_date(trade: Works) -> None:
    trade.day("2026-01-05")
    bought(trade, "CUP", "10", "6")
    sold(trade, "D", "CUP", "10", "12")  # no credit days: due the same day
    start = trade.clock.moment
    for days, bucket in ((0, 0), (30, 1), (31, 2), (90, 3), (91, 4)):
        trade.clock.moment = start + timedelta(days=days)
        cells = trade.api("finance").get("/reports/receivable_ageing")["rows"][0]["cells"]
        assert [Decimal(cell.get("amount", "0")) for cell in cells] == [120 if n == bucket else 0 for n in range(5)]
