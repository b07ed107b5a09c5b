"""Alerts as people see them: those open now about records they may read, and the colours they give to records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, case, false, func, or_, select

from engine.model import AppModel, Offer
from runtime.alerts import table_of
from runtime.alerts_telling import level_of
from runtime.context import RunContext
from runtime.permissions import READ, may_see, owner_of, rights
from runtime.prepared import Statement, prepare_statement
from runtime.record_reading import titles
from runtime.record_texts import HIDDEN
from runtime.row_rules import readable, row_condition, visible_ids
from runtime.rules_look import Records

Row = Mapping[str, Any]
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
    ctx: RunContext, *, alert: str = "", entity: str = "", record: int = 0, closed: bool = False,
    before: int = 0, limit: int = MOST,
) -> list[OpenAlert]:  # fmt: skip
    """The alerts about records that the acting person may read, the most pressing and newest first; closed ones only
    by when they were opened. ``before``: the id of the last one of the page before."""
    given = {name: v for name, v in (("alert", alert), ("entity", entity), ("record", record)) if v}
    rows = _about(ctx, given, closed=closed) if record else _page(ctx, given, before, limit, closed=closed)
    if not rows:
        return []
    named = titles(ctx, {(row["entity"], row["record"]) for row in rows})
    return [_shown(ctx, row, named) for row in rows]


def _about(ctx: RunContext, given: Mapping[str, Any], *, closed: bool) -> Sequence[Row]:
    """Those about one record, which are few: asked for on its every page."""
    query = ctx.app.programs.keep(("alerts", *given, closed), lambda: _asked(ctx, tuple(given), closed=closed))
    names = [column.name for column in table_of(ctx).c]
    rows = [dict(zip(names, row, strict=True)) for row in query.run(ctx, given)]
    seen = readable(ctx, rows) if rows else set()
    return [row for row in rows if (row["entity"], row["record"]) in seen and row["alert"] in ctx.app.model.alerts]


def _asked(ctx: RunContext, names: Sequence[str], *, closed: bool) -> Statement:
    table = table_of(ctx)
    query = _ordered(table, _narrowed(table, closed=closed), closed=closed)
    query = query.where(*(table.c[name] == bindparam(name) for name in names)).limit(MOST)
    return prepare_statement(ctx, query, list(table.c))


def _page(ctx: RunContext, given: Mapping[str, Any], before: int, limit: int, *, closed: bool) -> Sequence[Row]:
    """A page of those that the reader may know of: what he may not know takes no place on it."""
    table = table_of(ctx)
    query = _narrowed(table, closed=closed).where(*(table.c[name] == value for name, value in given.items()))
    query = _ordered(table, query.where(_known(ctx, table)), closed=closed)
    if before:
        query = query.where(_after(ctx, table, before, closed=closed))
    return [dict(row) for row in ctx.connection.execute(query.limit(limit)).mappings()]


def _narrowed(table: Table, *, closed: bool) -> Select[Any]:
    return select(table).where(table.c.closed_at.is_not(None) if closed else table.c.open_key.is_not(None))


def _ordered(table: Table, query: Select[Any], *, closed: bool) -> Select[Any]:
    newest = table.c.id.desc()
    return query.order_by(newest) if closed else query.order_by(_rank(table), newest)


def _rank(table: Table) -> ColumnElement[int]:
    """How pressing it is, the most pressing first."""
    return case({color: place for place, color in enumerate(ORDER)}, value=table.c.color, else_=len(ORDER))


def _after(ctx: RunContext, table: Table, before: int, *, closed: bool) -> ColumnElement[bool]:
    """What stands behind an alert in the order; one that is forgotten stood among the least pressing."""
    older = table.c.id < before
    if closed:
        return older
    rank = ctx.connection.execute(select(_rank(table)).where(table.c.id == before)).scalar()
    here = _rank(table)
    return older if rank is None else or_(here > rank, and_(here == rank, older))


def _known(ctx: RunContext, table: Table) -> ColumnElement[bool]:
    """About a record that the acting person may know of, by an alert that the app still has."""
    model, may = ctx.app.model, list[ColumnElement[bool]]()
    for entity in sorted({alert.entity for alert in model.alerts.values()}):
        if not rights(ctx, entity).may(READ):
            continue
        records, condition = ctx.app.tables.entity[entity], row_condition(ctx, entity)
        here = and_(table.c.entity == entity, table.c.alert.in_(sorted(_of(model, entity))))
        may.append(here if condition is None else and_(here, table.c.record.in_(select(records.c.id).where(condition))))
    return or_(false(), *may)


def _of(model: AppModel, entity: str) -> list[str]:
    return [alert.id for alert in model.alerts.values() if alert.entity == entity]


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
