"""Alerts open once, keep up, are told by their ladder, and close by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from engine.expressions.problems import ExpressionOverflow
from runtime import alerts, records
from runtime.alerts_reading import open_alerts
from runtime.apps import RunningApp
from runtime.context import RunContext, User
from runtime.database import Database
from runtime.programs import Programs
from tests.runtime.rules.firm import NOON, Firm, context, firm_model

HOUR = timedelta(hours=1)


def rows(firm: Firm, alert: str) -> list[dict[str, Any]]:
    """All alerts of an id, oldest first."""
    table = alerts.table_of(firm.ctx)
    query = select(table).where(table.c.alert == alert).order_by(table.c.id)
    return [dict(row) for row in firm.ctx.connection.execute(query).mappings()]


def stock(firm: Firm, start: int = 230, safety: int = 200) -> None:
    """An item with a safety stock and something on the shelf."""
    firm.receive(start, item="A")
    records.update(firm.ctx, "item", 1, {"safety": safety})


def test_one_alert_for_each_crossing_and_none_for_each_move(firm: Firm) -> None:
    stock(firm)
    firm.receive(-40, item="A")
    assert firm.told("alert:low") == [("inbox", "boss", "A 现存 190，安全库存 200")]
    firm.receive(-10, item="A")
    assert len(firm.told("alert:low")) == 1
    assert [(row["text_zh"], row["closed_at"]) for row in rows(firm, "low")] == [("A 现存 180，安全库存 200", None)]
    firm.receive(50, item="A")
    assert [row["closed_because"] for row in rows(firm, "low")] == ["ended"]
    firm.receive(-40, item="A")
    assert [text for _, _, text in firm.told("alert:low")] == ["A 现存 190，安全库存 200"] * 2
    assert [row["open_key"] for row in rows(firm, "low")] == [None, "low:1"]


def test_an_alert_tells_what_was_computed_with_few_decimals_and_what_was_entered_as_it_is(firm: Firm) -> None:
    stock(firm)
    records.update(firm.ctx, "item", 1, {"safety": "200.123456"})
    firm.receive("-40.333333", item="A")
    assert firm.told("alert:low") == [("inbox", "boss", "A 现存 189.667，安全库存 200.123456")]


def test_a_band_keeps_an_alert_open_until_it_is_left(firm: Firm) -> None:
    stock(firm, 190)
    firm.receive(15, item="A")
    assert [row["open_key"] for row in rows(firm, "low")] == ["low:1"]
    firm.receive(5, item="A")
    assert [row["open_key"] for row in rows(firm, "low")] == [None]


def test_a_changed_threshold_opens_and_closes_too(firm: Firm) -> None:
    stock(firm, 100, 50)
    assert rows(firm, "low") == []
    records.update(firm.ctx, "item", 1, {"safety": 150})
    assert [row["open_key"] for row in rows(firm, "low")] == ["low:1"]
    records.update(firm.ctx, "item", 1, {"safety": None})
    assert [row["closed_because"] for row in rows(firm, "low")] == ["ended"]


def test_an_alert_of_a_deleted_record_closes(firm: Firm) -> None:
    made = records.create(firm.ctx, "item", {"code": "D", "name": "铁", "safety": 5}).id
    records.delete(firm.ctx, "item", made)
    assert [row["closed_because"] for row in rows(firm, "low")] == ["gone"]


def test_nobody_having_acknowledged_the_next_person_is_told_once(firm: Firm) -> None:
    stock(firm, 190)
    firm.tick(NOON + 23 * HOUR)
    firm.tick(NOON + 25 * HOUR)
    firm.tick(NOON + 27 * HOUR)
    assert [who for _, who, _ in firm.told("alert:low")] == ["boss", "chief"]


def test_what_is_acknowledged_does_not_climb(firm: Firm) -> None:
    stock(firm, 190)
    alerts.acknowledge(firm.ctx, rows(firm, "low")[0]["id"])
    firm.tick(NOON + 25 * HOUR)
    assert [who for _, who, _ in firm.told("alert:low")] == ["boss"]


def test_the_calendar_alone_opens_climbs_and_repeats(firm: Firm) -> None:
    firm.take("order", firm.order(1, due="2026-03-03"), "approve")
    days = [datetime(2026, 3, day, 2, tzinfo=UTC) for day in range(3, 14)]
    for day in days:
        firm.tick(day)
        firm.tick(day + HOUR)
    told = [(who, text) for _, who, text in firm.told("alert:late")]
    assert told == [("boss", "SO-0001 逾期"), *[("chief", "SO-0001 逾期五天")] * 3]


def test_an_alert_ends_with_the_order(firm: Firm) -> None:
    order = firm.order(1, due="2026-03-03")
    firm.take("order", order, "approve")
    firm.tick(datetime(2026, 3, 4, 2, tzinfo=UTC))
    firm.at(datetime(2026, 3, 4, 3, tzinfo=UTC)).take("order", order, "cancel")
    assert [row["closed_because"] for row in rows(firm, "late")] == ["ended"]


def test_many_that_open_at_once_are_told_in_one_message(firm: Firm) -> None:
    records.create_many(firm.ctx, "item", [{"code": f"M{n}", "name": "多", "safety": 5} for n in range(12)])
    (message,) = firm.told("alert:low")
    assert message[1] == "boss"
    assert len(message[2].splitlines()) == 12


TWELVE = 12
HEARING = """
app: firm
alerts:
  unkept:
    label: 没有负责人 | Nobody keeps it
    of: item
    while: empty(keeper) and not empty(cost)
    to: [chief]
    levels:
      all:  {while: not empty(cost), color: blue, say: <code> 没人管 | <code> is kept by nobody}
      dear: {while: cost > 100, color: red, urgent: true, to: [boss, {address: name}], channels: [email, wecom], say: <code> 贵而没人管 | Dear <code> is kept by nobody}
roles:
  keeper: {label: 保管 | Keeper, can: {item: [read]}, rows: {few: {of: [item], where: on_hand < 1000}}}
"""  # noqa: E501 - read as YAML


@pytest.fixture
def hearing(module_database: Database, firm_app: RunningApp) -> Iterator[Firm]:
    """The firm with an alert whose levels tell others through other channels."""
    app = replace(firm_app, model=firm_model(HEARING), programs=Programs())
    with module_database.engine.execution_options(dougong_begin="write").connect() as connection:
        transaction = connection.begin()
        yield Firm(context(app, connection))
        transaction.rollback()


def test_many_that_open_at_once_reach_the_addresses_and_channels_of_their_level(hearing: Firm) -> None:
    each = [{"code": f"M{n:02}", "name": "out@example.com", "cost": "500" if n % 2 else "5"} for n in range(TWELVE)]
    records.create_many(hearing.ctx, "item", each)
    told = hearing.told("alert:unkept")
    assert sorted((kind, whom, text.splitlines()[0], len(text.splitlines())) for kind, whom, text in told) == [
        ("email", "boss", "M01 贵而没人管", 6),
        ("email", "out@example.com", "M01 贵而没人管", 6),
        ("inbox", "boss", "M01 贵而没人管", 6),
        ("inbox", "chief", "M00 没人管", 6),
        ("wecom", "", "M01 贵而没人管", 6),
    ]


def test_an_offer_silences_for_a_while(firm: Firm) -> None:
    stock(firm, 190)
    alerts.take_offer(firm.ctx, rows(firm, "low")[0]["id"], "later")
    row = rows(firm, "low")[0]
    assert row["snoozed_until"] == NOON + timedelta(days=30)
    assert row["acknowledged_at"] == NOON


def test_an_alert_that_cannot_be_worked_out_refuses_no_save_and_tells_the_administrators(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overflows(*_: object) -> None:
        raise ExpressionOverflow("too large")

    firm.receive(5, item="A")
    monkeypatch.setattr(alerts, "look_at", overflows)
    for safety in ("8", "9"):
        records.update(firm.ctx, "item", 1, {"safety": safety})
    assert records.load(firm.ctx, "item", 1)["safety"] == 9
    assert firm.told("alert:low") == [("inbox", "boss", "预警无法计算：ExpressionOverflow: too large")]


def test_alerts_one_may_not_know_of_take_no_place_on_a_page(hearing: Firm) -> None:
    stock(hearing, 190)
    for day in range(22, 27):
        hearing.take("order", hearing.order(1, due=f"2026-02-{day}"), "approve")
    low, late = ([row["id"] for row in rows(hearing, alert)] for alert in ("low", "late"))
    keeper = replace(hearing.ctx, user=User(account=3, name="keeper", roles=frozenset({"keeper"})))

    def page(ctx: RunContext, **narrow: Any) -> list[int]:
        return [each.id for each in open_alerts(ctx, **narrow)]

    assert (page(keeper, limit=1), page(keeper), page(keeper, record=1, entity="item")) == (low, low, low)
    first = page(hearing.ctx, limit=2)
    second = page(hearing.ctx, limit=3, before=first[-1])
    last = page(hearing.ctx, before=second[-1])
    assert [*first, *second, *last] == page(hearing.ctx) == [late[2], late[1], late[0], *low, late[4], late[3]]
