"""One record: look at it, fill it in, save it, act on it, delete and restore it, comment on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Entity, EntityKind
from runtime import comments, records, workflow
from runtime.context import RunContext
from runtime.errors import Conflict, Fault, Invalid, NotFound, Stale, UserError
from runtime.flow_versions import walking
from runtime.messages import fault
from runtime.permissions import demand
from runtime.record_inputs import Workspace
from runtime.record_reading import visible_record, with_live
from web.access import reading, writing
from web.outlines import blank
from web.posted import form_values
from web.record_actions import body_of
from web.record_conflict import clash_view
from web.record_drafts import new_row, row_of_posted
from web.record_outline import content
from web.record_page import scene_of, sheet
from web.record_warnings import standing_warnings
from web.render import render, render_outline, tell, toasts
from web.signatures import with_kept
from web.texts import translator
from web.whole import is_whole

Row = dict[str, Any]
ACTION, RESOLUTION = "_action", "_resolution"
"""What was pressed, and which side won: posted beside the fields, under names no field can have."""
TEMPLATE = "pages/record.html"
SHOW = "show"
"""The action that only shows again what was typed: how the browser brings back what it kept."""


def entity_of(ctx: RunContext, name: str) -> Entity:
    """The entity of a page; lines and system records have none."""
    entity = ctx.app.model.entities.get(name)
    if entity is None or entity.kind in (EntityKind.LINES, EntityKind.SYSTEM):
        raise NotFound(fault(ctx, "no_such_page", given=name[:60]))
    return entity


def visible_row(ctx: RunContext, entity: Entity, id: int) -> Row:
    """The record with its live figures, without what the reader may not see."""
    demand(ctx, entity.id, "read")
    row = records.load_visible(ctx, entity.id, id)
    with_live(Workspace(ctx), entity, [row])
    return visible_record(ctx, entity.id, row)


def record(entity: str, id: int) -> AnyResponse:
    """The page of a record."""
    with reading() as ctx:
        ctx = walking(ctx, entity, id)
        found = entity_of(ctx, entity)
        return _page(ctx, found, visible_row(ctx, found, id))


def new_record(entity: str) -> AnyResponse:
    """An empty page, or one filled from other documents (``source``, ``ids``), from a copy, or from ``f.<field>``."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "create")
        return _page(ctx, found, new_row(ctx, found, request.args))


def _page(
    ctx: RunContext,
    entity: Entity,
    row: Row,
    *,
    faults: tuple[Fault, ...] = (),
    posted: Mapping[str, str] | None = None,
    clash: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    faults = tuple(replace(f, field=_from_zero(entity, f.field)) for f in faults)
    warnings = standing_warnings(ctx, entity, row) if row.get("id") or posted else ()
    scene = scene_of(ctx, entity, row, faults=faults, warnings=warnings, posted=posted)
    look, words = sheet(ctx, entity, row, scene, warnings)
    words["told"] = toasts(ctx)
    if not faults and clash is None and posted is None:
        return render_outline(
            ctx, TEMPLATE, look, lambda: content(ctx, entity, look, blank), words.__getitem__, status=status
        )
    t = translator(ctx.language)
    again = {
        "problems": [_problem(entity, ctx, f) for f in faults],
        "problem_title": t(f"没有保存，{len(faults)} 处要改", f"Not saved: {len(faults)} to mend"),
        "clash": clash,
        "dirty": posted is not None,
    }
    made = content(ctx, entity, look, lambda name: Markup(words[name]))
    return render(ctx, TEMPLATE, status=status, **{**made, **again})


def _from_zero(entity: Entity, path: str) -> str:
    """``lines.2.qty`` of the write door, which counts lines as people do, as the page names them: ``lines.1.qty``."""
    head, _, rest = path.partition(".")
    index, _, name = rest.partition(".")
    one = entity.fields.get(head)
    if one is None or not one.lines or not is_whole(index):
        return path
    return f"{head}.{int(index) - 1}.{name}"


def _problem(entity: Entity, ctx: RunContext, found: Fault) -> dict[str, str]:
    """A fault with the name of its place and where to go."""
    parts = found.field.split(".")
    one = entity.fields.get(parts[0])
    label = one.label.get(ctx.language) if one else ""
    if one is not None and one.lines and len(parts) == 3 and is_whole(parts[1]):
        inner = ctx.app.model.entities[one.lines].fields.get(parts[2])
        t = translator(ctx.language)
        number = int(parts[1]) + 1
        label = t(f"第 {number} 行 ", f"Line {number} ") + (inner.label.get(ctx.language) if inner else "")
    return {"label": label, "message": found.message, "target": found.field.replace(".", "-")}


# --- saving ----------------------------------------------------------------------------------------------------


def create_record(entity: str) -> AnyResponse:
    """Save a new record, and take the transition whose button was pressed."""
    return _save(entity, None)


def save_record(entity: str, id: int) -> AnyResponse:
    """Save a record, and take the transition whose button was pressed."""
    return _save(entity, id)


def _save(entity: str, id: int | None) -> AnyResponse:
    action = request.form.get(ACTION, "save")
    if action == SHOW:
        return _again(entity, id)
    values: dict[str, object] = {}
    try:
        with writing() as ctx:
            found = entity_of(ctx, entity)
            values, faults = form_values(ctx, found)
            if faults:
                raise Invalid(*faults)
            saved = _write(ctx, found, id, with_kept(ctx, found, values))
            if action != "save":
                workflow.take(ctx, found.id, saved.id, action, {}, saved=saved)
            _tell_saved(ctx, found, saved, action)
    except UserError as error:
        return _refused(entity, id, values, error)
    return redirect(url_for("pages.record", entity=entity, id=saved.id), code=303)


def _again(entity: str, id: int | None) -> Response:
    """The page with what was typed on an earlier visit; nothing is saved."""
    with reading() as ctx:
        ctx = walking(ctx, entity, id)
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "create" if id is None else "change")
        values, _ = form_values(ctx, found)
        kept = visible_row(ctx, found, id) if id is not None else None
        return _page(ctx, found, row_of_posted(ctx, found, kept, values), posted=request.form)


def _write(ctx: RunContext, entity: Entity, id: int | None, values: Mapping[str, object]) -> records.Saved:
    if id is None:
        return records.create(ctx, entity.id, values)
    version = request.form.get("version", "")
    resolution = request.form.get(RESOLUTION, "")
    seen = int(version) if is_whole(version) and resolution not in ("mine", "merge") else None
    return records.update(ctx, entity.id, id, values, version=seen)


def _tell_saved(ctx: RunContext, entity: Entity, saved: records.Saved, action: str) -> None:
    t = translator(ctx.language)
    name = saved.code or entity.label.get(ctx.language)
    done = t("已保存", "Saved")
    if action != "save" and entity.workflow is not None:
        transition = entity.workflow.transitions.get(action)
        done = transition.label.get(ctx.language) if transition else done
    tell("done", f"{done} {name}")


def _refused(entity: str, id: int | None, values: Mapping[str, object], error: UserError) -> Response:
    """The page again, with what was typed and what is wrong."""
    with reading() as ctx:
        ctx = walking(ctx, entity, id)
        found = entity_of(ctx, entity)
        kept = visible_row(ctx, found, id) if id is not None else None
        row = row_of_posted(ctx, found, kept, values)
        clash = clash_view(ctx, found, kept, values) if isinstance(error, Stale) and kept else None
        status = 409 if isinstance(error, (Conflict, Stale)) else 422 if isinstance(error, Invalid) else 400
        faults = () if clash else tuple(error.faults)
        return _page(ctx, found, row, faults=faults, posted=request.form, clash=clash, status=status)


# --- acting ----------------------------------------------------------------------------------------------------


def act(entity: str, id: int, transition: str) -> AnyResponse:
    """Take a transition with what its dialog asked for."""
    try:
        with writing() as ctx:
            ctx = walking(ctx, entity, id)
            found = entity_of(ctx, entity)
            row = workflow.take(ctx, found.id, id, transition, body_of(ctx, found, transition, request.form))
            taken = found.workflow.transitions[transition].label.get(ctx.language) if found.workflow else ""
            tell("done", f"{taken} {row.get('code') or ''}".strip())
    except UserError as error:
        if isinstance(error, NotFound):
            raise
        with reading() as ctx:
            found = entity_of(ctx, entity)
            status = 422 if isinstance(error, Invalid) else 409
            return _page(ctx, found, visible_row(ctx, found, id), faults=tuple(error.faults), status=status)
    return redirect(url_for("pages.record", entity=entity, id=id), code=303)


def delete_record(entity: str, id: int) -> AnyResponse:
    """Into the bin; the toast offers the way back."""
    with writing() as ctx:
        found = entity_of(ctx, entity)
        records.delete(ctx, found.id, id)
        t = translator(ctx.language)
        tell(
            "done",
            t("已放进回收站", "Moved to the bin"),
            url_for("pages.record", entity=entity, id=id),
            t("去恢复", "Restore"),
        )
    return redirect(url_for("pages.records", entity=entity), code=303)


def restore_record(entity: str, id: int) -> AnyResponse:
    """Out of the bin."""
    with writing() as ctx:
        found = entity_of(ctx, entity)
        records.restore(ctx, found.id, id)
        tell("done", translator(ctx.language)("已恢复", "Restored"))
    return redirect(url_for("pages.record", entity=entity, id=id), code=303)


def comment(entity: str, id: int) -> AnyResponse:
    """Say something about a record."""
    with writing() as ctx:
        found = entity_of(ctx, entity)
        comments.add(ctx, found.id, id, request.form.get("text", ""))
    return redirect(url_for("pages.record", entity=entity, id=id), code=303)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    one = "/e/<entity>/<int:id>"
    pages.add_url_rule("/e/<entity>/new", "new_record", new_record)
    pages.add_url_rule("/e/<entity>/new", "create_record", create_record, methods=["POST"])
    pages.add_url_rule(one, "record", record)
    pages.add_url_rule(one, "save_record", save_record, methods=["POST"])
    pages.add_url_rule(f"{one}/actions/<transition>", "act", act, methods=["POST"])
    pages.add_url_rule(f"{one}/delete", "delete_record", delete_record, methods=["POST"])
    pages.add_url_rule(f"{one}/restore", "restore_record", restore_record, methods=["POST"])
    pages.add_url_rule(f"{one}/comments", "comment", comment, methods=["POST"])
