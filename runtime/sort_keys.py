"""Keys by which names are put in order: pinyin, character by character, stored beside the name.

Both databases compare them byte by byte, so lists come in the same order everywhere: 安, 北京, 重庆 (chóng qìng), 张三,
章二. Each character stands behind its syllable, so that people of one surname stay together; its tone stands between.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection, Table, Text, bindparam, select, update
from sqlalchemy.types import TypeEngine

from engine.model import Entity, EntityKind

SORT = "__sort"
"""Suffix of the column that keeps a name's key, beside the name."""
SORT_TYPE: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
MOST = 200
"""Letters of a key: names that agree so far stay in the order in which they came."""
BATCH = 5000
CHINESE = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]+")
RUNS = re.compile(f"({CHINESE.pattern})")


def sorted_fields(entity: Entity) -> tuple[str, ...]:
    """The texts of a record by which people put it in order: its name, its title, what its views are sorted by.

    Codes are no words: they stay in the order of their characters.
    """
    if entity.kind in (EntityKind.LINES, EntityKind.SYSTEM):
        return ()
    named = ("name", *entity.title, *(path for view in entity.views.values() for path, _ in view.sort))
    return tuple(name for name in dict.fromkeys(named) if name != "code" and _is_words(entity, name))


def _is_words(entity: Entity, name: str) -> bool:
    field = entity.fields.get(name)
    return field is not None and field.type == "text" and field.formula is None and not field.many


def sort_key(text: str | None) -> str | None:
    """The key of a text; of nothing there is none."""
    if text is None:
        return None
    lower = text.strip().lower()
    return (lower if lower.isascii() else CHINESE.sub(_spelled, lower))[:MOST]


def sort_keys(texts: Sequence[str | None]) -> list[str | None]:
    """The keys of a column. It is one text on the way, so that each step is one call."""
    whole = "\n".join([text.strip() if text else "" for text in texts]).lower()
    parts = RUNS.split(whole)
    parts[1::2] = list(map(_run, parts[1::2]))
    keys = "".join(parts).split("\n")
    if len(keys) != len(texts):  # texts of several lines
        return list(map(sort_key, texts))
    return [None if text is None else key[:MOST] for text, key in zip(texts, keys, strict=True)]


def _spelled(found: re.Match[str]) -> str:
    return _run(found[0])


@lru_cache(maxsize=20_000)
def _run(text: str) -> str:
    """Chinese letters, each behind how it is said in this word."""
    from pypinyin import Style, lazy_pinyin  # its dictionaries weigh much: only whoever sorts Chinese pays

    said = lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True)
    if len(said) != len(text):  # some letter is not known, and with it how its neighbours are said together
        return "".join(map(_run, text)) if len(text) > 1 else text
    return "".join(letter if word[:1] == letter else word + letter for word, letter in zip(said, text, strict=True))


def fill_keys(connection: Connection, table: Table, name: str) -> int:
    """Give the records that have a name but no key theirs, in batches; how many they were."""
    here, key = table.c[name], table.c[name + SORT]
    lacking = select(table.c.id, here).where(here.is_not(None), key.is_(None)).order_by(table.c.id).limit(BATCH)
    put = update(table).where(table.c.id == bindparam("record")).values({key.name: bindparam("made")})
    count = 0
    while rows := connection.execute(lacking).all():
        made = sort_keys([row[1] for row in rows])
        connection.execute(put, [{"record": row[0], "made": one} for row, one in zip(rows, made, strict=True)])
        count += len(rows)
    return count
