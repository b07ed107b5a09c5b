"""What people say about a record: remarks under it, oldest first. Whoever may read the record may read and add them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select

from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.prepared import Statement, prepare_statement
from runtime.records import load_visible, may_read

LONGEST = 10_000
MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A remark: who, when, what."""

    id: int
    account: int
    name: str
    at: datetime
    text: str


def comments(ctx: RunContext, entity: str, record: int) -> list[Comment]:
    """The remarks under a record, oldest first."""
    _readable(ctx, entity, record)
    return remarks(ctx, entity, record)


def remarks(ctx: RunContext, entity: str, record: int) -> list[Comment]:
    """The same of a record that the reader has been shown: not asked again whether it may be."""
    query = ctx.app.programs.keep("remarks", lambda: _newest(ctx))
    rows = query.run(ctx, {"entity": entity, "record": record})
    return [Comment(id=i, account=who or 0, name=name or "", at=at, text=text) for i, who, name, at, text in rows[::-1]]


def _newest(ctx: RunContext) -> Statement:
    comment, account = ctx.app.tables.system.comment, ctx.app.tables.system.account
    columns = (comment.c.id, comment.c.account, account.c.name, comment.c.at, comment.c.text)
    statement = (
        select(*columns)
        .select_from(comment.outerjoin(account, account.c.id == comment.c.account))
        .where(comment.c.entity == bindparam("entity"), comment.c.record == bindparam("record"))
        .order_by(comment.c.id.desc())
        .limit(MOST)
    )
    return prepare_statement(ctx, statement, columns)


def add(ctx: RunContext, entity: str, record: int, text: str) -> Comment:
    """Add a remark under a record."""
    _readable(ctx, entity, record)
    said = text.strip()
    if not said:
        raise Invalid(fault(ctx, "comment_empty", "text"))
    if len(said) > LONGEST:
        raise Invalid(fault(ctx, "comment_long", "text", most=LONGEST))
    if "\x00" in said:
        raise Invalid(fault(ctx, "comment_empty", "text"))
    table = ctx.app.tables.system.comment
    values = {"entity": entity, "record": record, "account": ctx.user.account, "at": ctx.now(), "text": said}
    made = ctx.connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one()
    return Comment(id=made, account=ctx.user.account, name=ctx.user.name, at=ctx.now(), text=said)


def _readable(ctx: RunContext, entity: str, record: int) -> None:
    may_read(ctx, entity)
    load_visible(ctx, entity, record)
