from datetime import date
from decimal import Decimal

import pytest

from engine.planning.explosion import explode, where_used
from engine.planning.structure import (
    Line,
    LossOnPieces,
    StructureCycle,
    Version,
    check_losses,
    components,
    edges_of,
    low_levels,
    structure_of,
    whole_step,
)

DAY = date(2026, 3, 2)
PIECES = Decimal(1)


def D(text: str | int) -> Decimal:
    return Decimal(text)


CONNECTOR = structure_of(
    [
        Version(
            1,
            "connector",
            [
                Line(11, "copper", D("0.25") * D("1.03"), loss=D("0.03")),
                Line(12, "screw", D(2), step=PIECES),
            ],
        )
    ]
)


def test_d4_ten_thousand_connectors_need_2575_kg_of_copper_and_20000_screws():
    explosion = explode(CONNECTOR, "connector", D(10_000), DAY)
    assert explosion.totals == {"copper": D(2575), "screw": D(20_000)}


def test_whole_pieces_are_rounded_up_per_line_of_the_explosion():
    structure = structure_of(
        [
            Version(1, "box", [Line(1, "lid", D(1)), Line(2, "base", D(1))]),
            Version(2, "lid", [Line(3, "sheet", D("0.3"), step=PIECES)]),
            Version(3, "base", [Line(4, "sheet", D("0.3"), step=PIECES)]),
        ]
    )
    explosion = explode(structure, "box", D(1), DAY)
    assert [(r.level, r.above, r.item, r.quantity) for r in explosion.rows] == [
        (1, -1, "lid", D(1)),
        (2, 0, "sheet", D(1)),
        (1, -1, "base", D(1)),
        (2, 2, "sheet", D(1)),
    ]
    assert explosion.totals["sheet"] == D(2)
    assert explosion.bought == {"sheet": D(2)}


def test_measured_units_keep_six_decimals():
    structure = structure_of([Version(1, "a", [Line(1, "b", D("0.3333333"))])])
    assert explode(structure, "a", D(1), DAY).totals == {"b": D("0.333333")}


def test_a_loss_percentage_on_whole_pieces_is_refused():
    wrong = Line(7, "screw", D("2.06"), step=PIECES, loss=D("0.03"))
    with pytest.raises(LossOnPieces) as refused:
        check_losses([Version(1, "connector", [wrong])])
    assert refused.value.line.id == 7


def test_a_loss_percentage_on_a_measured_unit_is_accepted():
    check_losses(CONNECTOR.versions["connector"])


def test_fixed_quantities_are_added_once_an_order():
    structure = structure_of([Version(1, "a", [Line(1, "b", D("0.5"), fixed=D(3))])])
    assert explode(structure, "a", D(10), DAY).totals == {"b": D(8)}


def test_the_version_valid_that_day_is_taken_both_ends_included():
    old = Version(1, "a", [Line(1, "x", D(1))], date(2026, 1, 1), date(2026, 1, 31))
    new = Version(2, "a", [Line(2, "y", D(1))], date(2026, 2, 1), None)
    structure = structure_of([new, old])
    assert explode(structure, "a", D(1), date(2026, 1, 31)).totals == {"x": D(1)}
    assert explode(structure, "a", D(1), date(2026, 2, 1)).totals == {"y": D(1)}
    before = explode(structure, "a", D(1), date(2025, 12, 31))
    assert before.totals == {}
    assert before.expired


def test_of_two_valid_versions_the_one_that_began_last_counts_then_the_newer():
    first = Version(1, "a", [Line(1, "x", D(1))])
    second = Version(2, "a", [Line(2, "y", D(1))], date(2026, 1, 1))
    third = Version(3, "a", [Line(3, "z", D(1))], date(2026, 1, 1))
    version = structure_of([third, first, second]).at("a", DAY)
    assert version is not None
    assert version.id == 3


def test_what_is_passed_through_is_replaced_by_its_components_and_never_stocked():
    structure = structure_of(
        [
            Version(1, "lamp", [Line(1, "frame", D(2), through=True), Line(2, "bulb", D(1))]),
            Version(2, "frame", [Line(3, "tube", D("1.5"))]),
        ]
    )
    parts = components(structure, "lamp", D(4), DAY)
    assert [(p.line.item, p.quantity, p.path) for p in parts] == [("tube", D(12), (1,)), ("bulb", D(4), ())]
    assert explode(structure, "lamp", D(4), DAY).totals == {"tube": D(12), "bulb": D(4)}


def test_components_are_one_level_deep():
    structure = structure_of(
        [Version(1, "a", [Line(1, "b", D(1))]), Version(2, "b", [Line(2, "c", D(1))])],
    )
    assert [p.line.item for p in components(structure, "a", D(1), DAY)] == ["b"]


def test_what_is_bought_is_not_opened():
    structure = structure_of(
        [Version(1, "a", [Line(1, "b", D(1))]), Version(2, "b", [Line(2, "c", D(1))])],
    )
    assert explode(structure, "a", D(1), DAY, makes=lambda item: item != "b").bought == {"b": D(1)}


def test_alternates_are_listed_with_the_line():
    structure = structure_of([Version(1, "a", [Line(1, "b", D(1), instead=("b2", "b3"))])])
    assert explode(structure, "a", D(1), DAY).rows[0].line.instead == ("b2", "b3")


def test_low_levels_put_an_item_below_all_that_use_it():
    levels = low_levels({"a": ["b", "c"], "b": ["c"], "c": ["d"]})
    assert levels == {"a": 0, "b": 1, "c": 2, "d": 3}


def test_a_cycle_is_reported_as_the_way_round():
    with pytest.raises(StructureCycle) as refused:
        low_levels({"start": ["a"], "a": ["b", "leaf"], "b": ["c"], "c": ["a", "after"], "after": ["end"]})
    assert refused.value.path == ("a", "b", "c", "a")


def test_an_item_made_of_itself_is_a_cycle():
    with pytest.raises(StructureCycle) as refused:
        low_levels({"a": ["a"]})
    assert refused.value.path == ("a", "a")


def test_explosion_and_where_used_refuse_a_cycle():
    structure = structure_of([Version(1, "a", [Line(1, "b", D(1))]), Version(2, "b", [Line(2, "a", D(1))])])
    with pytest.raises(StructureCycle) as down:
        explode(structure, "a", D(1), DAY)
    assert down.value.path == ("a", "b", "a")
    with pytest.raises(StructureCycle) as up:
        where_used(structure, "b", DAY)
    assert up.value.path == ("b", "a", "b")


def test_edges_hold_all_versions_so_that_a_cycle_is_found_whatever_the_day():
    early = Version(1, "a", [Line(1, "b", D(1))], None, date(2026, 1, 1))
    late = Version(2, "b", [Line(2, "a", D(1))], date(2026, 6, 1), None)
    with pytest.raises(StructureCycle):
        low_levels(edges_of(structure_of([early, late])))


def test_where_used_climbs_with_the_quantity_per_product():
    structure = structure_of(
        [
            Version(1, "car", [Line(1, "wheel", D(4))]),
            Version(2, "wheel", [Line(2, "bolt", D(5))]),
            Version(3, "door", [Line(3, "bolt", D(6))]),
        ]
    )
    assert [(u.level, u.above, u.product, u.per) for u in where_used(structure, "bolt", DAY)] == [
        (1, -1, "wheel", D(5)),
        (2, 0, "car", D(20)),
        (1, -1, "door", D(6)),
    ]


def test_where_used_without_a_day_looks_at_all_versions():
    old = Version(1, "a", [Line(1, "x", D(1))], None, date(2025, 1, 1))
    structure = structure_of([old])
    assert where_used(structure, "x", DAY) == ()
    assert [u.product for u in where_used(structure, "x")] == ["a"]


def test_only_units_with_a_whole_step_are_rounded_to_it():
    assert whole_step(D(1)) == D(1)
    assert whole_step(D(12)) == D(12)
    assert whole_step(D("0.001")) is None
    assert whole_step(D("1.5")) is None
    assert whole_step(None) is None
