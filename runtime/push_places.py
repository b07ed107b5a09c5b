"""Browsers that people have allowed to show messages, and the keys by which browsers know the app."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from runtime.app_state import keep_state, state
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault

KEYS = "push_keys"
CONTACT = "mailto:admin@localhost.invalid"
"""Whom a push service may write to when the server has no address of its own."""
MOST = 10
"""Browsers of one person; with one more the oldest goes."""


def keys(ctx: RunContext) -> dict[str, str]:
    """The app's keys; made when they are asked for the first time."""
    kept = state(ctx, KEYS)
    if kept:
        found: dict[str, str] = orjson.loads(kept)
        return found
    from runtime.channels.sealing import make_keys

    made = make_keys()
    keep_state(ctx, KEYS, orjson.dumps(made).decode())
    return made


def subscribe(ctx: RunContext, endpoint: str, p256dh: str, auth: str, device: str) -> None:
    """Push to this browser of mine from now on."""
    if not _outside(endpoint) or not 20 < len(p256dh) < 200 or not 5 < len(auth) < 100:
        raise Invalid(fault(ctx, "push_place", "endpoint"))
    table = ctx.app.tables.system.push
    values = {
        "account": ctx.user.account, "keys": orjson.dumps({"p256dh": p256dh, "auth": auth}).decode(),
        "device": device[:120], "made_at": ctx.now(),
    }  # fmt: skip
    make = (postgresql if ctx.connection.dialect.name == "postgresql" else sqlite).insert
    statement = make(table).values(endpoint=endpoint, **values)
    ctx.connection.execute(statement.on_conflict_do_update(index_elements=["endpoint"], set_=values))
    newest = select(table.c.id).where(table.c.account == ctx.user.account).order_by(table.c.id.desc())
    kept = list(ctx.connection.execute(newest.limit(MOST)).scalars())
    ctx.connection.execute(delete(table).where(table.c.account == ctx.user.account, table.c.id.not_in(kept)))


def _outside(endpoint: str) -> bool:
    """Whether it is an address out in the world: a person's browser must not send the server to places inside."""
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError:
        return False
    named = "." in host and not host.replace(".", "").isdigit() and ":" not in host
    return parts.scheme == "https" and named and len(endpoint) <= 1000 and endpoint.isascii() and endpoint.isprintable()


def unsubscribe(ctx: RunContext, id: int) -> None:
    """No more to this browser of mine."""
    table = ctx.app.tables.system.push
    ctx.connection.execute(delete(table).where(table.c.id == id, table.c.account == ctx.user.account))


def mine(ctx: RunContext) -> list[dict[str, Any]]:
    """My browsers: what they call themselves and since when."""
    table = ctx.app.tables.system.push
    query = select(table.c.id, table.c.device, table.c.made_at).where(table.c.account == ctx.user.account)
    return [dict(row) for row in ctx.connection.execute(query.order_by(table.c.id)).mappings()]


def places(ctx: RunContext, accounts: Iterable[int]) -> Mapping[int, list[dict[str, Any]]]:
    """The browsers of some people, as the channel needs them."""
    table = ctx.app.tables.system.push
    query = select(table).where(table.c.account.in_(set(accounts))).order_by(table.c.id)
    found: dict[int, list[dict[str, Any]]] = {}
    for row in ctx.connection.execute(query).mappings():
        place = {"id": row["id"], "endpoint": row["endpoint"], **orjson.loads(row["keys"])}
        found.setdefault(row["account"], []).append(place)
    return found


def forget(ctx: RunContext, ids: Iterable[int]) -> None:
    """These browsers are gone, their push services say."""
    gone = sorted(set(ids))
    if gone:
        table = ctx.app.tables.system.push
        ctx.connection.execute(delete(table).where(table.c.id.in_(gone)))
