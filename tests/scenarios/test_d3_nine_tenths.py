"""D3: finished goods reach nine tenths of the order: sales is told to arrange the delivery, once."""

from __future__ import annotations

from decimal import Decimal

from tests.scenarios.clients import code
from tests.scenarios.rules_told import come_in, told
from tests.scenarios.works import Works


def ordered(works: Works, *lines: tuple[str, str]) -> tuple[int, list[int]]:
    """A sales order and a running work order for each of its lines."""
    sales, production = works.api("sales"), works.api("production")
    rows = [{"item": code(item), "qty": qty, "price": "20"} for item, qty in lines]
    values = {"partner": code("C"), "warehouse": code("W"), "due_date": "2026-02-02", "lines": rows}
    order = sales.take("sales_order", sales.new("sales_order", **values)["id"], "submit")
    jobs = []
    for line, (_, qty) in zip(order["lines"], lines, strict=True):
        dates = {"start_date": "2026-01-12", "due_date": "2026-01-20"}
        job = production.new("work_order", source_line=line["id"], qty=qty, **dates)
        production.take("work_order", job["id"], "submit")
        production.take("work_order", job["id"], "start")
        jobs.append(job["id"])
    return order["id"], jobs


def made(works: Works, job: int, item: str, qty: str) -> int:
    """Finished goods of a job, by program."""
    keeper = works.api("keeper")
    values = {"work_order": {"id": job}, "warehouse": code("W"), "lines": [{"item": code(item), "qty": qty}]}
    return int(keeper.take("production_receipt", keeper.new("production_receipt", **values)["id"], "post")["id"])


def made_on_a_page(works: Works, job: int, item: str, qty: str) -> None:
    keeper = works.web("keeper")
    values = {"work_order": job, "warehouse": code("W"), "lines": [{"item": code(item), "qty": qty}]}
    keeper.new("production_receipt", "post", **values)


def made_from_a_file(works: Works, job: int, item: str, qty: str) -> None:
    number = works.scalar("select code from work_order where id = :id", id=job)
    row = {"work_order": str(number), "warehouse": "W", "lines.item": item, "lines.qty": qty}
    come_in(works, "production_receipt", [row], "post")


def said(works: Works) -> list[str]:
    return [who for who, _ in told(works, "rule:ready_to_deliver", "inbox")]


def test_d3_finished_goods_reach_90_percent_once(both: Works) -> None:
    works = both
    order, (job,) = ordered(works, ("CONN", "1000"))
    made(works, job, "CONN", "500")
    made(works, job, "CONN", "399")
    assert said(works) == []
    last = made(works, job, "CONN", "1")
    assert said(works) == ["sales"]
    number = works.api().read("sales_order", order)["code"]
    assert told(works, "rule:ready_to_deliver", "inbox")[0][1].startswith(f"远东电器 的 {number} 已完工 90 %")
    made(works, job, "CONN", "50")
    works.api("manager").take("production_receipt", last, "cancel", note="数错了")
    made(works, job, "CONN", "1")
    assert said(works) == ["sales"]


def test_d3_the_crossing_is_seen_on_the_page_and_from_a_file_alike(works: Works) -> None:
    _, (one, two) = ordered(works, ("CONN", "10"), ("PART", "10"))
    made_on_a_page(works, one, "CONN", "10")
    assert said(works) == []
    made_from_a_file(works, two, "PART", "8")
    assert said(works) == ["sales"]


def test_d3_over_several_lines_what_is_made_too_much_counts_for_no_other_line(works: Works) -> None:
    order, (one, two) = ordered(works, ("CONN", "100"), ("PART", "100"))
    made(works, one, "CONN", "105")
    assert Decimal(works.api().read("sales_order", order)["made_ratio"]) == Decimal("0.5")
    made(works, two, "PART", "79")
    assert said(works) == []
    made(works, two, "PART", "1")
    assert said(works) == ["sales"]
