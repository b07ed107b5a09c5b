"""When messages may ring: quiet hours and daily digests, of people and of rules."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.compiler import load_text
from engine.model import Pace, Text
from engine.problems import MetadataError
from runtime import accounts, channel_settings, inbox, outbox
from runtime.context import FixedClock
from runtime.database import Database
from runtime.outbox import Outgoing
from runtime.outbox_courier import deliver
from runtime.outbox_hours import Hours, leaves
from tests.runtime.outside import listening
from tests.runtime.works import BOSS, BUYER, CHIEF, NOON, Works, open_works

ZONE = ZoneInfo("Asia/Shanghai")
NIGHT = (time(22), time(7))
RULE = """\
app: desk
roles: {{boss: {{label: 主管 | Boss}}}}
entities:
  note: {{kind: document, label: 便条 | Note}}
rules:
  told:
    label: 告知 | Told
    when: {{created: note}}
    then: {{tell: {{send: email, to: [boss], say: 有新便条, {pace}}}}}
alerts:
  late:
    label: 迟了 | Late
    of: note
    while: date < today()
    say: 迟了
    daily: 17:30
    levels: {{bad: {{label: 很迟 | Very late, while: date < today(), urgent: true}}}}
"""


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("now", "pace", "hours", "expected"),
    [
        (at(12), Pace(), Hours(), at(12)),
        (at(23), Pace(), Hours(quiet=NIGHT), at(7, day=3)),
        (at(3), Pace(), Hours(quiet=NIGHT), at(7)),
        (at(7), Pace(), Hours(quiet=NIGHT), at(7)),
        (at(21, 59), Pace(), Hours(quiet=NIGHT), at(21, 59)),
        (at(23), Pace(urgent=True, quiet=NIGHT), Hours(quiet=NIGHT, daily=time(8)), at(23)),
        (at(12), Pace(quiet=(time(11), time(14))), Hours(), at(14)),
        (at(12), Pace(quiet=(time(11), time(14))), Hours(quiet=(time(13), time(15))), at(15)),
        (at(12), Pace(daily=time(17, 30)), Hours(), at(17, 30)),
        (at(18), Pace(daily=time(17, 30)), Hours(), at(17, 30, day=3)),
        (at(12), Pace(daily=time(17, 30)), Hours(daily=time(9)), at(9, day=3)),
        (at(12), Pace(), Hours(daily=time(6), quiet=NIGHT), at(7, day=3)),
        (at(12), Pace(), Hours(quiet=(time(8), time(8))), at(12)),
    ],
)
def test_a_message_leaves_when_both_the_rule_and_the_person_want_it(
    now: datetime, pace: Pace, hours: Hours, expected: datetime
) -> None:
    assert leaves(now.astimezone(UTC), ZONE, pace, hours) == expected.astimezone(UTC)


def test_rules_and_alerts_say_when_their_messages_may_leave() -> None:
    model = load_text(RULE.format(pace="urgent: true, quiet: 20:00-07:30, daily: 18:00"))
    assert model.rules["told"].actions[0].pace == Pace(urgent=True, quiet=(time(20), time(7, 30)), daily=time(18))
    late = model.alerts["late"]
    assert (late.pace, late.levels[0].urgent) == (Pace(daily=time(17, 30)), True)
    with pytest.raises(MetadataError) as wrong:
        load_text(RULE.format(pace="quiet: at night"))
    assert str(wrong.value).endswith("tell.quiet: at night is no hour; write it as in 20:00-07:00 [D207]")


@pytest.fixture(scope="module")
def works(module_database: Database) -> Works:
    return open_works(module_database)


def test_what_was_put_off_comes_as_one_message_and_urgent_ones_at_once(works: Works) -> None:
    evening = at(23).astimezone(UTC)
    with works.acting(BOSS, moment=NOON) as ctx:
        channel_settings.save(ctx, None, "群", "wecom", {"key": "hush-hush"})
        for user, name in ((BUYER, "buyer"), (CHIEF, "chief")):
            accounts.set_preference(ctx, user.account, "channel", "wecom")
            accounts.set_preference(ctx, user.account, "addresses", {"wecom": name})
        accounts.set_preference(ctx, BUYER.account, "quiet", ["22:00", "07:00"])
    with works.acting(moment=evening) as ctx:
        people = frozenset({BUYER.account, CHIEF.account})
        same = {"kind": "own", "text": Text(zh="请看", en="Look"), "accounts": people}
        outbox.post_many(
            ctx,
            [
                Outgoing(key="one", title=Text(zh="一", en="One"), **same),
                Outgoing(key="two", title=Text(zh="二", en="Two"), **same),
                Outgoing(key="now", title=Text(zh="急", en="Now"), pace=Pace(urgent=True), **same),
            ],
        )
    with works.acting(BUYER, moment=evening) as ctx:
        assert {message.title for message in inbox.mine(ctx)} == {"One", "Two", "Now"}  # the inbox rings nobody
    with listening() as outside:
        with works.acting(BOSS) as ctx:
            table = ctx.app.tables.system.channel
            config = '{"base": "' + outside.url + '"}'
            ctx.connection.execute(table.update().values(config=config, tokens=5.0, filled_at=None))
        said = [each.state for each in deliver(works.app, FixedClock(evening), 5.0)]
        assert said == ["sent"] * 3
        at_night = [heard.body["text"] for heard in outside.heard]
        assert sorted((text["content"].split("\n")[0], text["mentioned_list"]) for text in at_night) == [
            ("一", ["chief"]),
            ("二", ["chief"]),
            ("急", ["buyer", "chief"]),
        ]
        assert deliver(works.app, FixedClock(evening + timedelta(hours=7, minutes=59)), 5.0) == []
        outside.heard.clear()
        assert len(deliver(works.app, FixedClock(evening + timedelta(hours=8)), 5.0)) == 2
        (morning,) = [heard.body["text"] for heard in outside.heard]
        assert morning == {"content": "2 条消息\n一\n请看\n\n二\n请看", "mentioned_list": ["buyer"]}
