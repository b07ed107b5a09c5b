"""A list page: views as tabs, filters, columns, rows, totals, what can be done with the chosen rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import url_for

from engine.expressions.types import Kind
from engine.model import Entity, EntityKind, View
from runtime.context import RunContext
from runtime.drawing import drawn_of
from runtime.permissions import rights
from runtime.queries import ListQuery, Page, count_records, list_records
from runtime.query_columns import ListColumn, Named
from runtime.query_filters import Filter
from runtime.saved_views import SavedView
from web.display import is_numeric, number, text_of
from web.list_cells import hidden_helper
from web.list_query import SIZES, Asked
from web.record_fields import is_own
from web.texts import translator

Part = dict[str, Any]
OPERATOR_WORDS: Mapping[str, tuple[str, str]] = {
    "eq": ("", ""),
    "ne": ("不是 ", "not "),
    "lt": ("< ", "< "),
    "le": ("≤ ", "≤ "),
    "gt": ("> ", "> "),
    "ge": ("≥ ", "≥ "),
    "in": ("", ""),
    "contains": ("含 ", "contains "),
    "between": ("", ""),
    "empty": ("为空", "is empty"),
    "filled": ("不为空", "is filled"),
}
OPERATORS_OF: Mapping[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("contains", "eq", "empty", "filled"),
    Kind.DATE: ("between", "le", "ge", "eq", "empty"),
    Kind.MOMENT: ("ge", "le"),
    Kind.NUMBER: ("ge", "le", "eq", "empty"),
    Kind.MONEY: ("ge", "le", "eq"),
    Kind.QUANTITY: ("ge", "le", "eq"),
    Kind.CHOICE: ("eq",),
    Kind.YES_NO: ("eq",),
    Kind.REFERENCE: ("eq", "empty"),
}


def view_of(entity: Entity, name: str) -> View | None:
    """The view asked for, else the first."""
    return entity.views.get(name) or next(iter(entity.views.values()), None)


def wanted_fields(entity: Entity, view: View | None, chosen: Sequence[str]) -> list[str]:
    """Paths to fetch: the person's own choice or the view's, and what the marks of the axes need."""
    paths = list(chosen) or list(view.columns if view else ()) or _usual(entity)
    helpers = [n for n in (*entity.progress, *(f"{name}_share" for name in entity.progress)) if n in entity.fields]
    if entity.progress:
        first = next(iter(entity.progress))
        wanted = [h for h in helpers if h in paths or h.removesuffix("_share") in paths or h == first]
        paths += [h for h in (*wanted, "status") if h in entity.fields and h not in paths]
    return paths


def _usual(entity: Entity) -> list[str]:
    found = [
        f.id for f in entity.fields.values() if not f.lines and not f.retired and f.type not in ("json", "long_text")
    ]
    return found[:8]


def tabs(ctx: RunContext, entity: Entity, asked: Asked, saved: Sequence[SavedView], count: object) -> list[Part]:
    """Views as tabs. Counts stand on the current one and on urgent ones, where they are worth a look."""
    current = view_of(entity, asked.view)
    found = []
    for view in entity.views.values():
        if view.type != "list":
            continue
        here = current is not None and view.id == current.id and "saved" not in dict(asked.arguments)
        shown = count if here else _count(ctx, entity, view) if view.urgent else None
        url = url_for("pages.records", entity=entity.id, view=view.id)
        hot = view.urgent and bool(shown)
        found.append({"label": view.label.get(ctx.language), "url": url, "count": shown, "hot": hot, "current": here})
    for one in saved:
        here = dict(asked.arguments).get("saved") == str(one.id)
        found.append({"label": one.name, "url": one.url(asked.base), "count": count if here else None, "current": here})
    return found


def _count(ctx: RunContext, entity: Entity, view: View) -> object:
    return count_records(ctx, entity.id, ListQuery(view=view.id, fields=("id",), count="capped"))


# --- filters ---------------------------------------------------------------------------------------------------


def filter_chips(ctx: RunContext, entity: Entity, asked: Asked, columns: Mapping[str, ListColumn]) -> list[Part]:
    """The filters in force, each with its way out."""
    found = []
    for one in asked.filters:
        column = columns.get(one.path)
        if column is None:
            continue
        found.append(
            {
                "label": column.label,
                "text": _filter_text(ctx, column, one),
                "drop_url": asked.url(drop=_names(asked, one)),
            }
        )
    return found


def _names(asked: Asked, one: Filter) -> list[str]:
    return [n for n, _ in asked.arguments if n == f"where.{one.path}" or n.startswith(f"where.{one.path}.")]


def _filter_text(ctx: RunContext, column: ListColumn, one: Filter) -> str:
    zh, en = OPERATOR_WORDS[one.operator]
    word = translator(ctx.language)(zh, en)
    values = [_value_text(ctx, column, value) for value in one.values]
    joiner = " – " if one.operator == "between" else translator(ctx.language)("、", ", ")
    return word + joiner.join(values)


def _value_text(ctx: RunContext, column: ListColumn, value: object) -> str:
    one = column.field
    text = str(value)
    if one.options:
        return next((o.label.get(ctx.language) for o in one.options if o.id == text), text)
    if one.value.kind is Kind.YES_NO:
        return (
            translator(ctx.language)("是", "yes")
            if text in ("1", "true", "yes")
            else translator(ctx.language)("否", "no")
        )
    if column.target and text.isdigit():
        return _title(ctx, column.target, int(text)) or text
    return text


def _title(ctx: RunContext, entity: str, record: int) -> str:
    fields = tuple(n for n in ("name", "code") if n in ctx.app.model.entities[entity].fields)
    page = list_records(ctx, entity, ListQuery(filters=(Filter("id", "eq", (record,)),), fields=fields, page_size=1))
    return next((str(v) for row in page.rows for v in row[1:] if v), "")


def filterable(ctx: RunContext, entity: Entity, view: View | None) -> list[str]:
    """Fields one may filter by, those the view names first."""
    hidden = rights(ctx, entity.id).hidden
    named = [p for p in (view.filters if view else ()) if p.split(".")[0] not in hidden]
    others = [
        f.id
        for f in entity.fields.values()
        if f.id not in named and f.id not in hidden and not f.lines and not f.retired and f.value.kind in OPERATORS_OF
    ]
    return [*named, *others]


def add_menu(
    ctx: RunContext, entity: Entity, asked: Asked, paths: Sequence[str], columns: Mapping[str, ListColumn]
) -> list[Part]:
    """The menu of fields a filter can be added for."""
    return [{"label": columns[p].label, "url": asked.url(add=p)} for p in paths if p in columns]


def filter_editor(ctx: RunContext, asked: Asked, column: ListColumn | None) -> Part | None:
    """The small form for one new filter."""
    if column is None:
        return None
    one = column.field
    t = translator(ctx.language)
    operators = OPERATORS_OF.get(one.value.kind, ("eq",))
    options = [{"value": o.id, "text": o.label.get(ctx.language)} for o in one.options if not o.retired]
    if one.value.kind is Kind.YES_NO:
        options = [{"value": "1", "text": t("是", "Yes")}, {"value": "0", "text": t("否", "No")}]
    words = {**{k: t(*v) for k, v in OPERATOR_WORDS.items()}, "eq": t("等于", "is"), "between": t("从…到", "between")}
    return {
        "path": column.path,
        "label": column.label,
        "operators": [{"value": o, "text": words[o].strip()} for o in operators],
        "options": options,
        "picker": url_for("pages.pick", entity=column.target) if column.target else "",
        "kind": "date" if one.value.kind in (Kind.DATE, Kind.MOMENT) else "number" if is_numeric(one) else "text",
        "keep": [(n, v) for n, v in asked.arguments if n not in ("cursor", "add")],
        "cancel": asked.url(),
    }


# --- the table's head and foot ---------------------------------------------------------------------------------


def heads(asked: Asked, columns: Sequence[ListColumn], current: tuple[tuple[str, bool], ...]) -> list[Part]:
    """Column heads with their sort links."""
    sorted_by = dict(current[:1])
    found = []
    for column in columns:
        one = column.field
        head: Part = {"id": column.path, "label": column.label, "num": is_numeric(one)}
        if not (one.many or one.value.many) and one.type not in ("ratio", "json"):
            down = sorted_by.get(column.path)
            head["sort_url"] = asked.url(
                sort=column.path if down else f"-{column.path}" if down is False else column.path
            )
            head["sorted"] = "" if down is None else "desc" if down else "asc"
        found.append(head)
    return found


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


def visible_columns(entity: Entity, page: Page, chosen: Sequence[str], view: View | None) -> list[ListColumn]:
    """The columns to show: what was fetched only for the marks is left out."""
    asked_for = list(chosen or (view.columns if view and view.columns else _usual(entity)))
    by_path = {c.path: c for c in page.columns}
    return [by_path[p] for p in asked_for if p in by_path and not hidden_helper(by_path[p], entity)]


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


def sizes(ctx: RunContext, asked: Asked) -> list[Part]:
    """Rows a page."""
    t = translator(ctx.language)
    return [
        {"label": t(f"每页 {n} 行", f"{n} a page"), "url": asked.url(size=str(n)), "current": n == asked.size}
        for n in SIZES
    ]


def kinds(ctx: RunContext, entity: Entity, asked: Asked) -> list[Part]:
    """List, board, calendar: where the entity has views of the kind."""
    t = translator(ctx.language)
    words = {"board": (t("看板", "Board"), "layout-kanban"), "calendar": (t("日历", "Calendar"), "calendar")}
    found: list[Part] = []
    for view in entity.views.values():
        if view.type in words:
            label, icon = words[view.type]
            url = asked.url(view=view.id)
            found.append({"label": label, "icon": icon, "url": url, "current": asked.view == view.id, "only": True})
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


def way_back(ctx: RunContext, entity: Entity, asked: Asked, chips: Sequence[Part]) -> Part:
    """For a list without a row: the one condition whose loss brings most of them back, and how many that is."""
    t = translator(ctx.language)
    ways = [
        (replace(asked, filters=tuple(f for f in asked.filters if f is not one)), chip["label"], chip["drop_url"])
        for one, chip in zip(asked.filters, chips, strict=False)
    ]
    if asked.q:
        ways.append((replace(asked, q=""), t(f"搜索“{asked.q}”", f"the search “{asked.q}”"), asked.url(drop=("q",))))
    counted_ways = [(_rows_of(ctx, entity, other), label, url) for other, label, url in ways]
    best = max(counted_ways, key=lambda way: way[0], default=(0, "", ""))
    if not best[0]:
        return {"hint": t("去掉一个条件也没有，全部清除看看。", "Dropping one of them brings nothing back.")}
    text = f"{best[0]}{'+' if best[0] >= MOST_COUNTED else ''}"
    return {
        "hint": t(f"去掉{best[1]}，有 {text} 条。", f"Without {best[1]} there are {text}."),
        "drop_label": t(f"去掉{best[1]}", f"Drop {best[1]}"),
        "drop_url": best[2],
    }


MOST_COUNTED = 1000


def _rows_of(ctx: RunContext, entity: Entity, asked: Asked) -> int:
    number = count_records(ctx, entity.id, replace(asked, cursor="").query(("id",), totals=False))
    return number if isinstance(number, int) else MOST_COUNTED


def named_text(value: object) -> str:
    """A referenced record in one line."""
    return value.name or value.code or str(value.id) if isinstance(value, Named) else str(value)
