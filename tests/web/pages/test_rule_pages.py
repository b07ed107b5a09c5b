"""Rules and alerts as sentences and little pictures, and a trial on the past that one can watch and leave."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

import pytest
from sqlalchemy import select

from runtime.database import Database
from tests.scenarios.works import Works
from tests.web.pages.test_figures import Reader
from web.api import rules as api_rules
from web.api import simulations
from web.pages import alerts as pages_alerts

JANUARY = "since=2026-01-01&until=2026-01-31"


@pytest.fixture(scope="module")
def admin(office_on_file: Works) -> Reader:
    return Reader(office_on_file, "admin")


def boxes(page: str) -> list[tuple[str, list[str]]]:
    """The boxes of a picture: the head of each, and its parts."""
    drawn = page[page.index('<ol class="rule-boxes">') : page.index("</ol>")]
    return [
        (box.split("</b>")[0], re.findall(r"<span>([^<]*)</span>", box))
        for box in drawn.split('<li class="rule-box"><b>')[1:]
    ]


def test_a_rule_is_drawn_from_what_sets_it_off_to_what_it_does(admin: Reader) -> None:
    (when, start), (asked, conditions), (then, acts) = boxes(admin.page("/rules/order_to_supplier"))
    assert (when, start) == ("当", ["采购订单“审核”时"])
    assert (asked, conditions) == ("如果", ["供应商的邮箱已填写"])
    assert then == "就"
    assert [act.partition("：")[0] for act in acts] == ["用邮件告诉 供应商的邮箱"]
    heads = [head for head, _ in boxes(admin.page("/rules/order_to_supplier", language="en"))]
    assert heads == ["When", "If", "Then"]


def test_every_rule_and_alert_opens_its_picture(office: Works, admin: Reader) -> None:
    for rule in office.app.model.rules:
        assert len(boxes(admin.page(f"/rules/{rule}"))) == 3, rule
    for alert in office.app.model.alerts.values():
        assert len(boxes(admin.page(f"/alerts/kinds/{alert.id}"))) == 3 + bool(alert.levels), alert.id
    admin.page("/alerts/kinds/nothing", status=404)
    Reader(office, "buyer").page("/alerts/kinds/below_safety", status=403)


def test_an_alert_is_drawn_with_what_holds_whom_it_tells_and_when_it_closes(admin: Reader) -> None:
    drawn = boxes(admin.page("/alerts/kinds/below_safety"))
    assert drawn[0] == ("只要物料的", ["启用", "可用量 &lt; 安全库存"])
    assert drawn[1][1][:2] == ["告诉采购", "24 个工作小时没人处理再告诉经理"]
    assert drawn[2] == ("到", ["不再如此"])


def test_a_rule_that_rests_says_so_on_its_page(office: Works, admin: Reader) -> None:
    assert "这条规则已停用" not in admin.page("/rules/price_rise")
    office.api().call("PATCH", "/rules/price_rise", {"on": False})
    assert "这条规则已停用" in admin.page("/rules/price_rise")
    office.api().call("PATCH", "/rules/price_rise", {"on": True})


def test_a_trial_shows_how_far_it_is_before_it_says_what_came_of_it(admin: Reader) -> None:
    page = admin.page(f"/rules/forgotten_drafts/simulate?{JANUARY}")
    shown = [int(percent) for percent in re.findall(r'<progress [^>]*value="(\d+)"', page)]
    assert shown[0] == 0
    assert len(shown) > 20
    assert shown == sorted(shown)
    assert page.index("会触发 ") > page.rindex("<progress ")


def test_a_trial_is_sent_piece_by_piece_and_ends_with_its_reader(admin: Reader) -> None:
    answer = admin.client.get(f"/rules/forgotten_drafts/simulate?{JANUARY}", buffered=False)
    pieces = answer.iter_encoded()
    assert b"<progress " in next(pieces)
    assert answer.headers["X-Accel-Buffering"] == "no"
    answer.close()
    assert list(pieces) == []


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ("since=2026-02-01&until=2026-01-01", "起止日期不对：2026-02-01 至 2026-01-01"),
        ("since=2001-01-01&until=2026-01-01", "一次最多看 1100 天"),
        ("since=soon&until=", "请填写起止日期"),
    ],
)
def test_a_period_that_cannot_be_tried_is_told(admin: Reader, days: str, said: str) -> None:
    assert said in admin.page(f"/rules/forgotten_drafts/simulate?{days}")


def test_an_alert_is_tried_on_the_past_from_its_page(admin: Reader) -> None:
    assert 'href="/rules/alert:below_safety/simulate"' in admin.page("/alerts/kinds/below_safety")
    page = admin.page(f"/rules/alert:below_safety/simulate?{JANUARY}")
    assert "就一直预警并告诉 采购" in page
    assert "会触发 " in page
    assert 'href="/alerts/kinds/below_safety"' in page
    assert "/simulate" not in admin.page("/alerts/kinds/shortage_ahead")  # what a plan reckoned then nobody knows
    refused = admin.client.get(f"/rules/alert:shortage_ahead/simulate?{JANUARY}")
    assert refused.status_code == 409


@pytest.mark.both
def test_a_simulation_asked_for_by_the_api_writes_in_no_transaction(
    office: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    def writing(_: Database) -> NoReturn:
        raise AssertionError("a simulation only reads")

    api, asked = office.api(), {"since": "2026-01-01", "until": "2026-01-31"}
    monkeypatch.setattr(Database, "write", writing)
    for rule in ("order_to_supplier", "ready_to_deliver", "alert:below_safety"):
        answer = api.call("POST", f"/rules/{rule}/simulate", asked)
        assert (answer.status_code, answer.json["fired"]) == (200, 0), rule


def test_so_many_simulations_beside_are_asked_to_wait(office: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulations, "OF_ONE", 0)
    refused = office.api().call(
        "POST", "/rules/order_to_supplier/simulate", {"since": "2026-01-01", "until": "2026-01-31"},
        headers={"Prefer": "respond-async"},
    )  # fmt: skip
    (error,) = refused.json["errors"]
    assert (refused.status_code, error["code"]) == (429, "too_many_simulations")
    assert error["message"] == "同时进行的回放试算太多（每人最多 0 个，共 6 个）：请等它们做完，或者先停掉一个"


@pytest.fixture
def three_open(office: Works) -> Iterator[list[int]]:
    """Three open alerts about items; their numbers, newest first."""
    table = office.app.tables.system.alert
    same = {"alert": "below_safety", "entity": "item", "color": "red", "text_zh": "低", "text_en": "low"}
    at = office.clock.now()
    with office.acting() as ctx:
        items = [office.id("item", code) for code in ("SCREW", "CONN", "PART")]
        rows = [{**same, "record": i, "open_key": f"test:{i}", "opened_at": at, "refreshed_at": at} for i in items]
        ctx.connection.execute(table.insert(), rows)
        mine = table.c.open_key.startswith("test:")
        ids = list(ctx.connection.execute(select(table.c.id).where(mine).order_by(table.c.id.desc())).scalars())
    yield ids
    with office.acting() as ctx:
        ctx.connection.execute(table.delete().where(table.c.id.in_(ids)))


def test_open_alerts_are_turned_page_by_page(
    office: Works, admin: Reader, three_open: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages_alerts, "PAGE", 2)
    monkeypatch.setattr(api_rules, "ALERTS", 2)
    newest, middle, oldest = three_open
    first = admin.page("/alerts")
    assert [f"/alerts/{id}" in first for id in three_open] == [True, True, False]
    assert f'href="/alerts?before={middle}"' in first
    second = admin.page(f"/alerts?before={middle}")
    assert [f"/alerts/{id}" in second for id in three_open] == [False, False, True]
    told = office.api().get("/alerts", alert="below_safety")
    assert ([each["id"] for each in told["items"]], told["next"]) == ([newest, middle], middle)
    told = office.api().get("/alerts", alert="below_safety", before=middle)
    assert told["items"][0]["id"] == oldest
