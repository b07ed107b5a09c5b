"""The depot, empty, on both kinds of database. Its tables are made once a module and emptied for each test."""

from __future__ import annotations

import pytest

from runtime.database import Database
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
