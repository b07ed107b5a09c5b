"""Which column of a strange sheet is which field: by its heading in either language, else by what stands in it.

Only a proposal: whoever brings the file sees it and may change it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime.barcodes import check_digit
from runtime.context import RunContext
from runtime.importing_header import plain_word
from runtime.importing_known import known_words
from runtime.importing_mapping import IGNORED, Cell, FileMapping, importable
from runtime.importing_table import EMPTY, Table, cell_text, iso_date

SAMPLE = 200
"""Different cells of a column that are looked at."""
MOST_OF_THEM = 0.8
NEAR = 0.86
STANDARD: Mapping[str, tuple[str, ...]] = {
    "code": ("编码", "代码", "编号", "货号", "料号", "序列号", "no", "number", "code", "sku", "ref", "id"),
    "name": ("名称", "品名", "全称", "name", "title", "description"),
    "note": ("备注", "说明", "附注", "note", "notes", "remark", "remarks", "comment"),
    "date": ("日期", "单据日期", "date", "day"),
}
"""What people call the fields that every kind of record has."""
WHOLE_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
PATTERNS: Mapping[str, Callable[[str], bool]] = {
    "email": lambda text: bool(re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text)),
    "phone": lambda text: bool(re.fullmatch(r"(\+?86[- ]?)?1[3-9]\d{9}|0\d{2,3}-?\d{7,8}", text)),
    "barcode": lambda text: (
        text.isascii() and text.isdigit() and len(text) in (8, 12, 13, 14) and check_digit(text[:-1]) == text[-1]
    ),
    "link": lambda text: text.lower().startswith(("http://", "https://")),
    "date": lambda text: bool(WHOLE_DAY.fullmatch(str(iso_date(text)))),
}
"""Types of fields whose values cannot be taken for anything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A proposal. ``by_content``: headings told by what stands under them; ``unknown``: those that mean nothing."""

    mapping: FileMapping
    by_content: frozenset[str] = field(default_factory=frozenset)
    unknown: tuple[str, ...] = ()


def heading_words(ctx: RunContext, entity: Entity) -> dict[str, str]:
    """All words that mean a field, as ``plain_word`` makes them, with its path; the surest first."""
    words: dict[str, str] = {}
    paths = list(importable(ctx, entity))
    for sure in (_said, _usual):
        for path, each in paths:
            for word in sure(entity, path, each):
                words.setdefault(plain_word(word), path)
    words.pop("", None)
    return words


def _said(entity: Entity, path: str, each: Field) -> Iterator[str]:
    """Its id and labels; for the record's own fields with the record's name before them."""
    first, _, rest = path.partition(".")
    yield path
    for language in ("zh", "en"):
        label = each.label.get(language)
        if rest:
            yield entity.fields[first].label.get(language) + label
        else:
            yield label
            yield entity.label.get(language) + label
    if rest:
        yield from (each.label.zh, each.label.en, rest)


def _usual(entity: Entity, path: str, each: Field) -> Iterator[str]:
    if "." not in path and each.standard:
        for word in STANDARD.get(each.id, ()):
            yield word
            yield entity.label.zh + word
            yield f"{entity.label.en}{word}"


def recognise(ctx: RunContext, entity: Entity, table: Table) -> Recognised:
    """What the columns of a file are."""
    words = heading_words(ctx, entity)
    fields = dict(importable(ctx, entity))
    taken: dict[str, str] = {}
    left: list[str] = []
    ways: tuple[Callable[[str], str], ...] = (lambda word: words.get(word, ""), lambda word: _nearly(words, word))
    for way in ways:
        left = []
        for heading in table.columns:
            path = way(plain_word(heading)) if heading and heading not in taken.values() else ""
            if path and path not in taken:
                taken[path] = heading
            elif heading and heading not in taken.values() and heading.lower() not in IGNORED:
                left.append(heading)
    told = _by_content(ctx, fields, taken, table, left)
    taken.update(told)
    order = list(table.columns)
    cells = {path: Cell(column=heading) for path, heading in sorted(taken.items(), key=lambda t: order.index(t[1]))}
    unknown = tuple(h for h in left if h not in told.values() and any(c not in EMPTY for c in table.columns[h]))
    mapping = FileMapping(entity=entity.id, cells=cells, group=grouping(cells), recognise=True)
    return Recognised(mapping=mapping, by_content=frozenset(told.values()), unknown=unknown)


def grouping(cells: Mapping[str, Cell]) -> tuple[str, ...]:
    """Rows of one record agree in its code, else in everything its head says."""
    if not any("." in path for path in cells):
        return ()
    if "code" in cells:
        return (cells["code"].column,)
    return tuple(cell.column for path, cell in cells.items() if "." not in path)


def _nearly(words: Mapping[str, str], word: str) -> str:
    """A heading that ends with a label (``本厂名称`` → ``名称``), or is one with a slip of the pen."""
    ends = [known for known in words if len(known) > 1 and not known.isascii() and word.endswith(known)]
    if ends:
        return words[max(ends, key=len)]
    near = get_close_matches(word, [known for known in words if len(known) > 3], 1, NEAR)
    return words[near[0]] if near else ""


def _by_content(
    ctx: RunContext, fields: Mapping[str, Field], taken: Mapping[str, str], table: Table, left: Iterable[str]
) -> dict[str, str]:
    """Fields by the values of columns whose heading says nothing; each field once, only where one is meant."""
    free = {path: each for path, each in fields.items() if path not in taken and "." not in path}
    found: dict[str, str] = {}
    for heading in left:
        sample = samples(table.columns[heading])
        if not sample:
            continue
        fitting = [path for path, each in free.items() if path not in found and _fits(ctx, each, sample)]
        if len(fitting) == 1:
            found[fitting[0]] = heading
    return found


def samples(column: Sequence[Any]) -> list[str]:
    """Different texts of a column, the first of them."""
    found: dict[str, None] = {}
    for cell in column:
        if cell not in EMPTY:
            found.setdefault(cell_text(cell).strip())
            if len(found) >= SAMPLE:
                break
    found.pop("", None)
    return list(found)


def _fits(ctx: RunContext, each: Field, sample: Sequence[str]) -> bool:
    need = MOST_OF_THEM * len(sample)
    if each.type in PATTERNS:
        return sum(PATTERNS[each.type](text) for text in sample) >= need
    if each.options:
        options = {plain_word(w) for o in each.options for w in (o.id, o.label.zh, o.label.en)}
        return sum(plain_word(text) in options for text in sample) >= need
    if each.value.kind is Kind.REFERENCE and len(each.targets) == 1 and len(sample) > 0:
        return len(known_words(ctx, each.targets[0], sample)) >= need
    return False
