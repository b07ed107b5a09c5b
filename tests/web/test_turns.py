"""Threads of a server give way to each other soon enough for SQLite, which waits for its turn at every row."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from web import serving


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_a_worker_takes_short_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOUGONG_HOME", str(tmp_path))
    monkeypatch.setattr("web.clockwork.start_clockwork", lambda home: None)
    serving.build()
    assert sys.getswitchinterval() == pytest.approx(serving.TURN)
