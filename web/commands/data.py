"""``import`` and ``dump``: records in and out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runtime.exporting import dump
from runtime.importing import run_import
from runtime.settings import Settings
from web.commands.place import db_option, json_option, open_home, print_json, text


@click.command("import")
@click.argument("app")
@click.argument("entity")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mapping", metavar="M", help="映射：名称或文件 | Mapping, by name or file")
@click.option("--dry-run", is_flag=True, help="只检查 | Only check")
@click.option("--partial", is_flag=True, help="收下没有问题的行 | Take the rows that are right")
@click.option("--as-history", is_flag=True, help="作为历史：不过账 | As history: final state, no postings")
@db_option
@json_option
@click.pass_context
def import_command(
    ctx: click.Context, app: str, entity: str, file: Path, mapping: str | None, dry_run: bool, partial: bool,
    as_history: bool, db: str | None, as_json: bool,
) -> None:  # fmt: skip
    """导入 CSV 或 XLSX | Bring records in from CSV or XLSX."""
    settings: Settings = ctx.obj
    with open_home(settings, db) as home:
        running = home.get(app)
        with running.database.write() as connection:
            result = run_import(
                running.context(connection, source="import"), entity, file,
                mapping=mapping, dry_run=dry_run, partial=partial, as_history=as_history,
            )  # fmt: skip
    faults = [{"line": f.line, "field": f.field, "message": f.message, "code": f.code} for f in result.faults]
    if as_json:
        print_json({"created": result.created, "updated": result.updated, "faults": faults})
    else:
        for each in faults:
            click.echo(f"{file.name}:{each['line']}: {each['field']}: {each['message']} [{each['code']}]", err=True)
        done = f"新增 {result.created}，更新 {result.updated}，有问题 {len(faults)}"
        click.echo(text(settings, done, f"{result.created} created, {result.updated} updated, {len(faults)} faults"))
    ctx.exit(1 if faults and not partial else 0)


@click.command("dump")
@click.argument("app")
@click.argument("entity")
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path), help="写入文件 | Write to a file")
@db_option
@click.pass_obj
def dump_command(settings: Settings, app: str, entity: str, output: Path | None, db: str | None) -> None:
    """导出为 CSV | Write records as CSV."""
    with open_home(settings, db) as home:
        running = home.get(app)
        with running.database.read() as connection:
            ctx = running.context(connection)
            if output is None:
                dump(ctx, entity, sys.stdout.buffer)
            else:
                with output.open("wb") as stream:
                    dump(ctx, entity, stream)
