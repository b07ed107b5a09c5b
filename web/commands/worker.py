"""``worker``: jobs and schedule only, beside any number of servers on one database."""

from __future__ import annotations

import signal
from dataclasses import replace
from threading import Event, Thread

import click

from runtime.settings import Settings
from web.clockwork import BETWEEN_TICKS, carry, carry_all, run_plugins, run_plugins_of, tick_all
from web.commands.place import db_option, open_home, text


@click.command("worker")
@db_option
@click.option("--once", is_flag=True, help="做完到期的就结束 | Do what is due and end")
@click.pass_obj
def worker_command(settings: Settings, db: str | None, once: bool) -> None:
    """只做后台任务 | Jobs and schedule, no web."""
    wanted = replace(settings, db=db or settings.db)
    over = Event()
    if not once:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda _number, _frame: over.set())
    with open_home(wanted) as home:
        if not once:
            click.echo(text(wanted, "后台任务已启动", "worker started"))
            Thread(target=carry, args=(home, over), name="courier", daemon=True).start()
            Thread(target=run_plugins, args=(home, over), name="plugins", daemon=True).start()
        while True:
            tick_all(home)
            if once:
                run_plugins_of(home, home.names())
                carry_all(home)
            if once or over.wait(BETWEEN_TICKS):
                return
