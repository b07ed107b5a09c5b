"""Which fields of a record may not be edited now: by workflow state, by being fixed once used, by being computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import exists, select

from engine.model import Entity, EntityKind, Field
from runtime.context import RunContext
from runtime.flow_versions import flows_of
from runtime.ledgers.repool import valued_by
from runtime.messages import fault
from runtime.method_change import PERIOD_START, reasons
from runtime.opening_guard import live_since
from runtime.permissions import rights
from runtime.record_drafts import Batch, Draft
from runtime.record_inputs import Workspace
from runtime.record_steps import differs

Row = dict[str, Any]
ONCE_LIVE = "once_live"


def locked_fields(ctx: RunContext, entity: str, record: Row | None) -> frozenset[str]:
    """Paths (``partner``, ``lines``, ``lines.qty``) that the acting person may not edit in ``record`` now.

    ``lines`` locked: no line comes or goes. ``None``: a record still to be made.
    """
    described = ctx.app.model.entities[entity]
    locked = set(_always_locked(ctx, described, ""))
    if record is None:
        return frozenset(locked)
    locked |= _locked_by_state(ctx, described, record)
    at = Workspace(ctx)
    for path, field in _paths(ctx, described):
        if path in locked:
            continue
        if (field.fixed and is_fixed(ctx, field, record)) or _readonly_now(at, described, field, record):
            locked.add(path)
    return frozenset(locked)


def _readonly_now(at: Workspace, entity: Entity, field: Field, record: Row) -> bool:
    if isinstance(field.readonly, bool):
        return field.readonly
    return field.entity == entity.id and bool(at.evaluate(field.readonly, [record], None, entity.id)[0])


def _paths(ctx: RunContext, entity: Entity, prefix: str = "") -> Iterator[tuple[str, Field]]:
    for field in entity.fields.values():
        yield prefix + field.id, field
        if field.lines:
            yield from _paths(ctx, ctx.app.model.entities[field.lines], f"{prefix}{field.id}.")


def _always_locked(ctx: RunContext, entity: Entity, prefix: str) -> Iterator[str]:
    allowed = rights(ctx, entity.id)
    for field in entity.fields.values():
        computed = field.formula is not None or (field.id == "status" and entity.workflow is not None)
        if computed or field.readonly is True or field.id in allowed.readonly or field.id in allowed.hidden:
            yield prefix + field.id
        if field.lines:
            yield from _always_locked(ctx, ctx.app.model.entities[field.lines], f"{prefix}{field.id}.")


def _locked_by_state(ctx: RunContext, entity: Entity, record: Mapping[str, Any]) -> set[str]:
    """Away from the start state only what the state names may be edited."""
    if entity.workflow is None:
        return set()
    flow = flows_of(ctx, entity.id, [i for i in (record.get("id"),) if isinstance(i, int)])
    state = next(iter(flow.values()), entity.workflow).states.get(str(record.get("status")))
    if state is None or state.start:
        return set()
    free = frozenset(state.edit)
    return {path for path, _ in _paths(ctx, entity) if path not in free and not _line_free(path, free)}


def _line_free(path: str, free: frozenset[str]) -> bool:
    """A whole lines field that may be edited frees its fields."""
    parts = path.split(".")
    return any(".".join(parts[:n]) in free for n in range(1, len(parts)))


def is_fixed(ctx: RunContext, field: Field, record: Row) -> bool:
    """Whether a field that is fixed by use has been used: moves exist (of the record, or, for settings, at all)."""
    if record.get("id") is None:
        return False
    if field.fixed == ONCE_LIVE:
        return bool(live_since(ctx))
    if field.fixed == PERIOD_START:
        if valued_by(ctx.app.model, field.entity, field.id):
            return bool(reasons(ctx, field))
        return ctx.today().day != 1 and any(_exists(ctx, table) for table in ctx.app.tables.moves.values())
    return _has_moves(ctx, field.entity, record["id"])


def _has_moves(ctx: RunContext, entity: str, record: int) -> bool:
    for ledger in ctx.app.model.ledgers.values():
        table = ctx.app.tables.balance[ledger.id]
        for dimension in ledger.dimensions.values():
            if dimension.targets == (entity,) and _exists(ctx, table, table.c[dimension.id] == record):
                return True
    return False


def _exists(ctx: RunContext, table: Any, *conditions: Any) -> bool:
    return bool(ctx.connection.execute(select(exists(select(1).select_from(table).where(*conditions)))).scalar())


def refuse_locked(batch: Batch) -> None:
    """Faults for every given field that is locked in the state the record is in."""
    for draft in batch.headers:
        if draft.old is not None:
            locked = _locked_by_state(batch.ctx, batch.plan.entity, draft.old)
            _refuse(batch, batch.plan.entity, draft, draft, locked, "")
    for part, draft in batch.each():
        if draft.old is not None:
            for name in draft.given:
                field = part.entity.fields[name]
                if field.fixed and differs(draft, name) and is_fixed(batch.ctx, field, draft.old):
                    _refuse_fixed(batch, draft, field)


def _refuse_fixed(batch: Batch, draft: Draft, field: Field) -> None:
    if field.fixed == ONCE_LIVE:
        label, day = field.label.get(batch.ctx.language), live_since(batch.ctx)
        live = fault(batch.ctx, "fixed_once_live", f"{draft.path}{field.id}", label=label, day=day)
        batch.faults.append((draft.record, live))
        return
    told = reasons(batch.ctx, field) if field.fixed == PERIOD_START else ()
    for reason in told:
        batch.faults.append((draft.record, replace(reason, field=f"{draft.path}{field.id}")))
    if not told:
        batch.refuse(draft, "field_locked", field.id, label=field.label.get(batch.ctx.language))


def _refuse(batch: Batch, entity: Entity, header: Draft, draft: Draft, locked: set[str], prefix: str) -> None:
    if not locked:
        return
    label = {f.id: f.label.get(batch.ctx.language) for f in entity.fields.values()}
    for name in sorted(draft.given):
        field = entity.fields[name]
        if field.lines:
            _refuse_lines(batch, header, field, locked, f"{prefix}{name}.")
        elif prefix + name in locked and differs(draft, name):
            batch.refuse(draft, "field_locked", name, label=label[name])


def _refuse_lines(batch: Batch, header: Draft, field: Field, locked: set[str], prefix: str) -> None:
    """Lines may come and go only if the field itself is free; else each line's fields are judged one by one."""
    entity = batch.plan.parts[field.lines].entity
    lines = [d for d in batch.drafts[field.lines] if d.record == header.record]
    gone = [row for row in batch.gone.get(field.lines, ()) if row.get("parent") == (header.old or {}).get("id")]
    if prefix[:-1] in locked and (gone or any(line.old is None for line in lines)):
        batch.refuse(header, "field_locked", field.id, label=field.label.get(batch.ctx.language))
        return
    for line in lines:
        if line.old is not None:
            _refuse(batch, entity, header, line, locked, prefix)


def may_be_deleted(ctx: RunContext, entity: Entity, record: Row) -> bool:
    """Documents only before anything happened to them."""
    if entity.kind is EntityKind.SETTING:
        return False
    if entity.workflow is None:
        return True
    state = entity.workflow.states.get(str(record.get("status")))
    return state is None or state.start
