"""The description of what is not a record: ledgers, plans, figures, tasks, genealogy, files, metadata, events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model import AppModel, EntityKind, Ledger, Report
from runtime.channels import CHANNELS
from web.api.openapi_parts import (
    ID_PARAMETER,
    KEY_PARAMETER,
    LIST_PARAMETERS,
    PAGE,
    TEXT_PARAMETER,
    Schema,
    answers,
    body,
    query,
)
from web.api.openapi_plugins import plugin_paths
from web.api.openapi_rules import alert_paths, rule_paths, workflow_paths
from web.api.openapi_sync import sync_paths
from web.contact_view import PREFERRED

OBJECT: Schema = {"type": "object"}
DATE: Schema = {"type": "string", "format": "date"}
NUMBER: Schema = {"type": "string", "pattern": r"^-?\d{1,9}(\.\d{1,6})?$"}
FILTER = query("filter", TEXT_PARAMETER, "A condition over the dimensions, or over the figures of the rows")
GRAPH: Schema = {
    "type": "object",
    "required": ["root", "direction", "nodes", "edges", "cut"],
    "properties": {
        "root": {"type": "string"},
        "direction": {"enum": ["forward", "backward", "both"]},
        "nodes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["key", "entity", "label", "id", "title"],
                "properties": {
                    "key": {"type": "string"},
                    "entity": {"type": "string"},
                    "label": {"type": "string"},
                    "id": {"type": ["integer", "null"]},
                    "title": {"type": ["string", "null"]},
                },
            },
        },
        "edges": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["from", "to", "ledger", "of", "qty"],
                "properties": {
                    "from": {"type": "string"},
                    "to": {"type": "string"},
                    "ledger": {"type": "string"},
                    "of": {"anyOf": [{"$ref": "#/components/schemas/Reference"}, {"type": "null"}]},
                    "qty": {"type": ["string", "null"]},
                },
            },
        },
        "cut": {"type": "boolean"},
    },
}
FILE: Schema = {
    "type": "object",
    "required": ["id", "name", "media_type", "size"],
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string"},
        "media_type": {"type": "string"},
        "size": {"type": "integer"},
    },
}


def room_paths(model: AppModel) -> dict[str, Schema]:
    """All paths but those of records."""
    return {
        **_each(_ledger(ledger) for ledger in model.ledgers.values()),
        **_plans(model),
        **_each(_report(report) for report in model.reports.values()),
        **_cards(model),
        **_tasks(),
        **_approvals(model),
        **_outside(),
        **_traces(model),
        **_files(),
        **_imports(),
        **_metadata(),
        **rule_paths(model),
        **alert_paths(model),
        **plugin_paths(),
        **sync_paths(),
        **workflow_paths(model),
        **_rest(),
    }


def _each(found: Iterable[Mapping[str, Schema]]) -> dict[str, Schema]:
    return {path: item for one in found for path, item in one.items()}


def _get(tag: str, summary: str, schema: Schema, *parameters: Schema, problems: Iterable[str] = ()) -> Schema:
    shown = {"parameters": list(parameters)} if parameters else {}
    return {"get": {"summary": summary, "tags": [tag], **shown, "responses": answers(schema, problems=problems)}}


def _post(
    tag: str, summary: str, schema: Schema, *parameters: Schema, sent: Schema | None = None, **rest: Any
) -> Schema:
    told: Schema = {"summary": summary, "tags": [tag], "parameters": list(parameters)}
    if sent is not None:
        told["requestBody"] = sent
    return {"post": {**told, "responses": answers(schema, problems=("409", "422"), **rest)}}


def _ledger(ledger: Ledger) -> dict[str, Schema]:
    names = ", ".join(ledger.dimensions)
    balances = (
        query("as_of", DATE, "The end of that day in the app's time zone"),
        FILTER,
        query("group_by", TEXT_PARAMETER, f"Dimensions, comma separated: {names}"),
    )
    label, base = ledger.label.en, f"/ledgers/{ledger.id}"
    return {
        f"{base}/balances": _get("ledgers", f"Balances: {label}", PAGE, *balances),
        f"{base}/moves": _get("ledgers", f"Moves: {label}", PAGE, FILTER, LIST_PARAMETERS[5], LIST_PARAMETERS[6]),
    }


def _plans(model: AppModel) -> dict[str, Schema]:
    if not model.structures:
        return {}
    item = {**query("item", TEXT_PARAMETER, "Id or code"), "required": True}
    day = query("date", DATE, "The day at which it is valid, today by default")
    qty = query("qty", NUMBER, "How many, 1 by default")
    refused = ("404", "409", "422")
    found = {
        "/plan/explode": _get("plan", "What it is made of, by level", OBJECT, item, qty, day, problems=refused),
        "/plan/where-used": _get("plan", "What it goes into", OBJECT, item, day, problems=refused),
        "/plan/cost": _get("plan", "What it costs, rolled up", OBJECT, item, day, problems=refused),
    }
    if model.plans:
        demands: Schema = {"type": "array", "items": {"$ref": "#/components/schemas/Demand"}}
        sent = {"anyOf": [demands, {"type": "object", "properties": {"demands": demands}}]}
        commit = query("commit", {"type": "boolean"}, "Make the documents that are suggested")
        found["/plan/net"] = _post(
            "plan", "Net demands against supplies", OBJECT, commit, KEY_PARAMETER, sent=body(sent, required=False)
        )
    return found


def _report(report: Report) -> dict[str, Schema]:
    paths = dict.fromkeys((*report.filters, *report.rows, *(c.by for c in report.columns if c.by)))
    filters = [query(path, TEXT_PARAMETER, "Only these; repeat for several") for path in paths]
    period = query("period", TEXT_PARAMETER, "A period by name: this_month, last_30_days …")
    shape: Schema = {"type": "object", "required": ["id", "axes", "measures", "columns", "rows"]}
    return {f"/reports/{report.id}": _get("reports", report.label.en, shape, period, *filters)}


def _cards(model: AppModel) -> dict[str, Schema]:
    shape: Schema = {"type": "object", "required": ["id", "label", "value", "parts", "formula"]}
    points = query("points", {"type": "integer", "minimum": 0, "maximum": 24}, "Earlier values, oldest first")
    period = query("period", TEXT_PARAMETER, "A period by name")
    found = {f"/cards/{c.id}": _get("cards", c.label.en, shape, period, points) for c in model.cards.values()}
    listing = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": shape}}}
    return {"/cards": _get("cards", "All cards", listing, period, points), **found}


TEXT: Schema = {"type": "string"}
PERSON: Schema = {"type": ["integer", "string"], "description": "An account: its number or log-in name"}
PEOPLE: Schema = {
    "type": ["integer", "string", "array"], "items": PERSON, "description": "An account, or several: number or name",
}  # fmt: skip
TASK_ACTS: Mapping[str, tuple[str, Schema]] = {
    "return": (
        "Return it to a step, or to who sent it",
        {
            "type": "object",
            "properties": {"note": TEXT, "to": TEXT, "way": {"enum": ["walk_again", "straight_back"]}},
            "required": ["note"],
        },
    ),
    "delegate": (
        "Hand my say over",
        {"type": "object", "properties": {"to": PERSON, "note": TEXT}, "required": ["to"]},
    ),
    "add-signer": (
        "Ask another too",
        {
            "type": "object",
            "properties": {"to": PEOPLE, "where": {"enum": ["before", "after", "parallel", "helper"]}, "note": TEXT},
            "required": ["to", "where", "note"],
        },
    ),
    "circulate": (
        "Let others read the document without asking them anything",
        {"type": "object", "properties": {"to": PEOPLE, "note": TEXT}, "required": ["to"]},
    ),
    "remove-signer": ("Take back whom I asked", {"type": "object"}),
    "take-back": (
        "Take my approval back while nobody after me has spoken",
        {"type": "object", "properties": {"note": TEXT}},
    ),
}
URGED: Schema = {
    "type": "object",
    "properties": {"entity": TEXT, "record": {"type": "integer"}},
    "required": ["entity", "record"],
}
SUBSTITUTE: Schema = {
    "type": "object",
    "properties": {
        "deputy": PERSON,
        "since": {"type": "string", "format": "date"},
        "until": {"type": "string", "format": "date"},
        "flows": {"type": "array", "items": TEXT, "description": "Only about documents of these entities; none: all"},
    },
    "required": ["deputy", "since", "until"],
}


APPROVAL: Schema = {"type": "object", "required": ["status", "steps", "people", "files", "mine"]}


def _approvals(model: AppModel) -> dict[str, Schema]:
    told = _get(
        "tasks", "The steps of a document's approval, who was brought in besides, and the files given", APPROVAL
    )
    flows = {id: entity.workflow.states.values() for id, entity in model.entities.items() if entity.workflow}
    asked = [id for id, states in flows.items() if any(state.approval for state in states)]
    return {f"/tasks/of/{id}/{{id}}": {"parameters": [ID_PARAMETER], **told} for id in asked}


def _tasks() -> dict[str, Schema]:
    said = {"type": "object", "properties": {"note": {"type": ["string", "null"]}}}
    unseen = query("unseen", {"type": "boolean"}, "Only what was not acknowledged")
    box = query("box", {"enum": ["done", "sent", "copied"]}, "What I decided, what I sent, what was copied to me")
    found: dict[str, Schema] = {"/tasks": _get("tasks", "What waits for me", PAGE, box)}
    for decision in ("approve", "reject"):
        found[f"/tasks/{{id}}/{decision}"] = {
            "parameters": [ID_PARAMETER],
            **_post("tasks", decision.title(), OBJECT, KEY_PARAMETER, sent=body(said, required=False)),
        }
    for act, (summary, sent) in TASK_ACTS.items():
        found[f"/tasks/{{id}}/{act}"] = {
            "parameters": [ID_PARAMETER],
            **_post("tasks", summary, OBJECT, KEY_PARAMETER, sent=body(sent, required=False)),
        }
    found["/tasks/urge"] = _post("tasks", "Ask those it waits for to hurry", OBJECT, sent=body(URGED))
    found["/substitutes"] = {
        **_get("tasks", "Who decides for me", PAGE),
        **_post("tasks", "Let another decide for me", OBJECT, sent=body(SUBSTITUTE)),
    }
    ended = {"summary": "I decide myself again", "tags": ["tasks"], "responses": answers(OBJECT)}
    found["/substitutes/{id}"] = {"parameters": [ID_PARAMETER], "delete": ended}
    found["/contact"] = {
        **_get("inbox", "How I want to be told", CONTACT),
        "patch": _post("inbox", "How I want to be told: what is named changes", CONTACT, sent=body(CONTACT))["post"],
    }
    found["/inbox"] = _get("inbox", "My messages, newest first", PAGE, unseen)
    found["/inbox/{id}/ack"] = {"parameters": [ID_PARAMETER], **_post("inbox", "I have seen it", OBJECT)}
    return found


def _outside() -> dict[str, Schema]:
    """Channels and the outbox: for administrators."""
    one = {"parameters": [ID_PARAMETER]}
    states = query("state", {"enum": ["waiting", "sending", "held", "dead", "sent"]}, "Messages in this state only")
    kinds = query("kind", TEXT_PARAMETER, "Messages of this kind only")
    left: Schema = {**answers({}, status="204"), "204": {"description": "Done"}}
    gone = {"summary": "Remove it", "tags": ["channels"], "responses": left}
    changed = _post("channels", "Change or switch it", OBJECT, sent=body(CHANNEL))["post"]
    return {
        "/channels": {
            **_get("channels", "All channels, without their secrets", PAGE),
            **_post("channels", "Make a channel", OBJECT, sent=body(CHANNEL), status="201"),
        },
        "/channels/{id}": {**one, "patch": changed, "delete": gone},
        "/channels/{id}/test": {
            **one,
            **_post("channels", "Send a test message now", OBJECT, sent=body(TRIAL, required=False)),
        },
        "/outbox": _get("outbox", "Messages, newest first", PAGE, states, kinds, *LIST_PARAMETERS[5:7]),
        "/outbox/{id}": {**one, **_get("outbox", "One of them", OBJECT)},
        "/outbox/{id}/resend": {**one, **_post("outbox", "Send it again, now", OBJECT)},
    }


CHANNEL: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "kind": {"enum": [id for id, each in CHANNELS.items() if not each.own]},
        "settings": {"type": "object", "additionalProperties": {"type": "string"}},
        "active": {"type": "boolean"},
    },
}
CONTACT: Schema = {
    "type": "object",
    "properties": {
        "channel": {"enum": ["", *PREFERRED]},
        "channels": {"type": "array", "items": {"enum": list(PREFERRED)}},
        "addresses": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 120}},
        "quiet": {"type": ["array", "null"], "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        "daily": {"type": ["string", "null"]},
    },
}
"""``channels``: beside the inbox; ``channel``: the first of them.

``quiet``: from and until, as 22:00; ``daily``: the hour at which all of a day comes.
"""
TRIAL: Schema = {"type": "object", "properties": {"address": {"type": "string"}}}


def _traces(model: AppModel) -> dict[str, Schema]:
    way = query("direction", {"enum": ["forward", "backward", "both"]}, "Where it went, where it came from, or both")
    kinds = (EntityKind.LINES, EntityKind.SYSTEM, EntityKind.SETTING)
    traced = {t for ledger in model.ledgers.values() for d in ledger.dimensions.values() for t in d.targets}
    return {
        f"/trace/{entity.id}/{{id}}": {
            "parameters": [ID_PARAMETER],
            **_get("trace", f"Genealogy: {entity.label.en}", GRAPH, way),
        }
        for entity in model.entities.values()
        if entity.kind not in kinds and (entity.id in traced or entity.kind is EntityKind.DOCUMENT)
    }


SENT_FILE: Schema = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        }
    },
}


def _imports() -> dict[str, Schema]:
    """Spreadsheets brought in, and taken back."""
    yes: Schema = {"type": "boolean"}
    entity = query("entity", TEXT_PARAMETER, "What the rows become")
    older = query("cursor", TEXT_PARAMETER, "Where the next page starts: `next` of the page before")
    tried = query("undo", yes, "Also what undoing it would do: tried out, for at most 300 records")
    how = (
        {**entity, "required": True},
        query("dry_run", yes, "Judge every row and keep nothing"),
        query("partial", yes, "The good rows may go in alone"),
        query("mapping", TEXT_PARAMETER, "A kept mapping; without one the columns are recognised"),
        query("match", TEXT_PARAMETER, "Records found by this field are changed instead of made"),
        query("create", TEXT_PARAMETER, "References whose missing records are made, comma separated"),
    )
    undone = _post("imports", "Take it back", OBJECT, query("partial", yes, "As far as it goes"))
    brought = _post("imports", "Judge or take a file", OBJECT, *how, sent=SENT_FILE, status="201")
    brought["post"]["responses"]["200"] = brought["post"]["responses"]["201"]
    return {
        "/imports": {**_get("imports", "Imports, newest first", PAGE, entity, older), **brought},
        "/imports/{id}": {
            "parameters": [ID_PARAMETER],
            **_get("imports", "One import and how many of its records stand", OBJECT, tried, problems=("404", "422")),
        },
        "/imports/{id}/undo": {"parameters": [ID_PARAMETER], **undone},
    }


def _files() -> dict[str, Schema]:
    content = {"description": "The file", "content": {"*/*": {"schema": {}}}}
    download = _get("files", "A file, with the right to its record", {})
    download["get"]["responses"]["200"] = content
    return {
        "/files": _post("files", "Keep a file", FILE, sent=SENT_FILE, status="201"),
        "/files/{id}": {"parameters": [ID_PARAMETER], **download},
    }


def _metadata() -> dict[str, Schema]:
    number = {**ID_PARAMETER, "name": "number"}
    return {
        "/metadata": _get("metadata", "The app's definition: own layer, and flat", OBJECT),
        "/metadata/versions": _get("metadata", "Its versions, newest first", PAGE),
        "/metadata/versions/{number}/rollback": {
            "parameters": [number],
            **_post("metadata", "An earlier version again, as a new one", OBJECT),
        },
    }


def _rest() -> dict[str, Schema]:
    events = _get("events", "Server-sent events: records that changed, messages, counts, figures to read again", {})
    events["get"]["responses"]["200"] = {"description": "A stream", "content": {"text/event-stream": {}}}
    return {"/events": events, "/openapi.json": _get("description", "This description", OBJECT)}
