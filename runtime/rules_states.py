"""What rules remember: which records are past a threshold, and when a rule that runs again and again is due next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.model import Rule, Trigger
from runtime import reminders
from runtime.context import RunContext

EVERY = "rule_every"
CHUNK = 500


# --- thresholds ------------------------------------------------------------------------------------------------


def settle(ctx: RunContext, rule: str, true: Sequence[int], free: Iterable[int]) -> set[int]:
    """Note which records are past the threshold now (``true``) and which are armed again (``free``).

    Answers those that have just passed it: two writers at the same moment do not both pass.
    """
    table = ctx.app.tables.system.rule_state
    loose = sorted(free)
    for start in range(0, len(loose), CHUNK):
        same = table.c.record.in_(loose[start : start + CHUNK])
        ctx.connection.execute(delete(table).where(table.c.rule == rule, same))
    if not true:
        return set()
    make = (postgresql if ctx.connection.dialect.name == "postgresql" else sqlite).insert
    fresh: set[int] = set()
    for start in range(0, len(true), CHUNK):
        rows = [{"rule": rule, "record": i, "since": ctx.now()} for i in true[start : start + CHUNK]]
        statement = make(table).values(rows).on_conflict_do_nothing().returning(table.c.record)
        fresh.update(ctx.connection.execute(statement).scalars())
    return fresh


def forget(ctx: RunContext, rule: str) -> None:
    """No record is past the threshold any more."""
    table = ctx.app.tables.system.rule_state
    ctx.connection.execute(delete(table).where(table.c.rule == rule))


def armed(ctx: RunContext, rule: str) -> set[int]:
    """The records that are past the threshold."""
    table = ctx.app.tables.system.rule_state
    return set(ctx.connection.execute(select(table.c.record).where(table.c.rule == rule)).scalars())


# --- again and again -------------------------------------------------------------------------------------------


def schedule(ctx: RunContext, rule: Rule) -> None:
    """See to it that the next turn of a rule that runs again and again is in the reminders."""
    due = next_turn(ctx, rule.trigger)
    catch_up: Any = rule.trigger.missed
    subject = {"rule": rule.id}
    reminders.put(ctx, f"rule_every:{rule.id}", due, EVERY, subject, catch_up)


def next_turn(ctx: RunContext, trigger: Trigger) -> datetime:
    """The first moment after now at which it is due."""
    zone = ZoneInfo(ctx.app.model.timezone)
    here = ctx.now().astimezone(zone)
    if trigger.period == "hour":
        return (here + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    for ahead in range(400):
        day = here.date() + timedelta(days=ahead)
        moment = datetime.combine(day, trigger.at, zone)
        if moment > here and _fits(trigger, day):
            return moment
    raise AssertionError("every month has its day")


def _fits(trigger: Trigger, day: date) -> bool:
    if trigger.period == "week":
        return day.isoweekday() == (trigger.day or 1)
    if trigger.period == "month":
        last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return day.day == min(trigger.day or 1, last.day)
    return True
