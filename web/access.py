"""Who asks, for which app, in which transaction. The only place that knows sessions and tokens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flask import current_app, g, request, session

from runtime import accounts
from runtime.accounts import Person
from runtime.apps import AppHome, RunningApp
from runtime.context import SYSTEM, Clock, RunContext, SystemClock
from runtime.errors import Fault, NotFound
from runtime.messages import fault
from web.repeating import note_commit
from web.texts import LANGUAGES

EXTENSION = "dougong"
BEARER = "Bearer "
LOOK_AGAIN = 5.0
"""Seconds for which the list of apps is taken as it was: making one is rare, asking costs a look at the database."""


class Served:
    """What this server serves: the home of its apps and the clock; remembers for a moment which apps there are."""

    def __init__(self, apps: AppHome, clock: Clock | None) -> None:
        self.home = apps
        self.clock = clock or SystemClock()
        self._names: list[str] = []
        self._looked = -LOOK_AGAIN

    def names(self) -> list[str]:
        """The apps, by name."""
        now = time.monotonic()
        if not self._names or now - self._looked > LOOK_AGAIN:
            self._names, self._looked = self.home.names(), now
        return self._names

    def forget(self) -> None:
        """Look again at once: an app was made."""
        self._looked = -LOOK_AGAIN


class LogInNeeded(Exception):
    """Nobody is logged in (or the token is wrong): pages send to the log-in, the API answers 401."""

    def __init__(self, reason: Fault) -> None:
        super().__init__(reason.message)
        self.reason = reason


def served() -> Served:
    """What this server serves."""
    found: Served = current_app.extensions[EXTENSION]
    return found


def home() -> AppHome:
    """The apps of this server."""
    return served().home


def clock() -> Clock:
    """The clock of this server."""
    return served().clock


def app_name() -> str:
    """The app asked for: in the address, else the one chosen in this session, else the default."""
    given: str | None = getattr(g, "app_name", None)
    chosen = session.get("app") if not request.path.startswith("/api/") else None
    names = served().names()
    name = given or (chosen if chosen in names else None) or (names[0] if names else home().default())
    if name not in names:
        raise NotFound(Fault(code="no_such_app", message=f"没有应用 {name[:60]} | There is no app {name[:60]}"))
    return name


def running_app() -> RunningApp:
    """The app of this request, in its newest version."""
    if "running_app" not in g:
        g.running_app = home().get(app_name())
    app: RunningApp = g.running_app
    return app


def wanted_language(person: Person | None) -> str:
    """``?lang=``, else the person's choice, else what the browser prefers."""
    given = request.args.get("lang", "")
    if given in LANGUAGES:
        return given
    if person is not None and person.language in LANGUAGES:
        return person.language
    kept = session.get("language") if not request.path.startswith("/api/") else None
    return kept or request.accept_languages.best_match(LANGUAGES) or running_app().language


def _context(connection: Any, source: str) -> RunContext:
    return RunContext(app=running_app(), connection=connection, user=SYSTEM, clock=clock(), source=source)


def identify(ctx: RunContext) -> Person:
    """The person behind this request; raises ``LogInNeeded``."""
    given = request.headers.get("Authorization", "")
    if given:
        person = accounts.person_of_token(ctx, given.removeprefix(BEARER).strip()) if given.startswith(BEARER) else None
        if person is None:
            raise LogInNeeded(fault(ctx, "token_wrong"))
        return person
    person = _of_session(ctx)
    if person is None:
        raise LogInNeeded(fault(replace(ctx, language=wanted_language(None)), "log_in"))
    return person


def _of_session(ctx: RunContext) -> Person | None:
    kept = session.get("account")
    if not isinstance(kept, int) or session.get("account_app") != ctx.app.name:
        return None
    person = accounts.person_of(ctx, kept)
    if person is None or session.get("epoch") != person.epoch:
        return None
    today = ctx.today().isoformat()
    if session.get("day") != today:  # the cookie lives on from the last day of work; it is not signed at every request
        session["day"] = today
    return person


def remember(person: Person, app: str) -> None:
    """Log a person in for this browser."""
    language = session.get("language")
    session.clear()
    session.update(account=person.user.account, account_app=app, epoch=person.epoch, app=app)
    session.permanent = True
    if language:
        session["language"] = language


def forget() -> None:
    """Log out."""
    session.clear()


def _acting(ctx: RunContext) -> RunContext:
    person = identify(ctx)
    g.person = person
    return replace(ctx, user=person.user, language=wanted_language(person))


@contextmanager
def reading(source: str = "form") -> Iterator[RunContext]:
    """A transaction that only reads, for the person behind the request."""
    with running_app().database.read() as connection:
        yield _acting(replace(_context(connection, source), settings={}))


@contextmanager
def writing(source: str = "form") -> Iterator[RunContext]:
    """A transaction that writes; committed when the block ends without an error."""
    with running_app().database.write() as connection:
        yield _acting(_context(connection, source))
    note_commit()


@contextmanager
def nobody(*, write: bool = False) -> Iterator[RunContext]:
    """A transaction before anybody has logged in: the log-in itself."""
    database = running_app().database
    with database.write() if write else database.read() as connection:
        ctx = _context(connection, "form")
        yield replace(ctx, language=wanted_language(None))
    if write:
        note_commit()
