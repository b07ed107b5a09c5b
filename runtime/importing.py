"""Records from files: every row judged, bad ones told with line and reason, all or nothing unless asked otherwise.

Rows become values of the one write door, some thousand records a batch; nothing is checked here that it checks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from engine.model import Entity
from runtime import records, workflow
from runtime.context import RunContext
from runtime.errors import Fault, Forbidden, Invalid, UserError
from runtime.garbage import uncollected
from runtime.importing_cells import columns_read
from runtime.importing_doubles import alike, leave_same, leave_totals, same_keys
from runtime.importing_header import header_at, plain_word
from runtime.importing_mapping import FileMapping, guess_mapping
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
from runtime.importing_units import Units, units_of
from runtime.importing_words import heading_words
from runtime.messages import fault
from runtime.opening_guard import refuse_when_live
from runtime.permissions import demand, label_of
from runtime.record_columns import create_columns
from runtime.record_references import find
from runtime.spreadsheets import Sheet, Unreadable, read_sheet
from runtime.values import Lookup
from runtime.workflow_rights import may_all

BATCH = 2500
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
    units = units_of(ctx, entity, mapping, table, report.warnings)
    for start in range(0, len(units), BATCH):
        progress(start, len(units))
        _write(ctx, entity, mapping, units.part(start, start + BATCH), how, report)
    report.faults.sort(key=lambda f: (f.line, f.field))
    report.warnings.sort(key=lambda f: (f.line, f.field))


def _write(
    ctx: RunContext, entity: Entity, mapping: FileMapping, units: Units, how: ImportOptions, report: Report
) -> None:
    """One batch; those refused are told and the rest tried again without them."""
    known = _existing(ctx, entity, mapping, units)
    kind = records.HISTORY if how.as_history else "create"
    report.records += len(units)
    if not known:
        report.created += _attempt(ctx, units, report, partial(_made, ctx, entity, mapping, kind), fresh=True)
        return
    fresh = units.pick([place for place in range(len(units)) if place not in known])
    old = replace(units.pick(list(known)), known=list(known.values()))
    report.created += _attempt(ctx, fresh, report, partial(_made, ctx, entity, mapping, kind), fresh=True)
    report.updated += _attempt(ctx, old, report, partial(_changed, ctx, entity), fresh=False)


def _changed(ctx: RunContext, entity: Entity, units: Units) -> list[records.Saved]:
    """Records that exist, with what the file says of them."""
    pairs = zip(units.known, units.dicts(), strict=True)
    return records.update_many(ctx, entity.id, [(record, values, None) for record, values in pairs])


def _made(ctx: RunContext, entity: Entity, mapping: FileMapping, kind: str, units: Units) -> list[records.Saved]:
    """New records, with the transitions the mapping asks for."""
    strict = kind != records.HISTORY
    if units.columns is not None:
        saved = create_columns(ctx, entity.id, units.columns, len(units), kind=kind, strict=strict)
    else:
        saved = records.create_many(ctx, entity.id, units.dicts(), kind=kind, strict=strict)
    for transition in mapping.then:
        workflow.take_many(ctx, entity.id, [one.id for one in saved], transition)
    return saved


def _attempt(
    ctx: RunContext, units: Units, report: Report, write: Callable[[Units], list[records.Saved]], *, fresh: bool
) -> int:
    if not len(units):
        return 0
    savepoint = ctx.connection.begin_nested()
    try:
        saved = write(units)
    except records.Rejected as rejected:
        savepoint.rollback()
        for index, faults in rejected.by_record.items():
            report.faults.extend(_row_fault(units.lines[index], one) for one in faults)
        good = [place for place in range(len(units)) if place not in rejected.by_record]
        return _attempt(ctx, units.pick(good), report, write, fresh=fresh)
    except UserError as refused:
        savepoint.rollback()
        if len(units) == 1:
            report.faults.extend(_row_fault(units.lines[0], one) for one in refused.faults)
            return 0
        half = len(units) // 2
        halves = (units.part(0, half), units.part(half, len(units)))
        return sum(_attempt(ctx, some, report, write, fresh=fresh) for some in halves)
    savepoint.commit()
    report.ids.extend([one.id for one in saved])
    report.taken.extend(
        [Taken(lines, one.id, fresh, one.version) for lines, one in zip(units.lines, saved, strict=True)]
    )
    for lines, one in zip(units.lines, saved, strict=True):
        if one.warnings:
            report.warnings.extend(_row_fault(lines, told, "warn") for told in one.warnings)
    return len(saved)


def _row_fault(lines: Sequence[int], one: Fault, level: str = "error") -> RowFault:
    """A fault at the line of the file it comes from; ``lines.2.qty`` is the second of the record's rows."""
    parts = one.field.split(".")
    line = lines[0]
    if len(parts) > 2 and parts[1].isdigit() and int(parts[1]) <= len(lines):
        line = lines[int(parts[1]) - 1]
    path = ".".join(p for p in parts if not p.isdigit())
    return RowFault(line=line, field=path, code=one.code, message=one.message, level=level)


def _existing(ctx: RunContext, entity: Entity, mapping: FileMapping, units: Units) -> dict[int, int]:
    """Records to be changed instead of made, by the place of the unit."""
    if not mapping.match:
        return {}
    named = enumerate(units.column(mapping.match))
    keys = {place: Lookup(key=((mapping.match, value),)) for place, value in named if value}
    found = find(ctx, entity.id, set(keys.values()))
    return {place: found[key][0] for place, key in keys.items() if len(found.get(key, ())) == 1}
