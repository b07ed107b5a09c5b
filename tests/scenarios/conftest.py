"""Firms for the scenarios: each made once for each database, copied for each test.

A test asks for ``trade`` (one of its own on SQLite), for ``trade_both`` (once on each database) or for ``make_trade``
(as many copies as it wants, on the database it names); likewise for the other firms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
def server(postgres_url: str) -> Iterator[Server]:
    """The PostgreSQL server."""
    found = Server(postgres_url)
    yield found
    found.close()


def _firm(
    name: str, prepare: Callable[..., dict[str, str]], seen_as: Callable[[Works], Any] = lambda works: works
) -> tuple[Any, ...]:
    """The fixtures of one firm: two that are kept, a maker of copies, one copy, one copy on each database."""

    @pytest.fixture(scope="session", name=f"{name}_file")
    def kept_file(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
        folder = tmp_path_factory.mktemp(name)
        return Prepared(folder, prepare(folder))

    @pytest.fixture(scope="session", name=f"{name}_database")
    def kept_database(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
        folder, database = tmp_path_factory.mktemp(f"{name}_pg"), server.database()
        yield Prepared(folder, prepare(folder, server.url(database)), database)
        server.drop(database)

    @pytest.fixture(name=f"make_{name}")
    def maker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
        made: list[tuple[Works, str]] = []

        def make(dialect: str) -> Any:
            made.append(_copy(request, dialect, name, tmp_path / f"home{len(made)}"))
            return seen_as(made[-1][0])

        yield make
        for works, database in made:
            works.home.close()
            if database:
                request.getfixturevalue("server").drop(database)

    @pytest.fixture(name=name)
    def one(request: pytest.FixtureRequest) -> Any:
        return request.getfixturevalue(f"make_{name}")("sqlite")

    @pytest.fixture(name=f"{name}_both", params=DIALECTS)
    def on_each(request: pytest.FixtureRequest) -> Any:
        return request.getfixturevalue(f"make_{name}")(request.param)

    return kept_file, kept_database, maker, one, on_each


def _copy(request: pytest.FixtureRequest, dialect: str, name: str, folder: Path) -> tuple[Works, str]:
    """A copy of a finished app, and its database where a server has one."""
    if dialect == "sqlite":
        kept: Prepared = request.getfixturevalue(f"{name}_file")
        return Works(copied_file(kept.folder, folder), MovingClock(), kept.tokens), ""
    kept = request.getfixturevalue(f"{name}_database")
    home, database = copied_database(request.getfixturevalue("server"), kept.database, kept.folder, folder)
    return Works(home, MovingClock(), kept.tokens), database


works_file, works_database, make_works, works, works_both = _firm("works", prepare)
agency_file, agency_database, make_agency, agency, agency_both = _firm("agency", prepare_agency)
trade_file, trade_database, make_trade, trade, trade_both = _firm("trade", prepare_trade)
larder_file, larder_database, make_larder, larder, larder_both = _firm("larder", prepare_food, Larder)
kitchen_file, kitchen_database, make_kitchen, kitchen, kitchen_both = _firm("kitchen", prepare_kitchen, Kitchen)


@pytest.fixture
def both(works_both: Works) -> Works:
    """The workshop, once on each database."""
    return works_both
