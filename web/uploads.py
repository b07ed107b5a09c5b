"""Files between two steps of a page: kept a day beside the apps, readable only by who brought them."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from engine.cache import read_own, write_own

KEPT = 86_400
TOKEN = re.compile(r"[0-9a-f]{64}")


def keep(folder: Path, account: int, content: bytes) -> str:
    """Keep a file; its token names it in the next step."""
    token = sha256(content).hexdigest()
    path = _place(folder) / f"{account}-{token}"
    write_own(path, content)
    limit = time.time() - KEPT
    for old in path.parent.iterdir():
        with suppress(FileNotFoundError):  # another request clears away at the same time
            if old.stat().st_mtime < limit:
                old.unlink()
    return token


def kept(folder: Path, account: int, token: str) -> bytes | None:
    """The file of a token, for who brought it."""
    if not TOKEN.fullmatch(token):
        return None
    return read_own(_place(folder) / f"{account}-{token}")


def _place(folder: Path) -> Path:
    return folder / "cache" / "uploads"
