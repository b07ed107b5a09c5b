"""Where people are reached: the channels each prefers, and the addresses they or their records give."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, bindparam, select

from engine.model import AppModel
from runtime.context import RunContext
from runtime.outbox_hours import ALWAYS, Hours, hours_of
from runtime.permissions import administering
from runtime.prepared import Statement, padded, prepare_statement

PREFERS, ADDRESSES = "channel", "addresses"
"""Names of the preferences of an account."""
REACHED_BY: Mapping[str, str] = {"email": "email", "wecom": "phone", "dingtalk": "phone", "feishu": ""}
"""The type of a member's field that stands in where the person has given no address of a kind himself."""
APPS: Mapping[str, str] = {"wecom_app": "wecom", "dingtalk_app": "dingtalk", "feishu_app": "feishu"}
"""Apps write to a person by the user id given for the service; a mobile number only names him in a group."""

MOST = 256
"""Accounts in one statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person who may be told something: account, language, preferred channels, addresses by kind, own hours."""

    account: int
    language: str
    prefers: tuple[str, ...]
    addresses: Mapping[str, str]
    hours: Hours = ALWAYS


def contacts(ctx: RunContext, accounts: Iterable[int]) -> dict[int, Contact]:
    """The active ones among ``accounts``."""
    wanted = sorted(set(accounts) - {0})
    found = {}
    for row in _asked(ctx, wanted):
        prefs = json.loads(row.prefs or "{}")
        given = {kind: str(value) for kind, value in dict(prefs.get(ADDRESSES) or {}).items() if value}
        given |= {app: given[kind] for app, kind in APPS.items() if kind in given and not _mobile(given[kind])}
        found[row.id] = Contact(
            account=row.id,
            language=row.language or ctx.app.language,
            prefers=_preferred(prefs.get(PREFERS)),
            addresses={**_from_record(row.member), **given},
            hours=hours_of(prefs),
        )
    return found


def _preferred(said: object) -> tuple[str, ...]:
    """The channels beside the inbox; who chose before there could be several has one word there."""
    chosen = said if isinstance(said, list) else [said]
    return tuple(dict.fromkeys(str(each) for each in chosen if each and each != "inbox"))


def _mobile(address: str) -> bool:
    return address.lstrip("+").isdigit() and len(address) >= 11


class Known(NamedTuple):
    """An account as it is read. ``member``: what its own record says of where he is reached, by type."""

    id: int
    language: str
    prefs: str
    member: Mapping[str, Any]


def _asked(ctx: RunContext, accounts: Sequence[int]) -> Iterator[Known]:
    for start in range(0, len(accounts), MOST):
        some = padded(accounts[start : start + MOST])
        query = ctx.app.programs.keep(("contacts", len(some)), partial(_asking, ctx, len(some)))
        for account, language, prefs, *own in query.run(ctx, {f"w{i}": each for i, each in enumerate(some)}):
            yield Known(account, language, prefs, dict(zip(_reached(ctx), own, strict=True)))


def _asking(ctx: RunContext, count: int) -> Statement:
    """So many accounts, each with what its member's record says of where he is reached."""
    table, fields = ctx.app.tables.system.account, _reached(ctx)
    columns: list[ColumnElement[Any]] = [table.c.id, table.c.language, table.c.prefs]
    source: FromClause = table
    if fields:
        member = ctx.app.tables.entity[ctx.app.model.members]
        source = table.outerjoin(member, member.c.id == table.c.member)
        columns += [member.c[name] for name in fields.values()]
    named = [bindparam(f"w{i}", type_=table.c.id.type) for i in range(count)]
    query = select(*columns).select_from(source).where(table.c.id.in_(named), table.c.active).order_by(table.c.id)
    return prepare_statement(ctx, query, columns)


def _reached(ctx: RunContext) -> Mapping[str, str]:
    """Type of address → the members' field that holds one: the first field of each type counts."""
    return ctx.app.programs.keep("members are reached by", lambda: _addresses(ctx.app.model))


def _addresses(model: AppModel) -> Mapping[str, str]:
    entity = model.entities.get(model.members)
    found: dict[str, str] = {}
    for field in entity.fields.values() if entity else ():
        if field.type in ("email", "phone") and field.stored:
            found.setdefault(field.type, field.id)
    return found


def administrators(ctx: RunContext) -> frozenset[int]:
    """The active accounts that administer the app: they are told what goes wrong."""
    account, holds = ctx.app.tables.system.account, ctx.app.tables.system.account_role
    held = select(holds.c.account).where(holds.c.role.in_(sorted(administering(ctx.app.model))))
    query = select(account.c.id).where(account.c.active, account.c.id.in_(held))
    return frozenset(ctx.connection.execute(query).scalars())


def _from_record(values: Mapping[str, Any]) -> dict[str, str]:
    return {kind: str(values[of_type]) for kind, of_type in REACHED_BY.items() if values.get(of_type)}
