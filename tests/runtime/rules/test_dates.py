"""Reminders of dates that are counted in working time: they follow the firm's calendar, and each comes once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import NoReturn

import pytest
from sqlalchemy import func, select

from engine.expressions.problems import ExpressionOverflow
from runtime import calendar_keeping, calendars, records, reminders, rules_admin, rules_dates, rules_traces
from runtime.apps import RunningApp
from runtime.context import FixedClock, RunContext
from runtime.database import Database
from runtime.programs import Programs
from runtime.rules_clock import begin
from runtime.rules_look import Records
from tests.runtime.rules.firm import NOON, Firm, context, firm_model, open_firm
from tests.runtime.shop import counting

RULE = (
    "  %s: {when: {date: order.due, offset: %s, at: 08:00, missed: %s}, "
    "then: {tell: {send: inbox, to: [boss], say: <code>}}}\n"
)
RULES = "app: firm\nrules:\n" + "".join(
    RULE % each
    for each in (
        ("late3", "-3 workdays", "late"),
        ("skip3", "-3 workdays", "skip"),
        ("merge3", "-3 workdays", "merge"),
        ("before9", "-9 work_hours", "late"),
        ("after2", "2 workdays", "late"),
    )
)
FRIDAY, WEDNESDAY = date(2026, 3, 13), date(2026, 3, 11)
MONDAY, TUESDAY = datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC)  # eight in Shanghai
DATED = ("late3", "skip3", "merge3", "before9", "after2")


@pytest.fixture(scope="module")
def dated(module_database: Database) -> RunningApp:
    """The firm with rules that count in working time."""
    return open_firm(module_database, firm_model(RULES))


@pytest.fixture
def firm(dated: RunningApp) -> Iterator[Firm]:
    """In a transaction that leaves nothing behind."""
    with dated.database.engine.execution_options(dougong_begin="write").connect() as connection:
        transaction = connection.begin()
        yield Firm(context(dated, connection))
        transaction.rollback()


def due(firm: Firm, *rules: str) -> list[tuple[str, datetime]]:
    """What waits, by rule."""
    table = firm.ctx.app.tables.system.reminder
    query = select(table.c.key, table.c.due).where(table.c.due.is_not(None)).order_by(table.c.due, table.c.key)
    found = [(key.split(":")[1], moment) for key, moment in firm.ctx.connection.execute(query)]
    return [each for each in found if each[0] in (rules or DATED)]


def rests(firm: Firm, day: date = WEDNESDAY, *, at: datetime = NOON, works: bool = False) -> None:
    calendar_keeping.name_day(firm.at(at).ctx, day, "-", works=works)


def test_they_are_counted_in_working_days_and_hours(firm: Firm) -> None:
    firm.order(1, due=FRIDAY)
    assert due(firm) == [
        *((rule, TUESDAY) for rule in ("late3", "merge3", "skip3")),
        ("before9", datetime(2026, 3, 11, 9, tzinfo=UTC)),  # Friday at eight is before work: an hour of Wednesday
        ("after2", datetime(2026, 3, 17, tzinfo=UTC)),
    ]


def test_a_holiday_moves_what_waits_and_it_comes_once(firm: Firm) -> None:
    firm.order(1, due=FRIDAY)
    rests(firm)
    rests(firm, date(2026, 3, 14), works=True)
    assert due(firm) == [
        *((rule, MONDAY) for rule in ("late3", "merge3", "skip3")),
        ("before9", datetime(2026, 3, 10, 9, tzinfo=UTC)),
        ("after2", datetime(2026, 3, 16, tzinfo=UTC)),
    ]
    for moment in (MONDAY, TUESDAY):
        firm.tick(moment)
    assert firm.told("rule:late3") == [("inbox", "boss", "SO-0001")]


def test_what_a_holiday_makes_past_is_handled_once_by_its_policy(firm: Firm) -> None:
    for _ in range(2):
        firm.order(1, due=FRIDAY)
    rests(firm, at=MONDAY.replace(hour=12))
    for hour in (13, 14):
        firm.tick(MONDAY.replace(hour=hour))
    firm.tick(TUESDAY)
    told = {rule: sorted(text for _, _, text in firm.told(f"rule:{rule}")) for rule in ("late3", "skip3", "merge3")}
    assert told == {"late3": ["SO-0001", "SO-0002"], "skip3": [], "merge3": ["SO-0001", "SO-0002"]}
    assert due(firm, "late3", "skip3", "merge3") == []


def test_what_was_told_is_not_told_again_when_the_calendar_changes(firm: Firm) -> None:
    order = firm.order(1, due=FRIDAY)
    firm.tick(TUESDAY)
    rests(firm, at=TUESDAY)
    records.update(firm.at(TUESDAY).ctx, "order", order, {"due": FRIDAY, "partner": None})
    calendar_keeping.forget_day(firm.at(TUESDAY).ctx, WEDNESDAY)
    records.update(firm.at(TUESDAY).ctx, "order", order, {"partner": 1})
    firm.tick(TUESDAY.replace(hour=20))
    assert firm.told("rule:late3") == [("inbox", "boss", "SO-0001")]
    records.update(firm.at(TUESDAY).ctx, "order", order, {"due": date(2026, 3, 20)})
    assert due(firm, "late3") == [("late3", datetime(2026, 3, 17, tzinfo=UTC))]


def test_statements_do_not_grow_with_the_records(firm: Firm) -> None:
    counted = []
    for many in (1, 40):
        orders = [firm.order(1, due=FRIDAY) for _ in range(many)]
        rule, held = firm.ctx.app.model.rules["late3"], Records(firm.ctx)
        held.rows("order", orders)
        with counting(firm.ctx.connection) as reminding:
            rules_dates.remind(held, rule, orders)
        with counting(firm.ctx.connection) as moving:
            rests(firm)
        calendar_keeping.forget_day(firm.ctx, WEDNESDAY)
        with counting(firm.ctx.connection) as dropping:
            rules_dates.remind(Records(firm.ctx), rule, [number + 1_000_000 for number in orders])
        counted.append((len(reminding), len(moving), len(dropping)))
    assert counted[0] == counted[1]


@pytest.mark.parametrize("module_database", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_who_counts_by_the_calendar_and_who_changes_it_wait_for_each_other(dated: RunningApp) -> None:
    alone = select(func.pg_try_advisory_xact_lock(calendars.LOCK, func.hashtext(func.current_schema())))
    with dated.database.engine.connect() as counts:
        transaction = counts.begin()
        Firm(context(dated, counts)).order(1, due=FRIDAY)
        with dated.database.write() as changes:
            assert changes.execute(alone).scalar() is False
        transaction.rollback()
    with dated.database.engine.connect() as handles:
        transaction = handles.begin()
        Firm(context(dated, handles)).tick(TUESDAY)
        with dated.database.write() as changes:
            assert changes.execute(alone).scalar() is False
        transaction.rollback()
    with dated.database.write() as changes:
        assert changes.execute(alone).scalar() is True


def test_a_rule_that_is_new_or_changed_takes_in_what_is_there(firm: Firm) -> None:
    def turned(ctx: RunContext, **offsets: str) -> Firm:
        rules = "".join(RULE % (name, offset, "late") for name, offset in offsets.items())
        model = firm_model("app: firm\nrules:\n" + rules)
        return Firm(replace(ctx, app=replace(ctx.app, model=model, programs=Programs()), clock=FixedClock(NOON)))

    begin(firm.ctx)
    for day in (FRIDAY, date(2026, 2, 20)):
        firm.order(1, due=day)
    assert due(firm, "late3") == [("late3", TUESDAY)]
    changed = turned(firm.ctx, late3="-4 workdays", fresh="-1 days", follows="5 days")
    begin(changed.ctx)
    assert due(changed, "late3", "fresh", "follows") == [
        ("late3", MONDAY),
        ("fresh", datetime(2026, 3, 12, tzinfo=UTC)),
        ("follows", datetime(2026, 3, 18, tzinfo=UTC)),  # what followed on February is past: no news of a new rule
    ]


@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-01", "0001-01-01"])
def test_what_is_valid_for_ever_is_saved_and_nobody_is_reminded_beyond_the_calendar(firm: Firm, day: str) -> None:
    order = firm.order(1, due=day)
    assert records.load(firm.ctx, "order", order)["due"] == date.fromisoformat(day)
    assert ("after2" in dict(due(firm))) is (day != "9999-12-31")


def test_why_not_tells_when_a_date_comes(firm: Firm) -> None:
    order = firm.order(1, due=FRIDAY)
    assert rules_admin.why(firm.ctx, "late3", order).due == TUESDAY
    firm.tick(TUESDAY)
    assert rules_admin.why(firm.ctx, "late3", order).due is None


def test_a_date_rule_that_cannot_be_worked_out_refuses_no_save(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    def overflows(*_: object) -> NoReturn:
        raise ExpressionOverflow("too large")

    monkeypatch.setattr(rules_dates, "look", overflows)
    order = firm.order(1, due=FRIDAY)
    assert records.load(firm.ctx, "order", order)["due"] == FRIDAY
    (run,) = rules_traces.runs(firm.ctx, "late3")
    assert (run.result, run.error) == ("failed", "ExpressionOverflow: too large")
    assert [who for _, who, _ in firm.told("rule:late3")] == ["boss"]


def test_administrators_are_told_of_what_was_due_and_failed_for_good(firm: Firm) -> None:
    for key in ("x:1", "x:2"):
        reminders.put(firm.ctx, key, NOON, "nobody", {})
    firm.tick(NOON)
    firm.tick(NOON)
    ((kind, whom, text),) = firm.told("reminder")
    assert (kind, whom) == ("inbox", "boss")
    assert text == "x:2 试了几次都失败，不再试：no handler nobody"
