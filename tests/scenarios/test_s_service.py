"""S1–S3: contracts and their milestones, people and equipment by day, receivables by age. No stock anywhere."""

from __future__ import annotations

import re
from decimal import Decimal
from io import BytesIO

from engine import load_app
from runtime.ledgers import check
from tests.scenarios.agency import billed, contract, line, paid, signed
from tests.scenarios.clients import Row, code
from tests.scenarios.test_g1_transfer import PIXEL, photo
from tests.scenarios.works import Works

THREE = (line("方案", "2026-02-10", "0.3"), line("上线", "2026-03-20", "0.4"), line("验收", "2026-05-10", "0.3"))


def test_s_there_is_no_stock_in_the_app() -> None:
    model = load_app("service")
    assert set(model.ledgers) == {"receivable", "payable", "cash", "capacity", "project_cost"}
    assert not {"item", "warehouse", "lot", "bin", "delivery"} & set(model.entities)
    shown = [f"{e.id}.{f.id}" for e in model.entities.values() for f in e.fields.values()
             if not f.retired and re.search("库存|仓|出库|入库", f.label.zh)]  # fmt: skip
    assert shown == []


# --- S1: performance -----------------------------------------------------------------------------------------


def test_s1_weights_come_to_the_whole(agency: Works) -> None:
    body = {"partner": code("C"), "title": "监测平台", "amount": "120000", "end_date": "2026-12-31",
            "milestones": [line("方案", "2026-02-10", "0.3"), line("上线", "2026-03-20", "0.4")]}  # fmt: skip
    faults = agency.api("sales").refused(422, "POST", "/contract", body)
    assert "现在是 70" in str(faults)


def done(agency: Works, made: Row, number: int, share: str = "1", status: int = 200, **values: object) -> None:
    """A milestone is reported; ``status``: how that ends."""
    worker = agency.api("production")
    rows = [{"id": row["id"]} for row in worker.read("contract", made["id"])["milestones"]]
    rows[number] |= {"done": share, **values}
    assert worker.status("PATCH", f"/contract/{made['id']}", {"milestones": rows}) == status


def signature(agency: Works) -> int:
    api = agency.api("production")
    answer = api._client.post(
        "/api/v1/files", headers=api._headers, data={"file": (BytesIO(PIXEL), "sign.png", "image/png")}
    )
    return int(answer.get_json()["id"])


def test_s1_progress_follows_the_milestones(agency_both: Works) -> None:
    agency = agency_both
    agency.day("2026-01-05")
    made = signed(agency, "120000", *THREE)
    assert [Decimal(m["plan"]) for m in made["milestones"]] == [36000, 48000, 36000]
    admin = agency.api()
    agency.day("2026-02-10")
    assert admin.read("contract", made["id"])["late"] is False
    agency.day("2026-02-11")
    assert admin.read("contract", made["id"])["late"] is True
    assert [r["code"] for r in admin.items("/contract", view="late")] == [made["code"]]
    assert Decimal(admin.explain("late_milestones")["value"]) == 1
    done(agency, made, 0, status=422)  # accepted by whom?
    done(agency, made, 0, accepted=signature(agency), done_on="2026-02-11")
    now = admin.read("contract", made["id"])
    assert (Decimal(now["progress"]), now["late"]) == (Decimal("0.3"), False)
    done(agency, made, 1, "0.5")
    assert Decimal(admin.read("contract", made["id"])["progress"]) == Decimal("0.5")
    faults = agency.api("manager").refused(409, "POST", f"/contract/{made['id']}/actions/close", {})
    assert "50" in faults[0]["message"]
    for number in (1, 2):
        done(agency, made, number, accepted=signature(agency), done_on="2026-05-10")
    assert agency.api("manager").take("contract", made["id"], "close")["status"] == "closed"


def test_s1_large_and_unusual_contracts_need_more_signatures(agency: Works) -> None:
    small = contract(agency, "80000", *THREE)
    agency.api("sales").take("contract", small["id"], "submit")
    agency.api("manager").decide("contract", small["id"])
    assert agency.api("sales").read("contract", small["id"])["status"] == "running"
    odd = contract(agency, "80000", *THREE, unusual=True)
    agency.api("sales").take("contract", odd["id"], "submit")
    agency.api("manager").decide("contract", odd["id"])
    assert agency.api("sales").read("contract", odd["id"])["status"] == "pending"
    agency.api("finance").decide("contract", odd["id"])
    assert agency.api("sales").read("contract", odd["id"])["status"] == "running"


def test_s1_what_is_done_is_billed_once(agency_both: Works) -> None:
    agency = agency_both
    agency.day("2026-01-05")
    made = signed(agency, "120000", *THREE)
    finance = agency.api("finance")
    done(agency, made, 0, accepted=signature(agency))
    rows = finance.read("contract", made["id"])["milestones"]
    early = {"name": "上线", "total": "48000", "amount": "48000", "tax_rate": "0", "source_line": rows[1]["id"]}
    head = {"partner": code("C"), "contract": {"code": made["code"]}}
    assert finance.status("POST", "/invoice", {**head, "lines": [early]}) in (409, 422)  # not done yet
    first = {"name": "方案", "amount": "36000", "tax_rate": "0", "source_line": rows[0]["id"]}
    bill = finance.new("invoice", **head, lines=[first])
    finance.take("invoice", bill["id"], "post")
    now = finance.read("contract", made["id"])
    assert [Decimal(now[f]) for f in ("billed_sum", "received_sum", "open_sum", "unbilled_sum")] == [
        36000,
        0,
        36000,
        84000,
    ]
    assert Decimal(now["milestones"][0]["unbilled"]) == 0
    assert finance.status("POST", "/invoice", {**head, "lines": [first]}) in (409, 422)  # a second time
    paid(agency, "20000", bill)
    now = finance.read("contract", made["id"])
    assert (Decimal(now["received_sum"]), Decimal(now["open_sum"]), now["settlement_status"]) == (
        20000,
        16000,
        "partial",
    )


def test_s1_contracts_that_end_are_to_be_renewed(agency: Works) -> None:
    agency.day("2026-01-05")
    year = line("全年维护", "2026-03-01", "1", node="period")
    made = signed(agency, "24000", year, kind="service", end_date="2026-03-31")
    admin = agency.api()
    assert admin.items("/contract", view="renewals") == []
    agency.day("2026-01-30")  # sixty days before
    assert [r["code"] for r in admin.items("/contract", view="renewals")] == [made["code"]]
    assert Decimal(admin.explain("ending_contracts")["value"]) == 1
    contract(agency, "26000", year, kind="service", renews={"code": made["code"]})
    assert admin.items("/contract", view="renewals") == []


def test_s1_retention_money_waits_for_its_day(agency: Works) -> None:
    agency.day("2026-01-05")
    work = line("施工", "2026-02-10", "1", share="0.95", node="delivery")
    kept = line("质保金", "2027-02-10", "0", share="0.05", node="retention")
    made = signed(agency, "80000", work, kept)
    assert [Decimal(m["plan"]) for m in made["milestones"]] == [76000, 4000]
    assert made["milestones"][1]["pay_date"] == "2027-03-12"
    assert Decimal(agency.api().explain("retention")["value"]) == 4000


# --- S2: resources -------------------------------------------------------------------------------------------


def booking(agency: Works, resource: str, start: str, end: str, hours: str = "8") -> Row:
    return agency.api("production").new(
        "allocation", resource=code(resource), start_date=start, due_date=end, hours=hours, purpose="现场"
    )


def test_s2_nobody_is_booked_twice(agency_both: Works) -> None:
    agency = agency_both
    worker = agency.api("production")
    for resource in ("ANNA", "VAN"):
        first = booking(agency, resource, "2026-03-02", "2026-03-04")
        worker.take("allocation", first["id"], "post")
        second = booking(agency, resource, "2026-03-04", "2026-03-05", "1")
        before = agency.row_counts()
        faults = worker.refused(409, "POST", f"/allocation/{second['id']}/actions/post", {})
        assert "2026-03-04" in faults[0]["message"]
        assert "8" in faults[0]["message"]
        assert agency.row_counts() == before
    rows = agency.api().balances("capacity", group_by="resource,day", page_size="50")
    anna = [(r["day"], Decimal(r["hours"])) for r in rows if r["resource"]["code"] == "ANNA"]
    assert sorted(anna) == [("2026-03-02", 8), ("2026-03-03", 8), ("2026-03-04", 8)]
    first = agency.api().items("/allocation", sort="code")[0]
    worker.take("allocation", first["id"], "cancel")  # free again
    freed = booking(agency, "ANNA", "2026-03-04", "2026-03-05")
    assert worker.take("allocation", freed["id"], "post")["status"] == "posted"


def test_s2_two_halves_make_a_day(agency: Works) -> None:
    worker = agency.api("production")
    for _ in range(2):
        half = booking(agency, "ANNA", "2026-03-02", "2026-03-02", "4")
        worker.take("allocation", half["id"], "post")
    more = booking(agency, "ANNA", "2026-03-02", "2026-03-02", "0.5")
    assert worker.refused(409, "POST", f"/allocation/{more['id']}/actions/post", {})
    for _ in range(2):  # a room may be
        room = booking(agency, "ROOM", "2026-03-02", "2026-03-02")
        worker.take("allocation", room["id"], "post")


def test_s2_utilisation_is_booked_over_available(agency: Works) -> None:
    agency.day("2026-03-20")
    made = booking(agency, "ANNA", "2026-03-02", "2026-03-06")
    agency.api("production").take("allocation", made["id"], "post")
    found = agency.api().explain("utilisation", period="this_month")
    parts = {p["id"]: Decimal(p["value"]) for p in found["parts"]}
    assert (parts["booked"], parts["daily"]) == (40, 16)


def test_s2_hours_expenses_and_bought_services_make_the_cost_of_a_project(agency_both: Works) -> None:
    agency = agency_both
    agency.day("2026-01-05")
    made = signed(agency, "120000", *THREE)
    project = agency.api("production").new(
        "project", name="平台一期", contract={"code": made["code"]}, manager=code("PRODUCTION"), end_date="2026-06-30"
    )
    admin = agency.api()
    admin.change("project", project["id"], budget_labour="10000", budget_expense="1000", budget_outside="4000")
    here = {"project": {"code": project["code"]}}
    worker = agency.api("production")
    sheet = worker.new("timesheet", member=code("PRODUCTION"), lines=[{**here, "hours": "7.5"}])
    worker.take("timesheet", sheet["id"], "submit")
    agency.api("manager").decide("timesheet", sheet["id"])
    spent = worker.new("expense", member=code("PRODUCTION"), lines=[{**here, "what": "travel", "amount": "800"}])
    worker.take("expense", spent["id"], "submit")
    agency.api("manager").decide("expense", spent["id"])
    bought = agency.api("buyer").new("outsourcing", partner=code("S"), content="界面设计", amount="3000", **here)
    agency.api("buyer").take("outsourcing", bought["id"], "submit")
    agency.api("manager").decide("outsourcing", bought["id"])
    now = admin.read("project", project["id"])
    assert [Decimal(now[f]) for f in ("hours", "cost", "budget", "profit")] == [Decimal("7.5"), 4700, 15000, 115300]
    assert round(Decimal(now["margin"]), 4) == Decimal("0.9608")
    twice = worker.call("POST", "/timesheet", {"member": code("PRODUCTION"), "lines": [{**here, "hours": "1"}]})
    assert twice.status_code in (409, 422)  # one sheet a person and day
    over = agency.api("buyer").new("outsourcing", partner=code("S"), content="加测", amount="11000", **here)
    agency.api("buyer").take("outsourcing", over["id"], "submit")
    agency.api("manager").decide("outsourcing", over["id"])
    assert agency.api("buyer").read("outsourcing", over["id"])["status"] == "pending"  # over budget: the boss decides
    with agency.app.database.read() as connection:
        assert list(check(connection, agency.app.model, agency.app.tables)) == []


def test_s2_a_service_order_is_done_in_time_and_signed_for(agency: Works) -> None:
    agency.day("2026-03-02")
    made = agency.api("sales").new("service_order", partner=code("C"), title="屏幕不亮", priority="urgent")
    assert made["due_at"][:16] == "2026-03-02T05:01"  # four hours after nine in Shanghai
    boss, path = agency.api("production"), f"/service_order/{made['id']}/actions"
    boss.refused(422, "POST", f"{path}/dispatch", {})
    boss.take("service_order", made["id"], "dispatch", assigned=code("PRODUCTION"))
    boss.refused(422, "POST", f"{path}/start", {})
    boss.take("service_order", made["id"], "start", photo=[photo(agency, "production")])
    boss.take("service_order", made["id"], "finish", finished_at="2026-03-02T04:30:00Z", result="换了电源")
    boss.change("service_order", made["id"], fee="600", rating=5)
    boss.refused(422, "POST", f"{path}/sign", {})
    boss.take("service_order", made["id"], "sign", signature=[signature(agency)])
    now = agency.api().read("service_order", made["id"])
    assert (now["status"], now["in_time"]) == ("closed", True)
    assert Decimal(agency.api().explain("sla")["value"]) == 1
    bill = agency.web("finance").draw("invoice", "service_order", made["id"])
    assert Decimal(agency.api("finance").read("invoice", bill)["lines"][0]["total"]) == 600


# --- S3: receivables -----------------------------------------------------------------------------------------


def test_s3_receivables_by_age(agency_both: Works) -> None:
    agency = agency_both
    agency.day("2025-12-01")
    old = billed(agency, "12000", "2025-12-20")
    paid(agency, "5000", old)
    first = billed(agency, "36000", "2026-01-15")
    paid(agency, "20000", first)
    billed(agency, "48000", "2026-03-10")
    billed(agency, "36000", "2026-04-15")
    agency.day("2026-03-31")
    report = agency.api("finance").get("/reports/receivable_ageing")
    titles = [c["title"] for c in report["columns"]]
    cells = [Decimal(c.get("amount", "0")) for c in report["rows"][0]["cells"]]
    assert dict(zip(titles, cells, strict=True)) == {
        "未到期": 36000, "1–30": 48000, "31–60": 0, "61–90": 16000, "> 90": 7000,
    }  # fmt: skip
    assert Decimal(agency.api().explain("receivable_overdue")["value"]) == 71000
    overdue = agency.api("finance").items("/invoice", view="overdue")
    assert sorted(r["due_date"] for r in overdue) == ["2025-12-20", "2026-01-15", "2026-03-10"]


def test_s3_a_receipt_settles_no_more_than_is_open(agency: Works) -> None:
    bill = billed(agency, "1000", "2026-01-31")
    matched = {"document": {"entity": "invoice", "code": bill["code"]}, "amount": "1200"}
    finance = agency.api("finance")
    made = finance.new("payment", direction="receive", partner=code("C"), amount="1200", lines=[matched])
    before = agency.row_counts()
    assert finance.refused(409, "POST", f"/payment/{made['id']}/actions/post", {})
    assert agency.row_counts() == before
    paid(agency, "1000", bill)
    assert finance.read("invoice", bill["id"])["settlement_status"] == "done"


def test_s3_dunning_is_recorded_with_its_promise(agency: Works) -> None:
    agency.day("2026-03-01")
    bill = billed(agency, "1000", "2026-03-05")
    agency.day("2026-03-10")
    made = agency.api("sales").new(
        "dunning", partner=code("C"), invoice={"code": bill["code"]}, said="月底付", promised="2026-03-20"
    )
    assert agency.api().items("/dunning", view="promised") == []
    agency.day("2026-03-21")
    assert [r["code"] for r in agency.api().items("/dunning", view="promised")] == [made["code"]]


def test_s_the_keeper_of_the_project_sees_no_amounts(agency: Works) -> None:
    made = signed(agency, "120000", *THREE)
    seen = agency.api("production").read("contract", made["id"])
    assert not {"amount", "billed_sum", "received_sum", "open_sum"} & set(seen)
    assert "plan" not in seen["milestones"][0]
