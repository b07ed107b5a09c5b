"""What a server process runs: the WSGI application and, beside it, the clockwork that does what is due."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from runtime.apps import AppHome
from runtime.context import SystemClock
from runtime.schedule import tick
from runtime.settings import Settings, load_settings
from web.application import create_app

BETWEEN_TICKS = 60.0
"""Seconds between two looks at what is due."""


def build() -> Flask:
    """The application of this process; its settings come from the environment that ``dougong run`` prepared."""
    settings = load_settings({}, os.environ, Path.cwd())
    home = open_served(settings)
    start_clockwork(home)
    return create_app(home)


def open_served(settings: Settings) -> AppHome:
    """The apps this server serves."""
    return AppHome(settings.home, settings.db)


def start_clockwork(home: AppHome) -> Callable[[], None]:
    """Do what is due now and every minute, until the returned function is called."""
    over = Event()

    def turn() -> None:
        while True:
            tick_all(home)
            if over.wait(BETWEEN_TICKS):
                return

    Thread(target=turn, name="clockwork", daemon=True).start()
    return over.set


def tick_all(home: AppHome) -> None:
    """What is due in every app. A database that does not answer now is asked again at the next turn."""
    log = structlog.get_logger("schedule")
    for name in home.names():
        try:
            app = home.get(name)
            with app.database.write() as connection:
                done = tick(app.context(connection, SystemClock()))
        except SQLAlchemyError as error:
            log.error("tick failed", app=name, error=str(error))
            continue
        for each in done:
            log.info("done", app=name, kind=each.kind, subject=each.subject, through=each.through.isoformat())
