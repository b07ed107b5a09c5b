"""Records from a spreadsheet: bring the file, see which column is what, see every row judged, then take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Entity
from runtime.context import RunContext
from runtime.errors import Forbidden, Invalid, UserError
from runtime.exporting import template
from runtime.importing import ImportOptions, Report, import_file
from runtime.importing_mapping import (
    Cell,
    FileMapping,
    guess_mapping,
    importable,
    keep_mapping,
    kept_mapping,
    kept_mappings,
)
from runtime.messages import fault
from runtime.permissions import demand
from runtime.spreadsheets import Sheet, Unreadable, read_sheet, write_csv
from web import uploads
from web.access import home, reading, writing
from web.display import number
from web.downloads import sheet_response
from web.pages.records import entity_of
from web.render import render, tell
from web.texts import translator

Part = dict[str, Any]
SHOWN_ROWS = 30
SHOWN_FAULTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """The file of this step."""

    name: str
    token: str
    content: bytes
    sheet: Sheet


def import_page(entity: str) -> AnyResponse:
    """Where a file is brought."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "create")
        return _page(ctx, found)


def import_step(entity: str) -> AnyResponse:
    """Look at the file, judge it, take it, keep the mapping, or hand out the rows that are wrong."""
    action = request.form.get("action", "look")
    try:
        with writing("import") as ctx:  # also judged by writing, and undone
            found = entity_of(ctx, entity)
            demand(ctx, found.id, "create")
            brought = _brought(ctx)
            mapping = _mapping(ctx, found, brought.sheet)
            how = ImportOptions(dry_run=action not in TAKES, partial=action == "good")
            report = import_file(ctx, found.id, brought.content, brought.name, mapping, how) if mapping.cells else None
            if action == "errors" and report is not None:
                return _errors(found, ctx, brought, report)
            if action in TAKES and report is not None and report.written:
                return _taken(ctx, found, mapping, report)
            return _page(ctx, found, brought, mapping, report)
    except Forbidden:
        raise
    except UserError as error:
        with reading() as ctx:
            return _page(ctx, entity_of(ctx, entity), problems=tuple(f.message for f in error.faults), status=422)


TAKES = ("all", "good")


def _brought(ctx: RunContext) -> Brought:
    file = request.files.get("file")
    if file is not None and file.filename:
        name, content = file.filename, file.read()
        token = uploads.keep(home().folder, ctx.user.account, content)
    else:
        name, token = request.form.get("name", ""), request.form.get("token", "")
        kept = uploads.kept(home().folder, ctx.user.account, token)
        if kept is None:
            raise Invalid(fault(ctx, "import_empty"))
        content = kept
    try:
        return Brought(name=name, token=token, content=content, sheet=read_sheet(content, name))
    except Unreadable as error:
        raise Invalid(fault(ctx, "import_unreadable", reason=error.args[0])) from None


def _mapping(ctx: RunContext, entity: Entity, sheet: Sheet) -> FileMapping:
    """The mapping chosen on the page, a kept one, else what the headings say."""
    kept = request.form.get("kept", "")
    found = kept_mapping(ctx, entity.id, kept) if kept else None
    if found is not None:
        return found
    allowed = {path for path, _ in importable(ctx, entity)}
    cells: dict[str, Cell] = {}
    for index, heading in enumerate(sheet.header):
        path = request.form.get(f"map.{index}")
        path = _guess(ctx, entity, heading) if path is None else path
        if heading and path in allowed:
            cells.setdefault(path, Cell(column=heading))
    group = _group(cells)
    match = "code" if request.form.get("match") == "1" and "code" in cells else ""
    return FileMapping(entity=entity.id, cells=cells, group=group, match=match)


def _group(cells: dict[str, Cell]) -> tuple[str, ...]:
    """Rows of one record agree in its code, else in everything its head says."""
    if not any("." in path for path in cells):
        return ()
    if "code" in cells:
        return (cells["code"].column,)
    return tuple(cell.column for path, cell in cells.items() if "." not in path)


def _guess(ctx: RunContext, entity: Entity, heading: str) -> str:
    try:
        return next(iter(guess_mapping(ctx, entity, [heading]).cells), "")
    except Invalid:
        return ""


def _page(
    ctx: RunContext,
    entity: Entity,
    brought: Brought | None = None,
    mapping: FileMapping | None = None,
    report: Report | None = None,
    *,
    problems: tuple[str, ...] = (),
    status: int = 200,
) -> Response:
    t = translator(ctx.language)
    paths = _choices(ctx, entity)
    chosen = {cell.column: path for path, cell in mapping.cells.items()} if mapping else {}
    return render(
        ctx,
        "pages/import.html",
        title=t(f"导入{entity.label.zh}", f"Import {entity.label.en.lower()}"),
        status=status,
        entity=entity.id,
        crumb={"label": entity.label.get(ctx.language), "url": url_for("pages.records", entity=entity.id)},
        problems=[{"label": "", "message": p} for p in problems],
        kept=kept_mappings(ctx, entity.id),
        brought=brought,
        columns=[{"heading": h, "path": chosen.get(h, "")} for h in brought.sheet.header] if brought else [],
        paths=paths,
        match=bool(mapping and mapping.match),
        rows=_rows(brought.sheet, report) if brought else [],
        report=_verdict(ctx, report),
        faults=_faults(ctx, entity, report),
        fields=[label for _, label in paths][:40],
    )


def _choices(ctx: RunContext, entity: Entity) -> list[tuple[str, str]]:
    """Every field a column can go to, with its name."""
    found = []
    for path, field in importable(ctx, entity):
        first, _, rest = path.partition(".")
        label = field.label.get(ctx.language)
        found.append((path, f"{entity.fields[first].label.get(ctx.language)} · {label}" if rest else label))
    return found


def _rows(sheet: Sheet, report: Report | None) -> list[Part]:
    wrong: dict[int, str] = {}
    for one in report.faults if report else ():
        wrong.setdefault(one.line, one.message)
    return [
        {"line": line, "cells": [str(c) if c is not None else "" for c in row], "wrong": wrong.get(line, "")}
        for line, row in enumerate(sheet.rows[:SHOWN_ROWS], sheet.first_line)
    ]


def _verdict(ctx: RunContext, report: Report | None) -> Part | None:
    if report is None:
        return None
    bad = len({f.line for f in report.faults})
    return {
        "good": report.created + report.updated,
        "bad": bad,
        "said": _said(ctx, report, bad),
    }


def _said(ctx: RunContext, report: Report, bad: int) -> str:
    """What would come of it, in one line."""
    rows, made, new, changed = (number(n) for n in (report.rows, report.records, report.created, report.updated))
    chinese = f"{rows} 行，{made} 条：新建 {new}，更新 {changed}，有错 {number(bad)}"
    english = f"{rows} rows, {made} records: {new} new, {changed} changed, {number(bad)} wrong"
    return translator(ctx.language)(chinese, english)


def _faults(ctx: RunContext, entity: Entity, report: Report | None) -> list[Part]:
    if report is None:
        return []
    labels = dict(_choices(ctx, entity))
    every = [*report.faults, *report.warnings][:SHOWN_FAULTS]
    return [
        {"line": f.line, "field": labels.get(f.field, f.field), "message": f.message, "level": f.level} for f in every
    ]


def _errors(entity: Entity, ctx: RunContext, brought: Brought, report: Report) -> Response:
    """The wrong rows as they were brought, with the reason, to be mended and brought again."""
    reasons: dict[int, list[str]] = {}
    for one in report.faults:
        reasons.setdefault(one.line, []).append(one.message)
    t = translator(ctx.language)
    header = [*brought.sheet.header, t("原因", "Reason")]
    rows: list[Sequence[Any]] = []
    for line, row in enumerate(brought.sheet.rows, brought.sheet.first_line):
        if line in reasons:
            padded = [*row, *[""] * (len(brought.sheet.header) - len(row))]
            rows.append([*padded, t("；", "; ").join(reasons[line])])
    name = t(f"{entity.label.zh}-有错的行", f"{entity.label.en} wrong rows")
    return sheet_response(name, "csv", lambda _kind: write_csv(header, rows))


def _taken(ctx: RunContext, entity: Entity, mapping: FileMapping, report: Report) -> AnyResponse:
    t = translator(ctx.language)
    name = request.form.get("keep", "").strip()[:60]
    if name:
        keep_mapping(ctx, entity.id, name, _written(entity, mapping))
    done = report.created + report.updated
    tell("done", t(f"已导入 {number(done)} 条{entity.label.zh}", f"{number(done)} imported: {entity.label.en.lower()}"))
    if report.faults:
        bad = len({f.line for f in report.faults})
        tell("info", t(f"{bad} 行有错，没有导入", f"{bad} rows were wrong and left out"))
    return redirect(request.form.get("back") or url_for("pages.records", entity=entity.id), code=303)


def _written(entity: Entity, mapping: FileMapping) -> str:
    """A mapping as it is kept."""
    data: dict[str, Any] = {"entity": entity.id, "fields": {path: cell.column for path, cell in mapping.cells.items()}}
    if mapping.group:
        data["group"] = list(mapping.group)
    if mapping.match:
        data["match"] = mapping.match
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)


def import_template(entity: str) -> AnyResponse:
    """An empty sheet with the right headings."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        content = template(ctx, found.id)
        return sheet_response(found.label.get(ctx.language), "xlsx", lambda _kind: content)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/e/<entity>/import", "import_page", import_page)
    pages.add_url_rule("/e/<entity>/import", "import_step", import_step, methods=["POST"])
    pages.add_url_rule("/e/<entity>/import/template", "import_template", import_template)
