"""The web: pages and API over the runtime. ``create_app`` is the only entrance; nothing else makes an application."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined

from engine.cache import write_once
from runtime.apps import AppHome
from runtime.context import Clock
from web import api, edge, operators, pages, security, sessions, templating
from web.access import EXTENSION, Served
from web.assets import load_assets
from web.repeating import RepeatingFlask

MOST_UPLOAD = 32 * 1024 * 1024
SESSION_DAYS = 14
KEY_BYTES = 32


def create_app(
    home: AppHome,
    *,
    clock: Clock | None = None,
    testing: bool = False,
    options: Mapping[str, object] = MappingProxyType({}),
) -> Flask:
    """The WSGI application over the apps of ``home``. ``clock``: tests and demonstrations stand at another moment.

    ``options``: ``API_LIMIT``, ``EVENT_SECONDS``, ``EVENT_POLL``, ``EVENT_STREAMS``.
    """
    app = RepeatingFlask("web")
    app.config.update(
        TESTING=testing,
        SECRET_KEY=secret_key(home.folder),
        SESSION_COOKIE_NAME="dougong",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(days=SESSION_DAYS),
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=MOST_UPLOAD,
        MAX_FORM_PARTS=50_000,
        MAX_FORM_MEMORY_SIZE=8 * 1024 * 1024,
        WTF_CSRF_TIME_LIMIT=None,
        PROPAGATE_EXCEPTIONS=testing,
    )
    app.config.update(options)
    app.extensions[EXTENSION] = Served(home, clock)
    app.jinja_env.bytecode_cache = templating.KeptTemplates(templating.kept_in(home.folder))
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    assets = load_assets()
    app.jinja_env.globals.update(asset=assets.url)
    protection = CSRFProtect(app)
    sessions.register(app)
    edge.register(app)
    security.register(app)
    operators.register(app)
    api.register(app, protection)
    pages.register(app)
    app.extensions[templating.EXTENSION] = templating.environments(app)
    app.extensions[templating.PIECES] = {}
    return app


def secret_key(folder: Path) -> bytes:
    """The key sessions are signed with: made once, readable by the owner only.

    Workers start side by side: each has a key of its own ready, and the first to give it the name has it.
    """
    path = folder / "secret"
    if not path.exists():
        write_once(path, secrets.token_bytes(KEY_BYTES))
    key = path.read_bytes()
    if not key:
        raise OSError(f"{path}: empty; delete it and start again")
    return key
