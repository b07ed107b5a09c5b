"""Documents under way moved to the newest flow on purpose: which walk an earlier one, and taking them over.

A state that the newest flow does not know has to be given another one. What waits for a say is asked anew, from the
first step of the state. Nothing is posted or taken back: states before and after a posting cannot stand for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete, func, select

from engine.model import Entity, Workflow
from runtime import audit, records, tasks, workflow
from runtime.context import RunContext
from runtime.errors import Conflict, Fault, Invalid
from runtime.flow_versions import newest, versions_of
from runtime.happenings import door
from runtime.messages import fault, say
from runtime.permissions import demand_admin, label_of
from runtime.task_copies import COPIED
from runtime.workflow_rights import workflow_of

KIND = "flow"
"""How the trail calls it."""
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """So many documents walk the flow of ``version`` and stand in ``state``; ``known``: the newest flow has it too."""

    version: int
    state: str
    documents: int
    known: bool


def standing(ctx: RunContext, entity: str, record: int = 0) -> list[Standing]:
    """The documents of an entity (or one of them) that walk an earlier flow, by version and state."""
    demand_admin(ctx)
    workflow_of(ctx, entity)
    app = newest(ctx)
    flow, table = app.tables.system.flow, app.tables.entity[entity]
    query = (
        select(flow.c.version, table.c.status, func.count().label("documents"))
        .join(table, table.c.id == flow.c.record)
        .where(flow.c.entity == entity, table.c.deleted_at.is_(None))
        .group_by(flow.c.version, table.c.status)
        .order_by(flow.c.version, table.c.status)
    )
    if record:
        query = query.where(flow.c.record == record)
    gone = app.gone.get(entity, frozenset())
    return [
        Standing(version=row.version, state=row.status, documents=row.documents, known=row.status not in gone)
        for row in ctx.connection.execute(query)
    ]


def states_now(ctx: RunContext, entity: str) -> list[str]:
    """The states of the newest flow, in order."""
    app = newest(ctx)
    gone = app.gone.get(entity, frozenset())
    flow = app.model.entities[entity].workflow
    return [state for state in (flow.states if flow is not None else ()) if state not in gone]


def move(
    ctx: RunContext, entity: str, ids: Sequence[int] | None = None, states: Mapping[str, str] | None = None
) -> list[int]:
    """Let documents (all of the entity that walk an earlier flow) walk the newest; ``states``: old state → new one.

    All of them or none; the ids of those that were moved.
    """
    demand_admin(ctx)
    workflow_of(ctx, entity)
    ctx = replace(ctx, app=newest(ctx))
    wanted = sorted(set(ids)) if ids is not None else _all(ctx, entity)
    found = workflow.locked(ctx, entity, wanted) if wanted else []
    walked = versions_of(ctx, entity, wanted)
    _refuse(ctx, entity, found, walked, states or {})
    targets = {row["id"]: (states or {}).get(row["status"], row["status"]) for row in found}
    with door(ctx):
        _leave(ctx, entity, wanted)
        _take_over(ctx, entity, found, targets, walked)
    return wanted


def _all(ctx: RunContext, entity: str) -> list[int]:
    flow, table = ctx.app.tables.system.flow, ctx.app.tables.entity[entity]
    query = select(flow.c.record).join(table, table.c.id == flow.c.record)
    here = query.where(flow.c.entity == entity, table.c.deleted_at.is_(None)).order_by(flow.c.record)
    return list(ctx.connection.execute(here).scalars())


def _leave(ctx: RunContext, entity: str, ids: Sequence[int]) -> None:
    """Nothing of the earlier flow is waited for any more."""
    flow = ctx.app.tables.system.flow
    ctx.connection.execute(delete(flow).where(flow.c.entity == entity, flow.c.record.in_(ids)))


def _take_over(
    ctx: RunContext,
    entity: str,
    found: Sequence[workflow.Row],
    targets: Mapping[int, str],
    walked: Mapping[int, int],
) -> None:
    """Documents into their states of the newest flow, where those who decide are asked anew, for who asked before."""
    if not found:
        return
    askers = _askers(ctx, entity, found)
    tasks.close(ctx, entity, [row["id"] for row in found])
    notes = {row["id"]: say(ctx, "flow_moved", version=walked[row["id"]]) for row in found}
    changes = {row["id"]: {"status": targets[row["id"]]} for row in found if targets[row["id"]] != row["status"]}
    made: dict[int, workflow.Row] = {row["id"]: row for row in found}
    if changes:
        held = {id: made[id] for id in changes}
        moved = records.apply_system(ctx, entity, changes, kind=KIND, notes=notes, held=held)
        made.update({row["id"]: row for row in moved})
    stays = [row for id, row in made.items() if id not in changes]
    audit.write(ctx, [audit.Entry(entity, r["id"], r["version"], KIND, {}, note=notes[r["id"]]) for r in stays])
    together: dict[tuple[int, str], list[workflow.Row]] = {}
    for row in made.values():
        together.setdefault((askers[row["id"]], row["status"]), []).append(row)
    for (asker, state), rows in together.items():
        asking = replace(ctx, user=replace(ctx.user, account=asker))
        workflow.ask(asking, entity, rows, state, None)


def _askers(ctx: RunContext, entity: str, found: Sequence[workflow.Row]) -> dict[int, int]:
    """Who sent each document for approval last, else who made it."""
    task = ctx.app.tables.system.task
    about = (task.c.entity == entity, task.c.record.in_([row["id"] for row in found]))
    sent = (task.c.asked_by.is_not(None), task.c.decision != COPIED)
    last = select(func.max(task.c.id)).where(*about, *sent).group_by(task.c.record)
    query = select(task.c.record, task.c.asked_by).where(task.c.id.in_(last))
    asked = {row.record: row.asked_by for row in ctx.connection.execute(query)}
    return {row["id"]: asked.get(row["id"]) or row.get("created_by") or 0 for row in found}


# --- what stands in the way ------------------------------------------------------------------------------------


def _refuse(
    ctx: RunContext,
    entity: str,
    found: Sequence[workflow.Row],
    walked: Mapping[int, int],
    states: Mapping[str, str],
) -> None:
    known = states_now(ctx, entity)
    for old, new in states.items():
        if new not in known:
            raise Invalid(
                fault(ctx, "flow_state_unknown", f"states.{old}", given=new[:40], known=_names(ctx, entity, known))
            )
    newest_already = [str(row.get("code") or row["id"]) for row in found if row["id"] not in walked]
    if newest_already:
        raise Conflict(fault(ctx, "flow_is_newest", titles=_shown(newest_already)))
    lost: dict[str, list[str]] = {}
    for row in found:
        if states.get(row["status"], row["status"]) not in known:
            lost.setdefault(row["status"], []).append(str(row.get("code") or row["id"]))
    faults = [_gone(ctx, entity, state, titles, known) for state, titles in lost.items()]
    faults += _across_postings(ctx, entity, found, walked, states)
    if faults:
        raise Conflict(*faults)


def _gone(ctx: RunContext, entity: str, state: str, titles: Sequence[str], known: Sequence[str]) -> Fault:
    return fault(
        ctx, "flow_state_gone", f"states.{state}",
        label=label_of(ctx, entity), titles=_shown(titles), state=_names(ctx, entity, [state]),
        known=_names(ctx, entity, known),
    )  # fmt: skip


def _across_postings(
    ctx: RunContext, entity: str, found: Sequence[workflow.Row], walked: Mapping[int, int], states: Mapping[str, str]
) -> list[Fault]:
    """A state behind a posting cannot stand for one before it, nor the other way round."""
    described, faults = ctx.app.model.entities[entity], dict[str, Fault]()
    now = described.workflow
    for row in found:
        old, new = row["status"], states.get(row["status"], row["status"])
        then = ctx.app.flows[entity][walked[row["id"]]]
        if now is not None and old != new and is_posted(described, then, old) != is_posted(described, now, new):
            names = {"old": _names(ctx, entity, [old]), "new": _names(ctx, entity, [new])}
            faults[old] = fault(ctx, "flow_state_posts", f"states.{old}", **names)
    return list(faults.values())


def is_posted(entity: Entity, flow: Workflow, state: str) -> bool:
    """Whether documents in a state have been posted: some way that posts leads there, at last."""
    reached, grown = {t.target for t in flow.transitions.values() if t.posts in entity.postings}, True
    while grown:
        more = {t.target for t in flow.transitions.values() if reached & set(t.origins) and not t.reverses} - reached
        reached |= more
        grown = bool(more)
    return state in reached


def _names(ctx: RunContext, entity: str, states: Sequence[str]) -> str:
    flow = workflow_of(ctx, entity)
    labels = [flow.states[state].label.get(ctx.language) if state in flow.states else state for state in states]
    return ("、" if ctx.language == "zh" else ", ").join(labels)


def _shown(titles: Sequence[str]) -> str:
    more = len(titles) - SHOWN
    return "、".join(titles[:SHOWN]) + (f" … (+{more})" if more > 0 else "")
