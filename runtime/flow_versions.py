"""Documents under way finish by the workflow they started with, whatever the app's definition has become since.

``dg_flow`` names the documents that walk an earlier version's flow; everything else walks the newest. Whoever moves a
document, or says what may be done with it, asks ``walking`` first: a context in which its flow is the one it walks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from engine.frozen import Frozen
from engine.model import AppModel, Entity, Option, Workflow
from runtime.context import RunContext
from runtime.programs import Programs

if TYPE_CHECKING:
    from runtime.apps import RunningApp

Flows = Mapping[str, Mapping[int, Workflow]]
"""Flows of earlier versions that documents still walk: entity → version → flow."""


def walking(ctx: RunContext, entity: str, record: object) -> RunContext:
    """The context for one document: in it the entity's flow is that which the document walks."""
    app = ctx.app.newest or ctx.app
    if entity not in app.flows or not isinstance(record, int):
        return _in(ctx, app)
    return _in(ctx, _with_flow(app, entity, versions_of(ctx, entity, [record]).get(record)))


def parted(ctx: RunContext, entity: str, ids: Sequence[int]) -> list[tuple[RunContext, list[int]]]:
    """The documents by the flow they walk, each kind with its context, in the order given."""
    app = ctx.app.newest or ctx.app
    if entity not in app.flows:
        return [(_in(ctx, app), list(ids))]
    walked = versions_of(ctx, entity, ids)
    parts: dict[int | None, list[int]] = {}
    for each in ids:
        parts.setdefault(walked.get(each), []).append(each)
    return [(_in(ctx, _with_flow(app, entity, version)), some) for version, some in parts.items()]


def versions_of(ctx: RunContext, entity: str, ids: Iterable[int]) -> dict[int, int]:
    """Those of the documents that walk an earlier flow, with the version it is from."""
    app = ctx.app.newest or ctx.app
    if entity not in app.flows:
        return {}
    flow = app.tables.system.flow
    query = select(flow.c.record, flow.c.version).where(flow.c.entity == entity, flow.c.record.in_(sorted(set(ids))))
    known = app.flows[entity]
    return {record: version for record, version in ctx.connection.execute(query) if version in known}


def flows_of(ctx: RunContext, entity: str, ids: Iterable[int]) -> dict[int, Workflow]:
    """The flows of those of the documents that walk an earlier one."""
    app = ctx.app.newest or ctx.app
    return {record: app.flows[entity][version] for record, version in versions_of(ctx, entity, ids).items()}


def arrived(ctx: RunContext, entity: str, ids: Sequence[int], state: str) -> None:
    """Documents that came to rest, or back to the beginning, walk the newest flow from then on, if it has the state."""
    if ctx.app.newest is None:
        return
    now = ctx.app.newest.model.entities[entity].workflow
    then = ctx.app.model.entities[entity].workflow
    if now is not None and then is not None and state in resting(then, now):
        flow = ctx.app.tables.system.flow
        ctx.connection.execute(delete(flow).where(flow.c.entity == entity, flow.c.record.in_(sorted(ids))))


def resting(then: Workflow, now: Workflow) -> frozenset[str]:
    """States of a flow in which nothing is under way and which the newer flow knows too."""
    return frozenset(s.id for s in then.states.values() if (s.start or s.end) and s.id in now.states)


def newest(ctx: RunContext) -> RunningApp:
    """The app itself, also where the context is that of a document on an earlier flow."""
    return ctx.app.newest or ctx.app


def gone_states(model: AppModel, flows: Flows) -> Mapping[str, frozenset[str]]:
    """States that only earlier flows know, by entity."""
    found: dict[str, frozenset[str]] = {}
    for id, older in flows.items():
        now = model.entities[id].workflow
        found[id] = frozenset(state for flow in older.values() for state in flow.states) - set(
            now.states if now else ()
        )
    return found


def with_older(model: AppModel, flows: Flows) -> AppModel:
    """The model with the states of earlier flows which it lacks: they keep their names wherever they are shown."""
    entities = {id: _shown(model.entities[id], older) for id, older in flows.items()}
    return replace(model, entities=Frozen({**model.entities, **entities})) if entities else model


def _shown(entity: Entity, older: Mapping[int, Workflow]) -> Entity:
    now = entity.workflow
    if now is None:
        return entity
    gone = {id: replace(s, start=False) for flow in older.values() for id, s in flow.states.items()}
    states = {**now.states, **{id: state for id, state in gone.items() if id not in now.states}}
    status = entity.fields["status"]
    known = {option.id for option in status.options}
    options = [Option(id=s.id, label=s.label, color=s.color) for s in states.values() if s.id not in known]
    return replace(
        entity,
        workflow=replace(now, states=Frozen(states)),
        fields=Frozen({**entity.fields, "status": replace(status, options=(*status.options, *options))}),
    )


def _in(ctx: RunContext, app: RunningApp) -> RunContext:
    return ctx if ctx.app is app else replace(ctx, app=app)


def _with_flow(app: RunningApp, entity: str, version: int | None) -> RunningApp:
    """The app as a document of that version knows it; made once."""
    if version is None:
        return app

    def make() -> RunningApp:
        walked = replace(app.model.entities[entity], workflow=app.flows[entity][version])
        model = replace(app.model, entities=Frozen({**app.model.entities, entity: walked}))
        return replace(app, model=model, programs=Programs(), newest=app)

    return app.programs.keep(("flow", entity, version), make)
