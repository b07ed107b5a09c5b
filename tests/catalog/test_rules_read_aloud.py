"""Every rule and alert of every template reads as a sentence in both languages, and reaches somebody."""

from __future__ import annotations

from typing import Any, cast

import pytest
from sqlalchemy import Connection

from engine import load_app
from runtime.apps import RunningApp
from runtime.context import SYSTEM, RunContext, SystemClock
from runtime.database import open_database
from runtime.rules_index import build_index
from runtime.rules_words import say_alert, say_rule
from runtime.tables import build_tables

TEMPLATES = ("discrete", "food", "generic", "restaurant", "service")


def opened(template: str, language: str) -> RunContext:
    """A context that is asked for words only."""
    model = load_app(template)
    app = RunningApp(
        name=template, model=model, tables=build_tables(model), database=open_database("sqlite:///unused.db")
    )
    return RunContext(
        app=app, connection=cast(Connection, cast(Any, None)), user=SYSTEM, clock=SystemClock(), language=language
    )


@pytest.mark.parametrize("template", TEMPLATES)
def test_rules_and_alerts_read_aloud(template: str) -> None:
    chinese, english = opened(template, "zh"), opened(template, "en")
    for rule in chinese.app.model.rules.values():
        assert say_rule(chinese, rule).endswith("。"), rule.id
        sentence = say_rule(english, rule)
        assert sentence.startswith(("When ", "At ", "Every ", "On ")), sentence
    for alert in chinese.app.model.alerts.values():
        assert say_alert(chinese, alert).startswith("只要"), alert.id
        assert say_alert(english, alert).startswith("While "), alert.id


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_message_has_a_receiver_and_every_watch_a_way_to_its_records(template: str) -> None:
    model = load_app(template)
    sends = [action for rule in model.rules.values() for action in rule.actions if action.kind == "send"]
    assert all(action.to or action.channel == "webhook" for action in sends)
    assert all(alert.to or all(level.to for level in alert.levels) for alert in model.alerts.values())
    index = build_index(model)
    watching = {watch.id for each in (*index.cells.values(), *index.ledgers.values()) for watch, _ in each}
    assert {watch.id for watch in index.watches} <= watching


def test_the_discrete_template_has_the_rules_and_alerts_of_its_trade() -> None:
    model = load_app("discrete")
    assert {"order_to_supplier", "prepare_receiving", "ready_to_deliver"} <= set(model.rules)
    assert {"below_safety", "work_late", "purchase_late", "order_late", "subcontract_late"} <= set(model.alerts)
