"""Alerts on cards: how many of those a card names are open about records that the reader may know of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select

from engine.model import Card
from runtime.alerts_reading import ORDER
from runtime.context import RunContext
from runtime.permissions import READ, may_see, rights
from runtime.row_rules import row_condition


@dataclass(frozen=True, slots=True)
class Opened:
    """What is open of a card's alerts: how many, in which colours."""

    count: int
    colors: frozenset[str]


def may_count(ctx: RunContext, card: Card) -> bool:
    """Whether the reader may read what a card's alerts are about."""
    watched = (ctx.app.model.alerts[id] for id in card.alerts)
    return all(rights(ctx, one.entity).may(READ) and may_see(ctx, one.condition.secrecy) for one in watched)


def opened(ctx: RunContext, cards: Iterable[Card]) -> Mapping[str, Opened]:
    """Card → what is open of its alerts, for the cards that name any; with one statement for all of them."""
    asking = [card for card in cards if card.alerts]
    named = sorted({id for card in asking for id in card.alerts})
    if not named:
        return {}
    table = ctx.app.tables.system.alert
    wanted = or_(*(and_(table.c.alert == id, _visible(ctx, id)) for id in named))
    query = select(table.c.alert, table.c.color, func.count().label("open")).where(
        table.c.open_key.is_not(None), wanted
    )
    found: dict[str, dict[str, int]] = {}
    for row in ctx.connection.execute(query.group_by(table.c.alert, table.c.color)):
        found.setdefault(row.alert, {})[row.color] = row.open
    return {card.id: _together([found.get(id, {}) for id in card.alerts]) for card in asking}


def _visible(ctx: RunContext, alert: str) -> ColumnElement[bool]:
    """About a record of the alert's entity that the reader may know of."""
    entity = ctx.app.model.alerts[alert].entity
    table, records = ctx.app.tables.system.alert, ctx.app.tables.entity[entity]
    here = table.c.entity == entity
    condition = row_condition(ctx, entity)
    return here if condition is None else and_(here, table.c.record.in_(select(records.c.id).where(condition)))


def _together(each: Iterable[Mapping[str, int]]) -> Opened:
    counted = [one for one in each if one]
    return Opened(sum(sum(one.values()) for one in counted), frozenset(color for one in counted for color in one))


def worst(colors: Iterable[str]) -> str:
    """The most pressing of some colours; green is none where something is open."""
    held = set(colors)
    return next((color for color in ORDER if color in held), "")
