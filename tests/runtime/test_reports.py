"""Reports: grouped figures, totals of shares, pivots, buckets, filters, charts, and what the reader may not see."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from runtime import records, reports, workflow
from runtime.context import User
from runtime.database import Database
from runtime.errors import Forbidden, Malformed, NotFound
from runtime.report_axes import Bucket
from tests.runtime.works import ANNA, BOSS, BUYER, CHIEF, MAKER, NOON, Works, open_works

BOLT, COPPER, SCREW = 1, 2, 3


@pytest.fixture
def works(database: Database) -> Works:
    return open_works(database)


def run(works: Works, id: str, user: User = BOSS, days: int = 0, **asked: Any) -> reports.Result:
    with works.acting(user, moment=NOON + timedelta(days=days)) as ctx:
        return reports.run(ctx, id, reports.Asked(**asked))


def approved(works: Works, *lines: tuple[int, str, str], place: int = 1, expected: str = "2026-03-09") -> int:
    rows = [{"item": item, "qty": qty, "price": price} for item, qty, price in lines]
    made = works.new("order", BUYER, vendor="V", place=place, expected=expected, lines=rows)
    works.take(BUYER, "order", made, "submit")
    return made


def told(result: reports.Result, *measures: str) -> list[tuple[Any, ...]]:
    return [(line.level, line.titles, *(line.cells[()][m] for m in measures)) for line in result.lines]


def test_groups_come_with_a_total_before_what_it_adds_up(works: Works) -> None:
    works.stock(1, BOLT="100", SCREW="50")
    works.stock(2, BOLT="30")
    result = run(works, "stock")
    assert told(result, "qty", "value") == [
        (0, (), 180, 1800),
        (1, ("Buy",), 180, 1800),
        (2, ("Buy", "BOLT 螺栓"), 130, 1300),
        (2, ("Buy", "SCREW 螺丝"), 50, 500),
    ]
    assert [axis.label for axis in result.axes] == ["Supply", "Thing"]
    assert [(m.id, m.label, m.kind) for m in result.measures] == [
        ("qty", "Quantity", "quantity"),
        ("value", "Value", "money"),
    ]


def test_a_pivot_has_a_column_a_value_and_totals_of_both(works: Works) -> None:
    works.stock(1, BOLT="100", SCREW="50")
    works.stock(2, BOLT="30")
    result = run(works, "stock")
    assert [(c.key, c.title, c.drill) for c in result.columns] == [
        ((1,), "N 北", (("place", 1),)),
        ((2,), "S 南", (("place", 2),)),
    ]
    bolts = result.lines[2]
    assert {key: cell["qty"] for key, cell in bolts.cells.items()} == {(): 130, (1,): 100, (2,): 30}
    assert {key: cell["qty"] for key, cell in result.lines[0].cells.items()} == {(): 180, (1,): 150, (2,): 30}


def test_each_cell_leads_to_what_is_behind_it(works: Works) -> None:
    works.stock(1, BOLT="100")
    assert [line.drill for line in run(works, "stock").lines] == [
        (),
        (("item.supply", "buy"),),
        (("item.supply", "buy"), ("item", BOLT)),
    ]


def test_the_chart_takes_the_axis_it_names(works: Works) -> None:
    works.stock(1, BOLT="100")
    assert run(works, "stock").chart == {
        "type": "bar",
        "x": ["Buy"],
        "series": [{"id": "value", "label": "Value", "data": [Decimal(1000)]}],
    }


def test_totals_of_shares_and_averages_are_those_of_everything(works: Works) -> None:
    made = approved(works, (BOLT, "100", "1"), (BOLT, "50", "1"), (SCREW, "850", "0.1"))
    line = works.load("order", made)["lines"][0]["id"]
    rows = [{"item": BOLT, "qty": "30", "source_line": line}]
    works.take(ANNA, "receipt", works.new("receipt", ANNA, place=1, lines=rows), "post")
    assert told(run(works, "orders"), "lines", "qty", "mean", "share") == [
        (0, (), 3, 1000, Decimal("333.3333333333"), Decimal("0.03")),
        (1, ("SCREW 螺丝",), 1, 850, 850, 0),
        (1, ("BOLT 螺栓",), 2, 150, 75, Decimal("0.2")),
    ]


def test_filters_narrow_the_rows(works: Works) -> None:
    approved(works, (BOLT, "100", "1"))
    approved(works, (BOLT, "7", "1"), (SCREW, "5", "1"), place=2)
    assert told(run(works, "orders", filters={"parent.place": [2]}), "qty") == [
        (0, (), 12),
        (1, ("BOLT 螺栓",), 7),
        (1, ("SCREW 螺丝",), 5),
    ]
    assert told(run(works, "orders", filters={"item": [SCREW]}), "qty") == [(0, (), 5), (1, ("SCREW 螺丝",), 5)]
    with pytest.raises(Malformed):
        run(works, "orders", filters={"price": [1]})


def test_s3_buckets_part_by_age_with_their_edges(works: Works) -> None:
    for expected, price in (("2026-03-05", "3"), ("2026-03-02", "4"), ("2026-03-01", "5"), ("2026-01-31", "6")):
        approved(works, (BOLT, "1", price), expected=expected)
    approved(works, (BOLT, "1", "7"), expected="2025-12-01")
    result = run(works, "age")
    assert [c.title for c in result.columns] == ["≤ 0", "1–30", "31–60", "> 60"]
    total = result.lines[0].cells
    keys = [c.key for c in result.columns]
    assert [total.get(key, {}).get("total") for key in keys] == [7, 11, None, 7]
    assert total[()]["total"] == 25
    assert keys[1] == (Bucket(Decimal(0), Decimal(30)),)


def test_opening_in_out_and_closing_of_a_period(works: Works) -> None:
    works.stock(1, BOLT="100", SCREW="10")
    with works.acting(BOSS, moment=NOON + timedelta(days=31)) as ctx:
        lines = [{"item": BOLT, "qty": "20", "price": "10"}]
        receipt = records.create(ctx, "receipt", {"place": 1, "lines": lines, "date": "2026-04-02"}).id
        workflow.take(ctx, "receipt", receipt, "post")
    result = run(works, "flow", days=31)
    assert told(result, "opening", "came", "went", "closing") == [
        (0, (), 110, 20, 0, 130),
        (1, ("BOLT 螺栓",), 100, 20, 0, 120),
        (1, ("SCREW 螺丝",), 10, 0, 0, 10),
    ]
    assert told(run(works, "flow", days=31, period="last_month"), "opening", "came")[0] == (0, (), 0, 110)


def test_a_secret_measure_is_not_there(works: Works) -> None:
    approved(works, (BOLT, "10", "3"))
    assert [m.id for m in run(works, "orders", BUYER).measures] == ["lines", "qty", "mean", "got", "share", "money"]
    shown = run(works, "orders", ANNA)
    assert [m.id for m in shown.measures] == ["lines", "qty", "mean", "got", "share"]
    assert "money" not in shown.lines[0].cells[()]


def test_a_report_of_what_one_may_not_read_is_refused(works: Works) -> None:
    with pytest.raises(Forbidden):
        run(works, "orders", MAKER)
    with pytest.raises(Forbidden):
        run(works, "stock", CHIEF)
    with pytest.raises(NotFound):
        run(works, "nothing")


def test_a_report_without_anything_has_a_total_of_nothing(works: Works) -> None:
    assert told(run(works, "orders"), "lines", "qty", "share") == [(0, (), 0, 0, None)]


def test_d8_the_rows_of_a_plan_are_grouped_like_others(works: Works) -> None:
    job = works.new("job", MAKER, item=4, qty="100", place=1, start="2026-03-05", due="2026-03-06")
    works.take(MAKER, "job", job, "release")
    assert told(run(works, "short"), "rows", "short") == [
        (0, (), 2, Decimal("225.75")),
        (1, ("Metals",), 2, Decimal("225.75")),
        (2, ("Metals", "COPPER 铜棒"), 1, Decimal("25.75")),
        (3, ("Metals", "COPPER 铜棒", "2026-03-05"), 1, Decimal("25.75")),
        (2, ("Metals", "SCREW 螺丝"), 1, 200),
        (3, ("Metals", "SCREW 螺丝", "2026-03-05"), 1, 200),
    ]
    with pytest.raises(Forbidden):
        run(works, "short", ANNA)
