"""The one door through which records are written: forms, API, import, rules and demo data all come this way.

Order, in the caller's transaction: permission, parse, references, defaults and fills, formulas, checks, number,
store, computed fields of other records, trail. A single record is a batch of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from engine.model import Entity, EntityKind
from runtime import audit, computed
from runtime.context import RunContext
from runtime.drawing import check_drawn, fill_from_origin, lock_origins
from runtime.errors import Conflict, Fault, Forbidden, NotFound, Stale
from runtime.happenings import door, note_written
from runtime.messages import fault
from runtime.method_change import after_change, before_change
from runtime.numbering import assign_codes
from runtime.opening_guard import refuse_when_live
from runtime.permissions import READ, Rights, demand, rights
from runtime.record_checks import check, check_again, check_unique
from runtime.record_drafts import Batch, Draft, add_changed, add_moved, add_new, new_batch
from runtime.record_inputs import Workspace
from runtime.record_locks import may_be_deleted, refuse_locked
from runtime.record_plan import record_plan
from runtime.record_reading import visible_record, with_live
from runtime.record_references import Place, fetch_named, find, identifying, made_values, put, resolve_lookups
from runtime.record_removal import check_free, check_lines_free, mark
from runtime.record_results import Rejected as Rejected
from runtime.record_results import Saved as Saved
from runtime.record_results import Written, refuse_faulty, whole
from runtime.record_rows import load_rows
from runtime.record_steps import note_changes, run_steps
from runtime.record_store import clean, store, write_trail
from runtime.record_texts import record_title
from runtime.row_rules import visible_ids
from runtime.structure_checks import check_structures

Row = dict[str, Any]
Record = dict[str, Any]
HISTORY = "history"
"""The kind of records taken over from another system: as they were, with no postings."""


def create(ctx: RunContext, entity: str, values: Mapping[str, object]) -> Saved:
    """Make one record."""
    return create_many(ctx, entity, [values])[0]


def create_many(
    ctx: RunContext, entity: str, rows: Sequence[Mapping[str, object]], *, kind: str = "create", strict: bool = True
) -> list[Saved]:
    """Make records, all or none. ``strict=False``: the system's own (status and computed-by-others may be given)."""
    batch = open_batch(ctx, entity, kind, strict=strict)
    for number, values in enumerate(rows):
        add_new(batch, values, number)
    return make(batch, kind)


def open_batch(ctx: RunContext, entity: str, kind: str, *, strict: bool) -> Batch:
    """An empty batch of new records, for who may make them."""
    entity_of(ctx, entity)
    if strict:
        demand(ctx, entity, "create")
    refuse_when_live(ctx, entity)
    batch = new_batch(ctx, record_plan(ctx, entity), strict=strict)
    batch.lenient = kind == HISTORY
    return batch


def make(batch: Batch, kind: str) -> list[Saved]:
    """Write the new records of a batch; those with a workflow begin at its start."""
    workflow = batch.plan.entity.workflow
    if workflow is not None:
        for draft in batch.headers:
            draft.row.setdefault("status", workflow.start.id)
    return _finish(batch, kind)


def update(
    ctx: RunContext, entity: str, record: int, changes: Mapping[str, object], *, version: int | None = None
) -> Saved:
    """Change the named fields of a record; ``version``: refuse if somebody saved since."""
    return update_many(ctx, entity, [(record, changes, version)])[0]


Change = tuple[int, Mapping[str, object], int | None]
"""(id, changed fields, version the caller saw or ``None``)."""


def update_many(ctx: RunContext, entity: str, changes: Sequence[Change]) -> list[Saved]:
    """Change records, all or none."""
    demand_known(ctx, entity, "change")
    found = _load_visible(ctx, entity, [record for record, _, _ in changes], lock=True)
    for record, _, version in changes:
        check_version(ctx, entity, found[record], version)
    return _change(ctx, entity, found, [(record, values) for record, values, _ in changes])


def _change(
    ctx: RunContext, entity: str, found: Mapping[int, Row], changes: Sequence[tuple[int, Mapping[str, object]]]
) -> list[Saved]:
    batch = new_batch(ctx, record_plan(ctx, entity), strict=True)
    for number, (record, values) in enumerate(changes):
        _refuse_deleted(ctx, entity, found[record])
        add_changed(batch, found[record], values, number)
    return _finish(batch, "update")


def save_setting(ctx: RunContext, entity: str, changes: Mapping[str, object], *, version: int | None = None) -> Saved:
    """Change a setting's one record; it comes into being, with its defaults, when it is first saved."""
    found = setting_id(ctx, entity)
    if found is not None:
        return update(ctx, entity, found, changes, version=version)
    demand_known(ctx, entity, "change")
    return create_many(ctx, entity, [changes], strict=False)[0]


def setting_id(ctx: RunContext, entity: str) -> int | None:
    """The id of a setting's record, if it was ever saved."""
    table = ctx.app.tables.entity[entity_of(ctx, entity).id]
    return ctx.connection.execute(select(table.c.id).order_by(table.c.id).limit(1)).scalar()


def apply_system(
    ctx: RunContext,
    entity: str,
    changes: Mapping[int, Mapping[str, object]],
    *,
    kind: str = "transition",
    transition: str = "",
    notes: Mapping[int, str] | str = "",
    held: Mapping[int, Row] | None = None,
    at: Workspace | None = None,
) -> list[Record]:
    """The system's own change (a transition's status): same store, formulas and trail, no field rights or checks.

    ``held``: the records as the caller loaded and locked them in this transaction; ``at``: what it has read of others.
    Answers the records as they are now, by order of ``changes``.
    """
    found = load_rows(ctx, entity, changes, lock=True) if held is None else held
    batch = new_batch(ctx, record_plan(ctx, entity), strict=False, at=at)
    alone = batch.plan.unmoved and all(values.keys() == {"status"} for values in changes.values())
    for number, (record, values) in enumerate(changes.items()):
        row = _present(ctx, entity, found, record)
        add_moved(batch, row, values["status"], number) if alone else add_changed(batch, row, values, number)
    with door(ctx):
        settled = note_changes if alone else _settle
        settled(batch)
        refuse_faulty(batch)
        _write(batch, kind, transition=transition, notes=notes)
    return [draft.row for draft in batch.headers]


def load(ctx: RunContext, entity: str, record: int, *, lock: bool = False) -> Record:
    """A whole record, lines nested, without regard to rights: for the system's own use."""
    return load_many(ctx, entity, [record], lock=lock)[record]


def load_many(ctx: RunContext, entity: str, ids: Iterable[int], *, lock: bool = False) -> dict[int, Record]:
    """Whole records by id; ``NotFound`` if one does not exist (deleted ones do)."""
    wanted = list(ids)
    found = load_rows(ctx, entity, wanted, lock=lock)
    for record in wanted:
        _present(ctx, entity, found, record)
    return found


def read(ctx: RunContext, entity: str, record: int) -> Record:
    """A whole record as the acting person may see it: hidden fields absent, live formulas computed."""
    return read_many(ctx, entity, [record])[0]


def read_many(ctx: RunContext, entity: str, ids: Sequence[int]) -> list[Record]:
    """Like ``read``, in order of ``ids``."""
    demand_known(ctx, entity, READ)
    found = _load_visible(ctx, entity, ids)
    rows = [found[record] for record in ids]
    with_live(Workspace(ctx), ctx.app.model.entities[entity], rows)
    return [visible_record(ctx, entity, row) for row in rows]


def delete(ctx: RunContext, entity: str, record: int, *, version: int | None = None) -> Saved:
    """Mark a record as deleted; refused while others refer to it, and for documents under way."""
    described = entity_of(ctx, entity)
    demand(ctx, entity, "delete")
    row = load_visible(ctx, entity, record, lock=True)
    check_version(ctx, entity, row, version)
    _refuse_deleted(ctx, entity, row)
    if not may_be_deleted(ctx, described, row):
        raise Conflict(fault(ctx, "not_in_start_state", **_naming(ctx, entity, row)))
    check_free(ctx, described, row)
    return _mark(ctx, described, row, deleted=True)


def restore(ctx: RunContext, entity: str, record: int) -> Saved:
    """Take a deleted record back; refused when its unique values were given to another meanwhile."""
    described = entity_of(ctx, entity)
    demand(ctx, entity, "delete")
    row = load_visible(ctx, entity, record, lock=True)
    if row.get("deleted_at") is not None:
        batch = new_batch(ctx, record_plan(ctx, entity), strict=False)
        batch.headers.append(Draft(row, None, set(), "", 0))
        check_unique(batch, described, batch.headers)
        refuse_faulty(batch)
        return _mark(ctx, described, row, deleted=False)
    return Saved(id=record, version=row["version"], code=str(row.get("code") or ""))


def _mark(ctx: RunContext, entity: Entity, row: Row, *, deleted: bool) -> Saved:
    kind = "delete" if deleted else "restore"
    with door(ctx):
        mark(ctx, entity.id, row, deleted=deleted)
        wave = computed.propagate_presence(ctx, entity, row)
        entry = audit.Entry(entity=entity.id, record=row["id"], version=row["version"], kind=kind, changes={})
        audit.write(ctx, [entry])
        note_written(ctx, entity.id, kind, "", {}, {entity.id: [row]}, wave.done)
    return Saved(id=row["id"], version=row["version"], code=str(row.get("code") or ""))


def _present(ctx: RunContext, entity: str, found: Mapping[int, Row], record: int) -> Row:
    if record not in found:
        raise not_found(ctx, entity, record)
    return found[record]


# --- pieces used by the neighbours ---------------------------------------------------------------------------


def entity_of(ctx: RunContext, entity: str) -> Entity:
    """An entity that records can be written to through this door."""
    found = ctx.app.model.entities.get(entity)
    if found is None or found.kind in (EntityKind.LINES, EntityKind.SYSTEM):
        raise NotFound(fault(ctx, "no_such_entity", given=entity[:60]))
    return found


def demand_known(ctx: RunContext, entity: str, action: str) -> Rights:
    """The rights on an entity that exists; ``Forbidden`` without ``action``."""
    entity_of(ctx, entity)
    return demand(ctx, entity, action)


def not_found(ctx: RunContext, entity: str, record: int) -> NotFound:
    """There is none, or the person may not know of it: the same words for both."""
    label = ctx.app.model.entities[entity].label.get(ctx.language)
    return NotFound(fault(ctx, "not_found", label=label, id=record))


def _load_visible(ctx: RunContext, entity: str, ids: Sequence[int], *, lock: bool = False) -> dict[int, Row]:
    seen = visible_ids(ctx, entity, ids)
    for record in ids:
        if record not in seen:
            raise not_found(ctx, entity, record)
    return load_many(ctx, entity, ids, lock=lock)


def load_visible(ctx: RunContext, entity: str, record: int, *, lock: bool = False) -> Row:
    """One record the person may know of."""
    return _load_visible(ctx, entity, [record], lock=lock)[record]


def check_version(ctx: RunContext, entity: str, row: Row, version: int | None) -> None:
    """Refuse a change made on an older state."""
    if version is not None and version != row["version"]:
        words = _naming(ctx, entity, row)
        raise Stale(fault(ctx, "stale", **words, now=row["version"], given=version))


def _refuse_deleted(ctx: RunContext, entity: str, row: Row) -> None:
    if row.get("deleted_at") is not None:
        raise NotFound(fault(ctx, "deleted_record", **_naming(ctx, entity, row)))


def _naming(ctx: RunContext, entity: str, row: Row) -> dict[str, str]:
    label = ctx.app.model.entities[entity].label.get(ctx.language)
    return {"label": label, "title": record_title(ctx.app.model, entity, row)}


# --- the steps -----------------------------------------------------------------------------------------------


def _finish(batch: Batch, kind: str) -> list[Saved]:
    with door(batch.ctx) as journal:
        saved = _finished(batch, kind)
    return journal.renewed(batch.plan.entity.id, saved)


def _finished(batch: Batch, kind: str) -> list[Saved]:
    _settle(batch)
    check(batch)
    refuse_faulty(batch)
    _number(batch)
    wave = _write(batch, kind)
    if wave.done and not batch.lenient:
        check_again(batch, wave.done)
        refuse_faulty(batch)
    told: dict[int, list[Fault]] = {}
    for index, one in batch.warnings:
        told.setdefault(index, []).append(one)
    if len(batch.headers) == 1:
        return [_saved(batch, draft.row, tuple(told.get(draft.record, ()))) for draft in batch.headers]
    rows = [(draft.row, draft.record) for draft in batch.headers]  # to hand on many would only fill the memory
    return [
        Saved(row["id"], row["version"], str(row.get("code") or ""), tuple(told[index]) if index in told else ())
        for row, index in rows
    ]


def _settle(batch: Batch) -> None:
    """Everything that follows from what was given."""
    _make_on_the_fly(batch, resolve_lookups(batch))
    if batch.plan.entity.sources:
        fill_from_origin(batch)
    note_changes(batch)
    fetch_named(batch)
    if batch.strict:
        refuse_locked(batch)
    run_steps(batch)


def _make_on_the_fly(batch: Batch, places: Sequence[Place]) -> None:
    """Find or make the records that references with ``create`` name."""
    if not places:
        return
    values = made_values(batch, places)
    by_entity: dict[str, list[int]] = {}
    for index, (_, field, _lookup) in enumerate(places):
        by_entity.setdefault(field.targets[0], []).append(index)
    for entity, indexes in by_entity.items():
        described = batch.ctx.app.model.entities[entity]
        keys = {i: identifying(described, values[i]) for i in indexes}
        found = {key: ids[0] for key, ids in find(batch.ctx, entity, set(keys.values())).items() if ids}
        missing = {key: values[i] for i, key in keys.items() if key not in found}
        if missing and not batch.faults:
            made = create_many(batch.ctx, entity, list(missing.values()))
            found.update(zip(missing, (saved.id for saved in made), strict=True))
        for i in indexes:
            draft, field, lookup = places[i]
            put(draft, field, lookup, found.get(keys[i]))


def _number(batch: Batch) -> None:
    entity = batch.plan.entity
    if entity.number is None:
        return
    due = [d for d in batch.headers if d.old is None or ("code" in d.given and not d.row.get("code"))]
    if not due:
        return
    refused = assign_codes(batch.at, entity, [d.row for d in due])
    for index, missing in refused.items():
        batch.refuse(due[index], "number_needs", "code", needs="、".join(missing))
    refuse_faulty(batch)


def _write(batch: Batch, kind: str, *, transition: str = "", notes: Mapping[int, str] | str = "") -> computed.Wave:
    ctx, entity = batch.ctx, batch.plan.entity
    rows = [draft.row for draft in batch.headers]
    if entity.sources:
        lock_origins(ctx, entity.id, rows)
    check_lines_free(batch)
    valued = before_change(batch)
    try:
        store(batch)
    except IntegrityError as error:  # somebody else took the value or removed the record a moment ago
        raise Conflict(fault(ctx, "taken_meanwhile", label=entity.label.get(ctx.language))) from error
    clean(batch)
    for part, draft in batch.each():
        if draft.old is not None:
            batch.at.forget(part.entity.id, [draft.row["id"]])
    _refuse_rows_out_of_reach(batch)
    check_structures(ctx, entity.id, rows)  # before formulas that follow a structure could go round in it
    after_change(batch, valued)
    wave = computed.propagate(batch)
    if wave.done:
        batch.stored = {}  # the records may have become others
    if entity.sources and not batch.lenient:
        check_drawn(ctx, entity.id, rows)
    write_trail(batch, kind, transition=transition, notes=notes)
    note_written(ctx, entity.id, kind, transition, batch.drafts, batch.gone, wave.done, batch.at.met)
    return wave


def _refuse_rows_out_of_reach(batch: Batch) -> None:
    """Nobody may put a record where he could not see it afterwards."""
    ctx, entity = batch.ctx, batch.plan.entity
    if not batch.strict or not rights(ctx, entity.id).rows:
        return
    ids = [draft.row["id"] for draft in batch.headers]
    if set(ids) - visible_ids(ctx, entity.id, ids):
        raise Forbidden(fault(ctx, "row_forbidden", label=entity.label.get(ctx.language)))


def _saved(batch: Batch, row: Row, told: tuple[Fault, ...]) -> Saved:
    """What was written is handed on, for what comes next with it."""
    written = Written(whole(batch.ctx, batch.plan.entity, row), batch.at.onward())
    code = str(row.get("code") or "")
    return Saved(row["id"], row["version"], code, told, written)


def may_read(ctx: RunContext, entity: str) -> Rights:
    """The rights of who may read the entity."""
    return demand_known(ctx, entity, READ)
