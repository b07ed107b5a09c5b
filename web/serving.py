"""What a server is: a process that watches over its workers, and in each worker the application and the clockwork.

Where processes can be split in two (Linux), everything is loaded once, by the watching process: workers are there at
once and share its memory. Elsewhere each worker loads for itself. Settings come from the environment, so that workers
may be started afresh at any time.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.settings import Settings, load_settings

if TYPE_CHECKING:
    from flask import Flask

    from runtime.apps import AppHome

SPLITS = sys.platform == "linux"
"""Whether a worker is split off from the process that has loaded everything; macOS can, but its libraries break."""

TURN = 0.001
"""Seconds a thread keeps the interpreter while others wait for it, instead of Python's 5 ms.

SQLite lets go of the interpreter for every row it reads, and a thread that let go may have to wait a whole turn: with
four threads at work, lists were answered 2.6 times as often with the shorter one.
"""


def take_turns() -> None:
    """Threads of this process give way sooner."""
    sys.setswitchinterval(TURN)


def build() -> Flask:
    """The application of a worker that loads for itself."""
    settings = load_settings({}, os.environ, Path.cwd())
    return loaded(settings, open_served(settings))()


def loaded(settings: Settings, home: AppHome) -> Callable[[], Flask]:
    """The application, made, with the app that people see first; what is returned makes a worker's of it.

    No connection is open afterwards: a worker must not use one that another process opened.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from engine.problems import MetadataError
    from runtime.database import Busy
    from runtime.errors import UserError
    from web.application import create_app
    from web.clockwork import start_clockwork

    application = create_app(home, options={"EVENT_STREAMS": max(1, settings.threads // 2)})
    with suppress(SQLAlchemyError, UserError, MetadataError, Busy):  # a server starts without its database, too
        home.get(home.default())
    home.rest()

    def work() -> Flask:
        take_turns()
        start_clockwork(home)
        return application

    return work


def open_served(settings: Settings) -> AppHome:
    """The apps this server serves."""
    from runtime.apps import AppHome

    return AppHome(settings.home, settings.db)


def main(chain: str = "", key: str = "", authority: str = "") -> None:
    """Serve what the environment says. ``chain``, ``key``: for HTTPS; ``authority``: what phones are to trust."""
    settings = load_settings({}, os.environ, Path.cwd())
    serve(settings, open_served(settings), *(Path(each) if each else None for each in (chain, key, authority)))


def serve(
    settings: Settings,
    home: AppHome,
    chain: Path | None = None,
    key: Path | None = None,
    authority: Path | None = None,
) -> None:
    """Serve until told to end."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    gc.disable()  # what is loaded now stays: looking through it again and again would be a tenth of the start
    work = loaded(settings, home) if SPLITS else None
    if authority:
        from web.commands.tls import show_trust

        show_trust(settings, authority)
    server = Granian(
        "web.serving:build",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        factory=True,
        websockets=False,
        ssl_cert=chain,
        ssl_key=key,
        log_level=LogLevels(settings.log),
        respawn_failed_workers=True,
        workers_kill_timeout=5,
    )
    gc.freeze()  # counted as old for good: pages of memory that nobody writes to stay shared
    gc.enable()
    if work is None:
        server.serve()
    else:
        multiprocessing.set_start_method("fork", force=True)
        server.serve(target_loader=work, wrap_loader=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
