"""``new``: an app from a template."""

from __future__ import annotations

import click

import engine
from runtime.app_setup import LogIn, fill_demo, set_up
from runtime.app_source import start_from
from runtime.apps import AppHome, RunningApp
from runtime.context import SystemClock
from runtime.settings import Settings
from web.commands.place import db_option, json_option, open_home, print_json, print_table, progress, text


@click.command("new")
@click.argument("app")
@click.option("--template", required=True, metavar="ID", help="模板 | Template")
@click.option("--demo", is_flag=True, help="带演示数据 | With demo data")
@click.option("--lang", "language", type=click.Choice(["zh", "en"]), help="应用的语言 | Language of the app")
@db_option
@json_option
@click.pass_obj
def new_command(
    settings: Settings, app: str, template: str, demo: bool, language: str | None, db: str | None, as_json: bool
) -> None:
    """新建应用 | Create an app."""
    engine.load_app(template)
    with open_home(settings) as home:
        made = make_app(home, app, template, language=language or settings.language, url=db or "")
        people = demo_with_bar(made) if demo else []
        shown = {"app": made.name, "template": template, "version": made.version}
        if as_json:
            print_json({**shown, "log_ins": [{"name": p.name, "password": p.password} for p in people]})
            return
        click.echo(text(settings, f"应用 {app} 已建立", f"app {app} is ready"))
        print_log_ins(settings, people)


def make_app(home: AppHome, name: str, template: str, *, language: str, url: str = "") -> RunningApp:
    """A new app with its settings."""
    app = home.create(name, start_from(name, template), language=language, url=url)
    set_up(app, SystemClock())
    return app


def demo_with_bar(app: RunningApp) -> list[LogIn]:
    """The template's demo data and people; a bar shows how far it is."""
    with progress("demo") as tell:
        return fill_demo(app, tell)


def print_log_ins(settings: Settings, people: list[LogIn]) -> None:
    """Who may log in, for whoever tries the demo."""
    if people:
        click.echo(text(settings, "可用账号：", "log-ins:"))
        print_table([{"name": p.name, "password": p.password, "roles": " ".join(p.roles)} for p in people])
