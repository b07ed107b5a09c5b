"""Records from a spreadsheet: bring the file, see which column is what, see every row judged, then take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Entity
from engine.problems import MetadataError
from runtime import long_work
from runtime.app_source import Definition
from runtime.context import RunContext
from runtime.errors import Fault, Invalid, NotFound, UserError
from runtime.exporting import template
from runtime.importing import ImportOptions, import_file, sheet_of
from runtime.importing_fields import definition_with
from runtime.importing_kept import note_import
from runtime.importing_mapping import Cell, FileMapping, keep_mapping
from runtime.importing_outcome import Outcome, outcome_of
from runtime.importing_table import Table, table_of
from runtime.long_work import Result, Tell
from runtime.messages import fault
from runtime.permissions import demand
from runtime.spreadsheets import Sheet, write_csv
from web import uploads
from web.access import home, reading
from web.api.errors import status_of
from web.display import number
from web.downloads import sheet_response
from web.import_choice import Choice, choice_of, written
from web.import_view import Part, bring_view, judged_view, new_fields_view
from web.pages.records import entity_of
from web.render import render, tell
from web.texts import translator

INLINE = 1000
"""Rows of a file that are judged or taken while the page waits; more are worked on beside it, with a progress bar."""
TAKES = ("all", "good")
FORM = ("name", "token", "kept", "keep", "match")
COLUMN = ("map.", "create.", "const.", "type.", "label.", "by.")


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
        return render(ctx, "pages/import.html", **bring_view(ctx, found))


def import_step(entity: str) -> AnyResponse:
    """Look at the file, judge it, take it, keep the mapping, make new fields, or hand out the rows that are wrong."""
    form = {n: v for n, v in request.form.items() if n in FORM or n.startswith(COLUMN)}
    action = request.form.get("action", "look")
    try:
        with reading("import") as ctx:
            found = entity_of(ctx, entity)
            demand(ctx, found.id, "create")
            brought = _brought(ctx, found, form)
            form |= {"name": brought.name, "token": brought.token}
            choice = choice_of(ctx, found, table_of(brought.sheet), form)
            definition = definition_with(ctx, found, choice.fresh) if action == "fields" else None
            job = _job(ctx, found, brought, choice, action, form)
        if definition is not None:  # outside the transaction that read: the tables change
            return _publish(ctx, found, brought, choice, form, definition)
        if len(brought.sheet.rows) > INLINE and choice.mapping.cells and action != "errors":
            return _beside(ctx, found, job)
        result = _do(ctx, job, lambda done, of: None)
        token = long_work.keep(home().folder, ctx.user.account, result)
        return _show(found.id, result, token)
    except (UserError, MetadataError) as error:
        faults = (
            error.faults if isinstance(error, UserError) else [Fault(code="m", message=p.what) for p in error.problems]
        )
        with reading() as ctx:
            content = bring_view(ctx, entity_of(ctx, entity), tuple(f.message for f in faults))
            status = int(status_of(error)) if isinstance(error, UserError) else 422
            return render(ctx, "pages/import.html", status=status, **content)


def _brought(ctx: RunContext, entity: Entity, form: Mapping[str, str]) -> Brought:
    file = request.files.get("file")
    if file is not None and file.filename and not form.get("token"):
        name, content = file.filename, file.read()
        token = uploads.keep(home().folder, ctx.user.account, content)
    else:
        name, token = form.get("name", ""), form.get("token", "")
        kept = uploads.kept(home().folder, ctx.user.account, token)
        if kept is None:
            raise Invalid(fault(ctx, "import_empty"))
        content = kept
    return Brought(name=name, token=token, content=content, sheet=sheet_of(ctx, entity, content, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One step with a file: all that is needed to do it, here or beside the request."""

    entity: str
    brought: Brought
    mapping: FileMapping
    action: str
    form: Mapping[str, str]


def _job(
    ctx: RunContext, entity: Entity, brought: Brought, choice: Choice, action: str, form: Mapping[str, str]
) -> Job:
    kept = form if any(n.startswith("map.") for n in form) else {**form, **_as_form(choice, table_of(brought.sheet))}
    return Job(entity=entity.id, brought=brought, mapping=choice.mapping, action=action, form=kept)


def _as_form(choice: Choice, table: Table) -> dict[str, str]:
    """A choice as the form would say it."""
    places = {cell.column: (path, cell) for path, cell in choice.mapping.cells.items() if cell.column}
    form = {"match": choice.mapping.match, "kept": choice.kept}
    if choice.by_hand:
        return form
    for index, heading in enumerate(table.columns):
        path, cell = places.get(heading, ("", Cell()))
        form[f"map.{index}"] = path
        if cell.create:
            form[f"create.{index}"] = "1"
        if heading in choice.by_content:
            form[f"by.{index}"] = "1"
    consts = {p: str(c.constant) for p, c in choice.mapping.cells.items() if not c.column and c.constant is not None}
    return form | {f"const.{path}": value for path, value in consts.items()}


def _do(ctx: RunContext, job: Job, progress: Tell) -> Result:
    """Judge or take the file in a transaction of its own."""
    if not job.mapping.cells:
        return {"form": dict(job.form), "action": "look", "outcome": None}
    takes = job.action in TAKES
    how = ImportOptions(dry_run=not takes, partial=job.action == "good")

    def work(connection: Any) -> Outcome:
        acting = replace(ctx, connection=connection, source="import", settings=None)
        report = import_file(
            acting, job.entity, job.brought.content, job.brought.name, job.mapping, how, progress=progress
        )
        done = 0
        if takes and report.written:
            kept = written(job.mapping) if job.mapping.recognise else ""
            done = note_import(acting, job.entity, job.brought.name, report, kept)
            if kept:
                keep_mapping(acting, job.entity, _keep_as(job), kept)
        return outcome_of(report, done)

    outcome = ctx.app.database.run(work)
    return {"form": dict(job.form), "action": job.action, "outcome": outcome}


def _keep_as(job: Job) -> str:
    """The name of the mapping: the one given, the one it was taken from, else the file's."""
    named = job.form.get("keep", "").strip() or job.form.get("kept", "").strip("-")
    return (named or PurePath(job.brought.name).stem or job.entity)[:60]


def _beside(ctx: RunContext, entity: Entity, job: Job) -> AnyResponse:
    t = translator(ctx.language)
    words = t("正在导入", "Importing") if job.action in TAKES else t("正在逐行检查", "Judging every row")
    said = f"{words} · {job.brought.name}"
    token = long_work.begin(
        home().folder, ctx.user.account, said, lambda told: _do(ctx, job, told), language=ctx.language
    )
    return redirect(url_for("pages.import_work", entity=entity.id, token=token), code=303)


def import_work(entity: str, token: str) -> AnyResponse:
    """How far a long step is; once it is done, what came of it. ``show`` narrows the rows to one verdict."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "create")
        work = long_work.work_of(home().folder, ctx.user.account, token)
        if work is None:
            raise NotFound(fault(ctx, "no_such_page", given=token[:20]))
        if work.state == "failed":
            return render(ctx, "pages/import.html", status=422, **bring_view(ctx, found, tuple(work.errors)))
        if work.state == "working":
            t = translator(ctx.language)
            return render(ctx, "pages/work.html", title=t("请稍候", "One moment"), work=work, here=request.path)
        if request.headers.get("HX-Request"):
            return Response(status=204, headers={"HX-Redirect": request.path})
    return _show(found.id, work.result, token)


def _show(entity: str, result: Result, token: str) -> AnyResponse:
    """The page after a step."""
    outcome, form = result["outcome"], result["form"]
    with reading() as ctx:
        found = entity_of(ctx, entity)
        brought = _brought(ctx, found, form)
        if result["action"] == "errors":
            return _errors(found, ctx, brought, outcome)
        if result["action"] in TAKES and outcome and outcome["written"]:
            return _taken(ctx, found, outcome)
        table = table_of(brought.sheet)
        choice = choice_of(ctx, found, table, form)
        fresh = _wanted(ctx, found, choice)
    added, problems = _previewed(ctx, fresh)
    with reading() as ctx:
        show = request.args.get("show", "")
        content = judged_view(
            ctx, found, table, choice, outcome, form, work=token, show=show, added=added, problems=problems
        )
        return render(ctx, "pages/import.html", **content)


def _wanted(ctx: RunContext, entity: Entity, choice: Choice) -> tuple[Definition | None, int, list[str]]:
    """The definition with the new fields that were chosen, or why there can be none."""
    if not choice.fresh:
        return None, 0, []
    try:
        return definition_with(ctx, entity, choice.fresh), len(choice.fresh), []
    except UserError as error:
        return None, 0, [one.message for one in error.faults]


def _previewed(ctx: RunContext, wanted: tuple[Definition | None, int, list[str]]) -> tuple[Part | None, list[str]]:
    definition, count, problems = wanted
    if definition is None:
        return None, problems
    try:
        return new_fields_view(ctx.app.name, ctx.language, home(), definition, count), []
    except MetadataError as error:
        return None, [problem.what for problem in error.problems]


def _publish(
    ctx: RunContext, entity: Entity, brought: Brought, choice: Choice, form: Mapping[str, str], definition: Definition
) -> AnyResponse:
    """New fields for columns that have none: the app's next version; then the columns are theirs."""
    t = translator(ctx.language)
    if not choice.fresh:
        raise Invalid(fault(ctx, "import_field_type", given="–"))
    labels = t("、", ", ").join(each.label for each in choice.fresh)
    change = home().publish(
        ctx.app.name,
        definition,
        note=t(f"从 {brought.name} 加字段：{labels}", f"Fields from {brought.name}: {labels}"),
        account=ctx.user.account,
        expected=ctx.app.version,
    )
    tell(
        "done",
        t(f"已加字段：{labels}（版本 {change.version}）", f"Fields added: {labels} (version {change.version})"),
        url_for("pages.versions") if change.version else "",
        t("看版本", "Versions"),
    )
    ids = {each.column: each.id for each in choice.fresh}
    headings = list(table_of(brought.sheet).columns)
    named = {f"map.{headings.index(column)}": id for column, id in ids.items()}
    kept = {n: v for n, v in form.items() if not n.startswith(("type.", "label."))} | named
    result = {"form": kept, "action": "look", "outcome": None}
    token = long_work.keep(home().folder, ctx.user.account, result)
    return redirect(url_for("pages.import_again", entity=entity.id, token=token), code=303)


def import_again(entity: str, token: str) -> AnyResponse:
    """The step after the definition has changed: judged by the new one."""
    with reading("import") as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "create")
        work = long_work.work_of(home().folder, ctx.user.account, token)
        if work is None:
            raise NotFound(fault(ctx, "no_such_page", given=token[:20]))
        form = work.result["form"]
        brought = _brought(ctx, found, form)
        choice = choice_of(ctx, found, table_of(brought.sheet), form)
        job = _job(ctx, found, brought, choice, "look", form)
    if len(brought.sheet.rows) > INLINE:
        return _beside(ctx, found, job)
    result = _do(ctx, job, lambda done, of: None)
    return _show(found.id, result, long_work.keep(home().folder, ctx.user.account, result))


def _errors(entity: Entity, ctx: RunContext, brought: Brought, outcome: Outcome) -> Response:
    """The wrong rows as they were brought, with the reason, to be mended and brought again."""
    reasons: dict[int, list[str]] = {}
    for line, _field, message, level, _code in outcome["told"]:
        if level == "error":
            reasons.setdefault(line, []).append(message)
    t = translator(ctx.language)
    header = [*brought.sheet.header, t("原因", "Reason")]
    rows: list[Sequence[Any]] = []
    for line, row in enumerate(brought.sheet.rows, brought.sheet.first_line):
        if outcome["lines"].get(str(line)) == "wrong":
            padded = [*row, *[""] * (len(brought.sheet.header) - len(row))]
            rows.append([*padded, t("；", "; ").join(reasons.get(line, ()))])
    name = t(f"{entity.label.zh}-有错的行", f"{entity.label.en} wrong rows")
    return sheet_response(name, "csv", lambda _kind: write_csv(header, rows))


def _taken(ctx: RunContext, entity: Entity, outcome: Outcome) -> AnyResponse:
    t = translator(ctx.language)
    done = number(outcome["created"] + outcome["updated"])
    tell(
        "done",
        t(f"已导入 {done} 条{entity.label.zh}", f"{done} imported: {entity.label.en.lower()}"),
        url_for("pages.import_record", number=outcome["import"]),
        t("撤销…", "Undo…"),
    )
    if outcome["wrong"]:
        bad = number(outcome["wrong"])
        tell("info", t(f"{bad} 行有错，没有导入", f"{bad} rows were wrong and left out"))
    return redirect(url_for("pages.records", entity=entity.id), code=303)


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
    pages.add_url_rule("/e/<entity>/import/at/<token>", "import_work", import_work)
    pages.add_url_rule("/e/<entity>/import/again/<token>", "import_again", import_again)
