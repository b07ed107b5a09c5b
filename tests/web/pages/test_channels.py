"""Channels, outbox and working days as the administrator sees them, and nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from engine.model import Text
from runtime import outbox
from runtime.context import FixedClock
from runtime.outbox import Outgoing
from runtime.outbox_courier import deliver
from tests.runtime.outside import Outside, listening
from tests.scenarios.works import Works
from tests.web.pages.test_figures import Reader


@pytest.fixture
def admin(office: Works) -> Reader:
    return Reader(office, "admin")


@pytest.fixture
def keeper(office: Works) -> Reader:
    return Reader(office, "keeper")


@pytest.fixture
def outside() -> Iterator[Outside]:
    with listening() as found:
        yield found


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page))


@pytest.fixture
def channel(office: Works, admin: Reader, outside: Outside) -> Iterator[str]:
    """A WeCom robot at a local address, made by the page; its address."""
    assert "WeCom robot" in admin.page("/channels", language="en")
    assert "密钥 key" in admin.page("/channels/new/wecom")
    admin.post("/channels/new/wecom", name="仓库群", key="very-secret-key", base=outside.url)
    found = re.search(r'href="(/channels/\d+)">仓库群', admin.page("/channels"))
    assert found is not None
    yield found[1]
    admin.post(found[1], action="remove")


def test_a_channel_is_made_tested_and_its_secret_never_shown(admin: Reader, outside: Outside, channel: str) -> None:
    for page in (admin.page("/channels"), admin.page(channel), admin.page(channel, language="en")):
        assert "very-secret" not in page
    assert "已保存，留空不变" in admin.page(channel)
    admin.post(f"{channel}/test")
    assert "测试消息已发出" in admin.page("/channels")
    assert outside.heard[0].body["text"]["content"].startswith("测试消息\n")
    assert outside.heard[0].path.endswith("key=very-secret-key")


def test_what_the_other_side_refuses_is_told(admin: Reader, outside: Outside, channel: str) -> None:
    outside.answer = (200, {"errcode": 93000, "errmsg": "invalid webhook url very-secret-key"})
    admin.post(f"{channel}/test")
    assert "没有发出：93000 invalid webhook url ••••" in admin.page("/channels")


def test_a_wrong_setting_is_told_at_its_field_and_nothing_is_saved(admin: Reader) -> None:
    page = admin.post("/channels/new/webhook", 422, name="坏的", url="ftp://x")
    assert "地址应以 http:// 或 https:// 开头" in page
    assert "坏的" not in admin.page("/channels")


def test_the_outbox_shows_each_message_and_sends_again(
    office: Works, admin: Reader, outside: Outside, channel: str
) -> None:
    outside.answer = (200, {"errcode": 40008, "errmsg": "bad msgtype"})
    with office.acting() as ctx:
        told = Outgoing(
            kind="wecom", key="page-test", title=Text(zh="到货了", en="It is here"), text=Text(zh="螺栓", en="bolts")
        )
        outbox.post(ctx, told)
        moment = ctx.now()
    deliver(office.app, FixedClock(moment))
    shown = words(admin.page("/outbox?state=dead"))
    assert "到货了 螺栓" in shown
    assert "放弃 40008 bad msgtype" in shown
    assert "It is here" in admin.page("/outbox", language="en")
    id = re.search(r"/outbox/(\d+)/resend", admin.page("/outbox?state=dead"))
    assert id is not None
    outside.answer = (200, {"errcode": 0})
    admin.post(f"/outbox/{id[1]}/resend")
    deliver(office.app, FixedClock(office.clock.now()))
    assert "到货了" in admin.page("/outbox?state=sent")
    assert len(outside.heard) == 2


def test_working_days_are_named_and_hours_kept(admin: Reader) -> None:
    page = words(admin.page("/settings/working-days?year=2026"))
    assert "2026-02-17 周二 春节 休息" in page
    assert "2026-02-28 周六 春节调休 上班" in page
    admin.post("/settings/working-days", day="2026-03-04", name="厂庆", works="0")
    assert "2026-03-04 周三 厂庆 本公司 休息" in words(admin.page("/settings/working-days?year=2026"))
    admin.post("/settings/working-days", day="2026-03-04", action="forget")
    assert "厂庆" not in admin.page("/settings/working-days?year=2026")
    assert "工作时间应像" in admin.post("/settings/working-hours", 422, weekday="0", hours="all day")
    assert "应是日期" in admin.post("/settings/working-days", 422, day="tomorrow")


@pytest.mark.parametrize("path", ["/channels", "/channels/new/email", "/outbox", "/settings/working-days"])
def test_only_administrators_see_these_pages(keeper: Reader, path: str) -> None:
    keeper.page(path, 403)


def test_people_say_where_they_want_to_be_told(office: Works, keeper: Reader) -> None:
    assert "怎么通知我" in keeper.page("/account")
    keeper.post("/account/contact", channel=["wecom", "email"], wecom="13800001111", email="keeper@example.com")
    page = keeper.page("/account")
    assert 'value="13800001111"' in page
    assert re.findall(r'name="channel" value="(\w+)" checked', page) == ["email", "wecom"]
    with office.acting() as ctx:
        account = ctx.app.tables.system.account
        who = office.scalar("SELECT id FROM dg_account WHERE name = 'keeper'")
        told = Outgoing(
            kind="own", key="own-test", accounts=frozenset({who}), title=Text(zh="x", en="x"), text=Text(zh="", en="")
        )
        outbox.post(ctx, told)
        rows = outbox.rows_of(ctx, "own-test")
        assert account is not None
    assert [(r["kind"], r["address"], r["body"]) for r in rows] == [
        ("inbox", "", "{}"),
        ("wecom", "", '{"mentions":["13800001111"]}'),
        ("email", "keeper@example.com", "{}"),
    ]
    keeper.post("/account/contact", 422, channel="pigeon")


def test_people_say_when_they_want_to_be_told(keeper: Reader) -> None:
    keeper.post("/account/contact", quiet_from="22:00", quiet_to="07:00", daily="08:30")
    page = keeper.page("/account")
    for name, value in (("quiet_from", "22:00"), ("quiet_to", "07:00"), ("daily", "08:30")):
        assert f'name="{name}" type="time" value="{value}"' in page
    assert "免打扰要从几点到几点都填" in keeper.post("/account/contact", 422, quiet_from="22:00")
    assert "25:00 不是几点几分" in keeper.post("/account/contact", 422, daily="25:00")
    keeper.post("/account/contact")
    assert 'value="22:00"' not in keeper.page("/account")


def test_a_program_may_say_so_too(office: Works) -> None:
    api = office.api("keeper")
    said = {"channel": "email", "addresses": {"email": "k@example.com"}, "quiet": ["22:00", "07:00"], "daily": None}
    assert api.call("PATCH", "/contact", said).json["quiet"] == ["22:00", "07:00"]
    kept = api.call("PATCH", "/contact", {"daily": "08:30"}).json
    assert (kept["channel"], kept["addresses"]["email"], kept["daily"]) == ("email", "k@example.com", "08:30")
    assert api.get("/contact") == kept
    assert kept["channels"] == ["email"]
    assert api.call("PATCH", "/contact", {"channels": ["push", "email"]}).json["channels"] == ["push", "email"]
    assert api.call("PATCH", "/contact", {"daily": None}).json["channels"] == ["push", "email"]
    assert api.call("PATCH", "/contact", {"channels": ["pigeon"]}).status_code == 422
    assert api.call("PATCH", "/contact", {"channels": "push"}).status_code == 400
    nothing = {"channel": "", "addresses": {}, "quiet": None, "daily": None}
    assert api.call("PATCH", "/contact", nothing).json["quiet"] is None
    assert api.get("/contact")["channels"] == []


def test_those_who_run_the_server_see_what_has_not_left(office: Works, admin: Reader) -> None:
    with office.acting() as ctx:
        nothing = Text(zh="x", en="x")
        outbox.post(ctx, Outgoing(kind="webhook", key="metrics-test", title=nothing, text=nothing))
    seen = admin.client.get("/metrics").get_data(as_text=True)
    waiting = f'dougong_outbox_messages{{app="{office.app.name}",channel="webhook",state="waiting"}} 1.0'
    assert waiting in seen
    assert f'dougong_outbox_late_seconds{{app="{office.app.name}"}}' in seen


def test_a_browser_is_pushed_to_until_it_is_stopped(office: Works, keeper: Reader) -> None:
    assert "showNotification" in keeper.page("/push-worker.js")
    assert '"key"' in keeper.post("/account/push/key", 200)
    place = {"endpoint": "https://push.example.net/x/1", "p256dh": "B" * 87, "auth": "a" * 22}
    keeper.post("/account/push", 204, **place)
    keeper.post("/account/push", 204, **place)
    assert office.scalar("SELECT count(*) FROM dg_push") == 1
    ends = re.findall(r"/account/push/(\d+)/end", keeper.page("/account"))
    assert len(ends) == 1
    for wrong in ("http://push.example.net/x", "https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x"):
        keeper.post("/account/push", 422, **{**place, "endpoint": wrong})
    keeper.post(f"/account/push/{ends[0]}/end")
    assert office.scalar("SELECT count(*) FROM dg_push") == 0
