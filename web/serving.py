"""What a server process runs: the WSGI application and, beside it, the clockwork that does what is due."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from runtime.apps import AppHome
from runtime.settings import Settings, load_settings
from web.application import create_app
from web.clockwork import start_clockwork


def build() -> Flask:
    """The application of this process; its settings come from the environment that ``dougong run`` prepared."""
    settings = load_settings({}, os.environ, Path.cwd())
    home = open_served(settings)
    start_clockwork(home)
    return create_app(home, options={"EVENT_STREAMS": max(1, settings.threads // 2)})


def open_served(settings: Settings) -> AppHome:
    """The apps this server serves."""
    return AppHome(settings.home, settings.db)
