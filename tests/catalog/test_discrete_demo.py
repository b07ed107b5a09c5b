"""The demo of the discrete template: a living firm on the day it is loaded; everything draws, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from shutil import copytree

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from runtime import cards, ledgers, planning, tasks
from runtime.apps import AppHome, RunningApp
from runtime.context import SYSTEM, RunContext, User
from tests.conftest import DEMO_DAY
from web.application import create_app

NOW = DEMO_DAY
TODAY = date(2027, 5, 19)
LANGUAGES = ("zh", "en")


@pytest.fixture(scope="module")
def home(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppHome]:
    """A home with the demo, loaded once."""
    folder = tmp_path_factory.mktemp("firm") / "demo"
    copytree(demo_folder, folder)
    home = AppHome(folder, clock=NOW)
    yield home
    home.close()


@pytest.fixture(scope="module")
def app(home: AppHome) -> RunningApp:
    return home.get("demo")


@pytest.fixture
def ctx(app: RunningApp) -> Iterator[RunContext]:
    with app.database.read() as connection:
        yield RunContext(app=app, connection=connection, user=SYSTEM, clock=NOW)


@pytest.fixture(scope="module")
def client(home: AppHome) -> FlaskClient:
    web = create_app(home, clock=NOW, testing=True)
    web.config["WTF_CSRF_ENABLED"] = False
    client = web.test_client()
    client.post("/login", data={"name": "admin", "password": "dougong-demo"})
    return client


def refused(client: FlaskClient, paths: list[str]) -> list[str]:
    """The pages that do not come, in either language."""
    wrong = []
    for path in paths:
        for language in LANGUAGES:
            answer = client.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
            if answer.status_code != 200:
                wrong.append(f"{path} {language}: {answer.status_code}")
    return wrong


def test_d4_copper_is_short_in_time_and_the_suggestion_is_in_packs(ctx: RunContext) -> None:
    table = ctx.app.tables.entity["item"]
    copper = ctx.connection.execute(select(table.c.id).where(table.c.code == "RM-CU-012")).scalar_one()
    found = [one for one in planning.net(ctx).suggestions if one.item == copper]
    assert [(one.short, one.quantity, one.late_days) for one in found] == [(2075, 2100, 0)]
    assert (found[0].need_date - TODAY).days == 7
    assert (found[0].order_date - TODAY).days == 1
    assert [peg.entity for peg in found[0].pegs] == ["sales_order"]


def test_no_suggestion_is_late(ctx: RunContext) -> None:
    assert [one.title for one in planning.net(ctx).suggestions if one.late_days > 0] == []


def test_figures_are_those_of_a_firm_at_work(ctx: RunContext) -> None:
    figures = {figure.id: figure.value for figure in cards.cards(ctx)}
    between = {
        "overdue_orders": (2, 4),
        "on_time": (Decimal("0.85"), Decimal("0.97")),
        "raw_days": (30, 75),
        "gross_margin": (Decimal("0.2"), Decimal("0.36")),
        "yield": (Decimal("0.97"), Decimal("0.995")),
        "incoming_pass": (Decimal("0.96"), Decimal("0.998")),
        "count_accuracy": (Decimal("0.9"), Decimal("0.995")),
        "running_orders": (3, 20),
        "wip_value": (10000, 200000),
        "receivable_overdue": (1, 200000),
        "shortages": (1, 3),
        "kit_share": (Decimal("0.5"), 1),
    }
    odd = {
        id: figures[id] for id, (low, high) in between.items() if figures[id] is None or not low <= figures[id] <= high
    }
    assert odd == {}
    assert [id for id, value in figures.items() if value is None] == []


def test_history_ends_today_and_names_people(ctx: RunContext) -> None:
    orders, trail = ctx.app.tables.entity["sales_order"], ctx.app.tables.system.audit
    assert ctx.connection.execute(select(func.max(orders.c.date))).scalar() == TODAY
    nameless = select(func.count()).select_from(trail).where(trail.c.entity == "sales_order", trail.c.account.is_(None))
    assert ctx.connection.execute(nameless).scalar() == 0


@pytest.mark.parametrize("role", ["manager", "buyer", "keeper", "production", "quality", "finance"])
def test_something_waits_for_each_role_that_decides(ctx: RunContext, role: str) -> None:
    account = ctx.app.tables.system.account
    row = ctx.connection.execute(select(account).where(account.c.name == role)).mappings().one()
    user = User(account=row["id"], name=role, roles=frozenset({role}), member=row["member"])
    asked = RunContext(app=ctx.app, connection=ctx.connection, user=user, clock=NOW)
    assert tasks.mine(asked) != []


def test_the_ledgers_are_proved(ctx: RunContext) -> None:
    assert list(ledgers.check(ctx.connection, ctx.app.model, ctx.app.tables)) == []


def test_every_dashboard_report_ledger_and_plan_draws(client: FlaskClient, app: RunningApp) -> None:
    model = app.model
    paths = [f"/dashboards/{id}" for id in model.dashboards]
    paths += [f"/reports/{id}" for id in model.reports]
    paths += [f"/ledgers/{id}" for id in model.ledgers]
    paths += [f"/plans/{id}" for id in model.plans]
    assert refused(client, paths) == []


def test_every_view_draws(client: FlaskClient, app: RunningApp) -> None:
    described = [e for e in app.model.entities.values() if e.id in app.tables.entity and e.views]
    assert refused(client, [f"/e/{e.id}?view={view}" for e in described for view in e.views]) == []


def test_every_form_and_print_draws(client: FlaskClient, app: RunningApp, ctx: RunContext) -> None:
    first: dict[str, int] = {}
    for entity in app.model.entities.values():
        if entity.form is not None and entity.kind in ("master", "document"):
            last = ctx.connection.execute(select(func.max(app.tables.entity[entity.id].c.id))).scalar()
            if last is not None:
                first[entity.id] = last
    paths = [f"/e/{entity}/{id}" for entity, id in first.items()]
    paths += [f"/e/{entity.id}/new" for entity in app.model.entities.values() if entity.id in first]
    prints = app.model.prints.items()
    paths += [f"/print/{id}/{first[each.entity]}" for id, each in prints if each.entity in first]
    assert refused(client, paths) == []
