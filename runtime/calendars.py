"""Working days and hours of the firm: weekdays, but for the days its holiday calendar says otherwise (调休).

The calendar is data: the official days that come with the product, and over them the days the administrator names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import func, select

from engine.expressions.workdays import WEEKDAYS
from runtime.app_state import state
from runtime.context import RunContext
from runtime.working_days import WEEK, official, working_days

HOURS = ((time(9), time(12)), (time(13), time(18)))
"""The hours of a working day, in the firm's time zone, until the administrator says otherwise."""
LOCK = 0x64676361
"""Of whoever changes the calendar, shared by those who count by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """On which weekdays (0 = Monday) and at what hours people work."""

    weekdays: frozenset[int] = WEEKDAYS
    hours: tuple[tuple[time, time], ...] = HOURS


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDay:
    """A day that is not like its weekday. ``own``: the administrator's word, not the official one."""

    day: date
    works: bool
    name: str
    own: bool


def week(ctx: RunContext) -> Week:
    """The firm's working week."""
    kept = state(ctx, WEEK)
    if not kept:
        return Week()
    said = orjson.loads(kept)
    hours = tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in said["hours"])
    return Week(weekdays=frozenset(said["weekdays"]), hours=hours)


def exceptions(ctx: RunContext, since: date, until: date) -> dict[date, bool]:
    """The days of a span that the calendar names, and whether they work."""
    holiday = ctx.app.tables.system.holiday
    query = select(holiday.c.day, holiday.c.works).where(holiday.c.day.between(since, until))
    named = {day: works for day, (works, _name) in official().items() if since <= day <= until}
    return {**named, **{row.day: row.works for row in ctx.connection.execute(query)}}


def is_workday(day: date, named: Mapping[date, bool], weekdays: frozenset[int] = WEEKDAYS) -> bool:
    """Whether people work on a day; ``named``: what the calendar says of days."""
    return named.get(day, day.weekday() in weekdays)


def works_on(ctx: RunContext, day: date) -> bool:
    """Whether the firm works on a day."""
    return is_workday(day, exceptions(ctx, day, day), week(ctx).weekdays)


def after_workdays(ctx: RunContext, day: date, count: int) -> date:
    """The working day ``count`` working days after ``day`` (before it, if negative)."""
    return working_days(ctx).after(day, count)


def after_work_hours(ctx: RunContext, moment: datetime, hours: float) -> datetime:
    """The moment when ``hours`` of working time have passed since ``moment``."""
    return work_hours(ctx).after(moment, hours)


@dataclass(frozen=True, slots=True)
class WorkHours:
    """The firm's working time, read once: for counting from many moments."""

    zone: ZoneInfo
    week: Week
    named: Mapping[date, bool]

    def works(self, day: date) -> bool:
        """Whether the firm works on a day."""
        return is_workday(day, self.named, self.week.weekdays)

    def after(self, moment: datetime, hours: float) -> datetime:
        """The moment when ``hours`` of working time have passed."""
        here = moment.astimezone(self.zone)
        left = timedelta(hours=hours)
        day = here.date()
        while True:
            for start, end in self.week.hours if self.works(day) else ():
                begins = max(datetime.combine(day, start, self.zone), here)
                ends = datetime.combine(day, end, self.zone)
                if begins >= ends:
                    continue
                if ends - begins >= left:
                    return (begins + left).astimezone(moment.tzinfo)
                left -= ends - begins
            day += timedelta(days=1)

    def before(self, moment: datetime, hours: float) -> datetime:
        """The moment from which so many hours of working time pass until ``moment``."""
        here = moment.astimezone(self.zone)
        left = timedelta(hours=hours)
        day = here.date()
        while True:
            for start, end in reversed(self.week.hours) if self.works(day) else ():
                begins = datetime.combine(day, start, self.zone)
                ends = min(datetime.combine(day, end, self.zone), here)
                if begins >= ends:
                    continue
                if ends - begins >= left:
                    return (ends - left).astimezone(moment.tzinfo)
                left -= ends - begins
            day -= timedelta(days=1)

    def days_after(self, moment: datetime, days: int) -> datetime:
        """The same time of day, so many working days later."""
        here = moment.astimezone(self.zone)
        while days:
            here += timedelta(days=1)
            days -= self.works(here.date())
        return here.astimezone(moment.tzinfo)


def work_hours(ctx: RunContext) -> WorkHours:
    """The firm's working time."""
    return WorkHours(ZoneInfo(ctx.app.model.timezone), week(ctx), exceptions(ctx, date.min, date.max))


def hold(ctx: RunContext, *, alone: bool = False) -> None:
    """Until the transaction ends nobody changes the calendar; ``alone``: nor counts by it what is to be kept.

    So what is counted while the calendar changes is counted by the new one, or is there to be counted anew.
    """
    if ctx.connection.dialect.name == "postgresql":
        how = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        ctx.connection.execute(select(how(LOCK, func.hashtext(func.current_schema()))))


def named_days(ctx: RunContext, year: int) -> Sequence[NamedDay]:
    """The days of a year that the calendar names, in order."""
    holiday = ctx.app.tables.system.holiday
    first, last = date(year, 1, 1), date(year, 12, 31)
    rows = ctx.connection.execute(select(holiday).where(holiday.c.day.between(first, last)))
    days = {
        day: NamedDay(day=day, works=works, name=name, own=False)
        for day, (works, name) in official().items()
        if day.year == year
    }
    days |= {row.day: NamedDay(day=row.day, works=row.works, name=row.name, own=True) for row in rows}
    return [days[day] for day in sorted(days)]


def hours_text(hours: Sequence[tuple[time, time]]) -> str:
    """Spans as they are written."""
    return ", ".join(f"{start.isoformat('minutes')}-{end.isoformat('minutes')}" for start, end in hours)
