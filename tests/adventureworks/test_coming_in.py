"""What importing did with every row: taken, left out with a reason, or remarked on; nothing is lost silently."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from sqlalchemy import func, select

from runtime import records
from runtime.context import RunContext
from runtime.importing import Report
from tests.adventureworks.conftest import Works


def count(ctx: RunContext, entity: str) -> int:
    return int(ctx.connection.execute(select(func.count()).select_from(ctx.app.tables.entity[entity])).scalar_one())


def told(report: Report) -> Counter[str]:
    return Counter(one.message for one in report.warnings if one.code == "remark")


def lines(report: Report, words: str) -> list[int]:
    everything = (*report.left_out, *report.warnings)
    return sorted(one.line for one in everything if words in one.message)


def test_no_row_of_any_file_is_refused(works: Works) -> None:
    assert {name: report.faults for name, report in works.reports.items() if report.faults} == {}
    assert all(report.written for report in works.reports.values())


def test_masters_are_all_there(works: Works, ctx: RunContext) -> None:
    expected = {
        "unit": 38,
        "item_category": 4 + 37 + 1,
        "warehouse": 14,
        "bin": works.source.one("select count(*) from (select distinct LocationID, Shelf, Bin from ProductInventory)"),
        "partner": 104,
        "item": 504,
        "item.terms": 460,
        "opening": 14,
        "opening.lines": 1069 - 4,
    }
    assert {entity: count(ctx, entity) for entity in expected} == expected


def test_each_unit_is_told_whether_it_has_a_factor(works: Works, ctx: RunContext) -> None:
    remarks = told(works.reports["01_unit"])
    assert sorted(remarks.values()) == [12, 26]
    table = ctx.app.tables.entity["unit"]
    ratios = {r.code: r for r in ctx.connection.execute(select(table.c.code, table.c.ratio__num, table.c.ratio__den))}
    assert (ratios["DZ"].ratio__num, ratios["DZ"].ratio__den) == (12, 1)
    assert (ratios["IN"].ratio__num, ratios["IN"].ratio__den) == (127, 5000)
    assert ratios["CTN"].ratio__num is None


def test_component_rows_without_an_assembly_are_left_out_by_name_of_line(works: Works) -> None:
    report = works.reports["09_bom"]
    expected = works.source.column("select line from BillOfMaterials where ProductAssemblyID is null order by line")
    assert len(expected) == 103
    assert lines(report, "no parent assembly") == expected
    assert (report.rows, report.skipped) == (2679, 103)


def test_parts_without_a_cost_are_told_and_not_taken_for_free(works: Works, ctx: RunContext) -> None:
    report = works.reports["07_item"]
    expected = works.source.column("select line from Product where money(StandardCost) = 0 order by line")
    assert lines(report, "the cost is 0") == expected
    table = ctx.app.tables.entity["item"]
    unknown = ctx.connection.execute(select(func.count()).where(table.c.planned_price.is_(None))).scalar_one()
    assert unknown == len(expected) == 200
    stock = works.source.column(
        "select i.line from ProductInventory i join Product p using (ProductID) "
        "where money(p.StandardCost) = 0 and i.Quantity + 0 > 0 order by i.line"
    )
    assert lines(works.reports["10_opening"], "no value") == stock


def test_terms_in_a_unit_without_a_factor_are_told(works: Works) -> None:
    expected = works.source.column("select line from ProductVendor where UnitMeasureCode <> 'EA' order by line")
    assert lines(works.reports["08_terms"], "without a factor") == expected


def test_further_suppliers_of_a_part_are_told_beside_the_one_the_plan_uses(works: Works) -> None:
    differing = [
        w.line for w in works.reports["08_terms"].warnings if w.code == "import_differs" and w.field == "supplier"
    ]
    assert len(differing) == works.source.one("select count(*) - count(distinct ProductID) from ProductVendor")


def test_orders_due_before_they_were_placed_are_told(works: Works) -> None:
    expected = works.source.column(
        "select d.line from PurchaseOrderDetail d join PurchaseOrderHeader h using (PurchaseOrderID) "
        "where d.DueDate < h.OrderDate order by d.line"
    )
    assert len(expected) == 7
    assert lines(works.reports["11_purchase_order"], "due before") == expected


def test_orders_keep_their_state_and_every_change_of_it_is_told(works: Works, ctx: RunContext) -> None:
    taken = "PurchaseOrderHeader where PurchaseOrderID in (select PurchaseOrderID from PurchaseOrderDetail)"
    expected = dict(works.source.all(f"select Status, count(*) from {taken} group by Status"))
    table = ctx.app.tables.entity["purchase_order"]
    found: dict[str, int] = dict(
        ctx.connection.execute(select(table.c.status, func.count()).group_by(table.c.status)).all()
    )
    names = {"1": "draft", "2": "approved", "3": "cancelled", "4": "closed"}
    assert found == {names[status]: number for status, number in expected.items()}
    rows = "from PurchaseOrderDetail join PurchaseOrderHeader using (PurchaseOrderID) where Status"
    report = works.reports["11_purchase_order"]
    assert len(lines(report, "pending in the source")) == works.source.one(f"select count(*) {rows} = '1'")
    assert len(lines(report, "rejected in the source")) == works.source.one(f"select count(*) {rows} = '3'")
    left = works.reports["12_purchase_receipt"]
    assert left.skipped == works.source.one(f"select count(*) {rows} <> '4'") == len(lines(left, "never completed"))


def test_order_amounts_are_those_of_the_source(works: Works, ctx: RunContext) -> None:
    lines_table = ctx.app.tables.entity["purchase_order.lines"]
    found = dict(ctx.connection.execute(select(lines_table.c.line_note, lines_table.c.amount)).all())
    expected = works.source.all("select PurchaseOrderDetailID, money(UnitPrice) * OrderQty from PurchaseOrderDetail")
    wrong = [key for key, scaled in expected if found[key] != round_half_up(scaled, 2)]
    assert wrong == []
    assert len(found) == len(expected)


def round_half_up(ten_thousandths: int, places: int) -> Decimal:
    unit = 10 ** (4 - places)
    return Decimal((ten_thousandths + unit // 2) // unit).scaleb(-places)


def test_undated_work_orders_are_left_out_by_name_of_line(works: Works, ctx: RunContext) -> None:
    expected = works.source.column("select line from WorkOrder where StartDate is null order by line")
    assert expected
    assert lines(works.reports["13_work_order"], "no dates") == expected
    assert count(ctx, "work_order") == works.source.one("select count(*) from WorkOrder where StartDate is not null")
    late = works.source.column("select line from WorkOrder where EndDate > DueDate order by line")
    assert lines(works.reports["13_work_order"], "finished after") == late


def test_what_work_orders_made_comes_from_their_receipts(works: Works, ctx: RunContext) -> None:
    table = ctx.app.tables.entity["work_order"]
    found = dict(ctx.connection.execute(select(table.c.code, table.c.made_qty)).all())
    made = works.source.all("select 'WO' || WorkOrderID, StockedQty + 0 from WorkOrder where StartDate is not null")
    assert found == {code: Decimal(quantity) for code, quantity in made}


def test_history_posts_nothing(works: Works, ctx: RunContext) -> None:
    for ledger in ("on_order", "payable", "wip"):
        moves = ctx.app.tables.moves[ledger]
        assert ctx.connection.execute(select(func.count()).select_from(moves)).scalar_one() == 0, ledger


def test_an_item_is_as_the_source_says(works: Works, ctx: RunContext) -> None:
    table = ctx.app.tables.entity["item"]
    item = records.load(
        ctx, "item", ctx.connection.execute(select(table.c.id).where(table.c.code == "BK-R93R-62")).scalar_one()
    )
    assert (item["name"], item["supply"], item["item_type"]) == ("Road-150 Red, 62", "make", "product")
    assert (item["safety_stock"], item["reorder_point"], item["lead_time_days"]) == (Decimal(100), Decimal(75), 4)
    assert (item["planned_price"], item["sale_price"]) == (Decimal("2171.2942"), Decimal("3578.27"))
    tape = ctx.connection.execute(select(table.c.id).where(table.c.code == "GT-0820")).scalar_one()
    unit = ctx.app.tables.entity["unit"]
    base = records.load(ctx, "item", tape)["unit"]
    assert ctx.connection.execute(select(unit.c.code).where(unit.c.id == base)).scalar_one() == "IN"
