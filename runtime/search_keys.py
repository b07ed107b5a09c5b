"""Keys for searching by what people type: the text itself, its full pinyin and its initials.

The key is stored, so both databases search and sort alike and no query needs a function of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain

MOST = 1000
ONE_RUN = re.compile(r"([^\x00-\x7f]+)([\x00-\x7f]*)")
RUNS = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")


def search_keys(columns: Sequence[Sequence[str | None]]) -> list[str]:
    """The keys of many records whose texts are given as columns."""
    spelled = [_spelled_column(column) for column in columns]
    return [" ".join(dict.fromkeys(chain.from_iterable(pieces)))[:MOST] for pieces in zip(*spelled, strict=True)]


def _spelled_column(column: Sequence[str | None]) -> list[tuple[str, ...]]:
    """The pieces of each text; columns that repeat their texts have each spelled once."""
    different = set(column)
    if len(different) > len(column) // 2:
        return [spellings(text) if text else () for text in column]
    made = {text: spellings(text) if text else () for text in different}
    return list(map(made.__getitem__, column))


def search_key(texts: Iterable[object]) -> str:
    """One lower-case key for all ``texts``: ``六角螺栓 liujiaoluoshuan ljls``, each word of a key once."""
    pieces: list[str] = []
    for text in texts:
        if text:
            word = str(text).strip().lower()
            if word.isascii():
                pieces.append(word)
            else:
                pieces.extend(_chinese(word))
    return " ".join(dict.fromkeys(pieces))[:MOST]


def spellings(text: str) -> tuple[str, ...]:
    """``text`` as it is typed: lower case and, for Chinese, full pinyin and initials."""
    text = text.strip().lower()
    if text.isascii():
        return (text,)
    return _chinese(text)


def _chinese(text: str) -> tuple[str, ...]:
    simple = ONE_RUN.fullmatch(text)
    if simple is not None:  # a name and perhaps a number behind it: most of them
        run, rest = simple.groups()
        spelled, first = _run(run)
        return (text,) if spelled == run else (text, spelled + rest, first + rest)
    full = initials = ""
    for run in RUNS.findall(text):
        spelled, first = (run, run) if run.isascii() else _run(run)
        full += spelled
        initials += first
    return (text,) if full == text else (text, full, initials)


@lru_cache(maxsize=20_000)
def _run(text: str) -> tuple[str, str]:
    """Full pinyin and initials of letters beyond ASCII; names of an import share them, only their numbers differ."""
    from pypinyin import Style, lazy_pinyin  # its dictionaries weigh much: only whoever writes Chinese pays

    return "".join(lazy_pinyin(text)).lower(), "".join(lazy_pinyin(text, style=Style.FIRST_LETTER)).lower()


def sort_key(text: str) -> str:
    """The key by which names are ordered: pinyin, then the text."""
    spelled = spellings(text)
    return spelled[1] if len(spelled) > 1 else spelled[0]


def pattern(query: str) -> str:
    """The ``LIKE`` pattern (escape ``\\``) that finds ``query`` anywhere in a key."""
    typed = query.strip().lower()[:100]
    for special in ("\\", "%", "_"):
        typed = typed.replace(special, "\\" + special)
    return f"%{typed}%"
