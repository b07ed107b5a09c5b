"""The outbox: every message with its state, why it did not leave, and the key to send it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import accounts, outbox_list
from runtime.channels import CHANNELS
from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.outbox_list import Sent
from web.access import reading, writing
from web.display import moment
from web.render import render, tell
from web.setting_tabs import setting_tabs
from web.texts import translator
from web.whole import is_whole

STATES: Mapping[str, tuple[str, str, str]] = {
    "waiting": ("待发", "waiting", "amber"),
    "sending": ("发送中", "on its way", "accent"),
    "held": ("留着", "kept", "amber"),
    "dead": ("放弃", "given up", "red"),
    "sent": ("已发", "sent", "green"),
}
ERRORS: Mapping[str, tuple[str, str]] = {
    "no_address": ("收件人没有留地址", "the receiver has left no address"),
    "no_channel": ("没有启用的通道", "no channel of this kind is on"),
}
"""Reasons of our own; all others are the other side's words."""
OTHER_KINDS: Mapping[str, tuple[str, str]] = {"inbox": ("站内消息", "In-app message")}


CAUSES: Mapping[str, tuple[str, str]] = {"inbox": ("待办", "Task"), "channel": ("通道测试", "Channel test")}
"""Where messages come from that no rule or alert sends."""


def outbox() -> AnyResponse:
    """Messages, newest first, by state."""
    with reading() as ctx:
        t = translator(ctx.language)
        counts = outbox_list.counts(ctx)
        state = request.args.get("state", "")
        state = state if state in STATES else ""
        before = request.args.get("before", "")
        found = outbox_list.messages(ctx, state=state, before=int(before) if is_whole(before) else 0)
        people = accounts.account_names(ctx, [one.account for one in found])
        older = ""
        if len(found) == outbox_list.PAGE:
            older = url_for("pages.outbox", state=state or None, before=found[-1].id)
        every = {"label": t("全部", "All"), "url": url_for("pages.outbox"), "current": not state}
        states = [every] + [
            {
                "label": f"{t(*STATES[name][:2])} {count}",
                "url": url_for("pages.outbox", state=name),
                "current": state == name,
            }
            for name, count in counts.items()
        ]
        rows = [_row(ctx, one, people) for one in found]
        return render(
            ctx, "pages/outbox.html", title=t("设置", "Settings"), tabs=setting_tabs(ctx, "outbox"), states=states,
            rows=rows, older=older,
        )  # fmt: skip


def _row(ctx: RunContext, one: Sent, people: Mapping[int, str]) -> dict[str, Any]:
    t = translator(ctx.language)
    chinese, english, tone = STATES[one.state]
    known = one.entity in ctx.app.model.entities and one.record
    return {
        "id": one.id,
        "title": one.title,
        "text": one.text,
        "kind": kind_label(ctx, one.kind),
        "to": people.get(one.account or 0, one.address) or "–",
        "state": t(chinese, english),
        "tone": tone,
        "error": t(*ERRORS[one.error]) if one.error in ERRORS else one.error,
        "attempts": one.attempts,
        "made": moment(one.made_at, ctx),
        "next": moment(one.next_at, ctx) if one.next_at is not None and one.state == "waiting" else "",
        "sent": moment(one.sent_at, ctx) if one.sent_at is not None else "",
        "cause": _cause(ctx, one.origin),
        "url": url_for("pages.record", entity=one.entity, id=one.record) if known else "",
        "again": one.kind != "inbox" and one.state != "sending",
    }


def _cause(ctx: RunContext, origin: str) -> dict[str, str]:
    """What a message comes from, by its name; the rule or alert opens."""
    t = translator(ctx.language)
    kind, _, id = origin.partition(":")
    rule, alert = ctx.app.model.rules.get(id), ctx.app.model.alerts.get(id)
    if kind == "rule" and rule is not None:
        label = f"{t('规则', 'Rule')} {rule.label.get(ctx.language)}"
        return {"label": label, "url": url_for("pages.rule", rule=id)}
    if kind == "alert" and alert is not None:
        label = f"{t('预警', 'Alert')} {alert.label.get(ctx.language)}"
        return {"label": label, "url": url_for("pages.alert_kind", alert=id)}
    return {"label": t(*CAUSES[kind]) if kind in CAUSES else origin, "url": ""}


def kind_label(ctx: RunContext, kind: str) -> str:
    """What a kind of message is called."""
    if kind in CHANNELS:
        return CHANNELS[kind].label.get(ctx.language)
    return translator(ctx.language)(*OTHER_KINDS.get(kind, (kind, kind)))


def resend(id: int) -> AnyResponse:
    """Send it again, now."""
    try:
        with writing() as ctx:
            outbox_list.resend(ctx, id)
            tell("done", translator(ctx.language)("马上再发一次", "It is sent again at once"))
    except Conflict as error:
        tell("failed", error.faults[0].message)
    return redirect(url_for("pages.outbox", state=request.form.get("state") or None), code=303)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/outbox", "outbox", outbox)
    pages.add_url_rule("/outbox/<int:id>/resend", "resend_message", resend, methods=["POST"])
