"""R3: stores order from the central kitchen; the menu is judged by margin and volume; stores are compared."""

from __future__ import annotations

import json
import re
from decimal import Decimal

from tests.scenarios.clients import code
from tests.scenarios.kitchen import Kitchen


def test_r3_a_store_orders_and_the_central_kitchen_supplies(kitchen: Kitchen) -> None:
    works, admin, keeper = kitchen.works, kitchen.admin, kitchen.works.api("keeper")
    works.day("2026-03-10")
    kitchen.bought("TOMATO", "100", "6")
    asked = admin.new("store_request", store=code("S1"), lines=[{"item": code("TOMATO"), "qty": "20"}])
    assert asked["from_warehouse"]["code"] == "CK"
    admin.take("store_request", asked["id"], "submit")
    works.api("manager").decide("store_request", asked["id"])
    line = {"item": code("TOMATO"), "qty": "20", "source_line": {"id": asked["lines"][0]["id"]}}
    moved = admin.new(
        "transfer", request={"id": asked["id"]}, from_warehouse=code("CK"), to_warehouse=code("K1"), lines=[line]
    )
    keeper.take("transfer", moved["id"], "submit")
    keeper.decide("transfer", moved["id"])
    assert works.stock("TOMATO", "CK") == 100
    told = keeper.refused(422, "POST", f"/transfer/{moved['id']}/actions/dispatch")
    assert [fault["code"] for fault in told] == ["demand_photo_missing"]
    assert admin.read("store_request", asked["id"])["lines"][0]["open_qty"] == "0"


def test_r3_what_to_order_follows_use_and_revenue(kitchen: Kitchen) -> None:
    works, admin = kitchen.works, kitchen.admin
    works.day("2026-03-01")
    kitchen.bought("TOMATO", "10", "6", "K1")
    works.day("2026-03-10")
    kitchen.sold("S1", {"dish": code("TE"), "qty": "28"})
    works.day("2026-03-20")
    asked = admin.new("store_request", store=code("S1"), cover_days=7, lines=[{"item": code("TOMATO"), "qty": "5"}])
    line = asked["lines"][0]
    assert (asked["revenue"], line["used"], line["there"]) == ("196.00", "8.4", "1.6")
    assert Decimal(line["suggested"]) == Decimal("0.5")


def test_r3_the_menu_in_four_quadrants(kitchen_both: Kitchen) -> None:
    kitchen_both.works.day("2026-03-10")
    kitchen_both.sold("S1", {"dish": code("TE"), "qty": "90"}, {"dish": code("TS"), "qty": "10"})
    kitchen_both.works.day("2026-03-12")
    assert (kitchen_both.dish("TE")["quadrant"], kitchen_both.dish("TS")["quadrant"]) == ("star", "puzzle")
    kitchen_both.bought("TOMATO", "1", "60")
    assert (kitchen_both.dish("TE")["quadrant"], kitchen_both.dish("TS")["quadrant"]) == ("horse", "dog")
    page = kitchen_both.works.web("manager").get("/e/dish?view=quadrants")
    assert page.status_code == 200
    assert "跑量" in page.get_data(as_text=True)


def test_r3_stores_are_compared(kitchen: Kitchen) -> None:
    kitchen.works.day("2026-03-10")
    kitchen.sold("S1", {"dish": code("TE"), "qty": "10"})
    kitchen.sold("S2", {"dish": code("TE"), "qty": "5", "discount": "14"})
    rows = kitchen.admin.get("/reports/store_comparison")["rows"]
    found = {row["titles"][0]: row["values"] for row in rows if row["titles"]}
    assert {name: (values["amount"], values["cost"]) for name, values in found.items()} == {
        "S1 1 店": ("280.00", "45.60"),
        "S2 2 店": ("126.00", "22.80"),
    }


def test_r3_a_semi_finished_product_is_made_with_its_yield(kitchen: Kitchen) -> None:
    kitchen.bought("TOMATO", "30", "6")
    made = kitchen.admin.new("processing", product=code("SAUCE"), qty="10", warehouse=code("CK"))
    made = kitchen.admin.take("processing", made["id"], "submit")
    assert [(line["item"]["code"], line["qty"]) for line in made["inputs"]] == [("TOMATO", "15")]
    kitchen.admin.take("processing", made["id"], "start")
    kitchen.admin.change("processing", made["id"], outputs=[{"item": code("SAUCE"), "qty": "9"}])
    done = kitchen.admin.take("processing", made["id"], "post")
    assert (done["yield_rate"], kitchen.works.stock("SAUCE", resource="value")) == ("0.6", Decimal("90.00"))


def test_r3_the_report_draws_the_dishes_in_four_quadrants(kitchen_both: Kitchen) -> None:
    kitchen_both.works.day("2026-03-10")
    kitchen_both.sold("S1", {"dish": code("TE"), "qty": "90"}, {"dish": code("TS"), "qty": "10"})
    chart = kitchen_both.admin.get("/reports/menu_engineering")["chart"]
    assert (chart["type"], chart["across"], chart["upwards"], chart["size"]) == ("quadrant", "qty", "margin", "profit")
    assert {name: Decimal(value) for name, value in chart["limits"].items()} == {"qty": 35, "margin": Decimal("0.8")}
    assert set(chart["corners"]) == {"low_low", "low_high", "high_low", "high_high"}
    page = kitchen_both.works.web("manager").get("/reports/menu_engineering").get_data(as_text=True)
    found = re.search(r'type="application/json">(\{"axes".*?)</script>', page)
    assert found is not None
    spec = json.loads(found[1])
    assert [(spot["name"], spot["value"][0], spot["role"]) for spot in spec["series"][0]["data"]] == [
        ("番茄炒蛋", 90.0, "own"),
        ("番茄酱意面", 10.0, "own"),
    ]
    home = kitchen_both.works.web("manager").get("/")
    assert (home.status_code, '"quadrant"' in home.get_data(as_text=True)) == (200, True)
