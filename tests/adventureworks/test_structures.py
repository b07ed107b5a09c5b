"""Bills of materials on a day: explosion, where-used and cost, against recursive SQL over the source."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from runtime import planning
from runtime.context import RunContext
from tests.adventureworks.conftest import Works

VALID = "StartDate <= :day and (EndDate is null or EndDate >= :day)"
EXPLOSION = f"""
with recursive part(level, id, qty) as (
  select 1, ComponentID, PerAssemblyQty * :qty from BillOfMaterials where ProductAssemblyID = :id and {VALID}
  union all
  select level + 1, b.ComponentID, part.qty * b.PerAssemblyQty
  from part join BillOfMaterials b on b.ProductAssemblyID = part.id
  where b.StartDate <= :day and (b.EndDate is null or b.EndDate >= :day))
select level, ProductNumber, qty from part join Product on ProductID = id
"""
USERS = f"""
with recursive whole(level, id, per) as (
  select 1, ProductAssemblyID, PerAssemblyQty + 0 from BillOfMaterials
  where ComponentID = :id and ProductAssemblyID is not null and {VALID}
  union all
  select level + 1, b.ProductAssemblyID, whole.per * b.PerAssemblyQty
  from whole join BillOfMaterials b on b.ComponentID = whole.id
  where b.ProductAssemblyID is not null and b.StartDate <= :day and (b.EndDate is null or b.EndDate >= :day))
select level, Name, per from whole join Product on ProductID = id
"""
COST = f"""
with recursive part(id, qty) as (
  select :id, 1
  union all
  select b.ComponentID, part.qty * b.PerAssemblyQty from part join BillOfMaterials b on b.ProductAssemblyID = part.id
  where b.StartDate <= :day and (b.EndDate is null or b.EndDate >= :day)),
price(id, cost) as (
  select ProductID, coalesce(nullif(money(StandardCost), 0), (
    select money(StandardPrice) from ProductVendor v where v.ProductID = p.ProductID order by v.line limit 1))
  from Product p)
select cast(sum(qty * cost) as integer), sum(cost is null) from part join price using (id)
where not exists (select 1 from BillOfMaterials b where b.ProductAssemblyID = part.id and {VALID})
"""
DAYS = (date(2010, 6, 1), date(2010, 9, 20), date(2014, 10, 1))
BIKES = ("BK-R93R-62", "BK-M82S-38", "BK-T79U-54")


def item_of(ctx: RunContext, code: str) -> int:
    table = ctx.app.tables.entity["item"]
    return int(ctx.connection.execute(select(table.c.id).where(table.c.code == code)).scalar_one())


def number_of(works: Works, code: str) -> str:
    return str(works.source.one("select ProductID from Product where ProductNumber = :code", code=code))


def codes(ctx: RunContext) -> dict[int, str]:
    table = ctx.app.tables.entity["item"]
    return dict(ctx.connection.execute(select(table.c.id, table.c.code)).all())


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("bike", BIKES)
def test_a_bike_explodes_into_what_was_valid_that_day(works: Works, ctx: RunContext, bike: str, day: date) -> None:
    tree = planning.explode(ctx, item_of(ctx, bike), Decimal(7), day)
    named = codes(ctx)
    found = Counter((row.level, named[row.item], row.quantity) for row in tree.rows)
    rows = works.source.all(EXPLOSION, id=number_of(works, bike), qty=7, day=day.isoformat())
    assert found == Counter((level, code, Decimal(str(qty))) for level, code, qty in rows)
    sums: Counter[str] = Counter()
    for _, code, qty in rows:
        sums[code] += qty
    assert {named[item]: quantity for item, _, quantity in tree.totals} == {c: Decimal(str(q)) for c, q in sums.items()}


def test_a_bike_has_four_levels_and_did_not_exist_before_its_bill(works: Works, ctx: RunContext) -> None:
    bike = item_of(ctx, "BK-R93R-62")
    tree = planning.explode(ctx, bike, Decimal(1), date(2014, 10, 1))
    assert max(row.level for row in tree.rows) == 4
    before = planning.explode(ctx, bike, Decimal(1), date(2010, 1, 1))
    assert (before.rows, before.expired) == ((), True)


@pytest.mark.parametrize("part", ["492", "3", "331", "517"])
@pytest.mark.parametrize("day", DAYS)
def test_where_a_part_is_used_up_to_the_bikes(works: Works, ctx: RunContext, part: str, day: date) -> None:
    code = works.source.one("select ProductNumber from Product where ProductID = :id", id=part)
    tree = planning.where_used(ctx, item_of(ctx, code), day)
    names = dict(works.source.all("select ProductNumber, Name from Product"))
    named = codes(ctx)
    found = Counter((row.level, names[named[row.item]], row.quantity) for row in tree.rows)
    rows = works.source.all(USERS, id=part, day=day.isoformat())
    assert found == Counter((level, name, Decimal(str(per))) for level, name, per in rows)


@pytest.mark.parametrize("day", [date(2011, 1, 1), date(2014, 10, 1)])
@pytest.mark.parametrize("bike", BIKES)
def test_the_cost_of_a_bike_rolls_up_from_what_is_bought(works: Works, ctx: RunContext, bike: str, day: date) -> None:
    top, *below = planning.cost(ctx, item_of(ctx, bike), day)
    total, unknown = works.source.all(COST, id=number_of(works, bike), day=day.isoformat())[0]
    assert top.basis == "structure"
    assert top.unit_cost == Decimal(total).scaleb(-4)
    assert (sum(1 for row in below if row.basis == "missing") > 0) == (unknown > 0)


@pytest.mark.parametrize(
    ("assembly", "day"), [("517", "2010-04-01"), ("517", "2010-12-31"), ("749", "2010-07-01"), ("749", "2014-10-01")]
)
def test_the_bill_of_a_day_has_the_components_of_that_day(
    works: Works, ctx: RunContext, assembly: str, day: str
) -> None:
    code = works.source.one("select ProductNumber from Product where ProductID = :id", id=assembly)
    tree = planning.explode(ctx, item_of(ctx, code), Decimal(1), date.fromisoformat(day))
    named = codes(ctx)
    found = sorted((named[row.item], row.quantity) for row in tree.rows if row.level == 1)
    rows = works.source.all(
        "select ProductNumber, PerAssemblyQty from BillOfMaterials join Product on ProductID = ComponentID "
        f"where ProductAssemblyID = :id and {VALID} order by ProductNumber",
        id=assembly,
        day=day,
    )
    assert found == [(code, Decimal(qty)) for code, qty in rows]
    assert found


def test_on_no_day_do_two_bills_of_one_assembly_hold(ctx: RunContext) -> None:
    table = ctx.app.tables.entity["bom"]
    spans: dict[int, list[tuple[date, date]]] = {}
    for item, begins, ends in ctx.connection.execute(select(table.c.item, table.c.valid_from, table.c.valid_to)):
        spans.setdefault(item, []).append((begins, ends or date.max))
    assert len(spans) == 238
    overlapping = [
        item
        for item, each in spans.items()
        if any(before[1] >= after[0] for before, after in zip(sorted(each), sorted(each)[1:], strict=False))
    ]
    assert overlapping == []
