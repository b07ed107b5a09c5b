"""Words of a sheet that name records: by code, else by name, else as a unit everybody knows under several names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import select

from engine.model import Entity
from runtime.context import RunContext
from runtime.row_rules import row_condition

AT_ONCE = 500


class Physical(NamedTuple):
    """A unit of measure that everybody knows: what it measures, in base units, and what it is called."""

    dimension: str
    ratio: str
    words: tuple[str, ...]


PHYSICAL = (
    Physical("mass", "1", ("kg", "千克", "公斤", "kilogram", "kgs")),
    Physical("mass", "1/1000", ("g", "克", "gram")),
    Physical("mass", "1000", ("t", "吨", "公吨", "ton", "tonne")),
    Physical("mass", "1/2", ("斤", "市斤")),
    Physical("length", "1", ("m", "米", "公尺", "metre", "meter")),
    Physical("length", "1/100", ("cm", "厘米", "公分")),
    Physical("length", "1/1000", ("mm", "毫米")),
    Physical("area", "1", ("m2", "㎡", "平方米", "平米", "平方")),
    Physical("volume", "1", ("l", "升", "公升", "litre", "liter")),
    Physical("volume", "1/1000", ("ml", "毫升")),
    Physical("volume", "1000", ("m3", "m³", "立方米", "立方")),
    Physical("time", "1", ("h", "hr", "小时", "时", "hour")),
)
BY_WORD: Mapping[str, Physical] = MappingProxyType({word: unit for unit in PHYSICAL for word in unit.words})


def bare(word: str) -> str:
    """A word without case and width (``ＫＧ`` is ``kg``)."""
    return unicodedata.normalize("NFKC", word).strip().lower()


def known_words(ctx: RunContext, entity: str, words: Iterable[str]) -> dict[str, str]:
    """Word → what finds its record (its code, else its name); words that name none or several are left out."""
    described = ctx.app.model.entities[entity]
    wanted = list(dict.fromkeys(words))
    found = _named(ctx, described, wanted)
    if described.measuring is not None:
        left = {word: BY_WORD[bare(word)].words for word in wanted if word not in found and bare(word) in BY_WORD}
        others = _named(ctx, described, list(dict.fromkeys(other for same in left.values() for other in same)))
        found |= {
            word: hit for word, same in left.items() if (hit := next((others[o] for o in same if o in others), ""))
        }
    return found


def _named(ctx: RunContext, entity: Entity, words: Sequence[str]) -> dict[str, str]:
    names = [name for name in ("code", "name") if name in entity.fields]
    found: dict[str, str] = {}
    for name in names:
        found.update(_by_field(ctx, entity, name, names[0], [word for word in words if word not in found]))
    return found


def _by_field(ctx: RunContext, entity: Entity, name: str, key: str, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of word and key, where exactly one record is called so (the very word before its variants)."""
    table = ctx.app.tables.entity[entity.id]
    condition = row_condition(ctx, entity.id)
    for start in range(0, len(words), AT_ONCE):
        some = words[start : start + AT_ONCE]
        variants = sorted({form for word in some for form in _forms(word)})
        query = select(table.c[name], table.c[key]).where(table.c[name].in_(variants), table.c.deleted_at.is_(None))
        rows: dict[str, list[Any]] = {}
        for text, code in ctx.connection.execute(query if condition is None else query.where(condition)):
            rows.setdefault(text, []).append(code)
        for word in some:
            hits = next((rows[form] for form in _forms(word) if form in rows), [])
            if len(hits) == 1 and hits[0] is not None:
                yield word, str(hits[0])


def _forms(word: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKC", word).strip()
    return tuple(dict.fromkeys((word.strip(), plain, plain.upper(), plain.lower(), plain.capitalize())))
