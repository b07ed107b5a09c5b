"""What is due is done, and what is said is sent: now, and again and again until the end.

Several processes on one database take turns at what is due, and share what is to be sent; none does anything twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event, Thread

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from runtime.apps import AppHome
from runtime.context import SystemClock
from runtime.database import Busy
from runtime.errors import UserError
from runtime.logs import logger
from runtime.outbox_courier import Courier
from runtime.schedule import tick
from web.print_mail import PrintedForms

BETWEEN_TICKS = 60.0
"""Seconds between two looks at what is due."""
BETWEEN_ROUNDS = 1.0
"""Seconds between two rounds of the courier, when nothing is under way."""
LOOK_FOR_APPS = 30
"""Rounds after which it is asked again which apps there are."""
TICK = 0x5449434B
"""The lock of the schedule; each app has its own schema, and its own lock by that."""


def start_clockwork(home: AppHome) -> Callable[[], None]:
    """Do what is due now and every minute, and carry messages, until the returned function is called."""
    over = Event()

    def turn() -> None:
        while True:
            tick_all(home)
            if over.wait(BETWEEN_TICKS):
                return

    Thread(target=turn, name="clockwork", daemon=True).start()
    Thread(target=carry, args=(home, over), name="courier", daemon=True).start()
    return over.set


def tick_all(home: AppHome) -> None:
    """What is due in every app. A database that does not answer now is asked again at the next turn."""
    for name in home.names():
        try:
            app = home.get(name)
            with app.database.write() as connection:
                done = tick(app.context(connection, SystemClock())) if _my_turn(connection, name) else []
        except (SQLAlchemyError, UserError, Busy) as error:
            logger("schedule").error("tick failed", app=name, error=str(error))
            continue
        for each in done:
            logger("schedule").info(
                "done", app=name, kind=each.kind, subject=each.subject, through=each.through.isoformat(),
                error=each.error,
            )  # fmt: skip


def _my_turn(connection: Connection, name: str) -> bool:
    """Whether no other process is at it; SQLite lets only one write anyway."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(TICK, func.hashtext(name)))).scalar())


def carry(home: AppHome, over: Event) -> None:
    """Carry the messages of all apps until it is over."""
    couriers: dict[str, Courier] = {}
    attach = PrintedForms()
    rounds = 0
    while not over.is_set():
        if rounds % LOOK_FOR_APPS == 0:
            _know(home, couriers, attach)
        rounds += 1
        for name, courier in couriers.items():
            _round(name, courier)
        under_way = [courier for courier in couriers.values() if courier.under_way]
        if under_way:
            under_way[0].wait(BETWEEN_ROUNDS)
        else:
            over.wait(BETWEEN_ROUNDS)
    for courier in couriers.values():
        courier.close()


def _know(home: AppHome, couriers: dict[str, Courier], attach: PrintedForms) -> None:
    names = home.names()
    for name in names:
        couriers.setdefault(name, Courier(partial(home.get, name), SystemClock(), attach=attach))
    for gone in couriers.keys() - set(names):
        couriers.pop(gone).close()


def _round(name: str, courier: Courier) -> None:
    try:
        done = courier.step()
    except (SQLAlchemyError, UserError, Busy) as error:
        logger("outbox").error("round failed", app=name, error=str(error))
        return
    for each in done:
        logger("outbox").info("message", app=name, id=each.id, kind=each.kind, state=each.state, error=each.error)


def carry_all(home: AppHome) -> None:
    """Carry what is due in every app, and end."""
    attach = PrintedForms()
    for name in home.names():
        courier = Courier(partial(home.get, name), SystemClock(), attach=attach)
        _round(name, courier)
        while courier.under_way:
            courier.wait(BETWEEN_TICKS)
            _round(name, courier)
        courier.close()
