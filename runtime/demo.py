"""Demo data: a story told through the write door, day by day, so that every ledger is true.

The story is data beside the template: CSV files of masters and mixes, and ``story.yaml`` with the acts of a working
day. This module knows no word of any trade; entities, transitions and fields come from the story. The same story
gives the same records every time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from runtime import records
from runtime.accounts import add_account, hash_of
from runtime.apps import RunningApp
from runtime.context import SYSTEM, Clock, FixedClock, RunContext, SystemClock, User
from runtime.demo_acts import ACTS
from runtime.demo_stage import Stage
from runtime.demo_story import Story, grouped_rows, read_story, read_table
from runtime.garbage import uncollected

Row = dict[str, Any]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoUser:
    """A log-in of the demo. ``member``: id of the person's record, if the app keeps people."""

    name: str
    password: str
    roles: tuple[str, ...]
    member: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """What was told: the log-ins to make, how many records came of it, and what was refused on the way."""

    users: tuple[DemoUser, ...]
    made: int
    refused: tuple[str, ...]


@dataclass(slots=True)
class _Telling:
    """The state of the telling: what is left to do is in the database, here is only what chance decided."""

    app: RunningApp
    story: Story
    progress: Progress
    chance: Random
    clock: Clock
    people: dict[str, User] = field(default_factory=dict)
    made: int = 0
    done: int = 0
    refused: list[str] = field(default_factory=list)
    waiting: dict[tuple[int, int], date] = field(default_factory=dict)


def load_demo(
    app: RunningApp,
    folder: Path,
    progress: Progress = lambda what, done, all_of: None,
    clock: Clock = SystemClock(),  # noqa: B008 - it has no state
) -> DemoResult:
    """Tell the story of ``folder`` into an empty app, so that it ends on the day of ``clock``, with its accounts;
    ``progress(what, done, all)`` is called on the way."""
    today = clock.now().astimezone(ZoneInfo(app.model.timezone)).date()
    story = read_story(folder, today)
    telling = _Telling(app, story, progress, Random(story.seed), clock)
    _load_masters(telling)
    users = _load_people(telling)
    for number, day in enumerate(story.days):
        with uncollected():
            _tell_day(telling, day, number == 0)
        _told(telling, day.isoformat())
    return DemoResult(users=users, made=telling.made, refused=tuple(telling.refused))


def _told(telling: _Telling, what: str) -> None:
    telling.done += 1
    telling.progress(what, telling.done, len(telling.story.masters) + len(telling.story.days))


def _context(telling: _Telling, connection: Connection, moment: datetime) -> RunContext:
    return RunContext(
        app=telling.app, connection=connection, user=SYSTEM, clock=FixedClock(moment),
        language=telling.app.language, source="demo",
    )  # fmt: skip


def _moment(telling: _Telling, day: date, minutes: int) -> datetime:
    """A moment of a working day, which begins at eight; nothing happens later than now."""
    start = datetime.combine(day, time(8, 0), ZoneInfo(telling.app.model.timezone))
    return min(start + timedelta(minutes=minutes), telling.clock.now())


# --- masters -------------------------------------------------------------------------------------------------


def _load_masters(telling: _Telling) -> None:
    with telling.app.database.write() as connection:
        ctx = _context(telling, connection, _moment(telling, telling.story.days[0], 0))
        for load in telling.story.masters:
            telling.made += _load(ctx, telling.story, load)
            _told(telling, load["entity"])


def _set_setting(ctx: RunContext, entity: str, values: Row) -> None:
    table = ctx.app.tables.entity[entity]
    found = ctx.connection.execute(select(table.c.id)).scalar()
    if found is None:
        records.create(ctx, entity, values)
    else:
        records.update(ctx, entity, found, values)


def _load(ctx: RunContext, story: Story, load: Row) -> int:
    """Make the records of a file, or set some of their columns when the records are there already."""
    entity = load["entity"]
    if "values" in load:
        _set_setting(ctx, entity, load["values"])
        return 0
    table = read_table(story.folder / f"{load.get('file', entity)}.csv")
    described = ctx.app.model.entities
    rows = grouped_rows(described, entity, load, table, story.shift)
    if "set" not in load:
        return len(records.create_many(ctx, entity, rows))
    ids = ids_by_code(ctx, entity)
    records.update_many(
        ctx, entity, [(ids[row.pop("code")], changes, None) for row in rows if (changes := _without_code(row))]
    )
    return 0


def _without_code(row: Mapping[str, object]) -> Row:
    return {name: value for name, value in row.items() if name != "code"}


def ids_by_code(ctx: RunContext, entity: str) -> dict[str, int]:
    """Record ids by code."""
    table = ctx.app.tables.entity[entity]
    return {str(code): int(id) for code, id in ctx.connection.execute(select(table.c.code, table.c.id))}


# --- days ----------------------------------------------------------------------------------------------------


def _tell_day(telling: _Telling, day: date, first: bool) -> None:
    story = telling.story
    with telling.app.database.write() as connection:
        for number, act in enumerate(story.acts):
            if not _happens(act, day, story, first):
                continue
            ctx = _context(telling, connection, _moment(telling, day, 5 * (number + 1)))
            if "as" in act:
                ctx = replace(ctx, user=telling.people[act["as"]])
            stage = Stage(
                ctx=ctx, story=story, number=number, act=act, day=day, chance=telling.chance,
                waiting=telling.waiting, refused=telling.refused, approver=telling.people.get(story.approver),
            )  # fmt: skip
            telling.made += ACTS[act["act"]](stage)


def _happens(act: Row, day: date, story: Story, first: bool) -> bool:
    """Whether an act has its turn on a day: on named dates, on the first day, on named weekdays, or always."""
    if "dates" in act:
        return day.isoformat() in act["dates"]
    if act.get("first"):
        return first
    if not str(act.get("since", "")) <= day.isoformat() <= str(act.get("until", "9999")):
        return False
    return (day - story.shift).isoweekday() in act.get("weekdays", range(1, 8))  # the weekday of the story


# --- people --------------------------------------------------------------------------------------------------


def _load_people(telling: _Telling) -> tuple[DemoUser, ...]:
    """An account for each person of the story: who is named in the history of a document is somebody."""
    app = telling.app
    users = []
    hashes: dict[str, str] = {}  # the passwords of a demo are known to everybody, and mostly one and the same
    with app.database.write() as connection:
        ctx = _context(telling, connection, _moment(telling, telling.story.days[0], 0))
        members = ids_by_code(ctx, app.model.members) if app.model.members else {}
        for row in read_table(telling.story.folder / "users.csv"):
            roles = tuple(row["roles"].split())
            member = members.get(row.get("member", ""))
            given = row["password"]
            if given and given not in hashes:
                hashes[given] = hash_of(given)
            account = add_account(ctx, row["name"], given, roles, member=member, hashed=hashes.get(given, ""))
            user = replace(SYSTEM, account=account, name=row["name"], roles=frozenset(roles), member=member)
            if row.get("member"):
                telling.people[row["member"]] = user
            users.append(DemoUser(name=row["name"], password=row["password"], roles=roles, member=member))
    return tuple(users)


__all__ = ["DemoResult", "DemoUser", "load_demo"]
