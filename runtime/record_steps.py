"""Derived values of drafts, set-wise: defaults, fills, base quantities, formulas, in the order of the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from engine.expressions.problems import ExpressionOverflow
from engine.model import Field
from runtime.record_drafts import Batch, Draft
from runtime.record_fresh import fresh_values
from runtime.record_plan import Step
from runtime.units import to_base, unit_ratios
from runtime.value_numbers import EXACT, MOST_DIGITS, STEPS, round_to
from runtime.values import ENTERED

Row = dict[str, Any]


def note_changes(batch: Batch) -> None:
    """Remember which given cells differ from before."""
    for part, draft in batch.each():
        if draft.old is not None:
            for name in draft.given:
                if differs(draft, name):
                    batch.changed.add((part.entity.id, name))


def differs(draft: Draft, name: str) -> bool:
    """Whether a field is not what it was (entered amount included)."""
    old = draft.old or {}
    if draft.row.get(name) != old.get(name):
        return True
    key = name + ENTERED
    return key in draft.row and draft.row[key] != old.get(key)


def run_steps(batch: Batch) -> None:
    """Fill in all that follows from what was given."""
    changed = batch.changed
    fresh = {entity for entity, drafts in batch.drafts.items() if None in [d.old for d in drafts]}
    for step in batch.plan.steps:
        drafts = batch.drafts[step.entity]
        if not drafts:
            continue
        if step.entity in fresh or not step.reads.isdisjoint(changed) or (step.entity, step.field.id) in changed:
            RUN[step.kind](batch, step, drafts)


def run_formulas(batch: Batch, entities: frozenset[str] | None = None) -> None:
    """Only the formulas, for records whose plain fields are settled."""
    for step in batch.plan.steps:
        if step.kind == "formula" and batch.drafts[step.entity]:
            _formula(batch, step, batch.drafts[step.entity])


def _default(batch: Batch, step: Step, drafts: Sequence[Draft]) -> None:
    empty = _empty(step, drafts)
    if empty:
        _put(batch, step, empty, _evaluate(batch, step, empty))


def _fill(batch: Batch, step: Step, drafts: Sequence[Draft]) -> None:
    name = step.field.id
    empty = _empty(step, drafts)
    if empty:
        _put(batch, step, empty, _evaluate(batch, step, empty))
    if step.reads & batch.changed:
        _refill(batch, step, [d for d in drafts if d.old is not None and name not in d.given])


def _empty(step: Step, drafts: Sequence[Draft]) -> list[Draft]:
    """New drafts in which nobody gave the field."""
    name, entered = step.field.id, step.field.id + ENTERED
    empty = [d for d in drafts if d.old is None and name not in d.given and d.row.get(name) in (None, ())]
    return [d for d in empty if d.row.get(entered) is None] if step.field.unit_field else empty


def _refill(batch: Batch, step: Step, drafts: list[Draft]) -> None:
    """Follow the inputs as long as nobody typed something else."""
    assert step.expr is not None
    name = step.field.id
    olds = [d.old or {} for d in drafts]
    before = _per_unit(batch, step, olds, batch.at.evaluate(step.expr, olds, None, step.entity))
    following = [
        d for d, old, value in zip(drafts, olds, before, strict=True) if old.get(name) == settle(step.field, value)
    ]
    if following:
        _put(batch, step, following, _evaluate(batch, step, following))


def _evaluate(batch: Batch, step: Step, drafts: Sequence[Draft]) -> list[Any]:
    rows = [d.row for d in drafts]
    values = _evaluate_rows(batch, step, drafts, rows)
    return _per_unit(batch, step, rows, values) if step.per_base else values


def _evaluate_rows(batch: Batch, step: Step, drafts: Sequence[Draft], rows: list[Row]) -> list[Any]:
    """One by one where a result is too large, to say of which record."""
    assert step.expr is not None
    try:
        return batch.at.evaluate(step.expr, rows, None, step.entity)
    except ExpressionOverflow:
        values = []
        for draft, row in zip(drafts, rows, strict=True):
            try:
                values.extend(batch.at.evaluate(step.expr, [row], None, step.entity))
            except ExpressionOverflow:
                batch.refuse(draft, "overflow", step.field.id, label=step.field.label.get(batch.ctx.language))
                values.append(None)
        return values


def _per_unit(batch: Batch, step: Step, rows: list[Row], values: list[Any]) -> list[Any]:
    """A price filled from the thing itself is per base unit; here it is per the unit chosen."""
    if not step.per_base or all(value is None for value in values):
        return values
    entity = batch.plan.parts[step.entity].entity
    quantity = next(f for f in entity.fields.values() if f.unit_field == step.field.per_field and f.of_field)
    return [
        None if value is None or ratio is None else value * ratio.numerator / ratio.denominator
        for value, ratio in zip(values, _ratios(batch, quantity, rows), strict=True)
    ]


WHOLE = ("integer", "duration")
"""Types of fields that are kept as whole numbers."""
LIMITS = tuple(Decimal(1).scaleb(MOST_DIGITS - scale) for scale in range(MOST_DIGITS + 20))
"""By the decimals of a field, what its numbers stay below."""


def _put(batch: Batch, step: Step, drafts: Sequence[Draft], values: Sequence[Any]) -> None:
    name, cell = step.field.id, (step.entity, step.field.id)
    last, value = None, settle(step.field, None)
    most, least, changed = LIMITS[step.field.value.scale], -LIMITS[step.field.value.scale], False
    size = None if step.field.type in WHOLE else STEPS[step.field.value.scale]
    based = bool(step.field.unit_field) and step.kind != "formula"
    for draft, raw in zip(drafts, values, strict=True):
        if raw is not last:  # most values of a column are one and the same
            if size is not None and type(raw) is Decimal:  # what ``settle`` does, without two calls a value
                value = raw.quantize(size, ROUND_HALF_UP, EXACT)
                value = value or abs(value)
            else:
                value = settle(step.field, raw)
            last = raw
            if type(value) is Decimal and not least < value < most:
                batch.refuse(draft, "overflow", name, label=step.field.label.get(batch.ctx.language))
                last = value = None
        row = draft.row
        before = row.get(name)
        if not changed and before is not value:  # to compare a number with nothing costs more than to look
            changed = before is None or value is None or before != value
        row[name] = value
        if based:
            row[name + ENTERED] = None  # a derived quantity comes in base units
    if changed:
        batch.changed.add(cell)


def _formula(batch: Batch, step: Step, drafts: Sequence[Draft]) -> None:
    """Old drafts are computed again only if something they read changed."""
    due = drafts if step.reads & batch.changed else [d for d in drafts if d.old is None]
    if due:
        assert step.expr is not None
        values = None if step.per_base else fresh_values(batch.at, step.expr, [d.row for d in due])
        _put(batch, step, due, _evaluate(batch, step, due) if values is None else values)


def _base(batch: Batch, step: Step, drafts: Sequence[Draft]) -> None:
    """The amount in base units from what was entered, or the other way round."""
    field = step.field
    key = field.id + ENTERED
    cell = (step.entity, field.id)
    due = drafts if (step.reads | {cell}) & batch.changed else [d for d in drafts if d.old is None]
    if not due:
        return
    for draft, ratio in zip(due, _ratios(batch, field, [d.row for d in due]), strict=True):
        row = draft.row
        entered, base = row.get(key), row.get(field.id)
        if ratio is None:
            if entered is not None:
                unit = batch.plan.parts[step.entity].entity.fields.get(field.unit_field)
                label = unit.label.get(batch.ctx.language) if unit else field.unit_field
                batch.refuse(draft, "unit_unknown", field.unit_field, label=label, given=row.get(field.unit_field))
            continue
        if entered is not None:
            row[field.id] = to_base(entered, ratio, field.value.scale)
        elif base is not None:
            row[key] = to_base(base, 1 / ratio, field.value.scale)
        else:
            row[key] = None
        if draft.old is not None and differs(draft, field.id):
            batch.changed.add(cell)


def _ratios(batch: Batch, field: Field, rows: list[Row]) -> list[Any]:
    """Base units in one unit chosen, per draft. A unit that is only reached by a path is the base unit itself."""
    entity = batch.plan.parts[field.entity].entity
    unit_field = entity.fields.get(field.unit_field)
    of_field = entity.fields.get(field.of_field)
    if unit_field is None or (of_field is None and field.of_field != "this"):
        return [Fraction(1)] * len(rows)
    kinds = [entity.id] * len(rows) if of_field is None else batch.at.kinds(entity.id, rows, of_field.id)
    items = rows if of_field is None else batch.at.hop(entity.id, rows, of_field.id)[0]
    units = [row.get(unit_field.id) for row in rows]
    return unit_ratios(batch.at, kinds, items, units)


def settle(field: Field, value: Any) -> Any:
    """A computed value as the field keeps it."""
    if type(value) is Decimal:
        kept = round_to(value, field.value.scale)
        return int(kept) if field.type in WHOLE else kept
    if value is None and (field.many or field.value.many):
        return ()
    return value


def too_large(field: Field, value: Decimal) -> bool:
    """Whether the database cannot keep it."""
    return bool(abs(value) >= 10 ** (MOST_DIGITS - field.value.scale))


RUN: Mapping[str, Callable[[Batch, Step, Sequence[Draft]], None]] = {
    "default": _default,
    "fill": _fill,
    "base": _base,
    "formula": _formula,
}
