"""Small app models made by hand: what a test needs and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from engine.expressions import types
from engine.expressions.types import Kind, Type
from engine.model import AppModel, Entity, EntityKind, Field, Option, Text

VALUES: Mapping[str, Type] = {
    "text": types.TEXT,
    "long_text": types.TEXT,
    "integer": types.INTEGER,
    "decimal": types.NUMBER,
    "percent": types.PERCENT,
    "money": types.money(2),
    "quantity": types.QUANTITY,
    "yes_no": types.YES_NO,
    "date": types.DATE,
    "time": types.TIME,
    "moment": types.MOMENT,
    "file": types.FILE,
    "json": types.JSON,
    "ratio": types.NUMBER,
}


def text(value: str) -> Text:
    """The same label in both languages."""
    return Text(zh=value, en=value)


def make_field(name: str, type: str = "text", *, entity: str = "thing", **rest: Any) -> Field:
    """A field of ``type``; ``to`` gives a reference's targets, ``options`` the ids of a choice."""
    targets = tuple(rest.pop("to", ()))
    options = tuple(rest.pop("options", ()))
    special = {
        "reference": Type(kind=Kind.REFERENCE, targets=targets),
        "references": Type(kind=Kind.REFERENCE, targets=targets, many=True),
        "choice": Type(kind=Kind.CHOICE, options=options),
        "choices": Type(kind=Kind.CHOICE, options=options, many=True),
        "lines": Type(kind=Kind.REFERENCE, targets=(rest.get("lines", ""),), many=True),
    }
    value = rest.pop("value", None) or special.get(type) or VALUES[type]
    return Field(
        id=name,
        entity=entity,
        type=type,
        value=value,
        label=text(name),
        targets=targets,
        options=tuple(Option(id=o, label=text(o)) for o in options),
        many=value.many,
        **rest,
    )


def make_entity(name: str, *fields: Field, kind: EntityKind = EntityKind.MASTER, **rest: Any) -> Entity:
    """An entity with ``fields``; theirs is set to ``name``."""
    return Entity(id=name, kind=kind, label=text(name), fields=MappingProxyType({f.id: f for f in fields}), **rest)


def make_model(*entities: Entity, **rest: Any) -> AppModel:
    """An app with ``entities`` and nothing else, unless ``rest`` says so."""
    values: dict[str, Any] = {
        "id": "sample",
        "version": "1.0.0",
        "title": text("sample"),
        "description": None,
        "currency": "CNY",
        "currency_scale": 2,
        "timezone": "Asia/Shanghai",
        "members": "",
        "departments": "",
        "secrecy": {},
        "entities": MappingProxyType({e.id: e for e in entities}),
        "ledgers": {},
        "guards": (),
        "structures": {},
        "plans": {},
        "roles": {},
        "cards": {},
        "reports": {},
        "dashboards": {},
        "prints": {},
        "menu": (),
        "openings": {},
        "demo": {},
        "order": (),
        **rest,
    }
    return AppModel(**values)
