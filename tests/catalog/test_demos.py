"""The demos of the templates: a living firm on the day it is loaded; everything draws, in both languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from engine.compile.layers import CATALOGUE
from runtime import cards, ledgers, tasks
from runtime.app_setup import set_up
from runtime.app_source import start_from
from runtime.apps import AppHome, RunningApp
from runtime.context import SYSTEM, FixedClock, RunContext, User
from runtime.demo import DemoResult, load_demo
from web.application import create_app

NOW = FixedClock(datetime(2027, 5, 19, 18, 0, tzinfo=ZoneInfo("Asia/Shanghai")))
LANGUAGES = ("zh", "en")
TEMPLATES = ("food", "generic", "restaurant", "service")
BETWEEN: Mapping[str, Mapping[str, tuple[object, object]]] = MappingProxyType(
    {
        "generic": {
            "stock_value": (100000, 400000),
            "gross_margin": (Decimal("0.25"), Decimal("0.45")),
            "on_time": (Decimal("0.8"), Decimal("0.99")),
            "overdue_orders": (0, 4),
            "receivable_overdue": (1, 60000),
            "return_rate": (Decimal("0.001"), Decimal("0.03")),
            "count_accuracy": (Decimal("0.85"), 1),
            "in_transit_value": (50, 20000),
        },
        "food": {
            "stock_value": (80000, 200000),
            "gross_margin": (Decimal("0.3"), Decimal("0.55")),
            "on_time": (Decimal("0.8"), Decimal("0.99")),
            "overdue_orders": (0, 5),
            "near_value": (1, 12),
            "expired_lots": (1, 2),
            "held_lots": (1, 10),
            "licences_soon": (2, 2),
            "incoming_pass": (Decimal("0.95"), 1),
            "processing_yield": (Decimal("0.9"), Decimal("0.99")),
            "count_accuracy": (Decimal("0.85"), 1),
        },
        "restaurant": {
            "stock_value": (60000, 250000),
            "menu_margin": (Decimal("0.65"), Decimal("0.85")),
            "thin_dishes": (1, 6),
            "waste_rate": (Decimal("0.0005"), Decimal("0.03")),
            "unexplained": (1, 2000),
            "incoming_pass": (Decimal("0.95"), Decimal("0.9999")),
            "processing_yield": (Decimal("0.5"), Decimal("0.8")),
            "count_accuracy": (Decimal("0.75"), 1),
        },
        "service": {
            "running_contracts": (4, 10),
            "mean_progress": (Decimal("0.2"), Decimal("0.8")),
            "late_milestones": (1, 4),
            "receivable_overdue": (1, 100000),
            "project_margin": (Decimal("0.5"), Decimal("0.9")),
            "over_budget": (1, 1),
            "ending_contracts": (1, 1),
            "retention": (24000, 24000),
            "sla": (Decimal("0.7"), 1),
            "satisfaction": (4, 5),
        },
    }
)
DECIDE = {
    "food": ("manager", "quality", "finance"),
    "generic": ("manager", "keeper", "finance"),
    "restaurant": ("manager",),
    "service": ("manager", "production"),
}


class Told:
    """A demo that has been loaded."""

    def __init__(self, template: str, home: AppHome, app: RunningApp, result: DemoResult) -> None:
        self.template, self.home, self.app, self.result = template, home, app, result
        web = create_app(home, clock=NOW, testing=True)
        web.config["WTF_CSRF_ENABLED"] = False
        self.client: FlaskClient = web.test_client()
        self.client.post("/login", data={"name": "admin", "password": "dougong-demo"})

    def refused(self, paths: list[str]) -> list[str]:
        """The pages that do not come, in either language."""
        wrong = []
        for path in paths:
            for language in LANGUAGES:
                answer = self.client.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
                if answer.status_code != 200:
                    wrong.append(f"{path} {language}: {answer.status_code}")
        return wrong


@pytest.fixture(scope="module", params=TEMPLATES)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A home with the demo of a template, loaded once."""
    home = AppHome(tmp_path_factory.mktemp("demo"), clock=NOW)
    app = home.create("demo", start_from("demo", request.param))
    set_up(app, NOW)
    result = load_demo(app, CATALOGUE / app.model.demo["data"], clock=NOW)
    yield Told(request.param, home, app, result)
    home.close()


@pytest.fixture
def ctx(told: Told) -> Iterator[RunContext]:
    with told.app.database.read() as connection:
        yield RunContext(app=told.app, connection=connection, user=SYSTEM, clock=NOW)


def test_the_story_is_told_as_it_is_written(told: Told) -> None:
    allowed = ("可用量不足", "不够")  # goods run out now and then, as in life
    assert [one for one in told.result.refused if not any(word in one for word in allowed)] == []
    assert len(told.result.refused) <= 25


def test_figures_are_those_of_a_firm_at_work(told: Told, ctx: RunContext) -> None:
    figures = {figure.id: figure.value for figure in cards.cards(ctx)}
    assert [id for id, value in figures.items() if value is None] == []
    odd = {
        id: figures[id]
        for id, (low, high) in BETWEEN[told.template].items()
        if not low <= figures[id] <= high  # type: ignore[operator]
    }
    assert odd == {}


def test_something_waits_for_each_role_that_decides(told: Told, ctx: RunContext) -> None:
    account = ctx.app.tables.system.account
    idle = []
    for role in DECIDE[told.template]:
        row = ctx.connection.execute(select(account).where(account.c.name == role)).mappings().one()
        user = User(account=row["id"], name=role, roles=frozenset({role}), member=row["member"])
        asked = RunContext(app=ctx.app, connection=ctx.connection, user=user, clock=NOW)
        idle += [role] if tasks.mine(asked) == [] else []
    assert idle == []


def test_the_ledgers_are_proved(ctx: RunContext) -> None:
    assert list(ledgers.check(ctx.connection, ctx.app.model, ctx.app.tables)) == []


def test_every_dashboard_report_ledger_and_view_draws(told: Told) -> None:
    model = told.app.model
    paths = [f"/dashboards/{id}" for id in model.dashboards]
    paths += [f"/reports/{id}" for id in model.reports]
    paths += [f"/ledgers/{id}" for id in model.ledgers]
    described = [e for e in model.entities.values() if e.id in told.app.tables.entity and e.views]
    paths += [f"/e/{e.id}?view={view}" for e in described for view in e.views]
    assert told.refused(paths) == []


def test_every_form_print_and_label_draws(told: Told, ctx: RunContext) -> None:
    last: dict[str, int] = {}
    for entity in told.app.model.entities.values():
        if entity.form is not None and entity.kind in ("master", "document"):
            found = ctx.connection.execute(select(func.max(told.app.tables.entity[entity.id].c.id))).scalar()
            if found is not None:
                last[entity.id] = found
    paths = [f"/e/{entity}/{id}" for entity, id in last.items()] + [f"/e/{entity}/new" for entity in last]
    paths += [f"/print/{id}/{last[one.entity]}" for id, one in told.app.model.prints.items() if one.entity in last]
    assert told.refused(paths) == []
