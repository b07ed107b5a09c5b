"""What waits for me and my say in it, and the inbox with what I was told."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response

from runtime import inbox, tasks
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from web.access import reading, writing
from web.api.bodies import body_object
from web.api.idempotency import once
from web.api.parameters import text
from web.api.shapes import answer

TOLD = ("id", "entity", "record", "title", "label", "step", "step_label", "opened_at", "version")


def mine() -> Response:
    """My open tasks, oldest first."""
    with reading() as ctx:
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
    api.add_url_rule("/inbox", "inbox", messages)
    api.add_url_rule("/inbox/<id:id>/ack", "acknowledge", acknowledge, methods=["POST"])
