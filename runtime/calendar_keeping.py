"""The firm's calendar as the administrator keeps it: days of its own, its week and hours; what counts by it follows.

Two who change it at once do so one after the other, so that nothing is counted by half of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time

import orjson
from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from engine.expressions.functions import WORKING_DAYS
from engine.expressions.tree import walk
from runtime import audit, rules_dates, task_deadlines
from runtime.app_state import keep_state
from runtime.calendars import hold
from runtime.computed import recompute_all
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.permissions import demand_admin
from runtime.working_days import WEEK

SUBJECT = "calendar"
"""What the trail calls it."""
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–~至]\s*(\d{1,2}):(\d{2})")


def name_day(ctx: RunContext, day: date, name: str, *, works: bool) -> None:
    """Say of a day whether people work, whatever its weekday or the official calendar says."""
    demand_admin(ctx)
    hold(ctx, alone=True)
    table = ctx.app.tables.system.holiday
    make = (postgresql if ctx.connection.dialect.name == "postgresql" else sqlite).insert
    values = {"works": works, "name": " ".join(name.split())[:40]}
    statement = make(table).values(day=day, **values).on_conflict_do_update(index_elements=["day"], set_=values)
    ctx.connection.execute(statement)
    _changed(ctx, {"day": day.isoformat(), **values})


def forget_day(ctx: RunContext, day: date) -> None:
    """Take the administrator's word on a day back: it is again as the official calendar and its weekday say."""
    demand_admin(ctx)
    hold(ctx, alone=True)
    table = ctx.app.tables.system.holiday
    if ctx.connection.execute(delete(table).where(table.c.day == day)).rowcount:
        _changed(ctx, {"day": day.isoformat(), "works": None})


def set_week(ctx: RunContext, weekdays: Sequence[int], hours: str) -> None:
    """Other weekdays and hours: ``08:30-12:00, 13:30-17:30``."""
    demand_admin(ctx)
    hold(ctx, alone=True)
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


def _changed(ctx: RunContext, changes: Mapping[str, object]) -> None:
    """The change goes into the trail, and all that was counted by the calendar is counted anew."""
    for follow in FOLLOWS:
        follow(ctx.as_system())
    audit.write(ctx, [audit.Entry(entity=SUBJECT, record=0, version=0, kind="update", changes=changes)])


def _recompute(ctx: RunContext) -> None:
    recompute_all(ctx, ctx.app.programs.keep("calendar_cells", lambda: _cells(ctx)))


def _cells(ctx: RunContext) -> list[tuple[str, str]]:
    """Stored formulas that read the calendar."""
    return [
        (entity.id, field.id)
        for entity in ctx.app.model.entities.values()
        for field in entity.fields.values()
        if field.formula is not None and field.stored and WORKING_DAYS in walk(field.formula.tree)
    ]


FOLLOWS: tuple[Callable[[RunContext], None], ...] = (
    _recompute, task_deadlines.count_anew, rules_dates.count_anew,
)  # fmt: skip
"""What counts by the calendar and keeps the result: stored formulas, deadlines of approvals, reminders of dates."""
