"""Whole numbers as they come with a request: ids, positions, versions."""

from __future__ import annotations

LONGEST = 18
"""Digits of the longest number that every database keeps."""


def is_whole(text: str) -> bool:
    """Whether ``int(text)`` is a whole number that a database knows.

    ``str.isdigit`` alone is true for digits that ``int`` refuses (``²``), and for numbers no column holds.
    """
    return text.isascii() and text.isdigit() and len(text) <= LONGEST
