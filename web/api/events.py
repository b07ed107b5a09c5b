"""Server-sent events: records that changed, messages, counts and that figures may have changed, as the caller may see.

``record``, ``inbox``: one each. ``counts``: how many messages are new and tasks wait. ``cards``: figures are worth
asking for again; it says nothing of what changed.

A stream holds a thread of the server, so there are only so many at a time, and each ends after a while: browsers come
back by themselves and name the last event they saw.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from threading import BoundedSemaphore
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request

from runtime import accounts, inbox, tasks
from runtime.apps import RunningApp
from runtime.context import Clock, RunContext
from runtime.errors import Fault
from runtime.events import Change, Feed, changes_after, latest, visible_changes
from runtime.messages import fault
from web.access import app_name, clock, home, reading
from web.api.errors import problem
from web.api.shapes import dump

EXTENSION = "dougong.streams"
POLL, HEARTBEAT, LONGEST, RETRY = 1.0, 5.0, 60.0, 3000
USUAL_STREAMS = 6
LATER = 30_000
"""Milliseconds after which a page for which there was no place asks again."""


class Streams:
    """The open streams of a process: a feed for each app, and how many more there may be."""

    def __init__(self, most: int, poll: float) -> None:
        self.places = BoundedSemaphore(most)
        self._poll = poll
        self._feeds: dict[str, Feed] = {}

    def feed(self, name: str, get: Callable[[], RunningApp]) -> Feed:
        """The feed of an app."""
        return self._feeds.setdefault(name, Feed(get, self._poll))


def events() -> Response:
    """The stream."""
    streams: Streams = current_app.extensions[EXTENSION]
    with reading() as ctx:
        after = _last_seen(ctx)
        account, language = ctx.user.account, ctx.language
        full = fault(ctx, "too_many_streams")
    if request.method == "HEAD":
        return Response(content_type="text/event-stream")
    if not streams.places.acquire(blocking=False):
        return _refused(full) if "Authorization" in request.headers else _later()
    apps, name = home(), app_name()
    stream = _Stream(lambda: apps.get(name), clock(), account, language, after)
    longest = float(current_app.config.get("EVENT_SECONDS", LONGEST))
    text = stream.told(streams.feed(name, lambda: apps.get(name)), longest)
    response = Response(text, content_type="text/event-stream")
    response.call_on_close(streams.places.release)
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _refused(full: Fault) -> Response:
    response = problem(429, "Too Many Requests", [full])
    response.headers["Retry-After"] = "30"
    return response


def _later() -> Response:
    """A page is not refused, which browsers would call an error: it is told to ask again in a while."""
    return Response(b"retry: %d\n\n" % LATER, content_type="text/event-stream")


def _last_seen(ctx: RunContext) -> tuple[int, int]:
    """The numbers of the last change and message the caller knows: as he says, else those of now."""
    change, _, message = request.headers.get("Last-Event-ID", "").partition("-")
    if all(n.isascii() and n.isdigit() and len(n) < 19 for n in (change, message)):
        return int(change), int(message)
    newest = inbox.mine(ctx)[:1]
    return latest(ctx.connection, ctx.app), newest[0].id if newest else 0


class _Stream:
    """What one caller is told."""

    def __init__(
        self, get: Callable[[], RunningApp], clock: Clock, account: int, language: str, after: tuple[int, int]
    ) -> None:
        self.get = get
        self.clock = clock
        self.account = account
        self.language = language
        self.change, self.message = after
        self.counts: dict[str, int] = {}

    def told(self, feed: Feed, longest: float) -> Iterator[bytes]:
        """The text of the stream."""
        yield f"retry: {RETRY}\n\n".encode()
        end = time.monotonic() + longest
        with feed.watch() as wait:
            missed = self._missed()
            yield from self._tell(missed)
            known = {change.id for change in missed}
            while (left := end - time.monotonic()) > 0:
                news = wait(min(HEARTBEAT, left))
                fresh = [c for c in news.changes if c.id not in known]
                yield from self._tell(fresh) if fresh or news.messages else (b": still here\n\n",)

    def _missed(self) -> list[Change]:
        app = self.get()
        with app.database.read() as connection:
            return changes_after(connection, app, self.change)

    def _tell(self, changes: Sequence[Change]) -> list[bytes]:
        """Events of these changes, and of messages that came with them."""
        app = self.get()
        with app.database.read() as connection:
            ctx = RunContext(app=app, connection=connection, user=app.context(connection).user, clock=self.clock)
            person = accounts.person_of(ctx, self.account)
            if person is None:
                return []
            ctx = RunContext(
                app=app, connection=connection, user=person.user, clock=self.clock, language=self.language, source="api"
            )
            seen = visible_changes(ctx, changes)
            messages = inbox.mine(ctx, after=self.message)
            counts = {"messages": inbox.count_unseen(ctx), "tasks": tasks.count_mine(ctx)}
        self.change = max((self.change, *(c.id for c in changes)))
        told = []
        for change in seen:
            what = {"entity": change.entity, "id": change.record, "version": change.version}
            how = {"kind": change.kind, "transition": change.transition or None}
            told.append(_event("record", f"{change.id}-{self.message}", {**what, **how}))
        for message in reversed(messages):
            self.message = message.id
            told.append(_event("inbox", f"{self.change}-{self.message}", asdict(message)))
        mark = f"{self.change}-{self.message}"
        if counts != self.counts:
            self.counts = counts
            told.append(_event("counts", mark, counts))
        if changes:
            told.append(_event("cards", mark, {"changed": True}))
        return told or [b": still here\n\n"]


def _event(name: str, id: str, data: dict[str, Any]) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (id.encode(), name.encode(), dump(data))


def prepare(app: Flask) -> None:
    """Make room for streams: half of the server's threads at most."""
    app.extensions[EXTENSION] = Streams(
        app.config.get("EVENT_STREAMS", USUAL_STREAMS), float(app.config.get("EVENT_POLL", POLL))
    )


def register(api: Blueprint) -> None:
    """Attach the address."""
    api.add_url_rule("/events", "events", events)
