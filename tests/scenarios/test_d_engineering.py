"""D: a change of what a thing is made of is signed and then made by itself; pieces are paid by the piece."""

from __future__ import annotations

from decimal import Decimal

from runtime.documents import draw
from tests.scenarios.clients import Row, code
from tests.scenarios.works import Works


def released(works: Works, day: str) -> Row:
    """An order for a hundred connectors begun on a day."""
    order: Row = works.api("production").new(
        "work_order", item=code("CONN"), qty="100", warehouse=code("W"), start_date=day, due_date="2026-12-01"
    )
    made: Row = works.api("production").take("work_order", order["id"], "submit")
    return made


def needed(works: Works, day: str) -> dict[str, Decimal]:
    """What such an order takes."""
    return {line["item"]["code"]: Decimal(line["qty"]) for line in released(works, day)["materials"]}


def test_d_a_signed_change_is_the_bill_from_its_day_on(both: Works) -> None:
    works = both
    works.day("2026-02-02")
    worker = works.api("production")
    (bill,) = worker.items("/bom", filter='item.code == "CONN"', fields="id,code")
    head = {"revision": "B", "valid_from": "2026-03-01", "reason": "quality", "description": "三颗螺丝"}
    with works.acting() as ctx:
        (drawn,) = draw(ctx, "engineering_change", "bom", [bill["id"]], changes=head)
    found = worker.read("engineering_change", drawn.id)
    screws = next(line["id"] for line in found["lines"] if line["item"]["code"] == "SCREW")
    lines = [{"id": line["id"]} | ({"qty": "3"} if line["id"] == screws else {}) for line in found["lines"]]
    worker.change("engineering_change", drawn.id, lines=lines)
    worker.take("engineering_change", drawn.id, "submit")
    worker.decide("engineering_change", drawn.id)
    assert [b["code"] for b in worker.items("/bom", filter='item.code == "CONN"')] == [bill["code"]]
    going = {day: released(works, day)["id"] for day in ("2026-02-20", "2026-03-05")}
    works.api("quality").decide("engineering_change", drawn.id)
    bills = worker.items("/bom", filter='item.code == "CONN"', sort="id", fields="revision,valid_from,status")
    assert [(b["revision"], b["valid_from"], b["status"]) for b in bills] == [
        ("A", None, "active"),
        ("B", "2026-03-01", "active"),
    ]
    assert needed(works, "2026-02-20") == {"COPPER": Decimal("25.75"), "SCREW": Decimal(200)}
    assert needed(works, "2026-03-01") == {"COPPER": Decimal("25.75"), "SCREW": Decimal(300)}
    behind = {day: worker.read("work_order", order)["behind"] for day, order in going.items()}
    assert behind == {"2026-02-20": False, "2026-03-05": True}


def test_d_pieces_are_paid_by_the_piece(works: Works) -> None:
    api = works.api()
    works.bought("COPPER", "100", "11")
    steps = [
        {"sequence": 10, "name": "车削", "hours": "1", "piece_price": "0.35"},
        {"sequence": 20, "name": "检验", "hours": "1"},
    ]
    way = api.new("routing", item=code("PART"), lines=steps)
    body = {"qty": "50", "warehouse": code("W"), "due_date": "2026-03-01", "routing": way["id"]}
    order = api.new("work_order", item=code("PART"), **body)
    order = api.take("work_order", order["id"], "submit")
    turning, checking = (row["id"] for row in order["operations"])
    by_piece = api.new("work_report", work_order=order["id"], operation=turning, good="40", scrapped="2", hours="3")
    by_hour = api.new("work_report", work_order=order["id"], operation=checking, good="40", hours="3")
    assert (Decimal(by_piece["labour"]), by_hour["labour"]) == (Decimal("14.00"), None)
