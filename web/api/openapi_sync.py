"""The description of entries made offline: what is sent, the fate of each, and what was not taken in."""

from __future__ import annotations

from runtime.sync_entries import AFTER, KINDS, LONGEST_KEY, MOST
from web.api.openapi_parts import ID_PARAMETER, PROBLEM_REF, TEXT_PARAMETER, Schema, answers, body, query

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer", "minimum": 1, "maximum": 2**53}
MADE_BY: Schema = {
    "type": "object",
    "required": [AFTER],
    "properties": {AFTER: TEXT},
    "description": "The record that the entry of this key made or changed; also inside values and body",
}
ENTRY: Schema = {
    "type": "object",
    "required": ["key", "made_at", "kind", "entity"],
    "properties": {
        "key": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": r"^[\x20-\x7e]+$"},
        "made_at": {"type": "string", "format": "date-time"},
        "kind": {"enum": list(KINDS)},
        "entity": TEXT,
        "id": {"anyOf": [WHOLE, MADE_BY]},
        "version": {
            "anyOf": [WHOLE, MADE_BY],
            "description": "The version that was seen; of a change it must be said, unless its record is the batch's",
        },
        "values": {"type": "object", "description": "Of create and change: as in a POST or PATCH of the record"},
        "action": {"type": "string", "description": "Of act: the transition"},
        "body": {"type": "object", "description": "Of act: what the transition asks for"},
    },
}
BATCH: Schema = {
    "type": "object",
    "required": ["entries"],
    "properties": {"entries": {"type": "array", "items": ENTRY, "maxItems": MOST}},
}
CLASH: Schema = {
    "type": "object",
    "required": ["field", "label", "before", "theirs", "yours"],
    "properties": {"field": TEXT, "label": TEXT, "before": {}, "theirs": {}, "yours": {}},
}
TOLD: Schema = {
    "entity": TEXT,
    "id": {"type": "integer"},
    "version": {"type": "integer"},
    "code": TEXT,
    "status": {"type": ["string", "null"]},
    "warnings": {"type": "array", "items": {"type": "object"}},
    "waits_for": TEXT,
    "fields": {"type": "array", "items": CLASH, "description": "Of a conflict: what it was, theirs, yours"},
    "problem": PROBLEM_REF,
    "next": {"type": "string", "description": "What to do about it"},
    "kept": {"type": "integer", "description": "Under which number it is kept until somebody settles it"},
}
FATE: Schema = {
    "type": "object",
    "required": ["key", "fate"],
    "properties": {
        "key": TEXT,
        "fate": {"enum": ["done", "already", "conflict", "refused", "waiting"]},
        **TOLD,
    },
}
FATES: Schema = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": FATE}},
}
OPEN: Schema = {
    "type": "object",
    "required": ["items", "next", "count"],
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "by", "made_at", "came_at", "entry", "key", "fate", "problem", "next"],
                "properties": {
                    **FATE["properties"],
                    "by": TEXT,
                    "made_at": {"type": ["string", "null"], "format": "date-time"},
                    "came_at": {"type": "string", "format": "date-time"},
                    "entry": {"type": "object"},
                },
            },
        },
        "next": {"type": ["string", "null"]},
        "count": {"type": "integer"},
    },
}


def sync_paths() -> dict[str, Schema]:
    """The addresses of entries made offline."""
    older = query("cursor", TEXT_PARAMETER, "Where the next page starts: `next` of the page before")
    redone: Schema = {**FATE, "properties": {**FATE["properties"], "followed": {"type": "array", "items": FATE}}}
    return {
        "/sync": {
            "get": {
                "summary": "Entries made offline that were not taken in, newest first",
                "tags": ["sync"],
                "parameters": [older],
                "responses": answers(OPEN),
            },
            "post": {
                "summary": "Take in entries made offline, in their order; the fate of each",
                "tags": ["sync"],
                "requestBody": body(BATCH),
                "responses": answers(FATES, problems=("409", "422")),
            },
        },
        "/sync/{id}/redo": {
            "parameters": [ID_PARAMETER],
            "post": {
                "summary": "Take one in after all: its own values count",
                "tags": ["sync"],
                "responses": answers(redone, problems=("409", "412", "422")),
            },
        },
        "/sync/{id}/discard": {
            "parameters": [ID_PARAMETER],
            "post": {
                "summary": "It shall not be taken in",
                "tags": ["sync"],
                "responses": answers({"type": "object"}, problems=("409", "422")),
            },
        },
    }
