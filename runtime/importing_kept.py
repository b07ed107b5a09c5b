"""Imports as they are remembered: who brought which file when, and which records came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from runtime.bulk import load_rows
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.importing import Report
from runtime.messages import fault
from runtime.permissions import READ, is_admin, rights

AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import. ``undone_at``: when it was taken back; ``standing``: its records that still are there."""

    id: int
    at: datetime
    account: int | None
    by: str
    entity: str
    file: str
    mapping: str
    rows: int
    created: int
    updated: int
    left_out: int
    undone_at: datetime | None


def note_import(ctx: RunContext, entity: str, file: str, report: Report, mapping: str = "") -> int:
    """Remember what was just written, in its transaction; the number by which it is undone (0: nothing was written)."""
    if not report.written:
        return 0
    table, records = ctx.app.tables.system.imported, ctx.app.tables.system.import_record
    left = len({one.line for one in (*report.faults, *report.left_out)})
    values = {
        "at": ctx.now(), "account": ctx.user.account or None, "entity": entity, "file": file[:200], "mapping": mapping,
        "rows": report.rows, "created": report.created, "updated": report.updated, "left_out": left,
    }  # fmt: skip
    number = int(ctx.connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
    befores = _befores(entity, report)
    rows: list[tuple[int, str, int, int, int, bool]] = []
    for name in dict.fromkeys(name for name, _ in befores):
        came = versions(ctx, name, [record for other, record in befores if other == name])
        rows += [(number, name, record, befores[name, record], now, False) for record, now in came.items()]
    load_rows(ctx.connection, records, rows)
    return number


def _befores(entity: str, report: Report) -> dict[tuple[str, int], int]:
    """Entity and record → its version before the file came; what a row named and another row then told of is new."""
    befores = dict.fromkeys(report.made, 0)
    for one in report.taken:
        befores.setdefault((entity, one.record), 0 if one.fresh else one.version - 1)
    return befores


def versions(ctx: RunContext, entity: str, ids: Sequence[int], *, lock: bool = False) -> dict[int, int]:
    """The versions of records as they are now. ``lock``: they stay so until the end of the transaction."""
    table = ctx.app.tables.entity[entity]
    found: dict[int, int] = {}
    wanted = sorted(ids)  # locks are taken in order of ids, as everywhere
    for start in range(0, len(wanted), AT_ONCE):
        query = select(table.c.id, table.c.version).where(table.c.id.in_(wanted[start : start + AT_ONCE]))
        rows = ctx.connection.execute(query.order_by(table.c.id).with_for_update() if lock else query)
        found.update((int(id), int(version)) for id, version in rows)
    return found


def imports(ctx: RunContext, entity: str = "", most: int = 50, before: int = 0) -> list[Import]:
    """Imports the person may look at, newest first: their own, for administrators all. ``before``: only older ones."""
    table, account = ctx.app.tables.system.imported, ctx.app.tables.system.account
    query = select(table, account.c.name.label("by")).outerjoin(account, account.c.id == table.c.account)
    if not is_admin(ctx):
        query = query.where(table.c.account == ctx.user.account)
    if entity:
        query = query.where(table.c.entity == entity)
    if before:
        query = query.where(table.c.id < before)
    readable = [name for name in ctx.app.model.entities if rights(ctx, name).may(READ)]
    rows = ctx.connection.execute(query.where(table.c.entity.in_(readable)).order_by(table.c.id.desc()).limit(most))
    return [_import(row) for row in rows]


def import_of(ctx: RunContext, number: int, *, lock: bool = False) -> Import:
    """One import, by who brought the file or an administrator. ``lock``: nobody else takes it back meanwhile."""
    table, account = ctx.app.tables.system.imported, ctx.app.tables.system.account
    query = select(table, account.c.name.label("by")).outerjoin(account, account.c.id == table.c.account)
    query = query.where(table.c.id == number)
    row = ctx.connection.execute(query.with_for_update(of=table) if lock else query).one_or_none()
    mine = row is not None and (is_admin(ctx) or row.account == ctx.user.account)
    if row is None or not mine or row.entity not in ctx.app.model.entities:
        raise NotFound(fault(ctx, "no_such_page", given=str(number)))
    return _import(row)


def _import(row: Row[Any]) -> Import:
    named = row._mapping
    return Import(
        id=row.id, at=row.at, account=row.account, by=row.by or "", entity=row.entity, file=row.file,
        mapping=named["mapping"], rows=named["rows"], created=row.created, updated=row.updated,
        left_out=row.left_out, undone_at=row.undone_at,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Came:
    """A record that came of an import. ``before``: its version before, 0 for a new one; ``came``: its version after."""

    entity: str
    record: int
    before: int
    came: int


def standing(ctx: RunContext, number: int) -> list[Came]:
    """What came of an import and was not taken back yet, the last first."""
    table = ctx.app.tables.system.import_record
    query = select(table.c.entity, table.c.record, table.c.before, table.c.came)
    query = query.where(table.c["import"] == number, table.c.undone.is_(False)).order_by(table.c.record.desc())
    return [Came(*row) for row in ctx.connection.execute(query)]


def note_undone(ctx: RunContext, number: int, gone: Sequence[Came]) -> None:
    """These records were taken back; when nothing of the import is left, so is the import."""
    table, imported = ctx.app.tables.system.import_record, ctx.app.tables.system.imported
    by_entity: dict[str, list[int]] = {}
    for one in gone:
        by_entity.setdefault(one.entity, []).append(one.record)
    for entity, ids in by_entity.items():
        for start in range(0, len(ids), AT_ONCE):
            mine = (table.c["import"] == number, table.c.entity == entity)
            some = table.c.record.in_(ids[start : start + AT_ONCE])
            ctx.connection.execute(update(table).where(*mine, some).values(undone=True))
    left = select(func.count()).where(table.c["import"] == number, table.c.undone.is_(False))
    if not ctx.connection.execute(left).scalar_one():
        done = {"undone_at": ctx.now(), "undone_by": ctx.user.account or None}
        ctx.connection.execute(update(imported).where(imported.c.id == number).values(done))
