"""Measuring: CPU time of interleaved runs, medians, and the figures that come of them.

Wall time says little on a shared machine. Ours and the hand-written run by turns, so that both see the same noise.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event

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
