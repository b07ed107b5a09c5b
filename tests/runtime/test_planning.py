"""Planning over an app's own data: explosion, where-used, cost, netting with pegs, suggestions into documents, kits."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event

from engine.planning.supply import Demand
from runtime import planning, records
from runtime.database import Database
from runtime.errors import Conflict, Forbidden, NotFound
from tests.runtime.works import ANNA, BOSS, BUYER, MAKER, Works, open_works

TODAY = date(2026, 3, 2)
BOLT, COPPER, SCREW, CONN, KIT = 1, 2, 3, 4, 5


@pytest.fixture
def works(database: Database) -> Works:
    return open_works(database)


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def job(works: Works, qty: str, start: int = 9, due: int = 10) -> int:
    made = works.new("job", MAKER, item=CONN, qty=qty, place=1, start=day(start).isoformat(), due=day(due).isoformat())
    works.take(MAKER, "job", made, "release")
    return made


def net(works: Works, *extra: Demand, user=BOSS) -> planning.PlanRun:
    with works.acting(user) as ctx:
        return planning.net(ctx, "needs", extra)


def brief(run: planning.PlanRun) -> list[tuple[object, ...]]:
    return [(s.title, s.quantity, s.short, s.need_date, s.order_date, s.draws) for s in run.suggestions]


def test_explosion_lists_levels_alternates_and_sums(works: Works) -> None:
    with works.acting(BOSS) as ctx:
        tree = planning.explode(ctx, CONN, Decimal(10_000))
    assert [(r.level, r.above, r.title, r.quantity, r.through, r.instead) for r in tree.rows] == [
        (1, -1, "COPPER 铜棒", Decimal(2575), False, ((BOLT, "BOLT 螺栓"),)),
        (1, -1, "KIT 套件", Decimal(10_000), True, ()),
        (2, 1, "SCREW 螺丝", Decimal(20_000), False, ()),
    ]
    assert tree.totals == ((COPPER, "COPPER 铜棒", Decimal(2575)), (SCREW, "SCREW 螺丝", Decimal(20_000)))


def test_explosion_takes_the_version_of_the_day(works: Works) -> None:
    with works.acting() as ctx:
        records.update(ctx, "formula", 1, {"to_day": "2026-03-31"})
        lines = [{"item": BOLT, "qty": "4"}]
        records.create(
            ctx, "formula", {"code": "F3", "name": "new", "item": CONN, "from_day": "2026-04-01", "lines": lines}
        )
    with works.acting(BOSS) as ctx:
        assert [r.item for r in planning.explode(ctx, CONN, Decimal(1), date(2026, 3, 31)).rows] == [COPPER, KIT, SCREW]
        assert [r.item for r in planning.explode(ctx, CONN, Decimal(1), date(2026, 4, 1)).rows] == [BOLT]


def test_a_structure_that_leads_back_to_itself_is_named_with_its_way_round(works: Works) -> None:
    lines = [{"item": BOLT, "qty": "1"}]
    with works.acting() as ctx:
        made = records.create(ctx, "formula", {"code": "F3", "name": "loop", "item": SCREW, "lines": lines}).id
        line, thing = ctx.app.tables.entity["formula.lines"], ctx.app.tables.entity["thing"]
        ctx.connection.execute(line.update().where(line.c.parent == made).values(item=CONN))
        ctx.connection.execute(thing.update().where(thing.c.id == SCREW).values(supply="make"))
    with pytest.raises(Conflict) as refused, works.acting(BOSS) as ctx:
        planning.explode(ctx, CONN, Decimal(1))
    assert refused.value.faults[0].message == "It is made of itself: CONN 接头 → KIT 套件 → SCREW 螺丝 → CONN 接头"
    with pytest.raises(Conflict):
        net(works)


def test_where_used_climbs_to_every_product(works: Works) -> None:
    with works.acting(BOSS) as ctx:
        tree = planning.where_used(ctx, SCREW)
    assert [(r.level, r.title, r.quantity) for r in tree.rows] == [
        (1, "KIT 套件", Decimal(2)),
        (2, "CONN 接头", Decimal(2)),
    ]


def test_cost_rolls_up_by_level_with_the_reason_of_each_figure(works: Works) -> None:
    with works.acting(BOSS) as ctx:
        rows = planning.cost(ctx, CONN)
    assert [(r.title, r.level, r.unit_cost, r.basis) for r in rows] == [
        ("CONN 接头", 0, Decimal("12.975000"), "structure"),
        ("COPPER 铜棒", 1, Decimal("50.000000"), "standard"),
        ("KIT 套件", 1, Decimal("0.100000"), "structure"),
        ("SCREW 螺丝", 2, Decimal("0.050000"), "standard"),
    ]
    assert [(p.title, p.quantity, p.amount) for p in rows[0].parts] == [
        ("COPPER 铜棒", Decimal("0.2575"), Decimal("12.875000")),
        ("KIT 套件", Decimal(1), Decimal("0.100000")),
    ]


def test_cost_is_a_secret_of_those_who_may_see_it(works: Works) -> None:
    with pytest.raises(Forbidden), works.acting(MAKER) as ctx:
        planning.cost(ctx, CONN)
    with pytest.raises(NotFound), works.acting(BOSS) as ctx:
        planning.explode(ctx, 999, Decimal(1))


def test_d4_the_shortage_its_date_the_jobs_it_hurts_and_what_to_order_when(works: Works) -> None:
    works.stock(1, COPPER="500", SCREW="30000")
    hurt = job(works, "10000")
    run = net(works)
    assert brief(run) == [("COPPER 铜棒", Decimal(2100), Decimal(2075), day(9), day(4), "order")]
    (suggestion,) = run.suggestions
    assert [(p.kind, p.entity, p.id, p.title, p.quantity) for p in suggestion.pegs] == [
        ("demand", "job", hurt, "GD0001", Decimal(2075))
    ]
    assert (suggestion.late_days, suggestion.place, run.unmade) == (0, 1, ())


def test_a_demand_that_is_only_supposed_is_netted_down_to_what_is_bought(works: Works) -> None:
    run = net(works, Demand("offer 7", CONN, Decimal(100), day(10), 1))
    assert brief(run) == [
        ("CONN 接头", Decimal(100), Decimal(100), day(10), day(9), "job"),
        ("COPPER 铜棒", Decimal(100), Decimal("25.75"), day(9), day(4), "order"),
        ("SCREW 螺丝", Decimal(200), Decimal(200), day(9), day(7), "order"),
    ]
    assert [(p.kind, p.title, p.quantity) for p in run.suggestions[1].pegs] == [("extra", "offer 7", Decimal("25.75"))]
    assert run.suggestions[1].above == (0,)


def test_one_click_makes_the_documents_grouped_as_the_plan_says(works: Works) -> None:
    run = net(works, Demand("offer", CONN, Decimal(100), day(10), 1))
    with works.acting(BOSS) as ctx:
        made = planning.commit(ctx, "needs", run.suggestions)
    assert [entity for entity, _ in made] == ["order", "job"]
    order, made_job = works.load("order", made[0][1]), works.load("job", made[1][1])
    assert (order["vendor"], order["expected"], order["place"], order["status"]) == ("Metals", day(9), 1, "draft")
    assert [(line["item"], line["qty"]) for line in order["lines"]] == [(COPPER, 100), (SCREW, 200)]
    assert (made_job["item"], made_job["qty"], made_job["start"], made_job["due"]) == (CONN, 100, day(9), day(10))


def test_suggestions_are_made_only_with_the_right_to_run_the_plan(works: Works) -> None:
    run = net(works, Demand("offer", COPPER, Decimal(100), day(10), 1))
    with pytest.raises(Forbidden):
        net(works, user=ANNA)
    with works.acting(BUYER) as ctx:
        assert len(planning.commit(ctx, "needs", run.suggestions)) == 1
    with pytest.raises(NotFound), works.acting(BOSS) as ctx:
        planning.net(ctx, "nothing")


def test_late_supply_is_shown_with_its_days_and_not_ordered_twice(works: Works) -> None:
    works.stock(1, SCREW="200")
    needed = job(works, "100", start=3)
    lines = [{"item": COPPER, "qty": "25.75"}]
    order = works.new("order", BUYER, vendor="V", place=1, expected=day(8).isoformat(), lines=lines)
    works.take(BUYER, "order", order, "submit")
    run = net(works)
    assert run.suggestions == ()
    (late,) = run.late
    assert (late.title, late.quantity, late.days) == ("COPPER 铜棒", Decimal("25.75"), 5)
    assert (late.need.entity, late.need.id, late.supply.entity, late.supply.id) == ("job", needed, "order", order)


def test_safety_stock_is_kept(works: Works) -> None:
    with works.acting() as ctx:
        records.update(ctx, "thing", BOLT, {"keep": "200"})
    works.stock(1, BOLT="190")
    assert brief(net(works)) == [("BOLT 螺栓", Decimal(10), Decimal(10), TODAY, TODAY, "order")]
    works.stock(1, BOLT="10")
    assert net(works).suggestions == ()


def test_what_is_in_work_covers_what_is_asked_for(works: Works) -> None:
    works.stock(1, COPPER="1000", SCREW="1000")
    job(works, "100", start=1, due=5)
    assert net(works, Demand("offer", CONN, Decimal(100), day(6), 1)).suggestions == ()


def test_what_is_drawn_already_is_not_planned_again(works: Works) -> None:
    works.stock(1, COPPER="25.75", SCREW="200")
    made = job(works, "100")
    (issue,) = works.draw(ANNA, "issue", "job", made)
    works.take(ANNA, "issue", issue, "post")
    assert works.balances("stock", "item") == {}
    assert net(works).suggestions == ()


def test_the_kit_of_a_job_says_how_many_can_be_made_and_what_is_short(works: Works) -> None:
    works.stock(1, COPPER="103", SCREW="5000")
    made = job(works, "1000")
    with works.acting(MAKER) as ctx:
        status = planning.kit(ctx, "job", made)
    assert (status.quantity, status.makeable, status.complete) == (1000, 400, False)
    assert [(s.title, s.open, s.available, s.short) for s in status.short] == [
        ("COPPER 铜棒", Decimal("257.5"), 103, Decimal("154.5"))
    ]
    with pytest.raises(NotFound), works.acting(MAKER) as ctx:
        planning.kit(ctx, "order", 1)


def test_what_was_issued_counts_for_the_kit(works: Works) -> None:
    works.stock(1, COPPER="257.5", SCREW="2000")
    made = job(works, "1000")
    (issue,) = works.draw(ANNA, "issue", "job", made)
    works.take(ANNA, "issue", issue, "post")
    with works.acting(MAKER) as ctx:
        status = planning.kit(ctx, "job", made)
    assert (status.makeable, status.complete, status.short) == (1000, True, ())


def test_an_explosion_takes_few_statements_however_large(works: Works) -> None:
    with works.acting() as ctx:
        tables = ctx.app.tables.entity
        things = [{"id": i, "code": f"T{i}", "name": f"T{i}", "unit": 1, "supply": "make"} for i in range(100, 500)]
        headers = [{"id": i, "code": f"X{i}", "item": i, "base": Decimal(1), "usable": True} for i in range(100, 140)]
        lines = [{"parent": 100 + n // 9, "position": n % 9, "item": 101 + n, "qty": Decimal(1)} for n in range(360)]
        ctx.connection.execute(tables["thing"].insert(), things)
        ctx.connection.execute(tables["formula"].insert(), headers)
        ctx.connection.execute(tables["formula.lines"].insert(), [{**line, "scrap": Decimal(0)} for line in lines])
    seen: list[str] = []
    with works.acting(BOSS) as ctx:
        event.listen(ctx.connection, "before_cursor_execute", lambda *args: seen.append(args[2]))
        tree = planning.explode(ctx, 100, Decimal(1))
    assert len(tree.rows) == 360
    assert len(seen) <= 14
