"""Records on a board (a column for each value of a field) and on a calendar (a month of days)."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from flask import request, url_for

from engine.model import Entity, View
from runtime.context import RunContext
from runtime.queries import ListQuery, list_records
from runtime.query_columns import Named
from runtime.query_filters import Filter
from runtime.record_inputs import Workspace
from runtime.record_rows import load_rows
from runtime.record_texts import render as render_message
from web.display import text_of
from web.list_query import Asked

Part = dict[str, Any]
MOST_CARDS = 200
MOST_ENTRIES = 4
MOST_FALLING = 500
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
    return {"columns": columns}


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
    """A month with what falls on each day; what lasts stands on each of its days."""
    shown = _month(ctx, request.args.get("month", ""))
    days = calendar.Calendar().monthdatescalendar(shown.year, shown.month)
    first, last = days[0][0], days[-1][-1]
    rows = _falling(ctx, entity, view, asked, (first, last))
    titles = titles_of(ctx, entity, view, [row[0] for row in rows])
    by_day: dict[date, list[Part]] = {}
    for id, start, end in rows:
        url = url_for("pages.record", entity=entity.id, id=id)
        for day in _days_of(max(start, first), min(end, last)):
            entry = {"url": url, "text": titles[id], "tone": "", "goes_on": day < end, "came": day > start}
            by_day.setdefault(day, []).append(entry)
    today = ctx.today()
    weeks = [[_day(day, shown, today, by_day.get(day, []), _link(view, asked, day)) for day in week] for week in days]
    before, after = (
        shown - timedelta(days=1),
        days[-1][-1].replace(day=1) if days[-1][-1].month != shown.month else shown + timedelta(days=31),
    )
    return {
        "weekdays": WEEKDAYS["en" if ctx.language == "en" else "zh"],
        "weeks": weeks,
        "caption": f"{shown:%Y-%m}",
        "before": asked.url(month=f"{before:%Y-%m}"),
        "after": asked.url(month=f"{after:%Y-%m}"),
        "now": asked.url(month=""),
    }


def _falling(
    ctx: RunContext, entity: Entity, view: View, asked: Asked, window: tuple[date, date]
) -> list[tuple[int, date, date]]:
    """Id, first and last day of what touches the days on show, by first day; without a last day it is the first."""
    first, last = (day.isoformat() for day in window)
    starts = Filter(view.date, "between", (first, last))
    wanted: list[tuple[Filter, ...]] = [(starts,)]
    if view.end:
        lasting = (Filter(view.date, "le", (last,)), Filter(view.end, "ge", (first,)))
        wanted = [lasting, (starts, Filter(view.end, "empty"))]
    fields = tuple(dict.fromkeys(name for name in ("id", view.date, view.end) if name))
    order = ((view.date, False),)
    found = []
    for bounds in wanted:
        filters = (*bounds, *asked.filters)
        query = ListQuery(view=view.id, fields=fields, filters=filters, q=asked.q, sort=order, page_size=MOST_FALLING)
        page = list_records(ctx, entity.id, query)
        place = {column.path: n for n, column in enumerate(page.columns, 1)}
        for row in page.rows:
            start = as_day(row[place[view.date]])
            end = row[place[view.end]] if view.end else None
            found.append((row[0], start, start if end is None else max(start, as_day(end))))
    return sorted(found, key=lambda one: one[1])


def as_day(value: Any) -> date:
    """The day of a day or of a moment."""
    found: date = value.date() if hasattr(value, "date") else value
    return found


def _days_of(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _link(view: View, asked: Asked, day: date) -> str:
    """The list of what stands on a day."""
    one = day.isoformat()
    if not view.end:
        return f"{asked.base}?where.{view.date}={one}"
    return f"{asked.base}?where.{view.date}.le={one}&where.{view.end}.ge={one}"


def _month(ctx: RunContext, given: str) -> date:
    try:
        return date.fromisoformat(f"{given}-01")
    except ValueError:
        return ctx.today().replace(day=1)


def _day(day: date, shown: date, today: date, entries: Sequence[Part], url: str) -> Part:
    return {
        "day": day.day,
        "other": day.month != shown.month,
        "today": day == today,
        "entries": list(entries[:MOST_ENTRIES]),
        "more": max(0, len(entries) - MOST_ENTRIES),
        "more_url": url,
    }


def titles_of(ctx: RunContext, entity: Entity, view: View, ids: Sequence[int]) -> dict[int, str]:
    """What each entry says: the view's own text, else the code."""
    rows = load_rows(ctx, entity.id, ids)
    if view.title is None:
        return {i: str(row.get("code") or row.get("name") or i) for i, row in rows.items()}
    texts = render_message(Workspace(ctx), view.title, list(rows.values()), entity.id)
    return dict(zip(rows, texts, strict=True))
