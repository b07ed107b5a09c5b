from datetime import date
from decimal import Decimal

from engine.planning.cost import Prices, roll_up
from engine.planning.kit import KitLine, ShortLine, kit
from engine.planning.structure import Also, Line, Version, structure_of

DAY = date(2026, 3, 2)


def D(text: str | int) -> Decimal:
    return Decimal(text)


DESK = structure_of(
    [
        Version(1, "desk", [Line(1, "top", D(1)), Line(2, "screw", D(8))]),
        Version(2, "top", [Line(3, "board", D("1.5")), Line(4, "glue", D("0.2"))]),
    ]
)


def test_bought_items_cost_their_standard_else_their_average_else_their_last_price():
    prices = {
        "board": Prices(D(20), D(18), D(25)),
        "glue": Prices(None, D(5), D(9)),
        "screw": Prices(None, None, D("0.05")),
    }
    costs = roll_up(DESK, "desk", DAY, prices)
    assert {item: cost.basis for item, cost in costs.items()} == {
        "desk": "structure",
        "top": "structure",
        "screw": "last",
        "board": "standard",
        "glue": "average",
    }
    assert costs["top"].unit_cost == D("31.000000")
    assert costs["desk"].unit_cost == D("31.400000")
    assert [(line.item, line.amount) for line in costs["desk"].lines] == [
        ("top", D("31.000000")),
        ("screw", D("0.400000")),
    ]
    assert [costs[i].level for i in ("desk", "top", "board")] == [0, 1, 2]


def test_an_item_without_any_price_is_named_up_to_the_product():
    costs = roll_up(DESK, "desk", DAY, {"board": Prices(D(20)), "screw": Prices(D(1))})
    assert costs["glue"].unit_cost is None
    assert costs["desk"].missing == ("glue",)
    assert costs["desk"].unit_cost == D("38.000000")


def test_a_price_of_zero_is_a_price():
    costs = roll_up(DESK, "board", DAY, {"board": Prices(D(0), D(9))})
    assert (costs["board"].unit_cost, costs["board"].basis) == (D(0), "standard")


def test_by_products_carry_their_share_of_the_cost():
    structure = structure_of(
        [Version(1, "flour", [Line(1, "grain", D("1.25"))], also=[Also("bran", D("0.25"), D("0.1"))])]
    )
    cost = roll_up(structure, "flour", DAY, {"grain": Prices(D(2))})["flour"]
    assert cost.unit_cost == D("2.250000")
    assert cost.given_away == D("0.1")


def test_a_bought_item_with_a_structure_costs_its_price():
    costs = roll_up(DESK, "desk", DAY, {"top": Prices(D(50)), "screw": Prices(D(0))}, makes=lambda i: i != "top")
    assert costs["desk"].unit_cost == D("50.000000")
    assert "board" not in costs


def test_the_scarcest_item_decides_how_many_can_be_made():
    lines = [KitLine(1, "copper", D(250), D(250)), KitLine(2, "screw", D(2000), D(2000))]
    result = kit(D(1000), lines, {"copper": D(100), "screw": D(5000)})
    assert result.makeable == D(400)
    assert not result.complete
    assert result.short == (ShortLine(1, "copper", D(250), D(100), D(150)),)


def test_what_was_issued_counts_for_the_kit():
    lines = [KitLine(1, "copper", D(250), D(50)), KitLine(2, "screw", D(2000), D(0))]
    result = kit(D(1000), lines, {"copper": D(50)})
    assert result.makeable == D(1000)
    assert result.complete
    assert result.short == ()


def test_lines_of_one_item_share_what_is_there_earlier_lines_first():
    lines = [KitLine(1, "screw", D(60), D(60)), KitLine(2, "screw", D(60), D(60))]
    result = kit(D(10), lines, {"screw": D(100)})
    assert result.short == (ShortLine(2, "screw", D(60), D(40), D(20)),)
    assert result.makeable == D(8)


def test_nothing_there_makes_nothing_and_negative_stock_is_nothing():
    result = kit(D(10), [KitLine(1, "screw", D(20), D(20))], {"screw": D(-5)})
    assert result.makeable == D(0)
    assert result.short == (ShortLine(1, "screw", D(20), D(0), D(20)),)


def test_an_order_without_components_is_complete():
    assert kit(D(7), [], {}).makeable == D(7)
