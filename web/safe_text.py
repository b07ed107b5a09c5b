"""Text made safe as HTML. What short texts become is remembered: lists show the same names again and again."""

from __future__ import annotations

from functools import lru_cache
from html import escape

SHORT = 60
"""Letters of a text that is worth remembering: a name, a code."""

_remembered = lru_cache(maxsize=8192)(escape)


def safe(text: str) -> str:
    """The text as it stands in HTML, in an attribute too."""
    return _remembered(text) if len(text) <= SHORT else escape(text)
