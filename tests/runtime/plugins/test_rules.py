"""Rules start plug-ins and wait for what they report: in traces, in simulation, without circles."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from runtime import records, rules_simulate, rules_traces
from runtime.apps import RunningApp
from runtime.context import FixedClock
from runtime.plugins import reports
from runtime.plugins.finding import market
from runtime.plugins.work import Notes, Raised
from runtime.plugins.writing import write_notes
from runtime.programs import Programs
from runtime.rules_simulate import simulate
from runtime.rules_words import say_rule
from tests.runtime.plugins.conftest import Works, works_model
from tests.runtime.shop import counting


def test_a_rule_starts_a_plug_in_after_the_save_and_its_trace_tells_all(works: Works) -> None:
    works.change(wish="请看")
    (look,) = works.looks("wish")
    (action,) = look.actions
    assert (look.result, action["kind"], action["plugin"], action["act"]) == ("fired", "start", "probe", "note")
    assert action["given"] == {"item": 1, "words": "请看", "factor": "0.5"}
    assert (works.item()["note"], "outcome" in action) == (None, False)
    works.work_off()
    (look,) = works.looks("wish")
    outcome = look.actions[0]["outcome"]
    assert (look.result, outcome["state"], outcome["said"]) == ("fired", "done", [["给 A 写了备注", "Noted on A"]])
    assert outcome["written"][0]["set"] == {"note": [None, "你好 A 请看"]}
    assert works.item()["note"] == "你好 A 请看"


def test_a_plug_in_that_is_off_fails_the_rule_and_not_the_save(works: Works) -> None:
    works.switch(on=False)
    works.change(wish="请看")
    works.change(wish="再看")
    assert works.item()["wish"] == "再看"
    reason = "插件“探针”已停用，请管理员在“设置 → 插件”里启用"
    assert [(look.result, look.error) for look in works.looks("wish")] == [("failed", reason)] * 2
    assert works.inbox() == [("rule:wish", f"规则执行失败：{reason}")]
    assert works.runs() == []


def test_a_plug_in_that_fails_later_fails_the_look_that_started_it(works: Works) -> None:
    works.change(lead=99)
    assert [look.result for look in works.looks("unlucky")] == ["fired"]
    works.work_off()
    (look,) = works.looks("unlucky")
    assert (look.result, look.error) == ("failed", "RuntimeError: no luck with None")
    assert look.actions[0]["outcome"]["state"] == "failed"


def test_what_a_plug_in_writes_does_not_start_it_again_and_again(works: Works) -> None:
    works.change(times=1)
    works.change(note="一")
    works.work_off()
    assert [run.state for run in works.runs()] == ["done"]
    assert works.item()["note"] == "你好 A 一"
    first, second = works.looks("again")
    assert (first.result, second.result) == ("fired", "failed")
    assert second.error == "这个插件刚刚因为它自己写的内容又被启动，已停止：请检查规则的触发条件"


def test_a_rule_waits_for_what_a_plug_in_reports_and_reads_its_values(works: Works) -> None:
    run = works.run("report", item=1, level="2.5")
    assert run.raised == [{"event": "noticed", "record": 1, "values": {"level": "2.5"}}]
    assert works.item()["heard"] == 5
    assert ("rule:heard", "A 到了 2.5") in works.inbox()
    works.run("report", item=2, level=1)
    fired, refused = works.looks("heard")
    assert (fired.event, fired.result, refused.result) == ("probe.noticed", "fired", "refused")
    assert refused.conditions == [{"text": "event.level > 2", "holds": False, "inputs": [["event.level", "1"]]}]
    assert works.item(2)["heard"] is None


def reporting(works: Works, count: int) -> tuple[int, list[tuple[object, str]]]:
    """Statements sent when so many new items are reported, the first twice; what the rule heard of each, and did."""
    with works.app.database.write() as connection:
        ctx = works.context(connection)
        made = records.create_many(ctx, "item", [{"code": f"N{n}", "name": "新"} for n in range(count)])
        raised = [Raised("noticed", each.id, {"level": Decimal(n)}) for n, each in enumerate(made, 3)]
        notes = Notes(raised=[*raised, Raised("noticed", made[0].id, {"level": Decimal(50)})])
        probe = market().plugins["probe"].plugin
        with counting(connection) as counter:
            write_notes(ctx, probe, {}, notes)
        looks = {look.record: look.result for look in rules_traces.runs(ctx, "heard", most=200)}
        rows = [(records.load(ctx, "item", each.id)["heard"], looks[each.id]) for each in made]
        connection.rollback()
    return len(counter), rows


def test_many_events_are_told_together_and_each_record_hears_its_own_value(works: Works) -> None:
    reporting(works, 3)
    (few, _), (many, heard) = reporting(works, 3), reporting(works, 60)
    assert heard[:3] == [(100, "fired"), (8, "fired"), (10, "fired")]
    assert heard[-1] == (124, "fired")
    assert many - few <= 2


def test_simulation_lists_what_would_start_and_starts_nothing(works: Works) -> None:
    works.change(wish="请看")
    works.work_off()
    before = len(works.runs())
    with works.app.database.read() as connection:
        ctx = works.context(connection)
        found = simulate(ctx, ctx.app.model.rules["wish"], date(2026, 3, 1), date(2026, 3, 31))
    (hit,) = found.hits
    given = {"item": 1, "words": "请看", "factor": "50 %"}
    assert hit.effects == ({"id": "write", "kind": "start", "plugin": "probe", "act": "note", "given": given},)
    assert len(works.runs()) == before


def test_simulation_of_an_event_asks_what_was_reported(works: Works) -> None:
    works.run("report", item=1, level="2.5")
    works.run("report", item=2, level="0.5")
    with works.app.database.read() as connection:
        ctx = works.context(connection)
        found = simulate(ctx, ctx.app.model.rules["heard"], date(2026, 3, 1), date(2026, 3, 31))
    assert (found.looked, found.fired) == (2, 1)
    assert found.hits[0].effects[0]["set"]["heard"][1] == "5"
    with works.app.database.read() as connection:
        ctx = replace(works.context(connection), clock=FixedClock(datetime(2026, 5, 1, tzinfo=UTC)))
        assert simulate(ctx, ctx.app.model.rules["heard"], date(2026, 4, 1), date(2026, 4, 30)).looked == 0


def test_simulation_of_an_event_looks_at_a_bounded_number_and_reads_no_other_runs(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    works.run("note", item=1, words='"event":"noticed"')
    for level in (3, 4, 5):
        works.run("report", item=1, level=level)
    monkeypatch.setattr(reports, "AT_ONCE", 1)
    march = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    with works.app.database.read() as connection:
        ctx = works.context(connection)
        with counting(connection) as counter:
            portions = list(reports.reported(ctx, "probe.noticed", *march))
        assert [[each.values["level"] for each in found] for found in portions] == [[5], [4], [3]]
        assert len(counter) == 4
        monkeypatch.setattr(rules_simulate, "MOST_REPORTED", 2)
        found = rules_simulate.simulate(ctx, ctx.app.model.rules["heard"], date(2026, 3, 1), date(2026, 3, 31))
    assert (found.looked, found.fired) == (2, 2)
    assert "这段时间的变动太多，只回放了最近 2 次" in found.notes


def test_rules_about_plug_ins_read_as_sentences(works_app: RunningApp) -> None:
    with works_app.database.read() as connection:
        ctx = works_app.context(connection)
        rules = ctx.app.model.rules
        assert (
            say_rule(ctx, rules["unlucky"]) == "当物料的提前期改变时，如果 提前期 = 99，就启动插件“探针”的“做burst”。"
        )
        english = replace(ctx, language="en")
        assert say_rule(english, rules["unlucky"]).endswith(", start “Do burst” of the plug-in Probe.")
        assert say_rule(ctx, rules["heard"]).startswith("当插件“探针”对物料报告“发现”时，如果 ")


GONE = """app: works
plugins: {gone: {enabled: true, settings: {anything: 1}}}
rules:
  orphan: {when: {changed: item, fields: [wish]}, if: not empty(wish), then: {go: {start: gone.away}}}
"""


def test_an_app_whose_plug_in_is_not_installed_works_and_its_rule_says_why_it_does_not(works: Works) -> None:
    there = Works(replace(works.app, model=works_model(GONE), programs=Programs()))
    there.change(wish="请看")
    assert there.item()["wish"] == "请看"
    (look,) = there.looks("orphan")
    assert (look.result, look.error) == ("failed", "没有安装插件 gone，有：probe, replenishment_advice")
