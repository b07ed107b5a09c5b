"""A start without change: nothing compiled, nothing loaded that a first page does not need, no connection shared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runtime.app_source import pin
from runtime.apps import AppHome
from tests.engine.apps import SHOP

PROGRAM = """
import json, sys
import engine.compile.app, engine.schema
import jinja2

def refuse(*given, **named):
    raise AssertionError("compiled again")

if sys.argv[2] == "warm":
    engine.compile.app.compile_app = refuse
    import engine.compiler
    engine.compiler.compile_app = refuse
    jinja2.Environment._compile = refuse

import web.cli, web.clockwork, web.commands.run
web.clockwork.start_clockwork = lambda home: None
from runtime.apps import AppHome
from runtime.settings import Settings
from web.serving import loaded

home = AppHome(sys.argv[1])
work = loaded(Settings(home=sys.argv[1]), home)
open_before = [app.database.engine.pool.checkedin() for app, _ in home._open.values()]
page = work().test_client().get("/login")
print(json.dumps({
    "status": page.status_code, "open": open_before,
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
}))
"""
HEAVY = {
    "alembic", "cryptography", "flask_limiter", "httpx", "jsonschema", "limits", "openpyxl", "pandas", "psycopg",
    "pygments", "pypinyin", "python_calamine", "reportlab", "rich", "rustpy_xlsxwriter", "segno", "simpleeval",
    "statsmodels", "structlog", "typst", "weasyprint",
}  # fmt: skip


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A firm whose server has been started once."""
    folder = tmp_path_factory.mktemp("firm")
    home = AppHome(folder)
    home.create("shop", pin(SHOP))
    home.close()
    start(folder, "cold")
    return folder


def start(folder: Path, how: str) -> dict[str, Any]:
    """What a start and the first page of a server over ``folder`` did."""
    command = [sys.executable, "-c", PROGRAM, str(folder), how]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."})
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def warm(firm: Path) -> dict[str, Any]:
    return start(firm, "warm")


def test_a_start_without_change_compiles_nothing(warm: dict[str, Any]) -> None:
    assert warm["status"] == 200


def test_a_first_page_loads_nothing_that_weighs_and_is_not_needed(warm: dict[str, Any]) -> None:
    assert sorted(HEAVY & set(warm["modules"])) == []
    assert {"flask", "sqlalchemy"} <= set(warm["modules"])


def test_no_connection_is_handed_to_a_worker(warm: dict[str, Any]) -> None:
    assert warm["open"] == [0]
