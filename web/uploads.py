"""Files between two steps of a page: kept a day beside the apps, readable only by who brought them."""

from __future__ import annotations

import re
import time
from hashlib import sha256
from pathlib import Path

KEPT = 86_400
TOKEN = re.compile(r"[0-9a-f]{64}")


def keep(folder: Path, account: int, content: bytes) -> str:
    """Keep a file; its token names it in the next step."""
    place = folder / "cache" / "uploads"
    place.mkdir(parents=True, exist_ok=True)
    limit = time.time() - KEPT
    for old in place.iterdir():
        if old.stat().st_mtime < limit:
            old.unlink(missing_ok=True)
    token = sha256(content).hexdigest()
    (place / f"{account}-{token}").write_bytes(content)
    return token


def kept(folder: Path, account: int, token: str) -> bytes | None:
    """The file of a token, for who brought it."""
    if not TOKEN.fullmatch(token):
        return None
    path = folder / "cache" / "uploads" / f"{account}-{token}"
    return path.read_bytes() if path.is_file() else None
