"""The description of what happens by itself and how documents move: rules, alerts, workflows."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model import AppModel
from web.api.openapi_parts import ID_PARAMETER, TEXT_PARAMETER, Schema, answers, body, query

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}


def _named(name: str, known: Iterable[str], description: str) -> Schema:
    """A part of the address that is one of the app's own ids."""
    ids = sorted(set(known))
    schema: Schema = {"type": "string", **({"enum": ids} if ids else {"minLength": 1})}
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


def _object(required: dict[str, Schema], **others: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **others}}


def _listing(item: Schema, following: Schema) -> Schema:
    return _object({"items": {"type": "array", "items": item}, "next": following, "count": COUNT})


NO_NEXT: Schema = {"type": "null"}
NEXT: Schema = {"type": ["integer", "null"]}
CONDITION = _object(
    {"text": TEXT, "holds": {"type": "boolean"}, "inputs": {"type": "array", "items": {"type": "array"}}}
)
RUN = _object(
    {
        "id": COUNT,
        "at": MOMENT,
        "rule": TEXT,
        "entity": TEXT,
        "record": COUNT,
        "event": TEXT,
        "result": {"enum": ["fired", "refused", "already", "limited", "loop", "failed"]},
        "conditions": {"type": "array", "items": CONDITION},
        "actions": {"type": "array", "items": {"type": "object"}},
        "error": TEXT,
        "micros": COUNT,
    }
)
RULE = _object(
    {
        "id": TEXT,
        "label": TEXT,
        "entity": TEXT,
        "trigger": {"enum": ["created", "changed", "transition", "becomes", "date", "every", "event", "alert"]},
        "sentence": TEXT,
        "on": {"type": "boolean"},
        "runs": {"type": "object", "additionalProperties": COUNT},
    }
)
WHY = _object(
    {
        "rule": TEXT,
        "entity": TEXT,
        "record": COUNT,
        "fires": {"type": "boolean"},
        "off": {"type": "boolean"},
        "already": {"type": "boolean"},
        "due": {"type": ["string", "null"], "format": "date-time"},
        "conditions": {"type": "array", "items": CONDITION},
        "first_failing": {"anyOf": [CONDITION, {"type": "null"}]},
        "last_run": {"anyOf": [RUN, {"type": "null"}]},
    }
)
SIMULATED = _object(
    {
        "rule": TEXT,
        "since": DAY,
        "until": DAY,
        "looked": COUNT,
        "fired": COUNT,
        "records": COUNT,
        "items": {
            "type": "array",
            "items": _object(
                {
                    "at": MOMENT,
                    "entity": TEXT,
                    "record": COUNT,
                    "title": TEXT,
                    "parts": {"type": "array"},
                    "effects": {"type": "array", "items": {"type": "object"}},
                }
            ),
        },
        "notes": {"type": "array", "items": TEXT},
    }
)
SIMULATION = _object(
    {
        "id": TEXT,
        "state": {"enum": ["working", "done", "failed", "stopped"]},
        "progress": {"type": "number", "minimum": 0, "maximum": 1},
        "errors": {"type": "array", "items": TEXT},
        "result": {"anyOf": [SIMULATED, {"type": "null"}]},
    }
)
ALERT = _object(
    {
        "id": COUNT,
        "alert": TEXT,
        "label": TEXT,
        "level": TEXT,
        "color": TEXT,
        "entity": TEXT,
        "record": COUNT,
        "title": TEXT,
        "text": TEXT,
        "opened_at": MOMENT,
        "refreshed_at": MOMENT,
        "acknowledged_at": MOMENT,
        "snoozed_until": MOMENT,
        "closed_at": MOMENT,
        "closed_because": TEXT,
        "offers": {"type": "array", "items": _object({"id": TEXT, "label": TEXT, "kind": TEXT})},
    }
)
STEP = _object(dict.fromkeys(("id", "label", "who", "way", "condition", "sentence"), TEXT) | {"number": COUNT})
STATE = _object(
    {
        "id": TEXT,
        "label": TEXT,
        "edit": {"type": "array", "items": TEXT},
        "steps": {"type": "array", "items": STEP},
        "notes": {"type": "array", "items": TEXT},
        "now": COUNT,
    }
)
TRANSITION = _object(
    {
        **dict.fromkeys(("id", "label", "kind", "target", "who", "condition", "sentence"), TEXT),
        **{name: {"type": "array", "items": TEXT} for name in ("origins", "demands", "rules")},
    }
)


PREFER: Schema = {
    "name": "Prefer", "in": "header", "required": False, "schema": {"type": "string", "enum": ["respond-async"]},
    "description": "`respond-async`: do not wait; 202 says where to ask how far it is",
}  # fmt: skip
TOKEN: Schema = {
    "name": "token", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1},
    "description": "The `id` of the answer 202",
}  # fmt: skip


def _get(tag: str, summary: str, schema: Schema, *parameters: Schema, problems: tuple[str, ...] = ()) -> Schema:
    shown = {"parameters": list(parameters)} if parameters else {}
    return {"get": {"summary": summary, "tags": [tag], **shown, "responses": answers(schema, problems=problems)}}


def rule_paths(model: AppModel) -> dict[str, Schema]:
    """Rules: their sentences, runs, why not, a trial on the past."""
    record = {**query("record", TEXT_PARAMETER, "Id or code"), "required": True}
    results = query("result", TEXT_PARAMETER, "Runs that came to these, comma separated")
    before = query("before", {"type": "integer", "minimum": 0}, "Runs before this one: `next` of the page before")
    of = query("record", {"type": "integer", "minimum": 0}, "Runs about this record")
    one = {"parameters": [_named("rule", model.rules, "The id of a rule")]}
    every = (*model.rules, *(f"alert:{id}" for id in model.alerts))
    switch = {"parameters": [_named("rule", every, "The id of a rule; `alert:` before that of an alert")]}
    tried = {"parameters": [_named("rule", every, "The id of a rule; `alert:` before that of an alert")]}
    accepted = {**answers(SIMULATION, status="202")["202"], "description": "It runs beside: ask at `Location`"}
    sent = body(_object({"since": DAY, "until": DAY}, draft={"type": "string", "description": "YAML with the rule"}))
    refused = ("404", "409", "422")
    switched = _object({"id": TEXT, "on": {"type": "boolean"}})
    return {
        "/rules": _get("rules", "Rules and alerts, each as a sentence", _listing(RULE, NO_NEXT)),
        "/rules/{rule}": {
            **switch,
            "patch": {
                "summary": "Switch a rule or an alert on or off",
                "tags": ["rules"],
                "requestBody": body(_object({"on": {"type": "boolean"}})),
                "responses": answers(switched, problems=refused),
            },
        },
        "/rules/{rule}/runs": {
            **one,
            **_get("rules", "What it did and did not, newest first", _listing(RUN, NEXT),
                   of, results, before, problems=refused),
        },
        "/rules/{rule}/why": {
            **one,
            **_get("rules", "Why it acts on a record now, or the first condition that fails", WHY, record,
                   problems=refused),
        },
        "/rules/{rule}/simulate": {
            **tried,
            "post": {
                "summary": "What would have happened; nothing is written or sent",
                "tags": ["rules"],
                "parameters": [PREFER],
                "requestBody": sent,
                "responses": {**answers(SIMULATED, problems=refused), "202": accepted},
            },
        },
        "/rules/{rule}/simulate/{token}": {
            "parameters": [*tried["parameters"], TOKEN],
            **_get("rules", "How far a simulation is that runs beside, and what came of it", SIMULATION),
            "delete": {
                "summary": "Let it be",
                "tags": ["rules"],
                "responses": {**answers({}, status="204"), "204": {"description": "Done"}},
            },
        },
    }  # fmt: skip


def alert_paths(model: AppModel) -> dict[str, Schema]:
    """Alerts: what is open, and what one does about it."""
    closed = query("closed", {"type": "boolean"}, "Those that have ended instead")
    narrow = [
        query(name, TEXT_PARAMETER, text)
        for name, text in (("alert", "Of this alert"), ("entity", "About records of this"))
    ]
    record = query("record", {"type": "integer", "minimum": 0}, "About this record")
    before = query("before", {"type": "integer", "minimum": 0}, "Alerts behind this one: `next` of the page before")
    ways = (offer.id for alert in model.alerts.values() for offer in alert.offers)
    offer = _named("offer", ways, "The id of a way out that is offered")
    refused = ("404", "409", "422")
    taken = _object({"id": COUNT, "taken": TEXT})
    acknowledged = _object({"id": COUNT, "acknowledged": {"type": "boolean"}})
    return {
        "/alerts": _get("alerts", "Open alerts about records I may read", _listing(ALERT, NEXT), closed, record, before,
                        *narrow, problems=refused),
        "/alerts/{id}/ack": {
            "parameters": [ID_PARAMETER],
            "post": {
                "summary": "I take care of it",
                "tags": ["alerts"],
                "responses": answers(acknowledged, problems=refused),
            },
        },
        "/alerts/{id}/offers/{offer}": {
            "parameters": [ID_PARAMETER, offer],
            "post": {
                "summary": "Take a way out that is offered",
                "tags": ["alerts"],
                "responses": answers(taken, problems=refused),
            },
        },
    }  # fmt: skip


def workflow_paths(model: AppModel) -> dict[str, Schema]:
    """Workflows: states, steps and ways, as data and as sentences."""
    short = _object({"entity": TEXT, "label": TEXT, "now": {"type": "object", "additionalProperties": COUNT}})
    whole = _object(
        {
            "entity": TEXT,
            "label": TEXT,
            "states": {"type": "array", "items": STATE},
            "transitions": {"type": "array", "items": TRANSITION},
        }
    )
    found = {"/workflows": _get("workflows", "Workflows, and how many documents are where", _listing(short, NO_NEXT))}
    for entity in model.entities.values():
        if entity.workflow is not None:
            found[f"/workflows/{entity.id}"] = _get("workflows", f"Workflow: {entity.label.en}", whole)
            found |= _moving(entity.id)
    return found


def _moving(entity: str) -> dict[str, Schema]:
    """Documents that walk an earlier flow, and taking them over."""
    one = _object({"version": COUNT, "state": TEXT, "documents": COUNT, "known": {"type": "boolean"}})
    standing = _object({"items": {"type": "array", "items": one}, "next": NO_NEXT, "count": COUNT, "states": STATE_IDS})
    asked = _object(
        {}, records={"type": "array", "items": COUNT}, states={"type": "object", "additionalProperties": TEXT}
    )
    moved = _object({"moved": {"type": "array", "items": COUNT}, "count": COUNT})
    summary = "Let documents under way walk the newest flow: `records`, or all"
    post = {
        "summary": summary,
        "tags": ["workflows"],
        "requestBody": body(asked),
        "responses": answers(moved, problems=("404", "409", "422")),
    }
    return {
        f"/workflows/{entity}/older": _get("workflows", "Documents on an earlier flow", standing),
        f"/workflows/{entity}/move": {"post": post},
    }


STATE_IDS: Schema = {"type": "array", "items": TEXT}
