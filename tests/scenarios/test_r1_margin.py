"""R1: what a dish earns follows every price, through any depth, and says which price would put it right."""

from __future__ import annotations

from decimal import Decimal

from tests.scenarios.clients import code
from tests.scenarios.kitchen import Kitchen
from tests.scenarios.rules_told import told


def figures(kitchen: Kitchen, dish: str) -> tuple[Decimal, Decimal, Decimal]:
    found = kitchen.dish(dish)
    return Decimal(found["cost"]), round(Decimal(found["margin"]) * 100, 2), Decimal(found["advised"])


def test_r1_cost_margin_and_suggested_price(kitchen_both: Kitchen) -> None:
    kitchen_both.works.day("2026-03-01")
    assert figures(kitchen_both, "TE") == (Decimal("4.56"), Decimal("83.71"), Decimal("22.80"))
    assert kitchen_both.dish("TE")["thin"] is False
    kitchen_both.bought("TOMATO", "10", "12")
    assert figures(kitchen_both, "TE") == (Decimal("6.36"), Decimal("77.29"), Decimal("31.80"))
    assert kitchen_both.dish("TE")["thin"] is True
    assert [row["code"] for row in kitchen_both.admin.items("/dish", view="thin")] == ["TE"]
    assert kitchen_both.admin.explain("thin_dishes")["value"] in ("1", 1)


def test_r1_a_price_rises_through_a_prepared_ingredient(kitchen_both: Kitchen) -> None:
    assert Decimal(kitchen_both.works.item("SAUCE")["unit_cost"]) == 9
    assert Decimal(kitchen_both.dish("TS")["cost"]) == Decimal("1.80")
    kitchen_both.bought("TOMATO", "10", "12")
    assert Decimal(kitchen_both.works.item("SAUCE")["unit_cost"]) == 18
    assert Decimal(kitchen_both.dish("TS")["cost"]) == Decimal("3.60")


def test_r1_the_last_receipt_counts_not_the_average(kitchen: Kitchen) -> None:
    kitchen.bought("TOMATO", "100", "12")
    kitchen.works.day("2026-03-03")
    kitchen.bought("TOMATO", "1", "8")
    assert Decimal(kitchen.works.item("TOMATO")["last_price"]) == 8
    assert figures(kitchen, "TE")[0] == Decimal("5.16")


def test_r1_a_box_bought_is_counted_in_pieces(kitchen: Kitchen) -> None:
    kitchen.bought("EGG", "1", "360", unit=code("BOX"))
    assert Decimal(kitchen.works.item("EGG")["last_price"]) == 1
    assert figures(kitchen, "TE")[0] == Decimal("5.16")


def test_r1_the_next_price_point_of_the_firm(kitchen: Kitchen) -> None:
    admin = kitchen.admin
    setting = admin.items("/menu_settings")[0]
    admin.change("menu_settings", setting["id"], points=[{"point": p} for p in ("28", "32", "36")])
    kitchen.bought("TOMATO", "10", "12")
    assert Decimal(kitchen.dish("TE")["point"]) == 32
    admin.change("dish", kitchen.works.id("dish", "TE"), price="32")
    assert kitchen.dish("TE")["thin"] is False


def test_r1_a_cancelled_receipt_takes_its_price_with_it(kitchen: Kitchen) -> None:
    came = kitchen.bought("TOMATO", "10", "12")
    kitchen.admin.take("purchase_receipt", came["id"], "cancel", note="录错")
    assert figures(kitchen, "TE")[0] == Decimal("4.56")


def test_r1_the_version_of_the_day_counts(kitchen: Kitchen) -> None:
    kitchen.works.day("2026-03-01")
    kitchen.admin.new("recipe", product=code("TE") | {"entity": "dish"}, yields="1", valid_from="2026-02-01",
                      lines=[{"item": code("EGG"), "qty": "2"}])  # fmt: skip
    assert figures(kitchen, "TE")[0] == Decimal("1.60")


def test_r1_an_alert_names_the_dish_the_cause_and_a_price(kitchen: Kitchen) -> None:
    kitchen.bought("TOMATO", "10", "12")
    said = [text for who, text in told(kitchen.works, "alert:thin_margin", "inbox") if who == "manager"]
    assert len(said) == 1
    assert "番茄炒蛋" in said[0]
    assert "涨得最多的是番茄" in said[0]
    assert "采购入库单 CGRK202601-0001" in said[0]
    assert "77.29" in said[0]
    assert "6.36" in said[0]
    assert "31.8" in said[0]
    (alert,) = kitchen.works.api("manager").items("/alerts", alert="thin_margin")
    kitchen.works.api("manager").post(f"/alerts/{alert['id']}/offers/accept")
    assert Decimal(kitchen.dish("TE")["price"]) == Decimal("31.80")
    assert kitchen.dish("TE")["thin"] is False
    assert kitchen.works.api("manager").items("/alerts", alert="thin_margin") == []


def test_r1_the_alert_also_leads_to_the_recipe_and_to_the_next_price_point(kitchen: Kitchen) -> None:
    setting = kitchen.admin.items("/menu_settings")[0]
    kitchen.admin.change("menu_settings", setting["id"], points=[{"point": p} for p in ("28", "32", "36")])
    kitchen.bought("TOMATO", "10", "12")
    manager = kitchen.works.api("manager")
    (alert,) = manager.items("/alerts", alert="thin_margin")
    assert [(offer["id"], offer["kind"]) for offer in alert["offers"]] == [
        ("accept", "set"),
        ("rounded", "set"),
        ("replace", "open"),
        ("ignore", "snooze"),
    ]
    recipes = kitchen.admin.items("/recipe")
    recipe = next(row for row in recipes if row["product"]["id"] == kitchen.works.id("dish", "TE"))
    page = kitchen.works.web("manager").get("/alerts").get_data(as_text=True)
    assert f'href="/e/recipe/{recipe["id"]}"' in page
    assert "换料" in page
    manager.post(f"/alerts/{alert['id']}/offers/rounded")
    assert Decimal(kitchen.dish("TE")["price"]) == 32


def test_r1_the_dish_page_tries_other_prices_between_its_cost_and_twice_its_price(kitchen: Kitchen) -> None:
    kitchen.bought("TOMATO", "10", "12")
    page = f"/e/dish/{kitchen.works.id('dish', 'TE')}"
    found = kitchen.works.web("manager").get(page).get_data(as_text=True)
    slider = found[found.index('data-what-if="price"') :]
    assert '<input type="range" min="6.4" max="56" step="0.1" value="28"' in slider
    assert 'data-value="28"' in slider
    assert 'data-value="31.8"' in slider
    assert "What if" in kitchen.works.web("manager").get(f"{page}?lang=en").get_data(as_text=True)


def test_r1_who_may_not_set_the_price_is_offered_no_slider(kitchen: Kitchen) -> None:
    page = f"/e/dish/{kitchen.works.id('dish', 'TE')}"
    for person in ("production", "finance"):
        found = kitchen.works.web(person).get(page).get_data(as_text=True)
        assert "调价试算" in found
        assert "data-what-if" not in found


def test_r1_the_dish_page_shows_what_it_is_made_of_by_the_recipe_in_force(kitchen: Kitchen) -> None:
    admin, works = kitchen.admin, kitchen.works
    works.day("2026-03-01")
    later = {"product": code("TE") | {"entity": "dish"}, "yields": "1", "valid_from": "2026-04-01"}
    admin.new("recipe", **later, lines=[{"item": code("EGG"), "qty": "5"}])
    page = f"/e/dish/{works.id('dish', 'TE')}/analysis"
    found = works.web("manager").get(page).get_data(as_text=True)
    assert [word in found for word in ("番茄", "大豆油", "2.40", "1.80", "4.56")] == [True] * 5
    works.day("2026-04-01")
    assert "番茄" not in works.web("manager").get(page).get_data(as_text=True)
    assert "2.40" not in works.web("keeper").get(page).get_data(as_text=True)
