"""Records on a board (a column for each value of a field) and on a calendar (a month of days)."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from flask import request, url_for

from engine.model import Entity, View
from runtime.context import RunContext
from runtime.queries import ListQuery, Page, list_records
from runtime.query_columns import Named
from runtime.query_filters import Filter
from runtime.record_inputs import Workspace
from runtime.record_rows import load_rows
from runtime.record_texts import render as render_message
from web.display import text_of
from web.list_query import Asked
from web.texts import translator

Part = dict[str, Any]
MOST_CARDS = 200
MOST_ENTRIES = 4
PAGE = 500
MOST_FALLING = 5000
"""Entries that are read for the days on show: more are said to be left out."""
WEEKDAYS = {"zh": ("一", "二", "三", "四", "五", "六", "日"), "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}


def board_view(ctx: RunContext, entity: Entity, view: View, asked: Asked) -> Part:
    """Columns of cards, in the order of the field's options."""
    one = entity.fields[view.group or "status"]
    paths = [p for p in view.columns if p in entity.fields][:4] or ["code"]
    fields = tuple(dict.fromkeys(("id", *paths, one.id)))
    query = ListQuery(view=view.id, fields=fields, q=asked.q, filters=asked.filters, page_size=MOST_CARDS)
    page = list_records(ctx, entity.id, query)
    place = {c.path: i + 1 for i, c in enumerate(page.columns)}
    columns = []
    for option in one.options:
        rows = [row for row in page.rows if row[place[one.id]] == option.id]
        cards = [_card(ctx, entity, row, paths, place) for row in rows]
        columns.append({"label": option.label.get(ctx.language), "count": len(cards), "cards": cards})
    left = _left(ctx, MOST_CARDS, asked) if page.next is not None else None
    return {"columns": columns, "left": left}


def _left(ctx: RunContext, shown: int, asked: Asked) -> Part:
    """What is said where there is more than is drawn, and the way to narrow it."""
    t = translator(ctx.language)
    text = t(
        f"太多，这里只有前 {shown} 条：请用搜索或筛选缩小范围", f"Only the first {shown} are drawn: narrow it down"
    )
    return {"text": text, "url": asked.url(view="", month="", day=""), "label": t("看列表", "See the list")}


def _card(ctx: RunContext, entity: Entity, row: Sequence[Any], paths: Sequence[str], place: dict[str, int]) -> Part:
    words = [_word(ctx, entity, path, row[place[path]]) for path in paths]
    url = url_for("pages.record", entity=entity.id, id=row[0])
    return {
        "url": url,
        "title": words[0],
        "second": " · ".join(w for w in words[1:3] if w),
        "figure": words[3] if len(words) > 3 else "",
    }


def _word(ctx: RunContext, entity: Entity, path: str, value: object) -> str:
    if isinstance(value, Named):
        return value.name or value.code or ""
    return text_of(ctx, entity.fields[path], value)


def calendar_view(ctx: RunContext, entity: Entity, view: View, asked: Asked) -> Part:
    """A month with what falls on each day; what lasts stands on each of its days. ``day``: all of one day."""
    one = _given_day(request.args.get("day", ""))
    if one is not None:
        return _whole_day(ctx, entity, view, asked, one)
    shown = _month(ctx, request.args.get("month", ""))
    days = calendar.Calendar().monthdatescalendar(shown.year, shown.month)
    first, last = days[0][0], days[-1][-1]
    rows, whole = _falling(ctx, entity, view, asked, (first, last))
    by_day: dict[date, list[Falling]] = {}
    for row in rows:
        for day in _days_of(max(row[1], first), min(row[2], last)):
            by_day.setdefault(day, []).append(row)
    seen = dict.fromkeys(row[0] for some in by_day.values() for row in some[:MOST_ENTRIES])
    titles = titles_of(ctx, entity, view, list(seen))
    today = ctx.today()

    def drawn(day: date) -> Part:
        here = by_day.get(day, ())
        entries = [_entry(entity, titles, row, day) for row in here[:MOST_ENTRIES]]
        more = {"more": max(0, len(here) - MOST_ENTRIES), "more_url": asked.url(day=day.isoformat())}
        return {**_day(day, shown, today, entries), **more}

    before, after = (
        shown - timedelta(days=1),
        days[-1][-1].replace(day=1) if days[-1][-1].month != shown.month else shown + timedelta(days=31),
    )
    return {
        "weekdays": WEEKDAYS["en" if ctx.language == "en" else "zh"],
        "weeks": [[drawn(day) for day in week] for week in days],
        "caption": f"{shown:%Y-%m}",
        "before": asked.url(month=f"{before:%Y-%m}"),
        "after": asked.url(month=f"{after:%Y-%m}"),
        "now": asked.url(month=""),
        "left": None if whole else _left(ctx, len(rows), asked),
    }


def _given_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _whole_day(ctx: RunContext, entity: Entity, view: View, asked: Asked, day: date) -> Part:
    """All that falls on a day, also what lasts over it and what has no end."""
    rows, whole = _falling(ctx, entity, view, asked, (day, day))
    titles = titles_of(ctx, entity, view, [row[0] for row in rows])
    step = timedelta(days=1)
    before, after = (day - step if day > date.min else day), (day + step if day < date.max else day)
    return {
        "entries": [_entry(entity, titles, row, day) for row in rows],
        "caption": day.isoformat(),
        "before": asked.url(day=before.isoformat()),
        "after": asked.url(day=after.isoformat()),
        "now": asked.url(day="", month=f"{day:%Y-%m}"),
        "left": None if whole else _left(ctx, len(rows), asked),
    }


Falling = tuple[int, date, date]
"""Id, first and last day of an entry."""


def _entry(entity: Entity, titles: Mapping[int, str], row: Falling, day: date) -> Part:
    id, start, end = row
    url = url_for("pages.record", entity=entity.id, id=id)
    return {"url": url, "text": titles[id], "tone": "", "goes_on": day < end, "came": day > start}


def _falling(
    ctx: RunContext, entity: Entity, view: View, asked: Asked, window: tuple[date, date]
) -> tuple[list[Falling], bool]:
    """What touches the days on show, by first day, and whether that is all. The last day is the first where there is
    none, and where it was entered as lying before it."""
    first, last = (day.isoformat() for day in window)
    starts = Filter(view.date, "between", (first, last))
    wanted: list[tuple[Filter, ...]] = [(starts,)]
    if view.end:
        lasting = (Filter(view.date, "le", (last,)), Filter(view.end, "ge", (first,)))
        wanted = [lasting, (starts, Filter(view.end, "empty")), (starts, Filter(view.end, "lt", (first,)))]
    fields = tuple(dict.fromkeys(name for name in ("id", view.date, view.end) if name))
    order = ((view.date, False),)
    found: list[Falling] = []
    whole = True
    for bounds in wanted:
        filters = (*bounds, *asked.filters)
        query = ListQuery(view=view.id, fields=fields, filters=filters, q=asked.q, sort=order, page_size=PAGE)
        cursor: str | None = ""
        while cursor is not None and len(found) < MOST_FALLING:
            page = list_records(ctx, entity.id, replace(query, cursor=cursor))
            found += _spans(view, page)
            cursor = page.next
        whole = whole and cursor is None
    return sorted(found, key=lambda one: one[1]), whole


def _spans(view: View, page: Page) -> Iterable[Falling]:
    place = {column.path: n for n, column in enumerate(page.columns, 1)}
    for row in page.rows:
        start = as_day(row[place[view.date]])
        end = row[place[view.end]] if view.end else None
        yield row[0], start, start if end is None else max(start, as_day(end))


def as_day(value: Any) -> date:
    """The day of a day or of a moment."""
    found: date = value.date() if hasattr(value, "date") else value
    return found


def _days_of(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _month(ctx: RunContext, given: str) -> date:
    try:
        return date.fromisoformat(f"{given}-01")
    except ValueError:
        return ctx.today().replace(day=1)


def _day(day: date, shown: date, today: date, entries: Sequence[Part]) -> Part:
    return {
        "day": day.day,
        "other": day.month != shown.month,
        "today": day == today,
        "entries": entries,
    }


def titles_of(ctx: RunContext, entity: Entity, view: View, ids: Sequence[int]) -> dict[int, str]:
    """What each entry says: the view's own text, else the code."""
    rows = load_rows(ctx, entity.id, ids)
    if view.title is None:
        return {i: str(row.get("code") or row.get("name") or i) for i, row in rows.items()}
    texts = render_message(Workspace(ctx), view.title, list(rows.values()), entity.id)
    return dict(zip(rows, texts, strict=True))
