"""P13: reminders that are due among very many that are not, the outbox emptied, and two workers at it.

The hand-written ones do the same with the same tables and nothing else in them: a due reminder must not cost more for
those that wait, a message not much more than the request it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

import orjson

from engine.model import Text
from runtime import outbox, reminders, schedule
from runtime.bulk import load_rows
from runtime.context import FixedClock, RunContext
from runtime.outbox import Outgoing
from runtime.outbox_courier import deliver
from runtime.reminders import Due
from tests.bench.measure import Figure
from tests.bench.places import NOON, Place
from tests.runtime.outside import Outside, listening

GOAL = "P13"
DUE = 1_000
FAR = NOON + timedelta(days=400)
WORDS = Text(zh="到期", en="Due")


def run(place: Place) -> Iterator[Figure]:
    """Durable time on this database."""
    shared = {"goal": GOAL, "database": place.dialect}
    due = min(DUE, place.size.rows // 4)
    with place.writing() as ctx:
        ctx.connection.execute(ctx.app.tables.system.reminder.delete())
    alone = _handled(place, due, "few")
    _fill(place, place.size.rows)
    among = _handled(place, due, "many")
    yield Figure(
        name=f"{due} reminders due among {place.size.rows}, beside none", unit="ms", ours=among, hand=alone, limit=1.5,
        **shared,
    )  # fmt: skip
    waiting = _idle_tick(place)
    with place.writing() as ctx:
        ctx.connection.execute(ctx.app.tables.system.reminder.delete())
    yield Figure(
        name=f"a tick with nothing due among {place.size.rows}, beside none", unit="ms", ours=waiting,
        hand=_idle_tick(place), limit=1.5, **shared,
    )  # fmt: skip
    yield from _outbox(place, shared)


def _fill(place: Place, rows: int) -> None:
    with place.writing() as ctx:
        table = ctx.app.tables.system.reminder
        subject, columns = orjson.dumps({}).decode(), [c.name for c in table.c]
        given = {"handler": "note", "subject": subject, "catch_up": "late", "attempts": 0, "error": ""}

        def row(number: int) -> Sequence[object]:
            own = {"id": 10**8 + number, "key": f"far:{number}", "due": FAR + timedelta(seconds=number)}
            return [{**given, **own}.get(name) for name in columns]

        load_rows(ctx.connection, table, (row(n) for n in range(rows)))


def _handled(place: Place, count: int, name: str) -> float:
    """Milliseconds in which ``count`` due ones are handled: the best of three."""

    def note(_ctx: RunContext, _due: Due) -> None:
        return

    taken = []
    for attempt in range(3):
        with place.writing() as ctx:
            reminders.put_many(
                ctx, [Due(key=f"{name}:{attempt}:{n}", due=NOON, handler="note", subject={}) for n in range(count)]
            )
        started = time.perf_counter()
        with place.writing() as ctx:
            done = reminders.due_now(ctx, {"note": note})
        taken.append((time.perf_counter() - started) * 1e3)
        assert len(done) == count
    return min(taken)


def _idle_tick(place: Place) -> float:
    """Milliseconds in which it is seen that nothing is due: the best of five."""
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        with place.writing() as ctx:
            schedule.tick(ctx)
        taken.append((time.perf_counter() - started) * 1e3)
    return min(taken)


def _outbox(place: Place, shared: dict[str, str]) -> Iterator[Figure]:
    count = 40 if place.size.quick else 400
    with listening() as outside:
        outside.answer = (204, b"")
        hand = _timed(lambda: _plainly(outside, count))
        for workers in (1, 2):
            _post(place, outside, count, f"bench {workers}")
            before = len(outside.heard)
            taken = _timed(lambda workers=workers: _carried(place, workers))  # type: ignore[misc]
            sent = [heard.headers["x-dougong-delivery"] for heard in outside.heard[before:]]
            assert len(sent) == len(set(sent)) == count
            yield Figure(
                name=f"a message of the outbox carried, {workers} at work", unit="ms", ours=taken / count,
                hand=hand / count, limit=6.0, note="beside the bare request", **shared,
            )  # fmt: skip
    with place.writing() as ctx:
        ctx.connection.execute(ctx.app.tables.system.outbox.delete())


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3


def _post(place: Place, outside: Outside, count: int, name: str) -> None:
    with place.writing() as ctx:
        messages = [
            Outgoing(kind="webhook", key=f"{name} {n}", title=WORDS, text=WORDS, addresses=(outside.url,))
            for n in range(count)
        ]
        outbox.post_many(ctx, messages)


def _carried(place: Place, workers: int) -> None:
    at_work = [threading.Thread(target=deliver, args=(place.app, FixedClock(NOON))) for _ in range(workers)]
    for each in at_work:
        each.start()
    for each in at_work:
        each.join()


def _plainly(outside: Outside, count: int) -> None:
    """The same requests one after the other, with nothing kept of them."""
    host, port = urlsplit(outside.url).hostname, urlsplit(outside.url).port
    for number in range(count):
        connection = HTTPConnection(host or "", port)
        connection.request("POST", "/", orjson.dumps({"id": number}))
        connection.getresponse().read()
        connection.close()
