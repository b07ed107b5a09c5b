"""A restaurant without demo data: the masters of the R scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runtime.context import RunContext
from runtime.finding import find_one
from runtime.records import create, update
from tests.scenarios.clients import code
from tests.scenarios.works import Works, add_people, prepare_from

Row = dict[str, Any]
PRICES = {"EGG": "0.80", "TOMATO": "6.00", "OIL": "12.00"}


def prepare_kitchen(folder: Path, url: str = "") -> dict[str, str]:
    """Make the app; tokens by log-in name."""

    def fill(ctx: RunContext) -> dict[str, str]:
        add_kitchen(ctx)
        tokens = add_people(ctx, {"keeper": [code("CK"), code("K1"), code("K2")]})
        for place in ("CK", "K1", "K2"):
            update(ctx, "warehouse", find_one(ctx, "warehouse", code(place), "warehouse"), {"keeper": code("KEEPER")})
        return tokens

    return prepare_from("restaurant", fill, folder, url)


def add_kitchen(ctx: RunContext) -> None:
    """A central kitchen, two stores, ingredients, a sauce made of some of them, and dishes."""

    def new(entity: str, **values: object) -> None:
        create(ctx, entity, values)

    new("unit", code="PORTION", name="份")
    new("unit", code="PC", name="个")
    new("unit", code="BOX", name="箱")
    new("unit", code="KG", name="千克", measures="mass", ratio="1", step="0.001")
    new("unit", code="G", name="克", measures="mass", ratio="1/1000", step="1")
    new("item_category", code="VG", name="蔬菜")
    new("warehouse", code="CK", name="中央厨房")
    for number in ("1", "2"):
        new("warehouse", code=f"K{number}", name=f"{number} 店后厨", allow_negative=True)
        new("store", code=f"S{number}", name=f"{number} 店", warehouse=code(f"K{number}"), supplied_by=code("CK"))
    new("partner", code="S", name="菜场", is_supplier=True, credit_days=30)
    raw: Row = {"category": code("VG"), "supplier": code("S")}
    new("item", code="EGG", name="鸡蛋", unit=code("PC"), purchase_price="0.80",
        units=[{"unit": code("BOX"), "ratio": "360"}], **raw)  # fmt: skip
    new("item", code="TOMATO", name="番茄", unit=code("KG"), purchase_price="6.00", **raw)
    new("item", code="OIL", name="大豆油", unit=code("KG"), purchase_price="12.00", **raw)
    new("item", code="SAUCE", name="番茄酱", unit=code("KG"), category=code("VG"), supply="phantom")
    new("dish", code="TE", name="番茄炒蛋", unit=code("PORTION"), price="28", target="0.8")
    new("dish", code="TS", name="番茄酱意面", unit=code("PORTION"), price="30", target="0.8")
    sauce = [{"item": code("TOMATO"), "qty": "1.2", "net_yield": "0.8"}]
    made = code("SAUCE") | {"entity": "item"}
    new("recipe", product=made, unit=code("KG"), yields="1", valid_from="2026-01-01", lines=sauce)
    new("recipe", product=code("TE") | {"entity": "dish"}, yields="1", valid_from="2026-01-01", lines=[
        {"item": code("EGG"), "qty": "3"},
        {"item": code("TOMATO"), "qty": "0.3"},
        {"item": code("OIL"), "qty": "30", "unit": code("G")},
    ])  # fmt: skip
    new("recipe", product=code("TS") | {"entity": "dish"}, yields="1", valid_from="2026-01-01", lines=[
        {"item": code("SAUCE"), "qty": "0.2"},
    ])  # fmt: skip


class Kitchen:
    """What the stories of the kitchen do again and again."""

    def __init__(self, works: Works) -> None:
        self.works = works
        self.admin = works.api("admin")

    def dish(self, dish: str) -> Row:
        """A dish with its live figures."""
        return self.admin.read("dish", self.works.id("dish", dish))

    def bought(self, item: str, qty: str, price: str, warehouse: str = "CK", **line: object) -> Row:
        """A receipt at a price."""
        row = {"item": code(item), "qty": qty, "price": price, **line}
        made = self.admin.new("purchase_receipt", partner=code("S"), warehouse=code(warehouse), lines=[row])
        return self.admin.take("purchase_receipt", made["id"], "post")

    def sold(self, store: str, *lines: Row, **head: object) -> Row:
        """A day's sales."""
        made = self.admin.new("sale", store=code(store), lines=list(lines), **head)
        return self.admin.take("sale", made["id"], "post")
