"""The task centre as people use it: boxes, one approval with all one may do in it, urging, substitutes."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from runtime import accounts
from runtime.app_source import pin
from runtime.apps import AppHome
from tests.runtime.test_flow_versions import BEFORE
from tests.scenarios.clients import code
from tests.scenarios.works import NAME, PASSWORD, MovingClock, Works
from tests.web.api.test_records import some_item
from tests.web.pages.test_figures import Reader
from tests.web.test_signatures import DOT
from web.signatures import DRAWN

STEP = "              boss: {label: 主管审批 | Boss, who: [{role: boss}], if: amount > 10}\n"
SEALED = BEFORE.replace("roles:\n", "roles:\n  guest: {label: 访客 | Guest, can: {}}\n").replace(
    STEP,
    STEP.replace("> 10", "< 100")
    + "              seal: {label: 签字 | Seal, who: [{role: boss}], if: amount >= 100, demands: {signature: true}}\n",
)
"""Requests of a hundred and more are signed by the boss."""


@pytest.fixture
def order(office: Works) -> dict[str, Any]:
    """A purchase order that waits for the manager."""
    line = {"item": {"code": some_item(office.api())["code"]}, "qty": "10000", "price": "9"}
    head = {"partner": code("S"), "warehouse": code("W"), "expected_date": "2030-01-01"}
    made = office.api("buyer").new("purchase_order", **head, lines=[line])
    office.api("buyer").take("purchase_order", made["id"], "submit")
    return office.api().read("purchase_order", made["id"])


def task_of(office: Works, person: str, order: dict[str, Any]) -> int:
    found = office.api(person).get("/tasks")["items"]
    return next(int(t["id"]) for t in found if (t["entity"], t["record"]) == about(order))


def about(order: dict[str, Any]) -> tuple[str, int]:
    return "purchase_order", order["id"]


def account(office: Works, name: str) -> str:
    return str(office.scalar(f"select id from dg_account where name = '{name}'"))


@pytest.mark.parametrize(("language", "why"), [("zh", "为什么到你这里"), ("en", "Why it comes to you")])
def test_an_approval_shows_the_sum_the_reason_and_the_document(
    office: Works, order: dict[str, Any], language: str, why: str
) -> None:
    page = Reader(office, "manager").page(f"/tasks/{task_of(office, 'manager', order)}", language=language)
    assert "90,000.00" in page
    assert f'class="task-sum">¥{Decimal(order["total"]):,.2f}</b>' in page
    assert order["code"] in page
    assert why in page


def test_it_is_approved_from_its_page(office: Works, order: dict[str, Any]) -> None:
    manager = Reader(office, "manager")
    for _ in range(3):
        left = [t for t in office.api("manager").get("/tasks")["items"] if (t["entity"], t["record"]) == about(order)]
        if left:
            manager.post(f"/tasks/{left[0]['id']}/approve", note="好")
    assert office.api().read("purchase_order", order["id"])["status"] in ("approved", "pending")
    assert order["code"] in manager.page("/tasks?box=done")


def test_a_refusal_without_a_reason_keeps_what_was_written(office: Works, order: dict[str, Any]) -> None:
    task = task_of(office, "manager", order)
    answer = Reader(office, "manager").post(f"/tasks/{task}/reject", status=422, note="")
    assert "请填写" in answer
    assert office.api().read("purchase_order", order["id"])["status"] == "pending"


def test_handing_over_and_asking_another_too(office: Works, order: dict[str, Any]) -> None:
    task, manager = task_of(office, "manager", order), Reader(office, "manager")
    manager.post(f"/tasks/{task}/add-signer", person=account(office, "admin"), where="before", note="请先看")
    assert task_of(office, "admin", order)
    office.api("admin").post(f"/tasks/{task_of(office, 'admin', order)}/approve", {})
    assert "还要请谁审批" in manager.page(f"/tasks/{task}")
    manager.post(f"/tasks/{task}/delegate", person=account(office, "admin"))
    assert task_of(office, "admin", order)
    manager.post(f"/tasks/{task}/delegate", status=303, person="x")  # not his any more: back to the document


def test_what_i_sent_is_urged_from_its_box(office: Works, order: dict[str, Any]) -> None:
    buyer = Reader(office, "buyer")
    assert order["code"] in buyer.page("/tasks?box=sent")
    buyer.post("/tasks/urge", entity="purchase_order", record=str(order["id"]))
    office.api("buyer").refused(409, "POST", "/tasks/urge", {"entity": "purchase_order", "record": order["id"]})


def test_a_substitute_is_set_and_ended(office: Works) -> None:
    manager = Reader(office, "manager")
    manager.post("/substitutes", person=account(office, "admin"), since="2026-01-01", until="2030-01-01")
    assert "取消代理" in manager.page("/tasks")
    (mine,) = office.api("manager").get("/substitutes")["items"]
    manager.post(f"/substitutes/{mine['id']}/end")
    assert office.api("manager").get("/substitutes")["items"] == []
    days = {"since": "2026-01-01", "until": "2030-01-01"}
    manager.post("/substitutes", person=account(office, "admin"), flow="purchase_order", **days)
    (mine,) = office.api("manager").get("/substitutes")["items"]
    assert mine["flows"] == ["purchase_order"]
    assert " · 采购订单</small>" in manager.page("/tasks")
    manager.post(f"/substitutes/{mine['id']}/end")
    office.api("manager").refused(422, "POST", "/substitutes", {"deputy": "admin", **days, "flows": ["item"]})
    manager.post("/substitutes", person=account(office, "admin"), since="soon", until="")
    assert office.api("manager").get("/substitutes")["items"] == []


def test_a_decided_task_leads_to_its_document(office: Works, order: dict[str, Any]) -> None:
    task = task_of(office, "manager", order)
    office.api("manager").post(f"/tasks/{task}/delegate", {"to": "admin"})
    Reader(office, "manager").page(f"/tasks/{task}", status=303)
    Reader(office, "manager").page("/tasks/999999", status=404)


def test_an_approval_is_taken_back_from_the_box_and_from_the_document(office: Works) -> None:
    line = {"item": {"code": some_item(office.api())["code"]}, "qty": "100000", "price": "9"}
    head = {"partner": code("S"), "warehouse": code("W"), "expected_date": "2030-01-01"}
    dear = office.api("buyer").new("purchase_order", **head, lines=[line])
    office.api("buyer").take("purchase_order", dear["id"], "submit")
    task, manager = task_of(office, "manager", dear), Reader(office, "manager")
    manager.post(f"/tasks/{task}/approve", note="好")
    assert office.api().read("purchase_order", dear["id"])["status"] == "pending"
    assert f"/tasks/{task}/take-back" in manager.page("/tasks?box=done")
    page = manager.page(f"/e/purchase_order/{dear['id']}")
    assert f"/tasks/{task}/take-back" in page
    assert "撤回我的同意" in page
    manager.post(f"/tasks/{task}/take-back")
    assert task_of(office, "manager", dear) == task
    assert "撤回同意" in manager.page(f"/e/purchase_order/{dear['id']}")
    office.api("manager").refused(403, "POST", f"/tasks/{task}/take-back", {})


@pytest.mark.parametrize(("language", "sent"), [("zh", "提交"), ("en", "sent by")])
def test_a_waiting_task_says_who_sent_it_with_whom_it_deals_and_what_it_comes_to(
    office: Works, order: dict[str, Any], language: str, sent: str
) -> None:
    page = Reader(office, "manager").page("/tasks", language=language)
    line = page[page.index(f"/tasks/{task_of(office, 'manager', order)}") :].split("<small>")[1].split("</small>")[0]
    assert [part for part in line.split(" · ") if order["partner"]["name"] == part]
    assert f"¥{Decimal(order['total']):,.2f}" in line.split(" · ")
    assert sent in line.split(" · ")[0]


def test_whoever_was_brought_in_is_named_and_may_be_asked_no_more(office: Works, order: dict[str, Any]) -> None:
    task, manager = task_of(office, "manager", order), Reader(office, "manager")
    manager.post(f"/tasks/{task}/add-signer", person=account(office, "admin"), where="parallel", note="一起看")
    page = manager.page(f"/tasks/{task}")
    added = task_of(office, "admin", order)
    assert f"/tasks/{added}/remove-signer" in page
    assert "加签 " in page
    manager.post(f"/tasks/{added}/remove-signer")
    manager.post(f"/tasks/{task}/add-signer", person=account(office, "admin"), where="helper", note="太贵吗")
    helper = task_of(office, "admin", order)
    page = Reader(office, "admin").page(f"/tasks/{helper}")
    assert "建议同意" in page
    assert "建议驳回" in page
    assert "提意见" in page
    assert 'data-dialog="task-return"' not in page
    box = manager.page("/tasks?box=done")
    assert "我请他提意见" in box
    assert f"/tasks/{helper}/remove-signer" in box
    manager.post(f"/tasks/{helper}/remove-signer")
    assert task_of(office, "manager", order) == task


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """A small app in which the boss signs great requests; a guest may read none."""
    home, clock = AppHome(tmp_path_factory.mktemp("desk")), MovingClock()
    app, tokens = home.create(NAME, pin(SEALED)), {}
    with app.database.write() as connection:
        ctx = app.context(connection, clock)
        for name in ("clerk", "second", "boss", "guest"):
            account = accounts.add_account(ctx, name, PASSWORD, ["clerk" if name == "second" else name])
            tokens[name] = accounts.create_token(ctx, account, "test")
    yield Works(home, clock, tokens)
    home.close()


def waiting_for_the_boss(desk: Works, amount: int) -> dict[str, Any]:
    made = desk.api("clerk").new("request", amount=amount)
    desk.api("clerk").take("request", made["id"], "submit")
    desk.api("second").decide("request", made["id"])
    (task,) = [t["id"] for t in desk.api("boss").items("/tasks") if t["record"] == made["id"]]
    return {**made, "task": task}


@pytest.mark.parametrize(
    ("language", "title", "kind"), [("zh", "签名与附件", "签名"), ("en", "Signatures and files", "Signature")]
)
def test_a_demanded_signature_is_seen_beside_its_signer_by_who_may_read_the_document(
    desk: Works, language: str, title: str, kind: str
) -> None:
    made = waiting_for_the_boss(desk, 500)
    path, reader = f"/e/request/{made['id']}", Reader(desk, "clerk")
    assert title not in reader.page(path, language=language)
    Reader(desk, "boss").post(f"/tasks/{made['task']}/approve", note="", signature=DRAWN + DOT)
    (given,) = desk.api("clerk").get(f"/tasks/of/request/{made['id']}")["files"]
    assert (given["kind"], given["who"], given["media_type"]) == ("signature", "boss", "image/png")
    picture = f"/files/{given['id']}"
    page = reader.page(path, language=language)
    shown = page[page.index(f"<h3>{title}</h3>") :]
    (entry,) = re.findall("<li>.*?</li>", shown[: shown.index("</ol>")])
    assert f"<b>boss</b> {kind}</span>" in entry
    assert f'<a href="{picture}"><img src="{picture}" alt="{kind}"' in entry
    assert reader.client.get(picture).data == b64decode(DOT)
    guest = Reader(desk, "guest").client
    assert guest.get(picture).status_code == 404
    desk.api("guest").refused(404, "GET", picture)
    desk.api("guest").refused(403, "GET", f"/tasks/of/request/{made['id']}")


def test_of_tasks_decided_at_once_one_that_demands_something_stays_and_is_named(desk: Works) -> None:
    plain, sealed = (waiting_for_the_boss(desk, amount) for amount in (50, 700))
    boss = Reader(desk, "boss")
    boss.post("/tasks", action="approve", id=[str(plain["task"]), str(sealed["task"])])
    page = boss.page("/tasks")
    assert f"{sealed['code']} 这一步要求填写内容，请打开单据处理" in page
    assert f"{plain['code']} 这一步" not in page
    assert "已同意 1" in page
    assert [desk.api("boss").read("request", one["id"])["status"] for one in (plain, sealed)] == ["checking", "pending"]
    (left,) = [t["id"] for t in desk.api("boss").items("/tasks") if t["record"] in (plain["id"], sealed["id"])]
    assert left == sealed["task"]
