"""P1: what was entered without a network comes in by itself, each entry once; conflicts are shown and none is lost."""

from __future__ import annotations

from typing import Any

from tests.scenarios.clients import code
from tests.scenarios.rules_told import told
from tests.scenarios.test_d6_alerts import alerts
from tests.scenarios.works import Works

TUESDAY = "2026-01-06T10:00:00+08:00"
Row = dict[str, Any]


def entry(key: str, kind: str, entity: str, **more: object) -> Row:
    return {"key": key, "made_at": TUESDAY, "kind": kind, "entity": entity, **more}


def sent(works: Works, person: str, *entries: Row) -> list[Row]:
    """The fates of a batch."""
    found: list[Row] = works.api(person).post("/sync", {"entries": list(entries)})["items"]
    return found


def used(key: str, qty: str) -> list[Row]:
    """Goods taken for own use, on the keeper's phone."""
    line = {"item": code("SCREW"), "qty": qty}
    values = {"warehouse": code("W"), "reason": "own_use", "lines": [line]}
    return [
        entry(key, "create", "stock_adjustment", values=values),
        entry(f"{key}-post", "act", "stock_adjustment", id={"$entry": key}, action="submit"),
    ]


def test_p1_what_a_keeper_posted_offline_stands_on_its_day_once_and_the_alert_with_it(both: Works) -> None:
    works = both
    works.day("2026-01-05")
    works.bought("SCREW", "230", "0.1")
    works.api().change("item", works.id("item", "SCREW"), safety_stock="200")
    works.day("2026-01-07")
    before = alerts(works)
    made, posted = sent(works, "keeper", *used("a", "40"))
    assert (made["fate"], posted["fate"], posted["id"]) == ("done", "done", made["id"])
    assert [fate["fate"] for fate in sent(works, "keeper", *used("a", "40"))] == ["already", "already"]
    assert works.stock("SCREW", "W") == 190
    assert alerts(works) == [*before, "open"]
    assert told(works, "alert:below_safety", "inbox") == [("buyer", "螺丝 可用 190，低于安全库存 200")]
    keeper = works.api("keeper")
    assert keeper.read("stock_adjustment", made["id"])["date"] == "2026-01-06"
    first = keeper.items(f"/stock_adjustment/{made['id']}/history")[-1]
    assert (first["kind"], first["source"]) == ("create", "sync")
    assert first["made_at"].startswith("2026-01-06T02:00:00")
    page = works.web("keeper").open(f"/e/stock_adjustment/{made['id']}").text
    assert "新建（离线录入于 01-06 10:00）" in page


def test_p1_what_is_no_longer_there_is_shown_kept_and_taken_in_when_it_is(works: Works) -> None:
    works.bought("SCREW", "10", "0.1")
    works.day("2026-01-07")
    made, refused = sent(works, "keeper", *used("b", "40"))
    assert (made["fate"], refused["fate"]) == ("done", "refused")
    assert refused["problem"]["status"] == 409
    assert works.stock("SCREW", "W") == 10
    assert [one["key"] for one in works.api("keeper").items("/sync")] == ["b-post"]
    assert works.api("keeper_b").items("/sync") == []
    (seen,) = works.api("admin").items("/sync")
    assert (seen["by"], seen["entry"]["action"], seen["id"]) == ("keeper 员工", "submit", refused["kept"])
    keeper = works.web("keeper")
    assert 'href="/not-taken-in"' in keeper.open("/account").text
    page = keeper.open("/not-taken-in").text
    assert refused["problem"]["errors"][0]["message"] in page
    works.day("2026-01-06", 12)  # goods that came before the offline entry counts, and were entered late
    works.bought("SCREW", "90", "0.1")
    works.day("2026-01-07", 12)
    answer = keeper.post(f"/not-taken-in/{refused['kept']}/redo")
    assert answer.status_code == 303
    assert "已入账" in keeper.open("/not-taken-in").text
    assert works.stock("SCREW", "W") == 60
    assert [fate["fate"] for fate in sent(works, "keeper", *used("b", "40"))] == ["already", "already"]
    assert works.stock("SCREW", "W") == 60


def test_p1_both_values_of_a_conflict_are_shown_and_one_of_them_stays(works: Works) -> None:
    works.day("2026-01-07")
    screw = works.id("item", "SCREW")
    seen = works.api().read("item", screw)["version"]
    works.api().change("item", screw, safety_stock="150")
    change = entry("c", "change", "item", id=screw, version=seen, values={"safety_stock": "120", "note": "离线"})
    (clash,) = sent(works, "admin", change)
    assert clash["fate"] == "conflict"
    assert [(one["field"], one["theirs"], one["yours"]) for one in clash["fields"]] == [("safety_stock", "150", "120")]
    page = works.web("admin").open("/not-taken-in").text
    assert "别人 150" in page
    assert "这一条 120" in page
    works.api().post(f"/sync/{clash['kept']}/discard")
    assert works.api().items("/sync") == []
    assert works.api().read("item", screw)["safety_stock"] == "150"


def test_p1_a_batch_that_is_too_large_or_unclear_is_refused_before_anything_is_done(works: Works) -> None:
    api = works.api()
    many = [entry(f"d{n}", "create", "unit", values={"code": f"U{n}", "name": "x"}) for n in range(201)]
    assert [f["code"] for f in api.refused(422, "POST", "/sync", {"entries": many})] == ["sync_too_many"]
    assert [f["code"] for f in api.refused(400, "POST", "/sync", {"entries": 3})] == ["sync_no_entries"]
    wide = entry("e", "create", "unit", values={"name": "x" * 4_200_000})
    assert api.refused(413, "POST", "/sync", {"entries": [wide]}) == []
    assert api.items("/unit", filter='code == "U0"') == []
    assert api.items("/sync") == []
