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
FOREIGN = re.compile(r"([^\x00-\x7f]+)")
RUNS = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")


def search_keys(columns: Sequence[Sequence[str | None]]) -> list[str]:
    """The keys of many records whose texts are given as columns."""
    spelled = list(chain.from_iterable(map(_spelled_column, columns)))
    if all(all(column) for column in spelled):
        return [" ".join(dict.fromkeys(pieces))[:MOST] for pieces in zip(*spelled, strict=True)]
    return [" ".join(dict.fromkeys(filter(None, pieces)))[:MOST] for pieces in zip(*spelled, strict=True)]


def _spelled_column(column: Sequence[str | None]) -> list[Sequence[str]]:
    """A column of texts as it is typed: lower case and, where there is Chinese, two more with its pinyin.

    The whole column is one text on the way, so that each step is one call.
    """
    texts = [text.strip() if text else "" for text in column]
    whole = "\n".join(texts).lower()
    words = whole.split("\n")
    if len(words) != len(texts):  # texts of several lines
        return _spelled_each(texts)
    if whole.isascii():
        return [words]
    parts = FOREIGN.split(whole)
    runs = parts[1::2]
    spelled = {run: _run(run) for run in set(runs)}
    parts[1::2] = [spelled[run][0] for run in runs]
    full = "".join(parts).split("\n")
    parts[1::2] = [spelled[run][1] for run in runs]
    first = "".join(parts).split("\n")
    return [words, full, ["" if f == word else i for word, f, i in zip(words, full, first, strict=True)]]


def _spelled_each(texts: Sequence[str]) -> list[Sequence[str]]:
    """The same, text by text."""
    made = [(*spellings(text), "", "")[:3] for text in texts]
    return [*map(list, zip(*made, strict=True))]


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
    return " ".join(dict.fromkeys(filter(None, pieces)))[:MOST]


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
