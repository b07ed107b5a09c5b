"""Columns of a file into what the write door takes, a column at a time; each different cell is converted once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from engine.expressions.types import Kind
from engine.model import Field
from runtime.importing_mapping import Cell
from runtime.importing_table import DATES, EMPTY, Table, cell_text, iso_date, texts
from runtime.units import to_base

PLACE = re.compile(r"<([^<>]+)>")
AMOUNT = re.compile(r"\s*[¥￥$€£]?\s*([-+−]?\d[\d,，]*(?:\.\d+)?|[-+−]?\.\d+)\s*([^\d\s.,，%％].*)?$", re.DOTALL)
"""An amount as people write it: a currency's sign, the number, a unit or a word."""
SCALE = 6
NOTHING = ("", None)
WORDS = frozenset((str, type(None)))
"""Types whose values equal none of another type."""
Convert = Callable[[Any], Any]


def columns_read(cell: Cell) -> Iterator[str]:
    """The columns of the file that a cell needs."""
    if cell.column:
        yield cell.column
    yield from PLACE.findall(cell.text)
    if cell.by:
        yield cell.by


def values_of(spec: Field, cell: Cell, table: Table) -> Sequence[Any]:
    """The values of a field for all rows; ``None`` where it is not given."""
    default = cell.constant if cell.constant is not None else cell.default
    convert = _converter(spec, cell)
    if cell.text:
        return _converted(_texts(cell.text, table), convert, default)
    if not cell.column:
        return [default] * len(table.lines)
    column = _stripped(table.columns[cell.column])
    if spec.value.kind is Kind.TEXT and not (spec.options or spec.many) and cell == Cell(column=cell.column):
        return _said(column)
    if cell.by:
        return [
            default if a in EMPTY or b in EMPTY else _product(a, b)
            for a, b in zip(column, texts(table.columns[cell.by]), strict=True)
        ]
    return _converted(column, convert, default)


def _stripped(column: Sequence[Any]) -> list[Any]:
    """The cells without what stands around their texts."""
    if {*map(type, column)} == {str}:
        return [*map(str.strip, column)]
    return [c.strip() if type(c) is str else c for c in column]


def _said(column: Sequence[Any]) -> list[Any]:
    """Texts taken as they stand: hardly two are alike, so none is remembered."""
    if all(column) and {*map(type, column)} == {str} and "'" not in {c[0] for c in column}:
        return list(column)
    return [None if c is None or c == "" else c if type(c) is str and c[0] != "'" else cell_text(c) for c in column]


def _converted(column: Sequence[Any], convert: Convert, default: Any) -> list[Any]:
    if len({*map(type, column)} - WORDS) <= 1:  # equal cells of different types would be taken for each other
        once: dict[Any, Any] = {cell: default if cell in NOTHING else convert(cell) for cell in {*column}}
        return [*map(once.__getitem__, column)]
    made: dict[tuple[type, Any], Any] = {(str, ""): default, (type(None), None): default}
    found = []
    for raw in column:
        key = (type(raw), raw)
        if key not in made:
            made[key] = convert(raw)
        found.append(made[key])
    return found


def _texts(pattern: str, table: Table) -> list[str]:
    """``L<Location>-<Shelf>`` filled in for each row; empty where a named column is."""
    names = PLACE.findall(pattern)
    form = PLACE.sub("{}", pattern.replace("{", "{{").replace("}", "}}"))
    filled = zip(*(table.words(name) for name in names), strict=True)
    return ["" if "" in words else form.format(*words) for words in filled]


def _product(raw: Any, factor: str) -> Any:
    """An amount times another column's; a fault of either is told as the write door would."""
    try:
        left, right = Decimal(str(raw).replace(",", "")), Decimal(factor.replace(",", ""))
        return round(left * right, SCALE) if left.is_finite() and right.is_finite() else raw
    except InvalidOperation:
        return f"{raw} × {factor}"


def _converter(spec: Field, cell: Cell) -> Convert:
    """From a cell to what the write door takes for the field."""
    kind = BY_KIND.get(spec.value.kind, _plain)
    many = spec.many or spec.value.many
    options = {w: o.id for o in spec.options for w in (o.id, o.label.zh, o.label.en)}
    default = cell.constant if cell.constant is not None else cell.default

    def convert(raw: Any) -> Any:
        if cell.take:
            raw = taken(raw, cell.take)
            if raw in EMPTY:
                return default
        if cell.values is not None:
            raw = cell.values.get(cell_text(raw), cell.otherwise if cell.otherwise is not None else raw)
            if raw in EMPTY:
                return ""  # said to be empty: no default comes in its place
        if options:
            words = [options.get(w.strip(), w.strip()) for w in cell_text(raw).split(",")]
            return words if many else options.get(cell_text(raw), cell_text(raw))
        if many and spec.value.kind is Kind.REFERENCE:
            return [_reference(one.strip(), cell) for one in cell_text(raw).split(",") if one.strip()]
        if cell.times is not None:
            return _scaled(raw, cell.times)
        return kind(raw, cell)

    return convert


def taken(raw: Any, part: str) -> Any:
    """The number or the word of ``12 kg``; what is written differently stays as it is for the number, has no word."""
    found = AMOUNT.match(raw) if isinstance(raw, str) else None
    if found is None:
        return raw if part == "number" else ""
    return found[1].translate(PLAIN_SIGNS) if part == "number" else (found[2] or "").strip()


PLAIN_SIGNS = str.maketrans({"−": "-", ",": None, "，": None})


def _scaled(raw: Any, times: Fraction) -> Any:
    try:
        return to_base(Decimal(str(raw).replace(",", "")), times)
    except ArithmeticError:
        return raw


def _reference(raw: Any, cell: Cell) -> Any:
    """Files name records by code (or the field said), never by our ids."""
    text = cell.prefix + cell_text(raw)
    return {cell.lookup: text} if cell.lookup and cell.lookup != "code" else text


def _text(raw: Any, cell: Cell) -> Any:
    return cell.prefix + cell_text(raw)


def _date(raw: Any, cell: Cell) -> Any:
    return iso_date(raw)


def _moment(raw: Any, cell: Cell) -> Any:
    if not isinstance(raw, str):
        return raw
    found = DATES.match(raw)
    return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}T{found[4] or '00:00'}" if found else raw


def _plain(raw: Any, cell: Cell) -> Any:
    return raw


def _yes_no(raw: Any, cell: Cell) -> Any:
    return raw if isinstance(raw, bool) else cell_text(raw)


BY_KIND: Mapping[Kind, Callable[[Any, Cell], Any]] = {
    Kind.REFERENCE: _reference,
    Kind.TEXT: _text,
    Kind.DATE: _date,
    Kind.MOMENT: _moment,
    Kind.YES_NO: _yes_no,
}
