"""A food firm without demo data: masters of the F scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.context import RunContext
from runtime.finding import find_one
from runtime.records import create, update
from tests.scenarios.clients import code
from tests.scenarios.works import Works, add_people, prepare_from

Row = dict[str, Any]


def prepare_food(folder: Path, url: str = "") -> dict[str, str]:
    """Make the app; tokens by log-in name."""

    def fill(ctx: RunContext) -> dict[str, str]:
        add_food(ctx)
        tokens = add_people(ctx, {"keeper": [code("W"), code("Q"), code("R")]})
        for place in ("W", "Q", "R"):
            update(ctx, "warehouse", find_one(ctx, "warehouse", code(place), "warehouse"), {"keeper": code("KEEPER")})
        return tokens

    return prepare_from("food", fill, folder, url)


def add_food(ctx: RunContext) -> None:
    """Places, partners, goods with and without a shelf life, and recipes over two levels."""

    def new(entity: str, **values: object) -> None:
        create(ctx, entity, values)

    new("unit", code="BAG", name="袋")
    new("unit", code="KG", name="千克", measures="mass", step="0.001")
    for short, name in (("RM", "原料"), ("FG", "成品")):
        new("item_category", code=short, name=name)
    new("warehouse", code="Q", name="待检仓", use="quarantine")
    new("warehouse", code="R", name="不良仓", use="reject")
    new("warehouse", code="W", name="一号仓", quarantine=code("Q"), reject=code("R"))
    new("warehouse", code="B", name="二号仓")
    new("partner", code="S", name="康源禽业", is_supplier=True, contact="钱经理", phone="0577-1", credit_days=30)
    for id, name in (("C1", "百佳源超市"), ("C2", "鲜到家电商"), ("C3", "康宁学校食堂")):
        new("partner", code=id, name=name, is_customer=True, contact="王经理", phone="13900000000", credit_days=30)
    new("partner", code="C9", name="挑剔超市", is_customer=True, min_life_share="0.5", credit_days=30)
    raw: Row = {"category": code("RM"), "unit": code("KG"), "tracked": True, "supplier": code("S")}
    made: Row = {"category": code("FG"), "unit": code("BAG"), "tracked": True, "supply": "make", "item_type": "product"}
    life = {"shelf_life_days": 180, "near_days": 30}
    new("item", code="JUICE", name="果汁", sale_price="8", purchase_price="5", gtin="06901234567892", **life, **raw)
    new("item", code="CHICKEN", name="鸡胸肉", purchase_price="20", shelf_life_days=180, **raw)
    new("item", code="CHECKED", name="待检原料", purchase_price="20", shelf_life_days=180, inspect=True, **raw)
    new("item", code="SALT", name="食盐", purchase_price="2", **raw)
    new("item", code="MARINADE", name="腌料肉", shelf_life_days=10, **(made | {"unit": code("KG")}))
    new("item", code="READY", name="盐焗鸡胸", sale_price="12", shelf_life_days=90, **made)
    new("recipe", product=code("MARINADE"), yields="1", valid_from="2026-01-01", lines=[
        {"item": code("CHICKEN"), "qty": "1", "net_yield": "1"},
    ])  # fmt: skip
    new("recipe", product=code("READY"), yields="1", valid_from="2026-01-01", lines=[
        {"item": code("MARINADE"), "qty": "0.12", "net_yield": "0.96"},
    ])  # fmt: skip


class Larder:
    """What the food stories do again and again."""

    def __init__(self, works: Works) -> None:
        self.works = works
        self.keeper = works.api("keeper")
        self.admin = works.api("admin")

    def receipt(self, item: str, qty: str, lot: str, made_on: str, **line: object) -> Row:
        """A receipt, still a draft."""
        row = {"item": code(item), "qty": qty, "lot": code(lot), "production_date": made_on, "price": "20", **line}
        return self.admin.new("purchase_receipt", partner=code("S"), warehouse=code("W"), lines=[row])

    def received(self, item: str, qty: str, lot: str, made_on: str, **line: object) -> Row:
        """Goods that came in."""
        made = self.receipt(item, qty, lot, made_on, **line)
        return self.admin.take("purchase_receipt", made["id"], "post")

    def delivery(self, item: str, qty: str, customer: str = "C1", **line: object) -> Row:
        """A delivery, still a draft."""
        row = {"item": code(item), "qty": qty, "price": "8", **line}
        return self.admin.new("delivery", partner=code(customer), warehouse=code("W"), lines=[row])

    def delivered(self, item: str, qty: str, customer: str = "C1", **line: object) -> Row:
        """Goods that went out."""
        made = self.delivery(item, qty, customer, **line)
        return self.admin.take("delivery", made["id"], "post")

    def lot(self, lot: str) -> Row:
        """A lot with its live figures."""
        return self.admin.read("lot", self.works.id("lot", lot))

    def processed(self, product: str, qty: str, lot: str, inputs: list[Row]) -> Row:
        """Inputs made into a lot of a product."""
        made = self.admin.new(
            "processing", product=code(product), qty=qty, warehouse=code("W"), into_warehouse=code("W"), inputs=inputs
        )
        for step in ("submit", "start"):
            self.admin.take("processing", made["id"], step)
        day = self.works.clock.now().astimezone().date().isoformat()
        output: Mapping[str, object] = {"item": code(product), "qty": qty, "lot": code(lot), "production_date": day}
        self.admin.change("processing", made["id"], outputs=[output])
        return self.admin.take("processing", made["id"], "post")
