"""Measuring: CPU time of interleaved runs, medians, and the figures that come of them.

Wall time says little on a shared machine. Ours and the hand-written run by turns, so that both see the same noise.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, text

Work = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the table. ``limit``: the most ``value`` may be (``at_least``: the least)."""

    goal: str
    name: str
    database: str
    unit: str
    ours: float | None
    hand: float | None = None
    limit: float | None = None
    of: str = "ratio"
    at_least: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by hand-written."""
        return self.ours / self.hand if self.ours is not None and self.hand else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; ``None`` where there is none or nothing was measured."""
        value = self.ratio if self.of == "ratio" else self.ours
        if value is None or self.limit is None:
            return None
        return value >= self.limit if self.at_least else value <= self.limit

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "goal": self.goal, "name": self.name, "database": self.database, "unit": self.unit, "ours": self.ours,
            "hand_written": self.hand, "ratio": self.ratio, "limit": self.limit, "of": self.of,
            "at_least": self.at_least, "met": self.met, "note": self.note,
        }  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """No garbage collection inside a measured stretch: it would hit either side by chance."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def cpu(work: Work) -> float:
    """Milliseconds of CPU that one call takes in this process."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e3


def median_cpu(work: Work, rounds: int, warm: int = 2) -> float:
    """The median of several calls."""
    for _ in range(warm):
        work()
    with _quiet():
        return statistics.median(cpu(work) for _ in range(rounds))


def median_wall(work: Work, rounds: int, warm: int = 2) -> float:
    """The median of several calls, in milliseconds of the clock on the wall: where the database does the work."""
    for _ in range(warm):
        work()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds a call takes: CPU of this process and of the database's servers, and the clock on the wall."""

    cpu: float
    wall: float

    @property
    def note(self) -> str:
        """The clock on the wall, which on a shared machine also counts what others do."""
        return f"{self.wall:,.0f} ms on the wall"


def spent(engine: Engine, work: Work, rounds: int, warm: int = 2) -> Spent:
    """The mean CPU and the median wall time of several calls, where the database does much of the work."""
    for _ in range(warm):
        work()
    walls = []
    with _quiet():
        before, own = _servers(engine), time.process_time()
        for _ in range(rounds):
            start = time.perf_counter()
            work()
            walls.append((time.perf_counter() - start) * 1e3)
        used = time.process_time() - own + _servers(engine) - before
    return Spent(used * 1e3 / rounds, statistics.median(walls))


def _servers(engine: Engine) -> float:
    """Seconds of CPU that the servers of this database have used; none where it lives in this process."""
    if engine.dialect.name == "sqlite":
        return 0.0
    query = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    with engine.connect() as connection:
        stats = [Path(f"/proc/{pid}/stat") for pid in connection.scalars(query)]
    ticks = [stat.read_text().rsplit(")", 1)[1].split()[11:13] for stat in stats if stat.exists()]
    return sum(int(tick) for pair in ticks for tick in pair) / os.sysconf("SC_CLK_TCK")


def against(ours: Work, hand: Work, rounds: int, warm: int = 3) -> tuple[float, float]:
    """Medians of ours and of the hand-written, by turns."""
    for _ in range(warm):
        ours()
        hand()
    first, second = [], []
    with _quiet():
        for _ in range(rounds):
            first.append(cpu(ours))
            second.append(cpu(hand))
    return statistics.median(first), statistics.median(second)


def percentile(values: Iterable[float], share: float) -> float:
    """The value that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The statements a block sends."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
