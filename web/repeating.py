"""A request whose transaction the database broke off for another's sake is done again: nothing of it was written.

PostgreSQL breaks one of two transactions that wait for each other. Who sent the request need not know of it, as long
as nothing was committed yet: then the whole request is simply worked on once more, a little later.
"""

from __future__ import annotations

import copy
import random
import time
from typing import Any

from flask import Flask, g, request, session
from sqlalchemy.exc import DBAPIError

from runtime.database import RETRIED

ATTEMPTS = 5
APART = 0.02
"""Seconds, doubled each time, within which those who collided try again: apart from each other."""

WRITES = frozenset(("POST", "PUT", "PATCH", "DELETE"))


class RepeatingFlask(Flask):
    """Flask that repeats what was broken off."""

    def dispatch_request(self) -> Any:
        """The answer to the request; again from the start while the database breaks it off."""
        if request.method not in WRITES:
            return super().dispatch_request()
        before = copy.deepcopy(dict(session))
        for attempt in range(1, ATTEMPTS):
            try:
                return super().dispatch_request()
            except DBAPIError as error:
                if not _broken_off(error) or g.get("committed", False):
                    raise
            _as_before(before)
            time.sleep(random.uniform(0, APART) * 2**attempt)
        return super().dispatch_request()


def note_commit() -> None:
    """Something of this request stands: it may not be done twice."""
    g.committed = True


def _broken_off(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", "") in RETRIED


def _as_before(kept: dict[str, Any]) -> None:
    """The session and the uploaded files as the request brought them."""
    if dict(session) != kept:
        session.clear()
        session.update(copy.deepcopy(kept))
    for file in request.files.values():
        file.stream.seek(0)
