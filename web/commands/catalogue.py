"""``templates`` and ``validate``: definitions, without any database."""

from __future__ import annotations

from pathlib import Path

import click

from engine import AppModel, MetadataError, Problem, load_app
from engine.compile.layers import CATALOGUE
from engine.model import EntityKind
from runtime.plugins.doubts import plugin_doubts
from runtime.settings import Settings
from web.commands.place import json_option, print_json, print_table, text

SHOWN = ("path", "what", "remedy", "code")
"""What is said of a problem beside its place."""


@click.group("templates", invoke_without_command=True)
@json_option
@click.pass_context
def templates_command(ctx: click.Context, as_json: bool) -> None:
    """应用模板 | The catalogue of templates."""
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, as_json)


@templates_command.command("list")
@json_option
@click.pass_obj
def list_templates(settings: Settings, as_json: bool) -> None:
    """列出模板 | List the templates."""
    _list(settings, as_json)


def _list(settings: Settings, as_json: bool) -> None:
    found = []
    for path in sorted(CATALOGUE.glob("*.yaml")):
        model = load_app(path)
        title = model.title.get(settings.language)
        found.append({"id": model.id, "version": model.version, "title": title})
    if as_json:
        print_json(found)
    else:
        print_table(found)


@templates_command.command("show")
@click.argument("template")
@json_option
@click.pass_obj
def show_template(settings: Settings, template: str, as_json: bool) -> None:
    """说明一个模板 | Describe a template."""
    shown = _described(load_app(template), settings.language)
    if as_json:
        print_json(shown)
        return
    for name, value in shown.items():
        several = isinstance(value, dict)
        click.echo(f"{name}: {'' if several else value}")
        for key, label in value.items() if isinstance(value, dict) else ():
            click.echo(f"  {key}\t{label}")


def _described(model: AppModel, language: str) -> dict[str, object]:
    shown = (EntityKind.MASTER, EntityKind.DOCUMENT, EntityKind.SETTING)
    return {
        "id": model.id,
        "version": model.version,
        "title": model.title.get(language),
        "description": model.description.get(language) if model.description else "",
        "entities": {e.id: e.label.get(language) for e in model.entities.values() if e.kind in shown},
        "ledgers": {i: ledger.label.get(language) for i, ledger in model.ledgers.items()},
        "roles": {role.id: role.label.get(language) for role in model.roles.values()},
        "reports": {report.id: report.label.get(language) for report in model.reports.values()},
    }


@click.command("validate")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
@click.pass_context
def validate_command(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """检查应用定义，不碰数据库 | Check app definitions without touching any database."""
    problems: list[Problem] = []
    doubts: list[Problem] = []
    for path in files:
        try:
            doubts += plugin_doubts(load_app(path if path.is_file() else str(path), doubts=doubts))
        except MetadataError as error:
            problems += error.problems
    if as_json:
        print_json([{**p.place._asdict(), **{name: getattr(p, name) for name in SHOWN}} for p in (*problems, *doubts)])
    else:
        for problem in (*problems, *doubts):
            click.echo(str(problem), err=True)
        if not problems:
            click.echo(text(ctx.obj, f"{len(files)} 个文件没有问题", f"{len(files)} files, no problems"))
    ctx.exit(1 if problems else 0)
