"""Where people are reached: the channel each prefers, and the addresses they or their records give."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from runtime.context import RunContext
from runtime.outbox_hours import ALWAYS, Hours, hours_of
from runtime.permissions import administering

PREFERS, ADDRESSES = "channel", "addresses"
"""Names of the preferences of an account."""
REACHED_BY: Mapping[str, str] = {"email": "email", "wecom": "phone", "dingtalk": "phone", "feishu": ""}
"""The type of a member's field that stands in where the person has given no address of a kind himself."""
APPS: Mapping[str, str] = {"wecom_app": "wecom", "dingtalk_app": "dingtalk", "feishu_app": "feishu"}
"""Apps write to a person by the user id given for the service; a mobile number only names him in a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person who may be told something: account, language, preferred channel, addresses by kind, own hours."""

    account: int
    language: str
    prefers: str
    addresses: Mapping[str, str]
    hours: Hours = ALWAYS


def contacts(ctx: RunContext, accounts: Iterable[int]) -> dict[int, Contact]:
    """The active ones among ``accounts``."""
    wanted = sorted(set(accounts) - {0})
    if not wanted:
        return {}
    table = ctx.app.tables.system.account
    query = select(table.c.id, table.c.language, table.c.member, table.c.prefs)
    rows = ctx.connection.execute(query.where(table.c.id.in_(wanted), table.c.active).order_by(table.c.id)).all()
    members = _members(ctx, [row.member for row in rows if row.member])
    found = {}
    for row in rows:
        prefs = json.loads(row.prefs or "{}")
        given = {kind: str(value) for kind, value in dict(prefs.get(ADDRESSES) or {}).items() if value}
        given |= {app: given[kind] for app, kind in APPS.items() if kind in given and not _mobile(given[kind])}
        found[row.id] = Contact(
            account=row.id,
            language=row.language or ctx.app.language,
            prefers=str(prefs.get(PREFERS) or ""),
            addresses={**_from_record(members.get(row.member, {})), **given},
            hours=hours_of(prefs),
        )
    return found


def _mobile(address: str) -> bool:
    return address.lstrip("+").isdigit() and len(address) >= 11


def administrators(ctx: RunContext) -> frozenset[int]:
    """The active accounts that administer the app: they are told what goes wrong."""
    account, holds = ctx.app.tables.system.account, ctx.app.tables.system.account_role
    held = select(holds.c.account).where(holds.c.role.in_(sorted(administering(ctx.app.model))))
    query = select(account.c.id).where(account.c.active, account.c.id.in_(held))
    return frozenset(ctx.connection.execute(query).scalars())


def _from_record(values: Mapping[str, str]) -> dict[str, str]:
    return {kind: values[of_type] for kind, of_type in REACHED_BY.items() if values.get(of_type)}


def _members(ctx: RunContext, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """E-mail and phone of the members' own records, by type of field: the first field of each type counts."""
    entity = ctx.app.model.entities.get(ctx.app.model.members)
    if entity is None or not ids:
        return {}
    fields: dict[str, str] = {}
    for field in entity.fields.values():
        if field.type in ("email", "phone") and field.stored:
            fields.setdefault(field.type, field.id)
    if not fields:
        return {}
    table = ctx.app.tables.entity[entity.id]
    query = select(table.c.id, *(table.c[name] for name in fields.values())).where(table.c.id.in_(sorted(set(ids))))
    return {row["id"]: _texts(row, fields) for row in ctx.connection.execute(query).mappings()}


def _texts(row: Mapping[Any, Any], fields: Mapping[str, str]) -> dict[str, str]:
    return {kind: str(row[name] or "") for kind, name in fields.items()}
