"""Working days and hours of the firm: weekdays, but for the days its holiday calendar says otherwise (调休).

The calendar is data: each of its days works or does not, and whoever keeps it up changes it in the settings.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from runtime.context import RunContext

HOURS = ((time(9), time(12)), (time(13), time(18)))
"""The hours of a working day, in the firm's time zone."""
SATURDAY = 5
LOOK_AHEAD = timedelta(days=400)


def exceptions(ctx: RunContext, since: date, until: date) -> dict[date, bool]:
    """The days of a span that the calendar names, and whether they work."""
    holiday = ctx.app.tables.system.holiday
    query = select(holiday.c.day, holiday.c.works).where(holiday.c.day.between(since, until))
    return {row.day: row.works for row in ctx.connection.execute(query)}


def is_workday(day: date, named: dict[date, bool]) -> bool:
    """Whether people work on a day; ``named``: what the calendar says of days."""
    return named.get(day, day.weekday() < SATURDAY)


def after_workdays(ctx: RunContext, day: date, count: int) -> date:
    """The working day ``count`` working days after ``day`` (before it, if negative)."""
    step = timedelta(days=1 if count >= 0 else -1)
    span = LOOK_AHEAD + 3 * abs(count) * timedelta(days=1)
    named = exceptions(ctx, day - span, day + span)
    left = abs(count)
    while left:
        day += step
        left -= is_workday(day, named)
    return day


def after_work_hours(ctx: RunContext, moment: datetime, hours: float) -> datetime:
    """The moment when ``hours`` of working time have passed since ``moment``; in UTC."""
    zone = ZoneInfo(ctx.app.model.timezone)
    here = moment.astimezone(zone)
    left = timedelta(hours=hours)
    day = here.date()
    named = exceptions(ctx, day, day + LOOK_AHEAD)
    while True:
        for start, end in HOURS if is_workday(day, named) else ():
            begins = max(datetime.combine(day, start, zone), here)
            ends = datetime.combine(day, end, zone)
            if begins >= ends:
                continue
            if ends - begins >= left:
                return (begins + left).astimezone(moment.tzinfo)
            left -= ends - begins
        day += timedelta(days=1)
