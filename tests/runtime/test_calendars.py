"""The firm's working days: official holidays and the weekends worked instead, the administrator's own days, hours."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.compiler import load_text
from runtime import calendar_keeping, calendars, records
from runtime.apps import RunningApp
from runtime.errors import Forbidden, Invalid
from runtime.queries import ListQuery, list_records
from runtime.tables import build_tables
from tests.runtime.works import BOSS, BUYER, Works
from web import formulas

ZONE = ZoneInfo("Asia/Shanghai")
EMPTIED = ("holiday", "app_state")


def at(day: str, hour: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour}:00").replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        ("2026-03-02", 0, "2026-03-02"),
        ("2026-03-02", 5, "2026-03-09"),
        ("2026-03-09", -5, "2026-03-02"),
        ("2026-02-13", 1, "2026-02-14"),  # a Saturday worked before the Spring Festival
        ("2026-02-14", 1, "2026-02-24"),  # nine days off
        ("2026-02-24", 4, "2026-02-28"),  # the Saturday worked after it
        ("2026-10-08", -1, "2026-09-30"),
        ("2026-09-18", 1, "2026-09-20"),  # a Sunday worked before the National Day
    ],
)
def test_working_days_follow_the_official_calendar(works: Works, day: str, count: int, expected: str) -> None:
    with works.acting() as ctx:
        assert calendars.after_workdays(ctx, date.fromisoformat(day), count) == date.fromisoformat(expected)


def test_the_administrator_names_days_and_takes_it_back(works: Works) -> None:
    day = date(2026, 3, 4)
    with works.acting(BOSS) as ctx:
        calendar_keeping.name_day(ctx, day, "厂庆", works=False)
        calendar_keeping.name_day(ctx, date(2026, 2, 17), "加班", works=True)
        assert (calendars.works_on(ctx, day), calendars.works_on(ctx, date(2026, 2, 17))) == (False, True)
        assert calendars.after_workdays(ctx, date(2026, 3, 3), 1) == date(2026, 3, 5)
        named = {d.day: (d.works, d.name, d.own) for d in calendars.named_days(ctx, 2026)}
        assert named[day] == (False, "厂庆", True)
        assert named[date(2026, 2, 17)] == (True, "加班", True)
        assert named[date(2026, 2, 16)] == (False, "春节", False)
        assert len(named) == 40  # 33 off, 6 weekend days worked, and the one of the firm
        calendar_keeping.forget_day(ctx, day)
        assert calendars.works_on(ctx, day)


def test_only_an_administrator_changes_it(works: Works) -> None:
    with works.acting(BUYER) as ctx, pytest.raises(Forbidden):
        calendar_keeping.name_day(ctx, date(2026, 3, 4), "", works=False)


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        (("2026-03-02", "10:00"), 2, ("2026-03-02", "12:00")),
        (("2026-03-02", "10:00"), 3, ("2026-03-02", "14:00")),  # lunch does not count
        (("2026-03-02", "07:00"), 1, ("2026-03-02", "10:00")),
        (("2026-03-06", "17:00"), 2, ("2026-03-09", "10:00")),  # over the weekend
        (("2026-02-14", "17:30"), 1, ("2026-02-24", "09:30")),  # over the festival
    ],
)
def test_hours_count_while_people_work(works: Works, start, hours, expected) -> None:
    with works.acting() as ctx:
        found = calendars.after_work_hours(ctx, at(*start).astimezone(UTC), hours)
    assert found == at(*expected)
    assert found.utcoffset().total_seconds() == 0


def test_the_firm_has_hours_of_its_own(works: Works) -> None:
    with works.acting(BOSS) as ctx:
        calendar_keeping.set_week(ctx, [0, 1, 2, 3, 4, 5], "8:00-11:30，13:00-17:30")
        assert calendars.hours_text(calendars.week(ctx).hours) == "08:00-11:30, 13:00-17:30"
        assert calendars.after_workdays(ctx, date(2026, 3, 6), 1) == date(2026, 3, 7)
        assert calendars.after_work_hours(ctx, at("2026-03-06", "17:00"), 1) == at("2026-03-07", "08:30")


@pytest.mark.parametrize("wrong", ["", "8-12", "12:00-08:00", "08:00-12:00, 11:00-17:00", "25:00-26:00"])
def test_hours_that_are_none_are_refused(works: Works, wrong: str) -> None:
    with works.acting(BOSS) as ctx, pytest.raises(Invalid):
        calendar_keeping.set_week(ctx, [0, 1], wrong)


VISITS = """
app: visits
entities:
  visit:
    kind: master
    fields:
      day: {type: date}
      allowed: {type: integer}
      answer: {formula: day + workdays(allowed)}
      urgent: {formula: answer - day < 5}
"""


def test_formulas_count_working_days_by_the_calendar_and_are_made_anew_when_it_changes(works: Works) -> None:
    model = load_text(VISITS, "visits.yaml")
    tables = build_tables(model)
    app = Works(RunningApp(name="visits", model=model, tables=tables, database=works.app.database))
    with works.app.database.write() as connection:
        tables.metadata.create_all(connection)
    with app.acting() as ctx:
        before, after = records.create_many(
            ctx,
            "visit",
            [
                {"code": "A", "name": "甲", "day": "2026-02-13", "allowed": 2},
                {"code": "B", "name": "乙", "day": "2026-02-24", "allowed": 3},
            ],
        )
    assert app.load("visit", before.id)["answer"] == date(2026, 2, 24)  # over the Spring Festival
    assert app.load("visit", before.id)["urgent"] is False
    assert app.load("visit", after.id)["answer"] == date(2026, 2, 27)
    with app.acting() as ctx:
        calendar_keeping.name_day(ctx, date(2026, 2, 16), "赶货", works=True)
        calendar_keeping.name_day(ctx, date(2026, 2, 26), "停电", works=False)
    assert app.load("visit", before.id)["answer"] == date(2026, 2, 16)
    assert app.load("visit", before.id)["urgent"] is True
    assert app.load("visit", after.id)["answer"] == date(2026, 2, 28)
    with app.acting() as ctx:
        wish = ListQuery(filter="day + workdays(1) == '2026-02-25' and answer == '2026-02-28'")
        assert [row[0] for row in list_records(ctx, "visit", wish).rows] == [after.id]
        source = formulas.module_source(ctx, model.entities["visit"])
        assert '\nexport const working_days = "|2026-02-16|2026-02-26|2025-' in source
