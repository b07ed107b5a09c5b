"""What is due is done, what is said is sent, what plug-ins were started for is done: now, and again until the end.

Several processes on one database take turns at what is due, and share what is to be sent; none does anything twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
from runtime.plugins.running import work_off
from runtime.schedule import tick
from web.print_mail import PrintedForms

BETWEEN_TICKS = 60.0
"""Seconds between two looks at what is due."""
BETWEEN_ROUNDS = 1.0
"""Seconds between two rounds of the courier, when nothing is under way, and two looks for runs of plug-ins."""
LOOK_FOR_APPS = 30
"""Rounds after which it is asked again which apps there are."""
TICK = 0x5449434B
"""The lock of the schedule; each app has its own schema, and its own lock by that."""


def start_clockwork(home: AppHome) -> Callable[[], None]:
    """Do what is due now and every minute, and carry messages, until the returned function is called."""
    over = Event()

    def turn() -> None:
        while True:
            with _going_on("schedule", "look failed"):
                tick_all(home)
            if over.wait(BETWEEN_TICKS):
                return

    Thread(target=turn, name="clockwork", daemon=True).start()
    Thread(target=carry, args=(home, over), name="courier", daemon=True).start()
    Thread(target=run_plugins, args=(home, over), name="plugins", daemon=True).start()
    return over.set


@contextmanager
def _going_on(log: str, event: str, **about: str) -> Iterator[None]:
    """What goes wrong in one round is told, and the thread goes on: nobody would start it again.

    It is an edge as a request is, so even faults of ours end here; those show where they came from.
    """
    try:
        yield
    except (SQLAlchemyError, UserError, Busy) as error:
        logger(log).error(event, **about, error=str(error))
    except Exception:
        logger(log).exception(event, **about)


def tick_all(home: AppHome) -> None:
    """What is due in every app. One that cannot do it now is asked again at the next turn, and holds up no other."""
    for name in home.names():
        with _going_on("schedule", "tick failed", app=name):
            _tick(home, name)


def _tick(home: AppHome, name: str) -> None:
    app = home.get(name)
    with app.database.write() as connection:
        done = tick(app.context(connection, SystemClock())) if _my_turn(connection, name) else []
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
            with _going_on("outbox", "look failed"):
                _know(home, couriers, attach)
        rounds += 1
        went = [courier for name, courier in couriers.items() if _round(name, courier)]
        under_way = [courier for courier in went if courier.under_way]
        if under_way:  # where a round failed, what is done stays to be noted: no reason to hurry
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


def _round(name: str, courier: Courier) -> bool:
    """One round for one app; whether it went well."""
    with _going_on("outbox", "round failed", app=name):
        for each in courier.step():
            logger("outbox").info("message", app=name, id=each.id, kind=each.kind, state=each.state, error=each.error)
        return True
    return False


def run_plugins(home: AppHome, over: Event) -> None:
    """Do what plug-ins were started for, until it is over: one run of an app after another, whatever other apps do."""
    names: list[str] = []
    at_work: dict[str, Thread] = {}
    rounds = 0
    while not over.wait(BETWEEN_ROUNDS):
        if rounds % LOOK_FOR_APPS == 0:
            with _going_on("plugins", "look failed"):
                names = home.names()
        rounds += 1
        for name in names:
            if name not in at_work or not at_work[name].is_alive():
                work = partial(run_plugins_of, home, [name])
                at_work[name] = Thread(target=work, name=f"plugins-of-{name}", daemon=True)
                at_work[name].start()


def run_plugins_of(home: AppHome, names: Sequence[str]) -> None:
    """Do what plug-ins were started for in these apps."""
    for name in names:
        with _going_on("plugins", "round failed", app=name):
            for each in work_off(home.get(name), SystemClock()):
                logger("plugins").info(
                    "run", app=name, id=each.id, plugin=each.plugin, act=each.act, state=each.state, error=each.error
                )


def carry_all(home: AppHome) -> None:
    """Carry what is due in every app, and end. What could not be noted is noted by the next one."""
    attach = PrintedForms()
    for name in home.names():
        courier = Courier(partial(home.get, name), SystemClock(), attach=attach)
        while _round(name, courier) and courier.under_way:
            courier.wait(BETWEEN_TICKS)
        courier.close()
