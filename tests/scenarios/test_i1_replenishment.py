"""I1: replenishment advice, switched on with one click: when to buy, how much, why, in the scenario's own figures."""

from __future__ import annotations

from decimal import Decimal

from runtime.context import FixedClock
from runtime.plugins.running import work_off
from tests.scenarios.clients import code
from tests.scenarios.works import Works

PLUGIN = "/plugins/replenishment_advice"
TAKEN = ("20", "20", "30", "20", "20", "10", "20", "20", "20")
"""Nine days: 20 on average, with a standard deviation of 5."""


def test_i1_what_left_day_by_day_becomes_the_reorder_point_with_its_reason(works: Works) -> None:
    admin, keeper = works.api(), works.api("keeper")
    screw = works.id("item", "SCREW")
    admin.change("item", screw, lead_time_days=9)
    works.bought("SCREW", "1000", "0.1")
    for number, qty in enumerate(TAKEN):
        works.day(f"2026-02-{number + 2:02}")
        lines = [{"item": code("SCREW"), "qty": qty}]
        made = keeper.new("stock_adjustment", warehouse=code("W"), reason="own_use", lines=lines)
        keeper.take("stock_adjustment", made["id"], "submit")
    works.day("2026-02-11")
    shown = admin.call("PATCH", PLUGIN, {"on": True, "settings": {"days": 9, "kinds": ["loss"]}}).get_json()
    assert (shown["on"], shown["settings"]["service_level"]) == (True, 0.95)
    run = admin.post(f"{PLUGIN}/acts/advise", {}, 202)
    work_off(works.app, FixedClock(works.clock.now()))
    run = admin.get(f"{PLUGIN}/runs/{run['id']}")
    assert (run["state"], run["error"]) == ("done", "")
    assert run["said"][0]["zh"] == (
        "SCREW 螺丝：9 天日均 20，标准差 5，提前期 9 天，服务水平 95 %；"
        "安全库存 1.645 × 5 × √9 = 24.7，补货点 20 × 9 + 24.7 = 204.7"
    )
    item = works.item("SCREW")
    assert (Decimal(item["safety_stock"]), Decimal(item["reorder_point"])) == (Decimal("24.7"), Decimal("204.7"))
    history = admin.items(f"/item/{screw}/history")
    assert (history[0]["source"], set(history[0]["changes"])) == ("plugin", {"safety_stock", "reorder_point"})
