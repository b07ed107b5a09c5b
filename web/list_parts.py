"""The parts around a list's rows: tabs of views, heads, totals, the choice of columns, what can be done with rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from markupsafe import escape

from engine.model import Entity, EntityKind, View
from runtime.context import RunContext
from runtime.drawing import drawn_of
from runtime.list_groups import is_groupable
from runtime.permissions import rights
from runtime.queries import ListQuery, Page, count_records
from runtime.query_columns import ListColumn
from runtime.saved_views import SavedView
from web.display import is_numeric, number, text_of
from web.list_page import view_of
from web.list_query import SIZES, Asked, BlankAsked
from web.outlines import blank
from web.record_fields import is_own
from web.texts import translator

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tab:
    """A view as a tab: a declared one by its id, a saved one by its place. Its words and figures are filled in."""

    view: str
    place: int
    current: bool
    counted: bool
    hot: bool


def tabs_of(
    ctx: RunContext, entity: Entity, asked: Asked, saved: Sequence[SavedView], count: object
) -> tuple[tuple[Tab, ...], dict[str, str]]:
    """Views as tabs, and what their blanks are filled with.

    Counts stand on the current one and on urgent ones, where they are worth a look.
    """
    current = view_of(entity, asked.view)
    chosen = dict(asked.arguments).get("saved", "")
    found: list[Tab] = []
    values: dict[str, str] = {}
    for view in (v for v in entity.views.values() if v.type == "list"):
        here = current is not None and view.id == current.id and not chosen
        shown = count if here else _count(ctx, entity, view) if view.urgent else None
        values[f"count{len(found)}"] = str(shown)
        found.append(Tab(view.id, len(found), here, shown is not None, view.urgent and bool(shown)))
    for one in saved:
        here = chosen == str(one.id)
        place = len(found)
        values |= {f"name{place}": str(escape(one.name)), f"view{place}": str(escape(one.url(asked.base)))}
        values[f"count{place}"] = str(count)
        found.append(Tab("", place, here, here and count is not None, False))
    return tuple(found), values


def tab_parts(ctx: RunContext, entity: Entity, tabs: Sequence[Tab]) -> list[Part]:
    """Tabs as the template takes them."""
    return [_tab(ctx, entity, tab) for tab in tabs]


def _tab(ctx: RunContext, entity: Entity, tab: Tab) -> Part:
    count = blank(f"count{tab.place}") if tab.counted else None
    same = {"count": count, "hot": tab.hot, "current": tab.current}
    if not tab.view:
        return {"label": blank(f"name{tab.place}"), "url": blank(f"view{tab.place}"), **same}
    url = url_for("pages.records", entity=entity.id, view=tab.view)
    return {"label": entity.views[tab.view].label.get(ctx.language), "url": url, **same}


def _count(ctx: RunContext, entity: Entity, view: View) -> object:
    return count_records(ctx, entity.id, ListQuery(view=view.id, fields=("id",), count="capped"))


def heads(asked: BlankAsked, columns: Sequence[ListColumn], current: tuple[tuple[str, bool], ...]) -> list[Part]:
    """Column heads with their sort links."""
    sorted_by = dict(current[:1])
    found = []
    for column in columns:
        one = column.field
        head: Part = {"id": column.path, "label": column.label, "num": is_numeric(one)}
        if can_sort(column):
            down = sorted_by.get(column.path)
            head["sort_url"] = asked.url(
                sort=column.path if down else f"-{column.path}" if down is False else column.path
            )
            head["sorted"] = "" if down is None else "desc" if down else "asc"
        found.append(head)
    return found


def can_sort(column: ListColumn) -> bool:
    """Whether a list can be put in the order of a column."""
    one = column.field
    return not (one.many or one.value.many) and one.type not in ("ratio", "json")


def sort_menu(
    ctx: RunContext, asked: BlankAsked, columns: Sequence[ListColumn], current: tuple[tuple[str, bool], ...]
) -> list[Part]:
    """The order of the list: by each column, the one in force the other way round."""
    t = translator(ctx.language)
    down = dict(current[:1])
    found = []
    for column in (c for c in columns if can_sort(c)):
        here = column.path in down
        falls = down.get(column.path, True)
        entry: Part = {"label": column.label, "url": asked.url(sort=column.path if falls else f"-{column.path}")}
        if here:
            entry |= {"icon": "arrow-down" if falls else "arrow-up", "current": True, "note": t("反过来", "reverse")}
        found.append(entry)
    return found


def group_menu(ctx: RunContext, asked: BlankAsked, columns: Sequence[ListColumn], current: str) -> list[Part]:
    """What the list can be put into groups by."""
    none = {
        "label": translator(ctx.language)("不分组", "No groups"),
        "url": asked.url(group=""),
        "current": not current,
    }
    possible = {c.path: c for c in columns if is_groupable(c)}
    found = [
        {"label": c.label, "url": asked.url(group=path), "current": path == current} for path, c in possible.items()
    ]
    return [none, *found] if found else []


def totals_row(ctx: RunContext, columns: Sequence[ListColumn], page: Page) -> list[object]:
    """Sums over the whole filter, under their columns."""
    if not page.totals or not page.rows:
        return []
    t = translator(ctx.language)
    found: list[object] = [
        text_of(ctx, c.field, page.totals[c.path]) if c.path in page.totals else None for c in columns
    ]
    if found and found[0] is None:
        found[0] = f"{t('合计', 'Total')} {counted(ctx, page.count)}"
    return found


def counted(ctx: RunContext, count: object) -> str:
    """``38 条``."""
    text = number(count) if isinstance(count, int) else str(count or "")
    return translator(ctx.language)(f"{text} 条", f"{text} rows")


def column_menu(ctx: RunContext, entity: Entity, shown: Sequence[str]) -> list[Part]:
    """All columns of the entity: those shown first, in their order."""
    hidden = rights(ctx, entity.id).hidden
    helpers = {f"{name}_share" for name in entity.progress}
    own = [
        f.id
        for f in entity.fields.values()
        if not f.lines and not f.retired and f.id not in hidden and f.id not in helpers
    ]
    ordered = [p for p in shown if p not in helpers] + [p for p in own if p not in shown]
    found = []
    for index, path in enumerate(ordered):
        one = entity.fields.get(path)
        label = one.label.get(ctx.language) if one else path
        made = one is not None and is_own(one)
        found.append({"id": path, "label": label, "shown": path in shown, "fixed": index == 0, "own": made})
    return found


def bulk_actions(ctx: RunContext, entity: Entity, *, deleted: bool = False) -> tuple[list[Part], Part | None]:
    """What can be done with chosen rows: transitions, drawing, export, delete."""
    t = translator(ctx.language)
    allowed = rights(ctx, entity.id)
    found: list[Part] = []
    if deleted:
        return (
            ([{"label": t("恢复", "Restore"), "icon": "restore", "value": "restore"}], None)
            if allowed.may("delete")
            else ([], None)
        )
    for transition in entity.workflow.transitions.values() if entity.workflow else ():
        if transition.kind == "forward" and not transition.demands and (allowed.may("all") or _by(ctx, transition.by)):
            label = transition.label.get(ctx.language)
            found.append({"label": label, "icon": "player-play", "value": f"do:{transition.id}"})
    found.append({"label": t("导出", "Export"), "icon": "download", "value": "export"})
    if allowed.may("delete"):
        found.append({"label": t("删除", "Delete"), "icon": "trash", "value": "delete"})
    return found, _drawing(ctx, entity)


def _by(ctx: RunContext, by: Sequence[Any]) -> bool:
    return any(who.kind != "role" or who.role in ctx.user.roles for who in by)


def _drawing(ctx: RunContext, entity: Entity) -> Part | None:
    """The document that is made of several of these."""
    for other in ctx.app.model.entities.values():
        if not other.sources or not rights(ctx, other.id).may("create"):
            continue
        for drawn in drawn_of(ctx.app.model, other):
            if drawn.origin == entity.id and drawn.source.many:
                label = translator(ctx.language)(f"生成{other.label.zh}", f"Make {other.label.en.lower()}")
                return {
                    "label": label,
                    "icon": other.icon or "file-plus",
                    "value": f"draw:{other.id}:{drawn.source.id}",
                }
    return None


def sizes(ctx: RunContext, asked: BlankAsked, size: int) -> list[Part]:
    """Rows a page."""
    t = translator(ctx.language)
    return [
        {"label": t(f"每页 {n} 行", f"{n} a page"), "url": asked.url(size=str(n)), "current": n == size} for n in SIZES
    ]


def kinds(ctx: RunContext, entity: Entity, asked: Asked | BlankAsked, shown: str) -> list[Part]:
    """List, board, calendar: where the entity has views of the kind."""
    t = translator(ctx.language)
    words = {
        "board": (t("看板", "Board"), "layout-kanban"),
        "calendar": (t("日历", "Calendar"), "calendar"),
        "gantt": (t("甘特图", "Gantt"), "align-left"),
    }
    found: list[Part] = []
    for view in entity.views.values():
        if view.type in words:
            label, icon = words[view.type]
            url = asked.url(view=view.id)
            found.append({"label": label, "icon": icon, "url": url, "current": shown == view.id, "only": True})
    if not found:
        return []
    first = next((v.id for v in entity.views.values() if v.type == "list"), "")
    current = not any(f["current"] for f in found)
    lists = {"label": t("列表", "List"), "icon": "list", "url": asked.url(view=first), "current": current, "only": True}
    return [lists, *found]


def empty_words(ctx: RunContext, entity: Entity) -> tuple[str, str]:
    """What an empty list says."""
    t = translator(ctx.language)
    label = entity.label
    title = t(f"还没有{label.zh}", f"No {label.en.lower()} yet")
    text = (
        t("新建一张，或从表格导入。", "Make one, or import a spreadsheet.")
        if entity.kind is not EntityKind.SETTING
        else ""
    )
    return title, text
