"""F1: lots expire, near expiry is seen, expired lots go nowhere, the first to expire goes first."""

from __future__ import annotations

import pytest

from tests.scenarios.clients import code
from tests.scenarios.larder import Larder


def test_f1_a_lot_knows_its_dates_and_stages(larder: Larder) -> None:
    works = larder.works
    works.day("2026-01-02")
    larder.received("JUICE", "30", "L1", "2026-01-01")
    lot = larder.lot("L1")
    assert lot["expiry_date"] == "2026-06-30"
    assert (lot["stage"], lot["stopped"]) == ("normal", False)
    for day, stage, stopped in (
        ("2026-05-30", "normal", False),
        ("2026-05-31", "near", False),
        ("2026-06-30", "near", False),
        ("2026-07-01", "expired", True),
    ):
        works.day(day)
        lot = larder.lot("L1")
        assert (day, lot["stage"], lot["stopped"]) == (day, stage, stopped)


def test_f1_what_is_near_expiry_is_listed_and_counted(larder_both: Larder) -> None:
    works = larder_both.works
    works.day("2026-01-02")
    larder_both.received("JUICE", "30", "L1", "2026-01-01")
    larder_both.received("SALT", "5", "S1", "2026-01-01")
    works.day("2026-05-31")
    assert [row["code"] for row in larder_both.admin.items("/lot", view="near")] == ["L1"]
    assert larder_both.admin.explain("near_value")["value"] in ("1", 1)
    works.day("2026-07-01")
    assert larder_both.admin.explain("expired_lots")["value"] in ("1", 1)
    salt = larder_both.lot("S1")
    assert (salt["expiry_date"], salt["stage"], salt["stopped"]) == (None, "normal", False)


def test_f1_an_issue_splits_over_the_lots_that_expire_first(larder_both: Larder) -> None:
    works = larder_both.works
    works.day("2026-01-17")
    larder_both.received("JUICE", "50", "LATE", "2026-01-16")
    larder_both.received("JUICE", "30", "EARLY", "2026-01-01")
    made = larder_both.delivery("JUICE", "60")
    picked = larder_both.admin.take("delivery", made["id"], "start")
    assert [(line["lot"]["code"], line["qty"], line["expiry_date"]) for line in picked["lines"]] == [
        ("EARLY", "30", "2026-06-30"),
        ("LATE", "30", "2026-07-15"),
    ]
    posted = larder_both.admin.take("delivery", made["id"], "post")
    assert [line["lot"]["code"] for line in posted["lines"]] == ["EARLY", "LATE"]
    assert posted["total"] == "480.00"
    assert works.stock("JUICE") == 20


def test_f1_what_was_not_picked_is_split_when_it_is_posted(larder: Larder) -> None:
    larder.works.day("2026-01-17")
    larder.received("JUICE", "50", "LATE", "2026-01-16")
    larder.received("JUICE", "30", "EARLY", "2026-01-01")
    posted = larder.delivered("JUICE", "60")
    assert [(line["lot"]["code"], line["qty"]) for line in posted["lines"]] == [
        ("EARLY", "30"),
        ("LATE", "30"),
    ]


def test_f1_naming_a_later_lot_needs_a_reason(larder: Larder) -> None:
    larder.works.day("2026-01-17")
    larder.received("JUICE", "50", "LATE", "2026-01-16")
    larder.received("JUICE", "30", "EARLY", "2026-01-01")
    line = {"item": code("JUICE"), "qty": "10", "price": "8", "lot": code("LATE")}
    body = {"partner": code("C1"), "warehouse": code("W"), "lines": [line]}
    told = larder.admin.refused(422, "POST", "/delivery", body)
    assert [(fault["code"], fault["field"]) for fault in told] == [("required", "lines.1.skip_reason")]
    made = larder.admin.new("delivery", **(body | {"lines": [line | {"skip_reason": "客户指定批次"}]}))
    larder.admin.take("delivery", made["id"], "post")
    assert larder.admin.explain("fefo_skipped")["value"] in ("1", 1)
    assert larder.works.stock("JUICE") == 70


def test_f1_an_expired_lot_goes_out_on_no_path(larder_both: Larder) -> None:
    works, admin = larder_both.works, larder_both.admin
    works.day("2026-01-02")
    larder_both.received("JUICE", "30", "L1", "2026-01-01")
    works.day("2026-06-30")
    held = larder_both.delivery("JUICE", "5", lot=code("L1"))
    open_ = larder_both.delivery("JUICE", "5")
    works.day("2026-07-01")
    before = works.row_counts()
    told = admin.refused(409, "POST", f"/delivery/{held['id']}/actions/post")
    assert "过期" in told[0]["message"]
    assert admin.status("POST", f"/delivery/{open_['id']}/actions/post") == 422
    admin.refused(422, "POST", "/delivery", {
        "partner": code("C1"), "warehouse": code("W"),
        "lines": [{"item": code("JUICE"), "qty": "1", "lot": code("L1")}],
    })  # fmt: skip
    page = works.web("keeper").take("delivery", held["id"], "post")
    assert page.status_code == 409
    scrapped = admin.new(
        "stock_adjustment", warehouse=code("W"), direction="issue", reason="own_use",
        lines=[{"item": code("JUICE"), "qty": "1", "lot": code("L1")}],
    )  # fmt: skip
    admin.refused(409, "POST", f"/stock_adjustment/{scrapped['id']}/actions/submit")
    assert works.stock("JUICE") == 30
    assert before["ledger_stock"] == works.row_counts()["ledger_stock"]


@pytest.mark.parametrize("path", ["processing", "transfer"])
def test_f1_an_expired_lot_is_neither_used_nor_moved(larder: Larder, path: str) -> None:
    works, admin = larder.works, larder.admin
    works.day("2026-01-02")
    larder.received("CHICKEN", "30", "L1", "2026-01-01")
    works.day("2026-07-01")
    if path == "processing":
        made = admin.new("processing", product=code("MARINADE"), qty="5", warehouse=code("W"), into_warehouse=code("W"))
        filled = admin.take("processing", made["id"], "submit")
        assert [(line["item"]["code"], line["qty"]) for line in filled["inputs"]] == [("CHICKEN", "5")]
        assert admin.status("POST", f"/processing/{made['id']}/actions/start") == 422
        named = {"id": filled["inputs"][0]["id"], "lot": code("L1")}
        admin.refused(422, "PATCH", f"/processing/{made['id']}", {"inputs": [named]})
    else:
        made = admin.new("transfer", from_warehouse=code("W"), to_warehouse=code("B"),
                         lines=[{"item": code("CHICKEN"), "qty": "5", "lot": code("L1")}])  # fmt: skip
        larder.keeper.take("transfer", made["id"], "submit")
        larder.keeper.decide("transfer", made["id"])
        told = larder.keeper.refused(409, "POST", f"/transfer/{made['id']}/actions/dispatch")
        assert "停用" in told[0]["message"]
    assert works.stock("CHICKEN") == 30


def test_f1_a_disposal_takes_expired_goods_with_witness_and_photo(larder: Larder) -> None:
    works = larder.works
    works.day("2026-01-02")
    larder.received("JUICE", "30", "L1", "2026-01-01")
    works.day("2026-07-02")
    line = {"item": code("JUICE"), "qty": "30", "lot": code("L1")}
    made = larder.keeper.new("disposal", warehouse=code("W"), reason="expired", lines=[line])
    larder.keeper.take("disposal", made["id"], "submit")
    works.api("quality").decide("disposal", made["id"])
    works.api("finance").decide("disposal", made["id"])
    told = larder.keeper.refused(422, "POST", f"/disposal/{made['id']}/actions/post", {})
    assert {fault["code"] for fault in told} == {"demand_photo_missing", "required"}
    assert works.stock("JUICE") == 30


def test_f1_a_customer_gets_no_lot_with_less_life_than_it_wants(larder: Larder) -> None:
    works = larder.works
    works.day("2026-01-02")
    larder.received("JUICE", "30", "L1", "2026-01-01")
    works.day("2026-04-02")
    body = {"partner": code("C9"), "warehouse": code("W"),
            "lines": [{"item": code("JUICE"), "qty": "1", "lot": code("L1")}]}  # fmt: skip
    told = larder.admin.refused(422, "POST", "/delivery", body)
    assert told[0]["field"] == "lines.1.lot"
    works.day("2026-04-01")
    larder.admin.new("delivery", **body)


def test_f1_a_product_lot_is_dated_by_the_day_it_was_made_on(larder: Larder) -> None:
    larder.works.day("2026-01-05")
    larder.received("CHICKEN", "100", "RAW-A", "2026-01-01")
    admin = larder.admin
    made = admin.new(
        "processing", product=code("MARINADE"), qty="60", warehouse=code("W"), into_warehouse=code("W"),
        inputs=[{"item": code("CHICKEN"), "qty": "60"}],
    )  # fmt: skip
    for step in ("submit", "start"):
        admin.take("processing", made["id"], step)
    admin.change("processing", made["id"], outputs=[{"item": code("MARINADE"), "qty": "60", "lot": code("MAR-1")}])
    lot = larder.lot("MAR-1")
    assert (lot["production_date"], lot["expiry_date"]) == ("2026-01-05", "2026-01-15")
