"""Working days and hours of the firm: weekdays, but for the days its holiday calendar says otherwise (调休).

The calendar is data: the official days that come with the product, and over them the days the administrator names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.expressions.functions import WORKING_DAYS
from engine.expressions.tree import walk
from engine.expressions.workdays import WEEKDAYS
from runtime import audit
from runtime.app_state import keep_state, state
from runtime.computed import recompute_all
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.permissions import demand_admin
from runtime.working_days import WEEK, official, working_days

HOURS = ((time(9), time(12)), (time(13), time(18)))
"""The hours of a working day, in the firm's time zone, until the administrator says otherwise."""
LOOK_AHEAD = timedelta(days=400)
SUBJECT = "calendar"
"""What the trail calls it."""
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–~至]\s*(\d{1,2}):(\d{2})")


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
    zone, working = ZoneInfo(ctx.app.model.timezone), week(ctx)
    here = moment.astimezone(zone)
    left = timedelta(hours=hours)
    day = here.date()
    named = exceptions(ctx, day, day + LOOK_AHEAD)
    while True:
        for start, end in working.hours if is_workday(day, named, working.weekdays) else ():
            begins = max(datetime.combine(day, start, zone), here)
            ends = datetime.combine(day, end, zone)
            if begins >= ends:
                continue
            if ends - begins >= left:
                return (begins + left).astimezone(moment.tzinfo)
            left -= ends - begins
        day += timedelta(days=1)


# --- as the administrator keeps it -----------------------------------------------------------------------------


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


def name_day(ctx: RunContext, day: date, name: str, *, works: bool) -> None:
    """Say of a day whether people work, whatever its weekday or the official calendar says."""
    demand_admin(ctx)
    table = ctx.app.tables.system.holiday
    make = (postgresql if ctx.connection.dialect.name == "postgresql" else sqlite).insert
    values = {"works": works, "name": " ".join(name.split())[:40]}
    statement = make(table).values(day=day, **values).on_conflict_do_update(index_elements=["day"], set_=values)
    ctx.connection.execute(statement)
    _changed(ctx, {"day": day.isoformat(), **values})


def forget_day(ctx: RunContext, day: date) -> None:
    """Take the administrator's word on a day back: it is again as the official calendar and its weekday say."""
    demand_admin(ctx)
    table = ctx.app.tables.system.holiday
    if ctx.connection.execute(delete(table).where(table.c.day == day)).rowcount:
        _changed(ctx, {"day": day.isoformat(), "works": None})


def set_week(ctx: RunContext, weekdays: Sequence[int], hours: str) -> None:
    """Other weekdays and hours: ``08:30-12:00, 13:30-17:30``."""
    demand_admin(ctx)
    spans = _spans(hours)
    days = sorted({day for day in weekdays if 0 <= day <= 6})
    if spans is None or not days:
        raise Invalid(fault(ctx, "hours_wrong", "hours"))
    kept = {"weekdays": days, "hours": [[start.isoformat("minutes"), end.isoformat("minutes")] for start, end in spans]}
    keep_state(ctx, WEEK, orjson.dumps(kept).decode())
    _changed(ctx, kept)


def _spans(text: str) -> list[tuple[time, time]] | None:
    """Spans of a day, in order and apart; ``None``: the text is none."""
    parts = [part for part in re.split(r"[,，;；、\n]+", text.strip()) if part.strip()]
    spans: list[tuple[time, time]] = []
    for part in parts:
        found = _SPAN.fullmatch(part.strip())
        if found is None:
            return None
        hour, minute, until, until_minute = (int(n) for n in found.groups())
        if max(hour, until) > 23 or max(minute, until_minute) > 59:
            return None
        spans.append((time(hour, minute), time(until, until_minute)))
    edges = [edge for span in spans for edge in span]
    in_order = all(start < end for start, end in spans) and edges == sorted(edges)
    return spans if spans and in_order else None


def hours_text(hours: Sequence[tuple[time, time]]) -> str:
    """Spans as they are written."""
    return ", ".join(f"{start.isoformat('minutes')}-{end.isoformat('minutes')}" for start, end in hours)


def _changed(ctx: RunContext, changes: Mapping[str, object]) -> None:
    """The change goes into the trail, and stored formulas that count working days are made anew."""
    recompute_all(ctx.as_system(), ctx.app.programs.keep("calendar_cells", lambda: _cells(ctx)))
    audit.write(ctx, [audit.Entry(entity=SUBJECT, record=0, version=0, kind="update", changes=changes)])


def _cells(ctx: RunContext) -> list[tuple[str, str]]:
    """Stored formulas that read the calendar."""
    return [
        (entity.id, field.id)
        for entity in ctx.app.model.entities.values()
        for field in entity.fields.values()
        if field.formula is not None and field.stored and WORKING_DAYS in walk(field.formula.tree)
    ]
