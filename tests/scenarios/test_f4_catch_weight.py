"""F4: goods counted in pieces and weighed: both leave together, and what is weighed is what is charged."""

from __future__ import annotations

import re

from tests.scenarios.clients import code
from tests.scenarios.larder import Larder, Row

BEEF: Row = {"second_unit": code("KG"), "priced_by": "weight", "weight_cost": "60", "weight_sale": "80"}


def beef(larder: Larder) -> None:
    """Ten pieces of 15.2 kg, then ten of 14 kg."""
    admin = larder.admin
    admin.new("item", code="BEEF", name="牛腱", unit=code("BAG"), category=code("RM"), tracked=True, supplier=code("S"),
              shelf_life_days=30, **BEEF)  # fmt: skip
    larder.works.day("2026-03-02")
    larder.received("BEEF", "10", "B1", "2026-03-01", price=None, weight="15.2")
    larder.received("BEEF", "10", "B2", "2026-03-02", price=None, weight="14")


def test_f4_what_is_weighed_as_a_whole_is_split_with_its_pieces_over_the_lots(larder_both: Larder) -> None:
    beef(larder_both)
    made = larder_both.delivered("BEEF", "12", weight="17.4", price=None)
    lines = larder_both.admin.read("delivery", made["id"])["lines"]
    assert [(row["lot"]["code"], row["qty"], row["weight"]) for row in lines] == [
        ("B1", "10", "14.5"),
        ("B2", "2", "2.9"),
    ]
    assert [row["amount"] for row in lines] == ["1160.00", "232.00"]
    page = larder_both.works.web("manager").get("/ledgers/stock").get_data(as_text=True)
    assert re.search(r"11\.1\b[^0-9]*千克", page)  # in the unit it is weighed in, not in bags
    assert larder_both.lot("B1")["weight_on_hand"] == "0"
    assert (larder_both.lot("B2")["on_hand"], larder_both.lot("B2")["weight_on_hand"]) == ("8", "11.1")


def test_f4_more_weight_than_the_books_hold_leaves_everything_as_it_was(larder_both: Larder) -> None:
    beef(larder_both)
    made = larder_both.delivery("BEEF", "5", weight="30", price=None)
    before = larder_both.works.row_counts()
    (fault,) = larder_both.admin.refused(409, "POST", f"/delivery/{made['id']}/actions/post")
    assert (fault["code"], fault["message"]) == ("weight_there", "牛腱 账上只剩 15.2 的重量，出不了 30；核对过秤数")
    assert larder_both.works.row_counts() == before


def test_f4_a_posted_delivery_that_is_reversed_brings_pieces_and_weight_back(larder: Larder) -> None:
    beef(larder)
    made = larder.delivered("BEEF", "12", weight="17.4", price=None)
    larder.admin.take("delivery", made["id"], "cancel", note="送错")
    assert {lot: larder.lot(lot)["weight_on_hand"] for lot in ("B1", "B2")} == {"B1": "15.2", "B2": "14"}


def test_f4_the_receiving_station_asks_lot_dates_and_of_weighed_goods_the_weight(larder: Larder) -> None:
    admin, works = larder.admin, larder.works
    admin.new("item", code="BEEF", name="牛腱", unit=code("BAG"), category=code("RM"), tracked=True, supplier=code("S"),
              shelf_life_days=30, **BEEF)  # fmt: skip
    works.day("2026-03-02")
    rows = [{"item": code("BEEF"), "qty": "10"}, {"item": code("SALT"), "qty": "50", "price": "2"}]
    order = admin.new("purchase_order", partner=code("S"), warehouse=code("W"), expected_date="2026-03-02", lines=rows)
    admin.take("purchase_order", order["id"], "submit")
    keeper, place = works.web("keeper"), "/stations/receiving"
    asked = keeper.get(f"{place}?queue=orders&doc={order['id']}&act=receive").get_data(as_text=True)
    names = ("lines-0-weight", "lines-1-weight", "lines-0-production_date", "lines-0-supplier_lot", "truck_temp")
    assert [f'name="{name}"' in asked for name in names] == [True, False, True, True, True]
    given = {"lines-0-qty": "10", "lines-0-weight": "15.2", "lines-0-lot": "B9", "lines-0-supplier_lot": "KY-77",
             "lines-0-production_date": "2026-03-01", "lines-1-qty": "50", "lines-1-lot": "S9"}  # fmt: skip
    answer = keeper.post(f"{place}/orders/{order['id']}/receive", **given)
    assert answer.status_code in (302, 303), answer.get_data(as_text=True)[:1500]
    lot = larder.lot("B9")
    assert (lot["supplier_lot"], lot["production_date"], lot["expiry_date"]) == ("KY-77", "2026-03-01", "2026-03-31")
    assert (lot["on_hand"], lot["weight_on_hand"]) == ("10", "15.2")


def test_f4_one_scan_gives_item_lot_dates_and_the_net_weight(larder: Larder) -> None:
    beef(larder)
    admin = larder.admin
    admin.change("unit", larder.works.id("unit", "KG"), ratio="1")
    admin.change("item", larder.works.id("item", "BEEF"), gtin="06970004000013")
    scan = {"code": "(01)06970004000013(10)B7(11)260301(3103)015200"}
    made = admin.new("purchase_receipt", partner=code("S"), warehouse=code("W"), lines=[{"qty": "10", "lot": scan}])
    (line,) = made["lines"]
    assert (line["item"]["code"], line["lot"]["code"], line["production_date"]) == ("BEEF", "B7", "2026-03-01")
    assert (line["weight"], line["amount"]) == ("15.2", "912.00")
