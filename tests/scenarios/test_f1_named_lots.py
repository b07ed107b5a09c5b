"""F1: a lot that may not be used goes out on no path, also where it is named by hand; and what is lacking is told."""

from __future__ import annotations

import pytest

from runtime.app_source import pin
from runtime.importing import import_file
from tests.scenarios.clients import Row, code, told
from tests.scenarios.works import NAME, Works

SAID = "TEA 绿茶 的批次 L1 现在不可用，换一个批次，或者先解除停用"


def stopped(works: Works) -> Row:
    """Ten pieces of one lot, a delivery that names it, and then the lot is blocked; the delivery."""
    admin = works.api()
    admin.new("item", code="TEA", name="绿茶", unit=code("PC"), category=code("HW"), tracked=True, item_type="goods")
    works.bought("TEA", "10", "2", "A", lot=code("L1"))
    made = admin.new("delivery", partner=code("C"), warehouse=code("A"), lines=[line("4")])
    admin.change("lot", works.id("lot", "L1"), state="blocked")
    return made


def line(qty: str) -> Row:
    return {"item": code("TEA"), "qty": qty, "price": "3", "lot": code("L1")}


def test_f1_a_stopped_lot_named_by_hand_is_refused_by_program(trade_both: Works) -> None:
    made = stopped(trade_both)
    before = trade_both.row_counts()
    (fault,) = trade_both.api().refused(422, "POST", f"/delivery/{made['id']}/actions/post")
    assert (fault["code"], fault["message"]) == ("unit_not_usable", SAID)
    assert (trade_both.row_counts(), trade_both.stock("TEA")) == (before, 10)


def test_f1_a_stopped_lot_named_by_hand_is_refused_on_page_and_in_bulk(trade: Works) -> None:
    made = stopped(trade)
    keeper = trade.web("keeper")
    assert SAID in told(keeper.take("delivery", made["id"], "post"))
    other = trade.api().new("delivery", partner=code("C"), warehouse=code("A"), lines=[line("1") | {"lot": None}])
    keeper.post("/e/delivery/bulk", action="do:post", id=made["id"])
    assert SAID in keeper.get("/e/delivery").get_data(as_text=True)
    keeper.post("/e/delivery/bulk", action="do:post", id=other["id"])
    assert "没有可用的批次" in keeper.get("/e/delivery").get_data(as_text=True)
    assert {row["status"] for row in trade.api().items("/delivery")} == {"draft"}
    assert trade.stock("TEA") == 10


def test_f1_a_stopped_lot_that_a_file_names_is_refused(trade: Works) -> None:
    stopped(trade)
    sheet = "仓库,方向,原因,物料,批次,数量\nA,出库,领用,TEA,L1,2\n"
    with trade.acting() as ctx:
        assert import_file(ctx, "stock_adjustment", sheet.encode(), "out.csv").created == 1
    (made,) = trade.api().items("/stock_adjustment")
    (fault,) = trade.api().refused(422, "POST", f"/stock_adjustment/{made['id']}/actions/submit")
    assert fault["code"] == "unit_not_usable"
    assert trade.stock("TEA") == 10


POST_BY_RULE = """
rules:
  post_at_once:
    when: {changed: delivery, fields: [waybill]}
    then: {on: {take: post}}
"""


def test_f1_a_rule_moves_no_stopped_lot(trade: Works) -> None:
    made = stopped(trade)
    definition = trade.app.definition
    assert definition is not None
    trade.home.publish(NAME, pin(definition.text + POST_BY_RULE, kept=definition, name=NAME))
    trade.api().call("PATCH", f"/delivery/{made['id']}", {"waybill": "SF-1"})
    assert trade.api().read("delivery", made["id"])["status"] == "draft"
    (run,) = trade.api().items("/rules/post_at_once/runs")
    assert (run["result"], trade.stock("TEA")) == ("failed", 10)


@pytest.mark.parametrize("reason", ["own_use", "scrap"])
def test_f1_a_stopped_lot_can_still_be_scrapped(trade: Works, reason: str) -> None:
    stopped(trade)
    made = trade.api().new(
        "stock_adjustment", warehouse=code("A"), direction="issue", reason=reason,
        lines=[{"item": code("TEA"), "qty": "1", "lot": code("L1")}],
    )  # fmt: skip
    status = trade.api().status("POST", f"/stock_adjustment/{made['id']}/actions/submit")
    assert (status, trade.stock("TEA")) == {"own_use": (422, 10), "scrap": (200, 9)}[reason]


def test_f1_without_a_usable_lot_the_refusal_says_so(trade_both: Works) -> None:
    stopped(trade_both)
    made = trade_both.api().new("delivery", partner=code("C"), warehouse=code("A"), lines=[line("1") | {"lot": None}])
    (fault,) = trade_both.api().refused(422, "POST", f"/delivery/{made['id']}/actions/post")
    assert fault["code"] == "nothing_usable"
    assert fault["message"] == "TEA 绿茶 在 总仓 没有可用的批次，先到货、放行，或者换仓库"
