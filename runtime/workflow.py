"""Moving documents through their states: what a person may do now, doing it, and why not.

``status`` is written by transitions only. A transition does, inside the caller's transaction: right, state, person,
condition, demands; the new state; lines from a structure; tasks; and last what the ledgers are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.model import Entity, State, Transition
from runtime import inbox, ledgers, postings, records, task_acts, tasks
from runtime.context import RunContext
from runtime.documents_after import check_nothing_hangs
from runtime.errors import Conflict, Forbidden, NotFound
from runtime.exploding import fill_lines
from runtime.flow_versions import arrived, parted, versions_of, walking
from runtime.happenings import door
from runtime.ledgers.requests import DocumentKey
from runtime.messages import fault, say
from runtime.opening_guard import refuse_move_when_live
from runtime.permissions import demand, label_of, rights
from runtime.postings_later import requests_for_waiting
from runtime.record_inputs import Workspace
from runtime.record_rows import load_rows
from runtime.row_rules import visible_ids
from runtime.task_asks import chosen_asked, step_asked
from runtime.task_people import chosen_in
from runtime.workflow_demands import Given, check_demands, keep_files
from runtime.workflow_rights import (
    Action,
    Asked,
    Reason,
    asked,
    condition_faults,
    may_all,
    may_take,
    reasons,
    refuse_unless_allowed,
    refuse_unless_it_holds,
    state_fault,
    transition_of,
    who_fault,
    workflow_of,
)

Row = dict[str, Any]
BACK = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a transition may be taken, or why not: everything the door looks at."""

    entity: str
    record: int
    transition: str
    allowed: bool
    reasons: tuple[Reason, ...]


# --- records people may see ------------------------------------------------------------------------------------


def visible(ctx: RunContext, entity: str, ids: Iterable[int]) -> dict[int, Row]:
    """The records (with their lines) that the acting person may read, by id; the others are left out."""
    demand(ctx, entity, "read")
    found = load_rows(ctx, entity, visible_ids(ctx, entity, ids))
    return {i: row for i, row in found.items() if row.get("deleted_at") is None}


def locked(ctx: RunContext, entity: str, ids: Sequence[int]) -> list[Row]:
    """The records with their lines, held until the end of the transaction; refuses those not to be seen."""
    demand(ctx, entity, "read")
    found = load_rows(ctx, entity, visible_ids(ctx, entity, ids), lock=True)
    for i in ids:
        if i not in found or found[i].get("deleted_at") is not None:
            raise NotFound(fault(ctx, "not_found", label=label_of(ctx, entity), id=i))
    return [found[i] for i in dict.fromkeys(ids)]


# --- what may be done ------------------------------------------------------------------------------------------


def actions(ctx: RunContext, entity: str, record: Row) -> tuple[Action, ...]:
    """The transitions the acting person may take on this record (with its lines) now.

    One that only a condition stands in the way of is shown with the reason.
    """
    ctx = walking(ctx, entity, record.get("id"))
    model = ctx.app.model.entities[entity]
    if model.workflow is None or record.get("deleted_at") is not None:
        return ()
    at = Workspace(ctx)
    says = _says(ctx, entity, record)
    decides = _decidable(model, record, says)
    found = []
    for transition in model.workflow.transitions.values():
        if record["status"] not in transition.origins:
            continue
        if transition.id not in decides and not may_take(ctx, at, entity, transition, [record])[0]:
            continue
        failed = condition_faults(ctx, at, model, transition, [record])[0]
        found.append(
            Action(
                id=transition.id,
                label=transition.label.get(ctx.language),
                kind=transition.kind,
                demands=_asked(ctx, at, model, transition, record, says if transition.id in decides else ()),
                refused_because=failed.message if failed else "",
            )
        )
    return tuple(found)


def _says(ctx: RunContext, entity: str, record: Row) -> list[Row]:
    """What the person has to say about the record where it stands."""
    workflow = ctx.app.model.entities[entity].workflow
    state = workflow.states.get(record["status"]) if workflow else None
    return tasks.waiting(ctx, entity, record["id"]) if state is not None and state.approval is not None else []


def _decidable(model: Entity, record: Row, says: Sequence[Row]) -> frozenset[str]:
    """The outcomes of the approval which the person has a say in."""
    state = model.workflow.states.get(record["status"]) if model.workflow else None
    if state is None or state.approval is None or not says:
        return frozenset()
    steps = {step.id: step for step in state.approval.steps}
    handled = all(says[0]["step"] == row["step"] and steps[row["step"]].handled for row in says if row["step"] in steps)
    said = [d for d in _decisions(state) if not handled or d != tasks.REJECT]
    return frozenset(state.approval.outcome[tasks.OUTCOMES[d]] for d in said)


def _asked(
    ctx: RunContext, at: Workspace, model: Entity, transition: Transition, record: Row, says: Sequence[Row]
) -> tuple[Asked, ...]:
    """What a transition asks for, with what the approval asks: of who approves his step, of who sends whom he names."""
    found = asked(ctx, at, model, transition, record)
    state = model.workflow.states[transition.target] if model.workflow else None
    if state is not None and state.approval is not None:
        found += chosen_asked(ctx, state.approval)
    here = model.workflow.states[record["status"]].approval if model.workflow else None
    if says and here is not None and transition.id == here.outcome[tasks.OUTCOMES[tasks.APPROVE]]:
        found += step_asked(ctx, model, tasks.step_of(ctx, says[0]))
    return tuple(dict.fromkeys(found))


def _decisions(state: State) -> list[str]:
    """What a person may say in an approval; a return is offered where there is a transition for it."""
    outcome = state.approval.outcome if state.approval else {}
    return [decision for decision, name in tasks.OUTCOMES.items() if name in outcome]


def explain(ctx: RunContext, entity: str, record_id: int, transition_id: str) -> Explanation:
    """Why a transition may be taken, or why not."""
    ctx = walking(ctx, entity, record_id)
    transition = transition_of(ctx, entity, transition_id)
    found = visible(ctx, entity, [record_id])
    if record_id not in found:
        raise NotFound(fault(ctx, "not_found", label=label_of(ctx, entity), id=record_id))
    looked = reasons(ctx, Workspace(ctx), ctx.app.model.entities[entity], transition, found[record_id])
    return Explanation(
        entity=entity,
        record=record_id,
        transition=transition_id,
        allowed=all(reason.holds for reason in looked),
        reasons=looked,
    )


# --- doing it --------------------------------------------------------------------------------------------------


def take(
    ctx: RunContext,
    entity: str,
    record_id: int,
    transition_id: str,
    body: Mapping[str, object] | None = None,
    *,
    saved: records.Saved | None = None,
) -> Row:
    """Take a transition on one record; the record as it is then.

    ``saved``: what came of writing the record a moment ago in this transaction; then it is not read again.
    """
    written = saved.written if saved is not None and saved.id == record_id else None
    walked = written is not None and versions_of(ctx, entity, [record_id])
    if written is None or walked or rights(ctx, entity).rows:  # whoever sees some only may have lost sight of this one
        return take_many(ctx, entity, [record_id], transition_id, body)[0]
    demand(ctx, entity, "read")
    return _take(ctx, written.at, entity, [written.row], transition_of(ctx, entity, transition_id), body or {})[0]


def take_many(
    ctx: RunContext,
    entity: str,
    ids: Sequence[int],
    transition_id: str,
    body: Mapping[str, object] | None = None,
) -> list[Row]:
    """Take a transition on several records in one go: all of them or none."""
    parts = parted(ctx, entity, ids)
    if len(parts) == 1:
        return _take_alike(parts[0][0], entity, ids, transition_id, body or {})
    with door(ctx):
        held = {row["id"]: row for row in locked(ctx, entity, ids)}
        taken = [row for each, some in parts for row in _take_alike(each, entity, some, transition_id, body or {})]
    moved = {row["id"]: row for row in taken}
    return [moved[i] for i in held]


def _take_alike(
    ctx: RunContext, entity: str, ids: Sequence[int], transition_id: str, body: Mapping[str, object]
) -> list[Row]:
    """Take a transition on records that walk the same flow."""
    transition = transition_of(ctx, entity, transition_id)
    return _take(ctx, Workspace(ctx), entity, locked(ctx, entity, ids), transition, body)


def _take(
    ctx: RunContext,
    at: Workspace,
    entity: str,
    found: list[Row],
    transition: Transition,
    body: Mapping[str, object],
) -> list[Row]:
    if not transition.by and not ctx.user.is_system:
        return [_decide(ctx, entity, record, transition, body) for record in found]
    refuse_unless_allowed(ctx, at, entity, transition, found)
    moved = _move(ctx, at, entity, found, transition, body)
    if transition.kind == BACK:
        _tell_makers(ctx, entity, moved, body)
    return moved


def _tell_makers(ctx: RunContext, entity: str, moved: Sequence[Row], body: Mapping[str, object]) -> None:
    note = body.get("note")
    for record in moved:
        inbox.tell_decided(ctx, inbox.RETURNED, entity, record, note if isinstance(note, str) else "")


def _decide(ctx: RunContext, entity: str, record: Row, transition: Transition, body: Mapping[str, object]) -> Row:
    """A transition that only its approval takes: the person's say in it, if there is one."""
    model = ctx.app.model.entities[entity]
    if record["status"] not in transition.origins:
        raise Conflict(state_fault(ctx, model, transition, record))
    state = workflow_of(ctx, entity).states[record["status"]]
    waiting = tasks.waiting(ctx, entity, record["id"])
    decision = next((d for d in _decisions(state) if _leads(state, d, transition)), "")
    if not waiting or not decision:
        raise Forbidden(who_fault(ctx, model, transition, record))
    task, note = waiting[0]["id"], str(body.get("note") or "")
    if decision == tasks.RETURN:
        return task_acts.give_back(ctx, task, note, str(body.get("to") or ""), str(body.get("way") or ""))
    return tasks.decide(ctx, task, decision, note, body)


def _leads(state: State, decision: str, transition: Transition) -> bool:
    return state.approval is not None and state.approval.outcome[tasks.OUTCOMES[decision]] == transition.id


def outcome(ctx: RunContext, entity: str, record: Row, transition_id: str, body: Mapping[str, object]) -> Row:
    """Take the transition an approval ends in: whoever had the last say, the approval takes it."""
    return _outcomes(ctx, entity, [record], transition_id, body)[0]


def _outcomes(
    ctx: RunContext, entity: str, found: list[Row], transition_id: str, body: Mapping[str, object]
) -> list[Row]:
    transition, at = transition_of(ctx, entity, transition_id), Workspace(ctx)
    refuse_unless_it_holds(ctx, at, entity, transition, found)
    return _move(ctx, at, entity, found, transition, body)


def _move(
    ctx: RunContext,
    at: Workspace,
    entity: str,
    found: list[Row],
    transition: Transition,
    body: Mapping[str, object],
) -> list[Row]:
    """Everything a transition does once nothing speaks against it, and what rules make of it."""
    with door(ctx) as journal:
        found = _moved(ctx, at, entity, found, transition, body)
    if journal.later:
        fresh = load_rows(ctx, entity, [record["id"] for record in found])
        found = [fresh[record["id"]] for record in found]
    return found


def _moved(
    ctx: RunContext,
    at: Workspace,
    entity: str,
    found: list[Row],
    transition: Transition,
    body: Mapping[str, object],
) -> list[Row]:
    start = workflow_of(ctx, entity).start.id
    refuse_move_when_live(ctx, entity, transition, started=any(r["status"] != start for r in found))
    given = check_demands(ctx, at, ctx.app.model.entities[entity], transition, found, body)
    if transition.reverses:
        check_nothing_hangs(ctx, entity, found)
    ids = [record["id"] for record in found]
    found = _enter(ctx, at, entity, found, transition, given)
    if any(state.approval is not None for state in _left(ctx, entity, transition)):
        tasks.close(ctx, entity, ids)
    if fill_lines(ctx, entity, found, transition.id):
        fresh = load_rows(ctx, entity, ids)
        found = [fresh[i] for i in ids]
    _post(ctx, at, entity, found, transition)
    _reverse(ctx, entity, ids, transition)
    return ask(ctx, entity, found, transition.target, body)


def _left(ctx: RunContext, entity: str, transition: Transition) -> list[State]:
    """The states a transition leads out of."""
    states = workflow_of(ctx, entity).states
    return [states[name] for name in transition.origins]


def _enter(
    ctx: RunContext,
    at: Workspace,
    entity: str,
    found: Sequence[Row],
    transition: Transition,
    given: Sequence[Given],
) -> list[Row]:
    """Write the new state and what was given with it, through the one door; the records as they are then."""
    changes = {r["id"]: {**g.values, "status": transition.target} for r, g in zip(found, given, strict=True)}
    notes = {r["id"]: g.note for r, g in zip(found, given, strict=True) if g.note}
    held = {record["id"]: record for record in found}
    entered = records.apply_system(ctx, entity, changes, transition=transition.id, notes=notes, held=held, at=at)
    for record, one in zip(found, given, strict=True):
        keep_files(ctx, entity, record["id"], one)
    arrived(ctx, entity, [record["id"] for record in found], transition.target)
    return entered


def ask(ctx: RunContext, entity: str, found: list[Row], state: str, body: Mapping[str, object] | None) -> list[Row]:
    """Open the tasks of an approval; where nobody has to say anything it is approved in the same breath.

    ``body``: what who asks brought with it; ``None``: nobody was there to be asked whom he names.
    """
    approval = workflow_of(ctx, entity).states[state].approval
    if approval is None:
        return found
    ended = tasks.open_tasks(ctx, entity, found, None if body is None else chosen_in(ctx, body))
    moved: dict[int, Row] = {}
    for decision in sorted(set(ended.values())):
        ready = [record for record in found if ended.get(record["id"]) == decision]
        why = {"note": say(ctx, "nobody_found")} if decision == tasks.REJECT else {}
        made = _outcomes(ctx, entity, ready, approval.outcome[tasks.OUTCOMES[decision]], why)
        moved.update({record["id"]: record for record in made})
    return [moved.get(record["id"], record) for record in found]


def _post(ctx: RunContext, at: Workspace, entity: str, found: Sequence[Row], transition: Transition) -> None:
    requests = postings.build(ctx, entity, found, transition.posts, at=at.onward())
    if requests:
        _serve_waiting(ctx, [ledgers.post(ctx, requests, known=at)])


def _reverse(ctx: RunContext, entity: str, ids: Sequence[int], transition: Transition) -> None:
    workflow = workflow_of(ctx, entity)
    sets = tuple(sorted({workflow.transitions[name].posts for name in transition.reverses}))
    if sets:
        _serve_waiting(ctx, [ledgers.reverse(ctx, DocumentKey(entity=entity, id=i), sets) for i in ids])


def _serve_waiting(ctx: RunContext, posted: Sequence[ledgers.Posted]) -> None:
    requests = requests_for_waiting(ctx, posted)
    if requests:
        ledgers.post(ctx, requests)


__all__ = [
    "Action",
    "Explanation",
    "actions",
    "ask",
    "explain",
    "locked",
    "may_all",
    "outcome",
    "take",
    "take_many",
    "visible",
]
