"""Channels and the outbox through the API, for administrators. Secrets come in and never go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, request

from runtime import channel_settings, outbox_list
from runtime.channel_settings import Channel
from runtime.channels import Verdict
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.messages import fault
from runtime.permissions import demand_admin
from web.access import reading, writing
from web.api.bodies import body_object, page_size
from web.api.parameters import text
from web.api.shapes import answer


def channels() -> Response:
    """All channels, without their secrets."""
    with reading() as ctx:
        demand_admin(ctx)
        items = [_shown(one) for one in channel_settings.channels(ctx)]
        return answer({"items": items, "next": None, "count": len(items)})


def _shown(one: Channel) -> dict[str, Any]:
    return {**asdict(one), "kept": sorted(one.kept)}


def add() -> Response:
    """Make one: ``name``, ``kind``, ``settings``."""
    with writing("api") as ctx:
        name, kind, given = _asked(ctx, body_object(ctx))
        made = channel_settings.save(ctx, None, name, kind, given)
        return answer(_shown(channel_settings.channel(ctx, made)), 201)


def change(id: int) -> Response:
    """Change one, or switch it with ``active``; settings that are not named stay."""
    with writing("api") as ctx:
        asked = body_object(ctx)
        kept = channel_settings.channel(ctx, id)
        if set(asked) - {"active"}:
            name, kind, given = _asked(ctx, {"name": kept.name, "kind": kept.kind, **asked})
            channel_settings.save(ctx, id, name, kind, {**kept.config, **given})
        if isinstance(asked.get("active"), bool):
            channel_settings.switch(ctx, id, on=asked["active"])
        return answer(_shown(channel_settings.channel(ctx, id)))


def _asked(ctx: RunContext, asked: Mapping[str, Any]) -> tuple[str, str, dict[str, str]]:
    settings = asked.get("settings", {})
    if not isinstance(settings, dict) or not all(isinstance(v, str) for v in settings.values()):
        raise Malformed(fault(ctx, "not_an_object", "settings", label="settings"))
    return str(asked.get("name", "")), str(asked.get("kind", "")), settings


def remove(id: int) -> Response:
    """Remove one."""
    with writing("api") as ctx:
        channel_settings.remove(ctx, id)
        return Response(status=204)


def try_out(id: int) -> Response:
    """Send a test message now (``address`` for e-mail) and say what became of it."""
    with reading() as ctx:
        trial = channel_settings.trial(ctx, id, str(body_object(ctx, empty=True).get("address") or ""))
    found = trial.send()
    return answer({"sent": found.verdict is Verdict.SENT, "verdict": found.verdict.value, "error": found.error})


def messages() -> Response:
    """Messages of the outbox, newest first; ``state``, ``kind`` narrow, ``cursor`` pages on."""
    with reading() as ctx:
        most = page_size(ctx)
        after = request.args.get("cursor", "")
        before = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
        found = outbox_list.messages(ctx, state=text("state"), kind=text("kind"), before=before, limit=most)
        following = str(found[-1].id) if len(found) == most else None
        return answer({"items": [asdict(one) for one in found], "next": following, "count": len(found)})


def message(id: int) -> Response:
    """One of them."""
    with reading() as ctx:
        return answer(asdict(outbox_list.message(ctx, id)))


def resend(id: int) -> Response:
    """Send it again, now."""
    with writing("api") as ctx:
        outbox_list.resend(ctx, id)
        return answer(asdict(outbox_list.message(ctx, id)))


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/channels", "channels", channels)
    api.add_url_rule("/channels", "add_channel", add, methods=["POST"])
    api.add_url_rule("/channels/<id:id>", "change_channel", change, methods=["PATCH"])
    api.add_url_rule("/channels/<id:id>", "remove_channel", remove, methods=["DELETE"])
    api.add_url_rule("/channels/<id:id>/test", "test_channel", try_out, methods=["POST"])
    api.add_url_rule("/outbox", "outbox", messages)
    api.add_url_rule("/outbox/<id:id>", "outbox_message", message)
    api.add_url_rule("/outbox/<id:id>/resend", "resend", resend, methods=["POST"])
