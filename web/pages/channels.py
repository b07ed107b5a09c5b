"""Channels: where messages leave the firm, kept by the administrator. What is secret is never shown again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import channel_settings
from runtime.channel_settings import Channel
from runtime.channels import CHANNELS, Setting, Verdict
from runtime.context import RunContext
from runtime.errors import Invalid, NotFound
from runtime.messages import fault
from runtime.permissions import demand_admin
from web.access import reading, writing
from web.render import render, tell
from web.setting_tabs import setting_tabs
from web.texts import translator

Part = dict[str, Any]
ICONS: Mapping[str, str] = {"email": "mail", "webhook": "link", "push": "bell"}


def channels() -> AnyResponse:
    """All channels, and the address that links in messages start with."""
    with reading() as ctx:
        return _channels(ctx)


def _channels(ctx: RunContext, problem: str = "", status: int = 200) -> Response:
    demand_admin(ctx)
    t = translator(ctx.language)
    new = [
        {"label": kind.label.get(ctx.language), "url": url_for("pages.new_channel", kind=id), "icon": _icon(id)}
        for id, kind in CHANNELS.items()
        if not kind.own
    ]
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "kind": CHANNELS[one.kind].label.get(ctx.language),
            "icon": _icon(one.kind),
            "active": one.active,
            "off_reason": one.off_reason,
            "url": url_for("pages.channel", id=one.id),
            "asks": CHANNELS[one.kind].personal,
            "mail": one.kind == "email",
        }
        for one in channel_settings.channels(ctx)
    ]
    return render(
        ctx, "pages/channels.html", title=t("设置", "Settings"), status=status, tabs=setting_tabs(ctx, "channels"),
        rows=rows, new=new, public_url=channel_settings.public_url(ctx), problem=problem,
    )  # fmt: skip


def _icon(kind: str) -> str:
    return ICONS.get(kind, "users")


def new_channel(kind: str) -> AnyResponse:
    """An empty form of a kind."""
    with reading() as ctx:
        demand_admin(ctx)
        return _form(ctx, _known(ctx, kind), None, {})


def channel(id: int) -> AnyResponse:
    """A channel's form."""
    with reading() as ctx:
        demand_admin(ctx)
        found = channel_settings.channel(ctx, id)
        return _form(ctx, found.kind, found, found.config)


def _known(ctx: RunContext, kind: str) -> str:
    if kind not in CHANNELS or CHANNELS[kind].own:
        raise NotFound(fault(ctx, "no_such_page", given=kind[:40]))
    return kind


def _form(
    ctx: RunContext,
    kind: str,
    found: Channel | None,
    values: Mapping[str, str],
    faults: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    t = translator(ctx.language)
    label = CHANNELS[kind].label.get(ctx.language)
    title = found.name if found is not None else t(f"新建{label}", f"New channel: {label}")
    faults = faults or {}
    kept = found.kept if found is not None else frozenset()
    name = values.get("name", found.name if found is not None else label)
    inputs = [_input(ctx, setting, values, kept, faults) for setting in CHANNELS[kind].settings]
    return render(
        ctx, "pages/channel.html", title=title, status=status, kind=kind, kind_label=label, found=found, name=name,
        inputs=inputs, problems=[{"label": "", "message": message} for message in faults.values()],
        name_fault=faults.get("name", ""),
    )  # fmt: skip


def _input(
    ctx: RunContext, setting: Setting, values: Mapping[str, str], kept: frozenset[str], faults: Mapping[str, str]
) -> Part:
    return {
        "id": setting.id,
        "label": setting.label.get(ctx.language),
        "secret": setting.secret,
        "kept": setting.id in kept,
        "required": setting.required and setting.id not in kept,
        "value": "" if setting.secret else values.get(setting.id, setting.default),
        "hint": setting.hint.get(ctx.language) if setting.hint else "",
        "options": [(id, label.get(ctx.language)) for id, label in setting.options],
        "long": setting.long,
        "error": faults.get(setting.id, ""),
    }


def add_channel(kind: str) -> AnyResponse:
    """Make one."""
    return _saved(kind, None)


def change_channel(id: int) -> AnyResponse:
    """Change, switch or remove one."""
    action = request.form.get("action", "")
    if action not in ACTS:
        return _saved("", id)
    with writing() as ctx:
        name = channel_settings.channel(ctx, id).name
        ACTS[action](ctx, id)
        chinese, english = DONE[action]
        tell("done", translator(ctx.language)(chinese.format(name), english.format(name)))
    return redirect(url_for("pages.channels"), code=303)


ACTS: Mapping[str, Any] = {
    "on": lambda ctx, id: channel_settings.switch(ctx, id, on=True),
    "off": lambda ctx, id: channel_settings.switch(ctx, id, on=False),
    "remove": channel_settings.remove,
}
DONE: Mapping[str, tuple[str, str]] = {
    "on": ("“{}”已启用，留着的消息会发出", "{} is on; what was kept leaves now"),
    "off": ("“{}”已停用，消息都留着", "{} is off; its messages are kept"),
    "remove": ("“{}”已删除", "{} removed"),
}


def _saved(kind: str, id: int | None) -> AnyResponse:
    given = request.form.to_dict()
    try:
        with writing() as ctx:
            made = channel_settings.save(ctx, id, given.get("name", ""), kind, given)
            name = channel_settings.channel(ctx, made).name
            tell("done", translator(ctx.language)(f"“{name}”已保存并启用", f"{name} saved and switched on"))
    except Invalid as error:
        faults = {one.field: one.message for one in error.faults}
        with reading() as ctx:
            found = channel_settings.channel(ctx, id) if id is not None else None
            known = found.kind if found is not None else _known(ctx, kind)
            return _form(ctx, known, found, given, faults, 422)
    return redirect(url_for("pages.channels"), code=303)


def try_channel(id: int) -> AnyResponse:
    """Send a test message now, and say what became of it."""
    try:
        with reading() as ctx:
            trial = channel_settings.trial(ctx, id, request.form.get("address", ""))
            t = translator(ctx.language)
    except Invalid as error:
        tell("failed", error.faults[0].message)
        return redirect(url_for("pages.channels"), code=303)
    answer = trial.send()
    if answer.verdict is Verdict.SENT:
        tell("done", t("测试消息已发出，请到对方那里看一眼", "Test message sent; have a look at the other end"))
    else:
        tell("failed", t(f"没有发出：{answer.error}", f"Not sent: {answer.error}"))
    return redirect(url_for("pages.channels"), code=303)


def set_public_url() -> AnyResponse:
    """The address that links in messages start with."""
    try:
        with writing() as ctx:
            channel_settings.set_public_url(ctx, request.form.get("public_url", ""))
            tell("done", translator(ctx.language)("已保存", "Saved"))
    except Invalid as error:
        with reading() as ctx:
            return _channels(ctx, error.faults[0].message, 422)
    return redirect(url_for("pages.channels"), code=303)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/channels", "channels", channels)
    pages.add_url_rule("/channels/new/<kind>", "new_channel", new_channel)
    pages.add_url_rule("/channels/new/<kind>", "add_channel", add_channel, methods=["POST"])
    pages.add_url_rule("/channels/<int:id>", "channel", channel)
    pages.add_url_rule("/channels/<int:id>", "change_channel", change_channel, methods=["POST"])
    pages.add_url_rule("/channels/<int:id>/test", "try_channel", try_channel, methods=["POST"])
    pages.add_url_rule("/channels/address", "set_public_url", set_public_url, methods=["POST"])
