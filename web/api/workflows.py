"""Workflows through the API: which there are, and each with its states, steps, ways and how many are where."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response

from runtime import flow_moving
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.permissions import READ, demand
from runtime.workflow_counts import in_states, readable_workflows
from runtime.workflow_rights import workflow_of
from runtime.workflow_words import say_workflow
from web.access import reading, writing
from web.api.bodies import body_object
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


def older(entity: str) -> Response:
    """Documents that walk an earlier flow, by version and state; ``states``: those of the newest, for moving."""
    with reading() as ctx:
        items = [asdict(one) for one in flow_moving.standing(ctx, entity)]
        states = flow_moving.states_now(ctx, entity)
        return answer({"items": items, "next": None, "count": len(items), "states": states})


def move(entity: str) -> Response:
    """Let documents (``records``, or all) walk the newest flow; ``states`` says what becomes of those that are gone."""
    with writing("api") as ctx:
        said = body_object(ctx)
        ids, states = said.get("records"), said.get("states") or {}
        if ids is not None and (not isinstance(ids, list) or not all(is_whole_number(each) for each in ids)):
            raise Invalid(fault(ctx, "not_a_list", "records", label="records"))
        if not isinstance(states, dict) or not all(isinstance(each, str) for each in states.values()):
            raise Invalid(fault(ctx, "not_an_object", "states", label="states"))
        moved = flow_moving.move(ctx, entity, ids, states)
        return answer({"moved": moved, "count": len(moved)})


def is_whole_number(value: object) -> bool:
    """Whether a value can be an id."""
    return isinstance(value, int) and not isinstance(value, bool)


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/workflows", "workflows", workflows)
    api.add_url_rule("/workflows/<entity>", "workflow", workflow)
    api.add_url_rule("/workflows/<entity>/older", "workflow_older", older)
    api.add_url_rule("/workflows/<entity>/move", "workflow_move", move, methods=["POST"])
