"""What waits for me and my say in it, what I may do beside it, and the inbox with what I was told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from types import MappingProxyType
from typing import Any

from flask import Blueprint, Response, request

from runtime import inbox, records, substitutes, task_acts, task_center, task_flow, task_take_back, tasks
from runtime.accounts import account_named
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.permissions import READ, demand
from runtime.workflow_demands import given_files
from web.access import reading, writing
from web.api.bodies import body_object
from web.api.idempotency import once
from web.api.parameters import text
from web.api.records import entity_of
from web.api.shapes import answer

TOLD = ("id", "entity", "record", "title", "label", "step", "step_label", "opened_at", "version")


def mine() -> Response:
    """My open tasks, oldest first; ``box=done``, ``sent`` or ``copied``: the other boxes of the task centre."""
    box = request.args.get("box", "")
    with reading() as ctx:
        if box in BOXES:
            seen = [asdict(one) for one in BOXES[box](ctx)]
            return answer({"items": seen, "next": None, "count": len(seen)})
        items = [{name: getattr(task, name) for name in TOLD} for task in tasks.mine(ctx)]
        return answer({"items": items, "next": None, "count": len(items)})


def decide(id: int, decision: str) -> Response:
    """Approve or reject."""
    with writing("api") as ctx:
        return once(ctx, lambda: _decide(ctx, id, decision))


def _decide(ctx: RunContext, id: int, decision: str) -> tuple[dict[str, Any], int]:
    body = body_object(ctx, empty=True)
    note = body.get("note") or ""
    if not isinstance(note, str):
        raise Invalid(fault(ctx, "not_a_text", "note", label="note", given=str(note)[:40]))
    record = tasks.decide(ctx, id, decision, note, body)
    return {"id": id, "decision": decision, "record": record["id"], "status": record.get("status")}, 200


def act(id: int, act: str) -> Response:
    """Return a document, hand my say over, ask another too, or take back whom I asked."""
    with writing("api") as ctx:
        return once(ctx, lambda: _acted(ctx, id, act))


def _acted(ctx: RunContext, id: int, act: str) -> tuple[dict[str, Any], int]:
    record = ACTS[act](ctx, id, body_object(ctx, empty=True))
    return {"id": id, "done": act, "record": record["id"], "status": record.get("status")}, 200


def _word(ctx: RunContext, body: Mapping[str, Any], key: str) -> str:
    value = body.get(key) or ""
    if not isinstance(value, str):
        raise Invalid(fault(ctx, "not_a_text", key, label=key, given=str(value)[:40]))
    return value


def _person(ctx: RunContext, body: Mapping[str, Any], key: str = "to") -> int:
    """An account by its number or log-in name."""
    value = body.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return account_named(ctx, _word(ctx, body, key))


def _people(ctx: RunContext, body: Mapping[str, Any]) -> list[int]:
    """One account or several, each by its number or log-in name."""
    given = body.get("to")
    return [_person(ctx, {"to": each}) for each in (given if isinstance(given, list) else [given])]


def _return(ctx: RunContext, id: int, body: Mapping[str, Any]) -> dict[str, Any]:
    note, to, way = (_word(ctx, body, key) for key in ("note", "to", "way"))
    return task_acts.give_back(ctx, id, note, to, way)


def _delegate(ctx: RunContext, id: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return task_acts.delegate(ctx, id, _person(ctx, body), _word(ctx, body, "note"))


def _add_signer(ctx: RunContext, id: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return task_acts.add_signer(ctx, id, _people(ctx, body), _word(ctx, body, "where"), _word(ctx, body, "note"))


def _circulate(ctx: RunContext, id: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return task_acts.circulate(ctx, id, _people(ctx, body), _word(ctx, body, "note"))


def _remove_signer(ctx: RunContext, id: int, _body: Mapping[str, Any]) -> dict[str, Any]:
    return task_acts.remove_signer(ctx, id)


def _take_back(ctx: RunContext, id: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return task_take_back.take_back(ctx, id, _word(ctx, body, "note"))


ACTS: Mapping[str, Callable[[RunContext, int, Mapping[str, Any]], dict[str, Any]]] = MappingProxyType(
    {
        "return": _return,
        "delegate": _delegate,
        "add-signer": _add_signer,
        "circulate": _circulate,
        "remove-signer": _remove_signer,
        "take-back": _take_back,
    }
)
BOXES: Mapping[str, Callable[[RunContext], list[task_center.Seen]]] = MappingProxyType(
    {"done": task_center.done, "sent": task_center.sent, "copied": task_center.copied}
)


def approval(entity: str, id: int) -> Response:
    """The steps of a document's approval, who was brought in besides, what was given with it, my own tasks."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, READ)
        record = records.load_visible(ctx, found.id, id)
        state = str(record.get("status") or "")
        mine = [row["id"] for row in tasks.waiting(ctx, found.id, id)]
        steps = [asdict(step) for step in task_flow.steps(ctx, found.id, record, state)]
        people = [asdict(way) for way in task_flow.people(ctx, found.id, record, state)]
        files = [asdict(one) for one in given_files(ctx, found.id, id)]
        return answer({"status": state, "steps": steps, "people": people, "files": files, "mine": mine})


def urge() -> Response:
    """Ask those a document of mine waits for to hurry: ``{"entity": …, "record": …}``."""
    with writing("api") as ctx:
        body = body_object(ctx)
        record = body.get("record")
        if isinstance(record, bool) or not isinstance(record, int):
            raise Invalid(fault(ctx, "not_a_number", "record", label="record", given=str(record)[:40]))
        return answer({"told": task_acts.urge(ctx, _word(ctx, body, "entity"), record)})


def my_substitutes() -> Response:
    """Who decides for me, and when."""
    with reading() as ctx:
        items = [asdict(one) for one in substitutes.mine(ctx)]
        return answer({"items": items, "next": None, "count": len(items)})


def substitute() -> Response:
    """Let another decide for me: ``{"deputy": …, "since": …, "until": …, "flows": […]}``; no flows: in all of them."""
    with writing("api") as ctx:
        body = body_object(ctx)
        since, until = (_day(ctx, body, key) for key in ("since", "until"))
        return answer({"id": substitutes.put(ctx, _person(ctx, body, "deputy"), since, until, _flows(ctx, body))}, 201)


def _flows(ctx: RunContext, body: Mapping[str, Any]) -> list[str]:
    given = body.get("flows") or []
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise Invalid(fault(ctx, "not_a_text", "flows", label="flows", given=str(given)[:40]))
    return given


def _day(ctx: RunContext, body: Mapping[str, Any], key: str) -> date:
    given = _word(ctx, body, key)
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise Invalid(fault(ctx, "not_a_date", key, label=key, given=given[:40])) from None


def end_substitute(id: int) -> Response:
    """I decide myself again."""
    with writing("api") as ctx:
        substitutes.drop(ctx, id)
        return answer({"id": id, "ended": True})


def messages() -> Response:
    """What I was told, newest first; ``unseen=true``: only what I have not acknowledged."""
    with reading() as ctx:
        items = [asdict(one) for one in inbox.mine(ctx, unseen=text("unseen") == "true")]
        return answer({"items": items, "next": None, "count": len(items)})


def acknowledge(id: int) -> Response:
    """I have seen it."""
    with writing("api") as ctx:
        inbox.acknowledge(ctx, id)
        return answer({"id": id, "acknowledged": True})


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/tasks", "tasks", mine)
    api.add_url_rule("/tasks/<id:id>/<any(approve, reject):decision>", "decide", decide, methods=["POST"])
    acts = ", ".join(f"'{name}'" for name in ACTS)
    api.add_url_rule(f"/tasks/<id:id>/<any({acts}):act>", "task_act", act, methods=["POST"])
    api.add_url_rule("/tasks/of/<entity>/<id:id>", "approval", approval)
    api.add_url_rule("/tasks/urge", "urge", urge, methods=["POST"])
    api.add_url_rule("/substitutes", "substitutes", my_substitutes)
    api.add_url_rule("/substitutes", "substitute", substitute, methods=["POST"])
    api.add_url_rule("/substitutes/<id:id>", "end_substitute", end_substitute, methods=["DELETE"])
    api.add_url_rule("/inbox", "inbox", messages)
    api.add_url_rule("/inbox/<id:id>/ack", "acknowledge", acknowledge, methods=["POST"])
