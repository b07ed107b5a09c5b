"""Settings of plug-ins: read by their schema, refused with the reason, secrets never shown again; what is installed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from runtime.context import User
from runtime.errors import Forbidden, Invalid
from runtime.plugins import choosing
from runtime.plugins.choosing import Chosen
from runtime.plugins.doubts import plugin_doubts
from runtime.plugins.finding import market
from tests.runtime.plugins.conftest import Works, works_model
from tests.runtime.plugins.site import PROBE, installed_here

PLUGIN = "probe"


def chosen(works: Works) -> Chosen:
    with works.app.database.read() as connection:
        return choosing.chosen(works.context(connection), market().plugins[PLUGIN].plugin)


def configure(works: Works, **given: object) -> None:
    works.write(lambda ctx: choosing.configure(ctx, PLUGIN, given))


def test_the_definition_says_how_it_begins_and_the_administrator_what_counts(works: Works) -> None:
    first = chosen(works)
    assert (first.enabled, first.settings) == (True, {"greeting": "你好", "limit": 3, "words": ["甲", "乙"]})
    configure(works, limit="7", share="12.5 %", loud="on", words="丙，丁")
    later = chosen(works)
    assert later.settings == {"greeting": "你好", "limit": 7, "share": 0.125, "loud": True, "words": ["丙", "丁"]}
    configure(works, limit="", words="")
    assert chosen(works).settings == {"greeting": "你好", "share": 0.125, "loud": True}


def test_a_secret_comes_in_and_never_goes_out(works: Works) -> None:
    configure(works, token="hush-hush-9")
    configure(works, token="", limit=2)
    found = chosen(works)
    assert (found.settings["token"], "token" in found.open_settings) == ("hush-hush-9", False)
    assert "hush" not in repr(found.open_settings)
    audit = works.app.tables.system.audit
    with works.app.database.read() as connection:
        told = connection.execute(select(audit.c.changes).where(audit.c.entity == "plugin")).scalars().all()
    assert told
    assert not [text for text in told if "hush" in text]


def test_a_secret_of_the_definition_stays_when_it_is_switched(works: Works) -> None:
    model = works_model("app: works\nplugins: {probe: {settings: {token: hush-hush-1}}}")
    with works.app.database.write() as connection:
        ctx = replace(works.context(connection), app=replace(works.app, model=model))
        for on in (False, True):
            choosing.switch(ctx, PLUGIN, on=on)
            found = choosing.chosen(ctx, market().plugins[PLUGIN].plugin)
            assert (found.enabled, found.settings["token"], found.secrets) == (
                on,
                "hush-hush-1",
                {"token": "hush-hush-1"},
            )
            assert "hush" not in repr(found)


def test_a_setting_that_is_emptied_or_new_has_its_default(works: Works) -> None:
    configure(works, limit=2)
    table = works.app.tables.system.plugin
    with works.app.database.write() as connection:
        connection.execute(table.update().values(settings='{"limit": 2}'))
    assert chosen(works).settings == {"greeting": "你好", "limit": 2}


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"ledger": {"a": 1}}, "ledger", "台账的值不对：{'a': 1}"),
        ({"limit": "11"}, "limit", "上限不能大于 10：11"),
        ({"limit": "0"}, "limit", "上限不能小于 1：0"),
        ({"limit": "2.5"}, "limit", "上限的值不对：2.5"),
        ({"limit": True}, "limit", "上限的值不对：true"),
        ({"limit": {"a": 1}}, "limit", "上限的值不对：{'a': 1}"),
        ({"share": "1e999"}, "share", "比例的值不对：1e999"),
        ({"share": "0 %"}, "share", "比例必须大于 0：0"),
        ({"share": "NaN"}, "share", "比例的值不对：NaN"),
        ({"mood": "sad"}, "mood", "心情只能是 calm, angry：sad"),
        ({"loud": "perhaps"}, "loud", "大声的值不对：perhaps"),
        ({"words": [1, None]}, "words", "词的值不对：1"),
        ({"words": ["x"] * 201}, "words", "词最多 200 个值"),
        ({"greeting": ""}, "greeting", "请填写问候"),
        ({"greeting": "x" * 21}, "greeting", "问候的值不合要求：'xxxxxxxxxxxxxxxxxxxxx' is too long"),
        ({"greeting": "\ud800"}, "greeting", "问候第 1 个字符无法保存，请删去"),
        ({"ledger": "shlf"}, "ledger", "台账：应用里没有 shlf，是否为 shelf？"),
        ({"limt": "1"}, "limt", "没有设置 limt，是否为 limit？"),
        ({"token": 5}, "token", "令牌的值不对："),
    ],
)
def test_bad_settings_are_refused_with_the_reason(
    works: Works, given: dict[str, object], field: str, message: str
) -> None:
    with pytest.raises(Invalid) as caught:
        configure(works, **given)
    assert [(fault.field, fault.message) for fault in caught.value.faults] == [(field, message)]
    assert chosen(works).settings["limit"] == 3


def test_only_administrators_choose(works: Works) -> None:
    clerk = User(account=5, name="c", roles=frozenset({"clerk"}))
    for act in (choosing.switch, choosing.configure):
        given = {"on": True} if act is choosing.switch else {"given": {}}
        with pytest.raises(Forbidden):
            works.write(lambda ctx, act=act, given=given: act(replace(ctx, user=clerk), PLUGIN, **given))


def test_it_goes_on_only_with_settings_it_can_work_with(works: Works) -> None:
    model = works_model("app: works\nplugins: {replenishment_advice: {settings: {point: pint}}}")
    with works.app.database.write() as connection:
        ctx = replace(works.context(connection), app=replace(works.app, model=model))
        with pytest.raises(Invalid, match="补货点写到：应用里没有 pint，是否为 point？"):
            choosing.switch(ctx, "replenishment_advice", on=True)


def test_doubts_name_what_is_not_installed_and_what_would_be_right(probe: None) -> None:
    layer = """app: works
plugins: {prob: {enabled: true}, replenishment_advice: {settings: {dys: 5}}}
rules:
  one:   {when: {created: item}, then: {go: {start: prob.note}}}
  two:   {when: {created: item}, then: {go: {start: probe.nte}}}
  three: {when: {created: item}, then: {go: {start: probe.note, with: {itm: = this, factor: lots}}}}
  four:  {of: item, when: {event: probe.notced}, then: {go: {set: {note: x}}}}
  five:  {of: item, when: {event: probe.noticed, gives: {level: text}}, then: {go: {set: {note: x}}}}
  seven: {of: remark, when: {event: probe.noticed}, then: {go: {set: {secret: x}}}}
  six:   {of: item, when: {event: gone.away}, then: {go: {set: {note: x}}}}
"""
    found = [(doubt.path, doubt.what, doubt.remedy) for doubt in plugin_doubts(works_model(layer))]
    assert found == [
        ("plugins.replenishment_advice.settings.dys", "replenishment_advice has no setting dys", "did you mean days?"),
        ("plugins.prob", "no plug-in prob is installed", "did you mean probe?"),
        ("rules.one.then.go.start", "no plug-in prob is installed", "did you mean probe?"),
        ("rules.two.then.go.start", "probe does nothing called nte", "did you mean note?"),
        ("rules.three.then.go.with.itm", "probe.note has no argument itm", "did you mean item?"),
        ("rules.three.then.go.with.factor", "lots is no number", "write one, or = and an expression"),
        ("rules.three.then.go.with", "probe.note needs the argument item", "write with: {item: …}"),
        ("rules.four.when.event", "probe raises no event notced", "did you mean noticed?"),
        ("rules.five.when.gives.level", "probe.noticed gives no text level", "it gives level: number"),
        ("rules.seven.of", "probe.noticed is about item, not remark", "write of: item"),
        ("rules.six.when.event", "no plug-in gone is installed", "known here: probe, replenishment_advice"),
    ]


def test_a_package_that_cannot_be_loaded_keeps_nobody_from_the_others(tmp_path: Path) -> None:
    modules = {"pg_broken": "import nowhere_to_be_found", "pg_empty": "", "pg_twin": PROBE.read_text(encoding="utf-8")}
    modules["pg_twin"] = modules["pg_twin"].replace('id="probe"', 'id="replenishment_advice"')
    with installed_here(tmp_path, "dougong-odd", modules, {name: name for name in modules}):
        found = market()
    assert sorted(found.plugins) == ["replenishment_advice"]
    assert found.broken == {
        "dougong.plugins:pg_broken": "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        "dougong.plugins:pg_empty": "ValueError: dougong_plugin gives no Plugin",
        "dougong.plugins:pg_twin": "ValueError: replenishment_advice is the id of another plug-in (bundled)",
    }
