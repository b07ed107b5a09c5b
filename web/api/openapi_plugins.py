"""The description of plug-ins: what is installed, switching and setting it, what it was started for."""

from __future__ import annotations

from collections.abc import Iterable

from runtime.plugins.finding import market
from web.api.openapi_parts import ID_PARAMETER, Schema, answers, body, query

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
ANYTHING: Schema = {"type": "object"}
REFUSED = ("403", "404", "409", "422")


def _object(required: dict[str, Schema], **others: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **others}}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


PLUGIN = _object(
    {
        "id": TEXT, "label": TEXT, "help": TEXT, "on": {"type": "boolean"}, "settings": ANYTHING,
        "origin": {"type": "string", "description": "`bundled`, or the package it came with"},
        "secrets": {**_list(TEXT), "description": "Secret settings that are kept; they are never shown"},
        "schema": {"type": "object", "description": "JSON Schema 2020-12 of the settings"},
        "rights": {**_list(TEXT), "description": "What it may read and write, in words"},
        "acts": _list(_object({"id": TEXT, "label": TEXT, "help": TEXT, "arguments": ANYTHING})),
        "events": _list(_object({"id": TEXT, "label": TEXT, "gives": ANYTHING})),
    }
)  # fmt: skip
RUN = _object(
    {
        "id": WHOLE, "plugin": TEXT, "act": TEXT, "state": {"enum": ["waiting", "working", "done", "failed"]},
        "given": ANYTHING, "rule": TEXT, "entity": TEXT, "record": WHOLE, "account": {"type": ["integer", "null"]},
        "made_at": MOMENT, "ended_at": MOMENT, "micros": WHOLE, "done": WHOLE, "total": WHOLE,
        "said": _list(_object({"zh": TEXT, "en": TEXT})),
        "written": {**_list(ANYTHING), "description": "Records written: for each field what it was and what it is"},
        "raised": {**_list(ANYTHING), "description": "Events reported about records"},
        "error": TEXT,
    }
)  # fmt: skip


def _part(name: str, description: str, known: Iterable[str]) -> Schema:
    schema = {"type": "string", "enum": sorted(known)}
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


def _get(summary: str, schema: Schema, *parameters: Schema) -> Schema:
    shown = {"parameters": list(parameters)} if parameters else {}
    return {"summary": summary, "tags": ["plugins"], **shown, "responses": answers(schema, problems=REFUSED)}


def plugin_paths() -> dict[str, Schema]:
    """Plug-ins, for administrators."""
    plugins = market().plugins
    acts = {act.id for each in plugins.values() for act in each.plugin.acts}
    one = {"parameters": [_part("plugin", "The id of a plug-in", plugins)]}
    before = query("before", {"type": "integer", "minimum": 0}, "Runs before this one: `next` of the page before")
    listing = _object({"items": _list(PLUGIN), "next": {"type": "null"}, "count": WHOLE, "broken": _list(ANYTHING)})
    ran = _object({"items": _list(RUN), "next": {"type": ["integer", "null"]}, "count": WHOLE})
    changed = _object({}, on={"type": "boolean"}, settings=ANYTHING)
    return {
        "/plugins": {"get": _get("Plug-ins that are installed", listing)},
        "/plugins/{plugin}": {
            **one,
            "get": _get("A plug-in with its settings", PLUGIN),
            "patch": {
                "summary": "Change settings, switch it on or off",
                "tags": ["plugins"],
                "requestBody": body(changed),
                "responses": answers(PLUGIN, problems=REFUSED),
            },
        },
        "/plugins/{plugin}/acts/{act}": {
            "parameters": [*one["parameters"], _part("act", "What it does", acts)],
            "post": {
                "summary": "Start what it does; the run is done beside",
                "tags": ["plugins"],
                "requestBody": body(_object({}, arguments=ANYTHING), required=False),
                "responses": answers(RUN, status="202", problems=REFUSED),
            },
        },
        "/plugins/{plugin}/runs": {**one, "get": _get("Its runs, newest first", ran, before)},
        "/plugins/{plugin}/runs/{id}": {
            "parameters": [*one["parameters"], ID_PARAMETER],
            "get": _get("One run: how far it is, what it said and wrote", RUN),
        },
    }
