"""Records as bars over days: a table with a column for each day and a row for each record, in groups.

It is a real table. Who does not see the bars reads each record with its days; on a phone the days are written out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import request, url_for

from engine.model import Entity, View
from runtime.context import RunContext
from runtime.list_groups import group_key
from runtime.queries import ListQuery, list_records
from runtime.query_columns import Named
from runtime.query_filters import Filter
from web.display import day, text_of
from web.list_boards import titles_of
from web.list_cells import TONES
from web.list_look import column_or_none
from web.list_query import Asked
from web.texts import translator
from web.whole import is_whole

Part = dict[str, Any]
SPANS = (14, 28, 56)
USUAL_SPAN = 28
MOST_BARS = 300
MOST_LOOSE = 50
WEEKEND = 5


@dataclass(frozen=True, slots=True)
class Window:
    """The days on show."""

    first: date
    days: int

    @property
    def last(self) -> date:
        """The last day on show."""
        return self.first + timedelta(days=self.days - 1)

    def place(self, one: date) -> int:
        """How many days after the first; below 0 or beyond the last for days not on show."""
        return (one - self.first).days


def gantt_view(ctx: RunContext, entity: Entity, view: View, asked: Asked) -> Part:
    """The bars of a stretch of days, what has no days yet, and the ways to other stretches."""
    window = _window(ctx)
    rows, more = _rows(ctx, entity, view, asked, window)
    loose = _loose(ctx, entity, view, asked)
    titles = titles_of(ctx, entity, view, [row[0] for row in (*rows, *loose)])
    today = ctx.today()
    step = timedelta(days=window.days)
    return {
        "days": [_day(one, today) for one in (window.first + timedelta(days=n) for n in range(window.days))],
        "months": _months(ctx, window),
        "groups": _groups(ctx, entity, view, rows, titles, window),
        "loose": [{"url": _url(entity, row[0]), "text": titles[row[0]]} for row in loose],
        "more": more,
        "caption": f"{day(window.first, today, ctx.language)} – {day(window.last, today, ctx.language)}",
        "before": asked.url(**{"from": (window.first - step).isoformat()}),
        "after": asked.url(**{"from": (window.first + step).isoformat()}),
        "now": asked.url(**{"from": ""}),
        "spans": _spans(ctx, asked, window.days),
    }


def _window(ctx: RunContext) -> Window:
    span = request.args.get("days", "")
    days = int(span) if is_whole(span) and int(span) in SPANS else USUAL_SPAN
    try:
        return Window(date.fromisoformat(request.args.get("from", "")), days)
    except ValueError:
        today = ctx.today()
        return Window(today - timedelta(days=today.weekday() + 7), days)


def _spans(ctx: RunContext, asked: Asked, current: int) -> list[Part]:
    t = translator(ctx.language)
    words = {14: t("2 周", "2 weeks"), 28: t("4 周", "4 weeks"), 56: t("8 周", "8 weeks")}
    return [{"label": words[n], "url": asked.url(days=str(n)), "current": n == current} for n in SPANS]


def _fields(view: View) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in ("id", view.date, view.end, view.group) if name))


def _rows(
    ctx: RunContext, entity: Entity, view: View, asked: Asked, window: Window
) -> tuple[list[tuple[Any, ...]], bool]:
    """Id, first day, last day, group and colour of what lies within the window."""
    touching = (
        Filter(view.date, "le", (window.last.isoformat(),)),
        Filter(view.end or view.date, "ge", (window.first.isoformat(),)),
    )
    order = tuple((name, False) for name in (view.group, view.date) if name)
    query = ListQuery(
        view=view.id, fields=_fields(view), filters=(*touching, *asked.filters), q=asked.q, sort=order,
        page_size=MOST_BARS, marks=view.id,
    )  # fmt: skip
    page = list_records(ctx, entity.id, query)
    place = {column.path: n for n, column in enumerate(page.columns, 1)}
    rows = [(*_picked(row, place, view), page.marks.get(row[0], "")) for row in page.rows]
    return rows, page.next is not None


def _picked(row: Sequence[Any], place: Mapping[str, int], view: View) -> tuple[Any, ...]:
    first = row[place[view.date]]
    last = row[place[view.end]] if view.end else first
    return row[0], _as_day(first), _as_day(last), row[place[view.group]] if view.group else None


def _as_day(value: Any) -> date:
    found: date = value.date() if hasattr(value, "date") else value
    return found


def _loose(ctx: RunContext, entity: Entity, view: View, asked: Asked) -> list[tuple[Any, ...]]:
    """What has no days yet: the first of them."""
    found: dict[int, tuple[Any, ...]] = {}
    for name in dict.fromkeys((view.date, view.end or view.date)):
        none = (Filter(name, "empty"), *asked.filters)
        query = ListQuery(view=view.id, fields=("id",), filters=none, q=asked.q, page_size=MOST_LOOSE)
        found |= {row[0]: row for row in list_records(ctx, entity.id, query).rows}
    return list(found.values())


def _url(entity: Entity, id: int) -> str:
    return url_for("pages.record", entity=entity.id, id=id)


def _day(one: date, today: date) -> Part:
    return {"day": one.day, "off": one.weekday() >= WEEKEND, "today": one == today, "date": one.isoformat()}


def _months(ctx: RunContext, window: Window) -> list[Part]:
    found: list[Part] = []
    for n in range(window.days):
        one = window.first + timedelta(days=n)
        label = f"{one:%Y-%m}"
        if not found or found[-1]["label"] != label:
            found.append({"label": label, "days": 0})
        found[-1]["days"] += 1
    return found


def _groups(
    ctx: RunContext, entity: Entity, view: View, rows: Sequence[Sequence[Any]], titles: Mapping[int, str],
    window: Window,
) -> list[Part]:  # fmt: skip
    found: dict[object, Part] = {}
    for id, first, last, group, color in rows:
        key = group_key(group)
        part = found.setdefault(key, {"label": _group_name(ctx, entity, view, group), "bars": []})
        bar = _bar(ctx, entity, id, (first, max(first, last)), titles[id], window)
        part["bars"].append({**bar, "tone": TONES.get(color, color)})
    return list(found.values())


def _group_name(ctx: RunContext, entity: Entity, view: View, value: object) -> str:
    if not view.group:
        return ""
    column = column_or_none(ctx, entity, view.group)
    if value is None:
        return translator(ctx.language)("未指定", "None") + (f" {column.label}" if column is not None else "")
    if isinstance(value, Named):
        return value.name or value.code or ""
    return text_of(ctx, column.field, value) if column is not None else str(value)


def _bar(ctx: RunContext, entity: Entity, id: int, days: tuple[date, date], title: str, window: Window) -> Part:
    first, last = days
    start, stop = max(0, window.place(first)), min(window.days - 1, window.place(last))
    today = ctx.today()
    return {
        "url": _url(entity, id),
        "text": title,
        "days": f"{day(first, today, ctx.language)} – {day(last, today, ctx.language)}",
        "skip": start,
        "length": stop - start + 1,
        "earlier": first < window.first,
        "later": last > window.last,
    }
