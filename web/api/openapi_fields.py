"""The JSON shapes of fields and records: as they are answered, and as they may be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.expressions.types import Kind
from engine.model import Entity, EntityKind, Field
from web.api.openapi_parts import Schema

DECIMAL: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "examples": ["12.50"]}
RATIO: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?(/\d+)?$", "examples": ["1/1000"]}
MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
FILED: Schema = {
    "anyOf": [{"type": "integer"}, {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}]
}
ACTION: Schema = {
    "type": "object",
    "required": ["id", "label", "kind", "demands"],
    "properties": {
        "id": {"type": "string"},
        "label": {"type": "string"},
        "kind": {"enum": ["forward", "back", "cancel"]},
        "demands": {"type": "array", "items": {"type": "object"}},
    },
}
STANDARD: Mapping[str, Schema] = {
    "id": {"type": "integer"},
    "version": {"type": "integer"},
    "created_at": MOMENT,
    "created_by": {"type": ["integer", "null"]},
    "changed_at": MOMENT,
    "changed_by": {"type": ["integer", "null"]},
    "deleted_at": MOMENT,
}
AROUND: Mapping[str, Schema] = {
    "_actions": {"type": "array", "items": ACTION},
    "_refused": {"type": "array", "items": {"type": "object", "required": ["id", "label", "because"]}},
    "_links": {"type": "object", "additionalProperties": {"type": "string"}},
    "_warnings": {"type": "array", "items": {"type": "object"}},
}
PLAIN: Mapping[Kind, Schema] = {
    Kind.YES_NO: {"type": "boolean"},
    Kind.TEXT: {"type": "string"},
    Kind.MONEY: DECIMAL,
    Kind.QUANTITY: DECIMAL,
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.TIME: {"type": "string", "pattern": r"^\d\d:\d\d(:\d\d)?$"},
    Kind.MOMENT: {"type": "string", "format": "date-time"},
    Kind.DURATION: DECIMAL,
    Kind.FILE: {"type": "integer"},
    Kind.JSON: {},
    Kind.EMPTY: {"type": "string"},
}


def _nullable(schema: Schema) -> Schema:
    """The same, or null: an empty value is null in answers and may be sent as null."""
    if "type" not in schema:
        return schema
    wider = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        wider["enum"] = [*schema["enum"], None]
    return wider


def _number(field: Field) -> Schema:
    return {"integer": {"type": "integer"}, "ratio": RATIO}.get(field.type, DECIMAL)


def _choice(field: Field) -> Schema:
    return {"type": "string", "enum": [o.id for o in field.options]} if field.options else {"type": "string"}


def _reference_out(_field: Field) -> Schema:
    return {"$ref": "#/components/schemas/Reference"}


def _reference_in(_field: Field) -> Schema:
    return {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "object"}, {"type": "null"}]}


SPECIAL: Mapping[Kind, Callable[[Field], Schema]] = {Kind.NUMBER: _number, Kind.CHOICE: _choice}


def field_schema(field: Field, *, answer: bool) -> Schema:
    """The JSON of one field, as it is answered or as it may be sent."""
    if field.lines:
        return {"type": "array", "items": {"$ref": f"#/components/schemas/{schema_name(field.lines, answer=answer)}"}}
    kind = field.value.kind
    schema: Schema
    if kind is Kind.FILE and answer:
        one, schema = FILED, {"anyOf": [*FILED["anyOf"], {"type": "null"}]}
    elif kind is Kind.REFERENCE:
        one = _reference_out(field) if answer else _reference_in(field)
        schema = one if not answer else {"anyOf": [one, {"type": "null"}]}
    else:
        one = SPECIAL[kind](field) if kind in SPECIAL else dict(PLAIN[kind])
        schema = _nullable(one)
    if field.many:
        schema = {"type": "array", "items": one}
    described = {**schema, "title": field.label.en}
    return {**described, "description": field.help.en} if field.help else described


def schema_name(entity: str, *, answer: bool) -> str:
    """The component's name: ``purchase_order`` as answered, ``purchase_order_input`` as sent."""
    return entity.replace(".", "__") + ("" if answer else "_input")


def _writable(field: Field) -> bool:
    return field.formula is None and not field.live and field.readonly is not True


def entity_schemas(entity: Entity) -> dict[str, Schema]:
    """The two schemas of an entity: what it answers, and what may be sent."""
    fields = [f for f in entity.fields.values() if not f.retired]
    based = {f"{f.id}__base": _nullable(DECIMAL) for f in fields if f.unit_field and f.formula is None}
    own = {f.id: field_schema(f, answer=True) for f in fields}
    whole = entity.kind is not EntityKind.LINES
    answer = {**STANDARD, **own, **based, **AROUND} if whole else {"id": STANDARD["id"], **own, **based}
    sent = {f.id: field_schema(f, answer=False) for f in fields if _writable(f)}
    if entity.kind is EntityKind.LINES:
        sent = {"id": {"type": ["integer", "null"]}, **sent}
    return {
        schema_name(entity.id, answer=True): {"type": "object", "title": entity.label.en, "properties": answer},
        schema_name(entity.id, answer=False): {"type": "object", "title": entity.label.en, "properties": sent},
    }
