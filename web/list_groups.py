"""Rows of a list put into groups: a heading before the first row of each, with its count and its sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from engine.model import Entity
from runtime.context import RunContext
from runtime.list_groups import Group, group_figures, group_key, is_groupable
from runtime.queries import ListQuery
from runtime.query_columns import ListColumn
from web.display import text_of
from web.list_cells import Row
from web.texts import translator


class Headings:
    """The headings of one page. A group that goes on from the page before has its heading again."""

    def __init__(
        self,
        ctx: RunContext,
        columns: Sequence[ListColumn],
        column: ListColumn,
        place: int,
        groups: Mapping[Any, Group],
    ) -> None:
        self._ctx = ctx
        self._columns = columns
        self._column = column
        self._place = place
        self._groups = groups
        self._last: object = self  # nothing is equal to it

    def before(self, row: Row) -> str:
        """The heading in front of a row, where a group begins."""
        key = group_key(row[self._place])
        if key == self._last:
            return ""
        self._last = key
        return self._heading(row[self._place], self._groups.get(key))

    def _heading(self, value: object, group: Group | None) -> str:
        sums = dict(group.sums) if group is not None else {}
        first = next((i for i, c in enumerate(self._columns) if i and c.path in sums), len(self._columns))
        cells = "".join(self._sum(c, sums) for c in self._columns[first:])
        count = f"<small>{escape(self._counted(group.count))}</small>" if group is not None else ""
        name = escape(self._name(value))
        return f"<tr class=group><td><th scope=rowgroup colspan={first}><b>{name}</b>{count}{cells}"

    def _sum(self, column: ListColumn, sums: Mapping[str, object]) -> str:
        total = sums.get(column.path)
        return "<td>" if total is None else f"<td class=num>{escape(text_of(self._ctx, column.field, total))}"

    def _counted(self, count: int) -> str:
        return translator(self._ctx.language)(f"{count} 条", f"{count} rows")

    def _name(self, value: object) -> str:
        t = translator(self._ctx.language)
        label = self._column.label
        if value is None or value == "":
            return t(f"没有{label}", f"no {label.lower()}")
        if self._column.target:
            return str(getattr(value, "name", "") or getattr(value, "code", "") or value)
        text = text_of(self._ctx, self._column.field, value)
        return f"{label}: {text}" if isinstance(value, bool) else text


def headings(
    ctx: RunContext, entity: Entity, query: ListQuery, columns: Sequence[ListColumn], rows: Sequence[Row], place: int,
    *, column: ListColumn, figures: bool,
) -> Headings:  # fmt: skip
    """The headings of a page of ``rows``; ``place``: where a row holds its group; ``figures``: with count and sums."""
    keys = dict.fromkeys(group_key(row[place]) for row in rows) if figures else {}
    groups = group_figures(ctx, entity.id, query, column.path, tuple(keys)) if keys else {}
    return Headings(ctx, columns, column, place, groups)


def grouped_by(columns: Mapping[str, ListColumn], path: str) -> ListColumn | None:
    """The column the address asks groups of, if there can be any."""
    column = columns.get(path)
    return column if column is not None and is_groupable(column) else None
