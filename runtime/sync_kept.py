"""Entries made offline that were not taken in: kept until somebody redoes or discards them, so that none is lost.

They are the business of who made them and of administrators. What is open is never forgotten; so that it cannot grow
without end, a person with too much of it settles some before more is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from runtime import idempotency, outbox
from runtime.accounts import person_of
from runtime.context import RunContext, User
from runtime.errors import Conflict, Forbidden, NotFound, UserError
from runtime.messages import both, fault, say
from runtime.outbox import Outgoing
from runtime.permissions import is_admin
from runtime.sync_entries import Entry
from runtime.syncing import ALREADY, CONFLICT, DISCARDED, DONE, REFUSED, WAITING, Taking, Waits, acting, take, try_entry

Row = dict[str, Any]
Described = Callable[[UserError], Row]
MOST_OPEN = 500
"""Entries of one person that may be open."""
SETTLED_KEPT = timedelta(days=90)
PAGE = 200
RIGHTS = "rights"
"""In a fate: it was refused for want of a right, so who redoes it lends his own."""
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
            fate = _kept(ctx, entry, taking.account, _with_reasons(ctx, fate, error, described), described)
        fates.append(fate)
    return fates


def _with_reasons(ctx: RunContext, fate: Row, error: UserError, described: Described) -> Row:
    """A fate with why, and what to do about it."""
    if isinstance(error, Forbidden):
        return {**fate, "problem": described(error), "next": say(ctx, "sync_next_forbidden"), RIGHTS: True}
    return {**fate, "problem": described(error), "next": say(ctx, NEXT[fate["fate"]])}


def refuse_overfull(ctx: RunContext, coming: int) -> None:
    """Refuse a batch of somebody who has too much to settle already."""
    kept = ctx.app.tables.system.not_taken_in
    query = select(func.count()).where(kept.c.account == ctx.user.account, kept.c.settled == "")
    there = int(ctx.connection.execute(query).scalar_one())
    if there and there + coming > MOST_OPEN:
        raise Conflict(fault(ctx, "sync_too_much_open", open=there, most=MOST_OPEN))


def _kept(ctx: RunContext, entry: Entry, account: int, fate: Row, described: Described) -> Row:
    """Keep an entry with what is wrong with it; unless it was taken in, or discarded, by another meanwhile."""

    def work(connection: Connection) -> Row:
        here = acting(ctx, connection, entry)
        name = idempotency.OFFLINE + entry.key
        try:
            known = idempotency.begin(here, name, entry.known, account)
        except Conflict:  # another entry has the key: this one is kept beside it
            discarded = Conflict(fault(here, "sync_discarded"))
            gone = {"key": entry.key, "fate": REFUSED}
            return _put(here, entry, account, fate) or _with_reasons(here, gone, discarded, described)
        if known is None:
            told = _put(here, entry, account, fate)
            idempotency.release(here, name, account)
            return told or fate
        told = orjson.loads(known.response)
        return fate if told["fate"] == DISCARDED else {**told, "fate": ALREADY}

    return ctx.app.database.run(work)


def _put(ctx: RunContext, entry: Entry, account: int, fate: Row) -> Row | None:
    """Keep it, or what is known of it now; ``None`` where somebody has settled this very entry."""
    table = ctx.app.tables.system.not_taken_in
    make = (postgresql if ctx.app.database.dialect == "postgresql" else sqlite).insert
    told = {"fate": orjson.dumps(fate).decode(), "waits_for": fate.get("waits_for", "")}
    statement = make(table).values(
        account=account, key=entry.key, hash=idempotency.fingerprint_of(entry.known), made_at=entry.made_at,
        came_at=ctx.now(), entry=orjson.dumps(entry.raw).decode(), **told,
    )  # fmt: skip
    statement = statement.on_conflict_do_update(
        index_elements=["account", "key", "hash"], set_=told, where=table.c.settled == ""
    )
    found = ctx.connection.execute(statement.returning(table.c.id)).scalar()
    if found is None:
        return None
    _tell(ctx, account)
    return {**fate, "kept": found}


def _tell(ctx: RunContext, account: int) -> None:
    """Whose entry it is finds it in the inbox, once a day: the device may be anywhere by then."""
    told = Outgoing(
        kind="inbox", key=f"not_taken_in:{account}:{ctx.today().isoformat()}", title=both("sync_told_title"),
        text=both("sync_told"), accounts=frozenset((account,)), origin="sync",
    )  # fmt: skip
    outbox.post(ctx, told)


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
    """Take a kept entry in after all, in the transaction of ``ctx``: somebody has looked at it, so its own values count
    where others changed the same, and its age is no hindrance.

    It has the rights of whose entry it is; of who asks only where it was refused for want of these rights, for then
    that is what he is asked for.
    """
    one = kept_entry(ctx, id, lock=True)
    entry = Entry(key=one.key, raw=one.entry)
    theirs: RunContext | None = ctx
    if not one.fate.get(RIGHTS):
        theirs = _as_owner(ctx, one.account)
    if theirs is None:
        raise Conflict(fault(ctx, "sync_owner_gone"))
    theirs = replace(theirs, language=ctx.language)
    forced = Taking(acting(theirs, ctx.connection, entry), entry, one.account, forced=True, by=_by(ctx, one.account))
    try:
        return take(forced)
    except Waits as waits:
        raise Conflict(fault(ctx, "sync_waits", given=waits.key)) from None


def _as_owner(ctx: RunContext, account: int) -> RunContext | None:
    """The call with the rights of whose entry it is; ``None``: the account is not in use any more."""
    if account == ctx.user.account:
        return ctx
    person = person_of(ctx, account)
    return None if person is None else replace(ctx, user=person.user, language=person.language)


def _by(ctx: RunContext, account: int) -> User | None:
    return None if account == ctx.user.account else ctx.user


def follow(ctx: RunContext, account: int, key: str, described: Described) -> list[Row]:
    """Entries that waited for one that has now been taken in, and those that waited for them: each with the rights of
    whose entry it is, for nobody has looked at it."""
    with ctx.app.database.read() as connection:
        table = ctx.app.tables.system.not_taken_in
        query = select(table).where(table.c.account == account, table.c.settled == "", table.c.waits_for == key)
        waiting = [_read(row) for row in connection.execute(query.order_by(table.c.id)).mappings()]
        theirs = _as_owner(replace(ctx, connection=connection), account)
    found: list[Row] = []
    for one in waiting:
        entry = Entry(key=one.key, raw=one.entry)
        if theirs is None:
            gone = {"key": one.key, "fate": REFUSED}
            reasons = _with_reasons(ctx, gone, Conflict(fault(ctx, "sync_owner_gone")), described)
            _kept(ctx, entry, account, reasons, described)
            continue
        fate, error = try_entry(theirs, Taking(theirs, entry, account, by=_by(ctx, account)))
        if error is None:
            found += [fate, *follow(ctx, account, one.key, described)]
        else:
            _kept(theirs, entry, account, _with_reasons(theirs, fate, error, described), described)
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
