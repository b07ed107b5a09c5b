"""The outbox: what is said leaves with the transaction that says it, once for each place it goes to."""

from __future__ import annotations

import pytest

from engine.model import Text
from runtime import accounts, inbox, outbox
from runtime.context import RunContext
from runtime.outbox import Outgoing
from tests.runtime.shop import counting
from tests.runtime.works import BOSS, BUYER, CHIEF, NOON, Works

TITLE, TEXT = Text(zh="到期", en="Due"), Text(zh="请处理", en="Please see to it")
EMPTIED = ("outbox", "inbox")


def message(kind: str, key: str = "k", **more) -> Outgoing:
    return Outgoing(kind=kind, key=key, title=TITLE, text=TEXT, **more)


def states(ctx: RunContext, key: str = "k") -> list[tuple[str, int | None, str, str]]:
    return [(r["kind"], r["account"], r["address"], r["state"]) for r in outbox.rows_of(ctx, key)]


def test_the_inbox_has_it_at_once_in_the_readers_language(works: Works) -> None:
    with works.acting() as ctx:
        assert outbox.post(ctx, message("inbox", accounts=frozenset({1, 2}), entity="order", record=0)) == 2
        assert states(ctx) == [("inbox", 1, "", "sent"), ("inbox", 2, "", "sent")]
    for language, words in (("zh", ("到期", "请处理")), ("en", ("Due", "Please see to it"))):
        with works.acting(BUYER, language) as ctx:
            assert inbox.count_unseen(ctx) == 1
            outbox.post(ctx, message("inbox", f"free {language}", accounts=frozenset({2})))
            newest = inbox.mine(ctx)[0]
            assert (newest.title, newest.text) == words
            inbox.acknowledge(ctx, newest.id)


def test_the_same_key_is_said_once(works: Works) -> None:
    for _ in range(2):
        with works.acting() as ctx:
            outbox.post(ctx, message("inbox", accounts=frozenset({2})))
            outbox.post(ctx, message("webhook"))
    with works.acting(BUYER) as ctx:
        assert len(inbox.mine(ctx)) == 1
        assert [s[0] for s in states(ctx)] == ["inbox", "webhook"]


def said_and_broken_off(works: Works) -> None:
    with works.acting() as ctx:
        outbox.post(ctx, message("inbox", accounts=frozenset({2})))
        raise ZeroDivisionError


def test_what_is_undone_was_never_said(works: Works) -> None:
    with pytest.raises(ZeroDivisionError):
        said_and_broken_off(works)
    with works.acting(BUYER) as ctx:
        assert (inbox.mine(ctx), outbox.rows_of(ctx, "k")) == ([], [])


def test_mail_goes_to_people_and_addresses_and_says_who_has_none(works: Works) -> None:
    with works.acting() as ctx:
        accounts.set_preference(ctx, BUYER.account, "addresses", {"email": "buyer@example.com"})
        people = frozenset({BUYER.account, CHIEF.account})
        outbox.post(ctx, message("email", accounts=people, addresses=("v@example.com",)))
        assert states(ctx) == [
            ("email", 2, "buyer@example.com", "waiting"),
            ("email", 5, "", "dead"),
            ("email", None, "v@example.com", "waiting"),
        ]
        assert [r["error"] for r in outbox.rows_of(ctx, "k")] == ["", "no_address", ""]
        assert [r["next_at"] for r in outbox.rows_of(ctx, "k")] == [NOON, None, NOON]


def test_a_robot_is_told_once_and_calls_those_it_knows(works: Works) -> None:
    with works.acting() as ctx:
        accounts.set_preference(ctx, BUYER.account, "addresses", {"wecom": "13800001111"})
        outbox.post(ctx, message("wecom", accounts=frozenset({1, 2})))
        (row,) = outbox.rows_of(ctx, "k")
        assert (row["account"], row["body"]) == (None, '{"mentions":["13800001111"]}')


def test_each_person_is_told_where_he_prefers_and_in_the_inbox(works: Works) -> None:
    with works.acting() as ctx:
        accounts.set_preference(ctx, BUYER.account, "channel", "dingtalk")
        accounts.set_preference(ctx, CHIEF.account, "channel", ["push", "feishu", "inbox"])
        outbox.post(ctx, message("own", accounts=frozenset({BOSS.account, BUYER.account, CHIEF.account})))
        assert states(ctx) == [
            ("inbox", 1, "", "sent"),
            ("inbox", 2, "", "sent"),
            ("inbox", 5, "", "sent"),
            ("dingtalk", None, "", "waiting"),
            ("push", 5, "", "waiting"),
            ("feishu", None, "", "waiting"),
        ]


def test_what_waits_for_somebody_is_told_where_he_prefers(works: Works) -> None:
    with works.acting() as ctx:
        accounts.set_preference(ctx, CHIEF.account, "channel", "email")
        accounts.set_preference(ctx, CHIEF.account, "addresses", {"email": "chief@example.com"})
    lines = [{"item": {"code": "BOLT"}, "qty": "10", "price": "200"}]
    made = works.new("order", BUYER, vendor="V", place=1, lines=lines)
    works.take(BUYER, "order", made, "submit")
    with works.acting() as ctx:
        table = ctx.app.tables.system.outbox
        row = ctx.connection.execute(table.select()).mappings().one()
    assert (row["kind"], row["address"], row["record"]) == ("email", "chief@example.com", made)
    assert row["text_en"] == f"Order {row['title_en']} waits for your decision (sent by buyer)"
    with works.acting(CHIEF) as ctx:
        assert len(inbox.mine(ctx)) == 1


def test_however_many_messages_it_is_a_handful_of_statements(works: Works) -> None:
    many = [message("inbox", f"k{n}", accounts=frozenset({1, 2, 3})) for n in range(50)]
    with works.acting() as ctx, counting(ctx.connection) as counted:
        assert outbox.post_many(ctx, many) == 150
    assert len(counted) == 3
