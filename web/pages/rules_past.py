"""A rule over the past: the page that asks for a period, shows how far the work is, and what would have happened.

The page is sent as the work goes on: the bar needs no script, and leaving the page (停止) stops the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Rule
from runtime.alerts_past import ALERT, replayed
from runtime.context import RunContext
from runtime.errors import UserError
from runtime.rules_simulate import Hit, Simulated
from runtime.rules_trial import Trial
from runtime.rules_words import say_alert, say_rule
from web.access import reading
from web.display import moment
from web.render import render, render_slowly
from web.rule_deeds import Deeds
from web.texts import translator

View = dict[str, Any]
DAY_BAR = 62
"""Up to so many days, each has a bar in the picture of when it would have fired; more are put together by month."""


def simulate_rule(rule: str) -> AnyResponse:
    """The form with last month in it; with a period given, the work and what came of it."""
    with reading() as ctx:
        found = replayed(ctx, rule)
        given = {name: request.values.get(name, "") for name in ("since", "until")}
        last = ctx.today().replace(day=1) - timedelta(days=1)
        if not any(given.values()):
            return render(ctx, "pages/rule_past.html", **_page(ctx, found, last.replace(day=1), last))
        try:
            since, until = (date.fromisoformat(text) for text in given.values())
        except ValueError:
            wrong = translator(ctx.language)("请填写起止日期", "Enter both dates")
            return render(ctx, "pages/rule_past.html", **_page(ctx, found, last.replace(day=1), last), wrong=wrong)
        watched = _Watched(Trial(ctx, found, since, until))
        page = _page(ctx, found, since, until)
        return render_slowly(ctx, "pages/rule_past.html", **page, steps=watched.steps, outcome=watched.outcome)


def _page(ctx: RunContext, found: Rule, since: date, until: date) -> View:
    t = translator(ctx.language)
    alert = ctx.app.model.alerts.get(found.id.removeprefix(ALERT)) if found.id.startswith(ALERT) else None
    return {
        "title": t("回放试算", "Try on the past"),
        "crumb": {"label": found.label.get(ctx.language), "url": _home(found)},
        "sentence": say_rule(ctx, found) if alert is None else say_alert(ctx, alert),
        "since": since.isoformat(),
        "until": until.isoformat(),
        "here": url_for("pages.simulate_rule", rule=found.id),
    }


def _home(found: Rule) -> str:
    if found.id.startswith(ALERT):
        return url_for("pages.alert_kind", alert=found.id.removeprefix(ALERT))
    return url_for("pages.rule", rule=found.id)


class _Watched:
    """A trial as the template follows it: first its steps, then what came of it."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._wrong = ""

    def steps(self) -> Iterator[int]:
        """Percent done, whenever it is more."""
        shown = -1
        try:
            yield 0
            for share in self._trial.shares():
                if int(share * 100) > shown:
                    shown = int(share * 100)
                    yield shown
        except UserError as error:
            self._wrong = error.faults[0].message

    def outcome(self) -> View:
        """The result in words, or what was wrong."""
        if self._trial.result is None:
            return {"wrong": self._wrong}
        with reading() as ctx:
            return _result(ctx, self._trial.result)


def _result(ctx: RunContext, result: Simulated) -> View:
    t, deeds = translator(ctx.language), Deeds(ctx)
    records = len(result.records)
    head = t(
        f"会触发 {result.fired} 次，涉及 {records} 个对象；共看了 {result.looked} 次变动",
        f"It would have fired {result.fired} times on {records} records; {result.looked} changes were looked at",
    )
    return {
        "head": head,
        "notes": result.notes,
        "bars": _bars(result),
        "hits": [_hit(ctx, deeds, hit) for hit in result.hits],
        "more": result.fired - len(result.hits),
    }


def _bars(result: Simulated) -> list[View]:
    """How often on each day of the period (or in each month of a long one)."""
    daily = (result.until - result.since).days < DAY_BAR
    counted: dict[str, int] = {}
    day = result.since
    while day <= result.until:
        counted.setdefault(day.isoformat() if daily else f"{day:%Y-%m}", 0)
        day += timedelta(days=1)
    for when in result.days:
        counted[when.isoformat() if daily else f"{when:%Y-%m}"] += 1
    most = max(counted.values(), default=0)
    return [
        {"label": label, "count": count, "high": round(100 * count / most) if most else 0}
        for label, count in counted.items()
    ]


def _hit(ctx: RunContext, deeds: Deeds, hit: Hit) -> View:
    return {
        "when": moment(hit.at, ctx),
        "title": hit.title,
        "url": url_for("pages.record", entity=hit.entity, id=hit.record),
        "effects": [deeds.view(hit.entity, effect) for effect in hit.effects],
    }


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/rules/<rule>/simulate", "simulate_rule", simulate_rule, methods=["GET", "POST"])
