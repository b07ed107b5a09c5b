"""What is due in the outbox: claimed in one transaction, its fate noted in another, and sent in between.

A claim is a lease: who dies with it loses it, and the message is sent by the next one. So it may be sent twice on the
wire, under the same key, and is never lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy import Text as SqlText

from engine.model import Text
from runtime.app_state import state
from runtime.apps import RunningApp
from runtime.channel_settings import PUBLIC_URL
from runtime.channels import CHANNELS, Answer, ChannelKind, Letter, Verdict, masked
from runtime.channels.letters import Enclosure, digest, parted
from runtime.context import RunContext
from runtime.messages import both
from runtime.outbox import DEAD, HELD, SENDING, SENT, WAITING, Outgoing, outbox_table, post
from runtime.outbox_people import administrators
from runtime.outbox_routes import Route, routes
from runtime.push_places import forget, places

AT_ONCE = 200
LEASE = timedelta(minutes=5)
MOST_ATTEMPTS = 30
FIRST_WAIT, LONGEST_WAIT = 30.0, 3600.0
MERGED = 20
"""Letters that become one at the most when there are too many for a robot."""
MOST_OF_ONE = 3
"""Jobs of one place under way at the same time: one that hangs takes no more hands than these."""

Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Letters for one channel, claimed; each with the rows (id, attempt) that it stands for."""

    route: Route
    letters: tuple[Letter, ...]
    rows: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def kind(self) -> ChannelKind:
        """What sends it."""
        return CHANNELS[self.route.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What became of a message of the outbox in one go."""

    id: int
    kind: str
    state: str
    error: str


def something_due(app: RunningApp, connection: Connection, now: datetime) -> bool:
    """Whether a look is worth a transaction."""
    table = app.tables.system.outbox
    return connection.execute(select(table.c.id).where(table.c.next_at <= now).limit(1)).first() is not None


def claim(ctx: RunContext, busy: Mapping[str, int] = MappingProxyType({})) -> list[Job]:
    """Take what is due, channel by channel, as much as each may send. ``busy``: jobs each has under way already."""
    table = outbox_table(ctx)
    due = select(table).where(table.c.next_at <= ctx.now()).order_by(table.c.next_at, table.c.id).limit(AT_ONCE)
    rows: Sequence[Row] = ctx.connection.execute(due.with_for_update(skip_locked=True)).mappings().all()
    if not rows:
        return []
    jobs: list[Job] = []
    base = state(ctx, PUBLIC_URL)
    rows = _with_browsers(ctx, rows)
    for route, those in routes(ctx, rows):
        if route is None:
            _put_off(ctx, those, None, HELD, "no_channel")
            continue
        by_key = {row["key"]: row for row in those}
        groups = _bundled(CHANNELS[route.kind], those, base)
        room = _room(route, len(groups), busy)
        jobs += _jobs(ctx, route, groups[:room], by_key)
        late = [by_key[letter.key] for group in groups[room:] for letter in group]
        _put_off(ctx, late, ctx.now())  # behind what others have to say
    return jobs


def _room(route: Route, wanted: int, busy: Mapping[str, int]) -> int:
    """How many letters there are hands for; those of a channel with a rate are as many as it allows."""
    kind = CHANNELS[route.kind]
    hands = max(0, MOST_OF_ONE - busy.get(route.name, 0))
    return wanted if kind.burst and hands else hands * kind.together


def _with_browsers(ctx: RunContext, rows: Sequence[Row]) -> Sequence[Row]:
    """Rows for push with the browsers of their person."""
    wanted = [row["account"] for row in rows if row["kind"] == "push"]
    if not wanted:
        return rows
    found = places(ctx, wanted)
    return [{**row, "browsers": found.get(row["account"], [])} if row["kind"] == "push" else row for row in rows]


def _jobs(ctx: RunContext, route: Route, groups: list[list[Letter]], by_key: Mapping[str, Row]) -> list[Job]:
    """Letters within the channel's rate; robots put what is too much into one, others wait for their turn."""
    if not groups:
        return []
    kind = CHANNELS[route.kind]
    ordered = [letter for group in groups for letter in group]
    allowed = route.take(ctx, len(groups))
    if kind.merges and 0 < allowed < len(groups):
        first = sum(len(group) for group in groups[: allowed - 1])
        groups = [*groups[: allowed - 1], parted(ordered[first : first + MERGED], kind.fits)[0]]
    groups = groups[:allowed]
    left = ordered[sum(len(group) for group in groups) :]
    if left:
        _put_off(ctx, [by_key[each.key] for each in left], ctx.now() + timedelta(seconds=route.next_turn(ctx.now())))
    if not groups:
        return []
    taken = [[by_key[each.key] for each in group] for group in groups]
    _lease(ctx, [row["id"] for group in taken for row in group])
    letters = [digest(group) for group in groups]
    marks = [tuple((row["id"], row["attempts"] + 1) for row in group) for group in taken]
    step = kind.together
    return [
        Job(route=route, letters=tuple(letters[at : at + step]), rows=tuple(marks[at : at + step]))
        for at in range(0, len(letters), step)
    ]


def _bundled(kind: ChannelKind, rows: Sequence[Row], base: str) -> list[list[Letter]]:
    """What was put off together, as one group or as few as are small enough; every other letter stands alone."""
    found: dict[str, list[Letter]] = {}
    for row in rows:
        bundle = row["bundle"] if kind.bundles else ""
        found.setdefault(bundle or row["key"], []).append(_letter(row, base))
    return [group for letters in found.values() for group in parted(letters, kind.fits)]


def _lease(ctx: RunContext, ids: Sequence[int]) -> None:
    table = outbox_table(ctx)
    values = {"state": SENDING, "attempts": table.c.attempts + 1, "next_at": ctx.now() + LEASE}
    ctx.connection.execute(update(table).where(table.c.id.in_(ids)).values(**values))


def _put_off(ctx: RunContext, rows: Sequence[Row], until: datetime | None, to: str = "", error: str = "") -> None:
    if not rows:
        return
    table = outbox_table(ctx)
    values: dict[str, Any] = {"next_at": until}
    if to:
        values |= {"state": to, "error": error}
    ctx.connection.execute(update(table).where(table.c.id.in_([row["id"] for row in rows])).values(**values))


def _letter(row: Row, base: str) -> Letter:
    body = orjson.loads(row["body"])
    link = f"{base}/e/{row['entity']}/{row['record']}" if base and row["entity"] and row["record"] else base
    return Letter(
        key=row["key"], title=Text(zh=row["title_zh"], en=row["title_en"]),
        text=Text(zh=row["text_zh"], en=row["text_en"]), language=row["language"], address=row["address"],
        account=row["account"] or 0, mentions=tuple(body.pop("mentions", ())), link=link, entity=row["entity"],
        record=row["record"], origin=row["origin"], body=body, made_at=row["made_at"],
        browsers=tuple(row.get("browsers", ())), enclosures=_enclosures(row, body.get("attach", ())),
    )  # fmt: skip


def _enclosures(row: Row, prints: Sequence[str]) -> tuple[Enclosure, ...]:
    """The printed forms that its rule asks for."""
    if not row["address"] or not row["record"]:
        return ()
    account, language = row["account"] or 0, row["language"]
    return tuple(Enclosure(print=p, record=row["record"], account=account, language=language) for p in prints)


def finish(ctx: RunContext, job: Job, answers: Sequence[Answer]) -> list[Delivered]:
    """Note what became of a job. Rows that somebody else has claimed since keep what he makes of them."""
    table = outbox_table(ctx)
    same = (table.c.id == bindparam("_id"), table.c.attempts == bindparam("_attempt"), table.c.state == SENDING)
    moment = table.c.next_at.type
    noted = (
        update(table)
        .where(*same)
        .values(
            state=bindparam("_state"),
            error=bindparam("_error", type_=SqlText),
            next_at=bindparam("_next", type_=moment),
            sent_at=bindparam("_sent", type_=moment),
        )
    )
    values = [_fate(ctx, job, answer, row) for answer, marks in zip(answers, job.rows, strict=True) for row in marks]
    ctx.connection.execute(noted, values)
    _after(ctx, job, answers)
    return [Delivered(id=v["_id"], kind=job.route.kind, state=v["_state"], error=v["_error"]) for v in values]


def _fate(ctx: RunContext, job: Job, answer: Answer, row: tuple[int, int]) -> dict[str, Any]:
    id, attempt = row
    to, after = FATES[answer.verdict], None
    if answer.verdict is Verdict.AGAIN:
        wait = max(answer.wait, min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT))
        to, after = (DEAD, None) if attempt >= MOST_ATTEMPTS else (WAITING, ctx.now() + timedelta(seconds=wait))
    elif answer.verdict is Verdict.SWITCH_OFF and not job.route.id:
        to = DEAD
    error = masked(answer.error, job.route.secrets)
    sent = ctx.now() if answer.verdict is Verdict.SENT else None
    return {"_id": id, "_attempt": attempt, "_state": to, "_error": error, "_next": after, "_sent": sent}


FATES: Mapping[Verdict, str] = MappingProxyType(
    {Verdict.SENT: SENT, Verdict.AGAIN: WAITING, Verdict.GIVE_UP: DEAD, Verdict.SWITCH_OFF: HELD}
)


def _after(ctx: RunContext, job: Job, answers: Sequence[Answer]) -> None:
    """A channel that refuses for good is switched off and its admin told; one that asks for time is given it."""
    forget(ctx, [place for answer in answers for place in answer.gone])
    if not job.route.id:
        return
    refused = next((a for a in answers if a.verdict is Verdict.SWITCH_OFF), None)
    if refused is not None:
        _switch_off(ctx, job.route, masked(refused.error, job.route.secrets))
    elif (wait := max(a.wait for a in answers)) > 0:
        job.route.rest(ctx, wait)


def _switch_off(ctx: RunContext, route: Route, error: str) -> None:
    table = ctx.app.tables.system.channel
    on = update(table).where(table.c.id == route.id, table.c.active).values(active=False, off_reason=error)
    if ctx.connection.execute(on).rowcount:
        told = Outgoing(
            kind="inbox", key=f"channel_off|{route.id}|{ctx.now().isoformat()}", accounts=administrators(ctx),
            title=both("channel_off_title", name=route.name), text=both("channel_off_text", error=error),
            origin="channel",
        )  # fmt: skip
        post(ctx, told)
