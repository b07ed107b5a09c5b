"""How often one caller may ask: far more than a person or an honest script needs, far less than what hurts others.

Each process counts for itself, in memory: a limit is a fence, not an account.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from threading import Lock
from types import MappingProxyType

from flask import Flask, Response, g, request, session
from werkzeug.exceptions import TooManyRequests

USUAL = "1200 per minute"
API = "/api/"
PERIODS: Mapping[str, int] = MappingProxyType({"second": 1, "minute": 60, "hour": 3600})
MANY = 10_000
"""Callers remembered, at most: before more are, those whose time is over are forgotten."""
SWEEP = 1.0
"""Seconds between two looks through all of them: who sends many names must not keep everybody waiting."""
REST = ""
"""Whoever comes while as many as can be are remembered: they share one count."""
CROWD = 10
"""How many callers' worth one address may ask for: a firm behind one address has room, made-up tokens have not."""


class Turnstile:
    """Counts who came through since their first time; after ``seconds`` they start anew."""

    def __init__(self, most: int, seconds: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.seconds = seconds
        self._clock = clock
        self._seen: dict[str, tuple[float, int]] = {}
        self._swept = -math.inf
        self._lock = Lock()

    def through(self, who: str) -> tuple[int, int]:
        """How often ``who`` may still come (less than 0: not this time), and in how many seconds all begins anew."""
        now = self._clock()
        with self._lock:
            who = self._place(who, now)
            end, count = self._seen.get(who, (0.0, 0))
            if end <= now:
                end, count = now + self.seconds, 0
            self._seen[who] = (end, count + 1)
        return self.most - count - 1, math.ceil(end - now)

    def _place(self, who: str, now: float) -> str:
        """Under which name ``who`` is counted."""
        if who in self._seen or len(self._seen) < MANY:
            return who
        if now - self._swept >= SWEEP:
            self._swept = now
            self._seen = {name: seen for name, seen in self._seen.items() if seen[0] > now}
        return who if len(self._seen) < MANY else REST


def turnstile(limit: str) -> Turnstile:
    """A limit as people write it: ``1200 per minute``."""
    most, _, period = limit.partition(" per ")
    if not most.isdigit() or period not in PERIODS:
        raise ValueError(f"API_LIMIT: {limit!r} is not such as {USUAL!r}")
    return Turnstile(int(most), PERIODS[period])


def caller() -> str:
    """Who asks: the token or the session, else the address."""
    given = request.headers.get("Authorization", "")
    if given:
        return f"token:{sha256(given.encode()).hexdigest()[:24]}:{request.remote_addr}"
    account = session.get("account")
    return f"account:{account}" if account else f"address:{request.remote_addr}"


def register(app: Flask) -> None:
    """Limit the API; ``API_LIMIT`` (a text such as ``10 per second``, "" = none) says how much each caller may ask of
    each of its addresses."""
    limit = app.config.get("API_LIMIT", "" if app.testing else USUAL)
    if not limit:
        return
    counting = turnstile(limit)
    crowd = Turnstile(CROWD * counting.most, counting.seconds)

    def let_through() -> None:
        if request.path.startswith(API):
            among = crowd.through(f"{request.endpoint} {request.remote_addr}")
            g.turns = among if among[0] < 0 else counting.through(f"{request.endpoint} {caller()}")
            if g.turns[0] < 0:
                raise TooManyRequests

    def tell(response: Response) -> Response:
        if "turns" in g:
            left, seconds = g.turns
            response.headers["X-RateLimit-Limit"] = str(counting.most)
            response.headers["X-RateLimit-Remaining"] = str(max(0, left))
            response.headers["X-RateLimit-Reset"] = str(math.ceil(time.time()) + seconds)
            if left < 0:
                response.headers["Retry-After"] = str(seconds)
        return response

    app.before_request(let_through)
    app.after_request(tell)
