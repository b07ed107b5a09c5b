"""The first hour: the check list ticks itself, the tour is kept as seen, a strange sheet comes in and goes again."""

from __future__ import annotations

import io
import re
import threading
from typing import Any

import pytest
from sqlalchemy import insert, select

from runtime.app_source import Definition
from runtime.errors import Invalid
from runtime.first_steps import first_steps
from runtime.importing_fields import definition_with
from runtime.importing_mapping import kept_mapping
from tests.scenarios.works import Works
from tests.web.pages.test_figures import Reader

SHEET = """资料表,,,,,
,,,,,
货号,品名,大类,计量单位,安全库存,产地
{0}-1,甲,{0}类,KG,12 kg,浙江
{0}-2,乙,{0}类,公斤,abc,江苏
合计,,,,,
"""


@pytest.fixture
def admin(office: Works) -> Reader:
    return Reader(office, "admin")


@pytest.fixture
def keeper(office: Works) -> Reader:
    return Reader(office, "keeper")


@pytest.mark.both
def test_the_check_list_is_ticked_by_what_is_there(office: Works) -> None:
    with office.app.database.write() as connection:
        ctx = office.app.context(connection)
        found = {one.step.id: one.done for one in first_steps(ctx)}
        tables = office.app.tables
        counts = {
            "items": connection.exec_driver_sql("select count(*) from item where deleted_at is null").scalar_one(),
            "opening_stock": connection.exec_driver_sql(
                f"select count(*) from {tables.moves['stock'].name}"
            ).scalar_one(),
        }
    assert list(found)[-1] == "people"
    assert found["people"] is True
    assert {name: found[name] for name in counts} == {name: count > 0 for name, count in counts.items()}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_list_is_for_administrators_and_can_be_put_away(
    office: Works,
    admin: Reader,
    keeper: Reader,
    language: str,
) -> None:
    page = admin.page("/", language=language)
    if "data-first-steps" in page:  # somebody's test may have done the last step
        assert ("开始使用" if language == "zh" else "Getting started") in page
        assert 'data-drop-to="/e/item/import"' in page
    assert "data-first-steps" not in keeper.page("/", language=language)
    toured = keeper.page("/?tour=1", language=language)
    assert 'data-tour="start"' in toured
    assert ("菜单在这里" if language == "zh" else "The menu") in toured


def test_the_tour_is_kept_as_seen(office: Works, keeper: Reader) -> None:
    token = keeper._token("/account")
    kept = keeper.client.post("/preferences", data={"csrf_token": token, "key": "tour", "value": "seen"})
    assert kept.status_code == 204
    assert "data-tour=" not in keeper.page("/")


def import_token(page: str) -> str:
    found = re.search(r'name="token" value="(\w+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.both
def test_a_strange_sheet_comes_in_its_new_column_becomes_a_field_and_all_of_it_goes_again(
    office: Works,
    admin: Reader,
) -> None:
    side = office.app.database.dialect[:2].upper()
    before = office.row_counts()
    content = SHEET.format(side).encode("gb18030")
    looked = admin.post("/e/item/import", 200, action="look", file=(io.BytesIO(content), "旧表.csv"))
    for words in ("12 kg", "新建没有的", "合计行，不导入", f"{side}类"):
        assert words in looked
    form = {"token": import_token(looked), "name": "旧表.csv", "create.2": "1", "create.3": "1"}
    form |= {f"map.{n}": path for n, path in enumerate(("code", "name", "category", "unit", "safety_stock", "+"))}
    form |= {"label.5": f"产地{side}", "type.5": "text"}
    checked = admin.post("/e/item/import", 200, action="check", **form)
    assert f"fields.chandi{side.lower()}" in checked
    version = office.home.get(office.app.name).version
    admin.post("/e/item/import", 303, action="fields", **form)
    assert office.home.get(office.app.name).version == version + 1
    named = {**form, "map.5": f"chandi{side.lower()}"}
    wrong = admin.post("/e/item/import", 200, action="check", **named)
    assert "安全库存不是数字：abc" in wrong
    admin.post("/e/item/import", 303, action="good", **named)
    after = office.row_counts()
    assert after["item"] == before["item"] + 1
    assert after["item_category"] == before["item_category"] + 1
    number = office.scalar("select max(id) from dg_import")
    assert "可以撤销" in admin.page(f"/imports/{number}")
    admin.post(f"/imports/{number}", 303)
    gone = office.scalar(f"select count(*) from item where code = '{side}-1' and deleted_at is null")
    assert (gone, "已撤销" in admin.page(f"/imports/{number}")) == (0, True)
    again = admin.post("/e/item/import", 200, action="look", file=(io.BytesIO(content), "再来.csv"))
    assert "用的是存好的对应关系“旧表" in again
    office.home.rollback(office.app.name, version)
    without = admin.post("/e/item/import", 200, action="look", file=(io.BytesIO(content), "又来.csv"))
    assert f"对应关系“旧表”里有字段已经不在应用里：chandi{side.lower()}" in without
    assert "3 行，2 条" in without
    with office.home.get(office.app.name).database.read() as connection:
        ctx = office.home.get(office.app.name).context(connection)
        with pytest.raises(Invalid, match=f"chandi{side.lower()} 已经不在应用里：在导入页用它"):
            kept_mapping(ctx, "item", "旧表")


def test_new_fields_do_not_undo_a_version_that_somebody_published_meanwhile(
    office: Works, admin: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, table = office.home.get(office.app.name).version, office.app.tables.system.app_version

    def meanwhile(*given: Any) -> Definition:
        with office.app.database.write() as connection:
            newest = connection.execute(select(table).where(table.c.number == before)).mappings().one()
            connection.execute(insert(table).values({**newest, "number": before + 1}))
        return definition_with(*given)

    text = "code,name,楼层\nM-1,m,B2\n"
    looked = admin.post("/e/department/import", 200, action="look", file=(io.BytesIO(text.encode()), "m.csv"))
    form = {"token": import_token(looked), "name": "m.csv", "map.0": "code", "map.1": "name", "map.2": "+"}
    form |= {"label.2": "楼层", "type.2": "text"}
    monkeypatch.setattr("web.pages.imports.definition_with", meanwhile)
    refused = admin.post("/e/department/import", 409, action="fields", **form)
    assert f"别人刚发布了版本 {before + 1}，您看到的是版本 {before}" in refused
    assert office.scalar("select max(number) from dg_app_version") == before + 1


def test_others_neither_see_nor_undo_an_import(office: Works, admin: Reader, keeper: Reader) -> None:
    text = b"code,name\nZZ-1,z\n"
    looked = admin.post("/e/department/import", 200, action="look", file=(io.BytesIO(text), "d.csv"))
    admin.post("/e/department/import", 303, action="all", token=import_token(looked), name="d.csv")
    number = office.scalar("select max(id) from dg_import")
    assert "d.csv" in admin.page("/imports")
    assert "d.csv" not in keeper.page("/imports")
    keeper.page(f"/imports/{number}", status=404)


def test_a_long_file_is_worked_on_beside_the_page(office: Works, admin: Reader) -> None:
    text = "code,name\n" + "".join(f"LONG-{n},n{n}\n" for n in range(1100))
    looked = admin.client.post(
        "/e/department/import",
        data={"csrf_token": admin._token("/account"), "action": "look", "file": (io.BytesIO(text.encode()), "l.csv")},
        content_type="multipart/form-data",
    )
    assert looked.status_code == 303
    for thread in threading.enumerate():
        if thread.name.startswith("work-"):
            thread.join(120)
    page = admin.page(str(looked.location))
    assert "1,100 行，1,100 条：新建 1,100" in page
    assert admin.page(f"{looked.location}?show=wrong").count('<td class="num t3">') == 0
    assert office.scalar("select count(*) from department where code like 'LONG-%'") == 0
