"""Work that takes longer than a page may: done beside the request, its progress in a file that every worker can read.

What came of it is kept there too, a day, readable only by who asked for it.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from engine import MetadataError
from runtime.errors import UserError
from runtime.logs import logger

TOKEN = re.compile(r"[A-Za-z0-9_-]{20,60}")
KEPT = 86_400
OFTEN = 0.2
"""Seconds between two notes of how far it is."""
FAULTS = (UserError, MetadataError, SQLAlchemyError, OSError, ArithmeticError, LookupError, TypeError, ValueError)
Result = dict[str, Any]
Tell = Callable[[int, int], None]


@dataclass(slots=True)
class Work:
    """``state``: ``working``, ``done`` or ``failed``. ``said``: what it is, in words. ``account``: whose it is."""

    account: int
    state: str = "working"
    said: str = ""
    done: int = 0
    total: int = 0
    errors: list[str] = field(default_factory=list)
    result: Result = field(default_factory=dict)


def begin(folder: Path, account: int, said: str, work: Callable[[Tell], Result]) -> str:
    """Start ``work`` in a thread of its own; the token by which it is asked for."""
    token = keep(folder, account, {}, state="working", said=said)
    Thread(target=_do, args=(folder, token, work), name=f"work-{token[:6]}", daemon=True).start()
    return token


def keep(folder: Path, account: int, result: Result, *, state: str = "done", said: str = "") -> str:
    """Keep a result as if it had been worked for."""
    token = secrets.token_urlsafe(24)
    _write(folder, token, Work(account=account, state=state, said=said, result=result))
    return token


def work_of(folder: Path, account: int, token: str) -> Work | None:
    """How far it is, for who asked for it."""
    path = _path(folder, token) if TOKEN.fullmatch(token) else None
    if path is None or not path.is_file():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Work(**kept) if kept["account"] == account else None


def _do(folder: Path, token: str, work: Callable[[Tell], Result]) -> None:
    now = _read(folder, token)
    told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told > OFTEN:
            now.done, now.total, told = done, total, time.monotonic()
            _write(folder, token, now)

    try:
        now.result = work(tell)
        now.state = "done"
    except FAULTS as error:
        now.state = "failed"
        if isinstance(error, UserError):
            now.errors = [one.message for one in error.faults]
        else:
            logger("long_work").error("work failed", exc_info=error)
            now.errors = [str(error)[:300]]
    _write(folder, token, now)


def _read(folder: Path, token: str) -> Work:
    kept: Mapping[str, Any] = json.loads(_path(folder, token).read_text(encoding="utf-8"))
    return Work(**kept)


def _path(folder: Path, token: str) -> Path:
    return folder / "cache" / "works" / f"{token}.json"


def _write(folder: Path, token: str, work: Work) -> None:
    path = _path(folder, token)
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.iterdir():
        if time.time() - old.stat().st_mtime > KEPT:
            old.unlink(missing_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(work), ensure_ascii=False), encoding="utf-8")
    fresh.replace(path)
