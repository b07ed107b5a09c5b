"""The views of a list and what it is narrowed by: filters in force, the small form for one more, the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import url_for

from engine.expressions.types import Kind
from engine.model import Entity, View
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.queries import ListQuery, count_records, list_records
from runtime.query_columns import ListColumn
from runtime.query_filters import Filter
from web.display import is_numeric
from web.list_query import Asked, BlankAsked
from web.texts import translator
from web.whole import is_whole

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
    paths = list(chosen) or list(view.columns if view else ()) or own_fields(entity)
    helpers = [n for n in (*entity.progress, *(f"{name}_share" for name in entity.progress)) if n in entity.fields]
    if entity.progress:
        first = next(iter(entity.progress))
        wanted = [h for h in helpers if h in paths or h.removesuffix("_share") in paths or h == first]
        paths += [h for h in (*wanted, "status") if h in entity.fields and h not in paths]
    return paths


def own_fields(entity: Entity) -> list[str]:
    """The columns of a list nobody declared."""
    found = [
        f.id for f in entity.fields.values() if not f.lines and not f.retired and f.type not in ("json", "long_text")
    ]
    return found[:8]


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
                "path": one.path,
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
    if column.target and is_whole(text):
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


def add_menu(asked: BlankAsked, paths: Sequence[str], columns: Mapping[str, ListColumn]) -> list[Part]:
    """The menu of fields a filter can be added for."""
    return [{"label": columns[p].label, "url": asked.url(add=p)} for p in paths]


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
