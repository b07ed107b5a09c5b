"""``import`` and ``dump``: records in and out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runtime.context import RunContext
from runtime.errors import Fault, NotFound
from runtime.exporting import dump
from runtime.importing import ImportOptions, Report, import_file
from runtime.importing_kept import note_import
from runtime.importing_mapping import FileMapping, keep_mapping, kept_mapping, kept_mappings, read_mapping
from runtime.importing_told import told
from runtime.settings import Settings
from web.commands.place import db_option, json_option, open_home, print_json, text


@click.command("import")
@click.argument("app")
@click.argument("entity")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mapping", metavar="M", help="映射：保存的名称或文件 | Mapping, a kept name or a file")
@click.option("--keep-as", metavar="NAME", help="保存这个映射 | Keep the mapping under a name")
@click.option("--dry-run", is_flag=True, help="只检查 | Only check")
@click.option("--partial", is_flag=True, help="收下没有问题的行 | Take the rows that are right")
@click.option("--as-history", is_flag=True, help="作为历史：不过账 | As history: final state, no postings")
@db_option
@json_option
@click.pass_context
def import_command(
    ctx: click.Context, app: str, entity: str, file: Path, mapping: str | None, keep_as: str | None, dry_run: bool,
    partial: bool, as_history: bool, db: str | None, as_json: bool,
) -> None:  # fmt: skip
    """导入 CSV 或 XLSX | Bring records in from CSV or XLSX."""
    settings: Settings = ctx.obj
    options = ImportOptions(dry_run=dry_run, partial=partial, as_history=as_history)
    with open_home(settings, db) as home:
        running = home.get(app)
        with running.database.write() as connection:
            inside = running.context(connection, source="import")
            used = _mapping(inside, entity, mapping)
            report = import_file(
                inside, entity, file.read_bytes(), file.name, used, options, files=lambda name: _beside(file, name)
            )
            number = 0 if dry_run else note_import(inside, entity, file.name, report)
            if keep_as and mapping and not dry_run:
                keep_mapping(inside, entity, keep_as, Path(mapping).read_text(encoding="utf-8"))
    _tell(settings, file, report, number, as_json=as_json)
    ctx.exit(1 if report.faults and not partial else 0)


def _mapping(ctx: RunContext, entity: str, named: str | None) -> FileMapping | None:
    """The mapping in a file, or the one kept under a name; ``None``: guessed from the headings."""
    if named is None:
        return None
    if Path(named).is_file():
        return read_mapping(ctx, Path(named).read_text(encoding="utf-8"))
    found = kept_mapping(ctx, entity, named)
    if found is None:
        known = ", ".join(kept_mappings(ctx, entity)) or "—"
        message = f"没有映射 {named}，已有：{known} | there is no mapping {named}; kept: {known}"
        raise NotFound(Fault(code="unknown_mapping", message=message))
    return found


def _beside(file: Path, name: str) -> bytes:
    """A file that the mapping joins: it lies beside the one that is brought in, packed or not."""
    packed = file.parent / f"{name}.gz"
    found = file.parent / name
    return (packed if packed.is_file() and not found.is_file() else found).read_bytes()


def _tell(settings: Settings, file: Path, report: Report, number: int, *, as_json: bool) -> None:
    """Bad rows one by one on the error stream; remarks and rows left out by sentence, with their lines."""
    names = ("line", "field", "code", "message", "level")
    counts = {name: getattr(report, name) for name in ("rows", "created", "updated", "skipped", "written")}
    if as_json:
        faults = [{name: getattr(one, name) for name in names} for one in (*report.faults, *report.warnings)]
        left_out = [
            {"reason": one.message, "rows": len(one.lines), "lines": one.where} for one in told(report.left_out)
        ]
        print_json({**counts, "import": number, "faults": faults, "left_out": left_out})
        return
    for one in report.faults:
        click.echo(f"{file.name}:{one.line}: {one.field}: {one.message} [{one.code}]", err=True)
    for each in told([*report.warnings, *report.left_out]):
        note = ("跳过", "left out") if each.level == "skip" else ("注意", "note")
        where = text(settings, f"{len(each.lines)} 行", f"{len(each.lines)} rows") if len(each.lines) > 1 else ""
        where = f"{where} ({each.where})" if where else each.where
        click.echo(f"{file.name}: {text(settings, *note)}: {where}: {each.message} [{each.code}]", err=True)
    faults_count = len(report.faults)
    chinese = f"{report.rows} 行：新增 {report.created}，更新 {report.updated}，跳过 {report.skipped}，"
    chinese += f"有问题 {faults_count}"
    english = f"{report.rows} rows: {report.created} created, {report.updated} updated, "
    english += f"{report.skipped} skipped, {faults_count} faults"
    click.echo(text(settings, chinese, english))
    if number:
        way = (f"导入记录 {number}：在“导入”页可以撤销", f"import {number}: it can be undone on the import page")
        click.echo(text(settings, *way), err=True)
    if not report.written:
        click.echo(text(settings, "没有写入任何数据", "nothing was written"))


@click.command("dump")
@click.argument("app")
@click.argument("entity")
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path), help="写入文件 | Write to a file")
@click.option("--xlsx", is_flag=True, help="XLSX 而不是 CSV | XLSX instead of CSV")
@db_option
@click.pass_obj
def dump_command(settings: Settings, app: str, entity: str, output: Path | None, xlsx: bool, db: str | None) -> None:
    """导出为 CSV 或 XLSX，能再导入 | Write records as CSV or XLSX that can be brought in again."""
    with open_home(settings, db) as home:
        running = home.get(app)
        with running.database.read() as connection:
            content = dump(running.context(connection), entity, "xlsx" if xlsx else "csv")
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        output.write_bytes(content)
