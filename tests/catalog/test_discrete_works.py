"""The discrete template at work: what its ledgers, variances and plan come to, on the numbers of the scenarios."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine import AppModel, load_app
from engine.model import EntityKind
from runtime import documents, records, workflow
from runtime.apps import RunningApp
from runtime.context import SYSTEM, FixedClock, RunContext
from runtime.database import Database, open_database
from runtime.errors import UserError
from runtime.tables import build_tables

START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)


@dataclass
class Works:
    """An app of the template with a few masters; every call acts a minute later than the one before."""

    app: RunningApp
    moment: datetime = START

    @contextmanager
    def acting(self) -> Iterator[RunContext]:
        self.moment += timedelta(minutes=1)
        with self.app.database.write() as connection:
            yield RunContext(
                app=self.app, connection=connection, user=SYSTEM, clock=FixedClock(self.moment), source="test"
            )

    def new(self, entity: str, **values: object) -> int:
        with self.acting() as ctx:
            return records.create(ctx, entity, values).id

    def draw(self, entity: str, source: str, origin: int, **changes: object) -> int:
        with self.acting() as ctx:
            return documents.draw(ctx, entity, source, [origin], None, changes)[0].id  # type: ignore[attr-defined]

    def take(self, entity: str, record: int, *transitions: str) -> dict[str, Any]:
        for transition in transitions:
            with self.acting() as ctx:
                workflow.take(ctx, entity, record, transition, {"note": "试"})
        return self.read(entity, record)

    def change(self, entity: str, record: int, **values: object) -> None:
        with self.acting() as ctx:
            records.update(ctx, entity, record, values)

    def read(self, entity: str, record: int) -> dict[str, Any]:
        with self.acting() as ctx:
            return records.read(ctx, entity, record)

    def bought(self, code: str, qty: str, price: str, warehouse: str = "W") -> None:
        line = {"item": code_of(code), "qty": qty, "price": price}
        receipt = self.new("purchase_receipt", partner=code_of("S"), warehouse=code_of(warehouse), lines=[line])
        self.take("purchase_receipt", receipt, "post")


def code_of(code: str) -> Mapping[str, str]:
    return {"code": code}


def app_on(database: Database) -> RunningApp:
    model = discrete()
    return RunningApp(name="works", model=model, tables=build_tables(model), database=database)


@cache
def discrete() -> AppModel:
    return load_app("discrete")


def open_works(database: Database) -> Works:
    app = app_on(database)
    with database.write() as connection:
        app.tables.metadata.create_all(connection)
    works = Works(app)
    for entity in app.model.entities.values():
        if entity.kind is EntityKind.SETTING:
            works.new(entity.id)
    works.new("unit", code="PC", name="件")
    works.new("unit", code="KG", name="千克", measures="mass", step="0.001")
    works.new("item_category", code="RM", name="原料")
    works.new("partner", code="S", name="供应商", is_supplier=True, email="s@example.com")
    works.new("partner", code="C", name="客户", is_customer=True)
    works.new("warehouse", code="W", name="仓库")
    raw = {"category": code_of("RM"), "supplier": code_of("S")}
    works.new(
        "item",
        code="COPPER",
        name="铜棒",
        unit=code_of("KG"),
        planned_price="11",
        lead_time_days=5,
        pack_qty="25",
        **raw,
    )
    works.new("item", code="SCREW", name="螺丝", unit=code_of("PC"), purchase_price="0.1", **raw)
    works.new(
        "item", code="PART", name="零件", category=code_of("RM"), unit=code_of("PC"), supply="make", sale_price="20"
    )
    return works


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The masters, made once; each test works on a copy."""
    path = tmp_path_factory.mktemp("works") / "works.db"
    database = open_database(f"sqlite:///{path}")
    open_works(database)
    database.close()
    return path


@pytest.fixture
def works(prepared: Path, tmp_path: Path) -> Iterator[Works]:
    with sqlite3.connect(prepared) as whole, sqlite3.connect(tmp_path / "works.db") as copy:
        whole.backup(copy)
    whole.close()
    copy.close()
    database = open_database(f"sqlite:///{tmp_path / 'works.db'}")
    yield Works(app_on(database))
    database.close()


def bom(works: Works, *lines: Mapping[str, object]) -> None:
    works.new("bom", item=code_of("PART"), base_qty="1", lines=list(lines))


def started(works: Works, qty: str) -> int:
    order = works.new(
        "work_order",
        item=code_of("PART"),
        qty=qty,
        warehouse=code_of("W"),
        start_date="2026-01-05",
        due_date="2026-01-09",
    )
    works.take("work_order", order, "submit", "start")
    return order


def test_d7_quantity_and_price_variance_and_unit_cost(works: Works) -> None:
    bom(works, {"item": code_of("COPPER"), "qty": "1"})
    works.bought("COPPER", "200", "11.50")
    order = started(works, "100")
    issue = works.draw("material_issue", "work_order", order)
    works.take("material_issue", issue, "post")
    line = works.read("work_order", order)["materials"][0]
    extra = works.new("supplement", work_order=order, reason="scrap", lines=[{"component": line["id"], "qty": "4"}])
    works.take("supplement", extra, "submit")
    works.take("supplement", extra, "approve", "post")
    report = works.new("work_report", work_order=order, good="100", labour="60")
    works.take("work_report", report, "post")
    works.take("production_receipt", works.draw("production_receipt", "work_order", order), "post")

    found = works.read("work_order", order)
    assert found["quantity_variance"] == Decimal("44.00")
    assert found["price_variance"] == Decimal("52.00")
    assert found["unit_cost"] == Decimal("12.56")
    assert found["wip_value"] == 0


def test_d5_above_the_bill_of_materials_needs_a_reason_and_an_approval(works: Works) -> None:
    bom(works, {"item": code_of("COPPER"), "qty": "1"})
    works.bought("COPPER", "200", "11")
    order = started(works, "100")
    line = works.read("work_order", order)["materials"][0]["id"]
    lines = [{"item": code_of("COPPER"), "qty": "104", "source_line": line}]
    with pytest.raises(UserError) as refused:
        works.new("material_issue", work_order=order, lines=lines)
    assert [(fault.code, fault.field) for fault in refused.value.faults] == [("required", "reason")]
    issue = works.new("material_issue", work_order=order, reason="scrap", lines=lines)
    with pytest.raises(UserError):
        works.take("material_issue", issue, "post")
    works.take("material_issue", issue, "submit")
    assert works.take("material_issue", issue, "approve")["status"] == "posted"
    assert works.read("work_order", order)["materials"][0]["over_qty"] == 4


def test_d5_no_issue_without_a_work_order(works: Works) -> None:
    with pytest.raises(UserError):
        works.new("material_issue", warehouse=code_of("W"), lines=[{"item": code_of("COPPER"), "qty": "1"}])


def test_d5_what_is_returned_gives_the_return_rate(works: Works) -> None:
    bom(works, {"item": code_of("COPPER"), "qty": "1"})
    works.bought("COPPER", "200", "11")
    order = started(works, "100")
    issue = works.draw("material_issue", "work_order", order)
    works.take("material_issue", issue, "post")
    line = works.read("material_issue", issue)["lines"][0]["id"]
    back = works.new(
        "material_return",
        issue=issue,
        work_order=order,
        lines=[{"item": code_of("COPPER"), "qty": "5", "source_line": line}],
    )
    works.take("material_return", back, "post")
    found = works.read("work_order", order)
    assert found["return_rate"] == Decimal("0.05")
    assert found["material_cost"] == Decimal("1045.00")


def test_d7_moving_average_of_an_issue(works: Works) -> None:
    works.bought("COPPER", "100", "10")
    works.bought("COPPER", "50", "13")
    adjustment = works.new(
        "stock_adjustment", warehouse=code_of("W"), reason="sample", lines=[{"item": code_of("COPPER"), "qty": "60"}]
    )
    works.take("stock_adjustment", adjustment, "submit")
    assert works.read("item", _id(works, "item", "COPPER"))["stock_value"] == Decimal("990.00")


def test_goods_to_be_inspected_wait_in_quarantine_and_refused_ones_never_become_available(works: Works) -> None:
    works.new("warehouse", code="Q", name="待检", use="quarantine")
    works.new("warehouse", code="R", name="不良", use="reject")
    works.change("warehouse", _id(works, "warehouse", "W"), quarantine=code_of("Q"), reject=code_of("R"))
    copper = _id(works, "item", "COPPER")
    works.change("item", copper, inspect=True)
    works.bought("COPPER", "100", "10")
    assert works.read("item", copper)["available"] in (0, None)
    inspection = works.draw("inspection", "receipt", 1)
    line = works.read("inspection", inspection)["lines"][0]["id"]
    works.change("inspection", inspection, lines=[{"id": line, "refused": "3"}])
    works.take("inspection", inspection, "post")
    found = works.read("item", copper)
    assert (found["available"], found["on_hand"]) == (97, 100)


def test_k1_a_customer_pays_what_he_owes_and_no_more(works: Works) -> None:
    works.bought("SCREW", "1000", "0.1")
    order = works.new(
        "sales_order",
        partner=code_of("C"),
        warehouse=code_of("W"),
        due_date="2026-01-20",
        lines=[{"item": code_of("SCREW"), "qty": "1000", "price": "0.5"}],
    )
    works.take("sales_order", order, "submit")
    delivery = works.draw("delivery", "order", order)
    works.take("delivery", delivery, "post")
    with pytest.raises(UserError):
        works.take("payment", works.new("payment", direction="receive", partner=code_of("C"), amount="600"), "post")
    works.take("payment", works.new("payment", direction="receive", partner=code_of("C"), amount="200"), "post")
    found = works.read("delivery", delivery)
    assert (found["unpaid"], found["settlement_status"]) == (Decimal("300.00"), "partial")
    back = works.draw("sales_return", "delivery", delivery, reason="quality")
    works.take("sales_return", back, "submit")
    works.take("sales_return", back, "approve", "post")
    assert works.read("item", _id(works, "item", "SCREW"))["stock_value"] == Decimal("100.00")


def test_an_order_reserves_what_is_there_also_when_two_lines_want_the_same(works: Works) -> None:
    works.bought("SCREW", "1000", "0.1")
    line = {"item": code_of("SCREW"), "qty": "600", "price": "0.5"}
    order = works.new(
        "sales_order", partner=code_of("C"), warehouse=code_of("W"), due_date="2026-01-20", lines=[line, line]
    )
    works.take("sales_order", order, "submit")
    with works.acting() as ctx:
        moves = ctx.connection.execute(ctx.app.tables.moves["reserved"].select()).mappings()
        assert [move["qty"] for move in moves] == [600, 400]


def test_subcontracted_goods_cost_their_material_and_the_fee(works: Works) -> None:
    works.new("warehouse", code="O", name="委外仓", use="outside")
    works.new("item", code="COAT", name="镀锌件", category=code_of("RM"), unit=code_of("PC"), supply="subcontract")
    works.new("bom", item=code_of("COAT"), lines=[{"item": code_of("SCREW"), "qty": "1"}])
    works.bought("SCREW", "1000", "0.1")
    order = works.new(
        "subcontract",
        partner=code_of("S"),
        item=code_of("COAT"),
        qty="500",
        price="0.2",
        expected_date="2026-01-20",
        warehouse=code_of("W"),
        place=code_of("O"),
    )
    works.take("subcontract", order, "submit")
    works.take("subcontract_issue", works.draw("subcontract_issue", "subcontract", order), "post")
    assert works.read("item", _id(works, "item", "SCREW"))["on_hand"] == 1000
    works.take("subcontract_receipt", works.draw("subcontract_receipt", "subcontract", order), "sign", "post")
    assert works.read("item", _id(works, "item", "COAT"))["stock_value"] == Decimal("150.00")
    assert works.read("item", _id(works, "item", "SCREW"))["on_hand"] == 500


def _id(works: Works, entity: str, code: str) -> int:
    with works.acting() as ctx:
        table = ctx.app.tables.entity[entity]
        return int(ctx.connection.execute(table.select().where(table.c.code == code)).mappings().one()["id"])


def _order(works: Works, qty: str, due: str) -> int:
    lines = [{"item": code_of("SCREW"), "qty": qty, "price": "0.5"}]
    made = works.new("sales_order", partner=code_of("C"), warehouse=code_of("W"), due_date=due, lines=lines)
    works.take("sales_order", made, "submit")
    return made


def _held(works: Works) -> dict[int, Decimal]:
    """What each order line holds."""
    with works.acting() as ctx:
        rows = ctx.connection.execute(ctx.app.tables.balance["reserved"].select()).mappings()
        return {row["demand"]: row["qty"] for row in rows if row["qty"]}


def test_back_orders_get_what_arrives_oldest_due_date_first(works: Works) -> None:
    works.bought("SCREW", "400", "0.1")
    late = _order(works, "600", "2026-01-25")
    soon = _order(works, "500", "2026-01-20")
    first, second = (works.read("sales_order", i)["lines"][0]["id"] for i in (late, soon))
    assert _held(works) == {first: 400}
    works.bought("SCREW", "450", "0.1")
    assert _held(works) == {first: 400, second: 450}
    works.bought("SCREW", "100", "0.1")
    assert _held(works) == {first: 450, second: 500}


def test_a_delivery_does_not_take_what_others_hold(works: Works) -> None:
    works.bought("SCREW", "400", "0.1")
    _order(works, "400", "2026-01-25")
    other = works.draw("delivery", "order", _order(works, "100", "2026-01-20"))
    with pytest.raises(UserError) as refused:
        works.take("delivery", other, "post")
    assert [fault.code for fault in refused.value.faults] == ["reserved_within_stock"]


def test_a_cancelled_order_leaves_its_goods_to_the_next(works: Works) -> None:
    works.bought("SCREW", "400", "0.1")
    first = _order(works, "400", "2026-01-20")
    second = works.read("sales_order", _order(works, "300", "2026-01-25"))["lines"][0]["id"]
    works.take("sales_order", first, "cancel")
    assert _held(works) == {second: 300}


def test_a_work_order_copies_its_operations_and_sees_them_advance(works: Works) -> None:
    bom(works, {"item": code_of("SCREW"), "qty": "1"})
    lines = [
        {"sequence": 10, "name": "车削", "setup_hours": "1", "hours": "2"},
        {"sequence": 20, "name": "清洗", "hours": "0.5"},
    ]
    routing = works.new("routing", item=code_of("PART"), base_qty="100", lines=lines)
    works.change("item", _id(works, "item", "PART"), routing=routing)
    order = started(works, "400")
    first, second = works.read("work_order", order)["operations"]
    assert [(o["name"], o["planned_hours"]) for o in (first, second)] == [("车削", 9), ("清洗", 2)]
    report = works.new("work_report", work_order=order, operation=first["id"], good="300", scrapped="5", hours="7")
    works.take("work_report", report, "post")
    first, second = works.read("work_order", order)["operations"]
    told = [(o["done_qty"], o["scrap_qty"], o["spent_hours"], o["done_share"]) for o in (first, second)]
    assert told == [(300, 5, 7, Decimal("0.75")), (0, 0, 0, 0)]
