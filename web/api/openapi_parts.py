"""Pieces of the description that all rooms of the API share: answers, parameters, the shapes of refusals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from web.api.addresses import LARGEST_ID

Schema = dict[str, Any]
PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}


LISTING: Schema = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": {"type": "object"}}},
}
PAGE: Schema = {
    "type": "object",
    "required": ["items", "next", "count"],
    "properties": {
        **LISTING["properties"],
        "next": {"type": ["string", "null"]},
        "count": {"anyOf": [{"type": "integer"}, {"const": "1000+"}]},
    },
}


def answers(schema: Schema, *, status: str = "200", problems: Iterable[str] = ()) -> Schema:
    """The answers of an operation: what is done, and the refusals every operation may give besides ``problems``."""
    found: Schema = {status: {"description": "Done", "content": {"application/json": {"schema": schema}}}}
    for code in sorted({"400", "401", "403", "404", "413", "429", *problems}):
        found[code] = {"description": "Refused", "content": {"application/problem+json": {"schema": PROBLEM_REF}}}
    return found


def query(name: str, kind: Schema, description: str) -> Schema:
    """A parameter that may be left out."""
    return {"name": name, "in": "query", "required": False, "schema": kind, "description": description}


TEXT_PARAMETER: Schema = {"type": "string", "maxLength": 2000}
LIST_PARAMETERS = (
    query("q", TEXT_PARAMETER, "Words, codes, pinyin or initials to look for"),
    query("filter", TEXT_PARAMETER, "A condition in the expression language"),
    query("sort", TEXT_PARAMETER, "Fields, comma separated; a leading minus turns the order"),
    query("fields", TEXT_PARAMETER, "The fields to answer, comma separated; paths like partner.name are allowed"),
    query("view", TEXT_PARAMETER, "A view of the entity"),
    query("page_size", {"type": "integer", "minimum": 1, "maximum": 500}, "Rows a page"),
    query("cursor", TEXT_PARAMETER, "Where the next page starts: `next` of the page before"),
    query("count", {"type": "boolean"}, "Count all rows exactly instead of up to a thousand"),
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


def body(schema: Schema, *, required: bool = True) -> Schema:
    """What is sent."""
    return {"required": required, "content": {"application/json": {"schema": schema}}}


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
    "Demand": {
        "type": "object",
        "required": ["item", "qty"],
        "properties": {
            "item": {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "object"}]},
            "qty": {"type": "string", "pattern": r"^\d{1,9}(\.\d{1,6})?$"},
            "date": {"type": "string", "format": "date"},
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
