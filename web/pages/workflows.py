"""Workflows as pictures and sentences: which there are, and each with its states, its ways and what is in them now."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Entity
from runtime.context import RunContext
from runtime.permissions import READ, demand, is_admin
from runtime.workflow_counts import in_states, readable_workflows
from runtime.workflow_rights import workflow_of
from web.access import reading
from web.render import render
from web.setting_tabs import setting_tabs
from web.texts import translator
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
            list_url=url_for("pages.records", entity=entity),
            list_label=label,
            admin=is_admin(ctx),
        )


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/workflows", "workflows", workflows)
    pages.add_url_rule("/workflows/<entity>", "workflow", workflow)
