"""Where the headings of a sheet stand: people put titles, dates and empty rows above them, and totals below."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

LOOKED_AT = 25
"""Rows among which the headings are looked for."""
EMPTY = ("", None)
BRACKETS = re.compile(r"[(（\[【<《].*?[)）\]】>》]")
NOISE = re.compile(r"[\s*:：#＊_/\\.·、，,-]+")
TOTALS = frozenset(("合计", "总计", "小计", "共计", "累计", "total", "totals", "subtotal", "grandtotal", "sum"))


def plain_word(text: object) -> str:
    """A heading as it is compared: without case, spaces, marks and what stands in brackets (``单价（元）``)."""
    word = unicodedata.normalize("NFKC", str(text if text is not None else "")).lower()
    bare = NOISE.sub("", BRACKETS.sub("", word))
    return bare or NOISE.sub("", word)


def header_at(rows: Sequence[Sequence[Any]], known: Collection[str]) -> int | None:
    """The row of the headings: the one with most words that mean something, else the first that is no title.

    ``known``: headings as ``plain_word`` makes them. ``None``: there is no row with anything in it.
    """
    filled = [(at, _words(row)) for at, row in enumerate(rows[:LOOKED_AT])]
    filled = [(at, words) for at, words in filled if words]
    if not filled:
        return next((at for at, row in enumerate(rows) if _words(row)), None)
    scored = [(sum(plain_word(word) in known for word in words), -at) for at, words in filled]
    best, place = max(scored)
    if best >= 2 or (best == 1 and max(len(words) for _, words in filled) == 1):
        return -place
    widest = max(len(words) for _, words in filled)
    return next(at for at, words in filled if 2 * len(words) >= widest)


def _words(row: Sequence[Any]) -> list[Any]:
    return [cell for cell in row if cell not in EMPTY and str(cell).strip()]


def is_total(row: Sequence[Any]) -> bool:
    """A row that adds up the others: its first word says so."""
    first = next((cell for cell in row if cell not in EMPTY and str(cell).strip()), "")
    return isinstance(first, str) and plain_word(first) in TOTALS
