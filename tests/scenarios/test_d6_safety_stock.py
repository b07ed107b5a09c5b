"""D6: below the safety line everything turns red and proposes what to buy; above it, it clears by itself."""

from __future__ import annotations

from decimal import Decimal

from tests.scenarios.clients import code
from tests.scenarios.works import Works


def used(works: Works, qty: str) -> None:
    line = {"item": code("SCREW"), "qty": qty}
    made = works.api("keeper").new("stock_adjustment", warehouse=code("W"), reason="own_use", lines=[line])
    works.api("keeper").take("stock_adjustment", made["id"], "submit")


def state(works: Works) -> tuple[bool, int, list[str], bool]:
    """The item's mark, the card, the view of short items, and whether the plan proposes to buy."""
    api = works.api("buyer")
    item = works.id("item", "SCREW")
    card = int(Decimal(api.explain("below_safety")["value"] or 0))
    short = [row["code"] for row in api.items("/item", view="short", fields="code")]
    plan = [s["item"]["id"] for s in api.post("/plan/net")["suggestions"]]
    return bool(api.read("item", item)["below_safety"]), card, short, item in plan


def test_d6_below_safety_shows_everywhere_and_clears_by_itself(works: Works) -> None:
    works.api().change("item", works.id("item", "SCREW"), safety_stock="200")
    works.bought("SCREW", "230", "0.1")
    assert state(works) == (False, 0, [], False)
    used(works, "40")
    assert state(works) == (True, 1, ["SCREW"], True)
    used(works, "10")
    assert state(works) == (True, 1, ["SCREW"], True)
    works.bought("SCREW", "50", "0.1")
    assert state(works) == (False, 0, [], False)
    used(works, "40")
    assert state(works) == (True, 1, ["SCREW"], True)


def test_d6_the_row_and_the_card_are_coloured(works: Works) -> None:
    works.api().change("item", works.id("item", "SCREW"), safety_stock="200")
    works.bought("SCREW", "190", "0.1")
    buyer = works.web("buyer")
    page = buyer.open("/e/item")
    row = next(part for part in page.text.split("<tr") if "螺丝" in part)
    assert "red" in row
    other = next(part for part in page.text.split("<tr") if "铜棒" in part)
    assert "red" not in other.partition("</tr>")[0]
    card = works.api("buyer").explain("below_safety")
    assert (card["value"], card["color"]) == ("1", "red")  # by its count alone it would be yellow: an alert is open
    assert "低于安全库存" in buyer.open("/").text


def test_d6_the_suggestion_fills_up_to_the_safety_line(works: Works) -> None:
    works.api().change("item", works.id("item", "SCREW"), safety_stock="200")
    works.bought("SCREW", "190", "0.1")
    plan = works.api("buyer").post("/plan/net")
    found = next(s for s in plan["suggestions"] if s["item"]["id"] == works.id("item", "SCREW"))
    assert (Decimal(found["qty"]), found["need_date"]) == (10, "2026-01-05")
