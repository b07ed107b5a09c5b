"""Texts in the languages of the app, texts with values in them, and where something was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.expressions.tree import Expr
from engine.frozen import Frozen


@dataclass(frozen=True, slots=True)
class Text:
    """A label in the languages of the app. ``str(text)`` is Chinese."""

    zh: str
    en: str

    def get(self, language: str) -> str:
        """The text in ``language`` (``zh`` or ``en``)."""
        return self.en if language == "en" else self.zh

    def __str__(self) -> str:
        return self.zh


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A text with typed values in it: literal pieces and expressions, one list per language."""

    zh: tuple[str | Expr, ...]
    en: tuple[str | Expr, ...]

    def get(self, language: str) -> tuple[str | Expr, ...]:
        """The pieces in ``language``."""
        return self.en if language == "en" else self.zh


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where something was written."""

    file: str
    line: int
    column: int
    layer: str = ""


def nothing() -> Mapping[str, object]:
    """An empty mapping nobody can change: the default of keys that were left out."""
    return Frozen({})
