"""An import taken back: what it made goes, what it changed gets its old values, what it posted is countered.

Nothing is forced: a record that others built on, or that was changed since, stays and is named with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import select

from engine.model import Entity, Field
from runtime import records, workflow
from runtime.context import RunContext
from runtime.errors import Conflict, UserError
from runtime.importing_kept import Came, import_of, note_undone, standing, versions
from runtime.messages import fault
from runtime.permissions import label_of
from runtime.record_locks import may_be_deleted
from runtime.record_texts import record_title
from runtime.record_unmaking import delete_free
from runtime.rules_past import from_kept
from runtime.values import ENTERED, Base

Row = dict[str, Any]
Progress = Callable[[int, int], None]
BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """A record that cannot be taken back, and why."""

    entity: str
    record: int
    title: str
    reason: str


@dataclass(slots=True)
class Undone:
    """What undoing does or did. ``countered``: posted documents that were cancelled with moves the other way round."""

    removed: int = 0
    restored: int = 0
    countered: int = 0
    written: bool = False
    stays: list[Stays] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Records that are as they were."""
        return self.removed + self.restored + self.countered


def undo_import(
    ctx: RunContext,
    number: int,
    *,
    dry_run: bool = False,
    partial: bool = False,
    progress: Progress = lambda done, of: None,
) -> Undone:
    """Take an import back, in the caller's transaction: whole, or with ``partial`` as far as it goes."""
    entity = import_of(ctx, number, lock=True).entity
    left = standing(ctx, number)
    if not left:
        raise Conflict(fault(ctx, "import_undone"))
    savepoint = ctx.connection.begin_nested()
    result, gone = Undone(), []
    own = [one for one in left if one.entity == entity]
    named = [one for one in left if one.entity != entity]
    for some in (own, named):  # what rows named goes after the rows
        gone += _take_back(ctx, number, some, result, lambda done: progress(done, len(left)))
    if dry_run or (result.stays and not partial):
        savepoint.rollback()
        return result
    note_undone(ctx, number, gone)
    savepoint.commit()
    result.written = bool(gone)
    return result


def _take_back(
    ctx: RunContext, number: int, wanted: Sequence[Came], result: Undone, tell: Callable[[int], None]
) -> list[Came]:
    """Again and again as long as something goes: rows of one file may build on each other."""
    gone: list[Came] = []
    refused: dict[Came, UserError] = {}
    left = list(wanted)
    for entity, held in _by_entity(left).items():  # so that what is compared is what is changed
        versions(ctx, entity, [one.record for one in held], lock=True)
    while left:
        refused = {}
        for some in _batches(left):
            gone += _batch(ctx, number, some, result, refused)
            tell(len(gone))
        if len(refused) == len(left):
            break
        left = list(refused)
    for one, error in refused.items():
        result.stays.append(_stays(ctx, one, error))
    return gone


def _by_entity(wanted: Sequence[Came]) -> dict[str, list[Came]]:
    found: dict[str, list[Came]] = {}
    for one in wanted:
        found.setdefault(one.entity, []).append(one)
    return found


def _batches(wanted: Sequence[Came]) -> Iterator[Sequence[Came]]:
    """Records of one entity at a time: numbers mean nothing without it."""
    for same in _by_entity(wanted).values():
        for start in range(0, len(same), BATCH):
            yield same[start : start + BATCH]


def _batch(
    ctx: RunContext, number: int, wanted: Sequence[Came], result: Undone, refused: dict[Came, UserError]
) -> list[Came]:
    entity = wanted[0].entity
    now = versions(ctx, entity, [one.record for one in wanted])
    gone = _all_at_once(ctx, entity, wanted, now)
    result.removed += len(gone)
    for one in wanted if not gone else ():
        savepoint = ctx.connection.begin_nested()
        try:
            if now.get(one.record) != one.came:
                raise _changed_since(ctx, one)
            if one.before:
                _restore(ctx, entity, one)
                result.restored += 1
            elif _remove(ctx, number, entity, one):
                result.removed += 1
            else:
                result.countered += 1
        except UserError as error:
            savepoint.rollback()
            refused[one] = error
        else:
            savepoint.commit()
            gone.append(one)
    return gone


def _all_at_once(ctx: RunContext, entity: str, wanted: Sequence[Came], now: Mapping[int, int]) -> list[Came]:
    """New records that nobody touched or built on go together; none of them where one is different."""
    if len(wanted) == 1 or any(one.before or now.get(one.record) != one.came for one in wanted):
        return []
    savepoint = ctx.connection.begin_nested()
    rows = records.load_many(ctx, entity, [one.record for one in wanted], lock=True)
    if delete_free(ctx, entity, rows):
        savepoint.commit()
        return list(wanted)
    savepoint.rollback()
    return []


def _changed_since(ctx: RunContext, one: Came) -> Conflict:
    """Who changed the record after the import, and when."""
    audit, account = ctx.app.tables.system.audit, ctx.app.tables.system.account
    query = select(audit.c.at, account.c.name).outerjoin(account, account.c.id == audit.c.account)
    mine = (audit.c.entity == one.entity, audit.c.record == one.record, audit.c.version > one.came)
    found = ctx.connection.execute(query.where(*mine).order_by(audit.c.id.desc()).limit(1)).one_or_none()
    who, day = (found[1] or "–", f"{found[0]:%Y-%m-%d}") if found else ("–", "–")
    return Conflict(fault(ctx, "import_changed_since", who=who, day=day))


def _stays(ctx: RunContext, one: Came, error: UserError) -> Stays:
    row = records.load(ctx, one.entity, one.record)
    title = record_title(ctx.app.model, one.entity, row)
    reason = " ".join(one.message for one in error.faults[:3])
    return Stays(entity=one.entity, record=one.record, title=title, reason=reason)


# --- new records -----------------------------------------------------------------------------------------------


def _remove(ctx: RunContext, number: int, entity: str, one: Came) -> bool:
    """Into the bin; a posted document is cancelled with counter-moves instead. Whether it is gone."""
    described = ctx.app.model.entities[entity]
    row = records.load(ctx, entity, one.record)
    if row.get("deleted_at") is not None:
        return True
    if may_be_deleted(ctx, described, row):
        records.delete(ctx, entity, one.record, version=one.came)
        return True
    back = _way_back(described, row)
    if not back:
        label, title = label_of(ctx, entity), record_title(ctx.app.model, entity, row)
        raise Conflict(fault(ctx, "import_no_way_back", label=label, title=title))
    workflow.take(ctx, entity, one.record, back, {"note": fault(ctx, "import_undo_note", number=number).message})
    return False


def _way_back(entity: Entity, row: Row) -> str:
    """The transition that counters what the record posted."""
    if entity.workflow is None:
        return ""
    ways = (t for t in entity.workflow.transitions.values() if row.get("status") in t.origins)
    return next((t.id for t in ways if t.reverses), "")


# --- changed records -------------------------------------------------------------------------------------------


def _restore(ctx: RunContext, entity: str, one: Came) -> None:
    """The values before the import, from the trail."""
    described = ctx.app.model.entities[entity]
    row = records.load(ctx, entity, one.record)
    old = dict(_before(ctx, entity, one))
    values = dict(_own_values(described, old))
    for name, changes in _line_changes(described, old).items():
        inner = ctx.app.model.entities[described.fields[name].lines]
        values[name] = _lines_before(inner, row.get(name) or (), changes)
    if values:
        records.update(ctx, entity, one.record, values, version=one.came)


def _before(ctx: RunContext, entity: str, one: Came) -> Iterator[tuple[str, Any]]:
    """Path → what stood there before the first of the changes that came with the import."""
    audit = ctx.app.tables.system.audit
    query = select(audit.c.changes).where(
        audit.c.entity == entity,
        audit.c.record == one.record,
        audit.c.version > one.before,
        audit.c.version <= one.came,
    )
    seen: set[str] = set()
    for changes in ctx.connection.execute(query.order_by(audit.c.id)).scalars():
        for path, change in orjson.loads(changes or "{}").items():
            if path not in seen and isinstance(change, list) and len(change) == 2:
                seen.add(path)
                yield path, change


def _own_values(entity: Entity, old: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    first = {path: change[0] for path, change in old.items() if "." not in path}
    yield from _values(entity, first)


def _values(entity: Entity, kept: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the write door is to be given so that the fields are as the trail says."""
    for name in dict.fromkeys(path.removesuffix(ENTERED) for path in kept):
        spec = entity.fields.get(name)
        if spec is None or spec.formula is not None or spec.lines or (name == "status" and entity.workflow):
            continue
        yield name, _given(spec, name, kept)


def _given(spec: Field, name: str, kept: Mapping[str, Any]) -> Any:
    if not spec.unit_field:
        return from_kept(spec, kept.get(name))
    entered = kept.get(name + ENTERED)
    if entered is not None:
        return from_kept(spec, entered)
    base = from_kept(spec, kept.get(name))
    return None if base is None else Base(base)


def _line_changes(entity: Entity, old: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Lines field → the rest of the path → change."""
    found: dict[str, dict[str, Any]] = {}
    for path, change in old.items():
        first, _, rest = path.partition(".")
        spec = entity.fields.get(first)
        if rest and spec is not None and spec.lines:
            found.setdefault(first, {})[rest] = change
    return found


def _lines_before(inner: Entity, now: Sequence[Row], changes: Mapping[str, Any]) -> list[Row]:
    """The lines to be: those that came go, those that went come again, those that changed are as before."""
    came = {int(rest) for rest, change in changes.items() if "." not in rest and change[0] is None}
    went = [change[0] for rest, change in changes.items() if "." not in rest and change[1] is None]
    lines = []
    for line in now:
        if line["id"] not in came:
            mine = {
                rest.partition(".")[2]: change[0]
                for rest, change in changes.items()
                if rest.partition(".")[0] == str(line["id"]) and "." in rest
            }
            lines.append({"id": line["id"], **dict(_values(inner, mine))})
    return [*lines, *(dict(_values(inner, kept)) for kept in went)]
