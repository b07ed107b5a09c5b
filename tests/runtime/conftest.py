"""A small app on both databases; every test works in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from runtime.apps import RunningApp
from runtime.context import RunContext
from runtime.database import Database
from tests.runtime.office import Office, open_office
from tests.runtime.outside import Outside, listening
from tests.runtime.shop import BOSS, SELLER, Shop, open_shop
from tests.runtime.works import Works, open_works


@pytest.fixture(scope="module")
def shop(module_database: Database) -> Shop:
    """The app with a few records, shared by the tests of a module."""
    return open_shop(module_database)


@pytest.fixture
def connection(shop: Shop) -> Iterator[Connection]:
    """A write transaction that leaves nothing behind."""
    engine = shop.app.database.engine.execution_options(dougong_begin="write")
    with engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def ctx(shop: Shop, connection: Connection) -> RunContext:
    """The system at work."""
    return shop.context(connection)


@pytest.fixture
def boss(shop: Shop, connection: Connection) -> RunContext:
    """Somebody who may do and see everything."""
    return shop.context(connection, BOSS, language="en")


@pytest.fixture
def seller(shop: Shop, connection: Connection) -> RunContext:
    """Somebody who sees neither cost nor other places' orders."""
    return shop.context(connection, SELLER, language="en")


@pytest.fixture(scope="module")
def approvals_app(module_database: Database) -> RunningApp:
    """The firm of ``office``, shared by the tests of a module."""
    return open_office(module_database)


@pytest.fixture
def office(approvals_app: RunningApp) -> Iterator[Office]:
    """The office with nothing open."""
    office = Office(approvals_app)
    yield office
    office.clear()


@pytest.fixture(scope="module")
def opened_works(module_database: Database) -> Works:
    """The works of ``works``, shared by the tests of a module."""
    return open_works(module_database)


@pytest.fixture
def works(request: pytest.FixtureRequest, opened_works: Works) -> Works:
    """The works with nothing in the system tables that the module calls ``EMPTIED``; nobody prefers anything."""
    with opened_works.acting() as ctx:
        system = ctx.app.tables.system
        for name in request.module.EMPTIED:
            ctx.connection.execute(getattr(system, name).delete())
        ctx.connection.execute(system.account.update().values(prefs="{}"))
    return opened_works


@pytest.fixture
def outside() -> Iterator[Outside]:
    """The world outside, as long as the test lasts."""
    with listening() as found:
        yield found
