"""A write with an ``Idempotency-Key`` happens once: a repeat gets the first answer, kept in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.messages import fault

KEPT = timedelta(days=7)
LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the first request was told."""

    status: int
    response: str


def begin(ctx: RunContext, key: str, request: bytes) -> Answer | None:
    """Claim the key; the kept answer if it was used before. The same key for another request is a conflict.

    A second request at the same moment waits here for the first one's transaction.
    """
    table = ctx.app.tables.system.idempotency
    account = ctx.user.account
    fingerprint = sha256(request).hexdigest()
    make = (postgresql if ctx.app.database.dialect == "postgresql" else sqlite).insert
    statement = make(table).values(account=account, key=key[:LONGEST], request_hash=fingerprint, at=ctx.now())
    claimed = ctx.connection.execute(statement.on_conflict_do_nothing().returning(table.c.key)).first()
    if claimed is not None:
        return None
    same = (table.c.account == account, table.c.key == key[:LONGEST])
    row = ctx.connection.execute(select(table).where(*same)).mappings().one()
    if row["request_hash"] != fingerprint:
        raise Conflict(fault(ctx, "key_reused"))
    return Answer(status=row["status"] or 200, response=row["response"] or "")


def finish(ctx: RunContext, key: str, status: int, response: str) -> None:
    """Keep the answer for repeats."""
    table = ctx.app.tables.system.idempotency
    same = (table.c.account == ctx.user.account, table.c.key == key[:LONGEST])
    ctx.connection.execute(update(table).where(*same).values(status=status, response=response))


def forget_old(ctx: RunContext) -> int:
    """Drop keys nobody will repeat any more."""
    table = ctx.app.tables.system.idempotency
    return ctx.connection.execute(delete(table).where(table.c.at < ctx.now() - KEPT)).rowcount
