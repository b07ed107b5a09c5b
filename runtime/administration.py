"""What only administrators may do: people and their roles, periods, versions. Every act is in the trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select

from engine.model import EntityKind
from runtime import accounts, audit, ledgers
from runtime.apps import AppHome, Change
from runtime.context import RunContext
from runtime.errors import Conflict, Invalid
from runtime.messages import fault
from runtime.permissions import administering as administering
from runtime.permissions import demand_admin as demand_admin
from runtime.permissions import is_admin as is_admin
from runtime.permissions import rights

ACCOUNT, PERIOD, APP = "account", "period", "app"
"""What the trail calls the things that are no records of the app."""


def _trail(ctx: RunContext, entity: str, record: int, kind: str, changes: Mapping[str, Any], note: str = "") -> None:
    audit.write(ctx, [audit.Entry(entity=entity, record=record, version=0, kind=kind, changes=changes, note=note)])


# --- people ----------------------------------------------------------------------------------------------------


def add_person(ctx: RunContext, name: str, password: str, roles: Sequence[str], member: int | None = None) -> int:
    """A new account that may log in."""
    demand_admin(ctx)
    made = accounts.add_account(ctx, name, password, roles, member=member)
    _trail(ctx, ACCOUNT, made, "create", {"name": name.strip(), "roles": list(roles)})
    return made


def change_person(ctx: RunContext, account: int, *, roles: Sequence[str], active: bool) -> None:
    """Other roles, or no log-in any more. Somebody must stay who administers, and nobody locks out themselves."""
    demand_admin(ctx)
    powers = administering(ctx.app.model)
    stays = active and bool(powers & set(roles))
    if account == ctx.user.account and not stays:
        raise Conflict(fault(ctx, "admin_self", "roles"))
    others = [a for a in accounts.accounts(ctx) if a["id"] != account and a["active"] and powers & set(a["roles"])]
    if not others and not stays:
        raise Conflict(fault(ctx, "admin_last", "roles"))
    accounts.change_account(ctx, account, roles=roles, active=active)
    _trail(ctx, ACCOUNT, account, "update", {"roles": list(roles), "active": active})


def reset_password(ctx: RunContext, account: int, password: str) -> None:
    """A new password for somebody who forgot theirs."""
    demand_admin(ctx)
    accounts.set_password(ctx, account, password)
    _trail(ctx, ACCOUNT, account, "update", {}, note="password")


def tokens(ctx: RunContext) -> list[Mapping[str, Any]]:
    """The tokens that still open the API, with whose they are."""
    demand_admin(ctx)
    table = ctx.app.tables.system.token
    query = select(table.c.id, table.c.account, table.c.name, table.c.created_at, table.c.expires_at)
    rows = ctx.connection.execute(query.where(table.c.revoked.is_(False)).order_by(table.c.created_at)).mappings()
    return [dict(row) for row in rows]


def end_token(ctx: RunContext, account: int, token: int) -> None:
    """Nobody gets in with it any more."""
    demand_admin(ctx)
    accounts.revoke_token(ctx, account, token)
    _trail(ctx, ACCOUNT, account, "update", {}, note=f"token {token}")


# --- periods ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Documents of a kind, dated in a period, that are not at their end."""

    entity: str
    count: int


def close(ctx: RunContext, ledger: str, through: date) -> None:
    """Close a ledger ("" = all) through a day of the past."""
    demand_admin(ctx)
    _known(ctx, ledger)
    if through >= ctx.today():
        raise Invalid(fault(ctx, "close_past", "through"))
    before = closed(ctx, ledger)
    if before is not None and through <= before:
        raise Invalid(fault(ctx, "close_later", "through", day=before.isoformat()))
    ledgers.close_period(ctx, ledger or None, through)
    _trail(ctx, PERIOD, 0, "update", {"ledger": ledger or "all", "closed": through.isoformat()})


def reopen(ctx: RunContext, ledger: str, through: date | None, reason: str) -> None:
    """Open what was closed after ``through`` (``None``: everything); why is kept."""
    demand_admin(ctx)
    _known(ctx, ledger)
    if not reason.strip():
        raise Invalid(fault(ctx, "reason_needed", "reason"))
    ledgers.reopen(ctx, ledger or None, through)
    changes = {"ledger": ledger or "all", "closed": through.isoformat() if through else None}
    _trail(ctx, PERIOD, 0, "update", changes, note=reason.strip()[:500])


def closed(ctx: RunContext, ledger: str) -> date | None:
    """Through which day a ledger itself is closed ("" = what holds for all)."""
    state = ctx.app.tables.ledgers.state
    found: date | None = ctx.connection.execute(
        select(state.c.closed_through).where(state.c.ledger == ledger)
    ).scalar_one_or_none()
    return found


def _known(ctx: RunContext, ledger: str) -> None:
    if ledger and ledger not in ctx.app.model.ledgers:
        raise Invalid(fault(ctx, "no_such_ledger", "ledger", given=ledger[:60]))


def standing_open(ctx: RunContext, through: date) -> list[Open]:
    """Documents dated up to a day that still go on: to look at before the period is closed."""
    found = []
    for entity in ctx.app.model.entities.values():
        flow = entity.workflow
        if entity.kind is not EntityKind.DOCUMENT or flow is None or not entity.postings:
            continue
        table = ctx.app.tables.entity[entity.id]
        if "date" not in table.c or not rights(ctx, entity.id).may("read"):
            continue
        posted = {t.target for t in flow.transitions.values() if t.posts in entity.postings}
        waiting = [s.id for s in flow.states.values() if not s.end and s.id not in posted]
        query = select(func.count()).select_from(table)
        query = query.where(table.c.status.in_(waiting), table.c.date <= through, table.c.deleted_at.is_(None))
        count = ctx.connection.execute(query).scalar_one()
        if count:
            found.append(Open(entity=entity.id, count=count))
    return found


# --- versions --------------------------------------------------------------------------------------------------


def rollback(ctx: RunContext, home: AppHome, number: int) -> Change:
    """An earlier version of the definition again. Called outside any transaction of its own."""
    demand_admin(ctx)
    return home.rollback(ctx.app.name, number, account=ctx.user.account, language=ctx.language)
