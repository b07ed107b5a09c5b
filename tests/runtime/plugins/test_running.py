"""Plug-ins run with the rights they declare and no more; what they do stands in their trace."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from runtime.apps import RunningApp
from runtime.context import User
from runtime.errors import Forbidden, Invalid, NotFound
from runtime.plugins import choosing, running, starting
from runtime.plugins.running import Ended
from tests.runtime.plugins.conftest import NOON, Works


def test_a_run_by_hand_writes_with_its_reason_and_old_and_new_values(works: Works) -> None:
    works.change(note="旧")
    run = works.run("note", item=1, words="请看")
    assert (run.state, run.error, run.given) == ("done", "", {"item": 1, "words": "请看"})
    assert run.said == [["给 A 写了备注", "Noted on A"]]
    assert run.written == [
        {"entity": "item", "record": 1, "title": "A 螺栓", "made": False, "set": {"note": ["旧", "你好 A 请看"]}}
    ]
    assert works.item()["note"] == "你好 A 请看"


def test_what_somebody_changed_while_it_worked_is_left_as_it_is(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = sys.modules["dougong_probe"]

    def slow(given: dict[str, object], at: object) -> None:
        probe.note(given, at)
        works.change(note="手写的")

    monkeypatch.setitem(probe.DOES, "note", slow)
    run = works.run("note", item=1)
    assert (run.state, run.error, run.written) == ("done", "", [])
    assert run.said[1][0] == "A 螺栓 在运行期间有人改过或删了，没有动它；再运行一次就会算上"
    assert works.item()["note"] == "手写的"


def test_the_trail_says_that_a_plug_in_wrote(works: Works) -> None:
    works.run("note", item=1)
    audit = works.app.tables.system.audit
    with works.app.database.read() as connection:
        last = connection.execute(select(audit.c.source, audit.c.account).order_by(audit.c.id.desc())).first()
    assert last == ("plugin", None)


def test_a_record_is_made_with_the_fields_it_may_fill(works: Works) -> None:
    run = works.run("remark", item=2)
    (written,) = run.written
    assert (written["entity"], written["made"], written["set"]) == (
        "remark", True, {"name": [None, "来自插件"], "about": [None, 2]},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("act", "given", "reason"),
    [
        ("peek", {}, "您没有权限查看人员"),
        ("peer", {}, "没有列 cost"),
        ("sly", {}, "cost"),
        ("weigh", {}, "worth"),
        ("reach", {"item": 1}, "没有字段 cost"),
        ("rename", {"item": 1}, "您不能修改名称"),
        ("half", {"item": 1}, "10001"),
        ("odd", {"item": 1}, "备注"),
    ],
)
def test_what_it_did_not_declare_fails_and_nothing_stays(
    works: Works, act: str, given: dict[str, object], reason: str
) -> None:
    run = works.run(act, **given)
    assert (run.state, run.said, run.written) == ("failed", [], [])
    assert reason in run.error
    assert (works.item()["note"], works.item()["cost"]) == (None, None)


def test_a_fault_of_its_own_is_told_once_without_the_secret(works: Works) -> None:
    works.write(lambda ctx: choosing.configure(ctx, "probe", {"token": "hush-hush-9"}))
    first, second = works.run("burst"), works.run("burst")
    assert (first.state, first.error) == ("failed", "RuntimeError: no luck with ••••")
    assert second.error == first.error
    assert works.inbox() == [("plugin:probe", "“做burst”没有做成：RuntimeError: no luck with ••••")]


def test_one_that_hangs_is_given_up_and_nothing_of_it_stays(works: Works) -> None:
    run = works.run("hang", item=1)
    assert (run.state, run.error) == ("failed", "超过 0.05 秒还没有做完，已放弃，什么都没有写入")
    assert works.item()["note"] is None


def test_one_that_hangs_again_and_again_is_not_begun_any_more(works: Works) -> None:
    reasons = [works.run("hang", item=1).error.partition("，")[0] for _ in range(4)]
    assert reasons == ["超过 0.05 秒还没有做完"] * 3 + ["它前几次运行还没有停下来"]


def test_old_runs_are_forgotten_and_those_that_wait_are_not(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "KEPT", 1)
    for _ in range(3):
        works.run("report", item=1, level=1)
    waiting = works.start("note", item=1)
    assert works.write(running.forget_old) == 3
    assert [run.id for run in works.runs()] == [waiting]


def test_a_run_whose_process_died_is_done_again_and_its_effect_is_there_once(works: Works) -> None:
    number = works.start("remark", item=1)
    table = works.app.tables.system.plugin_run
    with works.app.database.write() as connection:  # another process took it, and never came back
        values = {"state": "working", "attempts": 1, "next_at": NOON.now()}
        connection.execute(update(table).where(table.c.id == number).values(values))
    assert works.work_off() == [Ended(id=number, plugin="probe", act="remark", state="done")]
    assert works.work_off() == []
    remark = works.app.tables.entity["remark"]
    with works.app.database.read() as connection:
        assert len(connection.execute(select(remark.c.id)).all()) == 1


def test_two_workers_share_the_runs_and_do_none_twice(works: Works) -> None:
    for _ in range(8):
        works.start("remark", item=1)
    with ThreadPoolExecutor(2) as workers:
        first, second = (workers.submit(works.work_off) for _ in range(2))
    ended = [*first.result(), *second.result()]
    assert sorted(each.id for each in ended) == [run.id for run in works.runs()]
    assert {each.state for each in ended} == {"done"}
    remark = works.app.tables.entity["remark"]
    with works.app.database.read() as connection:
        assert len(connection.execute(select(remark.c.id)).all()) == 8


def test_a_run_that_died_three_times_is_given_up(works: Works) -> None:
    number = works.start("remark", item=1)
    table = works.app.tables.system.plugin_run
    with works.app.database.write() as connection:
        connection.execute(update(table).where(table.c.id == number).values(state="working", attempts=3))
    (ended,) = works.work_off()
    assert (ended.state, ended.error) == ("failed", "服务器在它运行时停过三次，不再重试")


@pytest.mark.parametrize(
    ("act", "given", "message"),
    [
        ("nothing", {}, "探针没有动作 nothing"),
        ("note", {}, "请填写物料"),
        ("note", {"item": "A'; drop table"}, "物料：没有 A'; drop table"),
        ("note", {"item": 1, "factor": "1e999"}, "factor不是数字：1e999"),
        ("note", {"item": 1, "wods": "x"}, "没有参数 wods，是否为 words？"),
        ("note", {"item": 2**63}, "物料：没有 9223372036854775808"),
        ("note", {"item": True}, "物料：没有 True"),
    ],
)
def test_bad_arguments_start_nothing(works: Works, act: str, given: dict[str, object], message: str) -> None:
    with pytest.raises((Invalid, NotFound), match=message.replace("(", r"\(")):
        works.start(act, **given)
    assert works.runs() == []


def test_off_counts_at_once_in_every_process(works: Works, works_app: RunningApp) -> None:
    other = Works(replace(works_app, programs=type(works_app.programs)()))
    waiting = works.start("note", item=1)
    other.switch(on=False)
    with pytest.raises(Invalid, match="插件“探针”已停用"):
        works.start("note", item=1)
    assert works.work_off()[0] == Ended(
        id=waiting, plugin="probe", act="note", state="failed",
        error="插件“探针”已停用，请管理员在“设置 → 插件”里启用",
    )  # fmt: skip
    works.switch(on=True)
    assert other.run("note", item=1).state == "done"


def test_a_name_that_is_not_installed_is_told_with_what_is(works: Works) -> None:
    with pytest.raises(NotFound, match="没有安装插件 prob，是否为 probe？"):
        works.write(lambda ctx: starting.start_by_hand(ctx, "prob", "note", {}))


def test_only_administrators_start_anything(works: Works) -> None:
    nobody = User(account=9, name="n", roles=frozenset({"clerk"}))
    with pytest.raises(Forbidden):
        works.write(lambda ctx: starting.start_by_hand(replace(ctx, user=nobody), "probe", "note", {"item": 1}))
