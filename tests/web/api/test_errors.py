"""Refusals: one shape, the right status, and a clear sentence for whatever odd thing is sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from engine.problems import MetadataError, Place, Problem
from tests.scenarios.clients import code
from tests.scenarios.works import PASSWORD, MovingClock, Works
from web.application import create_app

PATH = "/api/v1/item"


def call(office: Works, method: str, path: str, *, person: str = "admin", **rest: Any) -> TestResponse:
    """A call as it is, in English."""
    headers = {"Authorization": f"Bearer {office.tokens[person]}", "Accept-Language": "en", **rest.pop("headers", {})}
    return office.flask.test_client().open(path, method=method, headers=headers, **rest)


def refused(answer: TestResponse, status: int, error: str) -> str:
    """Checks the shape of a refusal; its first sentence."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    document = answer.get_json()
    assert list(document) == ["type", "title", "status", "detail", "errors"]
    assert (document["type"], document["status"]) == ("about:blank", status)
    assert all(list(each) == ["field", "code", "message"] for each in document["errors"])
    assert (document["errors"][0]["code"] if document["errors"] else "") == error
    return str(document["detail"])


def test_a_fault_names_field_code_and_sentence(office_on_file: Works) -> None:
    answer = call(office_on_file, "POST", PATH + "?lang=en", json={"code": "X", "category": code("RM")})
    assert answer.get_json() == {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "Name is required; Base unit is required",
        "errors": [
            {"field": "name", "code": "required", "message": "Name is required"},
            {"field": "unit", "code": "required", "message": "Base unit is required"},
        ],
    }


def test_without_a_token_one_is_asked_for(office_on_file: Works) -> None:
    for method in ("GET", "POST"):
        answer = office_on_file.flask.test_client().open(PATH, method=method)
        refused(answer, 401, "log_in")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    wrong = office_on_file.flask.test_client().get(PATH, headers={"Authorization": "Bearer nonsense"})
    refused(wrong, 401, "token_wrong")
    other = office_on_file.flask.test_client().get(PATH, headers={"Authorization": "Basic YTpi"})
    refused(other, 401, "token_wrong")


def test_what_one_may_not_do_is_403_and_nothing_is_written(office_on_file: Works) -> None:
    before = office_on_file.scalar("SELECT count(*) FROM item")
    row = {"code": "NO", "name": "x", "category": code("RM"), "unit": code("PC")}
    refused(call(office_on_file, "POST", PATH, person="viewer", json=row), 403, "forbidden")
    assert office_on_file.scalar("SELECT count(*) FROM item") == before


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/nothing_of_the_kind", "no_such_entity"),
        ("/item/999999", "not_found"),
        ("/item/99999999999999999999999", ""),
        ("/item/abc", ""),
        ("/ledgers/nothing/balances", "no_such_ledger"),
        ("/reports/nothing", "no_such_report"),
        ("/cards/nothing", "no_such_card"),
        ("/trace/item/999999", "not_found"),
        ("/metadata/draft", ""),
        ("/sync/1", "no_such_entity"),
        ("/purchase_order.lines", "no_such_entity"),
    ],
)
def test_what_is_not_there_is_404(office_on_file: Works, path: str, error: str) -> None:
    refused(call(office_on_file, "GET", "/api/v1" + path), 404, error)


def test_a_wrong_method_is_405_and_names_the_right_ones(office_on_file: Works) -> None:
    answer = call(office_on_file, "PUT", PATH)
    refused(answer, 405, "")
    assert {"GET", "POST", "HEAD", "OPTIONS"} == set(answer.headers["Allow"].split(", "))
    assert call(office_on_file, "OPTIONS", PATH).status_code == 200
    head = call(office_on_file, "HEAD", PATH)
    assert (head.status_code, head.data) == (200, b"")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "body_missing"),
        (b"{", "body_not_json"),
        (b"\xff\xfe{}", "body_not_json"),
        (b'{"name": NaN}', "body_not_json"),
        (b'{"name": 1e999999}', "body_not_json"),
        (b'{"name": "a", "name": "b"}', "body_not_json"),
        (b'{"name": "\\ud800"}', "body_not_json"),
        (b"[" * 100_000, "body_not_json"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "body_not_json"),
        (b"3", "body_not_object"),
        (b"[]", "body_not_object"),
        (b"[1]", "body_not_object"),
        (b"null", "body_not_object"),
    ],
)
def test_bodies_that_cannot_be_read_are_400(office_on_file: Works, body: bytes, error: str) -> None:
    answer = call(office_on_file, "POST", PATH, data=body, content_type="application/json")
    refused(answer, 400, error)


def test_brackets_inside_a_text_do_not_nest(office_on_file: Works) -> None:
    row = {"code": "BRACKETS", "name": "[{" * 40 + '\\"', "category": code("RM"), "unit": code("PC")}
    assert call(office_on_file, "POST", PATH, json=row).status_code == 201


def test_other_content_types_are_refused(office_on_file: Works) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        refused(call(office_on_file, "POST", PATH, data=b'{"a": 1}', content_type=kind), 400, "body_not_json_type")


def test_a_body_beyond_all_measure_is_413(office_on_file: Works) -> None:
    answer = call(office_on_file, "POST", PATH, data=b" " * (33 * 1024 * 1024), content_type="application/json")
    refused(answer, 413, "")


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("name", {"a": 1}, "not_a_text"),
        ("name", "a" * 100_000, "too_long"),
        ("name", "zero\0", "bad_character"),
        ("purchase_price", "12,5", "not_a_number"),
        ("purchase_price", "9" * 40, "too_large"),
        ("purchase_price", [], "not_a_number"),
        ("lead_time_days", "1.5", "not_whole"),
        ("unit", 99999999999999999999999, "not_a_reference"),
        ("unit", [], "not_a_reference"),
        ("unit", {"nope": 1}, "no_such_record"),
        ("nmae", "x", "unknown_field"),
    ],
)
def test_wrong_values_are_422_at_their_field(office_on_file: Works, field: str, value: object, error: str) -> None:
    row = {"code": "WRONG", "name": "x", "category": code("RM"), "unit": code("PC"), field: value}
    answer = call(office_on_file, "POST", PATH, json=row)
    refused(answer, 422, error)
    assert answer.get_json()["errors"][0]["field"] == field


def test_a_zero_character_in_an_address_is_refused(office: Works) -> None:
    for query in ("?q=%00", "?filter=name%20==%20'%00'", "?sort=%00"):
        refused(call(office, "GET", PATH + query), 400, "bad_character")


@pytest.mark.parametrize("header", ["x", '"1.5"', "9" * 30, "-1"])
def test_a_version_that_is_none_is_refused(office_on_file: Works, header: str) -> None:
    refused(
        call(office_on_file, "PATCH", PATH + "/1", json={"spec": "x"}, headers={"If-Match": header}),
        400,
        "bad_if_match",
    )


def test_a_browsers_session_writes_only_with_the_token_of_our_pages(office_on_file: Works) -> None:
    client = office_on_file.flask.test_client()
    page = client.get("/login").get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    client.post("/login", data={"name": "admin", "password": PASSWORD, "csrf_token": found[1]})
    row = {"code": "CSRF", "name": "x", "category": code("RM"), "unit": code("PC")}
    assert client.get(PATH).status_code == 200
    refused(client.post(PATH, json=row), 400, "csrf")
    fresh = re.search(
        r'name="csrf-token" content="([^"]+)"|csrf_token" value="([^"]+)"', client.get("/").get_data(as_text=True)
    )
    assert fresh is not None
    token = fresh[1] or fresh[2]
    assert client.post(PATH, json=row, headers={"X-CSRFToken": token}).status_code == 201


def test_who_asks_too_often_is_told_when_to_come_back(office_on_file: Works) -> None:
    app = create_app(office_on_file.home, clock=MovingClock(), testing=True, options={"API_LIMIT": "2 per minute"})
    client = app.test_client()
    headers = {"Authorization": f"Bearer {office_on_file.tokens['viewer']}"}
    assert [client.get(PATH, headers=headers).status_code for _ in range(2)] == [200, 200]
    answer = client.get(PATH, headers=headers)
    refused(answer, 429, "")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    other = {"Authorization": f"Bearer {office_on_file.tokens['admin']}"}
    assert client.get(PATH, headers=other).status_code == 200


def test_a_definition_that_does_not_hold_is_422_with_its_lines(
    office_on_file: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place("works.yaml", 3, 5)
    wrong = Problem(code="unknown_key", place=place, path="entities.item", what="got 'x'", remedy="leave it out")

    def refuse(*_: object, **__: object) -> None:
        raise MetadataError([wrong])

    monkeypatch.setattr(office_on_file.home, "rollback", refuse)
    answer = call(office_on_file, "POST", "/api/v1/metadata/versions/1/rollback", json={})
    told = refused(answer, 422, "unknown_key")
    assert told == "works.yaml:3:5: entities.item: got 'x'; leave it out [unknown_key]"
