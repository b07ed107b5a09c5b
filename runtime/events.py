"""What has just changed, for those who watch: one reader a process and app, however many watch.

The audit trail is the source: whatever was committed stands there. A database may commit out of the order of ids, so
the reader looks a little back each time and tells each entry once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Condition, Thread

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from engine.model import EntityKind
from runtime.apps import RunningApp
from runtime.context import RunContext
from runtime.logs import logger
from runtime.permissions import READ, owner_of, rights
from runtime.row_rules import visible_ids

LOOK_BACK = 200
MOST_MISSED = 1000
"""Changes told to somebody who was away: more is told by reading afresh."""


@dataclass(frozen=True, slots=True)
class News:
    """What has come since the last look: changes of records, and whether anybody was told something."""

    changes: list[Change] = field(default_factory=list)
    messages: bool = False

    def __bool__(self) -> bool:
        return bool(self.changes) or self.messages


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the trail: number, what was changed, how."""

    id: int
    entity: str
    record: int
    version: int
    kind: str
    transition: str


def latest(connection: Connection, app: RunningApp) -> int:
    """The number of the newest entry."""
    return int(connection.execute(select(func.max(app.tables.system.audit.c.id))).scalar() or 0)


def latest_message(connection: Connection, app: RunningApp) -> int:
    """The number of the newest message anybody was told."""
    return int(connection.execute(select(func.max(app.tables.system.inbox.c.id))).scalar() or 0)


def changes_after(connection: Connection, app: RunningApp, after: int) -> list[Change]:
    """Entries later than ``after``, in order, the first of them only."""
    audit = app.tables.system.audit
    columns = (audit.c.id, audit.c.entity, audit.c.record, audit.c.version, audit.c.kind, audit.c.transition)
    query = select(*columns).where(audit.c.id > after).order_by(audit.c.id).limit(MOST_MISSED)
    return [Change(*row) for row in connection.execute(query)]


def visible_changes(ctx: RunContext, changes: Sequence[Change]) -> list[Change]:
    """The changes of records that the acting person may see."""
    wanted: dict[str, set[int]] = {}
    for change in changes:
        wanted.setdefault(change.entity, set()).add(change.record)
    seen = {(entity, i) for entity, ids in wanted.items() if _reads(ctx, entity) for i in visible_ids(ctx, entity, ids)}
    return [change for change in changes if (change.entity, change.record) in seen]


def _reads(ctx: RunContext, entity: str) -> bool:
    found = ctx.app.model.entities.get(entity)
    if found is None or found.kind is EntityKind.SYSTEM:
        return False
    return rights(ctx, owner_of(ctx.app.model, entity)).may(READ)


class Feed:
    """Tells the changes of one app to all who watch it; its thread lives only as long as somebody does."""

    def __init__(self, get: Callable[[], RunningApp], pause: float) -> None:
        self._get = get
        self._pause = pause
        self._changed = Condition()
        self._watching: list[SimpleQueue[News]] = []

    @property
    def watching(self) -> int:
        """How many watch."""
        return len(self._watching)

    @contextmanager
    def watch(self) -> Iterator[Callable[[float], News]]:
        """A function that waits some seconds for news and gives it (none when time has passed)."""
        queue: SimpleQueue[News] = SimpleQueue()
        with self._changed:
            self._watching.append(queue)
            if len(self._watching) == 1:
                Thread(target=self._read, name="feed", daemon=True).start()
        try:
            yield lambda seconds: _wait(queue, seconds)
        finally:
            with self._changed:
                self._watching.remove(queue)
                self._changed.notify_all()

    def _read(self) -> None:
        seen = _Seen()
        while True:
            try:
                fresh = self._look(seen)
            except SQLAlchemyError as error:
                logger("events").error("feed cannot read", error=str(error))
                fresh = News()
            with self._changed:
                if fresh:
                    for queue in self._watching:
                        queue.put(fresh)
                if not self._watching or (self._changed.wait(self._pause) and not self._watching):
                    return

    def _look(self, seen: _Seen) -> News:
        app = self._get()
        with app.database.read() as connection:
            message = latest_message(connection, app)
            if seen.change is None:
                seen.change, seen.message = latest(connection, app), message
                seen.told.update(c.id for c in changes_after(connection, app, seen.change - LOOK_BACK))
                return News(messages=True)  # whatever came while the thread was being started
            found = changes_after(connection, app, seen.change - LOOK_BACK)
        fresh = [change for change in found if change.id not in seen.told]
        last = max((change.id for change in found), default=seen.change)
        seen.told.update(change.id for change in fresh)
        seen.told -= {number for number in seen.told if number <= last - LOOK_BACK}
        news = News(fresh, message != seen.message)
        seen.change, seen.message = last, message
        return news


@dataclass(slots=True)
class _Seen:
    """What the reader knows already."""

    change: int | None = None
    message: int = 0
    told: set[int] = field(default_factory=set)


def _wait(queue: SimpleQueue[News], seconds: float) -> News:
    try:
        return queue.get(timeout=seconds)
    except Empty:
        return News()
