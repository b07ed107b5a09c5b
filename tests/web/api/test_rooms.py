"""Ledgers, genealogy, tasks, inbox, figures, events and metadata through the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scenarios.clients import code
from tests.scenarios.works import MovingClock, Works
from tests.web.api.test_records import some_item
from web.application import create_app

pytestmark = pytest.mark.both
Row = dict[str, Any]


def refusal(office: Works, path: str, **query: object) -> str:
    """The code of a 400."""
    answer = office.api().call("GET", path, **query)
    assert answer.status_code == 400
    return str(answer.get_json()["errors"][0]["code"])


def test_balances_say_quantity_value_available_and_unit_cost(office: Works) -> None:
    item = some_item(office.api(), code="BAL-1")["code"]
    office.bought(item, "10", "2")
    office.bought(item, "10", "4")
    chosen = f"item.code == '{item}'"
    (row,) = office.api().balances("stock", filter=chosen, group_by="item,warehouse")
    assert (row["item"]["code"], row["warehouse"]["code"]) == ("BAL-1", "W")
    figures = {name: float(row[name]) for name in ("qty", "value", "available", "unit_cost")}
    assert figures == {"qty": 20, "value": 60, "available": 20, "unit_cost": 3}
    assert set(office.api().balances("stock", filter=chosen)[0]) >= {"item", "warehouse", "bin", "lot"}
    (whole,) = office.api().balances("stock", filter=chosen, group_by="")
    assert float(whole["qty"]) == 20


def test_balances_of_a_past_day_know_nothing_of_what_came_later(office: Works) -> None:
    office.day("2026-02-10")
    item = some_item(office.api(), code="BAL-2")["code"]
    office.bought(item, "10", "2")
    chosen = {"filter": f"item.code == '{item}'", "group_by": "item"}
    assert office.api().balances("stock", as_of="2026-02-09", **chosen) == []
    (row,) = office.api().balances("stock", as_of="2026-02-10", **chosen)
    assert (float(row["qty"]), float(row["available"])) == (10, 10)


def test_a_condition_over_figures_chooses_among_the_rows(office: Works) -> None:
    for number, qty in ((3, "5"), (4, "50")):
        office.bought(some_item(office.api(), code=f"BAL-{number}", name="挑")["code"], qty, "1")
    rows = office.api().balances("stock", group_by="item", filter="available > 20 and item.name == '挑'")
    assert [r["item"]["code"] for r in rows] == ["BAL-4"]
    assert refusal(office, "/ledgers/stock/balances", group_by="nope") == "no_such_dimension"
    assert refusal(office, "/ledgers/stock/balances", as_of="tomorrow") == "bad_date"


def test_moves_come_in_pages_that_follow_one_another(office: Works) -> None:
    item = some_item(office.api(), code="MOVES")["code"]
    receipts = [office.bought(item, str(n), "1")["id"] for n in range(1, 6)]
    seen: list[Row] = []
    cursor: Any = ""
    while cursor is not None:
        page = office.api().get("/ledgers/stock/moves", filter=f"item.code == '{item}'", page_size=2, cursor=cursor)
        seen += page["items"]
        cursor = page["next"]
    assert [(m["document"]["entity"], m["document"]["id"]) for m in seen] == [("purchase_receipt", r) for r in receipts]
    assert [float(m["qty"]) for m in seen] == [1, 2, 3, 4, 5]
    assert refusal(office, "/ledgers/stock/moves", cursor="bad") == "cursor_bad"


def test_the_genealogy_follows_a_lot_from_receipt_to_issue(office: Works) -> None:
    api = office.api()
    item = some_item(api, tracked=True)
    lot = api.new("lot", item=item["id"])
    receipt = office.bought(item["code"], "10", "2", lot=lot["id"])
    issue = api.new(
        "stock_adjustment",
        warehouse=code("W"),
        direction="issue",
        reason="sample",
        lines=[{"item": item["id"], "qty": "3", "lot": lot["id"]}],
    )
    steps = {a["id"] for a in api.read("stock_adjustment", issue["id"])["_actions"]}
    api.take("stock_adjustment", issue["id"], "post" if "post" in steps else "submit")
    graph = api.get(f"/trace/lot/{lot['id']}")
    here = f"lot/{lot['id']}"
    edges = {(e["from"], e["to"]): float(e["qty"]) for e in graph["edges"]}
    assert graph["root"] == here
    assert edges[f"purchase_receipt/{receipt['id']}", here] == 10
    back = api.get(f"/trace/lot/{lot['id']}", direction="backward")
    assert {e["from"] for e in back["edges"]} == {f"purchase_receipt/{receipt['id']}"}
    assert refusal(office, f"/trace/lot/{lot['id']}", direction="up") == "bad_direction"


def request_for_approval(office: Works) -> Row:
    """A purchase request that waits for the manager."""
    buyer = office.api("buyer")
    line = {"item": code("SCREW"), "qty": "5"}
    made = buyer.new("purchase_request", expected_date="2030-01-01", lines=[line])
    return buyer.take("purchase_request", made["id"], "submit")


def test_a_task_is_decided_and_everybody_concerned_is_told(office: Works) -> None:
    made = request_for_approval(office)
    manager, buyer = office.api("manager"), office.api("buyer")
    (told,) = [m for m in manager.items("/inbox") if m["record"] == made["id"] and m["entity"] == "purchase_request"]
    assert (told["kind"], told["acknowledged_at"]) == ("task", None)
    assert made["code"] in told["text"]
    (task,) = [t for t in manager.items("/tasks") if t["record"] == made["id"] and t["entity"] == "purchase_request"]
    assert buyer.refused(403, "POST", f"/tasks/{task['id']}/approve", {})[0]["code"] == "task_not_yours"
    assert manager.post(f"/tasks/{task['id']}/approve", {"note": "好"})["status"] == "approved"
    assert manager.refused(409, "POST", f"/tasks/{task['id']}/approve", {})[0]["code"] == "task_decided"
    assert [
        m["kind"] for m in buyer.items("/inbox") if (m["entity"], m["record"]) == ("purchase_request", made["id"])
    ] == ["approved"]
    seen = [m for m in manager.items("/inbox") if (m["entity"], m["record"]) == ("purchase_request", made["id"])]
    assert [m["acknowledged_at"] is not None for m in seen] == [True]


def test_a_refusal_reaches_the_maker_with_its_note_and_is_acknowledged_once(office: Works) -> None:
    made = request_for_approval(office)
    office.api("manager").decide("purchase_request", made["id"], "reject", note="太贵")
    buyer = office.api("buyer")
    (told,) = [
        m
        for m in buyer.items("/inbox", unseen="true")
        if (m["entity"], m["record"]) == ("purchase_request", made["id"])
    ]
    assert told["kind"] == "refused"
    assert told["text"].endswith("太贵")
    assert buyer.post(f"/inbox/{told['id']}/ack") == {"id": told["id"], "acknowledged": True}
    assert buyer.status("POST", f"/inbox/{told['id']}/ack", {}) == 200
    assert [
        m
        for m in buyer.items("/inbox", unseen="true")
        if (m["entity"], m["record"]) == ("purchase_request", made["id"])
    ] == []
    assert office.api("viewer").refused(404, "POST", f"/inbox/{told['id']}/ack", {})[0]["code"] == "no_such_message"


def test_what_may_be_done_with_a_task_is_known_by_name(office: Works) -> None:
    assert office.api().status("POST", "/tasks/1/forward", {}) == 404
    for word in ("return", "delegate", "add-signer", "remove-signer"):
        given = {"note": "x", "to": "admin", "where": "before"}
        assert office.api().status("POST", f"/tasks/999999/{word}", given) == 404


def test_every_report_and_card_is_drawn(office: Works) -> None:
    api = office.api()
    for name in office.app.model.reports:
        drawn = api.get(f"/reports/{name}")
        assert drawn["id"] == name
        assert all(len(row["cells"]) == len(drawn["columns"]) for row in drawn["rows"])
    every = api.items("/cards")
    assert [c["id"] for c in every] == [*office.app.model.cards]
    one = every[0]["id"]
    assert api.get(f"/cards/{one}")["formula"] == every[0]["formula"]


def test_a_report_is_narrowed_by_its_paths(office: Works) -> None:
    api = office.api()
    item = some_item(api, code="REP-1")
    office.bought(item["code"], "7", "1")
    found = api.get("/reports/stock_on_hand", item=item["id"])
    lines = [r for r in found["rows"] if r["level"]]
    assert {str(r["drill"].get("item")) for r in lines if "item" in r["drill"]} == {str(item["id"])}
    assert refusal(office, "/reports/stock_on_hand", item="abc") == "filter_bad"
    assert refusal(office, "/reports/stock_on_hand", period="never") == "bad_period"


def stream(office: Works, person: str, last: str) -> str:
    """What a stream that ends at once tells."""
    app = create_app(office.home, clock=MovingClock(), testing=True, options={"EVENT_SECONDS": 0, "EVENT_POLL": 0.01})
    headers = {"Authorization": f"Bearer {office.tokens[person]}", "Last-Event-ID": last}
    answer = app.test_client().get("/api/v1/events", headers=headers)
    assert answer.content_type.startswith("text/event-stream")
    return answer.get_data(as_text=True)


def events_in(text: str) -> list[tuple[str, Row]]:
    """The events of a stream: name and data."""
    blocks = [
        dict(line.split(": ", 1) for line in block.split("\n")) for block in text.split("\n\n") if "data: " in block
    ]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


def test_a_stream_tells_what_was_missed_and_only_what_one_may_see(office: Works) -> None:
    before = office.scalar("SELECT max(id) FROM dg_audit")
    row = {"item": code("SCREW"), "qty": "5", "price": "1"}
    made = office.api().new("purchase_receipt", partner=code("S"), warehouse=code("B"), lines=[row])
    record = {"entity": "purchase_receipt", "id": made["id"], "version": 1, "kind": "create", "transition": None}
    assert ("record", record) in events_in(stream(office, "keeper_b", f"{before}-0"))
    assert ("record", record) not in events_in(stream(office, "keeper", f"{before}-0"))


def test_a_stream_brings_messages(office: Works) -> None:
    before = office.scalar("SELECT max(id) FROM dg_audit")
    made = request_for_approval(office)
    told = [data for name, data in events_in(stream(office, "manager", f"{before}-0")) if name == "inbox"]
    assert made["id"] in [m["record"] for m in told]


def test_there_are_only_so_many_streams(office_on_file: Works) -> None:
    options = {"EVENT_SECONDS": 60, "EVENT_STREAMS": 1, "EVENT_POLL": 0.01}
    client = create_app(office_on_file.home, testing=True, options=options).test_client()
    headers = {"Authorization": f"Bearer {office_on_file.tokens['admin']}"}
    first = client.get("/api/v1/events", headers=headers, buffered=False)
    assert next(first.response) == b"retry: 3000\n\n"
    second = client.get("/api/v1/events", headers=headers)
    assert (second.status_code, second.get_json()["errors"][0]["code"]) == (429, "too_many_streams")
    first.close()
    third = client.get("/api/v1/events", headers=headers, buffered=False)
    assert third.status_code == 200
    third.close()


def test_the_definition_can_be_read_and_rolled_back(office: Works) -> None:
    found = office.api().get("/metadata")
    assert (found["app"], found["base"], found["layer"][:11]) == ("works", "discrete", "app: works\n")
    assert "entities:" in found["flat"]
    assert office.api().items("/metadata/versions")[-1]["number"] == 1
    assert office.api().refused(404, "POST", "/metadata/versions/99/rollback", {})[0]["code"] == "unknown_version"
    same = office.api().post("/metadata/versions/1/rollback")
    assert (same["differences"], same["steps"]) == ([], [])
