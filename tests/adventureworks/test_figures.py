"""Stock, reorder points, suppliers and a netted demand, against SQL over the source."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import select

from engine.planning.supply import Demand
from runtime import ledgers, planning, reports
from runtime.context import RunContext
from runtime.ledgers.reading import balances
from runtime.queries import ListQuery, list_records
from tests.adventureworks.conftest import Works
from tests.adventureworks.test_structures import codes, item_of

CENT = Decimal("0.01")


def codes_of(ctx: RunContext, entity: str) -> dict[object, str]:
    table = ctx.app.tables.entity[entity]
    return dict(ctx.connection.execute(select(table.c.id, table.c.code)).all())


# --- stock ---------------------------------------------------------------------------------------------------


def test_the_value_of_all_stock(works: Works, ctx: RunContext) -> None:
    (found,) = balances(ctx, "stock")
    cents = works.source.column(
        "select (money(StandardCost) * Quantity + 50) / 100 from ProductInventory join Product using (ProductID)"
    )
    assert found.amounts["value"] == Decimal(sum(cents)) * CENT
    assert found.amounts["qty"] == works.source.one("select sum(Quantity) from ProductInventory")


def test_the_stock_of_each_location(works: Works, ctx: RunContext) -> None:
    named = codes_of(ctx, "warehouse")
    found = {named[row.dimensions["warehouse"]]: row.amounts for row in balances(ctx, "stock", group_by=["warehouse"])}
    expected = works.source.all(
        "select 'L' || LocationID, sum(Quantity), sum(money(StandardCost) * Quantity), count(*) "
        "from ProductInventory join Product using (ProductID) group by LocationID"
    )
    assert {place: amounts["qty"] for place, amounts in found.items()} == {p: Decimal(q) for p, q, _, _ in expected}
    for place, _, value, rows in expected:  # each row is rounded to the cent once in the source's sum and once in ours
        assert abs(found[place]["value"] - Decimal(value).scaleb(-4)) <= CENT * rows, place


def test_the_stock_in_each_bin(works: Works, ctx: RunContext) -> None:
    items, bins = codes_of(ctx, "item"), codes_of(ctx, "bin")
    found = {
        (items[row.dimensions["item"]], bins[row.dimensions["bin"]]): row.amounts["qty"]
        for row in balances(ctx, "stock", group_by=["item", "bin"])
    }
    rows = works.source.all(
        "select ProductNumber, 'L' || LocationID || '-' || Shelf || '-' || Bin, Quantity "
        "from ProductInventory join Product using (ProductID) where Quantity + 0 > 0"
    )
    assert found == {(item, place): Decimal(quantity) for item, place, quantity in rows}


def test_the_ledgers_are_sound(ctx: RunContext) -> None:
    assert list(ledgers.check(ctx.connection, ctx.app.model, ctx.app.tables)) == []


def test_items_below_their_reorder_point(works: Works, ctx: RunContext) -> None:
    query = ListQuery(filter="coalesce(on_hand, 0) < reorder_point", fields=("code",), page_size=0)
    found = sorted(row[1] for row in list_records(ctx, "item", query).rows)
    expected = works.source.column(
        "select ProductNumber from Product p where coalesce((select sum(Quantity) from ProductInventory i "
        "where i.ProductID = p.ProductID), 0) < ReorderPoint + 0 order by ProductNumber"
    )
    assert found == expected
    assert expected


# --- suppliers -----------------------------------------------------------------------------------------------


def test_the_terms_of_each_supplier(works: Works, ctx: RunContext) -> None:
    table, item, partner = (ctx.app.tables.entity[name] for name in ("item.terms", "item", "partner"))
    rows = ctx.connection.execute(
        select(
            item.c.code, partner.c.code, table.c.lead_time_days, table.c.min_qty, table.c.max_qty, table.c.last_cost
        ).where(table.c.parent == item.c.id, table.c.supplier == partner.c.id)
    )
    expected = works.source.all(
        "select ProductNumber, AccountNumber, AverageLeadTime + 0, MinOrderQty + 0, MaxOrderQty + 0, LastReceiptCost "
        "from ProductVendor join Product using (ProductID) join Vendor using (BusinessEntityID)"
    )
    assert sorted(tuple(row) for row in rows) == sorted(
        (i, v, lead, Decimal(least), Decimal(most), None if last is None else Decimal(last))
        for i, v, lead, least, most, last in expected
    )


def test_punctuality_of_suppliers(works: Works, ctx: RunContext) -> None:
    result = reports.run(ctx, "supplier_performance")
    named = codes_of(ctx, "partner")
    found = {named[line.keys[0]]: line.cells[()] for line in result.lines if line.level == 1}
    rows = works.source.all(
        """
        select AccountNumber, count(*), sum(h.ShipDate <= f.DueDate),
               sum(julianday(h.ShipDate) - julianday(h.OrderDate)),
               sum(max(0, julianday(h.ShipDate) - julianday(f.DueDate)))
        from PurchaseOrderDetail d join PurchaseOrderHeader h using (PurchaseOrderID)
        join (select PurchaseOrderID, DueDate, min(line) from PurchaseOrderDetail group by PurchaseOrderID) f
          using (PurchaseOrderID)
        join Vendor v on v.BusinessEntityID = h.VendorID where h.Status = '4' group by AccountNumber
        """
    )
    assert set(found) == {row[0] for row in rows}
    for code, lines, met, lead, delay in rows:
        cells = found[code]
        assert (cells["lines"], cells["met"]) == (lines, met), code
        assert cells["rate"] == rounded(Decimal(met) / lines, cells["rate"])
        assert cells["lead"] == rounded(Decimal(str(lead)) / lines, cells["lead"])
        assert cells["delay"] == rounded(Decimal(str(delay)) / lines, cells["delay"])


def rounded(value: Decimal, like: Decimal) -> Decimal:
    return value.quantize(Decimal(1).scaleb(int(like.as_tuple().exponent)), ROUND_HALF_UP)


# --- netting -------------------------------------------------------------------------------------------------

BIKE, BIKES, DUE = "BK-R93R-62", Decimal(500), date(2014, 11, 20)
COMPONENTS = """
select c.ProductNumber, PerAssemblyQty from BillOfMaterials b join Product p on p.ProductID = b.ProductAssemblyID
join Product c on c.ProductID = b.ComponentID
where p.ProductNumber = :item and StartDate <= :day and (EndDate is null or EndDate >= :day)
"""


def test_a_demand_is_netted_against_stock_and_orders_down_to_the_last_part(works: Works, ctx: RunContext) -> None:
    demand = Demand(("asked", 1), item_of(ctx, BIKE), BIKES, DUE)
    run = planning.net(ctx, "materials", [demand])
    named = codes(ctx)
    planned: defaultdict[str, Decimal] = defaultdict(Decimal)
    needs = defaultdict(Decimal, {BIKE: BIKES})
    for order in run.suggestions:
        planned[named[order.item]] += order.quantity
        for component, per in works.source.all(COMPONENTS, item=named[order.item], day=order.order_date.isoformat()):
            needs[component] += order.quantity * Decimal(per)
    keep = dict(works.source.all("select ProductNumber, SafetyStockLevel from Product"))
    stock = dict(
        works.source.all(
            "select ProductNumber, sum(Quantity) from ProductInventory join Product using (ProductID) group by 1"
        )
    )
    ordered = dict(
        works.source.all(
            "select ProductNumber, sum(OrderQty) from PurchaseOrderDetail "
            "join PurchaseOrderHeader using (PurchaseOrderID) join Product using (ProductID) "
            "where Status = '2' group by 1"
        )
    )
    expected = {
        item: max(
            Decimal(0), Decimal(level) + needs[item] - Decimal(stock.get(item, 0)) - Decimal(ordered.get(item, 0))
        )
        for item, level in keep.items()
    }
    assert {item: quantity for item, quantity in expected.items() if quantity} == dict(planned)
    assert planned[BIKE] > 0


def test_what_is_planned_for_the_bikes_is_pegged_to_the_demand(works: Works, ctx: RunContext) -> None:
    run = planning.net(ctx, "materials", [Demand(("asked", 1), item_of(ctx, BIKE), BIKES, DUE)])
    named = codes(ctx)
    (bike,) = [s for s in run.suggestions if named[s.item] == BIKE and s.need_date == DUE]
    assert sum(p.quantity for p in bike.pegs if p.kind == "extra") == bike.short - sum(
        p.quantity for p in bike.pegs if p.kind == "keep"
    )
    assert (bike.draws, bike.order_date) == ("work_order", date(2014, 11, 16))
    below = [s for s in run.suggestions if bike.number in s.above]
    first = {code for code, _ in works.source.all(COMPONENTS, item=BIKE, day=bike.order_date.isoformat())}
    assert {named[s.item] for s in below} <= first
    assert all(s.need_date <= bike.order_date for s in below)
