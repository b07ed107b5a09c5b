"""D6: one alert for each crossing of the safety line, told to the buyer, closed by itself; by every way."""

from __future__ import annotations

from sqlalchemy import select

from tests.scenarios.clients import code
from tests.scenarios.rules_told import come_in, ticked, told
from tests.scenarios.works import Works


def used(works: Works, qty: str) -> None:
    line = {"item": code("SCREW"), "qty": qty}
    made = works.api("keeper").new("stock_adjustment", warehouse=code("W"), reason="own_use", lines=[line])
    works.api("keeper").take("stock_adjustment", made["id"], "submit")


def alerts(works: Works) -> list[str]:
    """What became of the item's alerts, in order."""
    table = works.app.tables.system.alert
    query = select(table).where(table.c.alert == "below_safety").order_by(table.c.id)
    with works.app.database.read() as connection:
        return ["open" if row.open_key else row.closed_because for row in connection.execute(query)]


def test_d6_one_alert_for_each_crossing(both: Works) -> None:
    works = both
    works.api().change("item", works.id("item", "SCREW"), safety_stock="200")
    works.bought("SCREW", "230", "0.1")
    open_before = alerts(works)
    used(works, "40")
    assert told(works, "alert:below_safety", "inbox")[-1] == ("buyer", "螺丝 可用 190，低于安全库存 200")
    before = len(told(works, "alert:below_safety", "inbox"))
    used(works, "10")
    assert len(told(works, "alert:below_safety", "inbox")) == before
    works.bought("SCREW", "50", "0.1")
    assert alerts(works) == [*open_before, "ended"]
    used(works, "40")
    assert alerts(works) == [*open_before, "ended", "open"]
    assert len(told(works, "alert:below_safety", "inbox")) == before + 1


def test_d6_a_file_and_a_page_raise_the_line_and_the_alert_with_it(works: Works) -> None:
    works.bought("SCREW", "230", "0.1")
    come_in(works, "item", [{"code": "SCREW", "safety_stock": "240"}])
    assert alerts(works) == ["open"]
    buyer = works.web("buyer")
    buyer.press(buyer.open(f"/e/item/{works.id('item', 'SCREW')}"), safety_stock="200")
    assert alerts(works) == ["ended"]


def test_d6_the_alert_is_on_its_page_in_the_list_and_on_the_item(works: Works) -> None:
    works.api().change("item", works.id("item", "SCREW"), safety_stock="200")
    works.bought("SCREW", "190", "0.1")
    buyer = works.web("buyer")
    page = buyer.open("/alerts").text
    assert "螺丝 可用 190，低于安全库存 200" in page
    assert "螺丝 可用 190，低于安全库存 200" in buyer.open(f"/e/item/{works.id('item', 'SCREW')}").text
    (alert,) = works.api("buyer").items("/alerts", alert="below_safety")
    assert (alert["color"], alert["title"], alert["offers"][0]["kind"]) == ("red", "SCREW 螺丝", "plan")
    works.api("buyer").post(f"/alerts/{alert['id']}/ack")
    assert "已有人处理" in buyer.open("/alerts").text
    works.bought("SCREW", "50", "0.1")
    assert works.api("buyer").items("/alerts", alert="below_safety") == []
    assert "低于安全库存 200" in buyer.open("/alerts?closed=1").text


def test_an_order_in_production_that_nobody_reports_on_raises_an_alert(works: Works) -> None:
    works.bought("COPPER", "500", "11")
    works.bought("SCREW", "3000", "0.1")
    production = works.api("production")
    days = {"start_date": "2026-01-05", "due_date": "2026-01-30"}
    job = production.new("work_order", item=code("CONN"), qty="10", warehouse=code("W"), **days)
    production.take("work_order", job["id"], "submit")
    works.day("2026-01-07", 8)
    production.take("work_order", job["id"], "start")
    ticked(works, "2026-01-08", 8)
    assert told(works, "alert:report_stalled") == []
    ticked(works, "2026-01-08", 9)
    ((_, said),) = set(told(works, "alert:report_stalled", "inbox"))
    assert said == f"{job['code']} 连接器 已 24 小时以上没有报工"
    report = production.new("work_report", work_order={"id": job["id"]}, good="4")
    production.take("work_report", report["id"], "post")
    assert works.api().items("/alerts", alert="report_stalled") == []
    ticked(works, "2026-01-09", 10)
    assert len(works.api().items("/alerts", alert="report_stalled")) == 1
