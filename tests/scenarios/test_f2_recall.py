"""F2: from one lot to everything made and shipped of it, and back; what is on hand is stopped with one click."""

from __future__ import annotations

import re
from typing import Any

from runtime.outbox_courier import deliver
from tests.scenarios.clients import code
from tests.scenarios.larder import Larder

Row = dict[str, Any]


def story(larder: Larder) -> None:
    """Raw lots A and B; two levels of making; three customers; something of each still on hand."""
    larder.works.day("2026-01-05")
    larder.received("CHICKEN", "100", "RAW-A", "2026-01-01")
    larder.received("CHICKEN", "100", "RAW-B", "2026-01-02")
    larder.processed("MARINADE", "60", "MAR-1", [{"item": code("CHICKEN"), "qty": "60", "lot": code("RAW-A")}])
    larder.processed("MARINADE", "40", "MAR-2", [{"item": code("CHICKEN"), "qty": "40", "lot": code("RAW-B")}])
    larder.processed("READY", "400", "FG-1", [{"item": code("MARINADE"), "qty": "50", "lot": code("MAR-1")}])
    larder.processed("READY", "150", "FG-2", [
        {"item": code("MARINADE"), "qty": "10", "lot": code("MAR-1")},
        {"item": code("MARINADE"), "qty": "10", "lot": code("MAR-2")},
    ])  # fmt: skip
    larder.delivered("READY", "250", "C1", lot=code("FG-1"))
    larder.delivered("READY", "100", "C2", lot=code("FG-1"))
    larder.delivered("READY", "120", "C3", lot=code("FG-2"), skip_reason="客户指定")
    larder.delivered("CHICKEN", "15", "C1", lot=code("RAW-B"), skip_reason="客户指定")


def titles(graph: Row, entity: str) -> set[str]:
    return {node["title"].split()[0] for node in graph["nodes"] if node["entity"] == entity}


def test_f2_forward_reaches_products_shipments_and_quantities(larder_both: Larder) -> None:
    story(larder_both)
    lot = larder_both.works.id("lot", "RAW-A")
    graph = larder_both.admin.get(f"/trace/lot/{lot}", direction="forward")
    assert titles(graph, "lot") == {"RAW-A", "MAR-1", "FG-1", "FG-2"}
    assert len([node for node in graph["nodes"] if node["entity"] == "delivery"]) == 3
    shipped = {edge["to"]: edge["qty"] for edge in graph["edges"] if edge["to"].startswith("delivery/")}
    assert sorted(float(qty) for qty in shipped.values()) == [100, 120, 250]


def test_f2_backward_reaches_every_supplier_lot(larder: Larder) -> None:
    story(larder)
    lot = larder.works.id("lot", "FG-2")
    graph = larder.admin.get(f"/trace/lot/{lot}", direction="backward")
    assert titles(graph, "lot") == {"FG-2", "MAR-1", "MAR-2", "RAW-A", "RAW-B"}
    assert len([node for node in graph["nodes"] if node["entity"] == "purchase_receipt"]) == 2


def test_f2_one_hold_stops_the_lot_and_all_that_was_made_of_it(larder_both: Larder) -> None:
    story(larder_both)
    works, quality = larder_both.works, larder_both.works.api("quality")
    held = quality.new("lot_hold", lot=code("RAW-A"), reason="供应商通报")
    held = quality.take("lot_hold", held["id"], "start")
    assert [(line["lot"]["code"], line["on_hand"]) for line in held["lots"]] == [
        ("RAW-A", "40"),
        ("MAR-1", "0"),
        ("FG-1", "50"),
        ("FG-2", "30"),
    ]
    assert {name: larder_both.lot(name)["stopped"] for name in ("RAW-A", "FG-1", "FG-2", "RAW-B")} == {
        "RAW-A": True,
        "FG-1": True,
        "FG-2": True,
        "RAW-B": False,
    }
    assert larder_both.delivery("CHICKEN", "1")["id"]
    blocked = larder_both.delivery("READY", "1")
    assert larder_both.admin.status("POST", f"/delivery/{blocked['id']}/actions/post") == 422
    quality.take("lot_hold", held["id"], "close", note="复检合格")
    assert larder_both.lot("FG-1")["stopped"] is False
    assert larder_both.admin.take("delivery", blocked["id"], "post")["lines"][0]["lot"]["code"] == "FG-1"
    assert works.stock("READY") == 79


def test_f2_a_recall_lists_customers_with_quantities_and_is_printed(larder_both: Larder) -> None:
    story(larder_both)
    quality = larder_both.works.api("quality")
    made = quality.new("recall", lot=code("RAW-A"), cause="沙门氏菌", level="one")
    made = quality.take("recall", made["id"], "submit")
    assert {c["item"]["code"] for c in made["customers"]} == {"READY"}
    assert [(c["partner"]["code"], c["lot"]["code"], c["qty"], c["missing"]) for c in made["customers"]] == [
        ("C1", "FG-1", "250", "250"),
        ("C2", "FG-1", "100", "100"),
        ("C3", "FG-2", "120", "120"),
    ]
    assert (made["status"], made["shipped"]) == ("pending", "470")
    assert larder_both.lot("FG-2")["held"] is True
    larder_both.works.api("manager").decide("recall", made["id"])
    page = larder_both.works.web("quality").get(f"/print/recall_notice/{made['id']}")
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert all(name in text for name in ("百佳源超市", "鲜到家电商", "康宁学校食堂", "FG-1", "沙门氏菌"))


def test_f2_a_customer_is_written_to_and_whether_the_mail_left_is_told_by_the_outbox(larder: Larder) -> None:
    larder.works.day("2026-01-05")
    larder.received("CHICKEN", "100", "RAW-A", "2026-01-01")
    larder.admin.change("partner", larder.works.id("partner", "C1"), email="c1@example.com")
    for customer in ("C1", "C2"):
        larder.delivered("CHICKEN", "10", customer, lot=code("RAW-A"))
    quality = larder.works.api("quality")
    made = quality.new("recall", lot=code("RAW-A"), cause="沙门氏菌", level="one")
    quality.take("recall", made["id"], "submit")
    larder.works.api("manager").decide("recall", made["id"])
    lines = quality.read("recall", made["id"])["customers"]
    assert {line["partner"]["code"]: line["told_at"] is not None for line in lines} == {"C1": True, "C2": False}
    field = larder.works.app.model.entities["recall.customers"].fields["told_at"]
    assert (field.label.zh, field.label.en) == ("写信时间", "Written at")
    assert deliver(larder.works.app, larder.works.clock) == []  # there is no channel for mail
    (mail,) = [row for row in larder.admin.items("/outbox", kind="email") if row["origin"] == "rule:customers_mailed"]
    assert (mail["address"], mail["state"], mail["error"]) == ("c1@example.com", "held", "no_channel")


def test_f2_processing_keeps_cost_and_yield(larder: Larder) -> None:
    story(larder)
    rows = larder.admin.get("/reports/processing_yields")["rows"]
    assert [row["titles"] for row in rows if row["level"]] == [["MARINADE 腌料肉"]]
    value = larder.works.stock("CHICKEN", resource="value") + larder.works.stock("MARINADE", resource="value")
    value += larder.works.stock("READY", resource="value")
    sold = sum(float(row["value"]) for row in larder.admin.balances("sold", group_by="item"))
    assert abs(float(value) + sold - 4000) < 0.01


def test_f2_the_page_draws_both_ways_in_both_languages(larder: Larder) -> None:
    story(larder)
    web, lot = larder.works.web("quality"), larder.works.id("lot", "RAW-A")
    for way, words in (("forward", "FG-2"), ("backward", "RAW-A"), ("both", "百佳源超市")):
        page = web.get(f"/trace/lot/{lot}?direction={way}")
        text = page.get_data(as_text=True)
        assert page.status_code == 200
        assert words in text
        assert "<svg" in text
    english = web.get(f"/trace/lot/{lot}?lang=en").get_data(as_text=True)
    assert "Where things went" in english
    assert web.get(f"/trace/lot/{lot}?lang=zh").status_code == 200


def test_f2_one_click_on_the_page_holds_everything(larder: Larder) -> None:
    story(larder)
    web, lot = larder.works.web("quality"), larder.works.id("lot", "RAW-A")
    page = web.open(f"/trace/lot/{lot}")
    assert "冻结" in page.text
    answer = web.post(f"/trace/lot/{lot}/acts", act="lot_hold")
    assert answer.status_code == 303
    held = larder.admin.items("/lot_hold")[0]
    assert held["status"] == "started"
    assert larder.lot("FG-2")["stopped"] is True
    assert larder.works.web("viewer").post(f"/trace/lot/{lot}/acts", act="lot_hold").status_code == 404


def test_f2_what_was_inspected_and_released_has_not_left_its_lot(larder: Larder) -> None:
    larder.works.day("2026-01-05")
    came = larder.received("CHECKED", "100", "Q1", "2026-01-01")
    line = {"item": code("CHECKED"), "qty": "100", "lot": code("Q1"), "source_line": {"id": came["lines"][0]["id"]}}
    judged = larder.admin.new("inspection", receipt={"id": came["id"]}, lines=[line])
    larder.admin.take("inspection", judged["id"], "post")
    larder.delivered("CHECKED", "30", "C1")
    lot = larder.works.id("lot", "Q1")
    page = larder.works.web("quality").get(f"/trace/lot/{lot}?direction=forward").get_data(as_text=True)
    assert "30 已出 + 70 在库" in page


def test_f2_the_trace_page_names_the_recall_its_customers_and_tells_the_rest(larder: Larder) -> None:
    larder.works.day("2026-01-05")
    larder.received("CHICKEN", "100", "RAW-A", "2026-01-01")
    larder.delivered("CHICKEN", "10", "C2", lot=code("RAW-A"))
    quality = larder.works.api("quality")
    made = quality.new("recall", lot=code("RAW-A"), cause="沙门氏菌", level="one")
    quality.take("recall", made["id"], "submit")
    larder.works.api("manager").decide("recall", made["id"])
    web, lot = larder.works.web("quality"), larder.works.id("lot", "RAW-A")
    page = web.get(f"/trace/lot/{lot}").get_data(as_text=True)
    for words in (made["code"], "通知中", "鲜到家电商", f'value="recall:{made["id"]}:dispatch"'):
        assert words in page
    web.post(f"/trace/lot/{lot}/acts", take=f"recall:{made['id']}:dispatch", version=1)  # as it was before approval
    told = web.get(f"/trace/lot/{lot}").get_data(as_text=True)
    assert "已被他人修改" in told
    version = re.findall(r'name="version" value="(\d+)"', told)[0]
    answer = web.post(f"/trace/lot/{lot}/acts", take=f"recall:{made['id']}:dispatch", version=version)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/trace/lot/{lot}")
    called = [row for row in larder.admin.items("/outbox") if row["origin"] == "rule:rest_called"]
    assert called
    assert web.post(f"/trace/lot/{lot}/acts", take=f"recall:{made['id']}:close").status_code == 404
