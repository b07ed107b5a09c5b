"""Which fields a setting may name: those of a kind that the plug-in can work with, that it may see and may write."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from engine.field_types import FIELD_TYPES
from engine.model import AppModel, Field
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.messages import fault, say
from runtime.permissions import label_of, tags_of

MOST_NAMED = 8
"""Fields that a refusal offers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a field must be like. ``of``: its entity; ``kinds``: its types (none: any); ``to``: what it refers to."""

    of: str
    kinds: tuple[str, ...]
    writable: bool
    to: str
    sees: Set[str]


def wanted(shape: Mapping[str, Any], values: Mapping[str, Any], sees: Set[str]) -> Wanted:
    """What the schema asks of a field; ``sees``: tags of secret figures that the plug-in may see."""

    def named(key: str) -> str:
        return str(values.get(str(shape.get(key, "")), "") or "")

    kinds, writable = tuple(map(str, shape.get("kinds", ()))), bool(shape.get("writable", False))
    return Wanted(of=named("of"), kinds=kinds, writable=writable, to=named("to"), sees=sees)


def fitting(model: AppModel, want: Wanted) -> dict[str, Field]:
    """The fields that may be named."""
    entity = model.entities.get(want.of)
    return {id: each for id, each in entity.fields.items() if not _why_not(each, want)} if entity else {}


def _why_not(field: Field, want: Wanted) -> str:
    """Which of its demands it does not meet; "" where it meets them all."""
    if want.kinds and field.type not in want.kinds:
        return "kind"
    if want.to and want.to not in field.targets:
        return "target"
    if tags_of(field) - want.sees:
        return "secret"
    return "computed" if want.writable and (field.formula is not None or field.lines) else ""


def misfit(ctx: RunContext, want: Wanted, setting: str, label: str, name: str) -> Fault | None:
    """Why a field that is there cannot be named, and which can; ``None``: there is no such field."""
    entity = ctx.app.model.entities.get(want.of)
    field = entity.fields.get(name) if entity else None
    if field is None:
        return None
    comma = "、" if ctx.language == "zh" else ", "
    return fault(
        ctx,
        f"setting_field_{_why_not(field, want)}",
        setting,
        label=label,
        given=_named(ctx, field),
        kind=_kind(ctx, field.type),
        wanted=comma.join(_kind(ctx, each) for each in want.kinds),
        target=label_of(ctx, want.to) if want.to else "",
        remedy=_remedy(ctx, want, comma),
    )


def _remedy(ctx: RunContext, want: Wanted, comma: str) -> str:
    known = [_named(ctx, each) for each in fitting(ctx.app.model, want).values()]
    if known:
        return say(ctx, "setting_fields_known", known=comma.join(known[:MOST_NAMED]))
    return say(ctx, "setting_fields_none", what=label_of(ctx, want.of))


def _named(ctx: RunContext, field: Field) -> str:
    label = field.label.get(ctx.language)
    return f"{label}（{field.id}）" if ctx.language == "zh" else f"{label} ({field.id})"


def _kind(ctx: RunContext, type: str) -> str:
    found = FIELD_TYPES.get(type)
    return found.label.get(ctx.language) if found else type
