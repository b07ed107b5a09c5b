"""Every rule, alert and workflow of every template reads as sentences in both languages; messages reach somebody."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from engine import AppModel, load_app
from runtime.apps import RunningApp
from runtime.context import SYSTEM, RunContext, SystemClock
from runtime.database import open_database
from runtime.rules_index import build_index
from runtime.rules_words import say_alert, say_rule
from runtime.tables import build_tables
from runtime.workflow_words import say_workflow
from web.workflow_layout import WIDTH, Drawing
from web.workflow_view import drawn_of

TEMPLATES = ("discrete", "food", "generic", "restaurant", "service")


@cache
def model_of(template: str) -> AppModel:
    """Compiled once for all tests of this file."""
    return load_app(template)


@cache
def opened(template: str, language: str) -> RunContext:
    """A context that is asked for words only."""
    model = model_of(template)
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
def test_workflows_read_aloud_and_are_drawn_with_nothing_on_top_of_another(template: str) -> None:
    for language in ("zh", "en"):
        ctx = opened(template, language)
        for entity in ctx.app.model.entities.values():
            if entity.workflow is None:
                continue
            told = say_workflow(ctx, entity)
            assert {way.id for way in told.ways} == set(entity.workflow.transitions)
            start, end = ("当", "。") if language == "zh" else ("When ", ".")
            assert all(way.sentence.startswith(start) and way.sentence.endswith(end) for way in told.ways)
            drawn = drawn_of(entity.workflow, told)
            assert _meeting(drawn) == [], (template, language, entity.id)


def _meeting(drawn: Drawing) -> list[tuple[str, str]]:
    """Things of a drawing that cover each other or leave it."""
    things = [(box.id, box.x, box.y, box.x + WIDTH, box.y + box.h) for box in drawn.boxes.values()]
    things += [
        (one.id, one.x - one.room // 2 + 4, one.y - 13, one.x + one.room // 2 - 4, one.y + 44) for one in drawn.labels
    ]
    whole = (0, 0, drawn.width, drawn.height)
    outside = [
        (id, "")
        for id, x, y, right, low in things
        if x < whole[0] or y < whole[1] or right > whole[2] or low > whole[3]
    ]
    return outside + [
        (a[0], b[0])
        for a, b in itertools.combinations(things, 2)
        if a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4]
    ]


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_message_has_a_receiver_and_every_watch_a_way_to_its_records(template: str) -> None:
    model = model_of(template)
    sends = [action for rule in model.rules.values() for action in rule.actions if action.kind == "send"]
    assert all(action.to or action.channel == "webhook" for action in sends)
    assert all(alert.to or all(level.to for level in alert.levels) for alert in model.alerts.values())
    index = build_index(model)
    watching = {watch.id for each in (*index.cells.values(), *index.ledgers.values()) for watch, _ in each}
    assert {watch.id for watch in index.watches} <= watching


def test_the_discrete_template_has_the_rules_and_alerts_of_its_trade() -> None:
    model = model_of("discrete")
    assert {"order_to_supplier", "prepare_receiving", "ready_to_deliver"} <= set(model.rules)
    assert {"below_safety", "work_late", "purchase_late", "order_late", "subcontract_late"} <= set(model.alerts)
