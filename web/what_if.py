"""What if: a number of a record moved to and fro on its page, while everything computed from it follows.

The slider moves the field of the form itself; the browser computes as while somebody types, and saving saves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.expressions.tree import Expr
from engine.model import Entity, Field, WhatIf
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from web.display import text_of
from web.record_fields import FieldScene, plain_number

View = dict[str, Any]
Row = Mapping[str, Any]
STEPS = Decimal(200)
"""About how many places the slider has."""
TENTH = Decimal("0.1")


def slider(scene: FieldScene, entity: Entity, what_if: WhatIf, row: Row) -> View | None:
    """The slider as its macro takes it; none where the number may not be changed here or is not there yet."""
    one = entity.fields[what_if.field]
    now = row.get(one.id)
    allowed = rights(scene.ctx, entity.id)
    if not scene.editable or one.id in scene.locked or not allowed.sees(one.id) or not isinstance(now, Decimal):
        return None
    low = _bound(scene, entity, what_if.low, row, now / 2)
    high = _bound(scene, entity, what_if.high, row, now * 3 / 2)
    low, high = min(low, now), max(high, now)
    if low >= high:
        return None
    step = _step(low, high, one)
    fields = [entity.fields[name] for name in what_if.marks if allowed.sees(name)]
    marks = [_mark(scene, one, one, now, now=True)]
    marks += [
        _mark(scene, f, one, row[f.id]) for f in fields if isinstance(row.get(f.id), Decimal) and row[f.id] != now
    ]
    return {
        "field": one.id,
        "label": one.label.get(scene.ctx.language),
        "value": _posted(one, now),
        "low": _posted(one, low.quantize(step)),
        "high": _posted(one, high.quantize(step)),
        "step": _posted(one, step),
        "text": text_of(scene.ctx, one, now),
        "marks": marks,
    }


def _bound(scene: FieldScene, entity: Entity, given: Expr | None, row: Row, usual: Decimal) -> Decimal:
    value = None
    if given is not None:
        (value,) = Workspace(scene.ctx).evaluate(given, [dict(row)], None, entity.id)
    return value if isinstance(value, Decimal) else usual


def _step(low: Decimal, high: Decimal, one: Field) -> Decimal:
    """A power of ten that gives about so many places, no finer than the field keeps."""
    finest = Decimal(1).scaleb(-one.value.scale)
    step = Decimal(1).scaleb(((high - low) / STEPS).adjusted())
    return max(step, finest, TENTH ** min(one.value.scale, 4))


def _posted(one: Field, value: Decimal) -> str:
    return plain_number(value * 100 if one.type == "percent" else value)


def _mark(scene: FieldScene, said: Field, one: Field, value: Decimal, *, now: bool = False) -> View:
    """A place to stop at, as a key."""
    label = said.label.get(scene.ctx.language)
    return {"label": label, "value": _posted(one, value), "text": text_of(scene.ctx, one, value), "now": now}
