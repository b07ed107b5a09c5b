"""The same figures through the HTTP API, and the same importing from the command line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from runtime.accounts import add_account, create_token
from tests.adventureworks.conftest import CLOCK, Works
from tests.adventureworks.loading import DATA, MAPPINGS, STEPS, path_of
from tests.adventureworks.test_structures import EXPLOSION, number_of
from web.application import create_app
from web.cli import cli

BIKE, DAY = "BK-R93R-62", "2014-10-01"


@pytest.fixture(scope="session")
def token(works: Works) -> str:
    """The key of somebody who may see everything."""
    with works.app.database.write() as connection:
        ctx = works.app.context(connection, CLOCK)
        return create_token(ctx, add_account(ctx, "boss", "", ["admin"]), "test")


@pytest.fixture
def client(works: Works, token: str) -> Iterator[FlaskClient]:
    """A client of the API on the day the tests stand at."""
    app = create_app(works.home, clock=CLOCK, testing=True)
    with app.test_client() as client:
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        client.environ_base["app"] = works.app.name  # several firms may share one server
        yield client


def root(client: FlaskClient) -> str:
    """Where the firm's own tree begins."""
    return f"/api/v1/apps/{client.environ_base['app']}"


def get(client: FlaskClient, path: str, **query: str) -> Any:
    answer = client.get(f"{root(client)}/{path}", query_string=query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return json.loads(answer.get_data(as_text=True), parse_float=Decimal)


def test_the_api_explodes_a_bike(works: Works, client: FlaskClient) -> None:
    found = get(client, "plan/explode", item=BIKE, qty="3", date=DAY)
    rows = works.source.all(EXPLOSION, id=number_of(works, BIKE), qty=3, day=DAY)
    levels = Counter(row["level"] for row in found["rows"])
    assert levels == Counter(level for level, _, _ in rows)
    total = sum(Decimal(str(row["qty"])) for row in found["rows"])
    assert total == sum(Decimal(str(quantity)) for _, _, quantity in rows)


def test_the_api_nets_a_demand(client: FlaskClient) -> None:
    demand = [{"item": BIKE, "qty": "500", "date": "2014-11-20"}]
    answer = client.post(f"{root(client)}/plan/net", json=demand)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    bikes = [s for s in answer.get_json()["suggestions"] if BIKE in s["item"]["title"]]
    assert [s["need_date"] for s in bikes][-1] == "2014-11-20"


def test_the_api_reports_the_punctuality_of_suppliers(works: Works, client: FlaskClient) -> None:
    found = get(client, "reports/supplier_performance")
    lines = next(line for line in found["rows"] if line["level"] == 0)
    done = works.source.one(
        "select count(*) from PurchaseOrderDetail join PurchaseOrderHeader using (PurchaseOrderID) where Status = '4'"
    )
    assert int(lines["values"]["lines"]) == done


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the AdventureWorks data is not there: {DATA}")
def test_the_command_line_brings_in_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def dougong(*arguments: str) -> Any:
        result = CliRunner().invoke(cli, ["--lang", "en", *arguments], prog_name="dougong")
        assert result.exit_code == 0, result.output
        return result

    dougong("new", "works", "--template", "discrete")
    expected = {"01_unit": (38, 38), "04_warehouse": (14, 14), "05_bin": (1069, 753)}
    for step in STEPS:
        if step.mapping in expected:
            mapping = str(MAPPINGS / f"{step.mapping}.yaml")
            told = dougong("import", "works", step.entity, str(path_of(step.file)), "--mapping", mapping, "--json")
            found = json.loads(told.stdout)
            assert (found["rows"], found["created"]) == expected[step.mapping]
