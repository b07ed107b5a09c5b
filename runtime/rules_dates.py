"""When rules remind of dates: each record's reminder is put, moved or taken away as its date, condition or the firm's
calendar changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select

from engine.model import EntityKind, Rule, Trigger
from runtime import calendars, reminders
from runtime.context import RunContext
from runtime.id_sets import WORD_SETS
from runtime.reminders import OWNER, Due
from runtime.rules_index import Watch
from runtime.rules_look import Records, holds, look
from runtime.rules_watch import matching
from runtime.working_days import working_days

Row = dict[str, Any]
HANDLER = "rule"
COUNTED = frozenset({"workdays", "work_hours"})
"""Units that the firm's calendar counts."""
AT_ONCE = 2000


def key_of(rule: str, record: int | str = "") -> str:
    """The key of a reminder; without a record what the keys of all of a rule start with."""
    return f"rule:{rule}:{record}"


class Moments:
    """When a trigger reminds of dates. The firm's calendar is read once, and only where it counts."""

    def __init__(self, ctx: RunContext, trigger: Trigger) -> None:
        self._trigger = trigger
        self._zone = ZoneInfo(ctx.app.model.timezone)
        self._today = ctx.today()
        self._days = working_days(ctx) if trigger.unit == "workdays" else None
        self._hours = calendars.work_hours(ctx) if trigger.unit == "work_hours" else None

    def of(self, value: date | datetime) -> datetime | None:
        """The moment for a date; none where the date itself is over before anybody could be reminded, or where the
        moment lies beyond all calendars, as with what is valid for ever."""
        try:
            found = self._of(value)
            return None if found is None else found.astimezone(UTC)
        except ArithmeticError:
            return None

    def _of(self, value: date | datetime) -> datetime | None:
        trigger, offset = self._trigger, self._trigger.offset
        in_hours = trigger.unit in ("hours", "work_hours")
        if in_hours and isinstance(value, datetime):
            return self._after(value)
        day = value.astimezone(self._zone).date() if isinstance(value, datetime) else value
        if offset <= 0 and day < self._today:
            return None
        if not in_hours:
            day = self._days.after(day, offset) if self._days is not None else day + timedelta(days=offset)
        moment = datetime.combine(day, trigger.at, self._zone)
        return self._after(moment) if in_hours else moment

    def _after(self, moment: datetime) -> datetime:
        offset = self._trigger.offset
        if self._hours is None:
            return moment + timedelta(hours=offset)
        return self._hours.after(moment, offset) if offset >= 0 else self._hours.before(moment, -offset)


def remind(records: Records, rule: Rule, ids: Sequence[int], *, begins: bool = False) -> None:
    """Put, move or take away the reminders of records: there is one while the rule's condition holds.

    ``begins``: the rule is new, so what follows on a date and is past already is none of its business.
    """
    ctx, entity, trigger = records.ctx, rule.trigger.entity, rule.trigger
    if trigger.unit in COUNTED:
        calendars.hold(ctx)
    rows = records.rows(entity, ids)
    there = {row["id"] for row in rows}
    looked = look(records.at, rule.condition, rows, entity)
    assert trigger.date is not None
    dates = records.at.evaluate(trigger.date, rows, None, entity)
    moments, wanted = Moments(ctx, trigger), []
    for row, parts, value in zip(rows, looked, dates, strict=True):
        due = moments.of(value) if value is not None and holds(parts) else None
        if due is None:
            there.discard(row["id"])
        elif not (begins and trigger.offset > 0 and due <= ctx.now()):
            wanted.append(_due(rule, row, due))
    reminders.put_many(ctx, wanted)
    _drop(ctx, rule.id, sorted(set(ids) - there))


def _due(rule: Rule, row: Row, due: datetime) -> Due:
    """Lines name their owner: those of one record that are due together are told together."""
    subject = {"rule": rule.id, "record": row["id"]}
    if "parent" in row:
        subject[OWNER] = row["parent"]["id"] if isinstance(row["parent"], dict) else row["parent"]
    catch_up: Any = rule.trigger.missed
    return Due(key=key_of(rule.id, row["id"]), due=due, handler=HANDLER, subject=subject, catch_up=catch_up)


def _drop(ctx: RunContext, rule: str, gone: Sequence[int]) -> None:
    """Exactly these: keys that only begin alike stay."""
    if gone:
        table, sets = ctx.app.tables.system.reminder, WORD_SETS[ctx.app.database.dialect]
        these = delete(table).where(sets.among(table.c.key, "keys"), table.c.due.is_not(None))
        ctx.connection.execute(these, {"keys": sets.pack(key_of(rule, each) for each in gone)})


def waits_for(ctx: RunContext, rule: Rule, record: int) -> datetime | None:
    """The moment at which a record is going to be reminded of."""
    table = ctx.app.tables.system.reminder
    found: datetime | None = ctx.connection.execute(
        select(table.c.due).where(table.c.key == key_of(rule.id, record))
    ).scalar()
    return found


# --- other moments for all -------------------------------------------------------------------------------------


def count_anew(ctx: RunContext) -> None:
    """The firm's calendar is another one: reminders that are counted by it move, set by set."""
    for rule in ctx.app.model.rules.values():
        if rule.trigger.kind == "date" and rule.trigger.unit in COUNTED:
            reminders.count_anew(ctx, key_of(rule.id), _Anew(ctx, rule))


def begin(ctx: RunContext, rule: Rule) -> None:
    """A rule that is new or another one: what waits moves to its moments, and what is there already is waited for."""
    if rule.trigger.unit in COUNTED:
        calendars.hold(ctx)
    reminders.count_anew(ctx, key_of(rule.id), _Anew(ctx, rule), handled=False)
    for ids in _all(ctx, rule):
        remind(Records(ctx), rule, ids, begins=True)


class _Anew:
    """The moments of reminders as the rule and the calendar now have them, by their subjects."""

    def __init__(self, ctx: RunContext, rule: Rule) -> None:
        self._ctx, self._rule = ctx, rule
        self._moments = Moments(ctx, rule.trigger)

    def __call__(self, subjects: Sequence[Mapping[str, Any]]) -> list[datetime | None]:
        trigger, held = self._rule.trigger, Records(self._ctx)
        assert trigger.date is not None
        rows = held.rows(trigger.entity, [int(each["record"]) for each in subjects])
        dates = held.at.evaluate(trigger.date, rows, None, trigger.entity)
        found = {row["id"]: value for row, value in zip(rows, dates, strict=True)}
        values = (found.get(int(each["record"])) for each in subjects)
        return [None if value is None else self._moments.of(value) for value in values]


def _all(ctx: RunContext, rule: Rule) -> Iterator[list[int]]:
    """The records of a rule for which its condition holds, a portion at a time."""
    entity, table = rule.trigger.entity, ctx.app.tables.entity[rule.trigger.entity]
    if rule.condition is not None:
        ids = sorted(matching(ctx, Watch("date", rule.id, entity, rule, (rule.condition,), clock=True)))
        yield from (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
        return
    query = select(table.c.id).order_by(table.c.id).limit(AT_ONCE)
    if ctx.app.model.entities[entity].kind is not EntityKind.LINES:
        query = query.where(table.c.deleted_at.is_(None))
    last = 0
    while found := list(ctx.connection.execute(query.where(table.c.id > last)).scalars()):
        yield found
        last = found[-1]
