"""Working days: the official holidays of a year, the firm's own days, and its working hours."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import calendar_keeping, calendars
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.permissions import demand_admin
from web.access import reading, writing
from web.render import render, tell
from web.setting_tabs import setting_tabs
from web.texts import translator
from web.whole import is_whole

WEEKDAYS = (
    ("周一", "Mon"),
    ("周二", "Tue"),
    ("周三", "Wed"),
    ("周四", "Thu"),
    ("周五", "Fri"),
    ("周六", "Sat"),
    ("周日", "Sun"),
)


def working_days() -> AnyResponse:
    """A year of named days."""
    with reading() as ctx:
        return _page(ctx)


def _page(ctx: RunContext, problem: str = "", status: int = 200) -> Response:
    demand_admin(ctx)
    t = translator(ctx.language)
    given = request.args.get("year", "")
    year = int(given) if is_whole(given) and 1990 < int(given) < 2200 else ctx.today().year
    week = calendars.week(ctx)
    years: list[dict[str, Any]] = [
        {"label": str(one), "url": url_for("pages.working_days", year=one), "current": one == year}
        for one in (year - 1, year, year + 1)
    ]
    rows = [
        {
            "day": one.day.isoformat(),
            "weekday": t(*WEEKDAYS[one.day.weekday()]),
            "works": one.works,
            "name": one.name,
            "own": one.own,
        }
        for one in calendars.named_days(ctx, year)
    ]
    weekdays = [{"id": n, "label": t(*words), "on": n in week.weekdays} for n, words in enumerate(WEEKDAYS)]
    return render(
        ctx, "pages/working_days.html", title=t("设置", "Settings"), status=status,
        tabs=setting_tabs(ctx, "working_days"), years=years, rows=rows, year=year, weekdays=weekdays,
        hours=calendars.hours_text(week.hours), problem=problem,
    )  # fmt: skip


def change_day() -> AnyResponse:
    """Name a day, or take the firm's word on it back."""
    form = request.form
    try:
        with writing() as ctx:
            day = _day(ctx, form.get("day", ""))
            if form.get("action") == "forget":
                calendar_keeping.forget_day(ctx, day)
            else:
                calendar_keeping.name_day(ctx, day, form.get("name", ""), works=form.get("works") == "1")
            tell("done", translator(ctx.language)("工作日历已更新", "Working days changed"))
            year = day.year
    except Invalid as error:
        with reading() as ctx:
            return _page(ctx, error.faults[0].message, 422)
    return redirect(url_for("pages.working_days", year=year), code=303)


def _day(ctx: RunContext, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(fault(ctx, "bad_date", "day", name="day", given=text[:40])) from None


def change_week() -> AnyResponse:
    """Other weekdays and hours."""
    days = [int(n) for n in request.form.getlist("weekday") if is_whole(n)]
    try:
        with writing() as ctx:
            calendar_keeping.set_week(ctx, days, request.form.get("hours", ""))
            tell("done", translator(ctx.language)("工作时间已更新", "Working hours changed"))
    except Invalid as error:
        with reading() as ctx:
            return _page(ctx, error.faults[0].message, 422)
    return redirect(url_for("pages.working_days"), code=303)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/settings/working-days", "working_days", working_days)
    pages.add_url_rule("/settings/working-days", "change_day", change_day, methods=["POST"])
    pages.add_url_rule("/settings/working-hours", "change_week", change_week, methods=["POST"])
