"""Alerts over the past: an alert as the rule that would say the same words whenever it opens."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from engine.expressions.tree import Binary, Expr
from engine.model import Action, Alert, Rule, Trigger
from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.messages import fault
from runtime.permissions import demand_admin
from runtime.rules_admin import rule_of, subject_of

ALERT = "alert:"


def replayed(ctx: RunContext, id: str) -> Rule:
    """What a replay runs: a rule by its id, or an alert (``alert:`` and its id) as a rule."""
    if not id.startswith(ALERT):
        return rule_of(ctx, id)
    demand_admin(ctx)
    found = subject_of(ctx, id)
    assert isinstance(found, Alert), "the ids of alerts begin so"
    if found.plan:
        raise Conflict(fault(ctx, "plan_not_replayed"))
    return as_rule(found)


def as_rule(alert: Alert) -> Rule:
    """It fires when the alert opens: its condition, and one of its levels, turn true; armed again when it closes."""
    levels = [level.condition for level in alert.levels]
    condition = _joined("and", [alert.condition, _joined("or", levels)]) if levels else alert.condition
    to = alert.to or (alert.levels[0].to if alert.levels else ())
    tell = Action(id="tell", kind="send", channel="inbox", more=alert.channels, to=to, text=alert.say)
    return Rule(
        id=f"{ALERT}{alert.id}",
        label=alert.label,
        help=alert.help,
        trigger=Trigger(kind="becomes", entity=alert.entity, that=condition, rearm=alert.until),
        condition=None,
        actions=(tell,),
        origin=alert.origin,
    )


def _joined(operator: str, exprs: list[Expr]) -> Expr:
    return reduce(lambda left, right: _pair(operator, left, right), exprs)


def _pair(operator: str, left: Expr, right: Expr) -> Expr:
    return replace(
        left,
        text=f"({left.text}) {operator} ({right.text})",
        tree=Binary(operator=operator, left=left.tree, right=right.tree, type=left.tree.type),
        inputs=tuple(dict.fromkeys((*left.inputs, *right.inputs))),
        live=left.live or right.live,
        secrecy=left.secrecy | right.secrecy,
    )
