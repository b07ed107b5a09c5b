"""The description is true: what it promises is what the app answers, whatever is sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from engine.model import EntityKind
from tests.scenarios.works import Works
from tests.web.api.test_records import some_item

PREFIX = "/api/v1"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
TRIED = (
    "/item",
    "/item/{id}",
    "/item/{id}/history",
    "/partner",
    "/lot/{id}",
    "/purchase_order",
    "/purchase_order/{id}",
    "/purchase_order/{id}/actions/submit",
    "/purchase_order/{id}/links",
    "/ledgers/stock/balances",
    "/ledgers/stock/moves",
    "/ledgers/receivable/balances",
    "/plan/explode",
    "/plan/where-used",
    "/plan/cost",
    "/plan/net",
    "/reports/stock_on_hand",
    "/reports/receivable_ageing",
    "/cards/receivable_overdue",
    "/tasks",
    "/tasks/{id}/approve",
    "/inbox",
    "/inbox/{id}/ack",
    "/channels",
    "/channels/{id}",
    "/plugins",
    "/plugins/{plugin}",
    "/plugins/{plugin}/acts/{act}",
    "/plugins/{plugin}/runs",
    "/plugins/{plugin}/runs/{id}",
    "/outbox",
    "/outbox/{id}/resend",
    "/sync",
    "/sync/{id}/redo",
    "/sync/{id}/discard",
    "/rules",
    "/rules/{rule}",
    "/rules/{rule}/runs",
    "/rules/{rule}/why",
    "/rules/{rule}/simulate",
    "/alerts",
    "/alerts/{id}/ack",
    "/alerts/{id}/offers/{offer}",
    "/workflows",
    "/workflows/purchase_order",
    "/trace/lot/{id}",
    "/files",
    "/files/{id}",
    "/metadata/versions",
)
EXAMPLES = 6


METHODS = ("get", "post", "patch", "delete")


@pytest.fixture(scope="session")
def described(office_on_file: Works) -> Any:
    """The description as the generator reads it; an operation is only worked out when it is asked for."""
    some_item(office_on_file.api())
    return schemathesis.openapi.from_wsgi(f"{PREFIX}/openapi.json", office_on_file.flask, headers=token(office_on_file))


@pytest.fixture(scope="session")
def operations(office_on_file: Works) -> dict[str, list[str]]:
    """The methods of the description, by path."""
    paths = office_on_file.api().get("/openapi.json")["paths"]
    return {path: [method for method in METHODS if method in each] for path, each in paths.items()}


def token(office: Works) -> dict[str, str]:
    """Who asks."""
    return {"Authorization": f"Bearer {office.tokens['admin']}"}


@pytest.mark.parametrize("path", TRIED)
def test_whatever_is_sent_the_answer_is_one_that_is_described(
    office_on_file: Works, described: Any, operations: dict[str, list[str]], path: str
) -> None:
    for method in operations[path]:
        operation = described[path][method.upper()]

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def holds(case: Any) -> None:
            response = case.call(headers=token(office_on_file))
            case.validate_response(response, checks=CHECKS)

        holds()
    if path == "/plugins/{plugin}":  # and what was set is as it was
        with office_on_file.acting() as ctx:
            ctx.connection.execute(ctx.app.tables.system.plugin.delete())
    if path == "/rules/{rule}":  # the app is shared: what was switched off goes on again
        for rule in office_on_file.api().items("/rules"):
            office_on_file.api().call("PATCH", f"/rules/{rule['id']}", {"on": True})


def test_every_path_of_the_description_is_an_address_and_all_of_the_contract_are_there(
    office_on_file: Works, operations: dict[str, list[str]]
) -> None:
    adapter = office_on_file.flask.url_map.bind("localhost")
    for path, methods in operations.items():
        for method in methods:
            address = PREFIX + re.sub(r"\{\w+\}", "1", path)
            endpoint, _ = adapter.match(address, method=method.upper())
            assert endpoint.startswith("api."), address
    model = office_on_file.app.model
    whole = [e.id for e in model.entities.values() if e.kind not in (EntityKind.LINES, EntityKind.SYSTEM)]
    wanted = {f"/{name}" for name in whole} | {f"/{name}/{{id}}" for name in whole}
    wanted |= {f"/ledgers/{name}/balances" for name in model.ledgers} | {f"/reports/{name}" for name in model.reports}
    wanted |= {f"/cards/{name}" for name in model.cards} | {"/metadata", "/events"}
    assert wanted <= set(operations)


ANY = re.compile(r"<[^>]+>")
"""A part of an address that stands for any name."""


def test_every_address_of_the_api_is_described(office_on_file: Works, operations: dict[str, list[str]]) -> None:
    described = [(re.sub(r"\{\w+\}", "1", path), method) for path, methods in operations.items() for method in methods]
    undescribed = []
    for rule in office_on_file.flask.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            pattern = re.compile("[^/]+".join(map(re.escape, ANY.split(rule.rule.removeprefix(PREFIX)))))
            for method in (m.lower() for m in rule.methods or () if m.lower() in METHODS):
                if not any(method == known and pattern.fullmatch(path) for path, known in described):
                    undescribed.append(f"{method} {rule.rule}")
    assert undescribed == []


def test_nothing_is_described_that_does_not_exist(operations: dict[str, list[str]]) -> None:
    for absent in ("/metadata/draft",):
        assert not any(path.startswith(absent) for path in operations)


def test_records_are_what_their_schema_says_and_nothing_more(office_on_file: Works) -> None:
    api = office_on_file.api()
    description = api.get("/openapi.json")
    assert description["openapi"] == "3.1.0"
    assert description["servers"] == [{"url": PREFIX}]
    office_on_file.bought(some_item(api)["code"], "3", "1")
    for name in ("item", "partner", "warehouse", "employee", "bom", "purchase_receipt", "unit", "costing"):
        schema = description["components"]["schemas"][name]
        validator = Draft202012Validator({**schema, "components": description["components"]})
        for row in api.items(f"/{name}", page_size=3):
            found = api.read(name, row["id"])
            assert [e.message for e in validator.iter_errors(found)] == []
            assert set(found) <= set(schema["properties"]), name
