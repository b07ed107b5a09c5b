"""The courier: sends what is due, several letters at a time, so that a place that hangs holds up nobody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime

from runtime.apps import RunningApp
from runtime.channels import Answer, Verdict, Wire
from runtime.context import Clock
from runtime.outbox_delivery import Attach, Delivered, Job, claim, finish, something_due

THREADS = 16
TIMEOUT = 10.0


class Courier:
    """One for each app and process; ``close`` it at the end. Not for several threads at once."""

    def __init__(
        self, get: Callable[[], RunningApp], clock: Clock, timeout: float = TIMEOUT, attach: Attach | None = None
    ) -> None:
        self._get = get
        self._attach = attach
        self._clock = clock
        self._timeout = timeout
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: dict[Future[Sequence[Answer]], Job] = {}

    def step(self) -> list[Delivered]:
        """Note what has been sent, and take what is due; what was noted."""
        app = self._get()
        done = [future for future in self._under_way if future.done()]
        if not done and not self._worth_it(app):
            return []
        told: list[Delivered] = []
        with app.database.write() as connection:
            ctx = app.context(connection, self._clock)
            for future in done:
                told += finish(ctx, self._under_way[future], future.result())
            jobs = claim(ctx, self._busy(done), self._attach)
        for future in done:
            del self._under_way[future]
        for job in jobs:
            self._start(job)
        return told

    def _worth_it(self, app: RunningApp) -> bool:
        with app.database.read() as connection:
            return something_due(app, connection, self._clock.now())

    def _busy(self, done: Sequence[Future[Sequence[Answer]]]) -> Mapping[str, int]:
        counts: dict[str, int] = {}
        for future, job in self._under_way.items():
            if future not in done:
                counts[job.route.name] = counts.get(job.route.name, 0) + 1
        return counts

    def _start(self, job: Job) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="courier")
        self._under_way[self._pool.submit(self._send, job)] = job

    def _send(self, job: Job) -> Sequence[Answer]:
        """An answer for each letter, whatever happens: a fault of ours is seen in the outbox."""
        wire = Wire(now=self._clock.now(), timeout=self._timeout, kept=self._tokens)
        try:
            return job.kind.send(job.route.config, job.letters, wire)
        except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
            return [Answer(verdict=Verdict.GIVE_UP, error=f"{type(error).__name__}: {error}")] * len(job.letters)

    def wait(self, seconds: float) -> None:
        """Until something has been sent, or the time is over."""
        if self._under_way:
            wait(self._under_way, timeout=seconds, return_when=FIRST_COMPLETED)

    @property
    def under_way(self) -> bool:
        """Whether something is being sent."""
        return bool(self._under_way)

    def run(self) -> list[Delivered]:
        """Until nothing is due and nothing is under way."""
        told = self.step()
        while self._under_way:
            self.wait(self._timeout)
            told += self.step()
        return told

    def close(self) -> None:
        """Let go of the threads; what is under way is sent again by the next one."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def deliver(app: RunningApp, clock: Clock, timeout: float = TIMEOUT, attach: Attach | None = None) -> list[Delivered]:
    """Send all that is due, and say what became of it."""
    courier = Courier(lambda: app, clock, timeout, attach)
    try:
        return courier.run()
    finally:
        courier.close()
