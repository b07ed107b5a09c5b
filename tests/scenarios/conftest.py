"""Apps for the scenarios: made once for each database, copied for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import DIALECTS
from tests.scenarios.agency import prepare_agency
from tests.scenarios.kitchen import Kitchen, prepare_kitchen
from tests.scenarios.larder import Larder, prepare_food
from tests.scenarios.trade import prepare_trade
from tests.scenarios.works import MovingClock, Server, Works, copied_database, copied_file, prepare


@dataclass(frozen=True)
class Prepared:
    """A finished app that nobody works on: where it lies and its tokens."""

    folder: Path
    tokens: dict[str, str]
    database: str = ""


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The embedded app."""
    folder = tmp_path_factory.mktemp("prepared")
    return Prepared(folder, prepare(folder))


@pytest.fixture(scope="session")
def server(postgres_url: str) -> Iterator[Server]:
    """The PostgreSQL server."""
    found = Server(postgres_url)
    yield found
    found.close()


@pytest.fixture(scope="session")
def prepared_database(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """The app on PostgreSQL."""
    folder, name = tmp_path_factory.mktemp("prepared_pg"), server.database()
    yield Prepared(folder, prepare(folder, server.url(name)), name)
    server.drop(name)


@pytest.fixture
def make_works(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Works]]:
    """Copies of the app: ``make_works("sqlite")``, ``make_works("postgresql")``."""
    yield from _copies(request, tmp_path, {"sqlite": "prepared_file", "postgresql": "prepared_database"})


def _copies(
    request: pytest.FixtureRequest, tmp_path: Path, fixtures: Mapping[str, str]
) -> Iterator[Callable[[str], Works]]:
    """A maker of copies of finished apps, by database; afterwards they are gone."""
    made: list[tuple[Works, str]] = []

    def make(dialect: str) -> Works:
        folder = tmp_path / f"home{len(made)}"
        prepared: Prepared = request.getfixturevalue(fixtures[dialect])
        if dialect == "sqlite":
            home, name = copied_file(prepared.folder, folder), ""
        else:
            home, name = copied_database(request.getfixturevalue("server"), prepared.database, prepared.folder, folder)
        made.append((Works(home, MovingClock(), prepared.tokens), name))
        return made[-1][0]

    yield make
    for works, name in made:
        works.home.close()
        if name:
            request.getfixturevalue("server").drop(name)


@pytest.fixture
def works(make_works: Callable[[str], Works]) -> Works:
    """An app of its own on SQLite."""
    return make_works("sqlite")


@pytest.fixture(params=DIALECTS)
def both(request: pytest.FixtureRequest, make_works: Callable[[str], Works]) -> Works:
    """An app of its own, once on each database."""
    return make_works(request.param)


@pytest.fixture(scope="session")
def agency_file(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The embedded service firm."""
    folder = tmp_path_factory.mktemp("agency")
    return Prepared(folder, prepare_agency(folder))


@pytest.fixture(scope="session")
def agency_database(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """The service firm on PostgreSQL."""
    folder, name = tmp_path_factory.mktemp("agency_pg"), server.database()
    yield Prepared(folder, prepare_agency(folder, server.url(name)), name)
    server.drop(name)


@pytest.fixture
def agency(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Works]:
    """A service firm of its own on SQLite."""
    for make in _copies(request, tmp_path, {"sqlite": "agency_file"}):
        yield make("sqlite")


@pytest.fixture(params=DIALECTS)
def agency_both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Works]:
    """A service firm of its own, once on each database."""
    for make in _copies(request, tmp_path, {"sqlite": "agency_file", "postgresql": "agency_database"}):
        yield make(request.param)


@pytest.fixture(scope="session")
def trade_file(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The embedded trading firm."""
    folder = tmp_path_factory.mktemp("trade")
    return Prepared(folder, prepare_trade(folder))


@pytest.fixture(scope="session")
def trade_database(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """The trading firm on PostgreSQL."""
    folder, name = tmp_path_factory.mktemp("trade_pg"), server.database()
    yield Prepared(folder, prepare_trade(folder, server.url(name)), name)
    server.drop(name)


@pytest.fixture
def trade(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Works]:
    """A trading firm of its own on SQLite."""
    for make in _copies(request, tmp_path, {"sqlite": "trade_file"}):
        yield make("sqlite")


@pytest.fixture(params=DIALECTS)
def trade_both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Works]:
    """A trading firm of its own, once on each database."""
    for make in _copies(request, tmp_path, {"sqlite": "trade_file", "postgresql": "trade_database"}):
        yield make(request.param)


@pytest.fixture(scope="session")
def food_file(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The embedded food firm."""
    folder = tmp_path_factory.mktemp("food")
    return Prepared(folder, prepare_food(folder))


@pytest.fixture(scope="session")
def food_database(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """The food firm on PostgreSQL."""
    folder, name = tmp_path_factory.mktemp("food_pg"), server.database()
    yield Prepared(folder, prepare_food(folder, server.url(name)), name)
    server.drop(name)


@pytest.fixture
def larder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Larder]:
    """A food firm of its own on SQLite."""
    for make in _copies(request, tmp_path, {"sqlite": "food_file"}):
        yield Larder(make("sqlite"))


@pytest.fixture(params=DIALECTS)
def larder_both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Larder]:
    """A food firm of its own, once on each database."""
    for make in _copies(request, tmp_path, {"sqlite": "food_file", "postgresql": "food_database"}):
        yield Larder(make(request.param))


@pytest.fixture(scope="session")
def kitchen_file(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The embedded restaurant."""
    folder = tmp_path_factory.mktemp("kitchen")
    return Prepared(folder, prepare_kitchen(folder))


@pytest.fixture(scope="session")
def kitchen_database(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """The restaurant on PostgreSQL."""
    folder, name = tmp_path_factory.mktemp("kitchen_pg"), server.database()
    yield Prepared(folder, prepare_kitchen(folder, server.url(name)), name)
    server.drop(name)


@pytest.fixture
def kitchen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kitchen]:
    """A restaurant of its own on SQLite."""
    for make in _copies(request, tmp_path, {"sqlite": "kitchen_file"}):
        yield Kitchen(make("sqlite"))


@pytest.fixture(params=DIALECTS)
def kitchen_both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kitchen]:
    """A restaurant of its own, once on each database."""
    for make in _copies(request, tmp_path, {"sqlite": "kitchen_file", "postgresql": "kitchen_database"}):
        yield Kitchen(make(request.param))
