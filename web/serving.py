"""What a server is: a slim process that watches over its workers, and in each worker the application and the clockwork.

``dougong run`` prepares the apps in a process that knows all of them, then becomes this one: ``python -m web.serving``.
Settings come from the environment, so workers may be started afresh at any time.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.settings import Settings, load_settings

if TYPE_CHECKING:
    from flask import Flask

    from runtime.apps import AppHome


TURN = 0.001
"""Seconds a thread keeps the interpreter while others wait for it, instead of Python's 5 ms.

SQLite lets go of the interpreter for every row it reads, and a thread that let go may have to wait a whole turn: with
four threads at work, lists were answered 2.6 times as often with the shorter one.
"""


def take_turns() -> None:
    """Threads of this process give way sooner."""
    sys.setswitchinterval(TURN)


def build() -> Flask:
    """The application of a worker."""
    take_turns()
    from web.application import create_app
    from web.clockwork import start_clockwork
    from web.logs import configure

    configure()
    settings = load_settings({}, os.environ, Path.cwd())
    home = open_served(settings)
    start_clockwork(home)
    return create_app(home, options={"EVENT_STREAMS": max(1, settings.threads // 2)})


def open_served(settings: Settings) -> AppHome:
    """The apps this server serves."""
    from runtime.apps import AppHome

    return AppHome(settings.home, settings.db)


def main(chain: str = "", key: str = "", authority: str = "") -> None:
    """Serve until told to end. ``chain``, ``key``: for HTTPS; ``authority``: what phones are to trust."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    settings = load_settings({}, os.environ, Path.cwd())
    if authority:
        from web.commands.tls import show_trust

        show_trust(settings, Path(authority))
    server = Granian(
        "web.serving:build",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        factory=True,
        websockets=False,
        ssl_cert=Path(chain) if chain else None,
        ssl_key=Path(key) if key else None,
        log_level=LogLevels(settings.log),
        respawn_failed_workers=True,
        workers_kill_timeout=5,
    )
    server.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
