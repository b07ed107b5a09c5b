"""The outbox as administrators read it: what waits, what left, what was given up and why; and sending it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, delete, func, select, update

from engine.model import Text
from runtime.apps import RunningApp
from runtime.context import RunContext
from runtime.errors import Conflict, NotFound
from runtime.messages import fault
from runtime.outbox import DEAD, HELD, SENDING, SENT, WAITING, outbox_table
from runtime.permissions import demand_admin

STATES = (WAITING, SENDING, HELD, DEAD, SENT)
PAGE = 50
KEPT = timedelta(days=180)
"""How long what has been sent or given up can be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message of the outbox, in the reader's language."""

    id: int
    key: str
    kind: str
    account: int | None
    address: str
    title: str
    text: str
    entity: str
    record: int
    origin: str
    state: str
    attempts: int
    error: str
    made_at: datetime
    next_at: datetime | None
    sent_at: datetime | None


def messages(ctx: RunContext, *, state: str = "", kind: str = "", before: int = 0, limit: int = PAGE) -> Sequence[Sent]:
    """Messages, newest first, after the one with the id ``before``."""
    demand_admin(ctx)
    table = outbox_table(ctx)
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    for column, wanted in ((table.c.state, state), (table.c.kind, kind)):
        if wanted:
            query = query.where(column == wanted)
    if before:
        query = query.where(table.c.id < before)
    return [_sent(ctx, row) for row in ctx.connection.execute(query).mappings()]


def message(ctx: RunContext, id: int) -> Sent:
    """One of them."""
    demand_admin(ctx)
    return _sent(ctx, _row(ctx, id))


def _row(ctx: RunContext, id: int) -> Mapping[Any, Any]:
    table = outbox_table(ctx)
    row = ctx.connection.execute(select(table).where(table.c.id == id)).mappings().first()
    if row is None:
        raise NotFound(fault(ctx, "outbox_unknown"))
    return row


def _sent(ctx: RunContext, row: Mapping[Any, Any]) -> Sent:
    same = ("id", "key", "kind", "account", "address", "entity", "record", "origin", "state", "attempts", "error",
            "made_at", "next_at", "sent_at")  # fmt: skip
    title, text = Text(zh=row["title_zh"], en=row["title_en"]), Text(zh=row["text_zh"], en=row["text_en"])
    return Sent(**{n: row[n] for n in same}, title=title.get(ctx.language), text=text.get(ctx.language))


def counts(ctx: RunContext) -> Mapping[str, int]:
    """How many messages are in each state."""
    demand_admin(ctx)
    table = outbox_table(ctx)
    rows = ctx.connection.execute(select(table.c.state, func.count()).group_by(table.c.state))
    found = {str(state): int(count) for state, count in rows}
    return {state: found.get(state, 0) for state in STATES}


def standing(app: RunningApp, connection: Connection, now: datetime) -> tuple[list[tuple[str, str, int]], float]:
    """What is not out yet: channel, state and how many; and for how many seconds the oldest that is due has waited.

    For those who run the server: what was sent long ago is not counted.
    """
    table = app.tables.system.outbox
    count = select(table.c.kind, table.c.state, func.count()).where(table.c.state.in_((WAITING, SENDING, HELD, DEAD)))
    rows = connection.execute(count.group_by(table.c.kind, table.c.state).order_by(table.c.kind, table.c.state)).all()
    oldest = connection.execute(select(func.min(table.c.next_at)).where(table.c.next_at <= now)).scalar()
    late = (now - oldest).total_seconds() if oldest is not None else 0.0
    return [(kind, state, number) for kind, state, number in rows], late


def resend(ctx: RunContext, id: int) -> None:
    """Send it (again), now. The inbox has what it has: a message there is never doubled."""
    demand_admin(ctx)
    row, table = _row(ctx, id), outbox_table(ctx)
    if row["state"] == SENDING or row["kind"] == "inbox":
        raise Conflict(fault(ctx, "outbox_under_way" if row["state"] == SENDING else "outbox_in_inbox"))
    again = update(table).where(table.c.id == id)
    ctx.connection.execute(again.values(state=WAITING, next_at=ctx.now(), attempts=0, error="", sent_at=None))


def forget_old(ctx: RunContext) -> int:
    """Drop what is over and was made long ago.

    Found by when it was made: by another index, all that was ever sent would be looked through.
    """
    table = outbox_table(ctx)
    over = and_(table.c.next_at.is_(None), table.c.state.in_((SENT, DEAD)))
    old = and_(table.c.made_at < ctx.now() - KEPT, case((over, 1), else_=0) == 1)
    return ctx.connection.execute(delete(table).where(old)).rowcount
