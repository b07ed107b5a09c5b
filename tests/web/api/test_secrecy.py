"""What a person may not see does not come out on any path of the API: a keeper learns no price and no cost."""

from __future__ import annotations

import json

import pytest

from tests.scenarios.clients import code
from tests.scenarios.works import Works
from tests.web.api.test_records import some_item

SECRET = "73.21"


def told(office: Works, path: str, person: str = "keeper", **query: object) -> str:
    """Everything an answer says."""
    answer = office.api(person).call("GET", path, **query)
    assert answer.status_code < 500
    return answer.get_data(as_text=True)


@pytest.fixture
def posted(office: Works) -> tuple[int, int]:
    """An item bought at the secret price, and its receipt."""
    item = some_item(office.api(), purchase_price=SECRET, sale_price=SECRET)
    receipt = office.bought(item["code"], "10", SECRET)
    return item["id"], receipt["id"]


def test_neither_reading_nor_listing_nor_history_tells_a_price(office: Works, posted: tuple[int, int]) -> None:
    item, receipt = posted
    paths = (
        f"/item/{item}",
        "/item",
        f"/item/{item}/history",
        f"/purchase_receipt/{receipt}",
        "/purchase_receipt",
        f"/purchase_receipt/{receipt}/history",
        f"/purchase_receipt/{receipt}/links",
        f"/trace/purchase_receipt/{receipt}",
        "/ledgers/stock/balances",
        "/ledgers/stock/moves",
        "/ledgers/payable/balances",
        "/cards",
        "/tasks",
        "/inbox",
    )
    answers = {path: told(office, path) for path in paths}
    answers |= {path: told(office, path, item=item) for path in ("/plan/cost", "/plan/explode")}
    for path, text in answers.items():
        assert SECRET not in text, path
        assert "732.1" not in text, path
    assert SECRET in told(office, f"/item/{item}", "admin")


def test_a_hidden_field_is_as_unknown_as_one_nobody_declared(office: Works) -> None:
    keeper = office.api("keeper")
    for name in ("purchase_price", "nothing_like_it"):
        for query in ({"fields": name}, {"sort": name}, {"filter": f"{name} > 1"}):
            answer = keeper.call("GET", "/item", lang="en", **query)
            assert answer.status_code == 400, query
            text = answer.get_data(as_text=True).replace(name, "NAME")
            assert "price" not in text.replace("NAME", "").lower(), text


def test_a_hidden_figure_is_neither_shown_nor_compared(office: Works, posted: tuple[int, int]) -> None:
    keeper = office.api("keeper")
    rows = keeper.balances("stock", group_by="item")
    assert rows
    assert all(set(row) == {"item", "qty", "available"} for row in rows)
    for name in ("value", "unit_cost"):
        for path in ("/ledgers/stock/balances", "/ledgers/stock/moves"):
            assert keeper.call("GET", path, filter=f"{name} > 1").status_code == 400


def test_a_hidden_field_cannot_be_written(office: Works, posted: tuple[int, int]) -> None:
    _, receipt = posted
    answer = office.api("keeper").call("PATCH", f"/purchase_receipt/{receipt}", {"lines": [{"price": "1"}]})
    assert answer.status_code in (403, 409, 422)


def test_reports_and_cards_of_secrets_are_not_there(office: Works) -> None:
    model = office.app.model
    keeper = office.api("keeper")
    for report in model.reports:
        text = keeper.call("GET", f"/reports/{report}").get_data(as_text=True)
        assert SECRET not in text
        assert "732.1" not in text
    seen = {card["id"] for card in keeper.items("/cards")}
    for card in model.cards:
        expected = 200 if card in seen else 404
        assert keeper.status("GET", f"/cards/{card}") == expected, card


def test_the_description_is_the_same_for_everybody(office: Works) -> None:
    assert told(office, "/openapi.json") == told(office, "/openapi.json", "admin")


def test_rows_outside_ones_places_do_not_exist(office: Works) -> None:
    row = {"item": code("SCREW"), "qty": "5", "price": "1"}
    made = office.api().new("purchase_receipt", partner=code("S"), warehouse=code("B"), lines=[row])
    path = f"/purchase_receipt/{made['id']}"
    for person, status in (("keeper", 404), ("keeper_b", 200)):
        api = office.api(person)
        assert api.status("GET", path) == status
        assert api.status("GET", f"{path}/history") == status
        assert api.status("GET", f"{path}/links") == status
        assert (made["id"] in {r["id"] for r in api.items("/purchase_receipt", page_size=500)}) is (status == 200)
    assert office.api("keeper").status("POST", f"{path}/actions/post", {}) == 404
    office.api("keeper_b").take("purchase_receipt", made["id"], "post")
    places = {r["warehouse"]["code"] for r in office.api("keeper").balances("stock", group_by="item,warehouse")}
    assert "B" not in places
    assert made["code"] not in json.dumps(office.api("keeper").get("/ledgers/stock/moves", page_size=500))


def test_the_definition_is_the_administrators(office: Works) -> None:
    for path in ("/metadata", "/metadata/versions"):
        assert office.api().status("GET", path) == 200
        assert office.api("keeper").status("GET", path) == 403
    assert office.api("manager").status("POST", "/metadata/versions/1/rollback") in (403,)
