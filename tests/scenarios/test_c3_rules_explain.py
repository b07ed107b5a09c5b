"""C3: rules read as sentences, each run says why it did or did not, and a rule is tried on the past first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from runtime import long_work
from runtime.rules_trial import Trial
from tests.scenarios.clients import Api, code
from tests.scenarios.works import Works

LINES = [{"item": code("SCREW"), "qty": "2000", "price": "0.1"}]
JANUARY = {"since": "2026-01-01", "until": "2026-01-31"}


def bought(works: Works, day: str, expected: str) -> int:
    works.day(day)
    buyer = works.api("buyer")
    made = buyer.new("purchase_order", partner=code("S"), warehouse=code("W"), expected_date=expected, lines=LINES)
    return int(buyer.take("purchase_order", made["id"], "submit")["id"])


def everything(works: Works) -> dict[str, list[str]]:
    with works.app.database.read() as connection:
        tables = works.app.tables.metadata.tables.values()
        return {t.name: sorted(map(str, connection.execute(select(t)))) for t in tables}


@pytest.fixture
def past(works: Works) -> Works:
    """Three orders in January, one of them of a time when the supplier had no address."""
    bought(works, "2026-01-06", "2026-01-20")
    works.api().change("partner", works.id("partner", "S"), email="")
    bought(works, "2026-01-07", "2026-01-21")
    works.api().change("partner", works.id("partner", "S"), email="s@example.com")
    bought(works, "2026-01-08", "2026-01-22")
    return works


def test_c3_rules_are_listed_as_sentences_in_both_languages(works: Works) -> None:
    page = works.web("admin").open("/rules").text
    assert "当采购订单“审核”时，如果 供应商的邮箱已填写，就用邮件告诉 供应商的邮箱" in page
    assert "只要物料的 启用，且 可用量 &lt; 安全库存，就一直预警并告诉 采购" in page
    assert works.web("buyer").get("/rules").status_code == 403


def test_c3_each_look_says_why(past: Works) -> None:
    api = past.api()
    runs = api.items("/rules/order_to_supplier/runs")
    assert [run["result"] for run in runs] == ["fired", "refused", "fired"]
    assert [(part["text"], part["holds"]) for part in runs[1]["conditions"]] == [("供应商的邮箱已填写", False)]
    assert runs[0]["actions"][0]["addresses"] == ["s@example.com"]
    admin = past.web("admin")
    page = admin.open("/rules/order_to_supplier").text
    assert page.count("条件不成立") >= 1
    run = admin.open(f"/rules/runs/{runs[0]['id']}").text
    assert "s@example.com" in run
    assert "供应商的邮箱" in run


def test_c3_why_not_names_the_first_failing_condition_with_its_values(past: Works) -> None:
    past.api().change("partner", past.id("partner", "S"), email="")
    order = past.api().items("/purchase_order")[0]
    why = past.api().get("/rules/order_to_supplier/why", record=order["code"])
    assert (why["fires"], why["first_failing"]["text"]) == (False, "供应商的邮箱已填写")
    assert why["first_failing"]["inputs"] == [["供应商的邮箱", "（空）"]]
    page = past.web("admin").open(f"/rules/order_to_supplier?record={order['code']}").text
    assert "第一条不成立的：供应商的邮箱已填写" in page
    past.api().change("partner", past.id("partner", "S"), email="s@example.com")
    head = {"partner": code("S"), "warehouse": code("W"), "expected_date": "2026-02-20"}
    draft = past.api("buyer").new("purchase_order", **head, lines=LINES)
    page = past.web("admin").open(f"/rules/order_to_supplier?record={draft['code']}").text
    assert "条件全部成立，但“审核”还没有发生" in page


def test_c3_a_rule_and_a_draft_of_it_are_tried_on_last_month(past: Works) -> None:
    past.day("2026-02-10")
    past.api()
    before = everything(past)
    api = past.api()
    now = api.post("/rules/order_to_supplier/simulate", JANUARY)
    assert (now["looked"], now["fired"], now["records"]) == (6, 3, 3)
    draft = "rules: {order_to_supplier: {if: expected_date > today() + days(13)}}"
    tried = api.post("/rules/order_to_supplier/simulate", {**JANUARY, "draft": draft})
    assert [item["at"][:10] for item in tried["items"]] == ["2026-01-06", "2026-01-07", "2026-01-08"]
    draft = "rules: {order_to_supplier: {if: expected_date > today() + days(14)}}"
    assert api.post("/rules/order_to_supplier/simulate", {**JANUARY, "draft": draft})["fired"] == 0
    page = past.web("admin").post("/rules/order_to_supplier/simulate", **JANUARY).get_data(as_text=True)
    assert "会触发 3 次，涉及 3 个对象" in page
    after = everything(past)
    for table in ("dg_account", "dg_token"):  # who has just logged in
        before.pop(table), after.pop(table)
    assert after == before


def test_c3_a_draft_with_a_mistake_is_told_where(past: Works) -> None:
    draft = "rules: {order_to_supplier: {if: expected_dat > today()}}"
    faults = past.api().refused(422, "POST", "/rules/order_to_supplier/simulate", {**JANUARY, "draft": draft})
    assert "draft.yaml:2" in faults[0]["message"]
    assert "expected_date" in faults[0]["message"]


def test_c3_a_rule_that_is_switched_off_rests(works: Works) -> None:
    works.api()._good(200, "PATCH", "/rules/order_to_supplier", {"on": False})
    bought(works, "2026-01-06", "2026-01-20")
    assert works.api().items("/rules/order_to_supplier/runs") == []
    assert "已停用" in works.web("admin").open("/rules").text


def test_c3_a_long_trial_runs_beside_tells_how_far_it_is_and_can_be_stopped(
    past: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, path = past.api(), "/rules/order_to_supplier/simulate"
    at_once = api.post(path, JANUARY)
    begun = api.call("POST", path, JANUARY, headers={"Prefer": "respond-async"})
    assert (begun.status_code, begun.headers["Preference-Applied"]) == (202, "respond-async")
    assert (begun.json["state"], begun.json["result"]) == ("working", None)
    told = ended(api, begun)
    assert (told["state"], told["progress"], told["errors"], told["result"]) == ("done", 1.0, [], at_once)
    assert past.api("manager").call("GET", place(begun)).status_code in (403, 404)
    wrong = api.call("POST", path, {**JANUARY, "since": "2020-01-01"}, headers={"Prefer": "respond-async"})
    assert (ended(api, wrong)["state"], len(ended(api, wrong)["errors"])) == ("failed", 1)
    # stopped: the work tells how far it is only after it was asked to end
    monkeypatch.setattr(long_work, "OFTEN", -1)
    going = Event()
    monkeypatch.setattr(Trial, "shares", lambda self: slowly(going))
    begun = api.call("POST", path, JANUARY, headers={"Prefer": "respond-async"})
    assert api.call("DELETE", place(begun)).status_code == 204
    going.set()
    assert (ended(api, begun)["state"], ended(api, begun)["result"]) == ("stopped", None)


def slowly(going: Event) -> Iterator[float]:
    """A trial that goes on when it is told to."""
    yield 0.5
    going.wait(10)
    yield 0.6


def place(begun: TestResponse) -> str:
    """Where one asks how far it is."""
    return begun.headers["Location"].partition("/api/v1")[2]


def ended(api: Api, begun: TestResponse) -> Any:
    """What is told once the work is over."""
    for thread in threading.enumerate():
        if thread.name == f"work-{begun.json['id'][:6]}":
            thread.join(30)
    return api.get(place(begun))
