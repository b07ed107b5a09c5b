"""What is due is done: now, and every minute. Several processes on one database take turns, none does it twice."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

import structlog
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from runtime.apps import AppHome
from runtime.context import SystemClock
from runtime.schedule import tick

BETWEEN_TICKS = 60.0
"""Seconds between two looks at what is due."""
TICK = 0x5449434B
"""The lock of the schedule; each app has its own schema, and its own lock by that."""


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
                done = tick(app.context(connection, SystemClock())) if _my_turn(connection, name) else []
        except SQLAlchemyError as error:
            log.error("tick failed", app=name, error=str(error))
            continue
        for each in done:
            log.info("done", app=name, kind=each.kind, subject=each.subject, through=each.through.isoformat())


def _my_turn(connection: Connection, name: str) -> bool:
    """Whether no other process is at it; SQLite lets only one write anyway."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(TICK, func.hashtext(name)))).scalar())
