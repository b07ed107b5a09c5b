"""D5: no issue without a work order, none above its bill of materials without an approval, and what comes back."""

from __future__ import annotations

from decimal import Decimal

from tests.scenarios.clients import Row, code
from tests.scenarios.works import Works


def started(works: Works, item: str = "PART", qty: str = "100") -> Row:
    production = works.api("production")
    job = production.new(
        "work_order", item=code(item), qty=qty, warehouse=code("W"), start_date="2026-01-05", due_date="2026-01-09"
    )
    production.take("work_order", job["id"], "submit")
    return production.take("work_order", job["id"], "start")


def issue(works: Works, job: Row, qty: str, **more: object) -> Row:
    lines = [{"source_line": job["materials"][0]["id"], "qty": qty}]
    return works.api("keeper").new("material_issue", work_order={"id": job["id"]}, lines=lines, **more)


def test_d5_no_issue_without_a_work_order(both: Works) -> None:
    both.bought("COPPER", "200", "11")
    before = both.row_counts()
    body = {"warehouse": code("W"), "lines": [{"item": code("COPPER"), "qty": "1"}]}
    faults = both.api("keeper").refused(422, "POST", "/material_issue", body)
    assert [(f["field"], f["code"]) for f in faults] == [("work_order", "required")]
    assert both.row_counts() == before


def test_d5_no_issue_without_a_work_order_on_the_page(works: Works) -> None:
    works.bought("COPPER", "200", "11")
    keeper = works.web("keeper")
    before = works.row_counts()
    page = keeper.open("/e/material_issue/new")
    answer = keeper.try_press(page, warehouse=code("W"), lines=[{"item": code("COPPER"), "qty": "1"}])
    assert answer.status_code == 422
    assert "工单" in answer.get_data(as_text=True)
    assert works.row_counts() == before


def test_d5_up_to_the_bill_of_materials_it_goes_through_above_it_needs_a_reason_and_an_approval(both: Works) -> None:
    both.bought("COPPER", "200", "11")
    job = started(both)
    keeper = both.api("keeper")
    first = issue(both, job, "100")
    assert keeper.take("material_issue", first["id"], "post")["status"] == "posted"
    before = both.row_counts()
    body = {"work_order": {"id": job["id"]}, "lines": [{"source_line": job["materials"][0]["id"], "qty": "4"}]}
    faults = keeper.refused(422, "POST", "/material_issue", body)  # no reason
    assert [f["field"] for f in faults] == ["reason"]
    assert both.row_counts() == before
    over = issue(both, job, "4", reason="scrap")
    before = both.row_counts()
    keeper.refused(409, "POST", f"/material_issue/{over['id']}/actions/post", {})
    assert both.row_counts() == before
    assert keeper.take("material_issue", over["id"], "submit")["status"] == "pending"
    assert both.stock("COPPER") == 100
    assert both.api("sales").items("/tasks") == []
    both.api("production").decide("material_issue", over["id"])
    assert keeper.read("material_issue", over["id"])["status"] == "posted"
    assert both.stock("COPPER") == 96
    assert Decimal(both.api().read("work_order", job["id"])["materials"][0]["over_qty"]) == 4


def test_d5_what_the_bill_of_materials_does_not_name_is_above_it(works: Works) -> None:
    works.bought("SCREW", "200", "0.1")
    works.bought("COPPER", "200", "11")
    job = started(works)
    keeper = works.api("keeper")
    body = {
        "work_order": {"id": job["id"]},
        "reason": "setup",
        "lines": [{"item": code("SCREW"), "qty": "5"}],
    }
    before = works.stock("SCREW")
    answer = keeper.call("POST", "/material_issue", body)
    if answer.status_code == 201:
        posted = keeper.call("POST", f"/material_issue/{answer.get_json()['id']}/actions/post", {})
        assert posted.status_code in (409, 422), posted.get_data(as_text=True)
    assert works.stock("SCREW") == before


def test_d5_returned_material_and_its_rate_per_work_order_and_workshop(both: Works) -> None:
    both.bought("COPPER", "200", "11")
    api = both.api()
    api.new("resource", code="SHOP", name="一车间")
    job = started(both)
    both.api().change("work_order", job["id"], priority="high")
    out = issue(both, job, "100")
    keeper = both.api("keeper")
    out = keeper.take("material_issue", out["id"], "post")
    back = keeper.new(
        "material_return",
        issue={"id": out["id"]},
        lines=[{"source_line": out["lines"][0]["id"], "qty": "5"}],
    )
    keeper.take("material_return", back["id"], "post")
    found = api.read("work_order", job["id"])
    assert (Decimal(found["return_rate"]), found["material_cost"]) == (Decimal("0.05"), "1045.00")
    assert both.stock("COPPER") == 105
    report = api.get("/reports/return_rates")
    rates = [row["values"] for row in report["rows"] if row["level"] == len(report["axes"])]
    assert [(Decimal(r["issued"]), Decimal(r["returned"]), Decimal(r["rate"])) for r in rates] == [
        (100, 5, Decimal("0.05"))
    ]
    before = both.row_counts()
    body = {"issue": {"id": out["id"]}, "lines": [{"source_line": out["lines"][0]["id"], "qty": "96"}]}
    keeper.refused(409, "POST", "/material_return", body)  # only 95 are left to come back
    assert both.row_counts() == before
