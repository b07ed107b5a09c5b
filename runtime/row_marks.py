"""Colours of a view: which of its rows are marked, and how."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case

from engine.model import View
from runtime.sql import SqlScope, to_where

WORST_FIRST = ("red", "yellow", "green")


def mark_of(scope: SqlScope, view: View) -> Any:
    """The colour of a row, as a column of the statement that reads it; where several hold, the worst. ``None``: the
    view has no colours."""
    rank = {color: place for place, color in enumerate(WORST_FIRST)}
    colors = sorted(view.colors, key=lambda pair: rank.get(pair[0], len(rank)))
    return case(*((to_where(condition, scope), color) for color, condition in colors)) if colors else None
