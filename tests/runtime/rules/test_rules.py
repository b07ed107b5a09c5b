"""Rules fire when they should, once, and say why when they do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runtime import records, rules_admin, rules_traces
from runtime.apps import RunningApp
from runtime.errors import Invalid
from runtime.programs import Programs
from runtime.rules_clock import begin
from tests.runtime.rules.firm import Firm, firm_model


def test_a_transition_mails_the_address_on_the_record(firm: Firm) -> None:
    order = firm.order(20)
    firm.take("order", order, "approve")
    assert firm.told("rule:to_customer") == [("email", "k@example.com", "合计 20")]
    assert firm.results("to_customer") == ["fired"]


def test_a_condition_that_fails_is_named_with_its_values(firm: Firm) -> None:
    firm.take("order", firm.order(4), "approve")
    assert firm.told("rule:to_customer") == []
    (run,) = rules_traces.runs(firm.ctx, "to_customer")
    assert run.result == "refused"
    assert run.conditions == [
        {"text": "not empty(partner.email)", "holds": True, "inputs": [["partner.email", "k@example.com"]]},
        {"text": "total > 10", "holds": False, "inputs": [["total", "4"]]},
    ]


def test_nine_tenths_of_a_line_are_told_once_however_they_come_about(firm: Firm) -> None:
    order = firm.order(1000)
    line = firm.lines(order)[0]["id"]
    firm.receive(500, line=line)
    firm.receive(399, line=line)
    assert firm.told("rule:nine_tenths") == []
    last = firm.receive(1, line=line)
    assert firm.told("rule:nine_tenths") == [("inbox", "boss", f"SO-{1:04} 的 螺栓 已完工 90 %")]
    assert firm.lines(order)[0]["ready"] is True
    firm.receive(50, line=line)
    firm.take("receipt", last, "undo")
    firm.receive(100, line=line)
    assert len(firm.told("rule:nine_tenths")) == 1


def test_a_threshold_that_is_lowered_is_a_crossing_too(firm: Firm) -> None:
    line = firm.lines(firm.order(100))[0]["id"]
    firm.receive(80, line=line)
    assert firm.told("rule:nine_tenths") == []
    records.save_setting(firm.ctx, "policy", {"ready": "75%"})
    assert [text for _, _, text in firm.told("rule:nine_tenths")] == ["SO-0001 的 螺栓 已完工 80 %"]


def test_a_crossing_is_armed_again_only_below_its_band(firm: Firm) -> None:
    firm.receive(11, item="A")
    back = firm.receive(4, item="A")
    first = firm.receive(1, item="A")
    firm.take("receipt", back, "undo")
    firm.receive(3, item="A")
    assert len(firm.told("rule:above_ten")) == 1
    for qty in (-11,):
        firm.receive(qty, item="A")
    firm.receive(12, item="A")
    assert [text for _, _, text in firm.told("rule:above_ten")] == ["A 有 11", "A 有 16"]
    assert first


def test_readers_are_told_only_what_they_may_see(firm: Firm) -> None:
    records.update(firm.ctx, "item", 1, {"cost": "12.5"})
    assert sorted(firm.told("rule:priced")) == [
        ("inbox", "boss", "螺栓 成本 12.50"),
        ("inbox", "clerk", "螺栓 成本 ***"),
    ]


def test_a_rule_makes_records_with_values_of_its_own(firm: Firm) -> None:
    records.create(firm.ctx, "item", {"code": "C", "name": "铜", "safety": "2000"})
    records.create(firm.ctx, "item", {"code": "D", "name": "铁", "safety": "1"})
    fired, refused = reversed(rules_traces.runs(firm.ctx, "noted", most=2))
    assert (fired.result, refused.result, fired.error) == ("fired", "refused", "")
    made = records.load(firm.ctx, "notice", fired.actions[0]["made"])
    assert (made["name"], made["about"]) == ("铜", fired.record)


def test_a_rule_that_sets_itself_off_stops_and_says_so(firm: Firm) -> None:
    saved = records.update(firm.ctx, "item", 1, {"times": 5})
    assert records.load(firm.ctx, "item", 1)["times"] == 6
    assert saved.version == records.load(firm.ctx, "item", 1)["version"]
    assert firm.results("counting") == ["fired", "loop"]
    assert [who for _, who, _ in firm.told("rule:counting")] == ["boss"]


def test_a_rule_that_fails_leaves_the_save_alone(firm: Firm) -> None:
    records.update(firm.ctx, "item", 1, {"ready": True, "name": "新名"})
    row = records.load(firm.ctx, "item", 1)
    assert (row["name"], row["ready"], row["safety"]) == ("新名", True, None)
    (run,) = rules_traces.runs(firm.ctx, "broken")
    assert (run.result, run.error) == ("failed", "安全库存不能小于 0")
    assert [(who, text) for _, who, text in firm.told("rule:broken")] == [("boss", "规则执行失败：安全库存不能小于 0")]


def test_a_rule_that_is_declared_to_block_refuses_the_save(firm: Firm) -> None:
    records.update(firm.ctx, "partner", 1, {"email": "bad@example.com"})
    with pytest.raises(Invalid, match="规则“必须成功”没能执行，未保存") as caught:
        records.update(firm.ctx, "partner", 1, {"name": "别的"})
    assert caught.value.faults[0].code == "rule_blocks"


def test_a_rule_with_a_limit_is_quiet_for_a_while(firm: Firm) -> None:
    records.update(firm.ctx, "partner", 1, {"email": "a@example.com"})
    records.update(firm.ctx, "partner", 1, {"email": "b@example.com"})
    records.update(firm.at(datetime(2026, 3, 3, 5, tzinfo=UTC)).ctx, "partner", 1, {"email": "c@example.com"})
    assert [text for _, _, text in firm.told("rule:seldom")] == ["邮箱 a@example.com", "邮箱 c@example.com"]
    assert firm.results("seldom") == ["fired", "limited", "fired"]


def test_a_date_reminds_once_moves_with_the_date_and_goes_with_the_order(firm: Firm) -> None:
    order, gone = firm.order(1, due="2026-03-20"), firm.order(2, due="2026-03-20")
    for each in (order, gone):
        firm.take("order", each, "approve")
    records.update(firm.ctx, "order", order, {"due": "2026-03-25"})
    firm.take("order", gone, "cancel")
    firm.tick(datetime(2026, 3, 18, 0, 0, 1, tzinfo=UTC))
    assert firm.told("rule:prepare") == []
    firm.tick(datetime(2026, 3, 23, 0, 0, 1, tzinfo=UTC))
    firm.tick(datetime(2026, 3, 23, 9, tzinfo=UTC))
    assert firm.told("rule:prepare") == [("inbox", "boss", "请准备 SO-0001")]


def test_an_order_approved_inside_the_two_days_reminds_at_the_next_turn(firm: Firm) -> None:
    firm.take("order", firm.order(1, due="2026-03-03"), "approve")
    firm.tick(datetime(2026, 3, 2, 4, 1, tzinfo=UTC))
    assert firm.told("rule:prepare") == [("inbox", "boss", "请准备 SO-0001")]


def test_a_rule_of_every_day_tells_all_it_finds_in_one_message(firm: Firm) -> None:
    firm.order(1)
    firm.order(2)
    firm.tick(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    assert firm.told("rule:drafts") == []
    firm.tick(datetime(2026, 3, 2, 10, 0, 1, tzinfo=UTC))
    firm.tick(datetime(2026, 3, 2, 11, 0, tzinfo=UTC))
    assert firm.told("rule:drafts") == [("inbox", "boss", "SO-0001 还是草稿\nSO-0002 还是草稿")]


def test_what_was_taken_over_from_elsewhere_sets_nothing_off(firm: Firm) -> None:
    before = len(firm.results("noted"))
    records.create_many(firm.ctx, "item", [{"code": "H", "name": "旧", "safety": "5000"}], kind=records.HISTORY)
    assert len(firm.results("noted")) == before


def test_lines_with_dates_make_one_reminder_a_day_not_one_a_line(firm: Firm) -> None:
    def ordered(*wanted: str) -> None:
        lines = [{"item": {"code": "AB"[n % 2]}, "qty": 1, "needed": day} for n, day in enumerate(wanted)]
        records.create(firm.ctx, "order", {"partner": {"code": "K"}, "lines": lines})

    ordered("2026-03-10", "2026-03-10", "2026-03-11")
    ordered("2026-03-10")
    for day in (9, 10, 11):
        firm.tick(datetime(2026, 3, day, 0, 0, tzinfo=UTC))
    told = [text for _, _, text in firm.told("rule:line_wanted")]
    assert sorted(told) == ["SO-0001 要 螺栓", "SO-0001 要 螺栓\nSO-0001 要 螺母", "SO-0002 要 螺栓"]
    assert firm.results("line_wanted") == ["fired"] * 4


CHAIN = """
app: firm
rules:
  breeds:
    label: 一张生一张 | One makes another
    when: {created: notice}
    then: {more: {create: notice, fill: {name: = name, about: = about}}}
"""


def test_rules_that_set_each_other_off_for_ever_are_stopped_and_say_so(firm_app: RunningApp, firm: Firm) -> None:
    app = replace(firm_app, model=firm_model(CHAIN), programs=Programs())
    chained = Firm(replace(firm.ctx, app=app))
    first = records.create(chained.ctx, "notice", {"name": "起头"}).id
    runs = list(reversed(rules_traces.runs(chained.ctx, "breeds")))
    assert [(run.result, run.record - first) for run in runs] == [*(("fired", n) for n in range(12)), ("loop", 12)]
    ((kind, whom, text),) = chained.told("rule:breeds")
    assert (kind, whom) == ("inbox", "boss")
    assert text.startswith("规则一条接一条触发了 12 轮还没有完，已停止")


def test_a_threshold_that_becomes_another_one_is_armed_for_what_is_not_past_it(
    firm_app: RunningApp, firm: Firm
) -> None:
    begin(firm.ctx)
    firm.receive(11, item="A")
    higher = "app: firm\nrules: {above_ten: {when: {becomes: on_hand > 20, again: on_hand < 5}}}"
    turned = Firm(replace(firm.ctx, app=replace(firm_app, model=firm_model(higher), programs=Programs())))
    begin(turned.ctx)
    turned.receive(10, item="A")
    assert [text for _, _, text in turned.told("rule:above_ten")] == ["A 有 11", "A 有 21"]


def test_a_rule_that_is_switched_on_again_starts_from_what_is_there(firm: Firm) -> None:
    begin(firm.ctx)
    firm.receive(11, item="A")
    rules_admin.switch(firm.ctx, "above_ten", off=True)
    firm.receive(-11, item="A")
    firm.receive(12, item="B")
    rules_admin.switch(firm.ctx, "above_ten", off=False)
    firm.receive(12, item="A")
    firm.receive(1, item="B")
    assert [text for _, _, text in firm.told("rule:above_ten")] == ["A 有 11", "A 有 12"]


def test_what_a_failing_rule_waits_for_is_not_asked_twice_and_others_go_on(firm: Firm) -> None:
    records.update(firm.ctx, "item", 1, {"ready": True, "cost": "5"})
    assert [run.result for run in rules_traces.runs(firm.ctx, "broken")] == ["failed"]
    assert [who for _, who, _ in firm.told("rule:priced")] == ["boss", "clerk"]


HEAVY = """
app: firm
entities:
  item:
    fields:
      heavy: {formula: on_hand * 10000000000000 * 10000000000000 * 1000000000000000, label: 重 | Heavy}
rules:
  heavy_keeper:
    label: 管得太多 | Keeps too much
    when: {changed: person, fields: [mail]}
    if: sum(item.heavy, where=keeper == this) > 1
    then: {tell: {send: inbox, to: [boss], say: 太多 | too much}}
"""


def test_a_condition_that_the_database_cannot_work_out_leaves_the_save_alone(firm: Firm) -> None:
    app = replace(firm.ctx.app, model=firm_model(HEAVY), programs=Programs())
    heavy = Firm(replace(firm.ctx, app=app))
    heavy.receive(8, item="B")
    records.update(heavy.ctx, "person", 1, {"mail": "new@example.com"})
    assert records.load(heavy.ctx, "person", 1)["mail"] == "new@example.com"
    (run,) = rules_traces.runs(heavy.ctx, "heavy_keeper")
    assert (run.result, run.error.partition(":")[0]) == ("failed", "ArithmeticError")
    ((_, who, text),) = heavy.told("rule:heavy_keeper")
    assert (who, text.partition("：")[0]) == ("boss", "条件无法计算")
