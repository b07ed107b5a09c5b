"""A list page as its template takes it, with blanks for everything that belongs to one person, one address or one row.

What the template looks at is the list's look and the page's shape; both make up the key its outline is kept under.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import url_for

from engine.model import Entity
from runtime.context import RunContext
from runtime.permissions import rights
from web.list_cells import summed, summed_label
from web.list_look import Look
from web.list_page import add_menu
from web.list_parts import (
    Tab,
    bulk_actions,
    column_menu,
    group_menu,
    heads,
    kinds,
    sizes,
    sort_menu,
    tab_parts,
)
from web.list_query import BlankAsked
from web.outlines import blank
from web.texts import translator

Part = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What differs between pages of one list. ``filters``: the paths it is narrowed by. ``totals``: which columns have
    one. ``part``: there are more rows than the page shows. ``changed``: it can be saved as a view; ``own``: it is a
    saved view of the reader's. ``sums_left``: there are too many rows to add them up unasked."""

    view: str
    sort: tuple[tuple[str, bool], ...]
    filters: tuple[str, ...]
    size: int
    rows: bool
    more: bool
    part: bool
    group: str
    sums_left: bool
    deleted: bool
    changed: bool
    own: bool
    totals: tuple[bool, ...]
    tabs: tuple[Tab, ...]


def content(ctx: RunContext, entity: Entity, look: Look, shape: Shape) -> Part:
    """The list page, to be filled."""
    base = url_for("pages.records", entity=entity.id)
    asked = BlankAsked(base=base)
    actions, primary = bulk_actions(ctx, entity, deleted=shape.deleted)
    return {
        "title": entity.label.get(ctx.language),
        "entity": entity.id,
        "asked": asked,
        "base": base,
        "shape": shape,
        "tabs": tab_parts(ctx, entity, shape.tabs),
        "may_create": rights(ctx, entity.id).may("create"),
        "may_export": rights(ctx, entity.id).may("export"),
        "chips": [_chip(look, path, place) for place, path in enumerate(shape.filters)],
        "sum_at": summed(look.columns),
        "sum_label": summed_label(look.columns),
        "drop_view": blank("drop") if shape.own else "",
        "add": add_menu(asked, look.filters, look.named),
        "columns": column_menu(ctx, entity, [c.path for c in look.columns]),
        "switch": kinds(ctx, entity, asked, shape.view),
        "sorts": sort_menu(ctx, asked, look.columns, shape.sort),
        "groups": group_menu(ctx, asked, (*look.columns, *look.named.values()), shape.group),
        "heads": heads(asked, look.columns, shape.sort),
        "totals": [blank(f"total{i}") if there else "" for i, there in enumerate(shape.totals)],
        "sizes": sizes(ctx, asked, shape.size),
        "bulk": actions,
        "primary": primary,
        "new_label": translator(ctx.language)(f"新建{entity.label.zh}", f"New {entity.label.en.lower()}"),
        "blank": blank,
    }


def _chip(look: Look, path: str, place: int) -> Part:
    return {"label": look.named[path].label, "text": blank(f"chip{place}"), "drop_url": blank(f"drop{place}")}
