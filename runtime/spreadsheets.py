"""CSV and XLSX as plain rows of cells, both ways: what Excel writes here (UTF-8 or GB18030) is read, and what we write
opens in it without running anything.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

RISKY = ("=", "+", "-", "@", "\t", "\r")
ENCODINGS = ("utf-8-sig", "gb18030")
DELIMITERS = (",", ";", "\t", "|")
LONGEST_CELL = 32_000
MOST_UNPACKED = 400_000_000


class Unreadable(ValueError):
    """The bytes are no table we know. ``args[0]`` says why, for people."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its header and rows; ``first_line`` is the line of the first row in the file."""

    header: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    first_line: int = 2


Finder = Callable[[Sequence[Sequence[Any]]], int | None]
"""Says which row holds the headings."""


def read_sheet(content: bytes, name: str, sheet: str = "", heads: Finder | None = None) -> Sheet:
    """The table in a CSV or XLSX file, packed by gzip or not. ``heads``: where its headings are not the first row."""
    if content[:2] == b"\x1f\x8b":
        content, name = _unpacked(content), name.removesuffix(".gz")
    if content[:4] == b"PK\x03\x04" or name.lower().endswith((".xlsx", ".xlsm", ".xls", ".ods")):
        rows: Sequence[Sequence[Any]] = _workbook_rows(content, sheet)
    else:
        rows = list(csv_rows(decode(content)))
    start = (heads or _first_row)(rows)
    if start is None:
        return Sheet((), [])
    header = tuple("" if cell is None else str(cell).strip() for cell in rows[start])
    return Sheet(header, rows[start + 1 :], start + 2)


def _first_row(rows: Sequence[Sequence[Any]]) -> int | None:
    return next((i for i, row in enumerate(rows) if any(cell not in ("", None) for cell in row)), None)


def _unpacked(content: bytes) -> bytes:
    """A gzip file's content; a small file that swells beyond all measure is refused."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            text = packed.read(MOST_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(str(error)[:200]) from None
    if len(text) > MOST_UNPACKED:
        raise Unreadable(f"> {MOST_UNPACKED // 1_000_000} MB")
    return text


def decode(content: bytes) -> str:
    """The text of a file; UTF-16 has its mark, else UTF-8 if it is that, else GB18030."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("neither UTF-8 nor GB18030")


def csv_rows(text: str) -> Iterator[list[str]]:
    """The rows of a CSV text; the delimiter is the one its first line has most of."""
    first = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(DELIMITERS, key=first.count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error as error:
        raise Unreadable(str(error)) from None


def _workbook_rows(content: bytes, sheet: str) -> Sequence[Sequence[Any]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        if sheet and sheet not in book.sheet_names:
            raise Unreadable(f"{sheet}: {', '.join(book.sheet_names)}")
        found = book.get_sheet_by_name(sheet) if sheet else book.get_sheet_by_index(0)
        rows: Sequence[Sequence[Any]] = found.to_python(skip_empty_area=False)
    except (CalamineError, OSError, IndexError) as error:
        raise Unreadable(str(error)[:200]) from None
    return rows


def plain_cell(value: Any) -> Any:
    """A cell as text that Excel will not take for a formula; numbers and dates stay what they are."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(RISKY) else value
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return "" if value is None else value


def unquoted(cell: str) -> str:
    """The other way round: without the quote that ``plain_cell`` put before a risky text."""
    return cell[1:] if cell.startswith("'") and cell[1:2] in RISKY else cell


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A CSV file that Excel opens as UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([plain_cell(cell) for cell in header])
    writer.writerows([plain_cell(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def write_xlsx(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """An XLSX file; texts are text cells, so nothing in them runs."""
    from rustpy_xlsxwriter import FastExcel

    names = list(_distinct(header))
    columns = [_typed_column(column) for column in zip(*rows, strict=True)]
    records = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    out = io.BytesIO()
    safe = "".join(" " if c in "[]:*?/\\'" else c for c in title)[:31].strip() or "Sheet1"
    widths = {name: float(min(40, max(10, 2 + 2 * len(name)))) for name in names}
    data = records or [dict.fromkeys(names, "")]
    FastExcel(out).format(bold_headers=True, datetime_format="yyyy-mm-dd").freeze(row=1).sheet(
        safe, data, column_widths=widths
    ).save()
    return out.getvalue()


def _distinct(header: Sequence[str]) -> Iterator[str]:
    """Excel writers key rows by name: two columns of one name need two names."""
    seen: dict[str, int] = {}
    for name in header:
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{name} {seen[name]}"


def _typed_column(cells: Sequence[Any]) -> Sequence[Any]:
    """The cells of a column; those that repeat are made once, and those that need nothing stay."""
    kinds = {*map(type, cells)}
    if kinds <= {int, bool, float, date}:
        return cells
    if kinds <= {Decimal, type(None)}:
        made = {cell: _typed_cell(cell) for cell in {*cells}}
        return [*map(made.__getitem__, cells)]
    if kinds <= {str, type(None)}:
        cells = [cell or "" for cell in cells]
        if len(max(cells, key=len)) <= LONGEST_CELL:
            return cells
    return [*map(_typed_cell, cells)]


def _typed_cell(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value) if abs(value) < 10**15 else f"{value:f}"
    if isinstance(value, str):
        return value[:LONGEST_CELL]
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, time):
        return value.isoformat()
    return "" if value is None else value
