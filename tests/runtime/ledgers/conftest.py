"""The depot, empty, on both kinds of database."""

from __future__ import annotations

import pytest

from runtime.database import Database
from tests.runtime.ledgers.depot import Depot, open_depot


@pytest.fixture
def depot(database: Database) -> Depot:
    """The app with its records and no moves."""
    return open_depot(database)
