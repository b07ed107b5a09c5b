"""The courier: sends what is due, several letters at a time, so that a place that hangs holds up nobody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from runtime.apps import RunningApp
from runtime.channels import Answer, Letter, Verdict, Wire
from runtime.channels.letters import Attached, Enclosure
from runtime.context import Clock, RunContext
from runtime.database import Busy
from runtime.logs import logger
from runtime.outbox_delivery import Delivered, Job, claim, finish, something_due

THREADS = 16
TIMEOUT = 10.0
Attach = Callable[[RunContext, Enclosure], Attached | None]
"""Makes a printed form; nothing where there is none any more, or the person may not have it."""


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
            jobs = claim(ctx, self._busy(done))
        for future in done:
            del self._under_way[future]
        for job in jobs:
            self._start(app, job)
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

    def _start(self, app: RunningApp, job: Job) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="courier")
        self._under_way[self._pool.submit(self._send, app, job)] = job

    def _send(self, app: RunningApp, job: Job) -> Sequence[Answer]:
        """An answer for each letter, whatever happens: a fault of ours is seen in the outbox."""
        filled = [self._filled(app, letter) for letter in job.letters]
        answers = iter(self._handed_over(job, [each for each in filled if isinstance(each, Letter)]))
        return [each if isinstance(each, Answer) else next(answers) for each in filled]

    def _filled(self, app: RunningApp, letter: Letter) -> Letter | Answer:
        """The letter with its printed forms, made in a transaction that only reads: nobody waits for paper."""
        if self._attach is None or not letter.enclosures:
            return letter
        try:
            with app.database.read() as connection:
                ctx = app.context(connection, self._clock)
                made = [self._attach(replace(ctx, language=e.language), e) for e in letter.enclosures]
        except (SQLAlchemyError, Busy) as error:  # its words carry values
            return Answer(verdict=Verdict.AGAIN, error=type(error).__name__)
        except Exception as error:  # an edge as a request is: one form's fault is that of one letter
            logger("outbox").exception("printed form failed", origin=letter.origin, record=letter.record)
            return _gave_up(error)
        return replace(letter, files=tuple(file for file in made if file is not None))

    def _handed_over(self, job: Job, letters: Sequence[Letter]) -> Sequence[Answer]:
        if not letters:
            return []
        wire = Wire(now=self._clock.now(), timeout=self._timeout, kept=self._tokens)
        try:
            answers = job.kind.send(job.route.config, letters, wire)
            return [answer for _, answer in zip(letters, answers, strict=True)]
        except Exception as error:  # the same edge: what nobody answers would be claimed again for ever
            logger("outbox").exception("sending failed", channel=job.route.name)
            return [_gave_up(error)] * len(letters)

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


def _gave_up(error: Exception) -> Answer:
    return Answer(verdict=Verdict.GIVE_UP, error=f"{type(error).__name__}: {error}"[:300])


def deliver(app: RunningApp, clock: Clock, timeout: float = TIMEOUT, attach: Attach | None = None) -> list[Delivered]:
    """Send all that is due, and say what became of it."""
    courier = Courier(lambda: app, clock, timeout, attach)
    try:
        return courier.run()
    finally:
        courier.close()
