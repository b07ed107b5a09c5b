"""``plugins``: what is installed, switching it, setting it, running it. Secrets go in and are never printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from runtime.context import RunContext, SystemClock
from runtime.errors import Fault, Malformed
from runtime.plugins import choosing, running
from runtime.plugins.finding import market
from runtime.plugins.settings import shown
from runtime.plugins.starting import start_by_hand
from runtime.settings import Settings
from web.commands.place import app_option, choose, db_option, json_option, open_home, print_json, print_table, text


@click.group("plugins", invoke_without_command=True)
@app_option
@db_option
@json_option
@click.pass_context
def plugins_command(ctx: click.Context, name: str | None, db: str | None, as_json: bool) -> None:
    """插件：列出、启用、停用、设置、运行 | Plug-ins: list, enable, disable, configure, run."""
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, name, db, as_json)


@plugins_command.command("list")
@app_option
@db_option
@json_option
@click.pass_obj
def list_plugins(settings: Settings, name: str | None, db: str | None, as_json: bool) -> None:
    """列出装好的插件 | List what is installed."""
    _list(settings, name, db, as_json)


def _list(settings: Settings, name: str | None, db: str | None, as_json: bool) -> None:
    with _inside(settings, name, db, write=False) as ctx:
        rows = [_row(ctx, id) for id in market().plugins]
    rows += [{"id": id, "on": "–", "label": reason, "settings": ""} for id, reason in market().broken.items()]
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


def _row(ctx: RunContext, id: str) -> dict[str, Any]:
    plugin = market().plugins[id].plugin
    known = choosing.chosen(ctx, plugin)
    values = "; ".join(f"{setting}={shown(value)}" for setting, value in known.open_settings.items())
    secrets = "".join(f"; {setting}=•" for setting in known.secrets)
    return {"id": id, "on": known.enabled, "label": plugin.label.get(ctx.language), "settings": values + secrets}


@plugins_command.command("enable")
@click.argument("plugin")
@app_option
@db_option
@click.pass_obj
def enable(settings: Settings, plugin: str, name: str | None, db: str | None) -> None:
    """启用 | Switch one on."""
    _switch(settings, plugin, name, db, on=True)


@plugins_command.command("disable")
@click.argument("plugin")
@app_option
@db_option
@click.pass_obj
def disable(settings: Settings, plugin: str, name: str | None, db: str | None) -> None:
    """停用 | Switch one off."""
    _switch(settings, plugin, name, db, on=False)


def _switch(settings: Settings, plugin: str, name: str | None, db: str | None, *, on: bool) -> None:
    with _inside(settings, name, db) as ctx:
        choosing.switch(ctx, plugin, on=on)
    click.echo(
        text(settings, *((f"{plugin} 已启用", f"{plugin} is on") if on else (f"{plugin} 已停用", f"{plugin} is off")))
    )


@plugins_command.command("configure")
@click.argument("plugin")
@click.argument("values", nargs=-1, required=True, metavar="SETTING=VALUE...")
@app_option
@db_option
@click.pass_obj
def configure(settings: Settings, plugin: str, values: tuple[str, ...], name: str | None, db: str | None) -> None:
    """改设置；SETTING=@文件 读文件内容 | Change settings; SETTING=@file takes what stands in the file."""
    with _inside(settings, name, db) as ctx:
        choosing.configure(ctx, plugin, _given(values))
        row = _row(ctx, plugin)
    click.echo(f"{row['id']}: {row['settings']}")


@plugins_command.command("run")
@click.argument("plugin")
@click.argument("act")
@click.argument("values", nargs=-1, metavar="[ARGUMENT=VALUE]...")
@app_option
@db_option
@click.pass_context
def run(ctx: click.Context, plugin: str, act: str, values: tuple[str, ...], name: str | None, db: str | None) -> None:
    """现在运行一个动作 | Run one of its actions now."""
    settings: Settings = ctx.obj
    with open_home(settings, db) as home:
        app = choose(home, settings, name)
        with app.database.write() as connection:
            inside = replace(app.context(connection), language=settings.language)
            number = start_by_hand(inside, plugin, act, _given(values))
        running.work_off(app, SystemClock())
        with app.database.read() as connection:
            (done,) = running.runs(app.context(connection), number=number)
    for said in done.said:
        click.echo(said[1 if settings.language == "en" else 0])
    if done.error:
        click.echo(done.error, err=True)
    ctx.exit(1 if done.error else 0)


def _given(values: tuple[str, ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals:
            message = f"{value}: 写成 名称=值 | write name=value"
            raise Malformed(Fault(code="not_a_pair", message=message))
        found[name] = Path(rest[1:]).read_text(encoding="utf-8").strip() if rest.startswith("@") else rest
    return found


@contextmanager
def _inside(settings: Settings, name: str | None, db: str | None, *, write: bool = True) -> Iterator[RunContext]:
    with open_home(settings, db) as home:
        app = choose(home, settings, name)
        with app.database.write() if write else app.database.read() as connection:
            ctx = app.context(connection)
            yield replace(ctx, language=settings.language)
