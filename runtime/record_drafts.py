"""What a caller gave, as drafts: records in the making with what they were before, field by field checked for form.

Faults are collected in the batch, with the place of each, so that a person sees all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from engine.expressions.types import Kind
from engine.model import Field
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.messages import fault, say
from runtime.permissions import Rights, rights
from runtime.record_inputs import Workspace
from runtime.record_lanes import Lane, lanes
from runtime.record_plan import Cell, EntityPart, RecordPlan
from runtime.values import ENTERED, Base, Entered, Refusal, parse_raw, refused

Row = dict[str, Any]
PASSED_OVER = frozenset(
    ("id", "version", "created_at", "created_by", "changed_at", "changed_by", "deleted_at", "position", "parent")
)
"""Keys that a record shown by us carries and that nobody writes: sending them back is no mistake."""


@dataclass(slots=True, eq=False)
class Draft:
    """A record (or line) in the making. ``old``: as it was (``None``: new). ``given``: fields the caller named.

    ``path``: prefix of its faults (``lines.2.``). ``record``: index of the record it belongs to.
    """

    row: Row
    old: Row | None
    given: set[str]
    path: str
    record: int

    @property
    def new(self) -> bool:
        """Whether it is being made."""
        return self.old is None


@dataclass(slots=True, eq=False)
class Batch:
    """Records of one entity written together. ``drafts``: by entity, the header's first, lines in order.

    ``lenient``: the entity's checks only warn (history is as it was).

    ``strict``: whether field rights, workflow and locks hold (not for the system's own writes). ``changed``: cells
    that differ from before in some draft. ``gone``: lines to be removed, by lines entity. ``stored``: fields of many
    new records as they were written, a column each.
    """

    ctx: RunContext
    plan: RecordPlan
    at: Workspace
    strict: bool = True
    lenient: bool = False
    drafts: dict[str, list[Draft]] = field(default_factory=dict)
    gone: dict[str, list[Row]] = field(default_factory=dict)
    changed: set[Cell] = field(default_factory=set)
    faults: list[tuple[int, Fault]] = field(default_factory=list)
    warnings: list[tuple[int, Fault]] = field(default_factory=list)
    lanes: dict[str, dict[str, Lane]] = field(default_factory=dict)
    stored: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def headers(self) -> list[Draft]:
        """The records themselves."""
        return self.drafts[self.plan.entity.id]

    def each(self) -> Iterator[tuple[EntityPart, Draft]]:
        """Every draft with its part."""
        for entity, drafts in self.drafts.items():
            part = self.plan.parts[entity]
            for draft in drafts:
                yield part, draft

    def refuse(self, draft: Draft, code: str, name: str = "", **values: object) -> None:
        """Add a fault at a field of a draft."""
        self.faults.append((draft.record, fault(self.ctx, code, f"{draft.path}{name}", **values)))


def new_batch(ctx: RunContext, plan: RecordPlan, *, strict: bool, at: Workspace | None = None) -> Batch:
    """An empty batch. ``at``: what its caller has read in this transaction."""
    batch = Batch(ctx, plan, at or Workspace(ctx), strict and not ctx.user.is_system)
    batch.drafts = {entity: [] for entity in plan.parts}
    return batch


def add_new(batch: Batch, values: Mapping[str, object], number: int, prefix: str = "") -> Draft:
    """A draft of a new record from raw values."""
    draft = Draft({}, None, set(), prefix, number)
    batch.headers.append(draft)
    _take(batch, batch.plan.header, draft, values)
    return draft


def add_changed(batch: Batch, old: Row, changes: Mapping[str, object], number: int) -> Draft:
    """A draft of an existing record: its values with ``changes`` taken over."""
    draft = Draft(dict(old), old, set(), "", number)
    batch.headers.append(draft)
    _keep_lines(batch, batch.plan.header, draft, changes)
    _take(batch, batch.plan.header, draft, changes)
    return draft


def add_moved(batch: Batch, old: Row, status: object, number: int) -> Draft:
    """A draft of an existing record of which only the state becomes another: its lines are not looked at."""
    draft = Draft({**old, "status": status}, old, {"status"}, "", number)
    batch.headers.append(draft)
    return draft


def _keep_lines(batch: Batch, part: EntityPart, draft: Draft, changes: Mapping[str, object]) -> None:
    """Lines that the change does not name stay as they are, as drafts: formulas read them."""
    for lines in part.lines:
        if lines.id in changes:
            continue
        copies = []
        for position, old in enumerate(draft.row.get(lines.id) or (), 1):
            line = Draft({**old, "parent": draft.row}, old, set(), f"{draft.path}{lines.id}.{position}.", draft.record)
            batch.drafts[lines.lines].append(line)
            _keep_lines(batch, batch.plan.parts[lines.lines], line, {})
            copies.append(line.row)
        draft.row[lines.id] = copies


def _take(batch: Batch, part: EntityPart, draft: Draft, values: Mapping[str, object]) -> None:
    quick = quick_lanes(batch, part)
    ctx, row, given, new = batch.ctx, draft.row, draft.given, draft.old is None
    for name, raw in values.items():
        lane = quick.get(name)
        if lane is None:
            take_other(batch, part, draft, name, raw)
            continue
        try:
            value = lane[1](ctx, raw)
        except Refusal as refusal:
            given.add(name)
            batch.faults.append((draft.record, refused(ctx, lane[0], refusal, f"{draft.path}{name}")))
            continue
        if value is not None or not new:
            given.add(name)
        if lane[2]:
            _take_quantity(batch, draft, lane[0], value, lane[2])
        else:
            row[name] = value
    for each in part.lines:
        row.setdefault(each.id, [])


def quick_lanes(batch: Batch, part: EntityPart) -> dict[str, Lane]:
    """The quick readings of a table's fields; rights are kept as long as the programs, so their identity serves."""
    entity = part.entity.id
    known = batch.lanes.get(entity)
    if known is not None:
        return known
    allowed = rights(batch.ctx, entity) if batch.strict else None
    made = batch.ctx.app.programs.keep(("lanes", entity, id(allowed)), lambda: (allowed, lanes(part, allowed)))
    found = batch.lanes[entity] = made[1]
    return found


def take_other(batch: Batch, part: EntityPart, draft: Draft, name: str, raw: object) -> None:
    """What has no lane: lines, and what may not be given."""
    allowed = rights(batch.ctx, part.entity.id) if batch.strict else None
    field = part.entity.fields.get(name)
    if field is None or (allowed is not None and name in allowed.hidden):
        _unknown(batch, part, draft, name, allowed)
    elif field.lines:
        draft.given.add(name)
        _take_lines(batch, field, draft, raw)
    elif _may_be_given(batch, part, draft, field, allowed):
        _take_value(batch, draft, field, raw)


def _unknown(batch: Batch, part: EntityPart, draft: Draft, name: str, allowed: Rights | None) -> None:
    if name in PASSED_OVER or name.startswith("_"):
        return
    base, suffix = name.removesuffix(ENTERED), name.endswith(ENTERED)
    if suffix and base in part.entity.fields:
        return
    shown = [f for f in part.given if allowed is None or f not in allowed.hidden]
    near = get_close_matches(name[:60], shown, 1)
    hint = say(batch.ctx, "did_you_mean", near=near[0]) if near else ""
    batch.refuse(draft, "unknown_field", name, given=name[:60], hint=hint)


def _may_be_given(batch: Batch, part: EntityPart, draft: Draft, field: Field, allowed: Rights | None) -> bool:
    label = field.label.get(batch.ctx.language)
    if field.id in part.formulas:
        batch.refuse(draft, "field_computed", field.id, label=label)
        return False
    if allowed is not None and field.id in allowed.readonly:
        batch.refuse(draft, "field_forbidden", field.id, label=label)
        return False
    if allowed is not None and field.id == "status" and part.entity.workflow is not None:
        batch.refuse(draft, "status_by_transition", field.id, label=label)
        return False
    return True


def _take_value(batch: Batch, draft: Draft, field: Field, raw: object) -> None:
    try:
        value = parse_raw(batch.ctx, field, raw)
    except Refusal as refusal:
        draft.given.add(field.id)
        batch.faults.append((draft.record, refused(batch.ctx, field, refusal, f"{draft.path}{field.id}")))
        return
    if value is not None or not draft.new:
        draft.given.add(field.id)
    if field.value.kind is Kind.QUANTITY and field.unit_field:
        _take_quantity(batch, draft, field, value, field.id + ENTERED)
    else:
        draft.row[field.id] = value


def _take_quantity(batch: Batch, draft: Draft, field: Field, value: object, entered: str) -> None:
    """What is typed is in the unit chosen beside it; base units follow in a step of their own."""
    if type(value) is Base:
        draft.row[field.id], draft.row[entered] = value.value, None
        return
    if type(value) is Entered:
        unit = batch.plan.parts[field.entity].entity.fields.get(field.unit_field)
        if unit is not None and value.unit is not None:
            _take_value(batch, draft, unit, value.unit)
        value = value.value
    draft.row[entered] = value
    draft.row[field.id] = None


def _take_lines(batch: Batch, field: Field, draft: Draft, raw: object) -> None:
    """Lines replace lines: one with the id of an old line changes it, one without is new, the rest go."""
    label = field.label.get(batch.ctx.language)
    if raw is None:
        raw = []
    if isinstance(raw, str) or not isinstance(raw, Sequence):
        batch.refuse(draft, "not_a_list", field.id, label=label)
        return
    before = {line["id"]: line for line in (draft.old or {}).get(field.id) or ()}
    part = batch.plan.parts[field.lines]
    rows = []
    for number, values in enumerate(raw, 1):
        path = f"{draft.path}{field.id}.{number}."
        if not isinstance(values, Mapping):
            batch.faults.append((draft.record, fault(batch.ctx, "not_an_object", path[:-1], label=label)))
            continue
        line = _line(batch, part, draft, before, values, path)
        if line is not None:
            rows.append(line.row)
            _place(batch, field.lines, line, len(rows))
    draft.row[field.id] = rows
    batch.gone.setdefault(field.lines, []).extend(before.values())
    if before or any(row.get("id") is None for row in rows):
        batch.changed.add((field.lines, "id"))


def _place(batch: Batch, entity: str, line: Draft, position: int) -> None:
    """Formulas and conditions may ask which line comes first, also before anything is stored."""
    if line.old is not None and line.row.get("position") != position:
        batch.changed.add((entity, "position"))
    line.row["position"] = position


def _line(
    batch: Batch, part: EntityPart, owner: Draft, before: dict[int, Row], values: Mapping[str, object], path: str
) -> Draft | None:
    given_id = values.get("id")
    old = before.pop(given_id, None) if isinstance(given_id, int) else None
    if given_id is not None and old is None:
        line = Draft({}, None, set(), path, owner.record)
        label = part.entity.label.get(batch.ctx.language)
        batch.refuse(line, "no_such_record", "id", label=label, given=str(given_id)[:40])
        return None
    line = Draft({**(old or {}), "parent": owner.row}, old, set(), path, owner.record)
    batch.drafts[part.entity.id].append(line)
    if old is not None:
        _keep_lines(batch, part, line, values)
    _take(batch, part, line, values)
    return line
