"""``diff apply export versions rollback``: the definition of an app through time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from runtime.app_source import flat_text
from runtime.apps import Change, definition_from, versions
from runtime.migrate import check_steps
from runtime.settings import Settings
from web.commands.place import choose, db_option, json_option, open_home, print_json, print_table, text

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("diff")
@click.argument("app")
@click.argument("file", type=FILE)
@db_option
@json_option
@click.pass_obj
def diff_command(settings: Settings, app: str, file: Path, db: str | None, as_json: bool) -> None:
    """比较应用与文件 | Show the change from the app as it is to FILE."""
    with open_home(settings, db) as home:
        change = home.preview(app, definition_from(file, home.get(app)))
    _print_change(settings, change, as_json=as_json)


@click.command("apply")
@click.argument("app")
@click.argument("file", type=FILE)
@click.option("--dry-run", is_flag=True, help="只显示，不改动 | Show, change nothing")
@click.option("--allow-loss", is_flag=True, help="同意移走数据（可恢复）| Agree to data going (kept restorable)")
@click.option("--note", default="", help="版本说明 | Note of the version")
@db_option
@json_option
@click.pass_context
def apply_command(
    ctx: click.Context, app: str, file: Path, dry_run: bool, allow_loss: bool, note: str, db: str | None, as_json: bool
) -> None:
    """按文件修改应用，包括数据库 | Make the change from the app as it is to FILE, the database included."""
    settings: Settings = ctx.obj
    with open_home(settings, db) as home:
        definition = definition_from(file, home.get(app))
        if dry_run:
            change = home.preview(app, definition)
        else:
            change = home.publish(app, definition, note=note, allow_loss=allow_loss)
    _print_change(settings, change, as_json=as_json)
    faults = check_steps(change.steps, allow_loss=allow_loss, language=settings.language) if dry_run else []
    for fault in faults:
        click.echo(f"{fault.field + ': ' if fault.field else ''}{fault.message} [{fault.code}]", err=True)
    ctx.exit(1 if faults else 0)


def _print_change(settings: Settings, change: Change, *, as_json: bool) -> None:
    steps = [
        {
            "step": s.describe(settings.language),
            "loses": s.loses,
            "rows": s.rows,
            "seconds": s.seconds,
            "failed": s.failed,
        }
        for s in change.steps
    ]
    if as_json:
        named = [dict(zip(("path", "old", "new"), each, strict=True)) for each in change.differences]
        print_json({"differences": named, "steps": steps, "version": change.version})
        return
    for line in _lines(change.differences):
        click.echo(line)
    for step in change.steps:
        mark = "!" if step.loses else "*"
        click.echo(f"{mark} {step.describe(settings.language)}")
    if not change.differences and not change.steps:
        click.echo(text(settings, "没有区别", "no differences"))
    if change.version:
        click.echo(text(settings, f"已发布版本 {change.version}", f"version {change.version} published"))


def _lines(differences: Sequence[tuple[str, str, str]]) -> list[str]:
    """Like a diff: what goes with ``-``, what comes with ``+``."""
    found = []
    for path, old, new in differences:
        found += [f"- {path}: {old}"] if old else []
        found += [f"+ {path}: {new}"] if new else []
    return found


@click.command("export")
@click.argument("app", required=False)
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path), help="写入文件 | Write to a file")
@click.option("--flat", is_flag=True, help="完整的应用，不只是自己的一层 | The whole app, not only its own layer")
@db_option
@click.pass_obj
def export_command(settings: Settings, app: str | None, output: Path | None, flat: bool, db: str | None) -> None:
    """导出定义 | Write the definition as one YAML file."""
    with open_home(settings, db) as home:
        definition = choose(home, settings, app).definition
    assert definition is not None
    found = flat_text(definition) if flat else definition.text
    if output is None:
        click.echo(found, nl=False)
    else:
        output.write_text(found, encoding="utf-8")


@click.command("versions")
@click.argument("app", required=False)
@db_option
@json_option
@click.pass_obj
def versions_command(settings: Settings, app: str | None, db: str | None, as_json: bool) -> None:
    """版本历史 | The history of an app."""
    with open_home(settings, db) as home:
        running = choose(home, settings, app)
        with running.database.read() as connection:
            rows = versions(running, connection)
    names = ("number", "at", "account", "note", "base", "base_version")
    found = [{name: getattr(row, name) for name in names} for row in rows]
    if as_json:
        print_json(found)
    else:
        print_table(found)


@click.command("rollback")
@click.argument("app")
@click.argument("version", type=int)
@db_option
@json_option
@click.pass_obj
def rollback_command(settings: Settings, app: str, version: int, db: str | None, as_json: bool) -> None:
    """回到某个版本 | Go back to a version; it becomes the newest."""
    with open_home(settings, db) as home:
        change = home.rollback(app, version, language=settings.language)
    _print_change(settings, change, as_json=as_json)
