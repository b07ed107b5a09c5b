"""Records on a board (a column for each value of a field) and on a calendar (a month of days)."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
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
    """A month with what falls on each day."""
    shown = _month(ctx, request.args.get("month", ""))
    days = calendar.Calendar().monthdatescalendar(shown.year, shown.month)
    first, last = days[0][0], days[-1][-1]
    bounds = Filter(view.date, "between", (first.isoformat(), last.isoformat()))
    query = ListQuery(
        view=view.id, fields=("id", view.date), filters=(bounds, *asked.filters), q=asked.q, page_size=500
    )
    page = list_records(ctx, entity.id, query)
    titles = titles_of(ctx, entity, view, [row[0] for row in page.rows])
    by_day: dict[date, list[Part]] = {}
    for row in page.rows:
        url = url_for("pages.record", entity=entity.id, id=row[0])
        by_day.setdefault(row[2], []).append({"url": url, "text": titles[row[0]], "tone": ""})
    today = ctx.today()
    base = f"{asked.base}?where.{view.date}="
    weeks = [[_day(day, shown, today, by_day.get(day, []), base) for day in week] for week in days]
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


def _month(ctx: RunContext, given: str) -> date:
    try:
        return date.fromisoformat(f"{given}-01")
    except ValueError:
        return ctx.today().replace(day=1)


def _day(day: date, shown: date, today: date, entries: Sequence[Part], base: str) -> Part:
    return {
        "day": day.day,
        "other": day.month != shown.month,
        "today": day == today,
        "entries": list(entries[:MOST_ENTRIES]),
        "more": max(0, len(entries) - MOST_ENTRIES),
        "more_url": f"{base}{day.isoformat()}",
    }


def titles_of(ctx: RunContext, entity: Entity, view: View, ids: Sequence[int]) -> dict[int, str]:
    """What each entry says: the view's own text, else the code."""
    rows = load_rows(ctx, entity.id, ids)
    if view.title is None:
        return {i: str(row.get("code") or row.get("name") or i) for i, row in rows.items()}
    texts = render_message(Workspace(ctx), view.title, list(rows.values()), entity.id)
    return dict(zip(rows, texts, strict=True))
