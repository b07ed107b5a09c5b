"""The big list of naughty strings, each through every way in: kept as it is or refused, never a fault of ours."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from tests.scenarios.clients import code
from tests.scenarios.works import PASSWORD, Works
from tests.web.api.test_records import some_item

FILE = Path(__file__).parents[3].parent / "shared" / "data" / "naughty-strings" / "blns.json"
ODD = (
    ("/item", "filter"),
    ("/item", "sort"),
    ("/item", "fields"),
    ("/item", "cursor"),
    ("/ledgers/stock/moves", "cursor"),
    ("/plan/explode", "item"),
)


@cache
def naughty() -> tuple[str, ...]:
    """The strings; the test is skipped where the list is not there."""
    if not FILE.exists():
        pytest.skip(f"the list of naughty strings is not at {FILE}")
    found: list[str] = json.loads(FILE.read_text(encoding="utf-8"))
    return tuple(found)


@pytest.mark.both
def test_each_is_kept_as_it_is_or_refused(office: Works) -> None:
    api = office.api()
    rows = [
        {"code": f"N{number:04}", "name": "x", "note": text, "category": code("RM"), "unit": code("PC")}
        for number, text in enumerate(naughty())
    ]
    refused: set[int] = set()
    answer = api.call("POST", "/item", rows)
    while answer.status_code == 422:
        wrong = {int(fault["field"].partition(".")[0]) - 1 for fault in answer.get_json()["errors"]}
        refused |= {int(rows[place]["code"][1:]) for place in wrong}
        rows = [row for place, row in enumerate(rows) if place not in wrong]
        answer = api.call("POST", "/item", rows)
    assert answer.status_code == 201, answer.get_data(as_text=True)[:2000]
    for row, kept in zip(rows, answer.get_json(), strict=True):
        assert kept["note"] in (row["note"], row["note"].strip() or None)
    assert all(not naughty()[number].isprintable() for number in refused)


def test_each_may_be_searched_and_filtered_for(office: Works) -> None:
    api = office.api()
    some_item(api, name="要找的")
    for text in naughty()[:: 1 if office.app.database.dialect == "sqlite" else 5]:
        assert api.call("GET", "/item", q=text, page_size=1).status_code in (200, 400), text
        quoted = text.replace("\\", "\\\\").replace("'", "\\'")
        answer = api.call("GET", "/item", filter=f"name == '{quoted}'", page_size=1)
        assert answer.status_code in (200, 400), text


def test_each_in_odd_places_is_refused_politely(office_on_file: Works) -> None:
    api = office_on_file.api()
    made = some_item(api)
    for number, text in enumerate(naughty()):
        row = {"code": text, "name": text, "category": text, "unit": text, "lead_time_days": text, "supply": text}
        assert api.call("POST", "/item", row).status_code == 422, text
        ignored = text.startswith("_")  # what a record says about itself may be sent back with it
        assert api.call("PATCH", f"/item/{made['id']}", {text: "x"}).status_code == (200 if ignored else 422), text
        assert api.call("POST", f"/item/{made['id']}/actions/submit", {"note": text}).status_code in (404, 409, 422)
        for path, name in ODD[number % 2 :: 2]:
            answer = api.call("GET", path, **{name: text}, page_size=1)
            assert answer.status_code in (200, 400, 404, 422), (path, name, text)


def test_each_goes_through_the_form(office_on_file: Works) -> None:
    client = office_on_file.flask.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").get_data(as_text=True))
    assert token is not None
    client.post("/login", data={"name": "admin", "password": PASSWORD, "csrf_token": token[1]})
    page = client.get("/e/unit/new").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    kept = 0
    for number, text in enumerate(naughty()):
        fields = {"csrf_token": token[1], "code": f"NU{number}", "name": text}
        answer = client.post("/e/unit/new", data=fields)
        assert answer.status_code in (200, 302, 303, 400, 422), text
        kept += answer.status_code in (302, 303)
    assert kept > len(naughty()) * 0.8
