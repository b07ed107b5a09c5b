"""Plug-ins as administrators see them, in both languages, and through the API; nobody else comes near them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert

from engine.model import Text
from runtime.context import FixedClock
from runtime.plugins.declare import Act, Argument
from runtime.plugins.running import work_off
from tests.runtime.plugins.site import probe_installed
from tests.scenarios.works import Works
from tests.web.pages.test_figures import Reader
from web.plugin_values import argument_input, posted_arguments
from web.plugin_words import outcome_words

ID = "replenishment_advice"
PAGE = f"/plugins/{ID}"


@pytest.fixture
def admin(office: Works) -> Reader:
    return Reader(office, "admin")


@pytest.fixture
def on(office: Works) -> Iterator[None]:
    """It is on while the test runs."""
    office.api().call("PATCH", PAGE, {"on": True})
    yield
    office.api().call("PATCH", PAGE, {"on": False})


def words(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]+>", " ", page)))


def done(office: Works) -> None:
    work_off(office.app, FixedClock(office.clock.now() + timedelta(seconds=1)))


def test_cards_say_what_a_plug_in_does_and_which_rights_it_asks_for(admin: Reader) -> None:
    chinese, english = words(admin.page("/plugins")), words(admin.page("/plugins", language="en"))
    assert "智能补货建议 已停用 按每天的出库量、提前期和服务水平" in chinese
    assert "它要的权限 查看 物料、库存 修改 物料 的 安全库存、补货点" in chinese
    assert "Replenishment advice off From what left each day" in english
    assert "Rights it asks for read Item, Stock change Safety stock, Reorder point of Item" in english


def test_settings_are_a_form_made_from_their_schema(admin: Reader) -> None:
    page = admin.page(PAGE)
    assert re.search(r'<select id="set-ledger" name="ledger">.*<option value="stock" selected>库存（stock）', page)
    assert re.search(r'<select id="set-kinds" name="kinds" multiple.*<option value="sale" selected>', page)
    assert '<input id="set-service_level" name="service_level" type="text" value="95 %"' in page
    assert "how sure not to run out while waiting" in admin.page(PAGE, language="en")


def test_settings_that_are_wrong_are_told_beside_their_field_and_nothing_is_kept(admin: Reader, office: Works) -> None:
    text = admin.post(PAGE, 422, days="3", service_level="<script>", ledger="stock")
    assert "统计天数不能小于 7：3" in text
    assert "服务水平的值不对：&lt;script&gt;" in text
    assert 'value="&lt;script&gt;"' in text
    assert office.api().get(PAGE)["settings"]["days"] == 90


def test_settings_are_saved_and_count_at_once(admin: Reader, office: Works) -> None:
    before = office.api().get(PAGE)["settings"]
    admin.post(PAGE, **{**{k: v for k, v in before.items() if k != "kinds"}, "days": "30", "kinds": ["sale", "use"]})
    assert "设置已保存" in admin.page(PAGE)
    assert office.api().get(PAGE)["settings"] == {**before, "days": 30}
    office.api().call("PATCH", PAGE, {"settings": {"days": 90}})


def test_it_is_switched_on_run_and_its_result_is_listed(admin: Reader, office: Works) -> None:
    admin.post("/plugins", id=ID, on="1")
    assert "“智能补货建议”已启用" in admin.page("/plugins")
    admin.post(f"{PAGE}/run/advise")
    waiting = admin.page(PAGE)
    assert ("已开始，结果列在下面" in waiting, "<progress" in waiting) == (True, True)
    done(office)
    page = admin.page(PAGE)
    assert "<progress" not in page
    (shown,) = re.findall(rf'href="({PAGE}/runs/\d+)"', page[page.index('id="runs"') :])[:1]
    run = words(admin.page(shown))
    assert "计算补货点 完成" in run
    assert "没有消耗" in run
    assert "was not used" not in run
    assert "looked at:" in words(admin.page(shown, language="en"))
    admin.page(f"{PAGE}/runs/999999", status=404)
    admin.post("/plugins", id=ID, on="")
    assert "“智能补货建议”已停用" in admin.page("/plugins")


def test_a_bad_argument_is_told_and_starts_nothing(admin: Reader, office: Works, on: None) -> None:
    before = office.api().get(f"{PAGE}/runs")["count"]
    admin.post(f"{PAGE}/run/advise", item="no such <b>thing</b>")
    assert "没有 no such &lt;b&gt;thing&lt;/b&gt;" in admin.page(PAGE)
    assert office.api().get(f"{PAGE}/runs")["count"] == before


def test_a_record_is_picked_as_in_forms_or_typed_by_its_code(admin: Reader, office: Works, on: None) -> None:
    page = admin.page(PAGE)
    assert re.search(r'data-picker="/pick/item"[^>]*><input type="hidden" name="item" value="">', page)
    item = office.api().items("/item")[0]
    admin.post(f"{PAGE}/run/advise", item="", item__text=item["code"])
    assert office.api().get(f"{PAGE}/runs")["items"][0]["given"] == {"item": item["id"]}
    done(office)


def test_a_moment_is_asked_for_and_read_by_the_clock_of_the_firm(office: Works) -> None:
    declared = {"since": Argument(kind="moment", label=Text("从", "Since")), "day": Argument(kind="date")}
    act = Act(id="look", label=Text("看", "Look"), arguments=declared)
    with office.app.database.read() as connection:
        ctx = office.app.context(connection, office.clock)
        since, day = (argument_input(ctx, act, name, each, {}) for name, each in declared.items())
        given = posted_arguments(ctx, declared, {"since": "2026-03-31T08:30", "day": "2026-03-31", "more": "x"})
        english = replace(ctx, language="en")
        assert argument_input(english, act, "since", declared["since"], {})["hint"] == "time in Asia/Shanghai"
    assert (since["type"], since["label"], since["hint"], day["type"]) == (
        "moment",
        "从",
        "Asia/Shanghai 的时间",
        "date",
    )
    assert given == {"since": "2026-03-31T08:30:00+08:00", "day": "2026-03-31"}


def test_a_run_names_its_records_with_a_link_and_its_values_by_their_labels(admin: Reader, office: Works) -> None:
    item = office.api().read("item", office.id("item", "CONN"))
    raised = {"event": "changed", "record": item["id"], "values": {"point": "1204.70", "point_before": None}}
    gone = {"event": "changed", "record": 999_999, "values": {}}
    run = {
        "key": "shown", "plugin": ID, "act": "advise", "state": "done", "given": json.dumps({"item": item["id"]}),
        "made_at": office.clock.now(), "ended_at": office.clock.now(),
        "details": json.dumps({"said": [], "written": [], "raised": [raised, gone]}),
    }  # fmt: skip
    table = office.app.tables.system.plugin_run
    with office.app.database.write() as connection:
        number = connection.execute(insert(table).values(run).returning(table.c.id)).scalar_one()
    page = admin.page(f"{PAGE}/runs/{number}")
    title = f"{item['code']} {item['name']}"
    assert len(re.findall(rf'<a href="[^"]*/item/{item["id"]}">{title}</a>', page)) == 2
    assert f"参数 只算这个物料 {title}" in words(page)
    assert f"补货点有变化： {title} （补货点 1,204.7）" in words(page)
    assert "补货点有变化：#999999" in words(page)
    english = words(admin.page(f"{PAGE}/runs/{number}", language="en"))
    assert f"The reorder point has changed: {title} (Reorder point 1,204.7)" in english
    assert f"Arguments Only this item {title}" in english


def test_what_a_rule_started_is_told_with_labels_and_titles_too(office: Works) -> None:
    item = office.api().items("/item")[0]
    with office.app.database.read() as connection:
        ctx = office.app.context(connection, office.clock).as_system()
        started = {"plugin": ID, "act": "advise", "given": {"item": item["id"]}, "run": "1"}
        assert outcome_words(ctx, started) == f"只算这个物料 {item['code']} {item['name']}；还没有做完"
        gone = {"plugin": "gone", "act": "away", "given": {"level": "2.5"}}
        assert outcome_words(ctx, gone) == "level 2.5"


def test_nobody_else_sees_or_does_anything(office: Works) -> None:
    keeper = Reader(office, "keeper")
    for path in ("/plugins", PAGE, f"{PAGE}/runs/1"):
        keeper.page(path, status=403)
    keeper.post("/plugins", 403, id=ID, on="1")
    keeper.post(f"{PAGE}/run/advise", 403)
    for method, path in (("GET", "/plugins"), ("GET", PAGE), ("PATCH", PAGE), ("POST", f"{PAGE}/acts/advise")):
        assert office.api("keeper").status(method, path, {"on": True} if method == "PATCH" else None) == 403


@pytest.mark.both
def test_the_api_starts_a_run_and_tells_what_came_of_it(office: Works, on: None) -> None:
    api = office.api()
    item = api.items("/item")[0]
    started = api.post(f"{PAGE}/acts/advise", {"arguments": {"item": item["code"]}}, 202)
    assert (started["state"], started["given"]) == ("waiting", {"item": item["id"]})
    done(office)
    run = api.get(f"{PAGE}/runs/{started['id']}")
    assert (run["state"], run["error"], run["written"]) == ("done", "", [])
    assert run["said"][-1]["en"] == "1 looked at: 0 changed, 1 not used in 90 days, 0 without a lead time"
    assert api.get("/plugins")["items"][0]["id"] == ID
    assert api.status("POST", f"{PAGE}/acts/advice", {}) == 404
    assert api.status("PATCH", PAGE, {"on": "yes"}) == 422
    assert api.status("PATCH", PAGE, {"settings": []}) == 400


def test_one_whose_settings_do_not_fit_the_app_cannot_be_switched_on(
    admin: Reader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with probe_installed(tmp_path_factory.mktemp("site")):
        assert "安装包 dougong-probe" in admin.page("/plugins")
        admin.post("/plugins", id="probe", on="1")
        assert "这个应用里没有" in admin.page("/plugins/probe")
    assert "安装包 dougong-probe" not in admin.page("/plugins")
