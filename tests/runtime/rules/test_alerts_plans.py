"""Alerts over what a plan reckons: one that cannot be worked out is told of, and nothing else ends by it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select

from engine.compiler import load_text
from runtime import inbox, records, workflow
from runtime.apps import RunningApp
from runtime.context import SYSTEM, RunContext
from runtime.database import Database
from runtime.schedule import tick
from tests.runtime.test_planning import CONN, COPPER, SCREW
from tests.runtime.works import BOSS, MAKER, NOON, Works, open_works

ALERTS = """
alerts:
  wild:
    label: 算不出 | Wild
    plan: needs
    while: need_date + days(qty * 1000000000) > today()
    to: [boss]
    say: <code> | <code>
  short:
    label: 缺料 | Short
    plan: needs
    while: short_qty > 0 and unit.name != "箱"
    to: [boss]
    say: <code> 缺 <short_qty> | <code> is short of <short_qty>
"""


@pytest.fixture(scope="module")
def works(module_database: Database) -> Works:
    """The works with both alerts, and a job that lacks two things."""
    opened = open_works(module_database)
    text = (Path(__file__).parents[1] / "data" / "works.yaml").read_text(encoding="utf-8") + ALERTS
    app = RunningApp(
        name="works", model=load_text(text, "works.yaml"), tables=opened.app.tables, database=module_database
    )
    found = Works(app)
    start, due = NOON.date() + timedelta(days=9), NOON.date() + timedelta(days=10)
    job = found.new("job", MAKER, item=CONN, qty="1000", place=1, start=start.isoformat(), due=due.isoformat())
    found.take(MAKER, "job", job, "release")
    return found


def open_alerts(ctx: RunContext) -> list[tuple[str, int]]:
    table = ctx.app.tables.system.alert
    return sorted(tuple(row) for row in ctx.connection.execute(select(table.c.alert, table.c.record)))


def test_an_alert_that_cannot_be_worked_out_ends_neither_the_others_nor_the_schedule(works: Works) -> None:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    with works.acting() as ctx:
        event.listen(ctx.connection, "before_cursor_execute", note)
        tick(ctx)
        event.remove(ctx.connection, "before_cursor_execute", note)
        assert open_alerts(ctx) == [("short", COPPER), ("short", SCREW)]
    units = [statement for statement in asked if "FROM unit" in statement.replace('"', "")]
    with works.acting(BOSS) as ctx:
        told = {message.title: message.text for message in inbox.mine(ctx)}
    assert told["Wild"] == "The alert cannot be worked out: ExpressionOverflow: the date is out of range"
    assert len(units) == 2  # those of the plan, and those of all it suggests together


def test_the_alert_of_a_thing_that_is_no_longer_short_closes_at_the_next_reckoning(works: Works) -> None:
    table = works.app.tables.system.alert

    def told(ctx: RunContext) -> list[tuple[int, bool, str]]:
        query = select(table.c.record, table.c.closed_at.is_(None), table.c.closed_because).where(
            table.c.alert == "short"
        )
        return [tuple(row) for row in ctx.connection.execute(query.order_by(table.c.record))]

    with works.app.database.write() as connection:
        tick(works.context(connection, SYSTEM, "en", NOON))
        assert told(works.context(connection, SYSTEM, "en", NOON)) == [(COPPER, True, ""), (SCREW, True, "")]
        soon = works.context(connection, SYSTEM, "en", NOON + timedelta(minutes=10))
        lines = [{"item": {"code": "COPPER"}, "qty": "5000", "price": "10"}]
        receipt = records.create(soon, "receipt", {"place": 1, "lines": lines}).id
        workflow.take(soon, "receipt", receipt, "post")
        later = works.context(connection, SYSTEM, "en", NOON + timedelta(hours=1, minutes=10))
        tick(later)
        assert [(record, still) for record, still, _ in told(later)] == [(COPPER, False), (SCREW, True)]
        connection.rollback()
