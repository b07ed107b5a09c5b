"""Lists of records: looked at, filtered, saved as views, exported, worked on in bulk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, Response, g, redirect, request, url_for
from markupsafe import Markup, escape
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Entity, View
from runtime import records, workflow
from runtime.context import RunContext
from runtime.errors import UserError
from runtime.exporting import export_list
from runtime.permissions import demand, rights
from runtime.queries import ListQuery, Page, list_records
from runtime.query_columns import ListColumn
from runtime.query_filters import Filter
from runtime.saved_views import SavedView, drop_view, save_view, saved_views
from web.access import reading, writing
from web.downloads import sheet_response
from web.list_boards import board_view, calendar_view
from web.list_cells import render_rows
from web.list_content import Shape, content
from web.list_gantt import gantt_view
from web.list_groups import grouped_by, headings
from web.list_look import Look, column_or_none, look_of
from web.list_page import filter_chips, filter_editor, view_of, way_back
from web.list_parts import counted, empty_words, kinds, tab_parts, tabs_of, totals_row
from web.list_query import Asked, asked, described, hidden_fields
from web.outlines import Filling, Outline
from web.pages.records import entity_of
from web.render import render, render_outline, tell, told
from web.templating import piece
from web.texts import translator
from web.whole import is_whole

Part = dict[str, Any]
DRAWN: Mapping[str, tuple[str, Callable[[RunContext, Entity, View, Asked], Part]]] = MappingProxyType(
    {
        "board": ("pages/board.html", board_view),
        "calendar": ("pages/calendar.html", calendar_view),
        "gantt": ("pages/gantt.html", gantt_view),
    }
)
"""Views that are not lists: how each is drawn."""
MOST_BULK = 500
EDITOR = "{%- from 'components/filter_edit.html' import list_filter -%}{{ list_filter(editor, base) }}"
NO_MATCH = """{%- from 'components/feedback.html' import no_match -%}\
{{ no_match(t('没有符合条件的', 'Nothing matches'), \
way.hint, way.drop_label | default(''), way.drop_url | default(''), clear_url=clear) }}"""
EMPTY = """{%- from 'components/feedback.html' import empty -%}\
{%- from 'components/buttons.html' import button -%}\
{% call empty(icon, title, text) %}{% if may_create %}{{ button(new_label, 'primary', 'plus', url=new) }}\
{{ button(t('从表格导入', 'Import a spreadsheet'), '', 'file-import', url=load) }}{% endif %}{% endcall %}"""
TOLD = """{%- from 'components/feedback.html' import flash -%}\
{% for f in flashes %}{{ flash(f.kind, f.text, f.url, f.action) }}{% endfor %}"""


def list_records_page(entity: str) -> AnyResponse:
    """The list of an entity."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "read")
        base = url_for("pages.records", entity=found.id)
        question = asked(base, request.args)
        view = view_of(found, question.view)
        if view is not None and view.type in DRAWN:
            template, made = DRAWN[view.type]
            return _other(ctx, found, question, view, template, made(ctx, found, view, question))
        return _list(ctx, found, question, view)


def _list(ctx: RunContext, entity: Entity, question: Asked, view: View | None) -> Response:
    own_view = question.view in ("", next(iter(entity.views), ""))
    look = look_of(ctx, entity, view, _chosen(entity) if own_view else ())
    grouped = grouped_by({**look.named, **{c.path: c for c in look.columns}}, question.group)
    query = _query(question, look, grouped)
    page = list_records(ctx, entity.id, query)
    saved = saved_views(ctx, entity.id)
    tabs, words = tabs_of(ctx, entity, question, saved, page.count)
    chips = filter_chips(ctx, entity, question, _named(ctx, entity, look, question))
    drop = _drop_url(entity, saved)
    totals = totals_row(ctx, look.columns, page)
    shape = Shape(
        view=question.view,
        sort=tuple((question.sort or (view.sort if view else ()))[:1]),
        filters=tuple(chip["path"] for chip in chips),
        size=question.size,
        rows=bool(page.rows),
        more=page.next is not None,
        part=page.next is not None or bool(question.cursor),
        group=grouped.path if grouped is not None else "",
        sums_left=page.totals_left,
        deleted=question.deleted,
        changed=bool(question.filters or question.sort or question.q),
        own=bool(drop),
        totals=tuple(total is not None for total in totals),
        tabs=tabs,
    )
    values = {
        **words,
        **_rows(ctx, entity, look, page, query, grouped),
        **_chip_values(chips),
        **{f"total{i}": str(escape(total)) for i, total in enumerate(totals) if total is not None},
        "q": str(escape(question.q)),
        "kept": hidden_fields(question),
        "keep": question.url().removeprefix(question.base).replace("&", "&amp;"),
        "counted": str(escape(counted(ctx, page.count))),
        "whole": str(escape(question.url().partition("?")[2])),
        "next": str(escape(question.url(cursor=page.next))) if page.next else "",
        "drop": str(escape(drop)),
        "edit": _editor(ctx, entity, question, look),
        "nothing": "" if page.rows else _nothing(ctx, entity, question, chips),
        "told": _told(ctx),
    }
    return render_outline(
        ctx,
        "pages/list.html",
        (look.key, shape),
        lambda: content(ctx, entity, replace(look, named=_named(ctx, entity, look, question)), shape),
        Filling(values, question.filler()).__getitem__,
    )


def _told(ctx: RunContext) -> str:
    flashes = told()
    return piece(ctx.language, TOLD, flashes=flashes) if flashes else ""


def _query(question: Asked, look: Look, grouped: ListColumn | None) -> ListQuery:
    """The query behind the page: in groups, it is sorted by the group first."""
    query = question.query(look.paths, marks=look.view.id if look.view else "")
    if grouped is None:
        return query
    path = grouped.path
    order = question.sort or (look.view.sort if look.view else ())
    down = next((descending for name, descending in order if name == path), False)
    fields = query.fields if path in query.fields else (*query.fields, path)
    return replace(query, fields=fields, sort=((path, down), *(key for key in order if key[0] != path)))


def _chosen(entity: Entity) -> tuple[str, ...]:
    """The columns the reader has chosen for himself."""
    return tuple(str(path) for path in g.person.prefs.get(f"columns:{entity.id}", ()))


def _named(ctx: RunContext, entity: Entity, look: Look, question: Asked) -> Mapping[str, ListColumn]:
    """Columns one may narrow by, with those that the address narrows by beyond them."""
    others = {one.path for one in question.filters if one.path not in look.named}
    found = {path: column for path in others if (column := column_or_none(ctx, entity, path)) is not None}
    return {**look.named, **found} if found else look.named


def _chip_values(chips: Sequence[Part]) -> dict[str, str]:
    texts = {f"chip{place}": str(escape(chip["text"])) for place, chip in enumerate(chips)}
    return texts | {f"drop{place}": str(escape(chip["drop_url"])) for place, chip in enumerate(chips)}


def _editor(ctx: RunContext, entity: Entity, question: Asked, look: Look) -> str:
    """The small form for one new filter, while it is open."""
    path = request.args.get("add", "")
    column = look.named.get(path) if path else None
    editor = filter_editor(ctx, question, column)
    return piece(ctx.language, EDITOR, editor=editor, base=question.base) if editor else ""


def _nothing(ctx: RunContext, entity: Entity, question: Asked, chips: Sequence[Part]) -> str:
    """What a list without a row says: which filter to drop, or what will be here."""
    if question.filters or question.q:
        way = way_back(ctx, entity, question, chips)
        clear = f"{question.base}?view={question.view}" if question.view else question.base
        return piece(ctx.language, NO_MATCH, way=way, clear=clear)
    title, text = empty_words(ctx, entity)
    new_label = translator(ctx.language)(f"新建{entity.label.zh}", f"New {entity.label.en.lower()}")
    may_create = rights(ctx, entity.id).may("create")
    icon = entity.icon or "file-text"
    words = {"title": title, "text": text, "new_label": new_label}
    new, load = url_for("pages.new_record", entity=entity.id), url_for("pages.import_page", entity=entity.id)
    return piece(ctx.language, EMPTY, icon=icon, may_create=may_create, new=new, load=load, **words)


def _drop_url(entity: Entity, saved: Sequence[SavedView]) -> str:
    """Where the saved view on show is dropped; nothing for one of somebody else."""
    shown = request.args.get("saved", "")
    mine = any(view.mine and str(view.id) == shown for view in saved)
    return url_for("pages.forget_view", entity=entity.id, id=int(shown)) if mine else ""


def _rows(
    ctx: RunContext, entity: Entity, look: Look, page: Page, query: ListQuery, grouped: ListColumn | None
) -> dict[str, str]:
    """Rows as HTML, in groups where they were asked for, and the drawings of their marks."""
    base = url_for("pages.records", entity=entity.id)
    before = None
    if grouped is not None:
        place = query.fields.index(grouped.path) + 1
        asked = replace(query, fields=look.paths)
        before = headings(
            ctx, entity, asked, look.columns, page.rows, place, column=grouped, figures=not page.totals_left
        ).before
    made = render_rows(ctx, entity, page.columns, page.rows, base, len(look.columns), marks=page.marks, before=before)
    return {"rows": made.rows, "drawings": made.drawings}


def _other(ctx: RunContext, entity: Entity, question: Asked, view: View, template: str, content: Any) -> Response:
    return render(
        ctx,
        template,
        title=entity.label.get(ctx.language),
        entity=entity.id,
        asked=question,
        tabs=_tabs(ctx, entity, question),
        switch=kinds(ctx, entity, question, question.view),
        may_create=rights(ctx, entity.id).may("create"),
        new_label=translator(ctx.language)(f"新建{entity.label.zh}", f"New {entity.label.en.lower()}"),
        content=content,
    )


def _tabs(ctx: RunContext, entity: Entity, question: Asked) -> list[Part]:
    """Tabs of a page that is not kept as an outline."""
    tabs, words = tabs_of(ctx, entity, question, saved_views(ctx, entity.id), None)
    return [
        {name: Markup(Outline(v).filled(words.__getitem__)) if isinstance(v, Markup) else v for name, v in tab.items()}
        for tab in tab_parts(ctx, entity, tabs)
    ]


# --- export, views, bulk ---------------------------------------------------------------------------------------


def export(entity: str) -> AnyResponse:
    """The list as one sees it, as a spreadsheet (``format=csv`` or ``xlsx``)."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "export")
        question = asked(url_for("pages.records", entity=found.id), request.args)
        view = view_of(found, question.view)
        paths = [c.path for c in look_of(ctx, found, view, _chosen(found)).columns]
        filters = question.filters
        ids = tuple(i for i in request.args.get("ids", "").split(",") if is_whole(i))
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
    """Do something with the chosen rows, or with all of the view they were chosen in: all of them or none."""
    kind, _, rest = request.form.get("action", "").partition(":")
    whole = request.form.get("whole", "")
    back = request.form.get("back") or url_for("pages.records", entity=entity)
    if kind == "export" and whole:
        return redirect(url_for("pages.export", entity=entity) + whole, code=303)
    ids = _whole_view(entity, whole) if whole else _given_ids()
    if ids is None:
        return redirect(back, code=303)
    listed = ",".join(map(str, ids))
    if kind == "draw":
        drawn, _, source = rest.partition(":")
        return redirect(url_for("pages.new_record", entity=drawn, source=source, ids=listed), code=303)
    if kind == "export":
        return redirect(url_for("pages.export", entity=entity, ids=listed), code=303)
    try:
        with writing() as ctx:
            _do(ctx, entity_of(ctx, entity), kind, rest, ids)
    except UserError as error:
        for fault in error.faults[:3]:
            tell("failed", fault.message)
    return redirect(back, code=303)


def _given_ids() -> list[int]:
    return [int(i) for i in request.form.getlist("id") if is_whole(i)][:MOST_BULK]


def _whole_view(entity: str, address: str) -> list[int] | None:
    """The records of the view at an address; ``None`` for more than can be worked on at once, which is told."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        question = asked(url_for("pages.records", entity=found.id), MultiDict(parse_qsl(address.removeprefix("?"))))
        query = replace(question.query(("id",), totals=False), page_size=MOST_BULK, count="", cursor="")
        page = list_records(ctx, found.id, query)
        if page.next is None:
            return [row[0] for row in page.rows]
        words = f"一次最多 {MOST_BULK} 条：请先缩小范围", f"At most {MOST_BULK} at once: narrow the list first"
        tell("failed", translator(ctx.language)(*words))
        return None


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
