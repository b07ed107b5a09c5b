"""The firm on both databases; every test works in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.apps import RunningApp
from runtime.database import Database
from tests.runtime.rules.firm import Firm, context, open_firm


@pytest.fixture(scope="module")
def firm_app(module_database: Database) -> RunningApp:
    """The app, shared by the tests of a module."""
    return open_firm(module_database)


@pytest.fixture
def firm(firm_app: RunningApp) -> Iterator[Firm]:
    """The firm in a transaction that leaves nothing behind."""
    engine = firm_app.database.engine.execution_options(dougong_begin="write")
    with engine.connect() as connection:
        transaction = connection.begin()
        yield Firm(context(firm_app, connection))
        transaction.rollback()
