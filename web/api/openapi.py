"""The OpenAPI 3.1 description of one app: made from its model, so it names exactly its entities and fields."""

from __future__ import annotations

from engine.model import AppModel, Entity, EntityKind
from web.api.openapi_fields import entity_schemas, schema_name
from web.api.openapi_parts import (
    COMPONENTS,
    ID_PARAMETER,
    KEY_PARAMETER,
    LIST_PARAMETERS,
    LISTING,
    MATCH_PARAMETER,
    PAGE,
    Schema,
    answers,
    body,
)
from web.api.openapi_rooms import room_paths


def _record(entity: Entity) -> Schema:
    """A record as it is answered."""
    return {"$ref": f"#/components/schemas/{schema_name(entity.id, answer=True)}"}


def _collection(entity: Entity) -> Schema:
    record = _record(entity)
    sent = {"$ref": f"#/components/schemas/{schema_name(entity.id, answer=False)}"}
    created = {"anyOf": [record, {"type": "array", "items": record}]}
    return {
        "get": {
            "summary": f"List: {entity.label.en}",
            "tags": [entity.id],
            "parameters": list(LIST_PARAMETERS),
            "responses": answers(PAGE, problems=("404", "422", "429")),
        },
        "post": {
            "summary": f"Create: {entity.label.en}",
            "tags": [entity.id],
            "parameters": [KEY_PARAMETER],
            "requestBody": body({"anyOf": [sent, {"type": "array", "items": sent}]}),
            "responses": answers(created, status="201", problems=("404", "409", "422", "429")),
        },
    }


def _single(entity: Entity) -> Schema:
    record = _record(entity)
    sent = {"$ref": f"#/components/schemas/{schema_name(entity.id, answer=False)}"}
    refused = ("404", "409", "412", "422", "429")
    return {
        "parameters": [ID_PARAMETER],
        "get": {
            "summary": f"Read: {entity.label.en}",
            "tags": [entity.id],
            "responses": answers(record, problems=("404", "429")),
        },
        "patch": {
            "summary": f"Change: {entity.label.en}",
            "tags": [entity.id],
            "parameters": [MATCH_PARAMETER, KEY_PARAMETER],
            "requestBody": body(sent),
            "responses": answers(record, problems=refused),
        },
        "delete": {
            "summary": f"Delete: {entity.label.en}",
            "tags": [entity.id],
            "parameters": [MATCH_PARAMETER, KEY_PARAMETER],
            "responses": {"204": {"description": "Deleted"}, **answers({}, problems=refused)},
        },
    }


def _transition(entity: Entity, transition: str, label: str) -> Schema:
    record = _record(entity)
    sent = {"type": "object", "properties": {"note": {"type": ["string", "null"]}}, "additionalProperties": True}
    return {
        "parameters": [ID_PARAMETER],
        "post": {
            "summary": f"{label}: {entity.label.en}",
            "operationId": f"{entity.id}__{transition}",
            "tags": [entity.id],
            "parameters": [KEY_PARAMETER],
            "requestBody": body(sent, required=False),
            "responses": answers(record, problems=("404", "409", "422", "429")),
        },
    }


def _entity_paths(entity: Entity) -> dict[str, Schema]:
    base = f"/{entity.id}"
    paths = {base: _collection(entity), f"{base}/{{id}}": _single(entity)}
    for name in ("history", "links"):
        paths[f"{base}/{{id}}/{name}"] = {
            "parameters": [ID_PARAMETER],
            "get": {
                "summary": name.title(),
                "tags": [entity.id],
                "responses": answers(LISTING, problems=("404", "429")),
            },
        }
    paths[f"{base}/{{id}}/restore"] = {
        "parameters": [ID_PARAMETER],
        "post": {
            "summary": f"Take back out of the bin: {entity.label.en}",
            "tags": [entity.id],
            "parameters": [KEY_PARAMETER],
            "responses": answers(_record(entity), problems=("404", "409", "422", "429")),
        },
    }
    transitions = entity.workflow.transitions.values() if entity.workflow else ()
    for transition in transitions:
        paths[f"{base}/{{id}}/actions/{transition.id}"] = _transition(entity, transition.id, transition.label.en)
    return paths


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
    paths.update(room_paths(model))
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
