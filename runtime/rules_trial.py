"""A simulation on a connection of its own, which holds up nobody; and one that somebody watches: it runs beside the
request, tells how far it is, and can be stopped.

Its transaction is always rolled back, whatever the rule would have done.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date
from queue import SimpleQueue
from threading import Event

from engine.model import Rule
from runtime.context import RunContext
from runtime.rules_simulate import Progress, Simulated, simulate
from runtime.shadows import shadowed

REPLAYED = "becomes"
"""The kind of trigger whose simulation undoes the past, and so needs tables that it may change."""


class _Finished(Exception):
    """Ends the work: nobody watches any more."""


def tried(ctx: RunContext, rule: Rule, since: date, until: date, progress: Progress = lambda share: None) -> Simulated:
    """Simulate in a transaction that only reads; what is undone and done again is undone in copies."""
    database = ctx.app.database
    replayed = rule.trigger.kind == REPLAYED
    connected = shadowed(database, ctx.app.tables.metadata.tables) if replayed else database.read()
    with connected as connection:
        return simulate(replace(ctx, connection=connection), rule, since, until, progress)


class Trial:
    """One simulation under way. ``result`` is there once ``shares`` has come to its end."""

    def __init__(self, ctx: RunContext, rule: Rule, since: date, until: date) -> None:
        self.result: Simulated | None = None
        self._ctx, self._rule, self._days = ctx, rule, (since, until)
        self._told: SimpleQueue[float | None] = SimpleQueue()
        self._stop = Event()

    def shares(self) -> Generator[float, None, None]:
        """How much is done, each time it has become more; left early, the work stops and nothing stays of it.

        What the simulation refuses is raised here.
        """
        with ThreadPoolExecutor(max_workers=1) as beside:
            work = beside.submit(self._run)
            work.add_done_callback(lambda _: self._told.put(None))
            try:
                while (share := self._told.get()) is not None:
                    yield share
            finally:
                self._stop.set()
            work.result()

    def _run(self) -> None:
        with suppress(_Finished):
            self.result = tried(self._ctx, self._rule, *self._days, self._progress)

    def _progress(self, share: float) -> None:
        if self._stop.is_set():
            raise _Finished
        self._told.put(share)
