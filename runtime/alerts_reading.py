"""Alerts as people see them: those open now about records they may read, and the colours they give to records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, select

from engine.model import Offer
from runtime.alerts import table_of
from runtime.alerts_telling import level_of
from runtime.context import RunContext
from runtime.permissions import READ, may_see, owner_of, rights
from runtime.prepared import Statement, prepare_statement
from runtime.record_reading import titles
from runtime.record_texts import HIDDEN
from runtime.row_rules import readable, visible_ids
from runtime.rules_look import Records

MOST = 500
ORDER = ("red", "orange", "yellow", "blue", "grey")
"""Colours from the most to the least pressing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlert:
    """An alert as a reader sees it."""

    id: int
    alert: str
    label: str
    level: str
    color: str
    entity: str
    record: int
    title: str
    text: str
    opened_at: datetime
    refreshed_at: datetime
    acknowledged_at: datetime | None
    snoozed_until: datetime | None
    closed_at: datetime | None
    closed_because: str
    offers: tuple[Offer, ...]


def open_alerts(
    ctx: RunContext, *, alert: str = "", entity: str = "", record: int = 0, closed: bool = False
) -> list[OpenAlert]:
    """The alerts about records that the acting person may read, the most pressing and newest first."""
    given = {name: v for name, v in (("alert", alert), ("entity", entity), ("record", record)) if v}
    query = ctx.app.programs.keep(("alerts", *given, closed), lambda: _asked(ctx, tuple(given), closed=closed))
    names = [column.name for column in table_of(ctx).c]
    rows = [dict(zip(names, row, strict=True)) for row in query.run(ctx, given)]
    if not rows:
        return []
    seen = readable(ctx, rows)
    rows = [row for row in rows if (row["entity"], row["record"]) in seen and row["alert"] in ctx.app.model.alerts]
    named = titles(ctx, {(row["entity"], row["record"]) for row in rows})
    found = [_shown(ctx, row, named) for row in rows]
    return sorted(found, key=lambda each: ORDER.index(each.color) if each.color in ORDER else len(ORDER))


def _asked(ctx: RunContext, names: Sequence[str], *, closed: bool) -> Statement:
    table = table_of(ctx)
    query = select(table).where(table.c.closed_at.is_not(None) if closed else table.c.open_key.is_not(None))
    query = query.where(*(table.c[name] == bindparam(name) for name in names))
    return prepare_statement(ctx, query.order_by(table.c.id.desc()).limit(MOST), list(table.c))


def _shown(ctx: RunContext, row: Mapping[str, Any], names: Mapping[tuple[str, int], Any]) -> OpenAlert:
    alert = ctx.app.model.alerts[row["alert"]]
    level = level_of(alert, row["level"])
    secret = not may_see(ctx, frozenset(row["secrecy"].split()))
    named = names.get((row["entity"], row["record"]))
    return OpenAlert(
        **{n: row[n] for n in ("id", "alert", "level", "color", "entity", "record", "opened_at", "refreshed_at")},
        **{n: row[n] for n in ("acknowledged_at", "snoozed_until", "closed_at", "closed_because")},
        label=(level.label if level else alert.label).get(ctx.language),
        title=_title(named) or f"#{row['record']}",
        text=HIDDEN if secret else row["text_en" if ctx.language == "en" else "text_zh"],
        offers=alert.offers,
    )


def opened(ctx: RunContext, one: OpenAlert, offer: Offer) -> int | None:
    """The record that an offer leads to; ``None`` where there is none or the reader may not know of it."""
    if offer.code is None or not rights(ctx, offer.entity).may(READ):
        return None
    held = Records(ctx)
    code = held.at.evaluate(offer.code, held.rows(one.entity, [one.record]), None, one.entity)[0]
    table = ctx.app.tables.entity[offer.entity]
    id = ctx.connection.execute(select(table.c.id).where(table.c.code == code)).scalar() if code else None
    return id if id is not None and visible_ids(ctx, offer.entity, [id]) else None


def _title(named: Mapping[str, Any] | None) -> str:
    texts = (named.get(name) for name in ("code", "name")) if named else ()
    return " ".join(str(text) for text in texts if text)


def colors(ctx: RunContext, entity: str, ids: Iterable[int]) -> dict[int, str]:
    """The colour that open alerts give to records (and to the owners of lines), the most pressing one each."""
    wanted = sorted(set(ids))
    watched = [alert for alert in ctx.app.model.alerts.values() if owner_of(ctx.app.model, alert.entity) == entity]
    if not watched or not wanted:
        return {}
    table, found = table_of(ctx), dict[int, list[str]]()
    own = and_(table.c.entity == entity, table.c.record.in_(wanted), table.c.open_key.is_not(None))
    for row in ctx.connection.execute(select(table.c.record, table.c.color).where(own)):
        found.setdefault(row.record, []).append(row.color)
    return {record: min(given, key=ORDER.index) for record, given in found.items()}


def counts(ctx: RunContext) -> dict[str, int]:
    """How many of each alert are open."""
    table = table_of(ctx)
    query = select(table.c.alert, func.count().label("open")).where(table.c.open_key.is_not(None))
    return {row.alert: row.open for row in ctx.connection.execute(query.group_by(table.c.alert))}
