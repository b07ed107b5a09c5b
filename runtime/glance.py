"""What the frame of every page says beside the menu: the firm, the person, what they were told. One statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, func, null, select

from engine.model import EntityKind
from runtime.context import RunContext


@dataclass(frozen=True, slots=True)
class Glance:
    """``firm`` and ``member`` are empty where nobody has given a name. ``messages``: how many are new."""

    firm: str
    member: str
    messages: int


def glance(ctx: RunContext) -> Glance:
    """What the acting person sees on every page."""
    user = ctx.user
    key = ("glance", user.member is None)
    statement = ctx.app.programs.keep(key, lambda: _statement(ctx))
    given = {"account": user.account, "member": user.member}
    row = ctx.connection.execute(statement, given).one()
    return Glance(row.firm or "", row.member or "", row.messages)


def _statement(ctx: RunContext) -> Select[Any]:
    return select(
        _firm(ctx).label("firm"),
        _member(ctx).label("member"),
        _messages(ctx).label("messages"),
    )


def _firm(ctx: RunContext) -> Any:
    """The name in the firm's settings."""
    for entity in ctx.app.model.entities.values():
        if entity.kind is EntityKind.SETTING and "name" in entity.fields:
            table = ctx.app.tables.entity[entity.id]
            return select(table.c.name).order_by(table.c.id).limit(1).scalar_subquery()
    return null()


def _member(ctx: RunContext) -> Any:
    table = ctx.app.tables.entity.get(ctx.app.model.members)
    if table is None or "name" not in table.c or ctx.user.member is None:
        return null()
    return select(table.c.name).where(table.c.id == bindparam("member", type_=table.c.id.type)).scalar_subquery()


def _messages(ctx: RunContext) -> Any:
    """What the person was told and has not acknowledged."""
    inbox = ctx.app.tables.system.inbox
    mine = inbox.c.account == bindparam("account", type_=inbox.c.account.type)
    return select(func.count(inbox.c.id)).where(mine, inbox.c.acknowledged_at.is_(None)).scalar_subquery()
