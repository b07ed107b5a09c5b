"""What leaves the app: written in the transaction of its cause, so it is sent if that is kept and never otherwise.

One outgoing message becomes one row for each place it goes to. Rows are unique by key: saying the same twice changes
nothing. What is for the inbox is there at once; everything else is fetched and sent by ``outbox_delivery``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from engine.model import Pace, Text
from runtime.context import RunContext
from runtime.outbox_hours import ALWAYS, AT_ONCE, leaves
from runtime.outbox_people import APPS, Contact, contacts
from runtime.prepared import MOST, Prepared, prepare, prepared_insert

Kind = Literal[
    "inbox", "own", "preferred", "email", "wecom", "dingtalk", "feishu", "push", "webhook",
    "wecom_app", "dingtalk_app", "feishu_app",
]  # fmt: skip
WAITING, SENDING, SENT, DEAD, HELD = "waiting", "sending", "sent", "dead", "held"
"""A row's states: to be sent, on its way, out, given up, kept until a channel can take it."""
NOTE = "note"
"""The kind of inbox rows that bring their own words."""
HOMED = frozenset({"email", *APPS})
"""They need an address of the person."""
ROBOTS = frozenset({"wecom", "dingtalk", "feishu"})
"""They speak into a group and name people there: one message, however many people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to people or to a place.

    ``key``: what makes it the same message. ``kind`` ``own``: the inbox, and the channels each person prefers;
    ``preferred``: those channels only, for what the inbox has already.
    ``addresses``: e-mail addresses, names of channels (robots, webhooks), or a webhook's URL; without any, robots and
    webhooks take the first channel of their kind. ``origin``: what caused it (``rule:remind``). ``body``: what a
    webhook is given beside the texts. ``pace``: when it may leave, beside what people say of their own hours.
    """

    kind: Kind
    key: str
    title: Text
    text: Text
    accounts: frozenset[int] = frozenset()
    addresses: tuple[str, ...] = ()
    entity: str = ""
    record: int = 0
    origin: str = ""
    body: Mapping[str, Any] | None = field(default=None)
    pace: Pace = AT_ONCE


def post(ctx: RunContext, outgoing: Outgoing) -> int:
    """Put a message on its way, in the caller's transaction; how many rows are new."""
    return post_many(ctx, [outgoing])


def post_many(ctx: RunContext, messages: Iterable[Outgoing]) -> int:
    """The same for several, with a handful of statements however many they are."""
    wanted = list(messages)
    known = contacts(ctx, frozenset(account for each in wanted for account in each.accounts))
    rows = [row for each in wanted for row in _rows(ctx, each, known)]
    if not rows:
        return 0
    fresh = _insert(ctx, list({row["key"]: row for row in rows}.values()))
    _into_inboxes(ctx, [row for row in rows if row["kind"] == "inbox" and row["key"] in fresh])
    return len(fresh)


def _insert(ctx: RunContext, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    adding, made = ctx.app.programs.keep("messages", lambda: _adding(ctx, tuple(rows[0])))
    if len(rows) > MOST:
        return set(ctx.connection.execute(adding, [dict(row) for row in rows]).scalars())
    return {key for (key,) in made.run(ctx, [list(row.values()) for row in rows])}


def _adding(ctx: RunContext, names: Sequence[str]) -> tuple[ReturningInsert[Any], Prepared]:
    """The insert, and the same made ready for the few rows that most writes come with."""
    table = outbox_table(ctx)
    make = (postgresql if ctx.connection.dialect.name == "postgresql" else sqlite).insert
    statement = make(table).on_conflict_do_nothing(index_elements=["key"]).returning(table.c.key)
    return statement, prepare(ctx, table, statement, names, [table.c.key])


def outbox_table(ctx: RunContext) -> Table:
    """The rows of the outbox."""
    return ctx.app.tables.system.outbox


def _rows(ctx: RunContext, each: Outgoing, known: Mapping[int, Contact]) -> list[dict[str, Any]]:
    people = [known[account] for account in sorted(each.accounts) if account in known]
    if each.kind not in ("own", "preferred"):
        return _of_kind(ctx, each, each.kind, people)
    rows = _of_kind(ctx, each, "inbox", people) if each.kind == "own" else []
    preferred: dict[str, list[Contact]] = {}
    for person in people:
        for kind in person.prefers:
            preferred.setdefault(kind, []).append(person)
    for kind, those in preferred.items():
        rows += _of_kind(ctx, each, kind, those)
    return rows


def _of_kind(ctx: RunContext, each: Outgoing, kind: str, people: Sequence[Contact]) -> list[dict[str, Any]]:
    if kind in ROBOTS:
        return [
            _row(ctx, each, kind, address=place, body={**(each.body or {}), "mentions": called}, moment=moment)
            for moment, called in _called(ctx, each, kind, people).items()
            for place in each.addresses or ("",)
        ]
    if kind == "webhook":
        return [_row(ctx, each, kind, address=place) for place in each.addresses or ("",)]
    rows = [_row(ctx, each, kind, person=person, address=person.addresses.get(kind, "")) for person in people]
    if kind == "email":
        rows += [_row(ctx, each, kind, address=address) for address in each.addresses]
    return rows


def _called(ctx: RunContext, each: Outgoing, kind: str, people: Sequence[Contact]) -> dict[datetime, list[str]]:
    """Whom a robot names, by the moment it may: who is not to be woken is named later, in a message of its own."""
    zone = ZoneInfo(ctx.app.model.timezone)
    found: dict[datetime, list[str]] = {}
    for person in people:
        if person.addresses.get(kind):
            found.setdefault(leaves(ctx.now(), zone, each.pace, person.hours), []).append(person.addresses[kind])
    return found or {leaves(ctx.now(), zone, each.pace): []}


def _row(
    ctx: RunContext,
    each: Outgoing,
    kind: str,
    *,
    person: Contact | None = None,
    address: str = "",
    body: Mapping[str, Any] | None = None,
    moment: datetime | None = None,
) -> dict[str, Any]:
    homeless = kind in HOMED and not address
    at_once = kind == "inbox"
    place = str(person.account) if person else address
    now = ctx.now()
    moment = moment or _leaves(ctx, each, person, now)
    later = moment > now
    if later and kind in ROBOTS:
        place = f"{place}@{moment:%Y%m%d%H%M}"
    return {
        "key": f"{each.key}|{kind}|{place}",
        "kind": kind,
        "account": person.account if person else None,
        "address": address,
        "language": person.language if person else ctx.app.language,
        "title_zh": each.title.zh,
        "title_en": each.title.en,
        "text_zh": each.text.zh,
        "text_en": each.text.en,
        "entity": each.entity,
        "record": each.record,
        "origin": each.origin,
        "body": orjson.dumps(dict(body), default=str).decode()
        if (body := each.body if body is None else body)
        else "{}",
        "state": SENT if at_once else DEAD if homeless else WAITING,
        "attempts": 0,
        "bundle": f"{kind}|{person.account if person else address}" if later and not at_once else "",
        "next_at": None if at_once or homeless else moment,
        "error": "no_address" if homeless else "",
        "made_at": now,
        "sent_at": now if at_once else None,
    }


def _leaves(ctx: RunContext, each: Outgoing, person: Contact | None, now: datetime) -> datetime:
    """When it may leave; what people have said of their hours counts for them alone."""
    if each.pace == AT_ONCE and (person is None or person.hours == ALWAYS):
        return now
    zone = ZoneInfo(ctx.app.model.timezone)
    return leaves(now, zone, each.pace, person.hours if person is not None else ALWAYS)


def _into_inboxes(ctx: RunContext, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    told = [(row["account"], NOTE, row["entity"], row["record"], _words_of(row), row["made_at"]) for row in rows]
    names, inbox = ("account", "kind", "entity", "record", "words", "at"), ctx.app.tables.system.inbox
    if len(told) > MOST:
        ctx.connection.execute(inbox.insert(), [dict(zip(names, row, strict=True)) for row in told])
    else:
        prepared_insert(ctx, inbox, names).run(ctx, told)


def _words_of(row: Mapping[str, Any]) -> str:
    return orjson.dumps({n: row[n] for n in ("title_zh", "title_en", "text_zh", "text_en")}).decode()


def rows_of(ctx: RunContext, key: str) -> list[dict[str, Any]]:
    """What became of the message ``key``: its rows, in order."""
    table = outbox_table(ctx)
    query = select(table).where(table.c.key.startswith(f"{key}|", autoescape=True)).order_by(table.c.id)
    return [dict(row) for row in ctx.connection.execute(query).mappings()]


__all__ = [
    "DEAD",
    "HELD",
    "NOTE",
    "ROBOTS",
    "SENDING",
    "SENT",
    "WAITING",
    "Kind",
    "Outgoing",
    "outbox_table",
    "post",
    "post_many",
    "rows_of",
]
