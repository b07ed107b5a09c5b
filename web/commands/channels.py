"""``channels``: where messages leave, from the command line. Secrets go in and are never printed."""

from __future__ import annotations

from pathlib import Path

import click

from runtime import channel_settings
from runtime.channels import CHANNELS, Verdict
from runtime.context import RunContext
from runtime.errors import Fault, Invalid, NotFound
from runtime.settings import Settings
from web.commands.place import db_option, json_option, open_home, print_json, print_table, text


@click.command("channels")
@click.argument("app")
@click.option("--set", "made", nargs=2, metavar="NAME KIND", help="新建或修改 | Make or change one")
@click.option("--test", "tried", metavar="NAME", help="发测试消息 | Send a test message")
@click.option("--to", metavar="ADDRESS", default="", help="测试邮件的收件人 | Where a test e-mail goes")
@click.option("--off", metavar="NAME", help="停用 | Switch one off")
@click.option("--on", metavar="NAME", help="启用 | Switch one on")
@click.argument("values", nargs=-1, metavar="[SETTING=VALUE]...")
@db_option
@json_option
@click.pass_context
def channels_command(
    ctx: click.Context, app: str, made: tuple[str, str] | None, tried: str | None, to: str, off: str | None,
    on: str | None, values: tuple[str, ...], db: str | None, as_json: bool,
) -> None:  # fmt: skip
    """消息通道：邮件、群机器人、Webhook | Channels: e-mail, robots, webhooks."""
    settings: Settings = ctx.obj
    with open_home(settings, db) as home:
        running = home.get(app)
        with running.database.write() as connection:
            inside = running.context(connection)
            if made:
                _save(inside, *made, _given(made[1], values))
            for name, switched_on in ((off, False), (on, True)):
                if name:
                    channel_settings.switch(inside, _named(inside, name), on=switched_on)
            trial = channel_settings.trial(inside, _named(inside, tried), to) if tried else None
            rows = [
                {
                    "name": one.name,
                    "kind": one.kind,
                    "active": one.active,
                    "off_reason": one.off_reason,
                    "secrets": ", ".join(sorted(one.kept)),
                }
                for one in channel_settings.channels(inside)
            ]
        if trial is not None:
            answer = trial.send()
            sent = answer.verdict is Verdict.SENT
            click.echo(text(settings, "已发出", "sent") if sent else answer.error, err=not sent)
            ctx.exit(0 if sent else 1)
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


def _given(kind: str, values: tuple[str, ...]) -> dict[str, str]:
    """``setting=value`` pairs of a kind (``setting=@file``: what stands in the file); an unknown one is told."""
    known = [setting.id for setting in CHANNELS[kind].settings] if kind in CHANNELS else []
    found = {}
    for value in values:
        name, _, rest = value.partition("=")
        if known and name not in known:
            message = f"{name}: 没有这个设置，可用 | unknown setting; there are: {', '.join(known)}"
            raise Invalid(Fault(code="unknown_setting", message=message))
        found[name] = Path(rest[1:]).read_text(encoding="utf-8").strip() if rest.startswith("@") else rest
    return found


def _save(ctx: RunContext, name: str, kind: str, given: dict[str, str]) -> None:
    kept = next((one for one in channel_settings.channels(ctx) if one.name == name), None)
    base = dict(kept.config) if kept is not None else {}
    channel_settings.save(ctx, kept.id if kept is not None else None, name, kind, {**base, **given})


def _named(ctx: RunContext, name: str) -> int:
    for one in channel_settings.channels(ctx):
        if one.name == name:
            return one.id
    known = ", ".join(one.name for one in channel_settings.channels(ctx)) or "—"
    message = f"没有通道 {name}，已有：{known} | there is no channel {name}; there are: {known}"
    raise NotFound(Fault(code="channel_unknown", message=message))
