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
from engine.model import Entity, EntityKind, Field
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
EVERYDAY: tuple[tuple[str, ...], ...] = (
    ("类别", "分类", "大类", "小类", "种类", "类型", "category", "class", "group", "type"),
    ("规格", "规格型号", "尺寸", "型号规格", "spec", "specification", "size"),
    ("单位", "计量单位", "基本单位", "unit", "uom", "baseunit"),
    ("数量", "件数", "qty", "quantity"),
    ("单价", "价格", "price", "unitprice"),
    ("电话", "手机", "手机号", "联系电话", "联系方式", "phone", "tel", "telephone", "mobile"),
    ("邮箱", "电子邮件", "邮件", "email", "mail"),
    ("地址", "联系地址", "address"),
    ("部门", "department", "dept"),
)
"""Headings that mean the same in any trade: a field called by one of them is meant by the others."""
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
    for sure in (_said, _aimed, _usual, _everyday):
        for path, each in paths:
            for word in sure(ctx, entity, path, each):
                words.setdefault(plain_word(word), path)
    words.pop("", None)
    return words


def _said(ctx: RunContext, entity: Entity, path: str, each: Field) -> Iterator[str]:
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
    if rest and entity.kind is EntityKind.DOCUMENT:  # what a document is about stands in its lines
        yield from (each.label.zh, each.label.en, rest)


def _aimed(ctx: RunContext, entity: Entity, path: str, each: Field) -> Iterator[str]:
    """A reference is called what it refers to."""
    if len(each.targets) == 1 and ("." not in path or entity.kind is EntityKind.DOCUMENT):
        target = ctx.app.model.entities[each.targets[0]].label
        yield from (target.zh, target.en)


def _everyday(ctx: RunContext, entity: Entity, path: str, each: Field) -> Iterator[str]:
    called = {plain_word(word) for word in _said(ctx, entity, path, each)}
    if "." not in path or entity.kind is EntityKind.DOCUMENT:
        yield from (word for same in EVERYDAY if called & set(same) for word in same)


def _usual(ctx: RunContext, entity: Entity, path: str, each: Field) -> Iterator[str]:
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
    """A heading that begins or ends with a label (``本厂名称`` → ``名称``), or is one with a slip of the pen."""
    within = [k for k in words if len(k) > 1 and not k.isascii() and (word.endswith(k) or word.startswith(k))]
    if within:
        return words[max(within, key=len)]
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
