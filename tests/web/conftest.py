"""One small app of the discrete template for all tests of the web: made once for each database, shared by its tests.

Tests make the records they need and count on nothing else, so any order will do.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.apps import AppHome
from tests.conftest import DIALECTS
from tests.scenarios.works import MovingClock, Server, Works, prepare


@pytest.fixture(scope="session")
def office_on_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """The app on SQLite."""
    folder = tmp_path_factory.mktemp("office")
    tokens = prepare(folder)
    home = AppHome(folder)
    yield Works(home, MovingClock(), tokens)
    home.close()


@pytest.fixture(scope="session")
def office_on_server(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """The app on PostgreSQL."""
    server = Server(postgres_url)
    name, folder = server.database(), tmp_path_factory.mktemp("office_pg")
    tokens = prepare(folder, server.url(name))
    home = AppHome(folder, server.url(name))
    yield Works(home, MovingClock(), tokens)
    home.close()
    server.drop(name)
    server.close()


def pytest_configure(config: pytest.Config) -> None:
    """The mark of tests whose statements differ between databases."""
    config.addinivalue_line("markers", "both: run on each database; others of the web run on SQLite")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A page or an answer is made the same way on both databases; only what brings statements of its own runs twice."""
    if "office" in metafunc.fixturenames:
        both = metafunc.definition.get_closest_marker("both")
        metafunc.parametrize("office", DIALECTS if both else DIALECTS[:1], indirect=True)


@pytest.fixture
def office(request: pytest.FixtureRequest) -> Works:
    """The app: on SQLite, and for tests marked ``both`` on PostgreSQL too."""
    name = "office_on_file" if request.param == "sqlite" else "office_on_server"
    found: Works = request.getfixturevalue(name)
    return found
