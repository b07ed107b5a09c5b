"""Workflows as pictures and sentences: which there are, and each with its states, its ways and what is in them now."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Entity
from runtime import flow_moving, records
from runtime.context import RunContext
from runtime.permissions import READ, demand, is_admin
from runtime.record_texts import record_title
from runtime.workflow_counts import in_states, readable_workflows
from runtime.workflow_rights import workflow_of
from web.access import reading, writing
from web.render import render, tell
from web.setting_tabs import setting_tabs
from web.texts import translator
from web.whole import is_whole
from web.workflow_view import workflow_view


def workflows() -> AnyResponse:
    """Every kind of document with a workflow that the reader may see, with how many there are."""
    with reading() as ctx:
        t = translator(ctx.language)
        rows = [_row(ctx, entity) for entity in readable_workflows(ctx)]
        tabs = setting_tabs(ctx, "workflows")
        return render(ctx, "pages/workflows.html", title=t("设置", "Settings"), tabs=tabs, rows=rows)


def _row(ctx: RunContext, entity: Entity) -> dict[str, Any]:
    assert entity.workflow is not None
    counted = in_states(ctx, entity)
    states = entity.workflow.states.values()
    return {
        "label": entity.label.get(ctx.language),
        "icon": entity.icon or "file-text",
        "url": url_for("pages.workflow", entity=entity.id),
        "states": " · ".join(state.label.get(ctx.language) for state in states),
        "asked": sum(counted.get(state.id, 0) for state in states if state.approval is not None),
        "all": sum(counted.values()),
    }


def workflow(entity: str) -> AnyResponse:
    """One workflow: the drawing, the same as lists, and each transition as a sentence."""
    with reading() as ctx:
        workflow_of(ctx, entity)
        demand(ctx, entity, READ)
        found = ctx.app.model.entities[entity]
        t = translator(ctx.language)
        label = found.label.get(ctx.language)
        return render(
            ctx,
            "pages/workflow.html",
            title=t(f"{label}的流程", f"Workflow: {label.lower()}"),
            crumb={"label": t("流程", "Workflows"), "url": url_for("pages.workflows")},
            drawn=workflow_view(ctx, found),
            entity=entity,
            list_url=url_for("pages.records", entity=entity),
            list_label=label,
            admin=is_admin(ctx),
            moving=_moving(ctx, found) if is_admin(ctx) else None,
        )


def _moving(ctx: RunContext, entity: Entity) -> dict[str, Any] | None:
    """Documents that walk an earlier flow, with what may become of their state; one of them, if the address says so."""
    record = _id(request.args.get("record", ""))
    found = flow_moving.standing(ctx, entity.id, record)
    assert entity.workflow is not None
    if not found:
        return None
    labels = {state.id: state.label.get(ctx.language) for state in entity.workflow.states.values()}
    now = [{"id": state, "label": labels[state]} for state in flow_moving.states_now(ctx, entity.id)]
    rows = [
        {
            "version": one.version,
            "state": one.state,
            "label": labels.get(one.state, one.state),
            "documents": one.documents,
            "known": one.known,
            "url": f"{url_for('pages.records', entity=entity.id)}?{urlencode({'where.status': one.state})}",
        }
        for one in found
    ]
    title = record_title(ctx.app.model, entity.id, records.load(ctx, entity.id, record)) if record else ""
    return {"rows": rows, "states": now, "record": record, "title": title, "count": sum(one.documents for one in found)}


def _id(text: str) -> int:
    """A record's id as an address or form gives it; 0 = none."""
    return int(text) if is_whole(text) else 0


def move_documents(entity: str) -> AnyResponse:
    """Let documents under way walk the newest flow."""
    with writing() as ctx:
        record = _id(request.form.get("record", ""))
        prefix = "state."
        given = {name.removeprefix(prefix): to for name, to in request.form.items() if name.startswith(prefix) and to}
        moved = flow_moving.move(ctx, entity, [record] if record else None, given)
        t = translator(ctx.language)
        tell("done", t(f"{len(moved)} 张单据已改走新流程", f"{len(moved)} documents now walk the new flow"))
    if record:
        return redirect(url_for("pages.record", entity=entity, id=record), code=303)
    return redirect(url_for("pages.workflow", entity=entity), code=303)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/workflows", "workflows", workflows)
    pages.add_url_rule("/workflows/<entity>", "workflow", workflow)
    pages.add_url_rule("/workflows/<entity>/move", "move_documents", move_documents, methods=["POST"])
