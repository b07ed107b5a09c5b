"""Who acts for whom while somebody is away: from one day through another, for all that waits for him or some flows."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, delete, select

from runtime.accounts import account_names, person_of
from runtime.context import RunContext
from runtime.errors import Invalid, NotFound
from runtime.messages import fault
from runtime.permissions import READ, rights


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitute:
    """One arrangement of the acting person."""

    id: int
    deputy: int
    name: str
    since: date
    until: date
    flows: tuple[str, ...] = ()
    """The only entities it holds for; none: whatever waits."""


def mine(ctx: RunContext) -> list[Substitute]:
    """My arrangements that have not ended, the first to begin first."""
    table = ctx.app.tables.system.substitute
    query = select(table).where(table.c.account == ctx.user.account, table.c.until >= ctx.today())
    rows = ctx.connection.execute(query.order_by(table.c.since, table.c.id)).mappings().all()
    names = account_names(ctx, [row["deputy"] for row in rows])
    found: dict[object, Substitute] = {}
    for row in rows:
        same = (row["deputy"], row["since"], row["until"]) if row["flow"] else row["id"]
        first = found.get(same)
        found[same] = Substitute(
            id=first.id if first else row["id"],
            deputy=row["deputy"],
            name=names.get(row["deputy"], ""),
            since=row["since"],
            until=row["until"],
            flows=(*(first.flows if first else ()), row["flow"]) if row["flow"] else (),
        )
    return list(found.values())


def flows(ctx: RunContext) -> list[str]:
    """The entities whose documents need an approval, as far as the acting person may read them."""
    found = []
    for id, entity in ctx.app.model.entities.items():
        states = entity.workflow.states.values() if entity.workflow else ()
        if any(state.approval is not None for state in states) and rights(ctx, id).may(READ):
            found.append(id)
    return found


def put(ctx: RunContext, deputy: int, since: date, until: date, only: Sequence[str] = ()) -> int:
    """Let another decide for me in these days, ``only`` about documents of some entities; the arrangement's id."""
    if deputy == ctx.user.account:
        raise Invalid(fault(ctx, "substitute_self", "deputy"))
    if person_of(ctx, deputy) is None:
        raise Invalid(fault(ctx, "person_unknown", "deputy"))
    if until < since:
        raise Invalid(fault(ctx, "substitute_days", "until"))
    unknown = sorted(set(only) - set(flows(ctx)))
    if unknown:
        raise Invalid(*(fault(ctx, "substitute_flow", "flows", given=each[:60]) for each in unknown))
    table = ctx.app.tables.system.substitute
    row = {"account": ctx.user.account, "deputy": deputy, "since": since, "until": until}
    made = [
        int(ctx.connection.execute(table.insert().returning(table.c.id), {**row, "flow": flow}).scalar_one())
        for flow in dict.fromkeys(only or ("",))
    ]
    return made[0]


def deputies(ctx: RunContext, entity: str, absent: Set[int]) -> dict[int, set[int]]:
    """Who stands in today for any of these people about documents of an entity, and for which of them."""
    table, account = ctx.app.tables.system.substitute, ctx.app.tables.system.account
    today = ctx.today()
    query = (
        select(table.c.deputy, table.c.account)
        .join(account, account.c.id == table.c.deputy)
        .where(
            table.c.account.in_(sorted(absent)),
            table.c.since <= today,
            table.c.until >= today,
            table.c.flow.in_(("", entity)),
            account.c.active,
        )
        .order_by(table.c.deputy)
    )
    found: dict[int, set[int]] = {}
    for row in ctx.connection.execute(query) if absent else ():
        found.setdefault(row.deputy, set()).add(row.account)
    return found


def drop(ctx: RunContext, id: int) -> None:
    """End an arrangement of mine."""
    table = ctx.app.tables.system.substitute
    own = table.c.account == ctx.user.account
    row = ctx.connection.execute(select(table).where(table.c.id == id, own)).mappings().first()
    if row is None:
        raise NotFound(fault(ctx, "task_unknown"))
    together = and_(*(table.c[name] == row[name] for name in ("deputy", "since", "until")), table.c.flow != "")
    ctx.connection.execute(delete(table).where(own, together if row["flow"] else table.c.id == id))
