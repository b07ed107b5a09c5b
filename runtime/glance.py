"""What the frame of every page says beside the menu: the firm, the person, what they were told. One statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Text, and_, bindparam, cast, false, func, null, or_, select, tuple_

from engine.model import EntityKind
from runtime.context import RunContext
from runtime.prepared import Statement, prepare_statement


@dataclass(frozen=True, slots=True)
class Glance:
    """``firm`` and ``member`` are empty where nobody has given a name. ``tasks``: how many records wait for the person,
    or for somebody he stands in for today. ``messages``: how many are new."""

    firm: str
    member: str
    tasks: int
    messages: int


def glance(ctx: RunContext) -> Glance:
    """What the acting person sees on every page."""
    user = ctx.user
    key = ("glance", user.roles, user.member is None)
    statement = ctx.app.programs.keep(key, lambda: _statement(ctx))
    given = {"account": user.account, "member": user.member, "today": ctx.today()}
    firm, member, tasks, messages = statement.fetch(ctx, given)[0]
    return Glance(firm or "", member or "", tasks, messages)


def _statement(ctx: RunContext) -> Statement:
    told = (_firm(ctx), _member(ctx), _tasks(ctx), _messages(ctx))
    return prepare_statement(ctx, select(*told), told)


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


def _tasks(ctx: RunContext) -> Any:
    """Records that wait for a say of the person's (``tasks.count_mine`` says the same in two statements)."""
    tables, user = ctx.app.tables.system, ctx.user
    task, account, held = tables.task, tables.account, tables.account_role
    me = bindparam("account", type_=account.c.id.type)
    flow = tables.substitute.c.flow
    absent, only = _absent(ctx, me).where(flow == ""), _absent(ctx, me, flow).where(flow != "")
    members = select(account.c.member).where(account.c.id.in_(absent), account.c.member.is_not(None))
    mine = or_(
        task.c.account == me,
        task.c.account.in_(absent),
        task.c.role.in_(sorted(user.roles)) if user.roles else false(),
        task.c.role.in_(select(held.c.role).where(held.c.account.in_(absent))),
        task.c.member == bindparam("member", type_=account.c.member.type) if user.member is not None else false(),
        task.c.member.in_(members),
        tuple_(task.c.account, task.c.entity).in_(only),
        tuple_(task.c.role, task.c.entity).in_(_of(only, held.c.account, held.c.role)),
        tuple_(task.c.member, task.c.entity).in_(_of(only, account.c.id, account.c.member)),
    )
    records = func.count(func.distinct(task.c.entity + ":" + cast(task.c.record, Text)))
    return select(records).where(task.c.decided_at.is_(None), task.c.awake, mine).scalar_subquery()


def _of(only: Select[Any], account: Any, named: Any) -> Select[Any]:
    """Instead of accounts, each with a flow, what they hold or are."""
    pairs = only.subquery()
    return select(named, pairs.c.flow).join(pairs, pairs.c.account == account).where(named.is_not(None))


def _absent(ctx: RunContext, me: Any, *more: Any) -> Select[Any]:
    """The active accounts for whom the person stands in today."""
    table, account = ctx.app.tables.system.substitute, ctx.app.tables.system.account
    today = bindparam("today", type_=table.c.since.type)
    now = and_(table.c.deputy == me, table.c.since <= today, table.c.until >= today)
    return select(table.c.account, *more).join(account, account.c.id == table.c.account).where(now, account.c.active)


def _messages(ctx: RunContext) -> Any:
    """What the person was told and has not acknowledged."""
    inbox = ctx.app.tables.system.inbox
    mine = inbox.c.account == bindparam("account", type_=inbox.c.account.type)
    return select(func.count(inbox.c.id)).where(mine, inbox.c.acknowledged_at.is_(None)).scalar_subquery()
