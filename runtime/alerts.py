"""Alerts: opened once for each record when their condition holds, refreshed, told, closed by themselves.

An alert is a state, not an event: whoever asks again while it is open is told nothing new, except that it has climbed
a level. Closing leaves a row behind, so one sees later when it was open and why it ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.model import Alert, Level
from runtime import records
from runtime.alerts_telling import level_of, message_of, tell, tell_opened
from runtime.audit import plain
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.happenings import Journal
from runtime.messages import fault
from runtime.permissions import READ, label_of, rights
from runtime.prepared import Prepared, prepare
from runtime.record_inputs import Workspace
from runtime.record_texts import record_title
from runtime.row_rules import visible_ids
from runtime.rules_look import Part, Records, holds, kept_value, look
from runtime.rules_people import People
from runtime.rules_texts import exprs_of, say_each, secrecy_of

Row = dict[str, Any]
ENDED, GONE, OFF = "ended", "gone", "off"
"""Why an alert was closed: its condition ended; its record went; it was switched off or taken out."""


def table_of(ctx: RunContext) -> Table:
    """The rows of alerts."""
    return ctx.app.tables.system.alert


def open_key(alert: str, record: int) -> str:
    """What an open alert is known by."""
    return f"{alert}:{record}"


def look_at(
    ctx: RunContext, held: Records, people: People, id: str, ids: Sequence[int], cause: str, taken: Journal
) -> None:
    """Open, refresh or close one alert for these records."""
    alert = ctx.app.model.alerts[id]
    judge(ctx, held.at, people, alert, ids, held.rows(alert.entity, ids), cause, taken)


def judge(
    ctx: RunContext, at: Workspace, people: People, alert: Alert, ids: Sequence[int], rows: Sequence[Row],
    cause: str = "", taken: Journal | None = None,
) -> None:  # fmt: skip
    """The same for rows at hand; of ``ids`` those without a row are gone."""
    known = _open_rows(ctx, alert.id, ids)
    there = {row["id"] for row in rows}
    _close(ctx, [known[i] for i in known if i not in there], GONE)
    looked = look(at, alert.condition, rows, alert.entity)
    until = look(at, alert.until, rows, alert.entity)
    levels = [look(at, level.condition, rows, alert.entity) for level in alert.levels]
    befores = _befores(taken, alert.entity) if taken else {}
    held: list[_Held] = []
    ended: list[Row] = []
    for index, row in enumerate(rows):
        level = _level(alert, [each[index] for each in levels])
        if holds(looked[index]) and (level is not None or not alert.levels):
            told = {**row, "cause": cause, "before": befores.get(row["id"], {})}
            held.append(_Held(told, level, looked[index]))
        elif row["id"] in known and (alert.until is None or _left_band(until[index])):
            ended.append(known[row["id"]])
    kept = _kept(at, alert, held)
    for one, words in zip(held, kept, strict=True):
        if one.row["id"] in known:
            _refresh(ctx, people, at, alert, known[one.row["id"]], one.row, words)
    _close(ctx, ended, ENDED)
    _open(ctx, people, at, alert, [(h.row, k) for h, k in zip(held, kept, strict=True) if h.row["id"] not in known])


class _Held(NamedTuple):
    """A record for which an alert holds: on which level, and what it was judged by."""

    row: Row
    level: Level | None
    parts: Sequence[Part]


def _left_band(parts: Sequence[Part]) -> bool:
    """Whether the band is left: its end is reached, or there is nothing to compare with any more."""
    return holds(parts) or any(value is None for part in parts for _, value in part.inputs)


def _level(alert: Alert, looked: Sequence[Sequence[Part]]) -> Level | None:
    """The last level that holds."""
    found = None
    for level, parts in zip(alert.levels, looked, strict=True):
        if holds(parts):
            found = level
    return found


def _open_rows(ctx: RunContext, id: str, ids: Sequence[int]) -> dict[int, Row]:
    table, found = table_of(ctx), {}
    for start in range(0, len(ids), 500):
        keys = [open_key(id, i) for i in ids[start : start + 500]]
        for row in ctx.connection.execute(select(table).where(table.c.open_key.in_(keys))).mappings():
            found[row["record"]] = dict(row)
    return found


def _kept(at: Workspace, alert: Alert, held: Sequence[_Held]) -> list[Row]:
    """What is kept of open alerts: their colour, their words, the values they were judged by."""
    kept: dict[int, Row] = {}
    for level in dict.fromkeys(one.level for one in held):
        places = [place for place, one in enumerate(held) if one.level is level]
        message = message_of(alert, level)
        tags = frozenset[str]().union(*(secrecy_of(at.model, expr, alert.entity) for expr in exprs_of(message)))
        rows = [held[place].row for place in places]
        same = {"level": level.id if level else "", "color": level.color if level else alert.color}
        texts = [say_each(at, message, rows, alert.entity, language) for language in ("zh", "en")]
        for place, zh, en in zip(places, *texts, strict=True):
            reads = {name: kept_value(value) for part in held[place].parts for name, value in part.inputs}
            told = {"text_zh": zh, "text_en": en, "reads": orjson.dumps(reads, default=plain).decode()}
            kept[place] = {**same, **told, "secrecy": " ".join(sorted(tags))}
    return [kept[place] for place in range(len(held))]


def _open(ctx: RunContext, people: People, at: Workspace, alert: Alert, opened: Sequence[tuple[Row, Row]]) -> None:
    if not opened:
        return
    now = ctx.now()
    same = {"alert": alert.id, "entity": alert.entity, "opened_at": now, "refreshed_at": now, "told_at": now}
    rows = [{**same, **kept, "record": row["id"], "open_key": open_key(alert.id, row["id"])} for row, kept in opened]
    adding = ctx.app.programs.keep("alerts opened", lambda: _adding(ctx, tuple(rows[0])))
    fresh = dict(adding.run(ctx, [tuple(row.values()) for row in rows]))
    told = [(row, kept, fresh[row["id"]]) for row, kept in opened if row["id"] in fresh]
    tell_opened(ctx, people, at, alert, [(row, level_of(alert, kept["level"]), number) for row, kept, number in told])


def _adding(ctx: RunContext, names: Sequence[str]) -> Prepared:
    """New rows, of which those that somebody else opened meanwhile are left out; which came in, by record."""
    table = table_of(ctx)
    make = (postgresql if ctx.connection.dialect.name == "postgresql" else sqlite).insert
    answers = (table.c.record, table.c.id)
    return prepare(ctx, table, make(table).on_conflict_do_nothing().returning(*answers), names, answers)


def _refresh(ctx: RunContext, people: People, at: Workspace, alert: Alert, current: Row, row: Row, kept: Row) -> None:
    """What is open keeps up with the figures; it is told again only where it has climbed, or by its own rhythm."""
    table, now = table_of(ctx), ctx.now()
    order = [level.id for level in alert.levels]
    climbed = kept["level"] != current["level"] and order.index(kept["level"]) > (
        order.index(current["level"]) if current["level"] in order else -1
    )
    level = level_of(alert, kept["level"])
    again = bool(
        level and level.repeat and current["told_at"] and now - current["told_at"] >= timedelta(days=level.repeat)
    )
    silent = current["snoozed_until"] is not None and current["snoozed_until"] > now
    values = {**kept, "refreshed_at": now}
    if climbed:
        values |= {"acknowledged_at": None, "acknowledged_by": None, "escalated": ""}
    if (climbed or again) and not silent:
        values["told_at"] = now
        stamp = f"{now:%Y%m%d}" if again and not climbed else ""
        tell(ctx, people, at, alert, row, kept["level"], f"alert:{current['id']}:{kept['level']}:{stamp}")
    if climbed or again or any(current[name] != value for name, value in kept.items()):
        ctx.connection.execute(update(table).where(table.c.id == current["id"]).values(values))


def _close(ctx: RunContext, rows: Sequence[Mapping[str, Any]], because: str) -> None:
    if rows:
        table = table_of(ctx)
        values = {"open_key": None, "closed_at": ctx.now(), "closed_because": because}
        ids = [row["id"] for row in rows]
        ctx.connection.execute(update(table).where(table.c.id.in_(ids)).values(values))


def close_all(ctx: RunContext, id: str, because: str = OFF) -> None:
    """Close every open one of an alert that is switched off or no longer declared."""
    table = table_of(ctx)
    found = ctx.connection.execute(
        select(table.c.id).where(table.c.alert == id, table.c.open_key.is_not(None))
    ).mappings()
    _close(ctx, [dict(row) for row in found], because)


# --- what happened ---------------------------------------------------------------------------------------------


def _befores(taken: Journal, entity: str) -> dict[int, Row]:
    """The records that were written themselves, as they were first."""
    found: dict[int, Row] = {}
    for each in taken.happened:
        for draft in each.drafts.get(entity, ()):
            if draft.old is not None:
                found.setdefault(draft.row["id"], draft.old)
    return found


def cause_of(ctx: RunContext, taken: Journal) -> str:
    """What people call the record whose change all this follows from."""
    for each in taken.happened:
        for draft in each.drafts.get(each.entity, ()):
            return f"{label_of(ctx, each.entity)} {record_title(ctx.app.model, each.entity, draft.row)}"
    return ""


# --- what people do with them ----------------------------------------------------------------------------------


def acknowledge(ctx: RunContext, number: int) -> None:
    """Somebody has seen it and takes care; it stays open until its condition ends."""
    row = _open_one(ctx, number)
    table = table_of(ctx)
    values = {"acknowledged_at": ctx.now(), "acknowledged_by": ctx.user.account or None}
    if row["acknowledged_at"] is None:
        ctx.connection.execute(update(table).where(table.c.id == number).values(values))


def _open_one(ctx: RunContext, number: int) -> Row:
    """An open alert that the acting person may know of."""
    table = table_of(ctx)
    row = ctx.connection.execute(select(table).where(table.c.id == number, table.c.open_key.is_not(None))).mappings()
    found = row.first()
    if found is None or found["alert"] not in ctx.app.model.alerts or not may_know(ctx, dict(found)):
        raise NotFound(fault(ctx, "no_such_alert"))
    return dict(found)


def may_know(ctx: RunContext, row: Mapping[str, Any]) -> bool:
    """Whether the acting person may read the record an alert is about."""
    entity = row["entity"]
    return rights(ctx, entity).may(READ) and row["record"] in visible_ids(ctx, entity, [row["record"]])


def take_offer(ctx: RunContext, number: int, id: str) -> None:
    """Take one of the ways out: fields are set by the acting person's own right, silence is kept for its days."""
    row = _open_one(ctx, number)
    alert = ctx.app.model.alerts[row["alert"]]
    offer = next((each for each in alert.offers if each.id == id), None)
    if offer is None:
        raise NotFound(fault(ctx, "no_such_alert"))
    if offer.kind == "set":
        held = Records(ctx)
        record = held.rows(alert.entity, [row["record"]])
        values = {n: held.at.evaluate(e, record, None, alert.entity)[0] for n, e in offer.fill.items()}
        records.update(ctx, alert.entity, row["record"], values)
    acknowledge_silently = {"acknowledged_at": ctx.now(), "acknowledged_by": ctx.user.account or None}
    if offer.days:
        acknowledge_silently["snoozed_until"] = ctx.now() + timedelta(days=offer.days)
    table = table_of(ctx)
    ctx.connection.execute(update(table).where(table.c.id == number).values(acknowledge_silently))
