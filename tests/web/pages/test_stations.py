"""Stations: what waits at a work place, what a scan finds, what a key does, and what nobody else may."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from tests.scenarios.clients import Row, code
from tests.scenarios.works import Works
from tests.web.api.test_records import some_item
from tests.web.pages.test_figures import Reader

RECEIVING = "/stations/receiving"


@pytest.fixture
def keeper(office: Works) -> Reader:
    return Reader(office, "keeper")


@pytest.fixture
def ordered(office: Works) -> Row:
    """An approved purchase order of ten of a new item."""
    return order(office, "10")


def order(office: Works, qty: str, warehouse: str = "W") -> Row:
    """An approved purchase order with one line."""
    api = office.api()
    item = some_item(api, purchase_price="2")
    head = {"partner": code("S"), "warehouse": code(warehouse), "expected_date": "2027-01-01"}
    made = api.new("purchase_order", **head, lines=[{"item": item["id"], "qty": qty}])
    api.take("purchase_order", made["id"], "submit")
    return {**api.read("purchase_order", made["id"]), "thing": item["code"]}


def where(keeper: Reader, path: str) -> str:
    """Where a request leads."""
    return str(keeper.client.get(path).headers.get("Location", ""))


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page))


def test_a_station_shows_what_waits_and_only_to_those_who_work_there(
    office: Works, keeper: Reader, ordered: Row
) -> None:
    page = keeper.page(RECEIVING)
    assert ordered["code"] in page
    assert "等着到货" in page
    assert "To arrive" in keeper.page(RECEIVING, language="en")
    assert "2.00" not in words(page)  # keepers see no prices
    sales = Reader(office, "sales")
    sales.page(RECEIVING, 404)
    assert "收货台" not in sales.page("/stations")
    assert 'href="/stations"' not in sales.page("/tasks")


@pytest.mark.both
def test_a_scanned_order_or_item_opens_the_document(keeper: Reader, ordered: Row) -> None:
    picked = f"{RECEIVING}?queue=orders&doc={ordered['id']}"
    assert where(keeper, f"{RECEIVING}?q={ordered['code']}") == picked
    assert where(keeper, f"{RECEIVING}?q={ordered['thing']}") == picked
    assert "收货入库" in keeper.page(picked)


def test_a_code_in_several_documents_leaves_the_choice(office: Works, keeper: Reader, ordered: Row) -> None:
    api = office.api()
    head = {"partner": code("S"), "warehouse": code("W"), "expected_date": "2027-01-01"}
    other = api.new("purchase_order", **head, lines=[{"item": code(ordered["thing"]), "qty": "3"}])
    api.take("purchase_order", other["id"], "submit")
    page = keeper.page(f"{RECEIVING}?q={ordered['thing']}")
    assert f"扫到 {ordered['thing']}：请选一张" in words(page)
    assert set(re.findall(r"<b>(CGDD[\d-]+)</b>", page)) == {ordered["code"], other["code"]}


def test_goods_are_received_with_what_was_counted(office: Works, keeper: Reader, ordered: Row) -> None:
    form = keeper.page(f"{RECEIVING}?queue=orders&doc={ordered['id']}&act=receive")
    assert 'name="lines-0-qty"' in form
    assert f'data-codes="{ordered["thing"]}"' in form
    keeper.post(f"{RECEIVING}/orders/{ordered['id']}/receive", **{"lines-0-qty": "7", "supplier_note": "S-778"})
    assert office.stock(ordered["thing"], "W") == Decimal(7)
    made = office.api().items("/purchase_receipt", **{"filter": 'supplier_note == "S-778"'})
    assert [row["status"] for row in made] == ["posted"]
    left = keeper.page(f"{RECEIVING}?queue=orders&doc={ordered['id']}&act=receive")
    assert re.search(r'value="3" [^>]*name="lines-0-qty"', left)


def test_what_is_refused_leaves_nothing_and_keeps_what_was_typed(office: Works, keeper: Reader, ordered: Row) -> None:
    before = office.row_counts()
    page = keeper.post(f"{RECEIVING}/orders/{ordered['id']}/receive", 409, **{"lines-0-qty": "99"})
    assert "来货超过订单和容差，先提交采购审批" in page
    assert 'value="99"' in page
    nothing = keeper.post(f"{RECEIVING}/orders/{ordered['id']}/receive", 422, **{"lines-0-qty": "0"})
    assert "没有填写任何数量" in nothing
    assert office.row_counts() == before


def test_what_does_not_wait_says_why(office: Works, keeper: Reader, ordered: Row) -> None:
    office.api().take("purchase_order", ordered["id"], "close", note="够了")
    assert f"采购订单 {ordered['code']} 现为“已关闭”，不在这里等待处理" in keeper.page(
        f"{RECEIVING}?q={ordered['code']}"
    )
    assert "这里没有 NO-SUCH" in keeper.page(f"{RECEIVING}?q=NO-SUCH")
    refused = keeper.post(f"{RECEIVING}/orders/{ordered['id']}/receive", 409, **{"lines-0-qty": "1"})
    assert f'id="waiting" hx-get="{RECEIVING}"' in refused  # what waits is asked for anew where it can be read


def test_a_device_stands_at_a_place_and_says_where_the_rest_waits(office: Works, keeper: Reader, ordered: Row) -> None:
    elsewhere = order(office, "1", "B")
    place = office.id("warehouse", "W")
    page = keeper.page(f"{RECEIVING}?place={place}")
    assert ordered["code"] in page
    assert elsewhere["code"] not in page
    assert elsewhere["code"] not in keeper.page(RECEIVING)  # the browser remembers
    told = keeper.page(f"{RECEIVING}?q={elsewhere['code']}")
    assert f"采购订单 {elsewhere['code']} 在别处等待，不在这个地点" in told
    assert elsewhere["code"] in keeper.page(f"{RECEIVING}?place=")


def test_work_is_reported_where_it_is_done(office: Works) -> None:
    office.bought("COPPER", "10", "11")
    made = office.api().new("work_order", item=code("PART"), qty="4", warehouse=code("W"), due_date="2027-01-01")
    office.api().take("work_order", made["id"], "submit")
    worker = Reader(office, "production")
    worker.post(f"/stations/reporting/released/{made['id']}/start")
    keys = words(worker.page(f"/stations/reporting?queue=running&doc={made['id']}"))
    assert "报工" in keys
    assert "完工入库" in keys
    worker.post(f"/stations/reporting/running/{made['id']}/report", good="3", scrapped="1", hours="2")
    found = office.api().items("/work_report", **{"filter": f'work_order.code == "{made["code"]}"'})
    assert [(row["status"], Decimal(str(row["good"])), Decimal(str(row["scrapped"]))) for row in found] == [
        ("posted", Decimal(3), Decimal(1))
    ]


def test_a_key_that_is_not_there_does_nothing(office: Works, keeper: Reader, ordered: Row) -> None:
    keeper.post(f"{RECEIVING}/orders/{ordered['id']}/approve", 404)
    keeper.post(f"{RECEIVING}/nowhere/{ordered['id']}/receive", 404)
    sales = Reader(office, "sales")
    sales.post(f"{RECEIVING}/orders/{ordered['id']}/receive", 404)
