"""Runs of plug-ins: taken when they are due, done outside of any transaction that writes, and noted at the end.

What a plug-in noted is written with its rights in one transaction together with the fact that the run is over: a run
that is broken off is done again, but its effects are there once or not at all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import DBAPIError

from engine.model import Text
from runtime import rules_traces
from runtime.apps import RunningApp
from runtime.channels import masked
from runtime.context import Clock, RunContext
from runtime.errors import UserError
from runtime.logs import logger
from runtime.messages import both
from runtime.outbox import Outgoing, post
from runtime.plugins.access import user_of
from runtime.plugins.choosing import chosen, demand_on
from runtime.plugins.finding import act_of, installed, label_of, market
from runtime.plugins.starting import CHAIN, DONE, FAILED, WORKING, as_json
from runtime.plugins.values import given_values
from runtime.plugins.work import Notes, Work
from runtime.plugins.writing import Written, write_notes
from runtime.rules_people import People

MOST_ATTEMPTS = 3
"""How often a run is begun whose process died meanwhile."""
AFTERWARDS = timedelta(minutes=5)
"""Beyond its time limit, how long a run may be under way before another process takes it."""
LONGEST = 300.0
MOST_HANGING = 3
"""Runs of one plug-in that nobody waits for any more and that still hold a connection: then no more are begun."""
KEPT = 20_000
"""Runs of all plug-ins of an app that are remembered."""
OFTEN = 1.0
"""Seconds between two notes of how far a run is."""
Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run that was taken."""

    id: int
    key: str
    plugin: str
    act: str
    given: Mapping[str, Any]
    chain: tuple[str, ...]
    rule: str
    entity: str
    record: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of a run."""

    id: int
    plugin: str
    act: str
    state: str
    error: str = ""


@dataclass(slots=True)
class _Outcome:
    """What came of the plug-in's own work."""

    notes: Notes = field(default_factory=Notes)
    error: str = ""
    micros: int = 0


def something_due(app: RunningApp, connection: Connection, clock: Clock) -> bool:
    """Whether a look is worth a transaction."""
    table = app.tables.system.plugin_run
    return connection.execute(select(table.c.id).where(table.c.next_at <= clock.now()).limit(1)).first() is not None


def work_off(app: RunningApp, clock: Clock) -> list[Ended]:
    """Do all runs that are due, one after the other; what became of each."""
    ended: list[Ended] = []
    while True:
        with app.database.read() as connection:
            if not something_due(app, connection, clock):
                return ended
        job = app.database.run(lambda connection: _claim(app.context(connection, clock, "plugin")))
        if isinstance(job, Ended):
            ended.append(job)
        elif job is not None:
            ended.append(perform(app, clock, job))


# --- taking ------------------------------------------------------------------------------------------------------


def _claim(ctx: RunContext) -> Job | Ended | None:
    table = ctx.app.tables.system.plugin_run
    due = select(table).where(table.c.next_at <= ctx.now()).order_by(table.c.next_at, table.c.id).limit(1)
    row = ctx.connection.execute(due.with_for_update(skip_locked=True)).mappings().first()
    if row is None:
        return None
    job = _job(row)
    if row["attempts"] >= MOST_ATTEMPTS:
        return _close(ctx, job, _Outcome(error=both("plugin_broken_off").get(ctx.language)), Written())
    lease = ctx.now() + timedelta(seconds=_seconds(job)) + AFTERWARDS
    values = {"state": WORKING, "next_at": lease, "attempts": job.attempt}
    ctx.connection.execute(update(table).where(table.c.id == job.id).values(values))
    return job


def _job(row: Row) -> Job:
    return Job(
        id=row["id"], key=row["key"], plugin=row["plugin"], act=row["act"], given=orjson.loads(row["given"]),
        chain=tuple(orjson.loads(row["chain"])), rule=row["rule"], entity=row["entity"], record=row["record"],
        attempt=row["attempts"] + 1,
    )  # fmt: skip


def _seconds(job: Job) -> float:
    found = market().plugins.get(job.plugin)
    act = found.plugin.act(job.act) if found else None
    return act.seconds if act else LONGEST


# --- doing -------------------------------------------------------------------------------------------------------


def perform(app: RunningApp, clock: Clock, job: Job) -> Ended:
    """Let the plug-in work, then write what it noted."""
    outcome = _worked(app, clock, job)
    if not outcome.error:
        try:
            return app.database.run(lambda connection: _finish(app, connection, clock, job, outcome))
        except Exception as error:  # what a plug-in wants written may be anything: its fault ends its run alone
            outcome.error = _reason(app, clock, job, error)
    return app.database.run(lambda connection: _failed(app, connection, clock, job, outcome))


def _worked(app: RunningApp, clock: Clock, job: Job) -> _Outcome:
    """The plug-in at work in a thread of its own; after its time nobody waits for it any more."""
    name, seconds = f"plugin-{app.name}-{job.plugin}", _seconds(job)
    if sum(thread.name == name for thread in threading.enumerate()) >= MOST_HANGING:
        return _Outcome(error=both("plugin_hangs").get(app.language))
    started = time.perf_counter()
    answers: SimpleQueue[Notes | Exception] = SimpleQueue()
    held = _Held()

    def work() -> None:
        try:
            answers.put(_run(app, clock, job, held))
        except Exception as error:  # code of others: whatever goes wrong in it ends its run, and nothing else
            answers.put(error)

    threading.Thread(target=work, name=name, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        held.let_go(app)
        text = both("plugin_too_slow", seconds=f"{seconds:g}")
        answer = TimeoutError(text.get(app.language))
    micros = int((time.perf_counter() - started) * 1_000_000)
    if isinstance(answer, Notes):
        return _Outcome(notes=answer, micros=micros)
    return _Outcome(error=_reason(app, clock, job, answer), micros=micros)


class _Held:
    """The server's process that a run keeps busy; none before it begins and after it has ended."""

    def __init__(self) -> None:
        self._lock, self._backend = threading.Lock(), 0

    @contextmanager
    def by(self, connection: Connection) -> Iterator[None]:
        """While the run reads."""
        if connection.dialect.name == "postgresql":
            self._backend = connection.execute(select(func.pg_backend_pid())).scalar_one()
        try:
            yield
        finally:
            with self._lock:  # from here on the connection may be somebody else's
                self._backend = 0

    def let_go(self, app: RunningApp) -> None:
        """The transaction of one that hangs ends now: on PostgreSQL it would keep changes of tables waiting."""
        with self._lock:
            if self._backend:
                with app.database.read() as connection:
                    connection.execute(select(func.pg_terminate_backend(self._backend)))


def _run(app: RunningApp, clock: Clock, job: Job, held: _Held) -> Notes:
    notes = Notes()
    with app.database.read() as connection, held.by(connection):
        ctx = app.context(connection, clock, "plugin")
        plugin, known = demand_on(ctx, job.plugin)
        given = given_values(ctx, act_of(ctx, plugin, job.act).arguments, job.given)
        acting = replace(ctx, user=user_of(ctx.app.model, plugin, known.settings))
        at = Work(acting, plugin, known.settings, job.key, notes, _teller(app, job))
        installed(ctx, job.plugin).run(job.act, given, at)
    return notes


def _teller(app: RunningApp, job: Job) -> Callable[[int, int], None]:
    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last < OFTEN:
            return
        last = time.monotonic()
        table = app.tables.system.plugin_run
        mine = (table.c.id == job.id) & (table.c.attempts == job.attempt) & (table.c.state == WORKING)
        with app.database.write() as connection:
            connection.execute(update(table).where(mine).values(done=int(done), total=int(total)))

    return tell


def _reason(app: RunningApp, clock: Clock, job: Job, error: Exception) -> str:
    """Why it failed, in words for people, without anything secret."""
    if isinstance(error, (UserError, TimeoutError)):
        text = str(error)
    elif isinstance(error, DBAPIError):
        text = type(error.orig).__name__
    else:
        logger("plugins").error("run failed", plugin=job.plugin, act=job.act, exc_info=error)
        text = f"{type(error).__name__}: {error}"
    with app.database.read() as connection:
        found = market().plugins.get(job.plugin)
        ctx = app.context(connection, clock)
        secrets = chosen(ctx, found.plugin).secrets.values() if found else ()
        return masked(text, secrets)[:500]


# --- noting ------------------------------------------------------------------------------------------------------


def _finish(app: RunningApp, connection: Connection, clock: Clock, job: Job, outcome: _Outcome) -> Ended:
    """Write what the plug-in noted, with its rights, if the run is still ours and it is still on."""
    ctx = app.context(connection, clock, "plugin")
    if not _still_ours(ctx, job):
        return Ended(id=job.id, plugin=job.plugin, act=job.act, state=WORKING)
    plugin, known = demand_on(ctx, job.plugin)
    acting = replace(ctx, user=user_of(ctx.app.model, plugin, known.settings))
    connection.info[CHAIN] = job.chain
    try:
        written = write_notes(acting, plugin, known.settings, outcome.notes)
    finally:
        connection.info.pop(CHAIN, None)
    outcome.notes.said = [_masked(text, known.secrets) for text in outcome.notes.said]
    return _close(ctx, job, outcome, written)


def _masked(text: Text, secrets: Mapping[str, str]) -> Text:
    return Text(masked(text.zh, secrets.values()), masked(text.en, secrets.values()))


def _failed(app: RunningApp, connection: Connection, clock: Clock, job: Job, outcome: _Outcome) -> Ended:
    ctx = app.context(connection, clock, "plugin")
    if not _still_ours(ctx, job):
        return Ended(id=job.id, plugin=job.plugin, act=job.act, state=WORKING)
    return _close(ctx, job, outcome, Written())


def _still_ours(ctx: RunContext, job: Job) -> bool:
    table = ctx.app.tables.system.plugin_run
    query = select(table.c.id).where(table.c.id == job.id, table.c.state == WORKING, table.c.attempts == job.attempt)
    return ctx.connection.execute(query.with_for_update()).first() is not None


def _close(ctx: RunContext, job: Job, outcome: _Outcome, written: Written) -> Ended:
    """The run is over: what it said and wrote stands with it and with the look of the rule that started it."""
    table = ctx.app.tables.system.plugin_run
    state = FAILED if outcome.error else DONE
    details = {
        "said": [[text.zh, text.en] for text in outcome.notes.said] if not outcome.error else [],
        "written": [asdict(each) for each in written.records],
        "raised": [{**asdict(each), "values": as_json(each.values)} for each in written.raised],
    }
    values = {
        "state": state, "next_at": None, "ended_at": ctx.now(), "micros": outcome.micros, "error": outcome.error,
        "details": orjson.dumps(details).decode(),
    }  # fmt: skip
    ctx.connection.execute(update(table).where(table.c.id == job.id).values(values))
    if job.rule:
        told = {"state": state, "error": outcome.error, "micros": outcome.micros, **details}
        rules_traces.note_outcome(ctx, (job.rule, job.entity, job.record), job.key, told)
    if outcome.error:
        _tell_administrators(ctx, job, outcome.error)
    return Ended(id=job.id, plugin=job.plugin, act=job.act, state=state, error=outcome.error)


def _tell_administrators(ctx: RunContext, job: Job, reason: str) -> None:
    """Once a day for each plug-in."""
    label, act = label_of(job.plugin), label_of(job.plugin, job.act)
    post(
        ctx,
        Outgoing(
            kind="inbox",
            key=f"plugin_failed:{job.plugin}:{ctx.today().isoformat()}",
            title=label,
            text=Text(
                both("plugin_failed", act=act.zh, reason=reason).zh, both("plugin_failed", act=act.en, reason=reason).en
            ),
            accounts=People(ctx).administrators(),
            origin=f"plugin:{job.plugin}",
        ),
    )


def forget_old(ctx: RunContext) -> int:
    """Drop all runs but the last ones."""
    table = ctx.app.tables.system.plugin_run
    newest = select(func.max(table.c.id)).scalar_subquery()
    return ctx.connection.execute(delete(table).where(table.c.id <= newest - KEPT, table.c.next_at.is_(None))).rowcount


# --- for people --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it is kept."""

    id: int
    plugin: str
    act: str
    state: str
    given: Mapping[str, Any]
    rule: str
    entity: str
    record: int
    account: int | None
    made_at: Any
    ended_at: Any
    micros: int
    done: int
    total: int
    said: Sequence[Sequence[str]]
    written: Sequence[Mapping[str, Any]]
    raised: Sequence[Mapping[str, Any]]
    error: str


def runs(ctx: RunContext, plugin: str = "", *, number: int = 0, before: int = 0, most: int = 20) -> list[Run]:
    """Runs, newest first; ``number``: that one alone."""
    table = ctx.app.tables.system.plugin_run
    query = select(table).order_by(table.c.id.desc()).limit(most)
    for column, value in ((table.c.plugin, plugin), (table.c.id, number)):
        if value:
            query = query.where(column == value)
    if before:
        query = query.where(table.c.id < before)
    return [_shown(row) for row in ctx.connection.execute(query).mappings()]


def _shown(row: Row) -> Run:
    details = orjson.loads(row["details"])
    same = (
        "id", "plugin", "act", "state", "rule", "entity", "record", "account", "made_at", "ended_at", "micros", "done",
        "total", "error",
    )  # fmt: skip
    return Run(
        **{name: row[name] for name in same},
        given=orjson.loads(row["given"]),
        said=details.get("said", ()),
        written=details.get("written", ()),
        raised=details.get("raised", ()),
    )
