"""A trading firm of the generic template without demo data: two warehouses, prices, kits, people of every role."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runtime.context import RunContext
from runtime.finding import find_one
from runtime.records import create, update
from tests.scenarios.clients import code
from tests.scenarios.works import Row, add_people, prepare_from


def prepare_trade(folder: Path, url: str = "") -> dict[str, str]:
    """Make the firm; tokens by log-in name."""
    return prepare_from("generic", _fill, folder, url)


def _fill(ctx: RunContext) -> dict[str, str]:
    _masters(ctx)
    tokens = add_people(ctx, {"keeper": [code("A"), code("Q"), code("R")], "keeper_b": [code("B")]})
    for place, keeper in (("A", "KEEPER"), ("B", "KEEPER_B")):
        _change(ctx, "warehouse", place, {"keeper": code(keeper)})
    for customer in ("C", "D"):
        _change(ctx, "partner", customer, {"salesperson": code("SALES")})
    return tokens


def _change(ctx: RunContext, entity: str, of: str, values: Mapping[str, object]) -> None:
    update(ctx, entity, find_one(ctx, entity, code(of), entity), values)


def _masters(ctx: RunContext) -> None:
    def new(entity: str, **values: object) -> None:
        create(ctx, entity, values)

    new("unit", code="PC", name="个")
    new("unit", code="BOX", name="箱")
    new("item_category", code="HW", name="杯具")
    new("warehouse", code="Q", name="待检仓", use="quarantine")
    new("warehouse", code="R", name="不良仓", use="reject")
    new("warehouse", code="A", name="总仓", quarantine=code("Q"), reject=code("R"))
    new("warehouse", code="B", name="分店仓")
    new("bin", code="A-01", name="一号架", warehouse=code("A"))
    new("bin", code="A-02", name="二号架", warehouse=code("A"))
    new("partner", code="S", name="景德瓷厂", is_supplier=True, email="s@example.com", credit_days=30)
    new("partner", code="C", name="百汇商行", is_customer=True, credit_days=30, level="a")
    new("partner", code="D", name="小街杂货", is_customer=True, credit_days=0, level="c", credit_limit="1000")
    goods: Row = {"category": code("HW"), "item_type": "goods", "unit": code("PC"), "supplier": code("S")}
    boxes = [{"unit": code("BOX"), "ratio": "24"}]
    new("item", code="BOLT", name="马克杯", sale_price="10", purchase_price="4", units=boxes, **goods)
    new("item", code="CUP", name="咖啡杯", sale_price="12", purchase_price="6", **goods)
    new("item", code="SAUCER", name="杯碟", sale_price="5", purchase_price="2", **goods)
    new("item", code="SET", name="杯碟套装", sale_price="20", **{**goods, "supply": "make", "supplier": None})
    parts = [
        {"item": code("CUP"), "qty": "1", "share": "0.75"},
        {"item": code("SAUCER"), "qty": "1", "share": "0.25"},
    ]
    new("kit", item=code("SET"), lines=parts)
