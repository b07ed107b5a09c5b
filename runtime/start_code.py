"""Who may see the first page of all: somebody at this machine, or who knows the code that its console shows."""

from __future__ import annotations

import secrets

from runtime.apps import AppHome

FIRST_CODE = "start-code"
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""None of them is taken for another."""


def start_code(home: AppHome) -> str:
    """The one-time code for whoever opens the first page from elsewhere: made once, readable by the owner only."""
    path = home.folder / FIRST_CODE
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        code = "".join(secrets.choice(LETTERS) for _ in range(8))
        path.write_text(f"{code[:4]}-{code[4:]}", encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


def code_fits(home: AppHome, given: str) -> bool:
    """Whether somebody knows the code."""
    plain = given.upper().replace("-", "").replace(" ", "")
    return secrets.compare_digest(plain.encode(), start_code(home).replace("-", "").encode())


def end_code(home: AppHome) -> None:
    """There is an app: the code has served."""
    (home.folder / FIRST_CODE).unlink(missing_ok=True)
