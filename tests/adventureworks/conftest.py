"""AdventureWorks in the discrete template: once a session on SQLite and, with fewer orders, on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from runtime.app_setup import set_up
from runtime.app_source import start_from
from runtime.apps import AppHome, RunningApp
from runtime.context import FixedClock, RunContext
from runtime.importing import Report
from tests.adventureworks.loading import DATA, STEPS, Cut, Step, bring_in
from tests.adventureworks.source import Source

CLOCK = FixedClock(datetime(2014, 10, 1, 4, 0, tzinfo=UTC))
CUTS: Mapping[str, Cut] = {
    "sqlite": {"WorkOrder.csv": (2500, 300)},
    "postgresql": {"WorkOrder.csv": (250, 50), "PurchaseOrderDetail.csv": (300, 60)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """The app with everything brought in, what importing told, and the source to compare with."""

    home: AppHome
    app: RunningApp
    reports: Mapping[str, Report]
    source: Source


@pytest.fixture(scope="session", params=("sqlite", "postgresql"))
def works(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """The whole of it; the last orders of the source are always among those taken."""
    if not DATA.is_dir():
        pytest.skip(f"the AdventureWorks data is not there: {DATA}")
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    home = AppHome(tmp_path_factory.mktemp("works"), url, clock=CLOCK)
    name = f"works_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"  # workers share one PostgreSQL
    app = home.create(name, start_from(name, "discrete"), language="en")
    set_up(app, CLOCK)
    cut = CUTS[request.param]
    yield Works(home=home, app=app, reports=bring_in(app, STEPS, cut), source=Source(cut))
    app.database.drop_schema()
    home.close()


@pytest.fixture
def ctx(works: Works) -> Iterator[RunContext]:
    """A look at the app on the day the tests stand at."""
    with works.app.database.read() as connection:
        yield works.app.context(connection, CLOCK)


__all__ = ["Step"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The firm is brought in once for each database: its tests stay together on one worker."""
    for item in items:
        if "adventureworks" in item.path.parts:
            side = "postgresql" if "postgresql" in item.name else "sqlite"
            item.add_marker(pytest.mark.xdist_group(f"adventureworks-{side}"))
