"""The page of alerts: what is open about records the reader may see, and what one can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import alerts as lifecycle
from runtime.alerts_reading import OpenAlert, open_alerts, opened
from runtime.context import RunContext
from runtime.errors import NotFound, UserError
from runtime.messages import fault
from runtime.permissions import demand_admin, label_of
from runtime.rules_running import switched_off
from runtime.rules_words import say_alert
from web.access import reading, writing
from web.display import moment
from web.render import render, tell
from web.rule_picture import alert_picture
from web.texts import translator
from web.whole import is_whole

TONES: Mapping[str, str] = {"red": "red", "orange": "amber", "yellow": "amber", "blue": "accent", "grey": ""}
MOST_SHOWN = 50
PAGE = 100
"""Alerts on a page of the list."""
ENDS: Mapping[str, tuple[str, str]] = {
    "ended": ("情况已解除", "it ended"),
    "gone": ("对象已删除", "the record was deleted"),
    "off": ("预警已停用", "it was switched off"),
}


def alerts() -> AnyResponse:
    """Open alerts, the most pressing first; ``closed``: those that ended."""
    with reading() as ctx:
        t = translator(ctx.language)
        closed = request.args.get("closed") == "1"
        before = request.args.get("before", "")
        found = open_alerts(ctx, closed=closed, before=int(before) if is_whole(before) else 0, limit=PAGE + 1)
        more, found = len(found) > PAGE, found[:PAGE]
        tabs = [
            {"label": t("进行中", "Open"), "url": url_for("pages.alerts"), "current": not closed},
            {"label": t("已关闭", "Closed"), "url": url_for("pages.alerts", closed="1"), "current": closed},
        ]
        rows = [alert_view(ctx, one) for one in found]
        ended = "1" if closed else None
        further = url_for("pages.alerts", closed=ended, before=found[-1].id) if more else ""
        return render(ctx, "pages/alerts.html", title=t("预警", "Alerts"), tabs=tabs, rows=rows, further=further)


def alert_view(ctx: RunContext, one: OpenAlert) -> dict[str, Any]:
    """An alert in words."""
    t = translator(ctx.language)
    model = ctx.app.model.entities[one.entity]
    kind = ctx.app.model.alerts[one.alert].label.get(ctx.language)
    plans = [o for o in one.offers if o.kind == "plan"]
    return {
        "id": one.id,
        "label": one.label if one.label == kind else f"{kind} · {one.label}",
        "tone": TONES.get(one.color, ""),
        "title": f"{label_of(ctx, one.entity)} {one.title}",
        "text": one.text,
        "opened": moment(one.opened_at, ctx),
        "state": t("已有人处理", "taken care of") if one.acknowledged_at else "",
        "ended": f"{moment(one.closed_at, ctx)} {t(*ENDS.get(one.closed_because, ('', '')))}" if one.closed_at else "",
        "url": "" if model.parent else url_for("pages.record", entity=one.entity, id=one.record),
        "plans": [
            *({"label": o.label.get(ctx.language), "url": url_for("pages.plan", plan=o.plan)} for o in plans),
            *_records_offered(ctx, one),
        ],
        "offers": [
            {"id": o.id, "label": o.label.get(ctx.language)}
            for o in one.offers
            if o.kind in ("set", "snooze") and not one.closed_at
        ],
        "ack": one.acknowledged_at is None and one.closed_at is None,
    }


def _records_offered(ctx: RunContext, one: OpenAlert) -> list[dict[str, str]]:
    """The records that an alert leads to: where something is done about it."""
    found = ((o, opened(ctx, one, o)) for o in one.offers if o.kind == "open" and not one.closed_at)
    return [
        {"label": o.label.get(ctx.language), "url": url_for("pages.record", entity=o.entity, id=id)}
        for o, id in found
        if id is not None
    ]


def act(id: int) -> AnyResponse:
    """Acknowledge, or take an offer."""
    with_offer = request.form.get("offer", "")
    try:
        with writing() as ctx:
            if with_offer:
                lifecycle.take_offer(ctx, id, with_offer)
            else:
                lifecycle.acknowledge(ctx, id)
            tell("done", translator(ctx.language)("记下了", "Noted"))
    except UserError as error:
        tell("failed", error.faults[0].message)
    return redirect(url_for("pages.alerts"), code=303)


def alert_kind(alert: str) -> AnyResponse:
    """One kind of alert: its sentence, its picture, what is open of it and what was lately."""
    with reading() as ctx:
        demand_admin(ctx)
        found = ctx.app.model.alerts.get(alert)
        if found is None:
            raise NotFound(fault(ctx, "no_such_alert"))
        t = translator(ctx.language)
        return render(
            ctx,
            "pages/alert_kind.html",
            title=found.label.get(ctx.language),
            crumb={"label": t("规则", "Rules"), "url": url_for("pages.rules")},
            sentence=say_alert(ctx, found),
            picture=alert_picture(ctx, found),
            simulation="" if found.plan else url_for("pages.simulate_rule", rule=f"alert:{found.id}"),
            help=found.help.get(ctx.language) if found.help else "",
            on=f"alert:{found.id}" not in switched_off(ctx),
            rows=[alert_view(ctx, one) for one in open_alerts(ctx, alert=alert, limit=MOST_SHOWN)],
            closed=[alert_view(ctx, one) for one in open_alerts(ctx, alert=alert, closed=True, limit=MOST_SHOWN)],
        )


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/alerts", "alerts", alerts)
    pages.add_url_rule("/alerts/kinds/<alert>", "alert_kind", alert_kind)
    pages.add_url_rule("/alerts/<int:id>", "act_on_alert", act, methods=["POST"])
