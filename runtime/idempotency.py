"""A write with an ``Idempotency-Key`` happens once: a repeat gets the first answer, kept in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.messages import fault

KEPT = timedelta(days=7)
OFFLINE = "sync\x1f"
"""How the keys of entries made offline begin: with a sign that no key in a header may have."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""The moment of such a key: it never grows old, for nobody knows how long a device lies in a drawer."""
LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the first request was told."""

    status: int
    response: str


def begin(ctx: RunContext, key: str, request: bytes, account: int | None = None) -> Answer | None:
    """Claim the key; the kept answer if it was used before. The same key for another request is a conflict.

    A second request at the same moment waits here for the first one's transaction. ``account``: whose key it is, where
    somebody else finishes the work.
    """
    table = ctx.app.tables.system.idempotency
    account = ctx.user.account if account is None else account
    fingerprint = fingerprint_of(request)
    make = (postgresql if ctx.app.database.dialect == "postgresql" else sqlite).insert
    at = NEVER if key.startswith(OFFLINE) else ctx.now()
    statement = make(table).values(account=account, key=key[:LONGEST], request_hash=fingerprint, at=at)
    claimed = ctx.connection.execute(statement.on_conflict_do_nothing().returning(table.c.key)).first()
    if claimed is not None:
        return None
    same = (table.c.account == account, table.c.key == key[:LONGEST])
    row = ctx.connection.execute(select(table).where(*same)).mappings().one()
    if row["request_hash"] != fingerprint:
        raise Conflict(fault(ctx, "key_reused"))
    return Answer(status=row["status"] or 200, response=row["response"] or "")


def fingerprint_of(request: bytes) -> str:
    """By what a request is known again."""
    return sha256(request).hexdigest()


def finish(ctx: RunContext, key: str, status: int, response: str, account: int | None = None) -> None:
    """Keep the answer for repeats."""
    table = ctx.app.tables.system.idempotency
    same = (table.c.account == (ctx.user.account if account is None else account), table.c.key == key[:LONGEST])
    ctx.connection.execute(update(table).where(*same).values(status=status, response=response))


def release(ctx: RunContext, key: str, account: int) -> None:
    """Give a key back that was claimed in this transaction: nothing was done under it."""
    table = ctx.app.tables.system.idempotency
    same = (table.c.account == account, table.c.key == key[:LONGEST])
    ctx.connection.execute(delete(table).where(*same))


def known(ctx: RunContext, key: str, account: int) -> Answer | None:
    """What was answered under a key, if it was used."""
    table = ctx.app.tables.system.idempotency
    query = select(table.c.status, table.c.response).where(table.c.account == account, table.c.key == key[:LONGEST])
    row = ctx.connection.execute(query).one_or_none()
    return None if row is None or row.response is None else Answer(status=row.status, response=row.response)


def forget_old(ctx: RunContext) -> int:
    """Drop keys nobody will repeat any more; those of entries made offline are known for ever."""
    table = ctx.app.tables.system.idempotency
    passing = ~table.c.key.like(f"{OFFLINE}%")
    return ctx.connection.execute(delete(table).where(table.c.at < ctx.now() - KEPT, passing)).rowcount
