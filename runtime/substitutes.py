"""Who acts for whom while somebody is away: from one day through another, for all that waits for him."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, select

from runtime.accounts import account_names, person_of
from runtime.context import RunContext
from runtime.errors import Invalid, NotFound
from runtime.messages import fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitute:
    """One arrangement of the acting person."""

    id: int
    deputy: int
    name: str
    since: date
    until: date


def mine(ctx: RunContext) -> list[Substitute]:
    """My arrangements that have not ended, the first to begin first."""
    table = ctx.app.tables.system.substitute
    query = select(table).where(table.c.account == ctx.user.account, table.c.until >= ctx.today())
    rows = ctx.connection.execute(query.order_by(table.c.since, table.c.id)).mappings().all()
    names = account_names(ctx, [row["deputy"] for row in rows])
    return [
        Substitute(
            id=row["id"],
            deputy=row["deputy"],
            name=names.get(row["deputy"], ""),
            since=row["since"],
            until=row["until"],
        )
        for row in rows
    ]


def put(ctx: RunContext, deputy: int, since: date, until: date) -> int:
    """Let another decide for me in these days; the id of the arrangement."""
    if deputy == ctx.user.account:
        raise Invalid(fault(ctx, "substitute_self", "deputy"))
    if person_of(ctx, deputy) is None:
        raise Invalid(fault(ctx, "person_unknown", "deputy"))
    if until < since:
        raise Invalid(fault(ctx, "substitute_days", "until"))
    table = ctx.app.tables.system.substitute
    row = {"account": ctx.user.account, "deputy": deputy, "since": since, "until": until}
    return int(ctx.connection.execute(table.insert().returning(table.c.id), row).scalar_one())


def drop(ctx: RunContext, id: int) -> None:
    """End an arrangement of mine."""
    table = ctx.app.tables.system.substitute
    gone = ctx.connection.execute(delete(table).where(table.c.id == id, table.c.account == ctx.user.account))
    if not gone.rowcount:
        raise NotFound(fault(ctx, "task_unknown"))
