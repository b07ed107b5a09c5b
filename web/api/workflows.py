"""Workflows through the API: which there are, and each with its states, steps, ways and how many are where."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response

from runtime.permissions import READ, demand
from runtime.workflow_counts import in_states, readable_workflows
from runtime.workflow_rights import workflow_of
from runtime.workflow_words import say_workflow
from web.access import reading
from web.api.shapes import answer


def workflows() -> Response:
    """All workflows the reader may see, with the number of documents in each state."""
    with reading() as ctx:
        items = [
            {"entity": entity.id, "label": entity.label.get(ctx.language), "now": in_states(ctx, entity)}
            for entity in readable_workflows(ctx)
        ]
        return answer({"items": items, "next": None, "count": len(items)})


def workflow(entity: str) -> Response:
    """One workflow: states with their approval steps, transitions as data and as sentences."""
    with reading() as ctx:
        workflow_of(ctx, entity)
        demand(ctx, entity, READ)
        found = ctx.app.model.entities[entity]
        told, counted = say_workflow(ctx, found), in_states(ctx, found)
        states = [{**asdict(state), "now": counted.get(state.id, 0)} for state in told.states]
        ways = [{**asdict(way), "demands": [kind for kind, _ in way.demands]} for way in told.ways]
        return answer({"entity": entity, "label": found.label.get(ctx.language), "states": states, "transitions": ways})


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/workflows", "workflows", workflows)
    api.add_url_rule("/workflows/<entity>", "workflow", workflow)
