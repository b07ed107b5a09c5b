"""What people are told inside the app: that something waits for them, and what became of their documents.

A message is kept as its kind and the words it needs, and put into the reader's language when it is read. It is written
in the transaction of what it tells of, so it is there exactly once, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Table, func, select, update

from engine.model import Text
from runtime.accounts import account_names
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.messages import MESSAGES, fault, say
from runtime.outbox import NOTE, Outgoing, post_many
from runtime.permissions import label_of
from runtime.record_texts import record_title
from runtime.row_rules import readable
from runtime.substitutes import deputies
from runtime.task_people import Directory

Row = Mapping[str, Any]
WAITS, APPROVED, REFUSED, RETURNED = "task", "approved", "refused", "returned"
STANDS_IN = "stands_in"
"""A document waits for somebody who is away: his substitute is told."""
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to a person."""

    id: int
    kind: str
    entity: str
    record: int
    title: str
    text: str
    at: datetime
    acknowledged_at: datetime | None


def tell_waiting(ctx: RunContext, entity: str, record: Row, says: Sequence[Row]) -> None:
    """A document waits for the people named by ``says`` (rows of tasks: an account, a role or a member each)."""
    tell_all_waiting(Directory(ctx), entity, [(record, says)])


def tell_all_waiting(directory: Directory, entity: str, waiting: Sequence[tuple[Row, Sequence[Row]]]) -> None:
    """The same for several documents; who stands in for one of them today is told too, and for whom."""
    ctx = directory.ctx
    directory.read([row for _, says in waiting for row in says])
    asked = [(record, {one for row in says for one in directory.accounts(row)}) for record, says in waiting]
    tell_many(ctx, WAITS, entity, asked)
    tell_deputies(ctx, STANDS_IN, entity, asked)


def tell_deputies(ctx: RunContext, kind: str, entity: str, asked: Sequence[tuple[Row, Set[int]]]) -> None:
    """Who stands in today for people that are asked about documents: those who are not asked themselves."""
    stand_in = deputies(ctx, entity, {one for _, accounts in asked for one in accounts})
    if not stand_in:
        return
    names = account_names(ctx, sorted(set().union(*stand_in.values())))
    told = []
    for record, accounts in asked:
        for deputy, absent in stand_in.items():
            away = sorted(absent & accounts)
            if away and deputy not in accounts:
                told.append((record, [deputy], "、".join(names.get(one, "") for one in away)))
    _tell_many(ctx, kind, entity, told)


def tell_decided(ctx: RunContext, kind: str, entity: str, record: Row, note: str = "") -> None:
    """A document was approved, refused or returned: its maker learns of it, unless he did it himself."""
    maker = record.get("created_by")
    if isinstance(maker, int) and maker:
        tell_people(ctx, kind, entity, record, {maker}, note)


def tell_people(ctx: RunContext, kind: str, entity: str, record: Row, accounts: Iterable[int], note: str = "") -> None:
    """A message of some kind about a record to these accounts, but not to the person who acts."""
    _tell_many(ctx, kind, entity, [(record, accounts, note)])


def tell_many(
    ctx: RunContext, kind: str, entity: str, told: Iterable[tuple[Row, Iterable[int]]], note: str = ""
) -> None:
    """The same about several records, each to its people."""
    _tell_many(ctx, kind, entity, [(record, accounts, note) for record, accounts in told])


def _tell_many(ctx: RunContext, kind: str, entity: str, told: Iterable[tuple[Row, Iterable[int], str]]) -> None:
    rows: list[dict[str, Any]] = []
    sent: list[Outgoing] = []
    for record, accounts, note in told:
        people = sorted(set(accounts) - {ctx.user.account, 0})
        if not people:
            continue
        words = {"title": record_title(ctx.app.model, entity, dict(record)), "by": ctx.user.name, "note": note}
        same = {"kind": kind, "entity": entity, "record": record["id"], "at": ctx.now()}
        kept = orjson.dumps(words).decode()
        rows += [{**same, "words": kept, "account": account} for account in people]
        sent.append(_outgoing(ctx, kind, entity, record, people, words))
    if rows:
        ctx.connection.execute(_table(ctx).insert(), rows)
        post_many(ctx, sent)


def _outgoing(
    ctx: RunContext, kind: str, entity: str, record: Row, accounts: Iterable[int], words: Mapping[str, str]
) -> Outgoing:
    """The same by the channels that each of them prefers, in both languages."""
    labels = ctx.app.model.entities[entity].label
    chinese, english = MESSAGES[f"inbox_{kind}"]
    given = {"title": words["title"], "by": words["by"]}
    note = f": {words['note']}" if words["note"] else ""
    whom = f"|{words['note']}" if words["note"] else ""
    return Outgoing(
        kind="preferred",
        key=f"inbox|{kind}|{entity}|{record['id']}|{ctx.now().isoformat()}{whom}",
        title=Text(zh=words["title"], en=words["title"]),
        text=Text(
            zh=chinese.format(label=labels.zh, **given) + note, en=english.format(label=labels.en, **given) + note
        ),
        accounts=frozenset(accounts),
        entity=entity,
        record=record["id"],
        origin=f"inbox:{kind}",
    )


def _table(ctx: RunContext) -> Table:
    return ctx.app.tables.system.inbox


def settle_but(ctx: RunContext, entity: str, record: int, asked: Set[int]) -> None:
    """A document waits for these people only, and who stands in for them: what told others of it counts as seen."""
    inbox = _table(ctx)
    still = asked | deputies(ctx, entity, asked).keys()
    query = update(inbox).where(
        inbox.c.kind.in_((WAITS, STANDS_IN)),
        inbox.c.entity == entity,
        inbox.c.record == record,
        inbox.c.acknowledged_at.is_(None),
        inbox.c.account.not_in(sorted(still)),
    )
    ctx.connection.execute(query.values(acknowledged_at=ctx.now()))


def settle(ctx: RunContext, entity: str, ids: Iterable[int], account: int | None = None) -> None:
    """Nothing waits any more (for ``account``, or for anybody): what told of it counts as seen."""
    inbox = _table(ctx)
    query = update(inbox).where(
        inbox.c.kind.in_((WAITS, STANDS_IN)),
        inbox.c.entity == entity,
        inbox.c.record.in_(sorted(ids)),
        inbox.c.acknowledged_at.is_(None),
    )
    if account is not None:
        query = query.where(inbox.c.account == account)
    ctx.connection.execute(query.values(acknowledged_at=ctx.now()))


def mine(ctx: RunContext, *, after: int = 0, unseen: bool = False) -> list[Message]:
    """My messages, newest first; those about records I may not read (any more) are left out."""
    inbox = _table(ctx)
    query = select(inbox).where(inbox.c.account == ctx.user.account, inbox.c.id > after)
    if unseen:
        query = query.where(inbox.c.acknowledged_at.is_(None))
    rows = [dict(r) for r in ctx.connection.execute(query.order_by(inbox.c.id.desc()).limit(MOST)).mappings()]
    seen = readable(ctx, rows)
    return [_message(ctx, row) for row in rows if not row["entity"] or (row["entity"], row["record"]) in seen]


def count_unseen(ctx: RunContext) -> int:
    """How many messages I have not acknowledged."""
    inbox = _table(ctx)
    query = select(func.count()).where(inbox.c.account == ctx.user.account, inbox.c.acknowledged_at.is_(None))
    return int(ctx.connection.execute(query).scalar_one())


def _message(ctx: RunContext, row: Row) -> Message:
    words = orjson.loads(row["words"])
    title, text = (_own_words if row["kind"] == NOTE else _told_words)(ctx, row, words)
    return Message(
        id=row["id"],
        kind=row["kind"],
        entity=row["entity"],
        record=row["record"],
        title=title,
        text=text,
        at=row["at"],
        acknowledged_at=row["acknowledged_at"],
    )


def _own_words(ctx: RunContext, row: Row, words: Row) -> tuple[str, str]:
    language = "en" if ctx.language == "en" else "zh"
    return words[f"title_{language}"], words[f"text_{language}"]


def _told_words(ctx: RunContext, row: Row, words: Row) -> tuple[str, str]:
    label = label_of(ctx, row["entity"])
    text = say(ctx, f"inbox_{row['kind']}", label=label, title=words["title"], by=words["by"])
    return words["title"], f"{text}: {words['note']}" if words["note"] else text


def acknowledge(ctx: RunContext, id: int) -> None:
    """I have seen it; saying so twice changes nothing."""
    inbox = _table(ctx)
    mine = inbox.c.id == id, inbox.c.account == ctx.user.account
    if ctx.connection.execute(select(inbox.c.id).where(*mine)).first() is None:
        raise NotFound(fault(ctx, "no_such_message"))
    ctx.connection.execute(
        update(inbox).where(*mine, inbox.c.acknowledged_at.is_(None)).values(acknowledged_at=ctx.now())
    )


__all__ = [
    "APPROVED",
    "REFUSED",
    "RETURNED",
    "Message",
    "acknowledge",
    "count_unseen",
    "mine",
    "settle",
    "settle_but",
    "tell_all_waiting",
    "tell_decided",
    "tell_deputies",
    "tell_many",
    "tell_people",
    "tell_waiting",
]
