"""D4: a shortage is seen before it stops the line, with what to buy and by when."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select

from tests.scenarios.clients import Row, code
from tests.scenarios.rules_told import ticked, told
from tests.scenarios.works import Works

DUE = "2026-01-15"


def with_stock(works: Works) -> None:
    works.bought("COPPER", "500", "11")
    works.bought("SCREW", "30000", "0.1")


def ordered(works: Works, qty: str, due: str = DUE) -> Row:
    sales = works.api("sales")
    line = {"item": code("CONN"), "qty": qty, "price": "20"}
    made = sales.new("sales_order", partner=code("C"), warehouse=code("W"), due_date=due, lines=[line])
    return sales.take("sales_order", made["id"], "submit")


def suggestion(works: Works, item: str) -> Row:
    plan = works.api("buyer").post("/plan/net")
    return next(s for s in plan["suggestions"] if s["item"]["id"] == works.id("item", item))


def test_d4_the_shortage_is_exact_and_names_the_day_and_the_order(both: Works) -> None:
    with_stock(both)
    order = ordered(both, "10000")
    tree = both.api("buyer").get("/plan/explode", item="CONN", qty="10000")
    needs = {row["item"]["id"]: Decimal(row["qty"]) for row in tree["totals"]}
    assert needs == {both.id("item", "COPPER"): 2575, both.id("item", "SCREW"): 20000}
    short = suggestion(both, "COPPER")
    assert Decimal(short["short_qty"]) == 2075
    assert Decimal(short["qty"]) == 2075  # 83 packs of 25
    assert short["need_date"] == DUE
    assert short["order_date"] == "2026-01-10"  # five days of lead time
    assert short["becomes"] == "purchase_order"
    assert order["code"] in str(short["pegs"])
    buys = [s["item"]["id"] for s in both.api("buyer").post("/plan/net")["suggestions"]]
    assert both.id("item", "SCREW") not in buys


def test_d4_the_quantity_is_rounded_up_to_the_pack(works: Works) -> None:
    works.api().change("item", works.id("item", "COPPER"), pack_qty="100")
    with_stock(works)
    ordered(works, "10000")
    short = suggestion(works, "COPPER")
    assert (Decimal(short["short_qty"]), Decimal(short["qty"])) == (2075, 2100)


def test_d4_it_is_seen_at_once_and_seven_days_before(works: Works) -> None:
    with_stock(works)
    assert Decimal(works.api("manager").explain("shortages")["value"] or 0) == 0
    ordered(works, "10000")
    assert Decimal(works.api("manager").explain("shortages")["value"]) == 1
    works.day("2026-01-08")  # seven days before it bites
    assert Decimal(works.api("manager").explain("shortages")["value"]) == 1
    assert suggestion(works, "COPPER")["need_date"] == DUE


def test_d4_one_click_makes_the_purchase_order(both: Works) -> None:
    with_stock(both)
    ordered(both, "10000")
    buyer = both.api("buyer")
    short = suggestion(both, "COPPER")
    before = both.row_counts()
    forbidden = both.api("keeper").call("POST", "/plan/net", {"suggestions": [short["number"]]}, commit="true")
    assert forbidden.status_code == 403
    assert both.row_counts() == before
    made = buyer.post("/plan/net", {"suggestions": [short["number"]]}, commit="true")["made"]
    assert [m["entity"] for m in made] == ["purchase_order"]
    order = buyer.read("purchase_order", made[0]["id"])
    assert (order["partner"]["code"], order["expected_date"], order["warehouse"]["code"]) == ("S", DUE, "W")
    lines = [(line["item"]["code"], Decimal(line["qty"]), Decimal(line["price"])) for line in order["lines"]]
    assert lines == [("COPPER", 2075, 11)]
    buyer.take("purchase_order", order["id"], "submit")  # 22,825.00: the manager is asked
    both.api("manager").decide("purchase_order", order["id"])
    again = buyer.post("/plan/net")
    assert both.id("item", "COPPER") not in [s["item"]["id"] for s in again["suggestions"]]


def test_d4_a_suggestion_becomes_an_order_on_the_page(works: Works) -> None:
    with_stock(works)
    ordered(works, "10000")
    page = works.web("buyer").open("/plans/materials")
    assert "铜棒" in page.text
    assert "2,075" in page.text


def test_d4_what_is_made_outside_is_ordered_in_one_go_with_the_place_of_its_processor(works: Works) -> None:
    admin, buyer = works.api("admin"), works.api("buyer")
    admin.new("warehouse", code="O", name="委外仓", use="outside")
    admin.change("partner", works.id("partner", "S"), processing_place=code("O"))
    coat = {"category": code("RM"), "unit": code("PC"), "supply": "subcontract", "supplier": code("S")}
    admin.new("item", code="COAT", name="镀锌件", **coat)
    admin.new("bom", item=code("COAT"), lines=[{"item": code("SCREW"), "qty": "1"}])
    line = {"item": code("COAT"), "qty": "40", "price": "3"}
    order = works.api("sales").new(
        "sales_order", partner=code("C"), warehouse=code("W"), due_date="2026-02-02", lines=[line]
    )
    works.api("sales").take("sales_order", order["id"], "submit")
    wanted = suggestion(works, "COAT")
    made = buyer.post("/plan/net", {"suggestions": [wanted["number"]]}, commit="true")["made"]
    ((entity, record),) = [(m["entity"], m["id"]) for m in made]
    found = buyer.read(entity, record)
    assert (entity, found["qty"], found["warehouse"]["code"], found["place"]["code"]) == ("subcontract", "40", "W", "O")


def test_d4_an_alert_says_so_by_itself_and_ends_when_the_goods_are_ordered(both: Works) -> None:
    with_stock(both)
    ordered(both, "2400", "2026-01-20")
    ticked(both, "2026-01-12")
    assert shortages(both) == []  # nobody has to hurry yet
    ticked(both, "2026-01-13", 8)
    said = "COPPER 铜棒 到 2026-01-20 缺 118，最晚 2026-01-15 下单 125"
    assert told(both, "alert:shortage_ahead", "inbox") == [("buyer", said)]
    (alert,) = both.api("buyer").items("/alerts", alert="shortage_ahead")
    assert (alert["title"], alert["offers"][0]["kind"]) == ("COPPER 铜棒", "plan")
    line = {"item": code("COPPER"), "qty": "125", "price": "11"}
    buyer = both.api("buyer")
    order = buyer.new(
        "purchase_order", partner=code("S"), warehouse=code("W"), expected_date="2026-01-19", lines=[line]
    )
    buyer.take("purchase_order", order["id"], "submit")
    ticked(both, "2026-01-13", 8)
    assert shortages(both) == ["open"]  # reckoned once an hour
    ticked(both, "2026-01-13", 9)
    assert shortages(both) == ["ended"]
    assert len(told(both, "alert:shortage_ahead", "inbox")) == 1
    sentences = {rule["id"]: rule["sentence"] for rule in both.api("admin").items("/rules")}
    assert sentences["alert:shortage_ahead"].startswith("只要物料需求计划里的物料的 缺量")


def shortages(works: Works) -> list[str]:
    table = works.app.tables.system.alert
    query = select(table).where(table.c.alert == "shortage_ahead").order_by(table.c.id)
    with works.app.database.read() as connection:
        return ["open" if row.open_key else row.closed_because for row in connection.execute(query)]
