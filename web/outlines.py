"""Pages printed once with blanks and filled for each request.

Most of a page is the same for everybody who has the same rights, language and settings. A template is rendered with
blanks wherever a page of the same kind says something else: its text between the blanks is kept, and a request only
joins it with what belongs into them. The key under which an outline is kept must name all that its template looks at;
what belongs to one person or one record never is part of an outline, it is what the blanks are filled with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping

from markupsafe import Markup

from runtime.context import RunContext

OPEN, CLOSE = "\ue010", "\ue011"
"""Two signs nobody types (private use): they pass through escaping as they are."""
BLANK = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")
MOST = 300
"""Outlines kept of an app, a few of each list that people look at; beyond that all are made anew."""


def blank(name: str) -> Markup:
    """The place of ``name`` on a page."""
    return Markup(f"{OPEN}{name}{CLOSE}")


class Filling(dict[str, str]):
    """What belongs into blanks; what is not there is made when it is asked for."""

    __slots__ = ("_make",)

    def __init__(self, known: Mapping[str, str], make: Callable[[str], str]) -> None:
        super().__init__(known)
        self._make = make

    def __missing__(self, name: str) -> str:
        return self._make(name)


class Outline:
    """The text of a page between its blanks."""

    __slots__ = ("_names", "_pieces")

    def __init__(self, html: str) -> None:
        parts = BLANK.split(html)
        self._pieces = parts
        self._names = parts[1::2]

    def filled(self, value: Callable[[str], str]) -> str:
        """The page with ``value(name)``, safe as HTML, in each blank."""
        found = self._pieces.copy()
        found[1::2] = map(value, self._names)
        return "".join(found)


def outline(ctx: RunContext, key: Hashable, make: Callable[[], str]) -> Outline:
    """The outline kept under ``key``; ``make`` renders it the first time."""
    return ctx.app.programs.latest("outlines", key, lambda: Outline(make()), MOST)
