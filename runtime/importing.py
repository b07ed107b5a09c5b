"""Records from files: every row judged, bad ones told with line and reason, all or nothing unless asked otherwise.

Rows become values of the one write door, a thousand records a batch; nothing is checked here that it checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.model import Entity
from runtime import records, workflow
from runtime.context import RunContext
from runtime.errors import Fault, Forbidden, Invalid, UserError
from runtime.garbage import uncollected
from runtime.importing_cells import columns_read, values_of
from runtime.importing_doubles import alike, leave_same, leave_totals, same_keys
from runtime.importing_header import header_at, plain_word
from runtime.importing_mapping import FileMapping, field_at, guess_mapping
from runtime.importing_refine import refine
from runtime.importing_rules import PERIOD_FROM, PERIOD_TO
from runtime.importing_table import (
    Files,
    RowFault,
    Table,
    cut_periods,
    join,
    leave_out,
    remarks,
    table_of,
)
from runtime.importing_words import heading_words
from runtime.messages import fault
from runtime.opening_guard import refuse_when_live
from runtime.permissions import demand, label_of
from runtime.record_references import find
from runtime.spreadsheets import Sheet, Unreadable, read_sheet
from runtime.values import Lookup
from runtime.workflow_rights import may_all

BATCH = 1000
Row = dict[str, Any]
Progress = Callable[[int, int], None]


def silent(done: int, of: int) -> None:
    """Nobody waits to hear how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """``dry_run``: judge only. ``partial``: keep the good ones. ``as_history``: documents in their final state."""

    dry_run: bool = False
    partial: bool = False
    as_history: bool = False


@dataclass(slots=True)
class Report:
    """What came of it. ``written``: whether anything was kept.

    ``rows``: rows of the file; ``skipped``: those the mapping leaves out, each told in ``left_out`` with its reason.
    ``warnings``: what to look at in rows that were taken. ``made``: other records that rows named and that were made.
    """

    rows: int = 0
    records: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    written: bool = False
    faults: list[RowFault] = field(default_factory=list)
    warnings: list[RowFault] = field(default_factory=list)
    left_out: list[RowFault] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    made: list[tuple[str, int]] = field(default_factory=list)


class Taken(NamedTuple):
    """A record that came of rows: their lines in the file, its id, whether it is new, its version as written."""

    lines: Sequence[int]
    record: int
    fresh: bool
    version: int


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
    *,
    files: Files | None = None,
    progress: Progress = silent,
) -> Report:
    """Read a file into records of ``entity``, in the caller's transaction; undone inside it when nothing is to stay.

    ``files`` gives the further files that the mapping joins. ``progress`` hears how many records are done, of how many.
    """
    how = options or ImportOptions()
    described = records.entity_of(ctx, entity)
    _check_right(ctx, entity, how)
    sheet = sheet_of(ctx, described, content, name, mapping)
    used = mapping or guess_mapping(ctx, described, sheet.header, history=how.as_history)
    if used.then and how.as_history:
        raise Invalid(fault(ctx, "import_history_then"))
    report = Report()
    with uncollected():
        table = _prepared(ctx, used, table_of(sheet), report, files)
        savepoint = ctx.connection.begin_nested()
        used = _understood(ctx, described, used, table, report)
        _take(ctx, described, used, table, how, report, progress)
    report.written = bool(report.created or report.updated) and not (how.dry_run or (report.faults and not how.partial))
    if report.written:
        savepoint.commit()
    else:
        savepoint.rollback()  # also what rows only named: without a row that was taken nobody could undo it
    return report


def sheet_of(ctx: RunContext, entity: Entity, content: bytes, name: str, mapping: FileMapping | None = None) -> Sheet:
    """The table in a file, below whatever titles stand above its headings."""
    named = mapping is not None and not mapping.recognise
    known = {plain_word(c) for cell in mapping.cells.values() for c in columns_read(cell)} if mapping else set()
    known = known or set(heading_words(ctx, entity))
    try:
        finder = None if named else lambda rows: header_at(rows, known)
        sheet = read_sheet(content, name, mapping.sheet if mapping else "", finder)
    except Unreadable as error:
        raise Invalid(fault(ctx, "import_unreadable", reason=error.args[0])) from None
    if not sheet.rows:
        raise Invalid(fault(ctx, "import_empty"))
    return sheet


def _understood(ctx: RunContext, entity: Entity, mapping: FileMapping, table: Table, report: Report) -> FileMapping:
    """Words as people write them; rows that are totals or stand there twice go, and are told."""
    if mapping.recognise:
        report.left_out += [*leave_totals(ctx, table), *leave_same(ctx, mapping, table)]
        report.skipped = len(report.left_out)
    refined = refine(ctx, entity, mapping, table)
    report.made, wrong = refined.made, {one.line for one in refined.faults}
    report.faults += refined.faults
    if wrong:
        table.keep([at for at, line in enumerate(table.lines) if line not in wrong])
    if mapping.recognise:
        report.faults += same_keys(ctx, entity, refined.mapping, table)
        report.warnings += alike(ctx, entity, refined.mapping, table)
    return refined.mapping


def _check_right(ctx: RunContext, entity: str, how: ImportOptions) -> None:
    demand(ctx, entity, "create")
    refuse_when_live(ctx, entity)
    if how.as_history and not (ctx.user.is_system or may_all(ctx)):
        raise Forbidden(
            fault(
                ctx,
                "forbidden",
                action="导入历史" if ctx.language == "zh" else "import the history of",
                label=label_of(ctx, entity),
            )
        )


def _prepared(ctx: RunContext, mapping: FileMapping, table: Table, report: Report, files: Files | None) -> Table:
    """The rows that are to become records, with all columns the mapping reads."""
    report.rows = len(table.lines)
    early = [rule for rule in mapping.skip if all(name in table.columns for name in rule.columns)]
    report.left_out = leave_out(ctx, table, early)  # what goes needs no partner in the joined files
    join(ctx, table, mapping.joins, files)
    _check_columns(ctx, mapping, table)
    report.left_out += leave_out(ctx, table, [rule for rule in mapping.skip if rule not in early])
    report.skipped = len(report.left_out)
    report.warnings = remarks(ctx, table, mapping.tell)
    if mapping.periods is not None:
        cut_periods(ctx, table, mapping.periods, mapping.group)
    report.faults = table.faults
    return table


def _check_columns(ctx: RunContext, mapping: FileMapping, table: Table) -> None:
    """Every column that the mapping names is there."""
    needed = [name for cell in mapping.cells.values() for name in columns_read(cell)]
    needed += mapping.group
    needed += [name for rule in (*mapping.skip, *mapping.tell) for name in rule.columns]
    made: set[str] = set()
    if mapping.periods is not None:
        needed += [mapping.periods.begins, mapping.periods.ends]
        made = {PERIOD_FROM, PERIOD_TO}
    missing = [n for n in dict.fromkeys(needed) if n not in table.columns and n not in made]
    if missing:
        raise Invalid(*(fault(ctx, "import_column", n[:60], given=n[:60], hint="") for n in missing))


def _take(
    ctx: RunContext, entity: Entity, mapping: FileMapping, table: Table, how: ImportOptions, report: Report,
    progress: Progress,
) -> None:  # fmt: skip
    units = list(_units(ctx, entity, mapping, table, report))
    for start in range(0, len(units), BATCH):
        progress(start, len(units))
        _write(ctx, entity, mapping, units[start : start + BATCH], how, report)
    report.faults.sort(key=lambda f: (f.line, f.field))
    report.warnings.sort(key=lambda f: (f.line, f.field))


def _write(
    ctx: RunContext, entity: Entity, mapping: FileMapping, units: list[_Unit], how: ImportOptions, report: Report
) -> None:
    """One batch; those refused are told and the rest tried again without them."""
    known = _existing(ctx, entity, mapping, units)
    fresh = [u for u in units if id(u) not in known]
    old = [u for u in units if id(u) in known]
    kind = records.HISTORY if how.as_history else "create"
    report.records += len(units)
    report.created += _attempt(ctx, fresh, report, lambda some: _made(ctx, entity, mapping, some, kind), fresh=True)
    report.updated += _attempt(
        ctx,
        old,
        report,
        lambda some: records.update_many(ctx, entity.id, [(known[id(u)], u.values, None) for u in some]),
        fresh=False,
    )


def _made(
    ctx: RunContext, entity: Entity, mapping: FileMapping, units: Sequence[_Unit], kind: str
) -> list[records.Saved]:
    """New records, with the transitions the mapping asks for."""
    values = [u.values for u in units]
    saved = records.create_many(ctx, entity.id, values, kind=kind, strict=kind != records.HISTORY)
    for transition in mapping.then:
        workflow.take_many(ctx, entity.id, [one.id for one in saved], transition)
    return saved


def _attempt(
    ctx: RunContext, units: list[_Unit], report: Report, write: Callable[[list[_Unit]], list[records.Saved]], *,
    fresh: bool,
) -> int:  # fmt: skip
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
        return _attempt(ctx, good, report, write, fresh=fresh)
    except UserError as refused:
        savepoint.rollback()
        if len(units) == 1:
            report.faults.extend(_row_fault(units[0], one) for one in refused.faults)
            return 0
        half = len(units) // 2
        return sum(_attempt(ctx, some, report, write, fresh=fresh) for some in (units[:half], units[half:]))
    savepoint.commit()
    for unit, one in zip(units, saved, strict=True):
        report.ids.append(one.id)
        report.taken.append(Taken(unit.lines, one.id, fresh, one.version))
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


# --- rows into records ---------------------------------------------------------------------------------------


def _units(ctx: RunContext, entity: Entity, mapping: FileMapping, table: Table, report: Report) -> Iterable[_Unit]:
    """The records of the file; rows of one group need not stand together."""
    head: dict[str, Sequence[Any]] = {}
    inner: dict[str, dict[str, Sequence[Any]]] = {}
    for path, cell in mapping.cells.items():
        spec = field_at(ctx, entity, path)
        assert spec is not None
        lines, _, name = path.rpartition(".")
        (inner.setdefault(lines, {}) if lines else head)[name] = values_of(spec, cell, table)
    heads = _dicts(head, len(table.lines))
    lines_of = {name: _dicts(columns, len(table.lines)) for name, columns in inner.items()}
    if not mapping.group:
        for row, line in enumerate(table.lines):
            for name, dicts in lines_of.items():
                heads[row][name] = [dicts[row]] if dicts[row] else []
            yield _Unit(heads[row], line, [line])
        return
    keys = _group_keys(mapping, table)
    report.warnings.extend(_differing(ctx, entity, table, keys, head))
    yield from _grouped(table, keys, heads, lines_of)


def _differing(
    ctx: RunContext, entity: Entity, table: Table, keys: Sequence[tuple[str, ...]], head: dict[str, Sequence[Any]]
) -> Iterable[RowFault]:
    """Rows whose values of the record itself are not those of the first row of the record: the first holds."""
    first: dict[tuple[str, ...], int] = {}
    leading = [first.setdefault(key, row) for row, key in enumerate(keys)]
    for name, column in head.items():
        for row, lead in enumerate(leading):
            if row != lead and column[row] != column[lead] and column[row] is not None:
                label = entity.fields[name].label.get(ctx.language)
                told = fault(ctx, "import_differs", label=label, given=_shown(column[row]), first=_shown(column[lead]))
                yield RowFault(line=table.lines[row], field=name, code=told.code, message=told.message, level="warn")


def _shown(value: Any) -> str:
    return str(next(iter(value.values())) if isinstance(value, dict) else "" if value is None else value)[:40]


def _group_keys(mapping: FileMapping, table: Table) -> list[tuple[str, ...]]:
    names = [*mapping.group, *([PERIOD_FROM] if mapping.periods is not None else [])]
    return table.keys(names)


def _grouped(
    table: Table, keys: Sequence[tuple[str, ...]], heads: list[Row], lines_of: dict[str, list[Row]]
) -> Iterator[_Unit]:
    made: dict[tuple[str, ...], _Unit] = {}
    for row, (key, line) in enumerate(zip(keys, table.lines, strict=True)):
        unit = made.get(key)
        if unit is None:
            unit = made[key] = _Unit({**heads[row], **{name: [] for name in lines_of}}, line, [])
        for name, dicts in lines_of.items():
            if dicts[row]:
                unit.values[name].append(dicts[row])
        unit.lines.append(line)
    yield from made.values()


def _dicts(columns: dict[str, Sequence[Any]], count: int) -> list[Row]:
    """Columns as one dict a row, without what is not given."""
    if not columns:
        return [{} for _ in range(count)]
    names = tuple(columns)
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*columns.values(), strict=True)
    ]
