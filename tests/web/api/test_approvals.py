"""The task centre through the API: what waits, what was sent, handing over, signers, returns, urging, substitutes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.clients import code
from tests.scenarios.works import Works
from tests.web.api.test_records import some_item


@pytest.fixture
def order(office: Works) -> dict[str, Any]:
    """A purchase order that waits for the manager."""
    line = {"item": {"code": some_item(office.api())["code"]}, "qty": "10000", "price": "9"}
    head = {"partner": code("S"), "warehouse": code("W"), "expected_date": "2030-01-01"}
    made = office.api("buyer").new("purchase_order", **head, lines=[line])
    office.api("buyer").take("purchase_order", made["id"], "submit")
    return made


def about(order: dict[str, Any]) -> tuple[str, int]:
    return "purchase_order", order["id"]


def task_of(office: Works, person: str, order: dict[str, Any]) -> int:
    found = office.api(person).get("/tasks")["items"]
    return next(int(t["id"]) for t in found if (t["entity"], t["record"]) == about(order))


def test_what_i_sent_tells_whom_it_waits_for(office: Works, order: dict[str, Any]) -> None:
    sent = office.api("buyer").get("/tasks", box="sent")["items"]
    (mine,) = [one for one in sent if (one["entity"], one["record"]) == about(order)]
    assert mine["status"] == "pending"
    assert mine["waits_for"]


def test_a_say_is_handed_over_and_stands_among_what_i_did(office: Works, order: dict[str, Any]) -> None:
    task = task_of(office, "manager", order)
    office.api("manager").post(f"/tasks/{task}/delegate", {"to": "admin", "note": "please"})
    assert task_of(office, "admin", order) != task
    done = office.api("manager").get("/tasks", box="done")["items"]
    assert [one["decision"] for one in done if (one["entity"], one["record"]) == about(order)] == ["delegated"]


def test_a_signer_is_asked_first_and_taken_back(office: Works, order: dict[str, Any]) -> None:
    task = task_of(office, "manager", order)
    office.api("manager").post(f"/tasks/{task}/add-signer", {"to": "admin", "where": "before", "note": "you know it"})
    added = task_of(office, "admin", order)
    office.api("admin").refused(403, "POST", f"/tasks/{task}/approve", {})
    office.api("manager").post(f"/tasks/{added}/remove-signer", {})
    assert task_of(office, "manager", order) == task


def test_wrong_words_are_named(office: Works, order: dict[str, Any]) -> None:
    task = task_of(office, "manager", order)
    manager = office.api("manager")
    manager.refused(422, "POST", f"/tasks/{task}/add-signer", {"to": "admin", "where": "beneath"})
    manager.refused(404, "POST", f"/tasks/{task}/delegate", {"to": "nobody.at.all"})
    manager.refused(422, "POST", f"/tasks/{task}/delegate", {"to": ["admin"]})
    manager.refused(422, "POST", f"/tasks/{task}/return", {"note": ""})
    manager.refused(422, "POST", "/tasks/urge", {"entity": "purchase_order", "record": "x"})


def test_who_sent_it_urges_once(office: Works, order: dict[str, Any]) -> None:
    about = {"entity": "purchase_order", "record": order["id"]}
    assert office.api("buyer").post("/tasks/urge", about)["told"] >= 1
    office.api("buyer").refused(409, "POST", "/tasks/urge", about)


def test_a_substitute_comes_and_goes(office: Works) -> None:
    manager = office.api("manager")
    made = manager.post("/substitutes", {"deputy": "admin", "since": "2026-01-01", "until": "2030-01-01"}, status=201)
    assert [one["id"] for one in manager.get("/substitutes")["items"]] == [made["id"]]
    manager.refused(422, "POST", "/substitutes", {"deputy": "admin", "since": "soon", "until": "2030-01-01"})
    assert manager.status("DELETE", f"/substitutes/{made['id']}") == 200
    assert manager.get("/substitutes")["items"] == []


def test_an_approval_tells_its_steps_and_who_was_brought_in(office: Works, order: dict[str, Any]) -> None:
    task, manager = task_of(office, "manager", order), office.api("manager")
    manager.post(f"/tasks/{task}/add-signer", {"to": "admin", "where": "before", "note": "first you"})
    told = manager.get(f"/tasks/of/purchase_order/{order['id']}")
    assert (told["status"], told["mine"]) == ("pending", [])
    assert [step["state"] for step in told["steps"]].count("now") == 1
    (way,) = told["people"]
    assert (way["kind"], way["decision"], way["note"], way["removable"]) == ("signer", "", "first you", True)
    manager.post(f"/tasks/{way['task']}/remove-signer", {})
    assert manager.get(f"/tasks/of/purchase_order/{order['id']}")["mine"] == [task]
    manager.refused(404, "GET", "/tasks/of/purchase_order/999999")
