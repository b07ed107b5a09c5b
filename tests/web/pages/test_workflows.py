"""Workflows as pictures and sentences: what a reader sees of them, and how many of his documents are where."""

from __future__ import annotations

import re

import pytest

from tests.scenarios.clients import code
from tests.scenarios.works import Row, Works
from tests.web.api.test_records import some_item
from tests.web.pages.test_figures import Reader


@pytest.fixture(scope="module")
def buyer(office_on_file: Works) -> Reader:
    return Reader(office_on_file, "buyer")


def ordered(office: Works) -> Row:
    """A draft of an order."""
    line = {"item": code(some_item(office.api())["code"]), "qty": "1"}
    given = {"partner": code("S"), "warehouse": code("W"), "expected_date": "2030-01-01"}
    return office.api("buyer").new("purchase_order", **given, lines=[line])


def plain(page: str) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", "", page))


def test_a_workflow_reads_aloud_in_both_languages(buyer: Reader) -> None:
    chinese = buyer.page("/workflows/purchase_order")
    assert "当采购订单被驳回" not in chinese
    assert "当采购订单审批被驳回（“驳回”）时，它由“审批中”变为“草稿”；同时要写说明。" in chinese
    assert (
        "当采购对采购订单“作废”时，它由“草稿”或“已审核”变为“已作废”；前提是 入库 = 未开始；冲回“审核”记的账。"
        in chinese
    )
    assert "采购主管：部门的负责人或经理审批，任一人同意即可；价税合计 ≥ 公司设置的采购免审批额度 时才需要。" in chinese
    english = buyer.page("/workflows/purchase_order", language="en")
    assert "When a purchase order is refused (“Reject”), it moves from “Awaiting approval” to “Draft”" in english
    assert "When Buyer takes “Close the rest” on a purchase order, it moves from “Approved” to “Closed”" in english


def test_the_picture_says_no_more_than_the_lists_and_every_way_of_it_is_in_them(buyer: Reader) -> None:
    page = buyer.page("/workflows/purchase_order")
    ways = re.findall(r'class="flow-way" aria-hidden="true"><title>([^<]+)</title>', page)
    assert len(ways) == 7
    lists = plain(page[page.index("</svg></div>") :])
    assert all(sentence in lists for sentence in ways)
    assert len(re.findall(r'<g class="flow-state', page)) == 5


def test_a_state_counts_the_documents_in_it_and_opens_them(office: Works, buyer: Reader) -> None:
    def drafts() -> int:
        page = buyer.page("/workflows/purchase_order")
        found = re.search(r'href="/e/purchase_order\?where.status=draft">(\d+)</a>', page)
        assert found is not None
        return int(found[1])

    before = drafts()
    ordered(office)
    assert drafts() == before + 1
    assert buyer.page("/e/purchase_order?where.status=draft")


def test_what_a_person_may_not_read_he_finds_no_workflow_of(office: Works) -> None:
    quality = Reader(office, "quality")
    assert "/workflows/payment" not in quality.page("/workflows")
    quality.page("/workflows/payment", status=403)
    quality.page("/workflows/item", status=404)
    assert {"payment", "invoice"} & {row["entity"] for row in office.api("quality").items("/workflows")} == set()


def test_a_document_leads_to_its_workflow(office: Works, buyer: Reader) -> None:
    made = ordered(office)
    assert 'href="/workflows/purchase_order"' in buyer.page(f"/e/purchase_order/{made['id']}")
    assert 'href="/workflows/purchase_order"' in buyer.page("/workflows")


def test_programs_read_a_workflow_as_data(office: Works) -> None:
    found = office.api("buyer").get("/workflows/purchase_order")
    ways = {way["id"]: way for way in found["transitions"]}
    assert (ways["cancel"]["origins"], ways["cancel"]["target"]) == (["draft", "approved"], "cancelled")
    assert ways["reject"]["demands"] == ["note"]
    assert ways["approve"]["who"] == ""
    asked = next(state for state in found["states"] if state["id"] == "pending")
    assert [(step["number"], step["id"]) for step in asked["steps"]] == [(1, "head"), (2, "price"), (3, "chief")]
    assert isinstance(asked["now"], int)
