"""What a list looks like apart from its rows and its address: its columns, in order, and what it can be narrowed by.

Made once for each view, choice of columns, set of roles and language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.model import Entity, View
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.query_columns import ListColumn, column_of
from web.list_cells import hidden_helper
from web.list_page import filterable, own_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """``paths``: what is fetched: the shown columns, then those the marks of the axes need.

    ``filters``: paths one may narrow by; ``named``: their columns and any other's that was asked for.
    """

    key: tuple[object, ...]
    view: View | None
    paths: tuple[str, ...]
    columns: tuple[ListColumn, ...]
    filters: tuple[str, ...]
    named: Mapping[str, ListColumn]


def look_of(ctx: RunContext, entity: Entity, view: View | None, chosen: Sequence[str]) -> Look:
    """The look of a view; ``chosen``: the reader's own choice of columns, none for the view's."""
    key = (entity.id, view.id if view else "", tuple(chosen), ctx.user.roles, ctx.user.is_system, ctx.language)
    return ctx.app.programs.latest("looks", key, lambda: _made(ctx, entity, view, chosen, key))


def _made(ctx: RunContext, entity: Entity, view: View | None, chosen: Sequence[str], key: tuple[object, ...]) -> Look:
    own = [c for path in chosen if (c := column_or_none(ctx, entity, path)) is not None]
    declared = (view.columns if view is not None and view.columns else ()) or own_fields(entity)
    seen = own or [c for path in declared if (c := column_or_none(ctx, entity, path)) is not None]
    shown = tuple(c for c in seen if not hidden_helper(c, entity))
    paths = dict.fromkeys(c.path for c in shown)
    helpers = [path for path in _helpers(entity, paths) if column_or_none(ctx, entity, path) is not None]
    filters = [path for path in filterable(ctx, entity, view) if column_or_none(ctx, entity, path) is not None]
    return Look(
        key=key,
        view=view,
        paths=(*paths, *helpers),
        columns=shown,
        filters=tuple(filters),
        named={path: column_of(ctx, entity.id, path) for path in filters},
    )


def _helpers(entity: Entity, paths: Mapping[str, object]) -> list[str]:
    """What the marks of the axes and the lateness of dates are made of, where it is not shown itself."""
    if not entity.progress:
        return []
    first = next(iter(entity.progress))
    axes = [name for name in entity.progress if name in paths or name == first]
    wanted = [*axes, *(f"{name}_share" for name in axes), "status"]
    return [name for name in wanted if name in entity.fields and name not in paths]


def column_or_none(ctx: RunContext, entity: Entity, path: str) -> ListColumn | None:
    """The column at ``path``, if there is one that the reader may see."""
    try:
        return column_of(ctx, entity.id, path)
    except Malformed:
        return None
