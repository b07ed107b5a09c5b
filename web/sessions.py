"""Sessions in signed cookies. Both the cookie that comes and the token that goes out are worked on once, not each time.

What a signature says does not change: a cookie that was verified a moment ago is known by its text, and until it
expires nothing else needs to be looked at. Nothing here outlives the process.
"""

from __future__ import annotations

import time
from typing import Any

from flask import Flask, Request, Response, current_app, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadSignature

EXTENSION = "dougong_tokens"
MOST = 2000
"""Cookies and tokens remembered: far more than people at work; beyond that all are forgotten."""
PLAIN = (str, int, bool, type(None))
"""What may be in a session that is remembered: nothing that a request could change in place."""


class Sessions(SecureCookieSessionInterface):
    """The cookie of a session travels over HTTPS alone wherever the page came that way."""

    def __init__(self) -> None:
        self._verified: dict[str, tuple[float, dict[str, Any]]] = {}

    def get_cookie_secure(self, app: Flask) -> bool:
        """Also behind a server that ends TLS and says so."""
        return request.is_secure or request.headers.get("X-Forwarded-Proto", "") == "https"

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of the cookie; an empty one where the cookie is not ours or has expired."""
        text = request.cookies.get(self.get_cookie_name(app), "")
        known = self._verified.get(text)
        if known is None or known[0] <= time.time():
            known = self._verify(app, text) if text else None
        return self.session_class(None if known is None else known[1])  # it takes a copy

    def _verify(self, app: Flask, text: str) -> tuple[float, dict[str, Any]] | None:
        """Until when a cookie holds and what it says; ``None`` for none of ours."""
        serializer = self.get_signing_serializer(app)
        age = int(app.permanent_session_lifetime.total_seconds())
        try:
            said, signed = serializer.loads(text, max_age=age, return_timestamp=True) if serializer else ({}, None)
        except BadSignature:
            return None
        found = (signed.timestamp() + age if signed else 0.0, dict(said))
        if all(isinstance(value, PLAIN) for value in found[1].values()):
            if len(self._verified) >= MOST:
                self._verified.clear()
            self._verified[text] = found
        return found

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """A session that said nothing new costs no cookie; who is asked for it is told all the same."""
        if not session or self.should_set_cookie(app, session):
            super().save_session(app, session, response)
        elif session.accessed:
            if "Vary" in response.headers:
                response.vary.add("Cookie")
            else:
                response.headers["Vary"] = "Cookie"


def csrf_token() -> str:
    """The token of the session's forms: signed once for each session, as its age is of no account."""
    token: str | None = g.get("csrf_token")
    if token is not None:
        return token
    tokens: dict[str, str] = current_app.extensions[EXTENSION]
    own = session.get("csrf_token")
    kept = tokens.get(own) if isinstance(own, str) else None
    if kept is not None:
        g.csrf_token = kept
        return kept
    made = str(generate_csrf())
    if len(tokens) >= MOST:
        tokens.clear()
    tokens[session["csrf_token"]] = made
    return made


def register(app: Flask) -> None:
    """Sessions of this kind, and a place for the tokens of their forms."""
    app.session_interface = Sessions()
    app.extensions[EXTENSION] = {}
    app.jinja_env.globals["csrf_token"] = csrf_token
