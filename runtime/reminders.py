"""What is to be done at a moment: kept in the database, handled once each, whatever the clock or the server does.

A reminder is known by its key. Putting it again with another moment moves it; putting it again with the moment for
which it was already handled does nothing. Handling and its effects are one transaction, so neither happens alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from runtime.calendars import hold
from runtime.context import RunContext
from runtime.errors import UserError
from runtime.id_sets import ID_SETS

CatchUp = Literal["late", "skip", "merge"]
LATE_AFTER = timedelta(hours=1)
"""A reminder handled this long after its moment was missed: its catch-up policy says what becomes of it."""
AT_ONCE = 500
PORTION = 5000
"""Reminders that are counted anew at a time."""
MOST_ROUNDS = 2000
"""A handler that puts its reminder into the past again and again does not hold the clockwork for ever."""
MOST_ATTEMPTS = 5
AGAIN_AFTER = timedelta(minutes=5)
OWNER = "owner"
"""Names in a subject the record whose line it is about."""
KEPT = timedelta(days=400)
"""How long it is remembered that something was handled."""
CLOSED = frozenset({"done", "merged", "skipped"})
"""Outcomes after which nothing is left to do."""
FAULTS = (UserError, SQLAlchemyError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a handler may fail with: it is noted and tried again, and holds up nobody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A reminder whose moment has come. ``merged``: earlier ones of its group that were missed and go with it."""

    key: str
    due: datetime
    handler: str
    subject: Mapping[str, Any]
    catch_up: CatchUp = "late"
    late: bool = False
    merged: tuple[Due, ...] = ()

    @property
    def group(self) -> str:
        """What it is merged with: the same key up to its last colon."""
        return self.key.rpartition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What became of a reminder: ``done``, ``skipped``, ``merged``, ``again`` (tried later) or ``failed``."""

    key: str
    handler: str
    due: datetime
    outcome: str
    error: str = ""


Handler = Callable[[RunContext, Due], None]
Moments = Callable[[Sequence[Mapping[str, Any]]], Sequence[datetime | None]]
"""When each of some subjects is due."""


def put(
    ctx: RunContext, key: str, due: datetime, handler: str, subject: Mapping[str, Any], catch_up: CatchUp = "late"
) -> None:
    """Remind at ``due``; a reminder of this key moves there, unless it was handled for that very moment."""
    put_many(ctx, [Due(key=key, due=due, handler=handler, subject=subject, catch_up=catch_up)])


def put_many(ctx: RunContext, reminders: Iterable[Due]) -> None:
    """The same for several, with one statement."""
    rows = {each.key: _row(each) for each in reminders}
    if not rows:
        return
    table = ctx.app.tables.system.reminder
    make = (postgresql if ctx.connection.dialect.name == "postgresql" else sqlite).insert
    statement = make(table)
    fresh = statement.excluded
    handled = and_(table.c.due.is_(None), table.c.handled_due == fresh.due)
    changed = {
        "due": case((handled, None), else_=fresh.due),
        "attempts": 0,
        **{name: fresh[name] for name in ("handler", "subject", "catch_up", "error")},
    }
    ctx.connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=changed), list(rows.values()))


def _row(each: Due) -> dict[str, object]:
    return {
        "key": each.key,
        "due": each.due,
        "handler": each.handler,
        "subject": orjson.dumps(dict(each.subject)).decode(),
        "catch_up": each.catch_up,
        "attempts": 0,
        "error": "",
    }


def drop(ctx: RunContext, key_prefix: str) -> int:
    """Nothing is to be done any more about the reminders whose key starts so; how many there were."""
    table = ctx.app.tables.system.reminder
    wanted = and_(_starts(table, key_prefix), table.c.due.is_not(None))
    return ctx.connection.execute(delete(table).where(wanted)).rowcount


def count_anew(ctx: RunContext, key_prefix: str, moments: Moments, *, handled: bool = True) -> int:
    """What moments are counted by is another one: the reminders whose key starts so move; how many of them did.

    ``moments`` tells for subjects when each is due now (``None``: as it was). What waits moves, even into the past,
    where its catch-up policy says what becomes of it; with ``handled`` what was handled counts as handled for its new
    moment, so that it does not come again. What is to be tried again keeps its own time.
    """
    table, count, last = ctx.app.tables.system.reminder, 0, 0
    sets = ID_SETS[ctx.app.database.dialect]
    mine = and_(_starts(table, key_prefix), table.c.attempts == 0)
    query = select(table).where(mine if handled else and_(mine, table.c.due.is_not(None))).order_by(table.c.id)
    while rows := ctx.connection.execute(query.where(table.c.id > last).limit(PORTION).with_for_update()).all():
        moved: dict[tuple[str, datetime], list[int]] = {}
        for row, moment in zip(rows, moments([orjson.loads(row.subject) for row in rows]), strict=True):
            column = "due" if row.due is not None else "handled_due"
            if moment is not None and moment != getattr(row, column):
                moved.setdefault((column, moment), []).append(row.id)
        for (column, moment), ids in moved.items():
            these = update(table).where(sets.among(table.c.id, "ids")).values({column: moment})
            count += ctx.connection.execute(these, {"ids": sets.pack(ids)}).rowcount
        last = rows[-1].id
    return count


def _starts(table: Table, key_prefix: str) -> ColumnElement[bool]:
    after = key_prefix[:-1] + chr(ord(key_prefix[-1]) + 1)
    return and_(table.c.key >= key_prefix, table.c.key < after)


def open_count(ctx: RunContext) -> int:
    """How many wait for their moment."""
    table = ctx.app.tables.system.reminder
    return int(ctx.connection.execute(select(func.count()).where(table.c.due.is_not(None))).scalar_one())


def due_now(ctx: RunContext, handlers: Mapping[str, Handler]) -> list[Handled]:
    """Handle all that is due at the context's moment, each by the handler it names; several workers may do it.

    Meanwhile nobody changes the calendar: what is counted anew has been handled, or has not been begun.
    """
    done: list[Handled] = []
    hold(ctx)
    for _round in range(MOST_ROUNDS):
        rows = ctx.connection.execute(_claim(ctx)).mappings().all()
        handled = [one for due in _merged([_due(ctx, row) for row in rows]) for one in _handle(ctx, due, handlers)]
        _close(ctx, [one for one in handled if one.outcome in CLOSED])
        done += handled
        if not rows:
            break
    return done


def _claim(ctx: RunContext) -> Select[Any]:
    table = ctx.app.tables.system.reminder
    query = select(table).where(table.c.due <= ctx.now()).order_by(table.c.due, table.c.id).limit(AT_ONCE)
    return query.with_for_update(skip_locked=True)


def _due(ctx: RunContext, row: Mapping[Any, Any]) -> Due:
    return Due(
        key=row["key"],
        due=row["due"],
        handler=row["handler"],
        subject=orjson.loads(row["subject"]),
        catch_up=row["catch_up"],
        late=ctx.now() - row["due"] > LATE_AFTER,
    )


def _merged(found: Sequence[Due]) -> Iterator[Due]:
    """Those that were missed and are to be merged go with the last of their group, and lines of one record that are
    due at the same moment with each other; all others as they are."""
    groups: dict[tuple[object, ...], list[Due]] = {}
    for each in found:
        if each.late and each.catch_up == "merge":
            groups.setdefault((each.handler, each.group), []).append(each)
        elif each.subject.get(OWNER) is not None:
            groups.setdefault((each.handler, each.group, each.subject[OWNER], each.due), []).append(each)
        else:
            yield each
    for *earlier, last in groups.values():
        yield replace(last, merged=tuple(earlier))


def _handle(ctx: RunContext, due: Due, handlers: Mapping[str, Handler]) -> list[Handled]:
    if due.late and due.catch_up == "skip":
        return [_handled(each, "skipped") for each in (due, *due.merged)]
    handler = handlers.get(due.handler)
    if handler is None:
        return [_fail(ctx, each, f"no handler {due.handler}", last=True) for each in (due, *due.merged)]
    try:
        with ctx.connection.begin_nested():
            handler(ctx, due)
    except FAULTS as error:
        return [_fail(ctx, each, f"{type(error).__name__}: {error}") for each in (due, *due.merged)]
    return [_handled(due, "done"), *(_handled(each, "merged") for each in due.merged)]


def _handled(due: Due, outcome: str) -> Handled:
    return Handled(key=due.key, handler=due.handler, due=due.due, outcome=outcome)


def _close(ctx: RunContext, handled: Sequence[Handled]) -> None:
    """Handled for their moments, with one statement; where a handler has put its own to another one, that stands."""
    if not handled:
        return
    table = ctx.app.tables.system.reminder
    was = bindparam("_due", type_=table.c.due.type)
    values = {
        "due": case((table.c.due == was, None), else_=table.c.due),
        "handled_due": was,
        "handled_at": bindparam("_at", type_=table.c.due.type),
        "error": "",
    }
    statement = update(table).where(table.c.key == bindparam("_key")).values(values)
    now = ctx.now()
    ctx.connection.execute(statement, [{"_key": each.key, "_due": each.due, "_at": now} for each in handled])


def _fail(ctx: RunContext, due: Due, error: str, *, last: bool = False) -> Handled:
    """Try it again a little later; after the last attempt it stays with its error, for people to see."""
    table = ctx.app.tables.system.reminder
    same = table.c.key == due.key
    attempts = ctx.connection.execute(select(table.c.attempts).where(same)).scalar_one() + 1
    over = last or attempts >= MOST_ATTEMPTS
    values: dict[str, Any] = {"attempts": attempts, "error": error[:500]}
    values["due"] = None if over else ctx.now() + AGAIN_AFTER * attempts
    if over:
        values |= {"handled_due": due.due, "handled_at": ctx.now()}
    ctx.connection.execute(update(table).where(same).values(values))
    return Handled(
        key=due.key, handler=due.handler, due=due.due, outcome="failed" if over else "again", error=error[:500]
    )


def forget_old(ctx: RunContext) -> int:
    """Drop the memory of what was handled long ago.

    Found by when it was handled: by the index over ``due``, all that was ever handled would be looked through.
    """
    table = ctx.app.tables.system.reminder
    old = and_(table.c.handled_at < ctx.now() - KEPT, case((table.c.due.is_(None), 1), else_=0) == 1)
    return ctx.connection.execute(delete(table).where(old)).rowcount
