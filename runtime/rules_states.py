"""What rules remember of records: which are past a threshold, and when each is to be reminded of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.model import Rule, Trigger
from runtime import reminders
from runtime.calendars import after_workdays
from runtime.context import RunContext
from runtime.reminders import OWNER, Due
from runtime.rules_look import Records, holds, look

Row = dict[str, Any]
HANDLER = "rule"
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


def armed(ctx: RunContext, rule: str) -> set[int]:
    """The records that are past the threshold."""
    table = ctx.app.tables.system.rule_state
    return set(ctx.connection.execute(select(table.c.record).where(table.c.rule == rule)).scalars())


# --- dates -----------------------------------------------------------------------------------------------------


def key_of(rule: str, record: int) -> str:
    """The key of a reminder."""
    return f"rule:{rule}:{record}"


def remind(records: Records, rule: Rule, ids: Sequence[int]) -> None:
    """Put, move or take away the reminders of records: there is one while the rule's condition holds."""
    ctx, entity = records.ctx, rule.trigger.entity
    rows = records.rows(entity, ids)
    there = {row["id"] for row in rows}
    looked = look(records.at, rule.condition, rows, entity)
    assert rule.trigger.date is not None
    dates = records.at.evaluate(rule.trigger.date, rows, None, entity)
    wanted = []
    for row, parts, value in zip(rows, looked, dates, strict=True):
        due = due_of(ctx, rule.trigger, value) if value is not None and holds(parts) else None
        if due is not None:
            wanted.append(_due(rule, row, due))
        else:
            there.discard(row["id"])
    reminders.put_many(ctx, wanted)
    for gone in sorted(set(ids) - there):
        _drop(ctx, rule.id, gone)


def _due(rule: Rule, row: Row, due: datetime) -> Due:
    """Lines name their owner: those of one record that are due together are told together."""
    subject = {"rule": rule.id, "record": row["id"]}
    if "parent" in row:
        subject[OWNER] = row["parent"]["id"] if isinstance(row["parent"], dict) else row["parent"]
    catch_up: Any = rule.trigger.missed
    return Due(key=key_of(rule.id, row["id"]), due=due, handler=HANDLER, subject=subject, catch_up=catch_up)


def _drop(ctx: RunContext, rule: str, record: int) -> None:
    """Exactly this one: keys that only begin alike stay."""
    table = ctx.app.tables.system.reminder
    ctx.connection.execute(delete(table).where(table.c.key == key_of(rule, record), table.c.due.is_not(None)))


def due_of(ctx: RunContext, trigger: Trigger, value: date | datetime) -> datetime | None:
    """The moment of a reminder; none where the date itself is over before anybody could be reminded."""
    zone = ZoneInfo(ctx.app.model.timezone)
    if trigger.unit in ("hours", "work_hours") and isinstance(value, datetime):
        return value + timedelta(hours=trigger.offset)
    day = value.astimezone(zone).date() if isinstance(value, datetime) else value
    if trigger.offset <= 0 and day < ctx.today():
        return None
    shifted = SHIFTS[trigger.unit](ctx, day, trigger.offset)
    moment = datetime.combine(shifted, trigger.at, zone)
    return moment + timedelta(hours=trigger.offset) if trigger.unit == "hours" else moment


SHIFTS: Mapping[str, Callable[[RunContext, date, int], date]] = {
    "days": lambda ctx, day, count: day + timedelta(days=count),
    "workdays": after_workdays,
    "hours": lambda ctx, day, count: day,
    "work_hours": lambda ctx, day, count: day,
}


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
