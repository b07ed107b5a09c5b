"""G1 and G2 as far as a workshop goes: a transfer in five steps, and a blind count."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO

from tests.scenarios.clients import Row, code
from tests.scenarios.works import Works

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf"
    "c0000003010100c9fe92ef0000000049454e44ae426082"
)


def photo(works: Works, person: str) -> int:
    api = works.api(person)
    answer = api._client.post(
        "/api/v1/files",
        headers=api._headers,
        data={"file": (BytesIO(PIXEL), "truck.png", "image/png")},
    )
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return int(answer.get_json()["id"])


def places(works: Works) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
    """At A, at B, of it usable at A and B, on the road."""
    rows = works.api().balances("stock", group_by="item,warehouse")
    at = {r["warehouse"]["code"]: (Decimal(r["qty"]), Decimal(r["available"])) for r in rows}
    road = works.api().balances("in_transit", group_by="item")
    zero = (Decimal(0), Decimal(0))
    here, there = at.get("W", zero), at.get("B", zero)
    return here[0], there[0], here[1], there[1], Decimal(road[0]["qty"]) if road else Decimal(0)


def requested(works: Works) -> Row:
    api = works.api()
    for place, keeper in (("W", "KEEPER"), ("B", "KEEPER_B")):
        api.change("warehouse", works.id("warehouse", place), keeper=code(keeper))
    works.bought("SCREW", "100", "0.1")
    line = {"item": code("SCREW"), "qty": "40"}
    return works.api("keeper_b").new("transfer", from_warehouse=code("W"), to_warehouse=code("B"), lines=[line])


def test_g1_a_transfer_in_five_steps(works: Works) -> None:
    sender, receiver = works.api("keeper"), works.api("keeper_b")
    made = requested(works)
    path = f"/transfer/{made['id']}/actions"
    for early in ("approve", "dispatch", "sign", "post"):
        assert receiver.status("POST", f"{path}/{early}", {}) in (403, 409), early
    receiver.take("transfer", made["id"], "submit")
    assert places(works) == (100, 0, 100, 0, 0)
    sender.decide("transfer", made["id"])
    assert places(works) == (100, 0, 60, 0, 0)

    before = works.row_counts()
    body = {"partner": code("C"), "warehouse": code("W"), "lines": [{"item": code("SCREW"), "qty": "70", "price": "1"}]}
    delivery = works.api().new("delivery", **body)
    before = works.row_counts()
    faults = sender.refused(409, "POST", f"/delivery/{delivery['id']}/actions/post", {})
    assert "可用量不足" in faults[0]["message"]
    assert works.row_counts() == before

    for early in ("sign", "post"):
        assert receiver.status("POST", f"{path}/{early}", {"scan": made["code"]}) in (403, 409), early
    before = works.row_counts()
    sender.refused(422, "POST", f"{path}/dispatch", {})  # no photo
    assert works.row_counts() == before
    assert receiver.status("POST", f"{path}/dispatch", {"photo": [photo(works, "keeper_b")]}) in (403, 409)
    sender.take("transfer", made["id"], "dispatch", photo=[photo(works, "keeper")])
    assert places(works) == (60, 0, 60, 0, 40)

    line = receiver.read("transfer", made["id"])["lines"][0]["id"]
    receiver.change("transfer", made["id"], lines=[{"id": line, "signed_qty": "38"}])
    receiver.refused(422, "POST", f"{path}/sign", {"scan": "something else"})
    receiver.refused(422, "POST", f"{path}/sign", {})
    assert sender.status("POST", f"{path}/sign", {"scan": made["code"]}) in (403, 409)
    receiver.take("transfer", made["id"], "sign", scan=made["code"])
    assert places(works) == (60, 38, 60, 0, 2)  # there, not yet usable; two are missing

    receiver.refused(409, "POST", f"{path}/post", {})  # what becomes of the two?
    receiver.change("transfer", made["id"], difference_as="lost")
    receiver.take("transfer", made["id"], "post")
    assert places(works) == (60, 38, 60, 38, 0)


def test_g1_a_difference_that_comes_back(works: Works) -> None:
    sender, receiver = works.api("keeper"), works.api("keeper_b")
    made = requested(works)
    receiver.take("transfer", made["id"], "submit")
    sender.decide("transfer", made["id"])
    sender.take("transfer", made["id"], "dispatch", photo=[photo(works, "keeper")])
    line = receiver.read("transfer", made["id"])["lines"][0]["id"]
    receiver.change("transfer", made["id"], lines=[{"id": line, "signed_qty": "38"}])
    receiver.take("transfer", made["id"], "sign", scan=made["code"])
    receiver.change("transfer", made["id"], difference_as="back")
    receiver.take("transfer", made["id"], "post")
    assert places(works) == (62, 38, 62, 38, 0)
    assert works.stock("SCREW", resource="value") == Decimal("10.00")


def test_g1_no_step_is_skipped_by_writing_the_state(works: Works) -> None:
    made = requested(works)
    before = works.row_counts()
    for person in ("keeper_b", "admin"):
        works.api(person).refused(422, "PATCH", f"/transfer/{made['id']}", {"status": "posted"})
    assert works.row_counts() == before


def test_g2_a_blind_count_is_compared_with_the_moment_of_counting(works: Works) -> None:
    keeper = works.api("keeper")
    works.bought("SCREW", "100", "10")
    lines = [{"item": code("SCREW"), "counted": "97", "reason": "lost"}]
    count = keeper.new("stocktake", warehouse=code("W"), lines=lines)
    works.bought("SCREW", "50", "10")  # after the counting: no difference
    count = keeper.take("stocktake", count["id"], "submit")
    assert count["status"] == "posted"
    assert works.stock("SCREW") == 147
    assert Decimal(works.api().read("stocktake", count["id"])["lines"][0]["gap"]) == -3


def test_g2_large_differences_need_both_manager_and_finance(works: Works) -> None:
    keeper = works.api("keeper")
    works.bought("SCREW", "1000", "10")
    lines = [{"item": code("SCREW"), "counted": "800", "reason": "lost"}]
    count = keeper.new("stocktake", warehouse=code("W"), lines=lines)
    count = keeper.take("stocktake", count["id"], "submit")
    assert (count["status"], works.stock("SCREW")) == ("pending", 1000)
    works.api("manager").decide("stocktake", count["id"])
    assert works.stock("SCREW") == 1000
    works.api("finance").decide("stocktake", count["id"])
    assert works.stock("SCREW") == 800
