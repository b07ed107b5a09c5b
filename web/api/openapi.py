"""The OpenAPI 3.1 description of one app: made from its model, so it names exactly its entities and fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.expressions.types import Kind
from engine.model import AppModel, Entity, EntityKind, Field

Schema = dict[str, Any]

DECIMAL: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "examples": ["12.50"]}
PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}
LARGEST_ID = 2**63 - 1
PLAIN: Mapping[Kind, Schema] = {
    Kind.YES_NO: {"type": "boolean"},
    Kind.TEXT: {"type": "string"},
    Kind.MONEY: DECIMAL,
    Kind.QUANTITY: DECIMAL,
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.TIME: {"type": "string", "format": "time"},
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
    return {"type": "integer"} if field.type == "integer" else DECIMAL


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
    if kind is Kind.REFERENCE:
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
    identity: Schema = {"id": {"type": "integer"}}
    if entity.kind is not EntityKind.LINES:
        identity["version"] = {"type": "integer"}
    fields = [f for f in entity.fields.values() if not f.retired]
    answer = {**identity, **{f.id: field_schema(f, answer=True) for f in fields}}
    sent = {f.id: field_schema(f, answer=False) for f in fields if _writable(f)}
    if entity.kind is EntityKind.LINES:
        sent = {"id": {"type": ["integer", "null"]}, **sent}
    return {
        schema_name(entity.id, answer=True): {"type": "object", "title": entity.label.en, "properties": answer},
        schema_name(entity.id, answer=False): {"type": "object", "title": entity.label.en, "properties": sent},
    }


def _answers(schema: Schema, *, status: str = "200", problems: Iterable[str] = ()) -> Schema:
    answers: Schema = {status: {"description": "Done", "content": {"application/json": {"schema": schema}}}}
    for code in ("400", "401", "403", *problems):
        answers[code] = {"description": "Refused", "content": {"application/problem+json": {"schema": PROBLEM_REF}}}
    return answers


def _query(name: str, kind: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": kind, "description": description}


TEXT_PARAMETER: Schema = {"type": "string", "maxLength": 2000}
LIST_PARAMETERS = (
    _query("q", TEXT_PARAMETER, "Words, codes, pinyin or initials to look for"),
    _query("filter", TEXT_PARAMETER, "A condition in the expression language"),
    _query("sort", TEXT_PARAMETER, "Fields, comma separated; a leading minus turns the order"),
    _query("fields", TEXT_PARAMETER, "The fields to answer, comma separated; paths like partner.name are allowed"),
    _query("view", TEXT_PARAMETER, "A view of the entity"),
    _query("page_size", {"type": "integer", "minimum": 1, "maximum": 500}, "Rows a page"),
    _query("cursor", TEXT_PARAMETER, "Where the next page starts: `next` of the page before"),
    _query("count", {"type": "boolean"}, "Count all rows exactly instead of up to a thousand"),
)
ID_PARAMETER: Schema = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_ID},
}
KEY_PARAMETER: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200, "pattern": r"^[\x21-\x7e]+$"},
    "description": "A repeat with the same key returns the first answer",
}
MATCH_PARAMETER: Schema = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": r'^"?\d{1,9}"?$'},
    "description": "The version the change was made on; 412 when somebody saved first",
}


def _body(schema: Schema) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _collection(entity: Entity) -> Schema:
    record = {"$ref": f"#/components/schemas/{schema_name(entity.id, answer=True)}"}
    sent = {"$ref": f"#/components/schemas/{schema_name(entity.id, answer=False)}"}
    page = {
        "type": "object",
        "required": ["items", "next", "count"],
        "properties": {
            "items": {"type": "array", "items": {"type": "object"}},
            "next": {"type": ["string", "null"]},
            "count": {"type": ["integer", "string"]},
        },
    }
    created = {"anyOf": [record, {"type": "array", "items": record}]}
    return {
        "get": {
            "summary": f"List: {entity.label.en}",
            "tags": [entity.id],
            "parameters": list(LIST_PARAMETERS),
            "responses": _answers(page, problems=("404", "422", "429")),
        },
        "post": {
            "summary": f"Create: {entity.label.en}",
            "tags": [entity.id],
            "parameters": [KEY_PARAMETER],
            "requestBody": _body({"anyOf": [sent, {"type": "array", "items": sent}]}),
            "responses": _answers(created, status="201", problems=("404", "409", "415", "422", "429")),
        },
    }


def _single(entity: Entity) -> Schema:
    record = {"$ref": f"#/components/schemas/{schema_name(entity.id, answer=True)}"}
    sent = {"$ref": f"#/components/schemas/{schema_name(entity.id, answer=False)}"}
    refused = ("404", "409", "412", "415", "422", "429")
    return {
        "parameters": [ID_PARAMETER],
        "get": {
            "summary": f"Read: {entity.label.en}",
            "tags": [entity.id],
            "responses": _answers(record, problems=("404", "429")),
        },
        "patch": {
            "summary": f"Change: {entity.label.en}",
            "tags": [entity.id],
            "parameters": [MATCH_PARAMETER, KEY_PARAMETER],
            "requestBody": _body(sent),
            "responses": _answers(record, problems=refused),
        },
        "delete": {
            "summary": f"Delete: {entity.label.en}",
            "tags": [entity.id],
            "parameters": [MATCH_PARAMETER],
            "responses": {"204": {"description": "Deleted"}, **_answers({}, problems=refused)},
        },
    }


def _transition(entity: Entity, transition: str, label: str) -> Schema:
    record = {"$ref": f"#/components/schemas/{schema_name(entity.id, answer=True)}"}
    body = {"type": "object", "properties": {"note": {"type": ["string", "null"]}}, "additionalProperties": True}
    return {
        "parameters": [ID_PARAMETER],
        "post": {
            "summary": f"{label}: {entity.label.en}",
            "operationId": f"{entity.id}__{transition}",
            "tags": [entity.id],
            "parameters": [KEY_PARAMETER],
            "requestBody": {**_body(body), "required": False},
            "responses": _answers(record, problems=("404", "409", "415", "422", "429")),
        },
    }


def _entity_paths(entity: Entity) -> dict[str, Schema]:
    base = f"/{entity.id}"
    paths = {base: _collection(entity), f"{base}/{{id}}": _single(entity)}
    listing = {"type": "object", "properties": {"items": {"type": "array"}}}
    for name in ("history", "links"):
        paths[f"{base}/{{id}}/{name}"] = {
            "parameters": [ID_PARAMETER],
            "get": {
                "summary": name.title(),
                "tags": [entity.id],
                "responses": _answers(listing, problems=("404", "429")),
            },
        }
    transitions = entity.workflow.transitions.values() if entity.workflow else ()
    for transition in transitions:
        paths[f"{base}/{{id}}/actions/{transition.id}"] = _transition(entity, transition.id, transition.label.en)
    return paths


def _ledger_paths(model: AppModel) -> dict[str, Schema]:
    rows = {"type": "object", "properties": {"items": {"type": "array", "items": {"type": "object"}}}}
    paths: dict[str, Schema] = {}
    for ledger in model.ledgers.values():
        parameters = [
            _query("as_of", {"type": "string", "format": "date"}, "The end of that day in the app's time zone"),
            _query("filter", TEXT_PARAMETER, "A condition over the dimensions"),
            _query("group_by", TEXT_PARAMETER, "Dimensions, comma separated: " + ", ".join(ledger.dimensions)),
        ]
        for name, used in (
            ("balances", parameters),
            ("moves", [parameters[1], LIST_PARAMETERS[5], LIST_PARAMETERS[6]]),
        ):
            paths[f"/ledgers/{ledger.id}/{name}"] = {
                "get": {
                    "summary": f"{name.title()}: {ledger.label.en}",
                    "tags": ["ledgers"],
                    "parameters": used,
                    "responses": _answers(rows, problems=("404", "422", "429")),
                }
            }
    return paths


COMPONENTS: dict[str, Schema] = {
    "Reference": {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "integer"},
            "code": {"type": ["string", "null"]},
            "name": {"type": ["string", "null"]},
            "entity": {"type": "string"},
        },
    },
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status", "detail", "errors"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "code", "message"],
                    "properties": {name: {"type": "string"} for name in ("field", "code", "message")},
                },
            },
        },
    },
}


def describe(model: AppModel, server: str) -> Schema:
    """The whole description; ``server`` is the address the paths stand under."""
    schemas = dict(COMPONENTS)
    paths: dict[str, Schema] = {}
    for entity in model.entities.values():
        if entity.kind is EntityKind.SYSTEM:
            continue
        schemas.update(entity_schemas(entity))
        if entity.kind is not EntityKind.LINES:
            paths.update(_entity_paths(entity))
    paths.update(_ledger_paths(model))
    return {
        "openapi": "3.1.0",
        "info": {"title": model.title.en, "version": model.version},
        "servers": [{"url": server}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
