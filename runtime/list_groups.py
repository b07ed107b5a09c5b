"""Groups of a list: for each value of one column, how many records there are and what they come to, filter and all.

The page shows the groups of its own rows; their figures are those of the whole group, in one statement.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, or_, select

from engine.expressions.types import Kind
from runtime.context import RunContext
from runtime.queries import ListQuery, question_of
from runtime.query_columns import ColumnSql, ListColumn, Named, column_of

GROUPABLE = frozenset({Kind.CHOICE, Kind.REFERENCE, Kind.YES_NO, Kind.DATE})


@dataclass(frozen=True, slots=True)
class Group:
    """One group: how many records, and the sums by path."""

    count: int
    sums: Mapping[str, Any]


def is_groupable(column: ListColumn) -> bool:
    """Whether a list can be put into groups by a column: few values, one a record."""
    one = column.field
    single = not one.many and not one.value.many
    return single and one.value.kind in GROUPABLE and (one.value.kind is not Kind.REFERENCE or bool(column.target))


def group_key(value: object) -> object:
    """What a group is known by, from a value of a list's row."""
    return value.id if isinstance(value, Named) else value


def group_figures(
    ctx: RunContext, entity: str, query: ListQuery, path: str, keys: Collection[object]
) -> dict[object, Group]:
    """The figures of the groups ``keys`` of the list ``query``; its columns say what is added up."""
    asked, given = question_of(ctx, entity, replace(query, cursor=""))
    at = ColumnSql(ctx, entity, ctx.app.tables.entity[entity])
    value = at.value(column_of(ctx, entity, path))
    summed = [c for c in asked.columns if c.sums]
    narrowed = asked.conditions(at)
    named = [key for key in keys if key is not None]
    wanted = [value.in_(named)] if named else []
    if None in keys:
        wanted.append(value.is_(None))
    figures = [func.count(), *(func.sum(at.value(c)) for c in summed)]
    statement = at.joiner.apply(select(value, *figures).where(*narrowed, or_(*wanted)).group_by(value))
    rows = ctx.connection.execute(statement, given).all() if wanted else []
    return {row[0]: Group(row[1], {c.path: total for c, total in zip(summed, row[2:], strict=True)}) for row in rows}
