"""Colours of a view: which of its rows are marked, and how. One statement a page; none for views without colours."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import case, select

from engine.model import View
from runtime.context import RunContext
from runtime.row_rules import scope_of
from runtime.sql import to_where

WORST_FIRST = ("red", "yellow", "green")


def row_marks(ctx: RunContext, view: View, ids: Collection[int]) -> dict[int, str]:
    """The colour of each marked row by its id; where several hold, the worst."""
    rank = {color: place for place, color in enumerate(WORST_FIRST)}
    colors = sorted(view.colors, key=lambda pair: rank.get(pair[0], len(rank)))
    if not colors or not ids:
        return {}
    table = ctx.app.tables.entity[view.entity]
    scope = scope_of(ctx, view.entity, table)
    mark = case(*((to_where(condition, scope), color) for color, condition in colors))
    rows = ctx.connection.execute(select(table.c.id, mark).where(table.c.id.in_(sorted(ids))))
    return {id: color for id, color in rows if color}
