"""Who may see the first page of all: somebody at this machine, or who knows the code that its console shows."""

from __future__ import annotations

import re
import secrets

from engine.cache import read_own, write_once
from runtime.apps import AppHome

FIRST_CODE = "start-code"
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""None of them is taken for another."""
LENGTH = 8
CODE = re.compile(f"[{LETTERS}]{{{LENGTH}}}")


def start_code(home: AppHome) -> str:
    """The one-time code for whoever opens the first page from elsewhere: made once, readable by the owner only.

    A file in which no code stands (a start that was broken off) is made anew.
    """
    path = home.folder / FIRST_CODE
    found = _read(home)
    if found is None or not CODE.fullmatch(_plain(found)):
        if found is not None:  # only what was read: another start may be writing one at this moment
            path.unlink(missing_ok=True)
        code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        write_once(path, f"{code[:4]}-{code[4:]}".encode())
    return _read(home) or ""


def code_fits(home: AppHome, given: str) -> bool:
    """Whether somebody knows the code. Nothing fits where no code stands."""
    wanted = _plain(start_code(home))
    return CODE.fullmatch(wanted) is not None and secrets.compare_digest(_plain(given).encode(), wanted.encode())


def _read(home: AppHome) -> str | None:
    data = read_own(home.folder / FIRST_CODE)
    return None if data is None else data.decode("ascii", "replace").strip()


def _plain(text: str) -> str:
    """The letters alone, as people write a code."""
    return text.upper().replace("-", "").replace(" ", "")


def end_code(home: AppHome) -> None:
    """There is an app: the code has served."""
    (home.folder / FIRST_CODE).unlink(missing_ok=True)
