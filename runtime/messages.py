"""Every sentence the runtime says to a user, by stable code, in both languages.

A message says what is wrong, with the record, and what to do next. Codes are part of the API.
Rooms add their rows here, in the section of their room, so that all wording is seen side by side.
"""

from __future__ import annotations

from collections.abc import Mapping

from runtime.context import RunContext
from runtime.errors import Fault

MESSAGES: Mapping[str, tuple[str, str]] = {
    # records
    "required": ("请填写{label}", "{label} is required"),
}


def say(ctx: RunContext, code: str, **values: object) -> str:
    """The sentence ``code`` in the reader's language."""
    chinese, english = MESSAGES[code]
    return (english if ctx.language == "en" else chinese).format(**values)


def fault(ctx: RunContext, code: str, field: str = "", **values: object) -> Fault:
    """A ``Fault`` with the sentence of ``code``."""
    return Fault(code=code, message=say(ctx, code, **values), field=field)
