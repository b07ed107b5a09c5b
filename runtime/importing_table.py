"""A file as columns: joined to others, rows left out and remarked on, validity cut into periods.

Everything is done a column at a time: files have tens of thousands of rows and few different values in each column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.importing_rules import PERIOD_FROM, PERIOD_TO, Compared, Join, Periods, Rule, Wanted
from runtime.messages import fault
from runtime.spreadsheets import Sheet, Unreadable, read_sheet, unquoted

DATES = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T](.*))?$")
EMPTY = ("", None)
Column = Sequence[Any]
Files = Callable[[str], bytes]
"""Gives the bytes of a file that a mapping joins, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFault:
    """Why a row of the file was not taken (or what to look at, for ``level`` ``warn`` and ``skip``)."""

    line: int
    field: str
    code: str
    message: str
    level: str = "error"


@dataclass(slots=True)
class Table:
    """The rows of a file by column. ``lines``: the line of the file each row comes from."""

    lines: Sequence[int]
    columns: dict[str, Column]
    faults: list[RowFault] = field(default_factory=list)

    def keep(self, wanted: Sequence[int]) -> None:
        """Only the rows at these positions, in this order (a row may come several times)."""
        if len(wanted) == len(self.lines) and all(i == j for i, j in enumerate(wanted)):
            return
        self.columns = {name: [column[i] for i in wanted] for name, column in self.columns.items()}
        self.lines = [self.lines[i] for i in wanted]

    def words(self, name: str) -> list[str]:
        """A column as people see it."""
        return texts(self.columns[name])

    def keys(self, names: Iterable[str]) -> list[tuple[str, ...]]:
        """The words of several columns, row by row."""
        return list(zip(*(self.words(name) for name in names), strict=True))


def table_of(sheet: Sheet) -> Table:
    """The rows of a sheet that are not blank, as columns."""
    width = len(sheet.header)
    rows: list[Sequence[Any]] = []
    lines: list[int] = []
    for line, row in enumerate(sheet.rows, sheet.first_line):
        if any(row) or any(cell not in EMPTY for cell in row):  # nought is something too
            rows.append(row if len(row) == width else [*row[:width], *([""] * (width - len(row)))])
            lines.append(line)
    columns = list(zip(*rows, strict=True)) if rows else [()] * width
    return Table(lines, dict(zip(sheet.header, columns, strict=True)))


def texts(column: Column) -> list[str]:
    """Cells as text: whole numbers without ``.0``, no blanks around, no quote put before a formula."""
    return [_word(cell) if type(cell) is str else cell_text(cell).strip() for cell in column]


def _word(cell: str) -> str:
    text = cell.strip()
    return unquoted(text) if text[:1] == "'" else text


def cell_text(raw: Any) -> str:
    """A cell as the text a person sees: whole numbers without ``.0``."""
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return unquoted(raw) if isinstance(raw, str) else "" if raw is None else str(raw)


def iso_date(raw: Any) -> Any:
    """``2026/3/1``, ``2026年3月1日``, ``2026-03-01 00:00:00.000``, ``20260301`` as ``2026-03-01``."""
    if isinstance(raw, (datetime, date)) or not isinstance(raw, (str, float, int)):
        return raw
    text = cell_text(raw).strip()
    found = DATES.match(text)
    if found:
        return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}"
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


# --- joins ---------------------------------------------------------------------------------------------------


def join(ctx: RunContext, table: Table, joins: Iterable[Join], files: Files | None) -> None:
    """Put the columns of other files beside the rows; rows without a partner are faults and go."""
    for one in joins:
        other = _other(ctx, one, files)
        places = _places(ctx, one, other)
        found = [places.get(key) for key in table.keys(_known(ctx, table, one.on, ""))]
        if not one.optional:
            _tell_missing(ctx, table, one, found)
        for name, column in other.columns.items():
            table.columns[f"{one.name}.{name}"] = ["" if i is None else column[i] for i in found]
        if not one.optional:
            table.keep([row for row, i in enumerate(found) if i is not None])


def _other(ctx: RunContext, one: Join, files: Files | None) -> Table:
    try:
        if files is None:
            raise Unreadable(one.file)
        return table_of(read_sheet(files(one.file), one.file, one.sheet))
    except (Unreadable, OSError) as error:
        raise Invalid(fault(ctx, "import_join_file", file=one.file, reason=str(error)[:200])) from None


def _places(ctx: RunContext, one: Join, other: Table) -> dict[tuple[str, ...], int]:
    keys = other.keys(_known(ctx, other, one.on.values(), one.file))
    places: dict[tuple[str, ...], int] = {}
    for row, key in enumerate(keys):
        if places.setdefault(key, row) != row and not one.first:
            line = other.lines[row]
            raise Invalid(fault(ctx, "import_join_twice", file=one.file, line=line, key=" ".join(key)[:60]))
    return places


def _known(ctx: RunContext, table: Table, names: Iterable[str], file: str) -> list[str]:
    wanted = list(names)
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        hint = f" ({file})" if file else ""
        raise Invalid(*(fault(ctx, "import_column", n[:60], given=n[:60], hint=hint) for n in missing))
    return wanted


def _tell_missing(ctx: RunContext, table: Table, one: Join, found: Sequence[int | None]) -> None:
    keys = table.keys(one.on)
    for row, place in enumerate(found):
        if place is None:
            key = " ".join(keys[row])[:60]
            told = fault(ctx, "import_no_partner", file=one.file, columns=", ".join(one.on.values()), key=key)
            table.faults.append(
                RowFault(line=table.lines[row], field=", ".join(one.on), code=told.code, message=told.message)
            )


# --- rules ---------------------------------------------------------------------------------------------------


def leave_out(ctx: RunContext, table: Table, rules: Iterable[Rule]) -> list[RowFault]:
    """Take away the rows that rules leave out; each is told, with the reason."""
    told: list[RowFault] = []
    for rule in rules:
        out = matching(table, rule)
        if out:
            told.extend(_remarks(ctx, table, rule, out, "skip", "left_out"))
            gone = set(out)
            table.keep([row for row in range(len(table.lines)) if row not in gone])
    return told


def remarks(ctx: RunContext, table: Table, rules: Iterable[Rule]) -> list[RowFault]:
    """What rules say about rows that are taken."""
    return [one for rule in rules for one in _remarks(ctx, table, rule, matching(table, rule), "warn", "remark")]


def _remarks(
    ctx: RunContext, table: Table, rule: Rule, rows: Sequence[int], level: str, code: str
) -> Iterable[RowFault]:
    message, column = rule.say.get(ctx.language), next(rule.columns)
    return (RowFault(line=table.lines[r], field=column, code=code, message=message, level=level) for r in rows)


def matching(table: Table, rule: Rule) -> list[int]:
    """Positions of the rows a rule is about."""
    yes, no = (_all_in(table, wanted) for wanted in (rule.when, rule.unless))
    return [row for row in range(len(table.lines)) if (yes is None or yes[row]) and not (no is not None and no[row])]


def _all_in(table: Table, wanted: Mapping[str, Wanted]) -> list[bool] | None:
    held: list[bool] | None = None
    for name, values in wanted.items():
        words = table.words(name)
        here = _compared(table, words, values) if isinstance(values, Compared) else [w in values for w in words]
        held = here if held is None else [a and b for a, b in zip(held, here, strict=True)]
    return held


def _compared(table: Table, words: Sequence[str], how: Compared) -> list[bool]:
    days, others = ([iso_date(word) for word in column] for column in (words, table.words(how.other)))
    if how.how == "after":
        days, others = others, days
    return [bool(a and b) and a < b for a, b in zip(days, others, strict=True)]


# --- periods -------------------------------------------------------------------------------------------------

OPEN = date.max


def cut_periods(ctx: RunContext, table: Table, periods: Periods, group: Sequence[str]) -> None:
    """Repeat the rows of each group for every stretch of days in which the same rows hold.

    The columns ``period.from`` and ``period.to`` say which stretch a row is for; open ends are empty.
    """
    begins = _days(ctx, table, periods.begins, date.min)
    ends = _days(ctx, table, periods.ends, OPEN)
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(table.keys(group)):
        if begins[row] is not None and ends[row] is not None:
            groups.setdefault(key, []).append(row)
    wanted: list[int] = []
    spans: list[tuple[str, str]] = []
    for rows in groups.values():
        for first, last in _stretches([(begins[r], ends[r]) for r in rows]):  # type: ignore[misc]
            holding = [r for r in rows if begins[r] <= first and ends[r] >= last]  # type: ignore[operator]
            wanted.extend(holding)
            shown = ("" if first == date.min else first.isoformat(), "" if last == OPEN else last.isoformat())
            spans.extend([shown] * len(holding))
    table.keep(wanted)
    table.columns[PERIOD_FROM] = [first for first, _ in spans]
    table.columns[PERIOD_TO] = [last for _, last in spans]


def _stretches(spans: Sequence[tuple[date, date]]) -> list[tuple[date, date]]:
    """The longest stretches between the days on which something begins or has ended."""
    day = timedelta(days=1)
    marks = {first for first, _ in spans} | {last + day for _, last in spans if last != OPEN}
    starts = sorted(marks)
    closed = [(start, after - day) for start, after in pairwise(starts)]
    return [*closed, (starts[-1], OPEN)] if starts else []


def _days(ctx: RunContext, table: Table, name: str, empty: date) -> list[date | None]:
    """A column of days; what is no day is a fault, and the row goes."""
    days: list[date | None] = []
    for row, word in enumerate(table.words(name)):
        try:
            days.append(date.fromisoformat(iso_date(word)) if word else empty)
        except ValueError:
            days.append(None)
            told = fault(ctx, "not_a_date", label=name, given=word[:40])
            table.faults.append(RowFault(line=table.lines[row], field=name, code=told.code, message=told.message))
    return days
