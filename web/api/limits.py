"""How often one caller may ask: far more than a person or an honest script needs, far less than what hurts others."""

from __future__ import annotations

from hashlib import sha256

from flask import Flask, request, session
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

USUAL = "1200 per minute"
API = "/api/"


def caller() -> str:
    """Who asks: the token or the session, else the address."""
    given = request.headers.get("Authorization", "")
    if given:
        return f"token:{sha256(given.encode()).hexdigest()[:24]}:{get_remote_address()}"
    account = session.get("account")
    return f"account:{account}" if account else f"address:{get_remote_address()}"


def register(app: Flask) -> None:
    """Limit the API; ``API_LIMIT`` (a text such as ``10 per second``, "" = none) says how much."""
    limit = app.config.get("API_LIMIT", "" if app.testing else USUAL)
    if not limit:
        return
    Limiter(
        caller,
        app=app,
        default_limits=[limit],
        default_limits_exempt_when=lambda: not request.path.startswith(API),
        storage_uri="memory://",
        headers_enabled=True,
        retry_after="delta-seconds",
    )
