"""What is wrong with a definition: stable codes, the place, the sentence, the way out.

A definition is checked to its end and all problems are raised at once as ``MetadataError``.
The wording of every code is pinned by ``tests/contract/test_error_messages.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from engine.problem_codes import CODES


class Place(NamedTuple):
    """A position in a file; ``line`` and ``column`` count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong. ``path`` is the key path, ``what`` says what was got, ``remedy`` what would be right."""

    code: str
    place: Place
    path: str
    what: str
    remedy: str

    def __str__(self) -> str:
        file, line, column = self.place
        return f"{file}:{line}:{column}: {self.path or '(file)'}: {self.what}; {self.remedy} [{self.code}]"


class MetadataError(Exception):
    """A definition that cannot be used, with everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems: tuple[Problem, ...] = tuple(problems)


@dataclass(slots=True)
class Problems:
    """Collects problems; the same one is kept once. ``doubts`` may be meant so: they keep nothing from running.

    ``silent`` paths already have a problem that explains the rest;
    at a ``shadows`` path something was taken out, so that what is missing there now is no news.
    """

    found: dict[Problem, None] = field(default_factory=dict)
    doubts: dict[Problem, None] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    shadows: set[str] = field(default_factory=set)

    def add(self, code: str, place: Place, path: str, what: str, remedy: str) -> None:
        """Note a problem. ``code`` must stand in the table of codes."""
        if code not in CODES:
            raise KeyError(code)
        if path in self.shadows or any(path == quiet or path.startswith(quiet + ".") for quiet in self.silent):
            return
        self.found[Problem(code=code, place=place, path=path, what=what, remedy=remedy)] = None

    def doubt(self, code: str, place: Place, path: str, what: str, remedy: str) -> None:
        """Note what is probably not meant so."""
        if code not in CODES:
            raise KeyError(code)
        self.doubts[Problem(code=code, place=place, path=path, what=what, remedy=remedy)] = None

    def silence(self, path: str) -> None:
        """Nothing more is said about ``path`` and what lies under it."""
        if path:
            self.silent.add(path)

    def __iter__(self) -> Iterator[Problem]:
        return iter(sorted(self.found, key=lambda p: (p.place, p.code, p.what)))

    def __len__(self) -> int:
        return len(self.found)

    def raise_if_any(self) -> None:
        """Raise all that was found."""
        if self.found:
            raise MetadataError(tuple(self))


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """``did you mean x?``; without a close match ``otherwise`` or the list of what is known."""
    names = sorted(set(known))
    close = get_close_matches(word, names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    if otherwise:
        return otherwise
    if not names:
        return "there is none yet"
    return f"known here: {shorten(names)}"


def shorten(names: Sequence[str], most: int = 12) -> str:
    """The names in a row, the tail counted."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def got(value: object) -> str:
    """A value as it is quoted in a problem: short, on one line."""
    text = " ".join(str(value).split()) or "(nothing)"
    return text if len(text) <= 60 else text[:57] + "..."
