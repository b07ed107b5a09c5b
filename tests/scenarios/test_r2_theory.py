"""R2: what was used by recipe against what was used, and what nobody can explain."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.scenarios.clients import code
from tests.scenarios.kitchen import Kitchen

Row = dict[str, Any]


def month(kitchen: Kitchen) -> None:
    """Tomato of store 1: opening 10, bought 100, 300 dishes sold, 5 thrown away, 12 counted."""
    admin = kitchen.admin
    kitchen.works.day("2026-02-28")
    opened = admin.new("opening", lines=[
        {"item": code("TOMATO"), "warehouse": code("K1"), "qty": "10", "value": "60"},
    ])  # fmt: skip
    admin.take("opening", opened["id"], "post")
    kitchen.works.day("2026-03-02")
    kitchen.bought("TOMATO", "100", "6", "K1")
    kitchen.works.day("2026-03-10")
    kitchen.sold("S1", {"dish": code("TE"), "qty": "200"})
    kitchen.works.day("2026-03-20")
    kitchen.sold("S1", {"dish": code("TE"), "qty": "100"})
    wasted = admin.new("consumption", warehouse=code("K1"), kind="waste", lines=[{"item": code("TOMATO"), "qty": "5"}])
    admin.take("consumption", wasted["id"], "post")
    kitchen.works.day("2026-03-31")
    counted = admin.new("stocktake", warehouse=code("K1"), lines=[{"item": code("TOMATO"), "counted": "12"}])
    admin.take("stocktake", counted["id"], "submit")


def test_r2_difference_waste_and_what_is_unexplained(kitchen_both: Kitchen) -> None:
    month(kitchen_both)
    report = kitchen_both.admin.get("/reports/theory_actual", **{"from": "2026-03-01", "to": "2026-03-31"})
    rows = [row for row in report["rows"] if "TOMATO 番茄" in row["titles"]]
    values = {name: Decimal(value) for name, value in rows[0]["values"].items() if value is not None}
    assert {name: values[name] for name in ("theory", "actual", "difference", "wasted", "unexplained")} == {
        "theory": 90,
        "actual": 98,
        "difference": 8,
        "wasted": 5,
        "unexplained": 3,
    }
    assert round(values["rate"] * 100, 2) == Decimal("8.89")
    assert kitchen_both.works.stock("TOMATO", "K1") == 12


def test_r2_a_till_batch_comes_in_once(kitchen: Kitchen) -> None:
    kitchen.sold("S1", {"dish": code("TE"), "qty": "2"}, till_no="2026-03-01-A")
    body = {"store": code("S1"), "till_no": "2026-03-01-A", "lines": [{"dish": code("TE"), "qty": "2"}]}
    told = kitchen.admin.refused(422, "POST", "/sale", body)
    assert [fault["code"] for fault in told] == ["not_unique"]


def test_r2_a_sale_takes_prepared_ingredients_apart_and_books_its_margin(kitchen: Kitchen) -> None:
    sale = kitchen.sold("S1", {"dish": code("TS"), "qty": "10", "free": "1"})
    assert (sale["amount"], sale["cost"]) == ("300.00", "19.80")
    assert kitchen.works.stock("TOMATO", "K1") == Decimal("-3.3")
    kitchen.admin.take("sale", sale["id"], "cancel", note="重复")
    assert kitchen.works.stock("TOMATO", "K1") == 0
