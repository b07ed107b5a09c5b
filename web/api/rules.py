"""Rules and alerts through the API: what there is, what ran, why not; what is open."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response

from runtime import alerts, rules_admin, rules_traces
from runtime.alerts_reading import OpenAlert, open_alerts
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.finding import find_one
from runtime.messages import fault
from runtime.permissions import demand_admin
from runtime.rules_running import switched_off
from runtime.rules_traces import Run
from runtime.rules_words import say_alert, say_rule
from web.access import reading, writing
from web.api import parameters
from web.api.bodies import body_object
from web.api.shapes import answer

ALERTS = 200
"""Alerts on a page of the listing."""


def rules() -> Response:
    """All rules and alerts, each as a sentence, with how often they came to what."""
    with reading() as ctx:
        demand_admin(ctx)
        off, counted, model = switched_off(ctx), rules_admin.overview(ctx), ctx.app.model
        items = [
            {
                "id": rule.id,
                "label": rule.label.get(ctx.language),
                "entity": rule.trigger.entity,
                "trigger": rule.trigger.kind,
                "sentence": say_rule(ctx, rule),
                "on": rule.id not in off,
                "runs": dict(counted.get(rule.id, {})),
            }
            for rule in model.rules.values()
        ]
        warned = [
            {
                "id": f"alert:{alert.id}",
                "label": alert.label.get(ctx.language),
                "entity": alert.entity,
                "trigger": "alert",
                "sentence": say_alert(ctx, alert),
                "on": f"alert:{alert.id}" not in off,
                "runs": {},
            }
            for alert in model.alerts.values()
        ]
        return answer({"items": [*items, *warned], "next": None, "count": len(items) + len(warned)})


def switch(rule: str) -> Response:
    """``{"on": false}`` switches a rule (or ``alert:id``) off."""
    with writing("api") as ctx:
        on = body_object(ctx).get("on")
        if not isinstance(on, bool):
            raise Invalid(fault(ctx, "not_yes_no", "on", label="on", given=str(on)[:40]))
        rules_admin.switch(ctx, rule, off=not on)
        return answer({"id": rule, "on": on})


def runs(rule: str) -> Response:
    """What a rule did and did not, newest first; ``record``, ``result``, ``before`` narrow."""
    with reading() as ctx:
        rules_admin.rule_of(ctx, rule)
        record, before = parameters.whole(ctx, "record", 0), parameters.whole(ctx, "before", 0)
        results = parameters.names("result")
        found = rules_traces.runs(ctx, rule, record=record or None, results=results, before=before)
        items = [_run(ctx, one) for one in found]
        return answer({"items": items, "next": found[-1].id if len(found) == 50 else None, "count": len(items)})


def _run(ctx: RunContext, one: Run) -> dict[str, Any]:
    return {**asdict(one), "conditions": [asdict(part) for part in rules_admin.conditions_of(ctx, one)]}


def why(rule: str) -> Response:
    """Why the rule acts on ``record`` now, or the first condition that does not hold, with its values."""
    with reading() as ctx:
        entity = rules_admin.rule_of(ctx, rule).trigger.entity
        found = rules_admin.why(ctx, rule, find_one(ctx, entity, parameters.needed(ctx, "record"), "record"))
        return answer(
            {
                "rule": found.rule,
                "entity": found.entity,
                "record": found.record,
                "fires": found.fires,
                "off": found.off,
                "already": found.already,
                "due": found.due,
                "conditions": [asdict(part) for part in found.parts],
                "first_failing": asdict(found.first) if found.first else None,
                "last_run": _run(ctx, found.last) if found.last else None,
            }
        )


# --- alerts ------------------------------------------------------------------------------------------------------


def alerts_open() -> Response:
    """Open alerts about records I may read, the most pressing first; ``closed=true``: those that have ended."""
    with reading() as ctx:
        closed = parameters.text("closed") == "true"
        record = parameters.whole(ctx, "record", 0)
        narrow = {name: parameters.text(name) for name in ("alert", "entity")}
        before = parameters.whole(ctx, "before", 0)
        found = open_alerts(ctx, **narrow, record=record, closed=closed, before=before, limit=ALERTS + 1)
        items = [_alert(ctx, one) for one in found[:ALERTS]]
        further = items[-1]["id"] if len(found) > ALERTS and not record else None
        return answer({"items": items, "next": further, "count": len(items)})


def _alert(ctx: RunContext, one: OpenAlert) -> dict[str, Any]:
    told = {name: getattr(one, name) for name in OpenAlert.__slots__ if name != "offers"}
    return {**told, "offers": [{"id": o.id, "label": o.label.get(ctx.language), "kind": o.kind} for o in one.offers]}


def acknowledge(id: int) -> Response:
    """I take care of it."""
    with writing("api") as ctx:
        alerts.acknowledge(ctx, id)
        return answer({"id": id, "acknowledged": True})


def offer(id: int, offer: str) -> Response:
    """Take a way out that is offered."""
    with writing("api") as ctx:
        alerts.take_offer(ctx, id, offer)
        return answer({"id": id, "taken": offer})


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/rules", "rules", rules)
    api.add_url_rule("/rules/<rule>", "rule_switch", switch, methods=["PATCH"])
    api.add_url_rule("/rules/<rule>/runs", "rule_runs", runs)
    api.add_url_rule("/rules/<rule>/why", "rule_why", why)
    api.add_url_rule("/alerts", "alerts", alerts_open)
    api.add_url_rule("/alerts/<id:id>/ack", "alert_ack", acknowledge, methods=["POST"])
    api.add_url_rule("/alerts/<id:id>/offers/<offer>", "alert_offer", offer, methods=["POST"])
