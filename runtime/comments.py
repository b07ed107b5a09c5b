"""What people say about a record, seen by who sees the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from runtime.accounts import account_names
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.permissions import demand
from runtime.records import load_visible

LONGEST = 2000
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """One remark. ``name``: who said it."""

    id: int
    name: str
    at: datetime
    text: str


def add(ctx: RunContext, entity: str, record: int, text: str) -> int:
    """Say something; the record must be visible."""
    said = text.strip()
    if not said or len(said) > LONGEST:
        raise Invalid(fault(ctx, "comment_length", "text", most=LONGEST))
    demand(ctx, entity, "read")
    load_visible(ctx, entity, record)
    table = ctx.app.tables.system.comment
    values = {"entity": entity, "record": record, "account": ctx.user.account or None, "at": ctx.now(), "text": said}
    return int(ctx.connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())


def of(ctx: RunContext, entity: str, record: int) -> list[Comment]:
    """The remarks on a record, newest first."""
    table = ctx.app.tables.system.comment
    query = select(table).where(table.c.entity == entity, table.c.record == record).order_by(table.c.id.desc()).limit(MOST)
    rows = ctx.connection.execute(query).mappings().all()
    names = account_names(ctx, [row["account"] for row in rows])
    return [Comment(id=r["id"], name=names.get(r["account"] or 0, ""), at=r["at"], text=r["text"]) for r in rows]
