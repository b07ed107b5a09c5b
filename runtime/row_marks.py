"""Colours of a list: which of its rows are marked, and how: by the view's own conditions, and by open alerts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, exists

from engine.model import AppModel, View
from runtime.sql import SqlScope, to_where
from runtime.sql_scope import TableRow

WORST_FIRST = ("red", "yellow", "green")
ALARMS = (("red", ("red",)), ("yellow", ("orange", "yellow")))
"""The colour of a row → the colours of alerts that give it."""


def mark_of(scope: SqlScope, view: View) -> Any:
    """The colour of a row, as a column of the statement that reads it; where several hold, the worst. ``None``: the
    view has no colours, and no alert watches its records."""
    rank = {color: place for place, color in enumerate(WORST_FIRST)}
    found = [(rank.get(color, len(rank)), to_where(condition, scope), color) for color, condition in view.colors]
    found.extend((rank[color], condition, color) for color, condition in _alarms(scope))
    whens = [(condition, color) for _, condition, color in sorted(found, key=lambda each: each[0])]
    return case(*whens) if whens else None


def is_watched(model: AppModel, entity: str) -> bool:
    """Whether alerts may colour records of an entity."""
    return any(alert.entity == entity for alert in model.alerts.values())


def _alarms(scope: SqlScope) -> list[tuple[str, Any]]:
    row = scope.record
    if not isinstance(row, TableRow) or not is_watched(scope.model, row.entity):
        return []
    alert = scope.tables.system.alert
    here = (alert.c.entity == row.entity, alert.c.record == row.table.c.id, alert.c.open_key.is_not(None))
    return [(color, exists().where(*here, alert.c.color.in_(colors))) for color, colors in ALARMS]
