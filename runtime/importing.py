"""Records from files: every row judged, bad ones told with line and reason, all or nothing unless asked otherwise.

Rows become values of the one write door, a thousand records a batch; nothing is checked here that it checks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime import records
from runtime.context import RunContext
from runtime.errors import Fault, Forbidden, Invalid, UserError
from runtime.importing_mapping import Cell, FileMapping, field_at, guess_mapping
from runtime.messages import fault
from runtime.permissions import demand, label_of
from runtime.record_references import find
from runtime.spreadsheets import Sheet, Unreadable, read_sheet, unquoted
from runtime.units import to_base
from runtime.values import Lookup

BATCH = 1000
DATES = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T](.*))?$")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFault:
    """Why a row of the file was not taken (or what to look at, for ``level`` ``warn`` and ``skip``)."""

    line: int
    field: str
    code: str
    message: str
    level: str = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """``dry_run``: judge only. ``partial``: keep the good ones. ``as_history``: documents in their final state."""

    dry_run: bool = False
    partial: bool = False
    as_history: bool = False


@dataclass(slots=True)
class Report:
    """What came of it. ``written``: whether anything was kept."""

    rows: int = 0
    records: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    written: bool = False
    faults: list[RowFault] = field(default_factory=list)
    warnings: list[RowFault] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Unit:
    """A record in the making: its values and the lines of the file it comes from."""

    values: Row
    line: int
    lines: list[int]


def import_file(
    ctx: RunContext,
    entity: str,
    content: bytes,
    name: str,
    mapping: FileMapping | None = None,
    options: ImportOptions | None = None,
) -> Report:
    """Read a file into records of ``entity``, in the caller's transaction; undone inside it when nothing is to stay."""
    how = options or ImportOptions()
    described = records.entity_of(ctx, entity)
    _check_right(ctx, entity, how)
    try:
        sheet = read_sheet(content, name, mapping.sheet if mapping else "")
    except Unreadable as error:
        raise Invalid(fault(ctx, "import_unreadable", reason=error.args[0])) from None
    if not sheet.rows:
        raise Invalid(fault(ctx, "import_empty"))
    used = mapping or guess_mapping(ctx, described, sheet.header, history=how.as_history)
    reader = _RowReader(ctx, described, used, sheet)
    savepoint = ctx.connection.begin_nested()
    report = _take(ctx, described, used, reader, how)
    if how.dry_run or (report.faults and not how.partial):
        savepoint.rollback()
    else:
        savepoint.commit()
        report.written = bool(report.created or report.updated)
    return report


def _check_right(ctx: RunContext, entity: str, how: ImportOptions) -> None:
    demand(ctx, entity, "create")
    if how.as_history and not (ctx.user.is_system or "admin" in ctx.user.roles):
        raise Forbidden(
            fault(
                ctx,
                "forbidden",
                action="导入历史" if ctx.language == "zh" else "import the history of",
                label=label_of(ctx, entity),
            )
        )


def _take(ctx: RunContext, entity: Entity, mapping: FileMapping, reader: _RowReader, how: ImportOptions) -> Report:
    report = reader.report
    batch: list[_Unit] = []
    for unit in reader.units():
        batch.append(unit)
        if len(batch) == BATCH:
            _write(ctx, entity, mapping, batch, how, report)
            batch = []
    if batch:
        _write(ctx, entity, mapping, batch, how, report)
    report.faults.sort(key=lambda f: (f.line, f.field))
    return report


def _write(
    ctx: RunContext, entity: Entity, mapping: FileMapping, units: list[_Unit], how: ImportOptions, report: Report
) -> None:
    """One batch; those refused are told and the rest tried again without them."""
    known = _existing(ctx, entity, mapping, units)
    fresh = [u for u in units if id(u) not in known]
    old = [u for u in units if id(u) in known]
    kind = "history" if how.as_history else "create"
    report.records += len(units)
    made = _attempt(
        ctx,
        fresh,
        report,
        lambda some: records.create_many(
            ctx, entity.id, [u.values for u in some], kind=kind, strict=not how.as_history
        ),
    )
    changed = _attempt(
        ctx,
        old,
        report,
        lambda some: records.update_many(ctx, entity.id, [(known[id(u)], u.values, None) for u in some]),
    )
    report.created += made
    report.updated += changed


def _attempt(
    ctx: RunContext, units: list[_Unit], report: Report, write: Callable[[list[_Unit]], list[records.Saved]]
) -> int:
    if not units:
        return 0
    savepoint = ctx.connection.begin_nested()
    try:
        saved = write(units)
    except records.Rejected as rejected:
        savepoint.rollback()
        for index, faults in rejected.by_record.items():
            report.faults.extend(_row_fault(units[index], one) for one in faults)
        good = [u for i, u in enumerate(units) if i not in rejected.by_record]
        return _attempt(ctx, good, report, write)
    except UserError as refused:
        savepoint.rollback()
        if len(units) == 1:
            report.faults.extend(_row_fault(units[0], one) for one in refused.faults)
            return 0
        half = len(units) // 2
        return _attempt(ctx, units[:half], report, write) + _attempt(ctx, units[half:], report, write)
    savepoint.commit()
    for unit, one in zip(units, saved, strict=True):
        report.ids.append(one.id)
        report.warnings.extend(_row_fault(unit, told, "warn") for told in one.warnings)
    return len(saved)


def _row_fault(unit: _Unit, one: Fault, level: str = "error") -> RowFault:
    """A fault at the line of the file it comes from; ``lines.2.qty`` is the second of the record's rows."""
    parts = one.field.split(".")
    line = unit.line
    if len(parts) > 2 and parts[1].isdigit() and int(parts[1]) <= len(unit.lines):
        line = unit.lines[int(parts[1]) - 1]
    path = ".".join(p for p in parts if not p.isdigit())
    return RowFault(line=line, field=path, code=one.code, message=one.message, level=level)


def _existing(ctx: RunContext, entity: Entity, mapping: FileMapping, units: Sequence[_Unit]) -> dict[int, int]:
    """Records to be changed instead of made, by unit."""
    if not mapping.match:
        return {}
    keys = {
        id(u): Lookup(key=((mapping.match, u.values[mapping.match]),)) for u in units if u.values.get(mapping.match)
    }
    found = find(ctx, entity.id, set(keys.values()))
    return {unit: found[key][0] for unit, key in keys.items() if len(found.get(key, ())) == 1}


# --- rows into values ----------------------------------------------------------------------------------------


class _RowReader:
    """Turns rows of a sheet into values by field id."""

    def __init__(self, ctx: RunContext, entity: Entity, mapping: FileMapping, sheet: Sheet) -> None:
        self.ctx = ctx
        self.entity = entity
        self.mapping = mapping
        self.sheet = sheet
        self.report = Report()
        places = {name: index for index, name in enumerate(sheet.header)}
        needed = [c.column for c in mapping.cells.values() if c.column] + [*mapping.group, *mapping.skip]
        missing = [n for n in dict.fromkeys(needed) if n not in places]
        if missing:
            raise Invalid(*(fault(ctx, "import_column", n[:60], given=n[:60], hint="") for n in missing))
        self.group = [places[n] for n in mapping.group]
        self.skip = [(places[n], frozenset(values)) for n, values in mapping.skip.items()]
        takers = [(path, self._taker(path, cell, places)) for path, cell in mapping.cells.items()]
        self.head = [(path, take) for path, take in takers if "." not in path]
        self.inner: dict[str, list[tuple[str, Taker]]] = {}
        for path, take in takers:
            if "." in path:
                lines, _, name = path.partition(".")
                self.inner.setdefault(lines, []).append((name, take))

    def units(self) -> Iterator[_Unit]:
        """The records of the file; rows of one group need not stand together."""
        if not self.inner:
            yield from (unit for _, unit in self._singles())
            return
        grouped: dict[object, _Unit] = {}
        for key, unit in self._singles():
            found = grouped.setdefault(key, unit)
            if found is not unit:
                for name in self.inner:
                    found.values[name].extend(unit.values[name])
                found.lines.extend(unit.lines)
        yield from grouped.values()

    def _singles(self) -> Iterator[tuple[object, _Unit]]:
        for line, row in enumerate(self.sheet.rows, self.sheet.first_line):
            if not any(cell not in ("", None) for cell in row):
                continue
            self.report.rows += 1
            if any(_word(row, i) in values for i, values in self.skip):
                self.report.skipped += 1
                continue
            values: Row = {}
            for name, take in self.head:
                value = take(row)
                if value is not None:
                    values[name] = value
            for name, takers in self.inner.items():
                inner = {n: v for n, take in takers if (v := take(row)) is not None}
                values[name] = [inner] if inner else []
            key = tuple(_word(row, i) for i in self.group) if self.group else line
            yield key, _Unit(values, line, [line])

    def _taker(self, path: str, cell: Cell, places: Mapping[str, int]) -> Taker:
        spec = field_at(self.ctx, self.entity, path)
        assert spec is not None
        convert = _converter(spec, cell)
        default = cell.constant if cell.constant is not None else cell.default
        if not cell.column:
            return lambda _: default
        index = places[cell.column]

        def take(row: Sequence[Any]) -> Any:
            raw = row[index] if index < len(row) else ""
            if isinstance(raw, str):
                raw = raw.strip()
            return default if raw is None or raw == "" else convert(raw)

        return take


Taker = Callable[[Sequence[Any]], Any]


def _word(row: Sequence[Any], index: int) -> str:
    return cell_text(row[index]).strip() if index < len(row) else ""


def cell_text(raw: Any) -> str:
    """A cell as the text a person sees: whole numbers without ``.0``."""
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return unquoted(raw) if isinstance(raw, str) else "" if raw is None else str(raw)


def _converter(spec: Field, cell: Cell) -> Callable[[Any], Any]:
    """From a cell to what the write door takes for the field."""
    kind = BY_KIND.get(spec.value.kind, _plain)
    many = spec.many or spec.value.many
    options = {w: o.id for o in spec.options for w in (o.id, o.label.zh, o.label.en)}

    def convert(raw: Any) -> Any:
        if cell.values is not None:
            raw = cell.values.get(cell_text(raw), cell.otherwise if cell.otherwise is not None else raw)
        if options:
            words = [options.get(w.strip(), w.strip()) for w in cell_text(raw).split(",")]
            return words if many else options.get(cell_text(raw), cell_text(raw))
        if many and spec.value.kind is Kind.REFERENCE:
            return [_reference(one.strip(), cell) for one in cell_text(raw).split(",") if one.strip()]
        if cell.times is not None:
            return _scaled(raw, cell.times)
        return kind(raw, cell)

    return convert


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
    """``2026/3/1``, ``2026年3月1日``, ``2026-03-01 00:00:00.000``, ``20260301``."""
    if isinstance(raw, (datetime, date)) or not isinstance(raw, (str, float, int)):
        return raw
    text = cell_text(raw)
    found = DATES.match(text)
    if found:
        return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}"
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


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
