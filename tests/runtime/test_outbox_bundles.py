"""What was put off leaves as one message where a channel can say it all in one, and whole in every channel."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time, timedelta
from email import message_from_bytes, policy
from typing import Any

import orjson
import pytest

from engine.model import Pace, Text
from runtime import accounts, channel_settings, outbox
from runtime.channels import CHANNELS
from runtime.context import FixedClock
from runtime.outbox import Outgoing
from runtime.outbox_courier import deliver
from tests.runtime.channels.test_apps import ASKED, CONFIG, service
from tests.runtime.channels.test_email import office
from tests.runtime.channels.test_push import AUTH, UA_PUBLIC, unsealed
from tests.runtime.outside import Heard, Outside
from tests.runtime.works import BOSS, BUYER, NOON, Works

EVENING = NOON + timedelta(hours=5, minutes=30)
DAILY = Pace(daily=time(17, 30))
COUNT = 60
EMPTIED = ("outbox", "inbox", "channel", "push")


@pytest.fixture(autouse=True)
def named(works: Works) -> None:
    """The buyer has a name in every service."""
    with works.acting() as ctx:
        names = dict.fromkeys(("wecom", "dingtalk", "feishu"), "ou_wang")
        accounts.set_preference(ctx, BUYER.account, "addresses", names)


def put_off(works: Works, kind: str, count: int = COUNT) -> None:
    """Messages of noon that are to be told in the evening."""
    personal = CHANNELS[kind].personal and kind != "email"
    whom: dict[str, Any] = {"accounts": frozenset({BUYER.account})} if personal else {}
    whom |= {"addresses": ("v@example.com",)} if kind == "email" else {}
    with works.acting() as ctx:
        told = [
            Outgoing(
                kind=kind, key=f"k{n}", title=Text(zh=f"第 {n} 件", en=f"No. {n}."), pace=DAILY, body={"number": n},
                text=Text(zh=f"库存 {n} 号低于下限，请补货", en="Low stock - see to it"), **whom,
            )
            for n in range(count)
        ]  # fmt: skip
        outbox.post_many(ctx, told)


def told_in_the_evening(works: Works) -> list[str]:
    """Their fates; what a channel may not send at once leaves in the minutes after."""
    assert deliver(works.app, FixedClock(EVENING - timedelta(minutes=1))) == []
    moments = (EVENING + timedelta(minutes=n) for n in range(3))
    return [each.state for moment in moments for each in deliver(works.app, FixedClock(moment))]


def open_channel(works: Works, kind: str, outside: Outside, config: dict[str, str]) -> None:
    outside.answer = service(kind) if kind in CONFIG else (200, {"errcode": 0, "code": 0})
    with works.acting(BOSS) as ctx:
        if kind != "push":
            channel_settings.save(ctx, None, "way out", kind, config)
            return
        keys = orjson.dumps({"p256dh": UA_PUBLIC, "auth": AUTH}).decode()
        place = {"account": BUYER.account, "endpoint": f"{outside.url}/browser", "keys": keys, "made_at": NOON}
        ctx.connection.execute(ctx.app.tables.system.push.insert().values(**place))


SAID: dict[str, tuple[Callable[[Heard], str], int, int]] = {
    "wecom": (lambda h: h.body["text"]["content"], 2048, 2),
    "dingtalk": (lambda h: h.body["text"]["content"], 18000, 1),
    "feishu": (lambda h: h.body["content"]["text"], 18000, 1),
    "wecom_app": (lambda h: h.body["text"]["content"], 2048, 2),
    "dingtalk_app": (lambda h: h.body["msg"]["text"]["content"], 2048, 2),
    "feishu_app": (lambda h: orjson.loads(h.body["content"])["text"], 18000, 1),
    "push": (lambda h: orjson.loads(unsealed(h.raw))["body"], 2000, 2),
    "webhook": (lambda h: h.body["title"]["zh"], 1000, COUNT),
}
"""Of each kind what a request says, how long it may be, and how many requests it takes for all."""


def config_of(kind: str, outside: Outside) -> dict[str, str]:
    given = CONFIG.get(kind) or {"webhook": {"url": outside.url}, "wecom": {"key": "K"}}.get(kind, {"token": "T"})
    return {**given, **({} if kind == "webhook" else {"base": outside.url})}


@pytest.mark.parametrize("kind", sorted(CHANNELS.keys() - {"email"}))
def test_all_that_was_put_off_is_said_in_as_few_messages_as_hold_it_whole(
    works: Works, outside: Outside, kind: str
) -> None:
    open_channel(works, kind, outside, config_of(kind, outside))
    put_off(works, kind)
    assert told_in_the_evening(works) == ["sent"] * COUNT
    said, most, messages = SAID[kind]
    texts = [said(heard) for heard in outside.heard if heard.path != ASKED.get(kind)]
    assert sorted(int(n) for text in texts for n in re.findall(r"(?:第|No\.) (\d+)", text)) == list(range(COUNT))
    assert (len(texts), max(len(text.encode()) for text in texts) <= most) == (messages, True)
    assert [text for text in texts if "…" in text] == []


def test_all_that_was_put_off_is_one_mail(works: Works) -> None:
    with office() as (box, config):
        with works.acting(BOSS) as ctx:
            channel_settings.save(ctx, None, "mail", "email", config)
        put_off(works, "email")
        assert told_in_the_evening(works) == ["sent"] * COUNT
        (mail,) = [message_from_bytes(bytes(each.content), policy=policy.default) for each in box.taken]
    numbers = re.findall(r"(?:第|No\.) (\d+)", mail.get_content())
    assert [int(n) for n in numbers] == list(range(COUNT))


def test_a_program_is_given_each_event_with_its_own_data(works: Works, outside: Outside) -> None:
    open_channel(works, "webhook", outside, {"url": outside.url})
    put_off(works, "webhook", 2)
    assert told_in_the_evening(works) == ["sent"] * 2
    assert sorted((h.body["id"], h.body["data"]) for h in outside.heard) == [
        ("k0|webhook|", {"number": 0}),
        ("k1|webhook|", {"number": 1}),
    ]


def test_a_robot_that_is_told_too_much_at_once_says_all_of_it_in_the_end(works: Works, outside: Outside) -> None:
    open_channel(works, "wecom", outside, config_of("wecom", outside))
    long = Text(zh="料" * 200, en="")
    with works.acting() as ctx:
        outbox.post_many(ctx, [Outgoing(kind="wecom", key=f"k{n}", title=Text(zh=f"第 {n} 件", en=""), text=long)
                               for n in range(12)])  # fmt: skip
    states = [each.state for n in range(3) for each in deliver(works.app, FixedClock(NOON + timedelta(minutes=n)))]
    assert states == ["sent"] * 12
    texts = [heard.body["text"]["content"] for heard in outside.heard]
    assert sorted(int(n) for text in texts for n in re.findall(r"第 (\d+)", text)) == list(range(12))
    assert sum(text.count("料") for text in texts) == 12 * 200
