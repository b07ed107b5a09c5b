"""Apps on disk and in PostgreSQL: made, opened, changed, gone back, shared by processes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from runtime.app_source import Definition, compile_definition, differences, flat_text, pin, start_from
from runtime.apps import AppHome, RunningApp, versions
from runtime.errors import Conflict, NotFound, UserError

SHOP = """\
app: shop
title: 小店 | Shop
entities:
  item:
    kind: master
    label: 物料 | Item
    fields:
      size: {type: decimal, label: 尺寸 | Size}
      kind_of: {type: choice, label: 类别 | Kind, options: {bolt: 螺栓 | Bolt, nut: 螺母 | Nut}}
"""
LARGER = SHOP + "      weight: {type: decimal, label: 重量 | Weight}\n"
WEIGHT = "entities.item.fields.weight"
WITH_DOUBLE = SHOP + "      double: {formula: size * 2, label: 两倍 | Double}\n"


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AppHome]:
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    made = AppHome(tmp_path, url)
    yield made
    for name, (app, _) in list(made._open.items()):
        assert name == app.name
        app.database.drop_schema()
    made.close()


@pytest.fixture
def name() -> str:
    return f"shop_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def app(home: AppHome, name: str) -> RunningApp:
    return home.create(name, pin(SHOP))


def put(app: RunningApp, **values: object) -> None:
    with app.database.write() as connection:
        connection.execute(insert(app.tables.entity["item"]).values(**values))


def get(app: RunningApp, column: str) -> list[object]:
    table = app.tables.entity["item"]
    with app.database.read() as connection:
        return list(connection.execute(select(table.c[column]).order_by(table.c.id)).scalars())


def test_a_new_app_is_found_again(home: AppHome, app: RunningApp, name: str) -> None:
    again = AppHome(home.folder, home.url)
    assert name in again.names()
    opened = again.get(name)
    assert (opened.version, opened.language, list(opened.model.entities)) == (1, "zh", ["item"])
    again.close()


def test_two_apps_of_one_name_or_a_bad_name_are_refused(home: AppHome, app: RunningApp, name: str) -> None:
    with pytest.raises(UserError, match="there is an app of this name"):
        home.create(name, pin(SHOP))
    with pytest.raises(UserError, match="use lower case letters"):
        home.create("../x", pin(SHOP))


def test_publishing_changes_tables_and_keeps_history(home: AppHome, app: RunningApp, name: str) -> None:
    put(app, code="A", size=Decimal("1.5"))
    change = home.publish(name, pin(LARGER), note="weights", account=3)
    assert [d[0] for d in change.differences] == [
        "entities.item.fields.weight.type",
        "entities.item.fields.weight.label",
    ]
    assert [s.describe("en") for s in change.steps] == ["add item.weight"]
    newest = home.get(name)
    assert (newest.version, get(newest, "weight")) == (2, [None])
    with newest.database.read() as connection:
        assert [(v.number, v.note, v.account) for v in versions(newest, connection)] == [
            (2, "weights", 3),
            (1, "", None),
        ]


def test_what_was_made_from_an_older_version_undoes_nobody_elses(home: AppHome, app: RunningApp, name: str) -> None:
    other = AppHome(home.folder, home.url)
    other.publish(name, pin(LARGER))
    with pytest.raises(Conflict) as refused:
        home.publish(name, pin(WITH_DOUBLE), expected=1)
    assert [one.message for one in refused.value.faults] == [
        "别人刚发布了版本 2，您看到的是版本 1：请重新打开再做一次 | "
        "Somebody just published version 2, you saw version 1: open it again and repeat your change"
    ]
    newest = other.get(name)
    assert (newest.version, "weight" in newest.model.entities["item"].fields) == (2, True)
    assert home.publish(name, pin(WITH_DOUBLE), expected=2, allow_loss=True).version == 3
    other.close()


def test_publishing_the_same_again_makes_no_version(home: AppHome, app: RunningApp, name: str) -> None:
    assert home.publish(name, pin(SHOP)).version == 0
    assert home.get(name).version == 1


def test_a_preview_changes_nothing(home: AppHome, app: RunningApp, name: str) -> None:
    assert len(home.preview(name, pin(LARGER)).steps) == 1
    assert home.get(name).version == 1
    assert "weight" not in home.get(name).tables.entity["item"].c


def test_a_loss_is_refused_and_rolling_back_brings_everything_back(home: AppHome, app: RunningApp, name: str) -> None:
    home.publish(name, pin(LARGER))
    put(home.get(name), code="A", weight=Decimal(7))
    with pytest.raises(Conflict) as caught:
        home.publish(name, pin(SHOP))
    assert [f.code for f in caught.value.faults] == ["destructive"]
    assert home.get(name).version == 2
    home.rollback(name, 1)
    assert (home.get(name).version, "weight" in home.get(name).tables.entity["item"].c) == (3, False)
    home.rollback(name, 2)
    assert get(home.get(name), "weight") == [Decimal(7)]
    with pytest.raises(NotFound, match="没有版本 9"):
        home.rollback(name, 9)


def test_a_new_formula_is_computed_for_the_records_there_are(home: AppHome, app: RunningApp, name: str) -> None:
    put(app, code="A", size=Decimal("1.5"))
    put(app, code="B")
    home.publish(name, pin(WITH_DOUBLE))
    assert get(home.get(name), "double") == [Decimal(3), None]


def test_another_process_sees_the_new_version(home: AppHome, app: RunningApp, name: str) -> None:
    other = AppHome(home.folder, home.url)
    assert other.get(name).version == 1
    home.publish(name, pin(LARGER))
    other._open[name] = (other._open[name][0], 0.0)
    assert (other.get(name).version, "weight" in other.get(name).tables.entity["item"].c) == (2, True)
    other.close()


def test_an_app_keeps_the_base_it_was_made_from(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue"
    (catalogue / "modules").mkdir(parents=True)
    (catalogue / "trade.yaml").write_text(
        "uses: [things]\n" + SHOP.replace("app: shop", "app: trade"), encoding="utf-8"
    )
    (catalogue / "modules" / "things.yaml").write_text(
        "module: things\nentities:\n  box: {kind: master}\n", encoding="utf-8"
    )
    made = pin("app: mine\nextends: trade 1.0.0\n", catalogue)
    assert sorted(made.files) == ["modules/things.yaml", "trade.yaml"]
    (catalogue / "trade.yaml").write_text("app: trade\nentities: {}\n", encoding="utf-8")
    text = "app: mine\nextends: trade 1.0.0\nentities:\n  item: {fields: {size: {label: 大小}}}\n"
    changed = pin(text, catalogue, kept=made)
    assert changed.files == made.files
    model = compile_definition(changed)
    assert (sorted(model.entities), model.entities["item"].fields["size"].label.zh) == (["box", "item"], "大小")
    assert differences(made, changed) == [("entities.item.fields.size.label", "尺寸 | Size", "大小")]


def test_the_flat_text_is_the_same_app(tmp_path: Path) -> None:
    definition = pin(SHOP)
    again = Definition(text=flat_text(definition), files={})
    assert differences(definition, again) == []
    assert flat_text(again) == flat_text(definition)


def test_the_flat_text_of_renamed_fields_is_the_same_app() -> None:
    """Lists and formulas of the base go by the old id."""
    own = start_from("a", "generic")
    definition = pin(f"{own.text}rename: {{item.model: sort_of}}\n", kept=own)
    again = Definition(text=flat_text(definition), files={})
    here, there = (compile_definition(each).entities["item"] for each in (definition, again))
    assert "sort_of" in there.fields
    assert (list(there.fields), there.form) == (list(here.fields), here.form)
    assert {v.id: v.columns for v in there.views.values()} == {v.id: v.columns for v in here.views.values()}
    assert flat_text(again) == flat_text(definition)


def test_a_compiled_model_is_kept_for_the_next_start(tmp_path: Path) -> None:
    definition = pin(SHOP)
    first = compile_definition(definition, cache_in=tmp_path)
    kept = list(tmp_path.iterdir())
    assert len(kept) == 1
    assert compile_definition(definition, cache_in=tmp_path) == first
    kept[0].write_bytes(b"cut off")
    assert compile_definition(definition, cache_in=tmp_path) == first
