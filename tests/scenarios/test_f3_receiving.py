"""F3: goods are taken in with enough life left, inspected, and what is refused never becomes available."""

from __future__ import annotations

from tests.scenarios.clients import code
from tests.scenarios.larder import Larder


def test_f3_two_thirds_of_the_shelf_life_decide_on_the_day(larder_both: Larder) -> None:
    works = larder_both.works
    works.day("2026-03-02")
    taken = larder_both.received("JUICE", "10", "OK", "2026-01-01")
    assert (taken["status"], taken["lines"][0]["life_days"], taken["stale"]) == ("posted", 120, False)
    works.day("2026-03-03")
    late = larder_both.receipt("JUICE", "10", "LATE", "2026-01-01")
    assert (late["lines"][0]["life_days"], late["stale"]) == (119, True)
    told = larder_both.admin.refused(409, "POST", f"/purchase_receipt/{late['id']}/actions/post")
    assert "剩余效期" in told[0]["message"]
    assert works.stock("JUICE") == 10


def test_f3_a_concession_needs_quality(larder: Larder) -> None:
    works = larder.works
    works.day("2026-03-03")
    late = larder.receipt("JUICE", "10", "LATE", "2026-01-01")
    waiting = larder.admin.take("purchase_receipt", late["id"], "submit")
    assert waiting["status"] == "pending"
    works.api("buyer").decide("purchase_receipt", late["id"])
    assert works.stock("JUICE") == 0
    works.api("quality").decide("purchase_receipt", late["id"])
    assert larder.admin.read("purchase_receipt", late["id"])["status"] == "posted"
    assert works.stock("JUICE") == 10


def test_f3_what_has_expired_cannot_even_be_conceded(larder: Larder) -> None:
    larder.works.day("2026-07-01")
    line = {"item": code("JUICE"), "qty": "1", "lot": code("OLD"), "production_date": "2026-01-01"}
    body = {"partner": code("S"), "warehouse": code("W"), "lines": [line]}
    told = larder.admin.refused(422, "POST", "/purchase_receipt", body)
    assert [fault["code"] for fault in told] == ["in_life"]


def test_f3_goods_with_a_shelf_life_need_a_date(larder: Larder) -> None:
    body = {
        "partner": code("S"),
        "warehouse": code("W"),
        "lines": [{"item": code("JUICE"), "qty": "1", "lot": code("X")}],
    }
    told = larder.admin.refused(422, "POST", "/purchase_receipt", body)
    assert [fault["code"] for fault in told] == ["dated"]
    salt = body | {"lines": [{"item": code("SALT"), "qty": "1", "lot": code("S1")}]}
    assert larder.admin.new("purchase_receipt", **salt)["lines"][0]["expiry_date"] is None


def test_f3_quarantine_until_judged_and_refused_lots_never_available(larder: Larder) -> None:
    works, admin = larder.works, larder.admin
    works.day("2026-01-05")
    larder.received("CHECKED", "100", "Q1", "2026-01-01")
    assert (works.stock("CHECKED", "Q"), works.stock("CHECKED", "W")) == (100, 0)
    lot = larder.lot("Q1")
    assert (lot["awaiting"], lot["stopped"]) == (True, True)
    moved = admin.new("transfer", from_warehouse=code("Q"), to_warehouse=code("W"),
                      lines=[{"item": code("CHECKED"), "qty": "5", "lot": code("Q1")}])  # fmt: skip
    larder.keeper.take("transfer", moved["id"], "submit")
    larder.keeper.decide("transfer", moved["id"])
    larder.keeper.refused(409, "POST", f"/transfer/{moved['id']}/actions/dispatch")
    assert works.stock("CHECKED", "W") == 0


def test_f3_the_judged_part_is_available_and_the_refused_part_is_not(larder_both: Larder) -> None:
    works, admin = larder_both.works, larder_both.admin
    works.day("2026-01-05")
    came = larder_both.received("CHECKED", "100", "Q1", "2026-01-01")
    line = {"item": code("CHECKED"), "qty": "100", "refused": "40", "lot": code("Q1"),
            "source_line": {"id": came["lines"][0]["id"]}}  # fmt: skip
    judged = admin.new("inspection", receipt={"id": came["id"]}, lines=[line])
    admin.take("inspection", judged["id"], "post")
    assert (works.stock("CHECKED", "Q"), works.stock("CHECKED", "W"), works.stock("CHECKED", "R")) == (0, 60, 40)
    lot = larder_both.lot("Q1")
    assert (lot["awaiting"], lot["stopped"]) == (False, False)
    assert works.item("CHECKED")["available"] == "60"
    assert admin.status("POST", "/delivery", {
        "partner": code("C1"), "warehouse": code("R"), "lines": [{"item": code("CHECKED"), "qty": "1"}],
    }) == 422  # fmt: skip


def test_f3_records_are_kept_as_long_as_the_law_wants(larder: Larder) -> None:
    larder.works.day("2026-01-05")
    assert larder.received("JUICE", "1", "L1", "2026-01-01")["retain_until"] == "2026-12-30"
    assert larder.received("SALT", "1", "S1", "2026-01-01")["retain_until"] == "2028-01-05"


def test_f3_no_orders_from_a_supplier_whose_licence_has_ended(larder: Larder) -> None:
    works, admin = larder.works, larder.admin
    works.day("2026-01-05")
    admin.new(
        "licence", name="许可证", partner=code("S"), licence_type="producer", licence_no="SC1", valid_until="2026-01-06"
    )
    body = {"partner": code("S"), "warehouse": code("W"), "expected_date": "2026-02-01",
            "lines": [{"item": code("SALT"), "qty": "1", "price": "2"}]}  # fmt: skip
    admin.new("purchase_order", **body)
    works.day("2026-01-07")
    told = admin.refused(422, "POST", "/purchase_order", body)
    assert [fault["code"] for fault in told] == ["licences_valid"]


SCAN = "]C1010690123456789211260101" + "10L-2601\x1d" + "17260628"


def test_f3_one_scan_gives_the_item_the_lot_and_its_dates(larder: Larder) -> None:
    larder.works.day("2026-01-05")
    body = {"partner": code("S"), "warehouse": code("W"), "lines": [{"lot": code(SCAN), "qty": "12", "price": "5"}]}
    line = larder.admin.new("purchase_receipt", **body)["lines"][0]
    assert (line["item"]["code"], line["lot"]["code"], line["unit"]["code"]) == ("JUICE", "L-2601", "KG")
    assert (line["production_date"], line["expiry_date"], line["life_days"]) == ("2026-01-01", "2026-06-28", 174)
    assert larder.lot("L-2601")["expiry_date"] == "2026-06-28"


def test_f3_a_wrong_code_says_what_is_wrong(larder: Larder) -> None:
    def refused(scan: str) -> list[tuple[str, str]]:
        body = {"partner": code("S"), "warehouse": code("W"), "lines": [{"lot": code(scan), "qty": "1"}]}
        told = larder.admin.refused(422, "POST", "/purchase_receipt", body)
        return [(f["code"], f["field"]) for f in told if f["code"].startswith("barcode")]

    assert refused("(01)06901234567893(10)L1") == [("barcode_check_digit", "lines.1.lot")]
    assert refused("(01)06901234567892") == [("barcode_no_lot", "lines.1.lot")]
    assert refused("(01)00000000000017(10)L1") == [("barcode_no_record", "lines.1.item")]
