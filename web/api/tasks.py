"""What waits for me, and my say in it; the inbox with what I was told."""

from __future__ import annotations

from flask import Blueprint, Response

from runtime import inbox, tasks
from web.access import reading, writing
from web.api.bodies import body_object
from web.api.shapes import answer


def mine() -> Response:
    """My open tasks, oldest first."""
    with reading() as ctx:
        items = [
            {
                "id": task.id,
                "entity": task.entity,
                "record": task.record,
                "title": task.title,
                "label": task.label,
                "step": task.step,
                "step_label": task.step_label,
                "opened_at": task.opened_at,
                "version": task.version,
            }
            for task in tasks.mine(ctx)
        ]
        return answer({"items": items})


def decide(id: int, decision: str) -> Response:
    """Approve or reject."""
    with writing("api") as ctx:
        body = body_object(ctx, empty=True)
        record = tasks.decide(ctx, id, decision, str(body.get("note") or ""), body)
        return answer({"id": id, "decision": decision, "record": record["id"], "status": record.get("status")})


def messages() -> Response:
    """What I was told, newest first."""
    with reading() as ctx:
        return answer({"items": inbox.mine(ctx)})


def acknowledge(id: int) -> Response:
    """I have seen it."""
    with writing("api") as ctx:
        inbox.acknowledge(ctx, id)
        return answer({"id": id, "acknowledged": True})


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/tasks", "tasks", mine)
    api.add_url_rule("/tasks/<int:id>/<any(approve, reject):decision>", "decide", decide, methods=["POST"])
    api.add_url_rule("/inbox", "inbox", messages)
    api.add_url_rule("/inbox/<int:id>/ack", "acknowledge", acknowledge, methods=["POST"])
