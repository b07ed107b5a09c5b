"""What the reader was told: newest first, each with the way to what it is about."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import inbox
from runtime.context import RunContext
from runtime.inbox import Message
from web.access import reading, writing
from web.display import moment
from web.render import render, tell
from web.texts import translator
from web.whole import is_whole


def messages() -> AnyResponse:
    """The page of my messages."""
    with reading() as ctx:
        title = translator(ctx.language)("消息", "Messages")
        found = [_view(ctx, one) for one in inbox.mine(ctx)]
        unseen = [one["id"] for one in found if one["new"]]
        return render(ctx, "pages/messages.html", title=title, messages=found, unseen=unseen)


def _view(ctx: RunContext, one: Message) -> dict[str, Any]:
    entity = ctx.app.model.entities.get(one.entity)
    return {
        "id": one.id,
        "title": one.title,
        "text": one.text,
        "when": moment(one.at, ctx),
        "new": one.acknowledged_at is None,
        "url": url_for("pages.record", entity=one.entity, id=one.record) if entity is not None and one.record else "",
        "icon": (entity.icon if entity is not None else "") or "bell",
    }


def seen() -> AnyResponse:
    """The chosen messages are read; who opens one from here goes on to what it is about."""
    ids = [int(i) for i in request.form.getlist("id") if is_whole(i)]
    with writing() as ctx:
        for one in ids:
            inbox.acknowledge(ctx, one)
        if len(ids) > 1:
            tell("done", translator(ctx.language)(f"已读 {len(ids)} 条", f"Read {len(ids)}"))
    return redirect(url_for("pages.messages"), code=303)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/messages", "messages", messages)
    pages.add_url_rule("/messages/seen", "messages_seen", seen, methods=["POST"])
