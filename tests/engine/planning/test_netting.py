from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from engine.planning.netting import Plan, Problem, net
from engine.planning.structure import Line, StructureCycle, Version, structure_of
from engine.planning.supply import Demand, Rule, Supply

TODAY = date(2026, 3, 2)


def D(text: str | int) -> Decimal:
    return Decimal(text)


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


CONNECTOR = structure_of(
    [
        Version(
            1,
            "connector",
            [Line(11, "copper", D("0.25") * D("1.03")), Line(12, "screw", D(2), step=D(1))],
        )
    ]
)
NONE = structure_of([])


def plan(demands=(), supplies=(), rules=None, structure=NONE, horizon_days=90) -> Plan:
    return net(
        Problem(
            today=TODAY,
            demands=demands,
            supplies=supplies,
            rules=rules or {},
            structure=structure,
            horizon_days=horizon_days,
        )
    )


def brief(result: Plan) -> list[tuple[object, ...]]:
    return [(o.item, o.quantity, (o.need_date - TODAY).days, (o.order_date - TODAY).days) for o in result.orders]


def test_d4_copper_is_2075_kg_short_rounded_to_its_pack_with_an_order_by_date():
    result = plan(
        [Demand("SO-1", "connector", D(10_000), day(10))],
        [Supply("w", "copper", D(500)), Supply("w", "screw", D(30_000))],
        {"connector": Rule(made=True, lead_days=1), "copper": Rule(multiple=D(100), lead_days=5)},
        CONNECTOR,
    )
    made, copper = result.orders
    assert (made.item, made.quantity, made.need_date, made.order_date) == ("connector", D(10_000), day(10), day(9))
    assert (copper.short, copper.quantity) == (D(2075), D(2100))
    assert (copper.need_date, copper.order_date, copper.late_days) == (day(9), day(4), 0)
    assert [(r.need.id, r.quantity) for r in copper.roots] == [("SO-1", D("2075.000000"))]
    assert sum(p.quantity for p in result.pegs if p.need.item == "copper") == D(2575)


def test_each_planned_order_is_pegged_down_to_the_customer_orders():
    structure = structure_of(
        [Version(1, "bike", [Line(1, "wheel", D(2))]), Version(2, "wheel", [Line(2, "spoke", D(10))])]
    )
    result = plan(
        [Demand("A", "bike", D(3), day(20)), Demand("B", "bike", D(1), day(20)), Demand("C", "wheel", D(2), day(30))],
        (),
        {"bike": Rule(made=True, lead_days=2), "wheel": Rule(made=True, lead_days=3), "spoke": Rule(lead_days=4)},
        structure,
    )
    assert brief(result) == [
        ("bike", D(4), 20, 18),
        ("wheel", D(8), 18, 15),
        ("wheel", D(2), 30, 27),
        ("spoke", D(80), 15, 11),
        ("spoke", D(20), 27, 23),
    ]
    assert [(r.need.id, r.quantity) for r in result.orders[3].roots] == [("A", D(60)), ("B", D(20))]
    assert [(r.need.id, r.quantity) for r in result.orders[4].roots] == [("C", D(20))]


def test_supply_that_comes_late_is_pegged_and_shown_late_and_not_ordered_again():
    result = plan([Demand("SO-1", "x", D(100), day(10))], [Supply("PO-1", "x", D(100), day(15))])
    assert result.orders == ()
    (peg,) = result.pegs
    assert (peg.kind, peg.supply, peg.quantity, peg.late_days) == ("ordered", "PO-1", D(100), 5)
    assert result.late() == (peg,)


def test_safety_stock_is_topped_up_also_when_supply_is_late():
    result = plan(
        [Demand("SO-1", "x", D(100), day(10))], [Supply("PO-1", "x", D(100), day(15))], {"x": Rule(keep=D(20))}
    )
    assert brief(result) == [("x", D(20), 10, 10)]
    (peg,) = result.orders[0].pegs
    assert (peg.need.kind, peg.quantity) == ("keep", D(20))
    assert [p.late_days for p in result.pegs] == [5]


def test_supply_that_was_due_before_today_can_be_there_today_at_the_earliest():
    result = plan([Demand("SO-1", "x", D(1), day(-3))], [Supply("PO-1", "x", D(1), day(-5))])
    assert [p.late_days for p in result.pegs] == [3]


def test_stock_on_hand_is_used_first_then_the_earliest_supply():
    result = plan(
        [Demand("A", "x", D(10), day(1)), Demand("B", "x", D(10), day(5))],
        [Supply("PO-2", "x", D(10), day(4)), Supply("PO-1", "x", D(4), day(1)), Supply("w", "x", D(6))],
    )
    assert [(p.need.id, p.supply, p.quantity) for p in result.pegs] == [
        ("A", "w", D(6)),
        ("A", "PO-1", D(4)),
        ("B", "PO-2", D(10)),
    ]


def test_the_earlier_need_is_served_first():
    result = plan([Demand("late", "x", D(10), day(9)), Demand("soon", "x", D(10), day(2))], [Supply("w", "x", D(10))])
    assert [(p.need.id, p.kind) for p in result.pegs] == [("soon", "on_hand"), ("late", "planned")]


def test_safety_stock_below_the_line_today_is_ordered_today():
    result = plan((), [Supply("w", "x", D(190))], {"x": Rule(keep=D(200), lead_days=3)})
    (order,) = result.orders
    assert (order.short, order.need_date, order.order_date, order.late_days) == (D(10), day(0), day(-3), 3)


def test_safety_stock_may_serve_a_need_and_is_filled_up_for_that_day():
    result = plan([Demand("A", "x", D(50), day(5))], [Supply("w", "x", D(60))], {"x": Rule(keep=D(40))})
    assert brief(result) == [("x", D(30), 5, 5)]
    assert [(p.kind, p.late_days) for p in result.pegs] == [("on_hand", 0)]


def test_minimum_comes_before_multiple():
    rules = {"x": Rule(minimum=D(30), multiple=D(25))}
    assert plan([Demand("A", "x", D(10), day(5))], rules=rules).orders[0].quantity == D(50)
    assert plan([Demand("A", "x", D(60), day(5))], rules=rules).orders[0].quantity == D(75)


def test_what_a_lot_leaves_over_serves_the_next_need():
    result = plan([Demand("A", "x", D(10), day(1)), Demand("B", "x", D(10), day(9))], rules={"x": Rule(multiple=D(25))})
    (order,) = result.orders
    assert [(p.need.id, p.quantity) for p in order.pegs] == [("A", D(10)), ("B", D(10))]
    assert order.short == D(10)


def test_needs_of_one_day_share_one_order():
    result = plan([Demand("A", "x", D(10), day(3)), Demand("B", "x", D(5), day(3))])
    assert brief(result) == [("x", D(15), 3, 3)]


def test_needs_within_the_group_days_share_one_order():
    demands = [Demand(n, "x", D(10), day(n)) for n in (1, 7, 8)]
    result = plan(demands, rules={"x": Rule(group_days=7)})
    assert brief(result) == [("x", D(20), 1, 1), ("x", D(10), 8, 8)]


def test_an_order_point_fills_up_to_the_target_on_the_first_day_below_it():
    result = plan(
        [Demand("A", "x", D(40), day(4)), Demand("B", "x", D(40), day(6)), Demand("C", "x", D(10), day(7))],
        [Supply("w", "x", D(150))],
        {"x": Rule(order_point=D(100), target=D(200), lead_days=2)},
    )
    assert brief(result) == [("x", D(130), 6, 4)]


def test_an_order_point_without_a_target_orders_one_lot_a_day():
    result = plan((), [Supply("w", "x", D(40))], {"x": Rule(order_point=D(100), multiple=D(50))})
    assert brief(result) == [("x", D(50), 0, 0), ("x", D(50), 1, 1)]


def test_an_order_point_without_target_or_lot_fills_up_to_itself():
    assert brief(plan((), (), {"x": Rule(order_point=D(7))})) == [("x", D(7), 0, 0)]


def test_a_suggestion_that_stands_counts_as_supply():
    result = plan((), [Supply("w", "x", D(40)), Supply("draft", "x", D(60), day(20))], {"x": Rule(order_point=D(100))})
    assert result.orders == ()


def test_what_was_due_before_today_is_planned_for_its_day_and_marked_late():
    result = plan([Demand("A", "x", D(5), day(-4))], rules={"x": Rule(lead_days=2)})
    (order,) = result.orders
    assert (order.need_date, order.order_date, order.late_days) == (day(-4), day(-6), 6)
    assert result.pegs[0].late_days == 6


def test_a_lead_time_longer_than_what_is_left_marks_the_order_late():
    result = plan([Demand("A", "x", D(5), day(10))], rules={"x": Rule(lead_days=12)})
    assert (result.orders[0].order_date, result.orders[0].late_days) == (day(-2), 2)
    assert result.pegs[0].late_days == 2


def test_demands_beyond_the_horizon_wait():
    demands = [Demand("in", "x", D(1), day(30)), Demand("out", "x", D(1), day(31))]
    assert [o.need_date for o in plan(demands, horizon_days=30).orders] == [day(30)]


def test_what_is_passed_through_is_never_planned():
    structure = structure_of(
        [
            Version(1, "lamp", [Line(1, "frame", D(2), through=True)]),
            Version(2, "frame", [Line(2, "tube", D(3))]),
        ]
    )
    rules = {"lamp": Rule(made=True), "frame": Rule(through=True)}
    result = plan([Demand("A", "lamp", D(1), day(5)), Demand("B", "frame", D(1), day(6))], (), rules, structure)
    assert brief(result) == [("lamp", D(1), 5, 5), ("tube", D(6), 5, 5), ("tube", D(3), 6, 6)]
    assert result.orders[2].roots[0].need.id == "B"


def test_an_item_is_netted_after_everything_that_uses_it():
    structure = structure_of(
        [Version(1, "a", [Line(1, "b", D(1)), Line(2, "c", D(1))]), Version(2, "b", [Line(3, "c", D(1))])]
    )
    result = plan([Demand("A", "a", D(1), day(5))], (), {"a": Rule(made=True), "b": Rule(made=True)}, structure)
    assert brief(result) == [("a", D(1), 5, 5), ("b", D(1), 5, 5), ("c", D(2), 5, 5)]


def test_a_made_item_without_a_valid_version_is_named():
    structure = structure_of([Version(1, "a", [Line(1, "b", D(1))], day(50), None)])
    result = plan([Demand("A", "a", D(1), day(5))], (), {"a": Rule(made=True)}, structure)
    assert result.unmade == (0,)
    assert len(result.orders) == 1


def test_the_place_of_the_first_need_goes_with_the_order_and_down_the_structure():
    result = plan([Demand("A", "connector", D(1), day(5), "north")], (), {"connector": Rule(made=True)}, CONNECTOR)
    assert [o.place for o in result.orders] == ["north", "north", "north"]


def test_a_cycle_is_refused_with_its_path():
    structure = structure_of([Version(1, "a", [Line(1, "b", D(1))]), Version(2, "b", [Line(2, "a", D(1))])])
    with pytest.raises(StructureCycle) as refused:
        plan([Demand("A", "a", D(1), day(5))], (), {}, structure)
    assert refused.value.path == ("a", "b", "a")


def test_every_need_is_covered_exactly_once():
    demands = [Demand(n, "x", D(n % 7 + 1), day(n % 13 - 3)) for n in range(60)]
    supplies = [Supply(n, "x", D(n + 2), day(n)) for n in range(9)]
    result = plan(demands, supplies, {"x": Rule(keep=D(12), multiple=D(8), group_days=3)})
    covered: dict[object, Decimal] = {}
    for peg in result.pegs:
        covered[peg.need.id] = covered.get(peg.need.id, D(0)) + peg.quantity
    assert covered == {d.id: d.quantity for d in demands}
    for order in result.orders:
        assert order.quantity % 8 == 0
        assert sum(p.quantity for p in order.pegs) <= order.quantity


def test_where_places_are_netted_apart_each_is_covered_by_its_own():
    demands = [
        Demand("a", "screw", D(10), day(1), "north"),
        Demand("b", "screw", D(10), day(2), "south"),
        Demand("c", "screw", D(4), day(3)),
    ]
    supplies = [
        Supply("here", "screw", D(25), None, "north"),
        Supply("there", "screw", D(4), None, "south"),
        Supply("far", "screw", D(3), None, "west"),
    ]
    apart = Problem(today=TODAY, demands=demands, supplies=supplies, rules={}, structure=NONE, per_place=True)
    result = net(apart)
    assert [(o.place, o.quantity) for o in result.orders] == [("south", D(6))]
    assert [(p.need.id, p.supply, p.quantity) for p in result.pegs] == [
        ("a", "here", D(10)),
        ("b", "there", D(4)),
        ("b", 0, D(6)),
        ("c", "here", D(4)),
    ]
    assert net(replace(apart, per_place=False)).orders == ()


def test_the_stock_to_keep_is_looked_at_over_what_the_places_leave():
    demands = [Demand("a", "screw", D(10), day(1), "north"), Demand("b", "screw", D(10), day(1), "south")]
    supplies = [Supply("here", "screw", D(18), None, "north")]
    rules = {"screw": Rule(keep=D(12))}
    problem = Problem(today=TODAY, demands=demands, supplies=supplies, rules=rules, structure=NONE, per_place=True)
    orders = net(problem).orders
    assert [(o.place, o.quantity, o.id) for o in orders] == [("south", D(10), 0), (None, D(4), 1)]
