"""Replenishment advice: the figures of the scenario, the reason in words, and what the item says afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import NormalDist

import pytest

from runtime.errors import Invalid
from runtime.plugins import choosing, running, starting
from runtime.plugins.bundled.replenishment_advice import Advice
from runtime.plugins.finding import market
from runtime.plugins.running import Run
from runtime.plugins.settings import choices_of, settings_of
from tests.runtime.plugins.conftest import NOON, Works, works_model

ID = "replenishment_advice"


def advised(works: Works, **given: object) -> Run:
    number = works.write(lambda ctx: starting.start_by_hand(ctx, ID, "advise", given))
    running.work_off(works.app, NOON)
    with works.app.database.read() as connection:
        (run,) = running.runs(works.context(connection), number=number)
    return run


def test_the_figures_of_the_scenario() -> None:
    advice = Advice(mean=20, deviation=5, lead=9, z=NormalDist().inv_cdf(0.95), decimals=1)
    assert (advice.safety, advice.point) == (Decimal("24.7"), Decimal("204.7"))
    assert advice.reason("M1 铜排", 90, 0.95).zh == (
        "M1 铜排：90 天日均 20，标准差 5，提前期 9 天，服务水平 95 %；"
        "安全库存 1.645 × 5 × √9 = 24.7，补货点 20 × 9 + 24.7 = 204.7"
    )


@pytest.fixture
def used(works: Works) -> Works:
    """Ten days on which 18 and 22 were taken in turn, something that was undone, and today, which does not count."""
    works.change(lead=9)
    with works.app.database.read() as connection:
        taken_before = connection.execute(works.app.tables.moves["shelf"].select().limit(1)).first()
    if taken_before is None:  # what ledgers hold stays for the other tests
        for back in range(10, -1, -1):
            works.issue(18 if back % 2 else 22, datetime(2026, 3, 31, 2, tzinfo=UTC) - timedelta(days=back))
        works.issue(500, datetime(2026, 3, 30, 3, tzinfo=UTC), undone=True)
    works.write(lambda ctx: choosing.switch(ctx, ID, on=True))
    return works


def test_items_get_their_safety_stock_and_reorder_point_with_the_reason(used: Works) -> None:
    run = advised(used)
    assert (run.state, run.error) == ("done", "")
    item = used.item()
    assert (item["safety"], item["point"]) == (Decimal("10.4"), Decimal("190.4"))
    reason, summary = (said[0] for said in run.said)
    assert reason == (
        "A 螺栓：10 天日均 20，标准差 2.11，提前期 9 天，服务水平 95 %；安全库存 1.645 × 2.11 × √9 = 10.4，"
        "补货点 20 × 9 + 10.4 = 190.4"
    )
    assert summary == "看了 2 个：1 个有变化，1 个在这 10 天没有消耗，0 个没有提前期"
    assert run.written[0]["set"] == {"safety": [None, "10.4"], "point": [None, "190.4"]}
    assert run.raised[0]["event"] == "changed"
    again = advised(used)
    assert (again.written, len(again.said)) == ([], 1)
    one = advised(used, item=2)
    assert one.said[0][0] == "看了 1 个：0 个有变化，1 个在这 10 天没有消耗，0 个没有提前期"


def test_instead_of_the_item_a_suggestion_can_be_made(used: Works) -> None:
    targets = {"suggestions": "remark", "suggestion_item": "about", "suggestion_reason": "name"}
    used.write(lambda ctx: choosing.configure(ctx, ID, {"safety": "", "point": "", **targets}))
    run = advised(used)
    (written,) = run.written
    assert (run.state, written["entity"], written["made"], written["set"]["about"]) == (
        "done",
        "remark",
        True,
        [None, 1],
    )
    assert written["set"]["name"][1].endswith("补货点 20 × 9 + 10.4 = 190.4")
    assert used.item()["point"] is None


def test_a_run_tells_how_far_it_is(used: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "OFTEN", 0)
    run = advised(used)
    assert (run.state, run.done, run.total) == ("done", 2, 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"lead_time": "note"},
            "提前期(天)字段要整数、小数、数量字段，备注（note）是文本字段；可以选 次数（times）、提前期（lead）",
        ),
        ({"point": "cost"}, "补货点写到要整数、小数、数量字段，成本（cost）是金额字段；可以选 次数（times）"),
        (
            {"suggestions": "remark", "suggestion_item": "secret"},
            "建议的物料字段要引用字段，内部（secret）是文本字段；可以选 关于（about）",
        ),
        ({"suggestions": "remark", "suggestion_point": "name"}, "请先给评语加一个合适的字段"),
        ({"lead_time": "led"}, "提前期(天)字段：应用里没有 led，是否为 lead？"),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused_with_those_that_fit(
    works: Works, given: dict[str, object], message: str
) -> None:
    with pytest.raises(Invalid) as caught:
        works.write(lambda ctx: choosing.configure(ctx, ID, given))
    (fault,) = caught.value.faults
    assert message in fault.message


def test_a_secret_or_computed_field_is_no_choice() -> None:
    plugin = market().plugins[ID].plugin
    setting = next(each for each in settings_of(plugin) if each.id == "point")
    layer = """app: works
entities:
  item:
    fields:
      worth: {type: decimal, label: 身价 | Worth, secrecy: cost}
      double: {type: decimal, label: 两倍 | Double, formula: times * 2}
"""
    choices = choices_of(works_model(layer), setting, {"items": "item"}) or {}
    assert ("point" in choices, "worth" in choices, "double" in choices) == (True, False, False)
    seeing = replace(setting, sees=("cost",))
    assert "worth" in (choices_of(works_model(layer), seeing, {"items": "item"}) or {})
