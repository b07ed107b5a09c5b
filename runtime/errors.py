"""What can go wrong for a user, as data. The web maps each class to a status; nobody else does.

Texts are already in the reader's language: they are made by ``messages.say``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong: where (``lines.2.qty``, "" = the whole record), stable code, sentence."""

    code: str
    message: str
    field: str = ""


class UserError(Exception):
    """The request cannot be done as asked; nothing was written. ``faults`` says all reasons at once."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f.message for f in faults))
        self.faults: Sequence[Fault] = faults


class Malformed(UserError):
    """The request cannot be understood (400)."""


class Forbidden(UserError):
    """The user has no right to this (403)."""


class NotFound(UserError):
    """There is no such record, or the user may not know of it (404)."""


class Conflict(UserError):
    """The record's state or a ledger's guard does not allow this now (409)."""


class Stale(UserError):
    """Somebody saved first (412)."""


class Invalid(UserError):
    """Values are wrong (422)."""


class TooMany(UserError):
    """As much of this goes on already as may; later it can be asked again (429)."""
