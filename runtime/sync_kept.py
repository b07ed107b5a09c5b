"""Entries made offline that were not taken in: kept until somebody redoes or discards them, so that none is lost.

They are the business of who made them and of administrators. What is open is never forgotten; so that it cannot grow
without end, a person with too much of it settles some before more is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from runtime import idempotency
from runtime.context import RunContext
from runtime.errors import Conflict, Forbidden, NotFound, UserError
from runtime.messages import fault, say
from runtime.permissions import is_admin
from runtime.sync_entries import Entry
from runtime.syncing import ALREADY, CONFLICT, DISCARDED, DONE, REFUSED, WAITING, Taking, Waits, acting, take, try_entry

Row = dict[str, Any]
Described = Callable[[UserError], Row]
MOST_OPEN = 500
"""Entries of one person that may be open."""
SETTLED_KEPT = timedelta(days=90)
PAGE = 200
NEXT: Mapping[str, str] = MappingProxyType(
    {CONFLICT: "sync_next_conflict", REFUSED: "sync_next_refused", WAITING: "sync_next_waiting"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An entry that was not taken in, and why. ``settled``: what became of it since ("": nothing yet)."""

    id: int
    account: int
    key: str
    made_at: datetime | None
    came_at: datetime
    entry: Row
    fate: Row
    settled: str


# --- a batch ---------------------------------------------------------------------------------------------------


def take_batch(ctx: RunContext, entries: Sequence[Entry], described: Described) -> list[Row]:
    """Take entries in, in their order, each in a transaction of its own; the fate of each.

    ``described``: a refusal as callers are told of it.
    """
    fates: list[Row] = []
    for entry in entries:
        taking = Taking(ctx, entry, ctx.user.account, before=tuple(fates))
        fate, error = try_entry(ctx, taking)
        if error is not None:
            fate = _kept(ctx, entry, {**fate, "problem": described(error), "next": _next(ctx, fate, error)})
        fates.append(fate)
    return fates


def _next(ctx: RunContext, fate: Row, error: UserError) -> str:
    return say(ctx, "sync_next_forbidden" if isinstance(error, Forbidden) else NEXT[fate["fate"]])


def refuse_overfull(ctx: RunContext, coming: int) -> None:
    """Refuse a batch of somebody who has too much to settle already."""
    kept = ctx.app.tables.system.not_taken_in
    query = select(func.count()).where(kept.c.account == ctx.user.account, kept.c.settled == "")
    there = int(ctx.connection.execute(query).scalar_one())
    if there and there + coming > MOST_OPEN:
        raise Conflict(fault(ctx, "sync_too_much_open", open=there, most=MOST_OPEN))


def _kept(ctx: RunContext, entry: Entry, fate: Row) -> Row:
    """Keep an entry with what is wrong with it; unless it was taken in, or discarded, by another meanwhile."""

    def work(connection: Connection) -> Row:
        here = acting(ctx, connection, entry)
        name = idempotency.OFFLINE + entry.key
        try:
            known = idempotency.begin(here, name, entry.known)
        except Conflict:  # another entry has the key: this one is kept beside it
            return _put(here, entry, fate)
        if known is None:
            told = _put(here, entry, fate)
            idempotency.release(here, name)
            return told
        told = orjson.loads(known.response)
        return fate if told["fate"] == DISCARDED else {**told, "fate": ALREADY}

    return ctx.app.database.run(work)


def _put(ctx: RunContext, entry: Entry, fate: Row) -> Row:
    table = ctx.app.tables.system.not_taken_in
    make = (postgresql if ctx.app.database.dialect == "postgresql" else sqlite).insert
    told = {"fate": orjson.dumps(fate).decode(), "waits_for": fate.get("waits_for", "")}
    statement = make(table).values(
        account=ctx.user.account, key=entry.key, hash=idempotency.fingerprint_of(entry.known), made_at=entry.made_at,
        came_at=ctx.now(), entry=orjson.dumps(entry.raw).decode(), **told,
    )  # fmt: skip
    statement = statement.on_conflict_do_update(index_elements=["account", "key", "hash"], set_=told)
    found = ctx.connection.execute(statement.returning(table.c.id)).scalar_one()
    return {**fate, "kept": found}


# --- what is there ---------------------------------------------------------------------------------------------


def not_taken_in(ctx: RunContext, before: int = 0) -> list[Kept]:
    """What is open, newest first: the person's own, of administrators everybody's. ``before``: older than this id."""
    table = ctx.app.tables.system.not_taken_in
    query = select(table).where(table.c.settled == "").order_by(table.c.id.desc()).limit(PAGE)
    if before:
        query = query.where(table.c.id < before)
    if not is_admin(ctx):
        query = query.where(table.c.account == ctx.user.account)
    return [_read(row) for row in ctx.connection.execute(query).mappings()]


def _read(row: Mapping[Any, Any]) -> Kept:
    return Kept(
        id=row["id"], account=row["account"], key=row["key"], made_at=row["made_at"], came_at=row["came_at"],
        entry=orjson.loads(row["entry"]), fate=orjson.loads(row["fate"]), settled=row["settled"],
    )  # fmt: skip


def kept_entry(ctx: RunContext, id: int, *, lock: bool = False) -> Kept:
    """One that is open and that the person may settle."""
    table = ctx.app.tables.system.not_taken_in
    query = select(table).where(table.c.id == id, table.c.settled == "")
    if not is_admin(ctx):
        query = query.where(table.c.account == ctx.user.account)
    row = ctx.connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise NotFound(fault(ctx, "sync_none_such"))
    return _read(row)


# --- settling --------------------------------------------------------------------------------------------------


def redo(ctx: RunContext, id: int) -> Row:
    """Take a kept entry in after all, in the transaction of ``ctx``, with the rights of who asks: somebody has looked
    at it, so its own values count where others changed the same, and its age is no hindrance."""
    one = kept_entry(ctx, id, lock=True)
    entry = Entry(key=one.key, raw=one.entry)
    forced = Taking(acting(ctx, ctx.connection, entry), entry, one.account, forced=True)
    try:
        return take(forced)
    except Waits as waits:
        raise Conflict(fault(ctx, "sync_waits", given=waits.key)) from None


def follow(ctx: RunContext, account: int, key: str, described: Described) -> list[Row]:
    """Entries that waited for one that has now been taken in, and those that waited for them."""
    with ctx.app.database.read() as connection:
        table = ctx.app.tables.system.not_taken_in
        query = select(table).where(table.c.account == account, table.c.settled == "", table.c.waits_for == key)
        waiting = [_read(row) for row in connection.execute(query.order_by(table.c.id)).mappings()]
    found: list[Row] = []
    for one in waiting:
        entry = Entry(key=one.key, raw=one.entry)
        fate, error = try_entry(ctx, Taking(ctx, entry, account))
        if error is None:
            found += [fate, *follow(ctx, account, one.key, described)]
        elif account == ctx.user.account:
            _kept(ctx, entry, {**fate, "problem": described(error), "next": _next(ctx, fate, error)})
    return found


def discard(ctx: RunContext, id: int) -> None:
    """An entry that shall not be taken in: whoever sends it again is told so."""
    one = kept_entry(ctx, id, lock=True)
    entry = Entry(key=one.key, raw=one.entry)
    name = idempotency.OFFLINE + one.key
    try:
        known = idempotency.begin(ctx, name, entry.known, one.account)
    except Conflict:  # the key is another entry's
        known = None
    else:
        if known is None:
            told = orjson.dumps({"key": one.key, "fate": DISCARDED}).decode()
            idempotency.finish(ctx, name, 200, told, one.account)
    table = ctx.app.tables.system.not_taken_in
    what = DISCARDED if known is None else DONE
    told_of = {"settled": what, "settled_at": ctx.now(), "settled_by": ctx.user.account}
    ctx.connection.execute(table.update().where(table.c.id == id).values(told_of))


def forget_old(ctx: RunContext) -> int:
    """Drop what was settled long ago."""
    table = ctx.app.tables.system.not_taken_in
    old = (table.c.settled != "", table.c.settled_at < ctx.now() - SETTLED_KEPT)
    return ctx.connection.execute(delete(table).where(*old)).rowcount
