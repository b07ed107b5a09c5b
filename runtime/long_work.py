"""Work that takes longer than a page may: done beside the request, its progress in a file that every worker can read.

What came of it is kept there too, a day, readable only by who asked for it. The file of work that goes on is touched
again and again: one that was not for a while belongs to a server that was stopped.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from engine import MetadataError
from engine.cache import read_own, write_own
from runtime.database import Busy
from runtime.errors import UserError
from runtime.logs import logger
from runtime.messages import both

TOKEN = re.compile(r"[A-Za-z0-9_-]{20,60}")
KEPT = 86_400
OFTEN = 0.2
"""Seconds between two notes of how far it is."""
BEAT = 15
"""Seconds between two signs of life."""
STOPS = ".stop"
"""How the file is called beside that of work which is to end."""
SILENT = 120
"""Seconds without one after which nobody works at it any more."""
Result = dict[str, Any]
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Work of one kind for one app, of which only so much goes on: of a person, and of all together.

    ``kept``: results kept of each person; the oldest go first.
    """

    name: str
    of_one: int
    of_all: int
    kept: int


class Crowded(Exception):
    """As much goes on already as may."""


@dataclass(slots=True)
class Work:
    """``state``: ``working``, ``done``, ``failed`` or ``stopped``. ``said``: what it is, in words.

    ``account``: whose it is. ``room``: of which kind, where that is bounded.
    """

    account: int
    room: str = ""
    state: str = "working"
    said: str = ""
    language: str = "zh"
    done: int = 0
    total: int = 0
    errors: list[str] = field(default_factory=list)
    result: Result = field(default_factory=dict)


def begin(
    folder: Path, account: int, said: str, work: Callable[[Tell], Result], *, language: str = "zh",
    room: Room | None = None,
) -> str:  # fmt: skip
    """Start ``work`` in a thread of its own; the token by which it is asked for. What fails is told in ``language``.

    Raises ``Crowded`` where ``room`` has no place for it.
    """
    noted = Work(account=account, said=said, language=language, room=room.name if room else "")
    path = _new(folder, noted)
    if room is not None:
        _take_place(path, noted, room)
    Thread(target=_do, args=(path, noted, work), name=f"work-{path.stem[:6]}", daemon=True).start()
    return path.stem


def keep(folder: Path, account: int, result: Result) -> str:
    """Keep a result as if it had been worked for."""
    return _new(folder, Work(account=account, state="done", result=result)).stem


def _take_place(path: Path, mine: Work, room: Room) -> None:
    """Counted after the work's own file is there, so that of two who come at once never both are let in too many."""
    others = [(each, work) for each in _files(path.parent) if each != path and (work := _read(each)) is not None]
    same = [(each, work) for each, work in others if work.room == room.name]
    going = [work.account for each, work in same if work.state == "working" and not _older(each, SILENT)]
    if len(going) >= room.of_all or going.count(mine.account) >= room.of_one:
        path.unlink(missing_ok=True)
        raise Crowded
    done = [each for each, work in same if work.account == mine.account and work.state != "working"]
    for old in sorted(done, key=_touched, reverse=True)[room.kept - 1 :]:
        old.unlink(missing_ok=True)


def _files(works: Path) -> list[Path]:
    return [each for each in works.iterdir() if each.suffix == ".json"]


def _touched(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0


class _Stopped(Exception):
    """Who asked for the work lets it be."""


def stop(folder: Path, account: int, token: str) -> None:
    """Let work be that goes on: whatever process does it ends it when it next tells how far it is."""
    work = work_of(folder, account, token)
    if work is not None and work.state == "working":
        write_own(_works(folder) / f"{token}{STOPS}", b"")


def work_of(folder: Path, account: int, token: str) -> Work | None:
    """How far it is, for who asked for it."""
    path = _works(folder) / f"{token}.json"
    work = _read(path) if TOKEN.fullmatch(token) else None
    if work is None or work.account != account or _older(path, KEPT):
        return None
    if work.state == "working" and _older(path, SILENT):
        work.state, work.errors = "failed", [both("work_broken_off").get(work.language)]
    return work


def _read(path: Path) -> Work | None:
    kept = read_own(path)
    return Work(**json.loads(kept)) if kept is not None else None


def _do(path: Path, noted: Work, work: Callable[[Tell], Result]) -> None:
    told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told > OFTEN:
            if path.with_suffix(STOPS).exists():
                raise _Stopped
            noted.done, noted.total, told = done, total, time.monotonic()
            with suppress(OSError):  # a full disk hides how far it is; what is done goes on
                _write(path, noted)

    over = Event()
    Thread(target=_alive, args=(path, over), name=f"alive-{path.stem[:6]}", daemon=True).start()
    try:
        noted.result = work(tell)
        noted.state = "done"
    except _Stopped:
        noted.state = "stopped"
    except Exception as error:  # an edge like that of a request: who waits at the page must hear of every end
        noted.state, noted.errors = "failed", _told(error, noted.language)
    finally:
        over.set()
    _write(path, noted)


def _alive(path: Path, over: Event) -> None:
    while not over.wait(BEAT):
        with suppress(OSError):
            os.utime(path)


def _told(error: Exception, language: str) -> list[str]:
    """What may be told of it; the rest is for the log."""
    if isinstance(error, UserError):
        return [one.message for one in error.faults]
    if isinstance(error, MetadataError):
        return [problem.what for problem in error.problems]
    if isinstance(error, Busy):
        return [both("work_busy").get(language)]
    logger("long_work").error("work failed", exc_info=error)
    return [both("work_failed").get(language)]


def _works(folder: Path) -> Path:
    return folder / "cache" / "works"


def _new(folder: Path, work: Work) -> Path:
    """The file of new work; what is older than a day goes."""
    works = _works(folder)
    path = works / f"{secrets.token_urlsafe(24)}.json"
    _write(path, work)
    for old in works.iterdir():
        if _older(old, KEPT):
            old.unlink(missing_ok=True)
    return path


def _older(path: Path, seconds: float) -> bool:
    """Whether nobody touched a file for so long; others may be tidying it away just now."""
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > seconds
    return True


def _write(path: Path, work: Work) -> None:
    write_own(path, json.dumps(asdict(work), ensure_ascii=False).encode())
