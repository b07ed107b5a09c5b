"""A record's fields as the form macros take them: plain values, words, and what a person may do with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for

from engine.expressions.tree import Expr
from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.expression_words import in_words
from runtime.permissions import rights
from runtime.record_reading import Titles
from runtime.values import ENTERED, Ref, format_value
from web.display import full_day, is_numeric, number, reference, text_of
from web.texts import translator

Row = Mapping[str, Any]
View = dict[str, Any]

WIDE_TYPES = frozenset({"long_text", "address", "references", "choices", "json"})
OWN_FILE = "app.yaml"
LONGEST_WORDS = 40
FILE_TYPES = frozenset({"file", "photo", "signature"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldScene:
    """What is the same for all fields of a page: names of referenced records, files, faults, what is fixed."""

    ctx: RunContext
    names: Titles
    files: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)
    locked: frozenset[str] = frozenset()
    editable: bool = True
    posted: Mapping[str, str] | None = None
    conditions: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    notes: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    """Sentences under lines, by lines field and index."""


def is_own(one: Field) -> bool:
    """Whether the firm itself added the field: it stands in the app's own file, not in a template's."""
    return one.origin is not None and one.origin.file == OWN_FILE


def condition(scene: FieldScene, one: Field, what: str, given: bool | Expr) -> bool:
    """Whether ``required`` or ``visible`` holds: the constant, or what its condition gave for this record."""
    if isinstance(given, bool):
        return given
    return scene.conditions.get((one.id, what), what == "visible")


def field_view(scene: FieldScene, entity: Entity, one: Field, row: Row) -> View:
    """One field for the macro ``field``."""
    ctx = scene.ctx
    value = row.get(one.id)
    view: View = {
        "id": one.id,
        "type": one.type,
        "label": one.label.get(ctx.language),
        "tip": one.help.get(ctx.language) if one.help else "",
        "required": condition(scene, one, "required", one.required),
        "span": 2 if one.type in WIDE_TYPES else 1,
        "error": scene.errors.get(one.id, ""),
        "warn": scene.warnings.get(one.id, ""),
        "maxlength": one.max_length,
        "own": is_own(one),
    }
    if not rights(ctx, entity.id).sees(one.id):
        return {**view, "locked": True}
    if one.formula is not None:
        view["computed"] = computed_words(ctx, one)
    elif not scene.editable or one.id in scene.locked or one.readonly is True:
        view["readonly"] = True
    view.update(_value_view(scene, one, row, value))
    return view


def computed_words(ctx: RunContext, one: Field) -> str:
    """How a field is computed, for who asks; "computed" where the words say less than the label or too much."""
    t = translator(ctx.language)
    if one.formula is None:
        return ""
    words = in_words(ctx, one.formula).replace(t(" 或 0", " or 0"), "")
    plain = one.label.get(ctx.language).lower()
    told = len(words) < LONGEST_WORDS and words.lower().removesuffix(t("合计", "")) != plain
    return f"= {words}" if told else t("自动计算", "computed")


def _value_view(scene: FieldScene, one: Field, row: Row, value: object) -> View:
    if one.type in FILE_TYPES:
        given = posted_value(scene, one, row) if one.type == "signature" else ""
        return {"files": _files(scene, value), "many": one.many, "value": given, "text": ""}
    kind = one.value.kind
    if kind is Kind.REFERENCE:
        return _reference_view(scene, one, row, value)
    if kind is Kind.CHOICE:
        return _choice_view(scene, one, value)
    return {"value": posted_value(scene, one, row), "text": _shown(scene, one, row, value), **_number_view(one)}


def _number_view(one: Field) -> View:
    return {"scale": one.value.scale} if is_numeric(one) else {}


def shown_value(scene: FieldScene, one: Field, row: Row) -> str:
    """The value as people read it, in the unit it was given in."""
    entered = row.get(one.id + ENTERED)
    return text_of(scene.ctx, one, row.get(one.id) if entered is None else entered)


def _shown(scene: FieldScene, one: Field, row: Row, value: object) -> str:
    if isinstance(value, date) and one.value.kind is Kind.DATE:
        return full_day(value, scene.ctx.language)
    return shown_value(scene, one, row)


def posted_value(scene: FieldScene, one: Field, row: Row) -> object:
    """The value as a form posts it: plain numbers, ISO dates, local moments."""
    if scene.posted is not None and one.id in scene.posted:
        return scene.posted[one.id]
    value = row.get(one.id + ENTERED, row.get(one.id))
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else ""
    if one.type == "percent" and isinstance(value, Decimal):
        return plain_number(value * 100)
    if isinstance(value, Decimal):
        return plain_number(value)
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo(scene.ctx.app.model.timezone)).strftime("%Y-%m-%dT%H:%M")
    if isinstance(value, int) and is_numeric(one):
        return str(value)  # a page takes 0 for nothing
    return format_value(one, value)


def plain_number(value: Decimal) -> str:
    """Without thousands separators and trailing zeros."""
    return number(value).replace(",", "").replace("\N{MINUS SIGN}", "-")


def _choice_view(scene: FieldScene, one: Field, value: object) -> View:
    language = scene.ctx.language
    chosen = value if isinstance(value, tuple) else (value,)
    options = [
        {"value": o.id, "text": o.label.get(language), "tone": o.color}
        for o in one.options
        if not o.retired or o.id in chosen
    ]
    if scene.posted is not None and one.id in scene.posted and not one.many:
        value = scene.posted[one.id]
    return {"value": value if value is not None else "", "options": options, "text": text_of(scene.ctx, one, value)}


def _reference_view(scene: FieldScene, one: Field, row: Row, value: object) -> View:
    targets = one.targets or one.value.targets
    picker = pick_url(targets[0], f"{one.entity}.{one.id}") if targets else ""
    if isinstance(value, tuple):
        chosen = [{"value": _key(v), "text": reference_text(scene, one, v)} for v in value]
        return {"chosen": chosen, "picker": picker, "text": "、".join(c["text"] for c in chosen), "value": ""}
    text = reference_text(scene, one, value)
    view: View = {"value": _key(value), "text": text, "picker": picker, "url": reference_url(scene.ctx, one, value)}
    if scene.posted is not None and one.id in scene.posted:
        view.update(value=scene.posted[one.id], text=scene.posted.get(f"{one.id}__text", text), url="")
    if one.create is not None:
        view["create"] = one.label.get(scene.ctx.language)
    return view


def pick_url(entity: str, place: str) -> str:
    """Where the records are found that a field may point at; ``place`` names the field."""
    return f"{url_for('pages.pick', entity=entity)}?for={place}"


def _key(value: object) -> str:
    if value is None:
        return ""
    return f"{value.entity}:{value.id}" if isinstance(value, Ref) else str(value)


def target_of(one: Field, value: object) -> tuple[str, int] | None:
    """(entity, id) a reference points at."""
    if isinstance(value, Ref):
        return value.entity, value.id
    targets = one.targets or one.value.targets
    return (targets[0], value) if isinstance(value, int) and not isinstance(value, bool) and targets else None


def reference_text(scene: FieldScene, one: Field, value: object) -> str:
    """What the referenced record is called."""
    target = target_of(one, value)
    if target is None:
        return ""
    return reference(scene.names.get(target, {"id": target[1]}))


def reference_url(ctx: RunContext, one: Field, value: object) -> str:
    """Where the referenced record lives; lines live on their owner's page."""
    target = target_of(one, value)
    if target is None:
        return ""
    entity, record = target
    found = ctx.app.model.entities.get(entity)
    if found is None or found.parent or not rights(ctx, entity).may("read"):
        return ""
    return url_for("pages.record", entity=entity, id=record)


def _files(scene: FieldScene, value: object) -> list[View]:
    numbers = value if isinstance(value, tuple) else (value,) if value is not None else ()
    return [file_view(scene.files[n]) for n in numbers if n in scene.files]


def file_view(found: Mapping[str, Any]) -> View:
    """A file as the macros take it."""
    url = url_for("pages.file", id=found["id"])
    picture = str(found["media_type"]).startswith("image/")
    return {
        "id": found["id"],
        "name": found["name"],
        "url": url,
        "thumb": url if picture else "",
        "size": size(found["size"]),
    }


def size(octets: int) -> str:
    """A file's size in words."""
    return f"{octets / 1_048_576:.1f} MB" if octets >= 1_048_576 else f"{max(octets // 1024, 1)} KB"
