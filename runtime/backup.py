"""Backup and restore: one file that holds an app whole, its definition, data and attachments, at one moment.

The file is a zip of JSON lines, one member a table. It restores onto either database, whichever it came from.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    func,
    inspect,
    quoted_name,
    select,
    text,
)
from sqlalchemy.schema import AddConstraint, DropConstraint
from sqlalchemy.types import Boolean, Date, DateTime, LargeBinary, Time

from runtime.app_source import Definition, compile_definition, definition_of
from runtime.apps import AppHome, RunningApp, newest
from runtime.bulk import load_rows
from runtime.columns import Moment, Scaled, Whole
from runtime.errors import Fault, Invalid
from runtime.migrate_inspect import look
from runtime.migrate_steps import operations
from runtime.sort_keys import fill_keys, sorted_fields
from runtime.tables import build_tables

FORMAT = 1
HEAD = "backup.json"
BATCH = 5000
Progress = Callable[[str, int, int], None]
"""Told after each table: its name, how many are done, how many there are."""


def backup(app: RunningApp, path: Path, progress: Progress | None = None) -> Mapping[str, int]:
    """Write the app as it is at this moment to ``path``, while it goes on running; rows by table."""
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        counts = _write(app, part, progress)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return counts


def _write(app: RunningApp, part: Path, progress: Progress | None) -> Mapping[str, int]:
    with app.database.snapshot() as connection, ZipFile(part, "w", ZIP_DEFLATED, compresslevel=5) as archive:
        row = newest(connection)
        tables = _as_kept(connection, build_tables(compile_definition(definition_of(row))).metadata)
        counts = {}
        for number, table in enumerate(tables, 1):
            with archive.open(f"data/{table.name}.jsonl", "w", force_zip64=True) as raw:
                counts[table.name] = _write_table(connection, table, raw)
            if progress:
                progress(table.name, number, len(tables))
        head = {
            "format": FORMAT,
            "name": app.name,
            "version": row.number,
            "rows": counts,
            "lost": _lost_columns(tables),
        }
        archive.writestr(HEAD, json.dumps(head, ensure_ascii=False, indent=1))
    return counts


def _as_kept(connection: Connection, metadata: MetaData) -> list[Table]:
    """The tables of the model with what was lost beside it: columns and tables that wait to be restored."""
    found = look(connection)
    tables = []
    for table in metadata.tables.values():
        known = {c.name for c in table.c}
        extra = sorted(found.columns.get(table.name, frozenset()) - known)
        reflected = {c["name"]: c["type"] for c in inspect(connection).get_columns(table.name)} if extra else {}
        columns = [Column(c.name, c.type) for c in table.c if c.name in found.columns.get(table.name, ())]
        tables.append(Table(table.name, MetaData(), *columns, *(Column(name, reflected[name]) for name in extra)))
    for name in sorted(set(found.columns) - {t.name for t in tables}):
        if name.startswith("lost_"):
            tables.append(Table(name, MetaData(), autoload_with=connection, resolve_fks=False))
    return tables


def _lost_columns(tables: Sequence[Table]) -> dict[str, dict[str, str]]:
    """The kinds of columns that the model does not know, for the database that will take them in."""
    return {
        table.name: {
            c.name: _plain_kind(c) for c in table.c if table.name.startswith("lost_") or c.name.startswith("lost_")
        }
        for table in tables
        if table.name.startswith("lost_") or any(c.name.startswith("lost_") for c in table.c)
    }


def _plain_kind(column: Column[Any]) -> str:
    for kind, name in (
        (Boolean, "boolean"),
        (DateTime, "moment"),
        (Date, "date"),
        (Time, "time"),
        (LargeBinary, "bytes"),
    ):
        if isinstance(column.type, kind):
            return name
    return "integer" if isinstance(column.type, (Integer, Numeric)) else "text"


def _write_table(connection: Connection, table: Table, raw: Any) -> int:
    raw.write((json.dumps([c.name for c in table.c]) + "\n").encode())
    count = 0
    streamed = connection.execution_options(yield_per=BATCH)
    for row in streamed.execute(select(table)):
        raw.write((json.dumps([_plain(value) for value in row], ensure_ascii=False) + "\n").encode())
        count += 1
    return count


def _plain(value: object) -> object:
    writer = WRITERS.get(type(value))
    return writer(value) if writer else value


WRITERS: Mapping[type, Callable[[Any], object]] = {
    Decimal: str,
    date: lambda value: value.isoformat(),
    datetime: lambda value: value.isoformat(),
    time: lambda value: value.isoformat(),
    bytes: lambda value: base64.b64encode(value).decode(),
    memoryview: lambda value: base64.b64encode(bytes(value)).decode(),
}


def restore(home: AppHome, path: Path, name: str, progress: Progress | None = None) -> Mapping[str, int]:
    """A new app ``name`` with all that ``path`` holds, on the database that ``home`` uses; rows by table."""
    try:
        with ZipFile(path) as archive:
            return _restore(home, archive, name, progress)
    except (BadZipFile, KeyError, json.JSONDecodeError, OSError) as error:
        raise Invalid(
            Fault(code="bad_backup", message=f"{path}: 不是完整的备份文件 | not a whole backup: {error}")
        ) from None


def _restore(home: AppHome, archive: ZipFile, name: str, progress: Progress | None) -> Mapping[str, int]:
    head = json.loads(archive.read(HEAD))
    if head["format"] != FORMAT:
        raise Invalid(Fault(code="bad_backup", message=f"备份格式 {head['format']} 无法识别 | unknown backup format"))
    model = compile_definition(_newest_definition(archive))
    tables = build_tables(model)
    metadata = tables.metadata
    with home.new_database(name) as database, database.change_schema() as connection:
        metadata.create_all(connection, checkfirst=False)
        with _keys_later(connection, metadata):
            counts = {}
            for number, table in enumerate(head["rows"], 1):
                counts[table] = _read_table(connection, archive, metadata, table, head["lost"].get(table, {}))
                if progress:
                    progress(table, number, len(head["rows"]))
            _go_on_counting(connection, metadata)
        for entity, table in tables.entity.items():
            for column in sorted_fields(model.entities[entity]):  # backups of before names had keys
                fill_keys(connection, table, column)
    return counts


def _newest_definition(archive: ZipFile) -> Definition:
    with archive.open("data/dg_app_version.jsonl") as raw:
        names = json.loads(raw.readline())
        rows = [dict(zip(names, json.loads(line), strict=True)) for line in raw]
    row = max(rows, key=lambda each: int(each["number"]))
    return Definition(text=row["layer"], files=json.loads(row["files"]))


@contextmanager
def _keys_later(connection: Connection, metadata: MetaData) -> Iterator[None]:
    """Foreign keys hold again at the end: rows come table by table, and tables point at each other."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        yield
        return
    keys = [key for table in metadata.tables.values() for key in table.foreign_key_constraints]
    for key in keys:
        connection.execute(DropConstraint(key))
    yield
    for key in keys:
        connection.execute(AddConstraint(key, isolate_from_table=False))


def _read_table(
    connection: Connection, archive: ZipFile, metadata: MetaData, name: str, lost: Mapping[str, str]
) -> int:
    kinds = {column: KINDS[kind] for column, kind in lost.items()}
    known = metadata.tables.get(name)
    if known is None:
        known = Table(name, MetaData(), *(Column(c, kind) for c, kind in kinds.items()))
        known.create(connection)
    else:
        op = operations(connection)
        for column, kind in kinds.items():
            op.add_column(name, Column(column, kind))
    with archive.open(f"data/{name}.jsonl") as raw:
        names = list(json.loads(raw.readline()))
        columns = [Column(c, known.c[c].type if c in known.c else kinds[c]) for c in names]
        table = Table(name, MetaData(), *columns)
        readers = [_reader(column) for column in columns]
        count = 0
        while batch := list(islice(raw, BATCH)):
            rows = (
                [r(v) if v is not None else None for r, v in zip(readers, json.loads(b), strict=True)] for b in batch
            )
            load_rows(connection, table, rows)
            count += len(batch)
    return count


def _go_on_counting(connection: Connection, metadata: MetaData) -> None:
    """PostgreSQL's sequences go on after the highest number that came in."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.tables.values():
        key = table.autoincrement_column
        if key is not None:
            highest = select(func.coalesce(func.max(key), 0) + 1).scalar_subquery()
            sequence = func.pg_get_serial_sequence(str(quoted_name(f'"{table.name}"', quote=False)), key.name)
            connection.execute(select(func.setval(sequence, highest, False)))


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


READERS: Sequence[tuple[type, Callable[[Any], object]]] = (
    (Scaled, Decimal),
    (Whole, int),
    (Moment, _moment),
    (BigInteger, int),
    (Integer, int),
    (Date, date.fromisoformat),
    (Time, time.fromisoformat),
    (LargeBinary, base64.b64decode),
)
KINDS: Mapping[str, Any] = {
    "boolean": Boolean(), "moment": Moment(), "date": Date(), "time": Time(), "bytes": LargeBinary(),
    "integer": BigInteger(), "text": Text(),
}  # fmt: skip


def _reader(column: Column[Any]) -> Callable[[Any], object]:
    return next((reader for kind, reader in READERS if isinstance(column.type, kind)), lambda value: value)
