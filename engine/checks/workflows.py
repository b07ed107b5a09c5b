"""Meaning of workflows: one start, every state reachable, somebody may take every transition."""

from __future__ import annotations

from engine.compile.part import Part
from engine.model import Entity, Workflow


def check_workflow(entity: Entity, workflow: Workflow, part: Part) -> None:
    """Note what is wrong with a compiled workflow; ``part`` is the block it was written in."""
    _check_status(entity, workflow, part)
    states = part.part("states") or part
    _check_start(workflow, part, states)
    _check_reach(workflow, states)
    _check_approvals(workflow, part, states)


def _check_status(entity: Entity, workflow: Workflow, part: Part) -> None:
    status = entity.fields.get("status")
    options = {option.id for option in status.options} if status is not None else set()
    missing = [state for state in workflow.states if state not in options]
    if missing:
        what = f"{entity.id} has no choice field status with the option {missing[0]}"
        part.problem("D606", "", what, "give it kind master or document, or the field its options")


def _check_start(workflow: Workflow, part: Part, states: Part) -> None:
    starts = [state.id for state in workflow.states.values() if state.start]
    if not starts:
        part.problem("D601", "states", "no state has start: true", "mark the state new records begin in")
    for extra in starts[1:]:
        states.problem("D601", extra, f"both {starts[0]} and {extra} have start: true", "keep one of them")


def _check_reach(workflow: Workflow, states: Part) -> None:
    reached = {state.id for state in workflow.states.values() if state.start}
    if not reached or not all(transition.target for transition in workflow.transitions.values()):
        return
    grown = True
    while grown:
        more = {t.target for t in workflow.transitions.values() if t.target and reached & set(t.origins)} - reached
        reached |= more
        grown = bool(more)
    for state in workflow.states.values():
        if state.id not in reached:
            states.problem("D602", state.id, f"no transition leads to {state.id}", "add one, or take the state away")


def _check_approvals(workflow: Workflow, part: Part, states: Part) -> None:
    taken: set[str] = set()
    for state in workflow.states.values():
        for key, id in state.approval.outcome.items() if state.approval else ():
            taken.add(id)
            if state.id not in workflow.transitions[id].origins:
                what = f"{key}: transition {id} does not start from {state.id}"
                states.problem("D604", state.id, what, f"let {id} start from {state.id}")
    transitions = part.part("transitions")
    for transition in workflow.transitions.values():
        if not transition.by and transition.id not in taken and transitions is not None:
            written = transitions.part(transition.id)
            if written is not None and not written.has("by"):
                what = f"nobody may take {transition.id}"
                transitions.problem("D605", transition.id, what, "write by: and roles, or make it an outcome")
