"""A rule over the past: the page that asks for a period and shows what would have happened."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import rules_admin
from runtime.context import RunContext
from runtime.errors import UserError
from runtime.rules_simulate import Hit, Simulated, simulate
from runtime.rules_words import say_rule
from web.access import reading, writing
from web.display import moment
from web.pages.rules import action_view
from web.render import render
from web.texts import translator


def ask_simulation(rule: str) -> AnyResponse:
    """The form: last month, unless something else is chosen."""
    with reading() as ctx:
        first = ctx.today().replace(day=1)
        last = first - timedelta(days=1)
        return _page(ctx, rule, last.replace(day=1), last, None, "")


def simulate_rule(rule: str) -> AnyResponse:
    """What would have happened; the transaction writes nothing."""
    with writing() as ctx:
        found = rules_admin.rule_of(ctx, rule)
        try:
            since, until = (date.fromisoformat(request.form.get(name, "")) for name in ("since", "until"))
        except ValueError:
            t = translator(ctx.language)
            return _page(ctx, rule, ctx.today(), ctx.today(), None, t("请填写起止日期", "Enter both dates"))
        try:
            return _page(ctx, rule, since, until, simulate(ctx, found, since, until), "")
        except UserError as error:
            return _page(ctx, rule, since, until, None, error.faults[0].message)


def _page(ctx: RunContext, rule: str, since: date, until: date, result: Simulated | None, wrong: str) -> AnyResponse:
    found = rules_admin.rule_of(ctx, rule)
    t = translator(ctx.language)
    return render(
        ctx,
        "pages/rule_past.html",
        title=t("回放试算", "Try on the past"),
        crumb={"label": found.label.get(ctx.language), "url": url_for("pages.rule", rule=rule)},
        sentence=say_rule(ctx, found),
        since=since.isoformat(),
        until=until.isoformat(),
        wrong=wrong,
        result=_result(ctx, result) if result is not None else None,
    )


def _result(ctx: RunContext, result: Simulated) -> dict[str, Any]:
    t = translator(ctx.language)
    records = len(result.records)
    head = t(
        f"会触发 {result.fired} 次，涉及 {records} 个对象；共看了 {result.looked} 次变动",
        f"It would have fired {result.fired} times on {records} records; {result.looked} changes were looked at",
    )
    return {
        "head": head,
        "notes": result.notes,
        "hits": [_hit(ctx, hit) for hit in result.hits],
        "more": result.fired - len(result.hits),
    }


def _hit(ctx: RunContext, hit: Hit) -> dict[str, Any]:
    return {
        "when": moment(hit.at, ctx),
        "title": hit.title,
        "url": url_for("pages.record", entity=hit.entity, id=hit.record),
        "effects": [action_view(ctx, hit.entity, effect) for effect in hit.effects],
    }


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/rules/<rule>/simulate", "ask_simulation", ask_simulation)
    pages.add_url_rule("/rules/<rule>/simulate", "simulate_rule", simulate_rule, methods=["POST"])
