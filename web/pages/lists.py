"""Lists of records: looked at, filtered, saved as views, exported, worked on in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Entity, View
from runtime import records, workflow
from runtime.context import RunContext
from runtime.errors import Malformed, UserError
from runtime.exporting import export_list
from runtime.permissions import demand, rights
from runtime.queries import Page, list_records
from runtime.query_columns import ListColumn, column_of
from runtime.query_filters import Filter
from runtime.row_marks import row_marks
from runtime.saved_views import SavedView, drop_view, save_view, saved_views
from web import list_page
from web.access import reading, writing
from web.downloads import sheet_response
from web.list_boards import board_view, calendar_view
from web.list_cells import render_rows, summed_label
from web.list_query import Asked, asked, described
from web.pages.records import entity_of
from web.render import render, tell
from web.texts import translator

MOST_BULK = 500


def list_records_page(entity: str) -> AnyResponse:
    """The list of an entity."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "read")
        base = url_for("pages.records", entity=found.id)
        question = asked(base, request.args)
        view = list_page.view_of(found, question.view)
        if view is not None and view.type == "board":
            return _other(ctx, found, question, view, "pages/board.html", board_view(ctx, found, view, question))
        if view is not None and view.type == "calendar":
            return _other(ctx, found, question, view, "pages/calendar.html", calendar_view(ctx, found, view, question))
        return _list(ctx, found, question, view)


def _list(ctx: RunContext, entity: Entity, question: Asked, view: View | None) -> Response:
    chosen = [c for c in g.person.prefs.get(f"columns:{entity.id}", ()) if _column(ctx, entity, c) is not None]
    own_view = question.view in ("", next(iter(entity.views), ""))
    picked = chosen if own_view else []
    paths = list_page.wanted_fields(entity, view, picked)
    paths = [p for p in paths if _column(ctx, entity, p) is not None]
    page = list_records(ctx, entity.id, question.query(paths))
    columns = list_page.visible_columns(entity, page, picked, view)
    order = question.sort or (view.sort if view else ())
    filters = list_page.filterable(ctx, entity, view)
    named = {
        p: c for p in {*filters, *(f.path for f in question.filters)} if (c := _column(ctx, entity, p)) is not None
    }
    chips = list_page.filter_chips(ctx, entity, question, named)
    filtered = bool(question.filters or question.q)
    saved = saved_views(ctx, entity.id)
    title, text = list_page.empty_words(ctx, entity)
    actions, primary = list_page.bulk_actions(ctx, entity, deleted=question.deleted)
    return render(
        ctx,
        "pages/list.html",
        title=entity.label.get(ctx.language),
        entity=entity.id,
        icon=entity.icon or "file-text",
        asked=question,
        tabs=list_page.tabs(ctx, entity, question, saved, page.count),
        may_create=rights(ctx, entity.id).may("create"),
        may_export=rights(ctx, entity.id).may("export"),
        chips=chips,
        way_back=list_page.way_back(ctx, entity, question, chips) if filtered and not page.rows else {},
        sum_label=summed_label(columns),
        drop_view=_drop_url(entity, saved),
        add=list_page.add_menu(ctx, entity, question, filters, named),
        editor=list_page.filter_editor(ctx, question, named.get(request.args.get("add", ""))),
        columns=list_page.column_menu(ctx, entity, [c.path for c in columns]),
        switch=list_page.kinds(ctx, entity, question),
        heads=list_page.heads(question, columns, order),
        rows=_rows(ctx, entity, page, columns, view),
        page=page,
        totals=list_page.totals_row(ctx, columns, page),
        counted=list_page.counted(ctx, page.count),
        sizes=list_page.sizes(ctx, question),
        next_url=question.url() + ("&" if "?" in question.url() else "?") + f"cursor={page.next}" if page.next else "",
        bulk=actions,
        primary=primary,
        filtered=filtered,
        empty_title=title,
        empty_text=text,
        new_label=translator(ctx.language)(f"新建{entity.label.zh}", f"New {entity.label.en.lower()}"),
        changed=bool(question.filters or question.sort or question.q),
    )


def _drop_url(entity: Entity, saved: Sequence[SavedView]) -> str:
    """Where the saved view on show is dropped; nothing for one of somebody else."""
    shown = request.args.get("saved", "")
    mine = any(view.mine and str(view.id) == shown for view in saved)
    return url_for("pages.forget_view", entity=entity.id, id=int(shown)) if mine else ""


def _rows(ctx: RunContext, entity: Entity, page: Page, columns: Sequence[ListColumn], view: View | None) -> Any:
    """Rows as HTML; columns that are only helpers come after the shown ones."""
    base = url_for("pages.records", entity=entity.id)
    shown = [c.path for c in columns]
    order = [*shown, *(c.path for c in page.columns if c.path not in shown)]
    place = {c.path: i + 1 for i, c in enumerate(page.columns)}
    if [c.path for c in page.columns] != order:
        rows = [(row[0], *(row[place[p]] for p in order)) for row in page.rows]
    else:
        rows = page.rows
    by_path = {c.path: c for c in page.columns}
    marks = row_marks(ctx, view, [row[0] for row in rows]) if view is not None else {}
    return render_rows(ctx, entity, [by_path[p] for p in order], rows, base, len(shown), marks=marks)


def _column(ctx: RunContext, entity: Entity, path: str) -> ListColumn | None:
    try:
        return column_of(ctx, entity.id, path)
    except Malformed:
        return None


def _other(ctx: RunContext, entity: Entity, question: Asked, view: View, template: str, content: Any) -> Response:
    return render(
        ctx,
        template,
        title=entity.label.get(ctx.language),
        entity=entity.id,
        asked=question,
        tabs=list_page.tabs(ctx, entity, question, saved_views(ctx, entity.id), None),
        switch=list_page.kinds(ctx, entity, question),
        may_create=rights(ctx, entity.id).may("create"),
        new_label=translator(ctx.language)(f"新建{entity.label.zh}", f"New {entity.label.en.lower()}"),
        content=content,
    )


# --- export, views, bulk ---------------------------------------------------------------------------------------


def export(entity: str) -> AnyResponse:
    """The list as one sees it, as a spreadsheet (``format=csv`` or ``xlsx``)."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "export")
        question = asked(url_for("pages.records", entity=found.id), request.args)
        view = list_page.view_of(found, question.view)
        chosen = [c for c in g.person.prefs.get(f"columns:{found.id}", ()) if _column(ctx, found, c) is not None]
        paths = [p for p in (chosen or (view.columns if view else ())) if _column(ctx, found, p) is not None]
        filters = question.filters
        ids = tuple(i for i in request.args.get("ids", "").split(",") if i.isdigit())
        if ids:
            filters = (*filters, Filter("id", "in", ids))
        query = replace(question.query(paths), filters=filters)
        return sheet_response(
            found.label.get(ctx.language),
            request.args.get("format", "xlsx"),
            lambda kind: export_list(ctx, found.id, query, kind),
        )


def keep_view(entity: str) -> AnyResponse:
    """Save the list as it is under a name."""
    with writing() as ctx:
        found = entity_of(ctx, entity)
        pairs = [(n, v) for n, v in described(request.args).items()]
        kept = save_view(ctx, found.id, request.form.get("name", ""), pairs, shared=request.form.get("shared") == "1")
        tell("done", translator(ctx.language)(f"已保存视图“{kept.name}”", f"Saved the view {kept.name}"))
    return redirect(kept.url(url_for("pages.records", entity=entity)), code=303)


def forget_view(entity: str, id: int) -> AnyResponse:
    """Drop a saved view."""
    with writing() as ctx:
        drop_view(ctx, entity_of(ctx, entity).id, id)
    return redirect(url_for("pages.records", entity=entity), code=303)


def bulk(entity: str) -> AnyResponse:
    """Do something with the chosen rows: all of them or none."""
    action = request.form.get("action", "")
    ids = [int(i) for i in request.form.getlist("id") if i.isdigit()][:MOST_BULK]
    kind, _, rest = action.partition(":")
    if kind == "draw":
        drawn, _, source = rest.partition(":")
        listed = ",".join(map(str, ids))
        return redirect(url_for("pages.new_record", entity=drawn, source=source, ids=listed), code=303)
    if kind == "export":
        listed = ",".join(map(str, ids))
        return redirect(url_for("pages.export", entity=entity, ids=listed), code=303)
    try:
        with writing() as ctx:
            _do(ctx, entity_of(ctx, entity), kind, rest, ids)
    except UserError as error:
        for fault in error.faults[:3]:
            tell("failed", fault.message)
    return redirect(request.form.get("back") or url_for("pages.records", entity=entity), code=303)


def _do(ctx: RunContext, entity: Entity, kind: str, transition: str, ids: Sequence[int]) -> None:
    t = translator(ctx.language)
    if not ids:
        return
    if kind == "do" and entity.workflow is not None and transition in entity.workflow.transitions:
        workflow.take_many(ctx, entity.id, ids, transition, {})
        done = entity.workflow.transitions[transition].label.get(ctx.language)
        tell("done", t(f"{done}：{len(ids)} 条", f"{done}: {len(ids)}"))
    elif kind == "restore":
        for one in ids:
            records.restore(ctx, entity.id, one)
        tell("done", t(f"已恢复 {len(ids)} 条", f"Restored {len(ids)}"))
    elif kind == "delete":
        for one in ids:
            records.delete(ctx, entity.id, one)
        tell("done", t(f"已删 {len(ids)} 条，可在回收站恢复", f"Deleted {len(ids)}; they are in the bin"))


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/e/<entity>", "records", list_records_page)
    pages.add_url_rule("/e/<entity>/export", "export", export)
    pages.add_url_rule("/e/<entity>/views", "keep_view", keep_view, methods=["POST"])
    pages.add_url_rule("/e/<entity>/views/<int:id>/drop", "forget_view", forget_view, methods=["POST"])
    pages.add_url_rule("/e/<entity>/bulk", "bulk", bulk, methods=["POST"])
