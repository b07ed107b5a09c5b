"""Pages without a network: our application and hand-written ones, called the way a server calls them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from runtime.context import FixedClock
from tests.bench.places import NOON, PASSWORD, Place
from web.application import create_app

Call = Callable[[], bytes]


def our_app(place: Place) -> Flask:
    """The product over the firm, on its usual day."""
    return create_app(place.home, clock=FixedClock(NOON), testing=True)


def logged_in(app: Flask) -> str:
    """A cookie of somebody at work."""
    client = app.test_client()
    page = client.get("/login").text
    token = csrf_of(page)
    answer = client.post("/login", data={"name": "bench", "password": PASSWORD, "csrf_token": token})
    if answer.status_code != 303:
        raise RuntimeError(f"the log-in answered {answer.status_code}")
    client.get("/e/item")  # the first page gives the session its token
    return cookie_of(client)


def cookie_of(client: Client) -> str:
    """The session of a client, as a browser would send it."""
    found = client.get_cookie("dougong") or client.get_cookie("session")
    assert found is not None
    return f"{found.key}={found.value}"


def csrf_of(page: str) -> str:
    """The token in a page's form."""
    found = re.search(r'name="csrf_token"\s+(?:type="hidden"\s+)?value="([^"]+)"', page)
    if found is None:
        raise RuntimeError("the page has no form")
    return found.group(1)


def getting(app: Flask, path: str, cookie: str, **headers: str) -> Call:
    """One request, again and again, through the whole application; refuses anything but success."""
    return _calling(app, EnvironBuilder(path=path, headers={"Cookie": cookie, **headers}))


def posting(app: Flask, path: str, cookie: str, data: Callable[[], Mapping[str, Any]]) -> Call:
    """A form sent again and again."""

    def call() -> bytes:
        builder = EnvironBuilder(path=path, method="POST", data=dict(data()), headers={"Cookie": cookie})
        return _answer(app, builder, ("303", "302"))

    return call


def _calling(app: Flask, builder: EnvironBuilder) -> Call:
    return lambda: _answer(app, builder, ("200",))


def _answer(app: Flask, builder: EnvironBuilder, wanted: tuple[str, ...]) -> bytes:
    parts, status, _ = run_wsgi_app(app, builder.get_environ())
    body = b"".join(parts)
    if not status.startswith(wanted):
        raise RuntimeError(f"{builder.path} answered {status}: {body[:300]!r}")
    return body
