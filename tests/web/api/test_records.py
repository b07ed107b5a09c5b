"""Records through the API: what is created, read, changed, listed, and what an answer looks like."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.scenarios.clients import Api, code
from tests.scenarios.works import Works

pytestmark = pytest.mark.both
_numbers = itertools.count(1)


def some_item(api: Api, **values: Any) -> dict[str, Any]:
    """A new item of a code of its own."""
    usual = {"code": f"T{next(_numbers):05}", "name": "垫圈", "category": code("RM"), "unit": code("PC")}
    return api.new("item", **{**usual, **values})


def test_a_record_is_answered_with_decimals_as_text_and_references_as_objects(office: Works) -> None:
    api = office.api()
    made = some_item(api, code="API-READ", purchase_price="12.5", pack_qty="25")
    found = api.read("item", made["id"])
    assert found["purchase_price"] == "12.5"
    assert found["unit"] == {"id": office.id("unit", "PC"), "code": "PC", "name": "件"}
    assert found["version"] == 1
    assert found["_links"] == {
        "self": f"/api/v1/item/{made['id']}",
        "history": f"/api/v1/item/{made['id']}/history",
        "links": f"/api/v1/item/{made['id']}/links",
    }


def test_a_reference_is_taken_as_id_object_or_code(office: Works) -> None:
    api = office.api()
    unit = office.id("unit", "PC")
    for given in (unit, {"id": unit}, {"code": "PC"}, "PC"):
        assert some_item(api, unit=given)["unit"]["code"] == "PC"


def test_the_tree_under_the_apps_name_is_the_same_and_links_stay_inside_it(office: Works) -> None:
    api = office.api()
    made = some_item(api)
    found = api.get(f"/apps/works/item/{made['id']}")
    assert found["_links"]["self"] == f"/api/v1/apps/works/item/{made['id']}"
    assert {**found, "_links": None} == {**api.read("item", made["id"]), "_links": None}
    assert api.refused(404, "GET", "/apps/other/item")[0]["code"] == "no_such_app"


def test_a_list_is_created_together_or_not_at_all(office: Works) -> None:
    api = office.api()
    row = {"name": "销", "category": code("RM"), "unit": code("PC")}
    made = api.post("/item", [{**row, "code": "BULK-1"}, {**row, "code": "BULK-2"}], status=201)
    assert [r["code"] for r in made] == ["BULK-1", "BULK-2"]
    faults = api.refused(
        422, "POST", "/item", [{**row, "code": "BULK-3"}, {**row, "code": "BULK-4", "unit": code("?")}]
    )
    assert [(f["field"], f["code"]) for f in faults] == [("2.unit", "no_such_record")]
    assert api.get("/item", q="BULK-3")["count"] == 0


def test_a_change_names_only_what_changes_and_raises_the_version(office: Works) -> None:
    api = office.api()
    made = some_item(api, spec="M8", purchase_price="3")
    changed = api.change("item", made["id"], spec="M10")
    assert (changed["spec"], changed["purchase_price"], changed["version"]) == ("M10", "3", 2)


def test_a_change_made_on_an_older_version_is_refused(office: Works) -> None:
    api = office.api()
    made = some_item(api)
    api.change("item", made["id"], spec="a")
    answer = send(office, "PATCH", f"/item/{made['id']}", {"spec": "b"}, {"If-Match": '"1"'})
    assert answer.status_code == 412
    assert answer.get_json()["errors"][0]["code"] == "stale"
    assert api.read("item", made["id"])["spec"] == "a"
    assert send(office, "PATCH", f"/item/{made['id']}", {"spec": "b"}, {"If-Match": "2"}).status_code == 200
    assert send(office, "DELETE", f"/item/{made['id']}", None, {"If-Match": "2"}).status_code == 412


def send(office: Works, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
    """A call with headers of its own."""
    given = {} if body is None else {"json": body}
    token = {"Authorization": f"Bearer {office.tokens['admin']}"}
    return office.flask.test_client().open("/api/v1" + path, method=method, headers={**token, **headers}, **given)  # type: ignore[arg-type]


def test_a_write_with_a_key_happens_once(office: Works) -> None:
    row = {"name": "键", "code": "ONCE", "category": code("RM"), "unit": code("PC")}
    first = send(office, "POST", "/item", row, {"Idempotency-Key": "abc"})
    again = send(office, "POST", "/item", row, {"Idempotency-Key": "abc"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert office.api().get("/item", q="ONCE")["count"] == 1
    other = send(office, "POST", "/item", {**row, "code": "TWICE"}, {"Idempotency-Key": "abc"})
    assert (other.status_code, other.get_json()["errors"][0]["code"]) == (409, "key_reused")


def test_a_repeated_delete_and_restore_are_given_their_first_answers(office: Works) -> None:
    path = f"/item/{some_item(office.api())['id']}"
    gone = [send(office, "DELETE", path, None, {"Idempotency-Key": f"gone {path}"}) for _ in range(2)]
    assert [(a.status_code, a.data, a.headers.get("Idempotency-Replayed")) for a in gone] == [
        (204, b"", None),
        (204, b"", "true"),
    ]
    back = [send(office, "POST", f"{path}/restore", None, {"Idempotency-Key": f"back {path}"}) for _ in range(2)]
    assert [a.status_code for a in back] == [200, 200]
    assert back[0].get_json() == back[1].get_json()
    assert office.api().get(path)["version"] == back[0].get_json()["version"]


def test_a_refused_write_does_not_use_up_its_key(office: Works) -> None:
    row = {"name": "键", "code": "LATER", "category": code("RM")}
    assert send(office, "POST", "/item", row, {"Idempotency-Key": "later"}).status_code == 422
    whole = {**row, "unit": code("PC")}
    assert send(office, "POST", "/item", whole, {"Idempotency-Key": "later"}).status_code == 201


def test_a_deleted_record_is_gone_until_it_is_restored(office: Works) -> None:
    api = office.api()
    made = some_item(api)
    path = f"/item/{made['id']}"
    assert api.call("DELETE", path).status_code == 204
    assert api.status("GET", path) == 404
    assert api.post(f"{path}/restore")["code"] == made["code"]
    assert api.status("GET", path) == 200


def test_lists_filter_search_sort_and_answer_the_fields_asked_for(office: Works) -> None:
    api = office.api()
    for number, price in ((1, "5"), (2, "7"), (3, "6")):
        some_item(api, code=f"LIST-{number}", name="清单件", purchase_price=price)
    page = api.get("/item", q="LIST-", sort="-purchase_price", fields="code,purchase_price,unit.code")
    assert [r["code"] for r in page["items"]] == ["LIST-2", "LIST-3", "LIST-1"]
    assert {k: v for k, v in page["items"][0].items() if k != "id"} == {
        "code": "LIST-2",
        "purchase_price": "7",
        "unit.code": "PC",
    }
    assert (page["next"], page["count"]) == (None, 3)
    narrowed = api.get("/item", filter="purchase_price > 5 and starts_with(code, 'LIST-')", sort="code")
    assert [r["code"] for r in narrowed["items"]] == ["LIST-2", "LIST-3"]
    assert [r["code"] for r in api.items("/item", q="qdj", sort="code")] == ["LIST-1", "LIST-2", "LIST-3"]


def test_a_list_spells_every_value_as_the_record_itself_does(office: Works) -> None:
    api = office.api()
    lines = [
        {"item": code("SCREW"), "qty": "12.5", "price": "0.125"},
        {"item": code("SCREW"), "qty": "3", "price": "1"},
    ]
    made = api.new("purchase_order", partner=code("S"), warehouse=code("W"), expected_date="2026-12-09", lines=lines)
    (listed,) = api.items("/purchase_order", filter=f"code == '{made['code']}'")
    record = api.get(f"/purchase_order/{made['id']}")
    assert listed == {name: record[name] for name in listed}
    assert (listed["expected_date"], listed["amount"], listed["partner"]) == (
        "2026-12-09",
        "4.56",
        {"id": made["partner"]["id"], "code": "S", "name": made["partner"]["name"]},
    )
    (thing,) = api.items("/item", filter="code == 'SCREW'")
    assert thing == {name: api.get(f"/item/{thing['id']}")[name] for name in thing}


def test_pages_by_cursor_miss_and_repeat_nothing_when_rows_come_in_between(office: Works) -> None:
    api = office.api()
    for number in range(7):
        some_item(api, code=f"PAGE-{number}", name="翻页")
    query = {"q": "PAGE-", "sort": "name,code", "fields": "code", "page_size": 3}
    first = api.get("/item", **query)
    some_item(api, code="PAGE-00", name="翻页")
    second = api.get("/item", **query, cursor=first["next"])
    third = api.get("/item", **query, cursor=second["next"])
    seen = [r["code"] for page in (first, second, third) for r in page["items"]]
    assert seen == [f"PAGE-{n}" for n in range(7)]
    assert third["next"] is None


def test_unknown_parameters_are_ignored_and_wrong_ones_refused(office: Works) -> None:
    api = office.api()
    assert api.call("GET", "/item", whatever="1").status_code == 200
    wrong = {"page_size": "0", "cursor": "zzz", "sort": "nope", "fields": "nope", "filter": "nope == 1"}
    for name, value in wrong.items():
        answer = api.call("GET", "/item", **{name: value})
        assert answer.status_code == 400, name
        assert answer.content_type == "application/problem+json"


def test_history_tells_who_changed_what(office: Works) -> None:
    api = office.api()
    made = some_item(api, spec="old")
    api.change("item", made["id"], spec="new")
    newest, first = api.items(f"/item/{made['id']}/history")
    assert (newest["kind"], newest["changes"], newest["source"]) == ("update", {"spec": ["old", "new"]}, "api")
    assert first["kind"] == "create"


def test_actions_tell_what_may_be_done_now_and_by_whom(office: Works) -> None:
    row = {"item": code("SCREW"), "qty": "5", "price": "1"}
    made = office.api().new("purchase_receipt", partner=code("S"), warehouse=code("W"), lines=[row])
    mine = office.api("keeper").read("purchase_receipt", made["id"])["_actions"]
    assert [(a["id"], a["kind"], a["demands"]) for a in mine] == [("post", "forward", [])]
    told = office.api("keeper").read("purchase_receipt", made["id"])["_refused"]
    assert [(t["id"], t["because"] != "") for t in told] == [("submit", True)]
    assert office.api("viewer").read("purchase_receipt", made["id"])["_actions"] == []
    posted = office.api("keeper").take("purchase_receipt", made["id"], "post")
    assert posted["status"] == "posted"
    faults = office.api("keeper").refused(409, "POST", f"/purchase_receipt/{made['id']}/actions/post", {})
    assert faults[0]["code"] == "transition_not_allowed"
