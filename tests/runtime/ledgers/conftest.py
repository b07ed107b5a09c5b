"""The depot, empty, on both kinds of database. Its tables are made once a module and emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.database import Database, open_database
from tests.runtime.ledgers.depot import Depot, open_depot


@pytest.fixture(scope="module")
def module_depot(module_database: Database) -> Depot:
    """The app with its records, shared by a module."""
    return open_depot(module_database)


@pytest.fixture
def depot(module_depot: Depot) -> Depot:
    """The app with its records and no moves."""
    module_depot.empty()
    return module_depot


@pytest.fixture(scope="module")
def quick_depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Depot]:
    """For properties with many examples: SQLite. Empty it before each example."""
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('quick') / 'depot.db'}")
    yield open_depot(database)
    database.close()
