"""Channels as the administrator keeps them. What is secret comes in here and is never shown again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Table, delete, insert, or_, select, update

from runtime import audit
from runtime.app_state import keep_state, state
from runtime.channels import CHANNELS, Answer, ChannelKind, Letter, Setting, Verdict, Wire, masked
from runtime.context import RunContext
from runtime.errors import Fault, Invalid, NotFound
from runtime.messages import both, fault
from runtime.outbox import HELD, WAITING
from runtime.permissions import demand_admin

SUBJECT = "channel"
"""What the trail calls them."""
LONGEST_NAME = 40
PUBLIC_URL = "public_url"
"""The state that holds this server's address as people reach it, for links in messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel without its secrets; ``kept``: which secrets it has."""

    id: int
    name: str
    kind: str
    config: Mapping[str, str]
    kept: frozenset[str]
    active: bool
    off_reason: str


def _table(ctx: RunContext) -> Table:
    return ctx.app.tables.system.channel


def channels(ctx: RunContext) -> list[Channel]:
    """All channels, in order of making."""
    table = _table(ctx)
    return [_channel(row) for row in ctx.connection.execute(select(table).order_by(table.c.id)).mappings()]


def channel(ctx: RunContext, id: int) -> Channel:
    """One of them."""
    return _channel(_row(ctx, id))


def _row(ctx: RunContext, id: int) -> Mapping[Any, Any]:
    table = _table(ctx)
    row = ctx.connection.execute(select(table).where(table.c.id == id)).mappings().first()
    if row is None:
        raise NotFound(fault(ctx, "channel_unknown"))
    return row


def _channel(row: Mapping[Any, Any]) -> Channel:
    secrets = orjson.loads(row["secrets"])
    return Channel(
        id=row["id"], name=row["name"], kind=row["kind"], config=orjson.loads(row["config"]),
        kept=frozenset(name for name, value in secrets.items() if value), active=row["active"],
        off_reason=row["off_reason"],
    )  # fmt: skip


def save(ctx: RunContext, id: int | None, name: str, kind: str, given: Mapping[str, str]) -> int:
    """Make or change a channel. A secret left empty stays as it is; saving switches the channel on."""
    demand_admin(ctx)
    row = _row(ctx, id) if id is not None else None
    spec = _spec(ctx, row["kind"] if row is not None else kind)
    kept = orjson.loads(row["secrets"]) if row is not None else {}
    values = {setting.id: str(given.get(setting.id, setting.default)).strip() for setting in spec.settings}
    secrets = {s.id: values.pop(s.id) or kept.get(s.id, "") for s in spec.settings if s.secret}
    name = " ".join(name.split())
    wrong = [*_wrong_name(ctx, id, name), *_wrong_values(ctx, spec, {**values, **secrets})]
    if wrong:
        raise Invalid(*wrong)
    columns = {
        "name": name, "kind": spec.id, "config": orjson.dumps(values).decode(),
        "secrets": orjson.dumps(secrets).decode(), "active": True, "off_reason": "", "tokens": float(spec.burst),
        "filled_at": None, "changed_at": ctx.now(),
    }  # fmt: skip
    made = _write(ctx, id, columns)
    told = {"name": name, "kind": spec.id, **values, **{s: "•" for s in secrets if secrets[s]}}
    audit.write(ctx, [_entry(made, "update" if id is not None else "create", told)])
    release(ctx, spec.id, name)
    return made


def _write(ctx: RunContext, id: int | None, columns: Mapping[str, Any]) -> int:
    table = _table(ctx)
    if id is None:
        return int(ctx.connection.execute(insert(table).values(**columns).returning(table.c.id)).scalar_one())
    ctx.connection.execute(update(table).where(table.c.id == id).values(**columns))
    return id


def _entry(id: int, kind: str, changes: Mapping[str, Any]) -> audit.Entry:
    return audit.Entry(entity=SUBJECT, record=id, version=0, kind=kind, changes=changes)


def _spec(ctx: RunContext, kind: str) -> ChannelKind:
    kept = [name for name, each in CHANNELS.items() if not each.own]
    if kind not in kept:
        raise Invalid(fault(ctx, "channel_kind", "kind", given=kind, known=", ".join(kept)))
    return CHANNELS[kind]


def _wrong_name(ctx: RunContext, id: int | None, name: str) -> list[Fault]:
    table = _table(ctx)
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        return [fault(ctx, "channel_name", "name")]
    holder = ctx.connection.execute(select(table.c.id).where(table.c.name == name)).scalar()
    return [fault(ctx, "channel_taken", "name", name=name)] if holder is not None and holder != id else []


def _wrong_values(ctx: RunContext, spec: ChannelKind, values: Mapping[str, str]) -> list[Fault]:
    wrong = []
    for setting in spec.settings:
        label, value = setting.label.get(ctx.language), values[setting.id]
        if setting.required and not value:
            wrong.append(fault(ctx, "required", setting.id, label=label))
        elif value and (code := _refused(setting, value)):
            shown = "" if setting.secret else value[:80]
            wrong.append(fault(ctx, code, setting.id, label=label, given=shown))
    return wrong


def _refused(setting: Setting, value: str) -> str:
    if setting.options and value not in dict(setting.options):
        return "channel_option"
    if setting.id == "port" and not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        return "not_whole"
    if setting.id in ("url", "base") and not value.startswith(("http://", "https://")):
        return "not_a_link"
    if setting.id == "sender" and ("@" not in value or not value.isascii()):
        return "not_an_email"
    return ""


def switch(ctx: RunContext, id: int, *, on: bool) -> None:
    """Off: its messages are kept until it is on again."""
    demand_admin(ctx)
    row, table = _row(ctx, id), _table(ctx)
    ctx.connection.execute(update(table).where(table.c.id == id).values(active=on, off_reason="", filled_at=None))
    audit.write(ctx, [_entry(id, "update", {"active": [row["active"], on]})])
    if on:
        release(ctx, row["kind"], row["name"])


def remove(ctx: RunContext, id: int) -> None:
    """The channel is gone; what waits for it is kept, and leaves by another one of its kind."""
    demand_admin(ctx)
    row = _row(ctx, id)
    ctx.connection.execute(delete(_table(ctx)).where(_table(ctx).c.id == id))
    audit.write(ctx, [_entry(id, "delete", {"name": row["name"], "kind": row["kind"]})])


def release(ctx: RunContext, kind: str, name: str) -> None:
    """What was kept for such a channel may leave now."""
    table = ctx.app.tables.system.outbox
    personal = [id for id, each in CHANNELS.items() if each.personal]
    named = or_(table.c.address.in_(("", name)), table.c.kind.in_(personal))
    held = update(table).where(table.c.state == HELD, table.c.kind == kind, named)
    ctx.connection.execute(held.values(state=WAITING, next_at=ctx.now(), error="", attempts=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A test message ready to be sent: outside of any transaction, for it may take its time."""

    kind: ChannelKind
    config: Mapping[str, str]
    secrets: tuple[str, ...]
    letter: Letter
    wire: Wire

    def send(self) -> Answer:
        """Send it and say what became of it, without anything secret."""
        (answer,) = self.kind.send(self.config, [self.letter], self.wire)
        return Answer(verdict=answer.verdict, error=masked(answer.error, self.secrets), wait=answer.wait)


def trial(ctx: RunContext, id: int, address: str = "") -> Trial:
    """A test message through the channel, to ``address`` where the kind needs one."""
    demand_admin(ctx)
    row = _row(ctx, id)
    kind, secrets = _spec(ctx, row["kind"]), orjson.loads(row["secrets"])
    if (kind.personal and not address.strip()) or (kind.id == "email" and "@" not in address):
        raise Invalid(fault(ctx, "test_address", "address"))
    letter = Letter(
        key=f"test|{id}|{ctx.now().isoformat()}", title=both("test_title"),
        text=both("test_text", app=ctx.app.model.title.get(ctx.language), name=row["name"]),
        language=ctx.language, address=address, link=public_url(ctx), body={}, made_at=ctx.now(),
    )  # fmt: skip
    config = {**orjson.loads(row["config"]), **secrets}
    return Trial(kind=kind, config=config, secrets=tuple(secrets.values()), letter=letter, wire=Wire(now=ctx.now()))


def public_url(ctx: RunContext) -> str:
    """The address under which people reach this server ("": nobody said)."""
    return state(ctx, PUBLIC_URL)


def set_public_url(ctx: RunContext, url: str) -> None:
    """Links in messages start with it."""
    demand_admin(ctx)
    url = url.strip().rstrip("/")
    if url and (not url.startswith(("http://", "https://")) or not url.isprintable() or " " in url):
        raise Invalid(fault(ctx, "public_url_wrong", "public_url"))
    keep_state(ctx, PUBLIC_URL, url)


__all__ = [
    "Channel", "Trial", "Verdict", "channel", "channels", "public_url", "release", "remove", "save", "set_public_url",
    "switch", "trial",
]  # fmt: skip
