"""For whom a person may decide tasks now: himself, and whoever is away and named him as substitute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, false, or_, select

from runtime.context import RunContext
from runtime.task_people import Directory


@dataclass(frozen=True, slots=True)
class Acting:
    """Those for whom the acting person may decide now: himself, and whom he substitutes.

    ``limited``: those for whom he does so only in some flows, by entity.
    """

    accounts: frozenset[int]
    roles: frozenset[str]
    members: frozenset[int]
    limited: Mapping[str, Acting] = field(default_factory=dict)

    def matches(self, task: Table) -> ColumnElement[bool]:
        """Rows of tasks for any of them."""
        return or_(
            task.c.account.in_(sorted(self.accounts)) if self.accounts else false(),
            task.c.role.in_(sorted(self.roles)) if self.roles else false(),
            task.c.member.in_(sorted(self.members)) if self.members else false(),
            *(and_(task.c.entity == flow, some.matches(task)) for flow, some in sorted(self.limited.items())),
        )


def acting(ctx: RunContext) -> Acting:
    """For whom the person acts: one statement, two more while he substitutes somebody."""
    user = ctx.user
    own = Acting(
        accounts=frozenset({user.account}),
        roles=frozenset(user.roles),
        members=frozenset({user.member} if user.member is not None else ()),
    )
    absent = _absent(ctx)
    if not absent:
        return own
    stands = _stood_for(ctx, absent)
    everywhere = stands.pop("", Acting(frozenset(), frozenset(), frozenset()))
    return Acting(
        accounts=own.accounts | everywhere.accounts,
        roles=own.roles | everywhere.roles,
        members=own.members | everywhere.members,
        limited=stands,
    )


def _stood_for(ctx: RunContext, absent: Mapping[str, set[int]]) -> dict[str, Acting]:
    """The absent with their roles and members, by flow."""
    account, holds = ctx.app.tables.system.account, ctx.app.tables.system.account_role
    everybody = sorted(set().union(*absent.values()))
    members = ctx.connection.execute(select(account.c.id, account.c.member).where(account.c.id.in_(everybody))).all()
    roles = ctx.connection.execute(select(holds.c.account, holds.c.role).where(holds.c.account.in_(everybody))).all()
    return {
        flow: Acting(
            accounts=frozenset(some),
            roles=frozenset(row.role for row in roles if row.account in some),
            members=frozenset(row.member for row in members if row.id in some and row.member is not None),
        )
        for flow, some in absent.items()
    }


def _absent(ctx: RunContext) -> dict[str, set[int]]:
    """The active accounts whom the person substitutes today, by flow; under an empty name: in all of them."""
    table, account = ctx.app.tables.system.substitute, ctx.app.tables.system.account
    today = ctx.today()
    query = (
        select(table.c.account, table.c.flow)
        .join(account, account.c.id == table.c.account)
        .where(
            and_(table.c.deputy == ctx.user.account, table.c.since <= today, table.c.until >= today, account.c.active)
        )
    )
    found: dict[str, set[int]] = {}
    for row in ctx.connection.execute(query):
        found.setdefault(row.flow, set()).add(row.account)
    return found


def on_behalf(ctx: RunContext, task: Mapping[str, Any]) -> int | None:
    """The absent person for whom the acting one decides a row; ``None``: it is his own."""
    user = ctx.user
    own = task["account"] == user.account or task["role"] in user.roles or (task["member"] or 0) == user.member
    if own or user.is_system:
        return None
    directory, absent = Directory(ctx), _absent(ctx)
    stands = set(directory.accounts(task)) & (absent.get("", set()) | absent.get(task["entity"], set()))
    return min(stands) if stands else None
