"""Delivery: what is due is claimed, sent outside of any transaction, and its fate noted; nothing is lost or doubled."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import orjson
import pytest
from sqlalchemy import select

from engine.model import Text
from runtime import channel_settings, inbox, outbox, push_places
from runtime.channels import Wire
from runtime.channels.letters import Attached, Enclosure
from runtime.context import FixedClock, RunContext
from runtime.errors import Forbidden, Invalid
from runtime.outbox import Outgoing
from runtime.outbox_courier import Courier, deliver
from runtime.outbox_delivery import claim, finish
from runtime.outbox_list import resend
from tests.runtime.channels.test_email import office
from tests.runtime.channels.test_push import AUTH, UA_PUBLIC
from tests.runtime.outside import Outside, listening
from tests.runtime.works import BOSS, BUYER, NOON, Works

TITLE, TEXT = Text(zh="到期", en="Due"), Text(zh="请处理", en="Please see to it")
MINUTE = timedelta(minutes=1)
EMPTIED = ("outbox", "inbox", "channel")


def channel(works: Works, kind: str, outside: Outside, name: str = "hook", **values: str) -> int:
    given = {"webhook": {"url": outside.url, "secret": "hush-hush"}, "wecom": {"base": outside.url, "key": "hush-hush"}}
    with works.acting(BOSS) as ctx:
        return channel_settings.save(ctx, None, name, kind, {**given[kind], **values})


def post(works: Works, count: int = 1, kind: str = "webhook", key: str = "k", **more) -> None:
    with works.acting() as ctx:
        outbox.post_many(
            ctx, [Outgoing(kind=kind, key=f"{key}{n}", title=TITLE, text=TEXT, **more) for n in range(count)]
        )


def go(works: Works, moment=NOON, timeout: float = 5.0) -> list[str]:
    return [each.state for each in deliver(works.app, FixedClock(moment), timeout)]


def rows(works: Works) -> list[tuple[str, str, object]]:
    table = works.app.tables.system.outbox
    with works.app.database.read() as connection:
        query = select(table.c.state, table.c.error, table.c.next_at).order_by(table.c.id)
        return [tuple(row) for row in connection.execute(query)]


def test_what_is_due_is_sent_once(works: Works, outside: Outside) -> None:
    channel(works, "webhook", outside)
    post(works, 3)
    assert go(works) == ["sent"] * 3
    assert go(works) == []
    assert sorted(h.body["id"] for h in outside.heard) == ["k0|webhook|", "k1|webhook|", "k2|webhook|"]
    assert rows(works) == [("sent", "", None)] * 3


def test_a_fault_waits_longer_each_time_and_is_tried_again(works: Works, outside: Outside) -> None:
    channel(works, "webhook", outside)
    post(works)
    outside.answer = (503, b"")
    assert go(works) == ["waiting"]
    assert rows(works) == [("waiting", "HTTP 503", NOON + timedelta(seconds=30))]
    assert go(works, NOON + timedelta(seconds=29)) == []
    assert go(works, NOON + timedelta(seconds=30)) == ["waiting"]
    assert rows(works)[0][2] == NOON + timedelta(seconds=90)
    outside.answer = (200, b"")
    assert go(works, NOON + timedelta(seconds=90)) == ["sent"]


def test_after_the_last_try_it_is_given_up_seen_and_can_be_sent_again(works: Works, outside: Outside) -> None:
    channel(works, "webhook", outside)
    post(works)
    outside.answer = (500, b"")
    moment = NOON
    for _ in range(30):
        go(works, moment)
        moment += timedelta(hours=1)
    assert rows(works) == [("dead", "HTTP 500", None)]
    assert go(works, moment) == []
    outside.answer = (200, b"")
    with works.acting(BOSS, moment=moment) as ctx:
        table = ctx.app.tables.system.outbox
        resend(ctx, ctx.connection.execute(select(table.c.id)).scalar_one())
    assert go(works, moment) == ["sent"]


def test_a_permanent_fault_switches_the_channel_off_keeps_the_rest_and_tells_the_admin(
    works: Works, outside: Outside
) -> None:
    made = channel(works, "webhook", outside)
    post(works, 2)
    outside.answer = (401, b"")
    assert go(works) == ["held", "held"]
    post(works, 1, key="later")
    assert go(works) == []
    assert [r[:2] for r in rows(works) if r[0] != "sent"] == [
        ("held", "HTTP 401"), ("held", "HTTP 401"), ("held", "no_channel"),
    ]  # fmt: skip
    with works.acting(BOSS) as ctx:
        (found,) = channel_settings.channels(ctx)
        assert (found.active, found.off_reason) == (False, "HTTP 401")
        (told,) = inbox.mine(ctx)
        assert told.title == "The channel hook was switched off"
        outside.answer = (200, b"")
        channel_settings.switch(ctx, made, on=True)
    assert go(works) == ["sent"] * 3


def test_without_a_channel_it_is_kept_until_there_is_one(works: Works, outside: Outside) -> None:
    post(works)
    assert go(works) == []
    assert rows(works) == [("held", "no_channel", None)]
    channel(works, "webhook", outside)
    assert go(works) == ["sent"]


def test_a_process_that_dies_loses_nothing(works: Works, outside: Outside) -> None:
    channel(works, "webhook", outside)
    post(works)
    with works.acting() as ctx:
        (lost,) = claim(ctx)
    assert go(works, NOON + MINUTE) == []
    assert go(works, NOON + 5 * MINUTE) == ["sent"]
    with works.acting(moment=NOON + 6 * MINUTE) as ctx:  # it was only slow: what it says now comes too late
        answers = lost.kind.send(lost.route.config, lost.letters, Wire(now=NOON))
        finish(ctx, lost, answers)
    assert rows(works) == [("sent", "", None)]


def test_a_place_that_hangs_delays_nobody_else(works: Works, outside: Outside) -> None:
    with listening() as stuck:
        stuck.answer = lambda _heard: (stuck.let_go.wait(20), (200, b""))[1]
        channel(works, "webhook", stuck, "stuck")
        channel(works, "webhook", outside, "quick")
        post(works, 100, key="s", addresses=("stuck",))
        post(works, 5, key="q", addresses=("quick",))
        courier = Courier(lambda: works.app, FixedClock(NOON), timeout=20)
        told = [each.state for each in courier.step()]
        while len(told) < 5:
            courier.wait(5)
            told += [each.state for each in courier.step()]
        assert told == ["sent"] * 5
        assert len(stuck.heard) <= 3
        courier.close()


def test_a_printed_form_that_cannot_be_made_is_the_fault_of_its_own_letter_alone(works: Works) -> None:
    def printed(ctx: RunContext, wanted: Enclosure) -> Attached | None:
        with works.app.database.write() as connection:  # making it holds up nobody who writes
            connection.execute(select(works.app.tables.system.outbox.c.id)).all()
        if wanted.record == 7:
            raise OverflowError("a figure of the form is too large")
        return Attached(name=f"{wanted.print} {wanted.record}.html", media_type="text/html", content=b"<p>")

    with office() as (box, config):
        with works.acting(BOSS) as ctx:
            channel_settings.save(ctx, None, "mail", "email", config)
            for record in (6, 7, 8):
                told = Outgoing(
                    kind="email", key=f"k{record}", title=TITLE, text=TEXT, addresses=("s@example.com",),
                    entity="order", record=record, body={"attach": ["slip"]},
                )  # fmt: skip
                outbox.post(ctx, told)
        states = [each.state for each in deliver(works.app, FixedClock(NOON), attach=printed)]
        assert states == ["sent", "dead", "sent"]
        assert rows(works)[1] == ("dead", "OverflowError: a figure of the form is too large", None)
        assert sorted(b"slip 6.html" in mail.content for mail in box.taken) == [False, True]
        assert sorted(b"slip 8.html" in mail.content for mail in box.taken) == [False, True]


def test_robots_keep_within_their_rate_and_put_the_rest_into_one(works: Works, outside: Outside) -> None:
    channel(works, "wecom", outside)
    post(works, 12, "wecom")
    assert go(works) == ["sent"] * 12
    contents = sorted((h.body["text"]["content"] for h in outside.heard), key=len)
    assert len(contents) == 5
    assert contents[:4] == ["到期\n请处理"] * 4
    assert contents[4].startswith("8 条消息\n到期\n请处理")


def test_no_minute_sees_more_than_the_robot_allows(works: Works, outside: Outside) -> None:
    channel(works, "wecom", outside)
    for second in range(0, 60, 2):
        post(works, 3, "wecom", key=f"k{second}-")
        go(works, NOON + timedelta(seconds=second))
    assert 15 <= len(outside.heard) <= 20
    go(works, NOON + 3 * MINUTE)
    assert {r[0] for r in rows(works)} == {"sent"}


def test_a_robot_that_asks_for_silence_gets_it(works: Works, outside: Outside) -> None:
    channel(works, "wecom", outside)
    post(works, kind="wecom")
    outside.answer = (200, {"errcode": 45009, "errmsg": "api freq out of limit"})
    go(works)
    outside.answer = (200, {"errcode": 0})
    post(works, kind="wecom", key="next")
    for early in (0, 30, 59):
        assert go(works, NOON + timedelta(seconds=early)) == []
    assert len(outside.heard) == 1
    assert go(works, NOON + 2 * MINUTE) == ["sent", "sent"]


def test_two_workers_send_each_once(works: Works, outside: Outside) -> None:
    channel(works, "webhook", outside)
    post(works, 150)
    together = Barrier(2)

    def work() -> None:
        together.wait()
        deliver(works.app, FixedClock(NOON))

    workers = [Thread(target=work) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert sorted(h.body["id"] for h in outside.heard) == sorted(f"k{n}|webhook|" for n in range(150))
    assert {r[0] for r in rows(works)} == {"sent"}


def test_secrets_are_seen_nowhere(works: Works, outside: Outside) -> None:
    made = channel(works, "wecom", outside)
    outside.answer = (200, {"errcode": 93000, "errmsg": "invalid key hush-hush"})
    post(works, 1, "wecom")
    go(works)
    with works.acting(BOSS) as ctx:
        (found,) = channel_settings.channels(ctx)
        audit = ctx.app.tables.system.audit
        trail = ctx.connection.execute(select(audit.c.changes).where(audit.c.entity == "channel")).scalars().all()
        shown = [repr(found), *trail, *(m.text for m in inbox.mine(ctx)), *(r[1] for r in rows(works))]
        tried = channel_settings.trial(ctx, made).send()
    assert rows(works)[0][1] == "93000 invalid key ••••"
    assert [s for s in (*shown, tried.error) if "hush" in s] == []
    assert found.kept == frozenset({"key"})


def test_a_secret_left_empty_stays(works: Works, outside: Outside) -> None:
    made = channel(works, "wecom", outside)
    with works.acting(BOSS) as ctx:
        channel_settings.save(ctx, made, "group", "wecom", {"base": outside.url, "key": ""})
    post(works, 1, "wecom", addresses=("group",))
    assert go(works) == ["sent"]
    assert outside.heard[0].path.endswith("key=hush-hush")


def test_channels_are_for_administrators_and_checked(works: Works, outside: Outside) -> None:
    with works.acting(BUYER) as ctx, pytest.raises(Forbidden):
        channel_settings.save(ctx, None, "x", "webhook", {"url": "http://x"})
    channel(works, "webhook", outside)
    with works.acting(BOSS) as ctx:
        for name, kind, values, code in (
            ("", "webhook", {"url": "http://x"}, "channel_name"),
            ("hook", "webhook", {"url": "http://x"}, "channel_taken"),
            ("x", "webhook", {}, "required"),
            ("x", "webhook", {"url": "javascript:x"}, "not_a_link"),
            ("x", "pigeon", {}, "channel_kind"),
            ("x", "email", {"host": "h", "sender": "a@b.c", "port": "x"}, "not_whole"),
            ("x", "email", {"host": "h", "sender": "a@b.c", "security": "x"}, "channel_option"),
        ):
            with pytest.raises(Invalid) as refused:
                channel_settings.save(ctx, None, name, kind, values)
            assert [f.code for f in refused.value.faults] == [code]
        assert len(channel_settings.channels(ctx)) == 1


def test_links_start_with_the_address_of_the_server(works: Works, outside: Outside) -> None:
    channel(works, "webhook", outside)
    with works.acting(BOSS) as ctx:
        channel_settings.set_public_url(ctx, "https://erp.firm.example/")
        outbox.post(ctx, Outgoing(kind="webhook", key="k", title=TITLE, text=TEXT, entity="order", record=7))
    go(works)
    with works.acting(BOSS) as ctx:
        channel_settings.set_public_url(ctx, "")
    assert outside.heard[0].body["link"] == "https://erp.firm.example/e/order/7"


def test_a_push_goes_to_the_browsers_of_the_person_and_forgets_those_that_are_gone(
    works: Works, outside: Outside
) -> None:
    outside.answer = lambda heard: (410 if heard.path == "/old" else 201, b"")
    with works.acting(BUYER) as ctx:
        table = ctx.app.tables.system.push
        ctx.connection.execute(table.delete())
        for name in ("old", "new"):  # the door for people takes https only
            keys = orjson.dumps({"p256dh": UA_PUBLIC, "auth": AUTH}).decode()
            place = {"account": BUYER.account, "endpoint": f"{outside.url}/{name}", "keys": keys, "made_at": NOON}
            ctx.connection.execute(table.insert().values(**place))
    post(works, kind="push", accounts=frozenset({BUYER.account, BOSS.account}))
    assert sorted(go(works)) == ["dead", "sent"]
    assert sorted(h.path for h in outside.heard) == ["/new", "/old"]
    assert outside.heard[0].headers["authorization"].startswith("vapid t=")
    with works.acting(BUYER) as ctx:
        assert [row["device"] for row in push_places.mine(ctx)] == [""]
        assert [place["endpoint"] for place in push_places.places(ctx, [2])[2]] == [f"{outside.url}/new"]
    assert sorted(r[1] for r in rows(works)) == ["", "no_address"]
