"""The JSON API under ``/api/v1``: the same doors as the pages, in JSON.

``/api/v1/apps/{app}/…`` is the same tree for a named app; the short form is the default app.
"""

from __future__ import annotations

from flask import Blueprint, Flask, g, request, session
from flask_wtf.csrf import CSRFProtect

from runtime.errors import Fault, Malformed
from web.api import (
    channels,
    contact,
    description,
    events,
    figures,
    files,
    imports,
    ledgers,
    limits,
    metadata,
    plans,
    plugins,
    records,
    rules,
    simulations,
    sync,
    tasks,
    traces,
    workflows,
)
from web.api.addresses import RecordId
from web.texts import language, translator

PREFIX = "/api/v1"
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
ROOMS = (
    channels,
    contact,
    description,
    events,
    figures,
    files,
    imports,
    ledgers,
    metadata,
    plans,
    plugins,
    rules,
    simulations,
    sync,
    tasks,
    traces,
    workflows,
    records,
)
"""In this order: ``records`` matches almost any address and comes last."""


def register(app: Flask, protection: CSRFProtect) -> None:
    """Attach the API twice: short, and with the app's name."""
    app.url_map.converters.update(id=RecordId, int=RecordId)
    limits.register(app)
    events.prepare(app)
    for name, prefix in (("api", PREFIX), ("api_of_app", f"{PREFIX}/apps/<app>")):
        api = Blueprint(name, __name__, url_prefix=prefix)
        for room in ROOMS:
            room.register(api)
        api.url_value_preprocessor(_take_app)
        protection.exempt(api)
        api.before_request(_refuse_unkept_characters)
        api.before_request(lambda: _refuse_forgery(protection))
        app.register_blueprint(api)


def _take_app(_endpoint: str | None, values: dict[str, object] | None) -> None:
    g.app_name = values.pop("app", None) if values else None


def _refuse_forgery(protection: CSRFProtect) -> None:
    """A browser's session may write through the API too, but only from our own pages."""
    if request.method not in SAFE and "Authorization" not in request.headers and "account" in session:
        protection.protect()


def _refuse_unkept_characters() -> None:
    """No database keeps a zero character: nothing can be found by it."""
    asked = request.query_string
    if "\0" in request.path or b"%00" in asked or b"\0" in asked:
        sentence = translator(language())("地址里有不能用的字符", "The address has a character that cannot be used")
        raise Malformed(Fault(code="bad_character", message=sentence))
