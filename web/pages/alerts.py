"""The page of alerts: what is open about records the reader may see, and what one can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import alerts as lifecycle
from runtime.alerts_reading import OpenAlert, open_alerts
from runtime.context import RunContext
from runtime.errors import UserError
from runtime.permissions import label_of
from web.access import reading, writing
from web.display import moment
from web.render import render, tell
from web.texts import translator

TONES: Mapping[str, str] = {"red": "red", "orange": "amber", "yellow": "amber", "blue": "accent", "grey": ""}
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
        found = open_alerts(ctx, closed=closed)
        tabs = [
            {"label": t("进行中", "Open"), "url": url_for("pages.alerts"), "current": not closed},
            {"label": t("已关闭", "Closed"), "url": url_for("pages.alerts", closed="1"), "current": closed},
        ]
        rows = [alert_view(ctx, one) for one in found]
        return render(ctx, "pages/alerts.html", title=t("预警", "Alerts"), tabs=tabs, rows=rows, closed=closed)


def alert_view(ctx: RunContext, one: OpenAlert) -> dict[str, Any]:
    """An alert in words."""
    t = translator(ctx.language)
    model = ctx.app.model.entities[one.entity]
    plans = [o for o in one.offers if o.kind == "plan"]
    return {
        "id": one.id,
        "label": one.label,
        "tone": TONES.get(one.color, ""),
        "title": f"{label_of(ctx, one.entity)} {one.title}",
        "text": one.text,
        "opened": moment(one.opened_at, ctx),
        "state": t("已有人处理", "taken care of") if one.acknowledged_at else "",
        "ended": f"{moment(one.closed_at, ctx)} {t(*ENDS.get(one.closed_because, ('', '')))}" if one.closed_at else "",
        "url": "" if model.parent else url_for("pages.record", entity=one.entity, id=one.record),
        "plans": [{"label": o.label.get(ctx.language), "url": url_for("pages.plan", plan=o.plan)} for o in plans],
        "offers": [
            {"id": o.id, "label": o.label.get(ctx.language)}
            for o in one.offers
            if o.kind != "plan" and not one.closed_at
        ],
        "ack": one.acknowledged_at is None and one.closed_at is None,
    }


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


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/alerts", "alerts", alerts)
    pages.add_url_rule("/alerts/<int:id>", "act_on_alert", act, methods=["POST"])
