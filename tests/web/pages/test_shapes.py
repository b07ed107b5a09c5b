"""Pieces of HTML that are rendered once a shape say exactly what the macros themselves would say."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask
from markupsafe import Markup

from runtime.apps import AppHome
from web.application import create_app
from web.shapes import Shapes
from web.templating import environment

SLOTS = frozenset({"value", "text", "error", "url"})


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application without any app: macros need its templates only."""
    return create_app(AppHome(tmp_path_factory.mktemp("home"), ""), testing=True)


def plain(macro: str, data: object) -> str:
    """What the macro says by itself."""
    file, _, name = macro.partition(":")
    return str(getattr(environment("zh").get_template(f"components/{file}.html").module, name)(data))


FIELD = {
    "id": "note",
    "type": "text",
    "label": "备注",
    "tip": "",
    "required": False,
    "span": 1,
    "error": "",
    "warn": "",
}
VIEWS = (
    {**FIELD, "value": "100 %d {{ x }} <b>", "text": ""},
    {**FIELD, "value": "二", "text": "", "error": "不能用 '<>&\""},
    {**FIELD, "value": "", "text": ""},
    {**FIELD, "value": "三", "text": ""},
    {**FIELD, "readonly": True, "value": "a", "text": "A & B", "url": "/e/item/1"},
    {**FIELD, "readonly": True, "value": "", "text": "", "url": ""},
    {**FIELD, "computed": "= 数量 × 单价", "value": "5", "text": "5"},
)


def test_a_filled_shape_is_what_the_macro_says(app: Flask) -> None:
    with app.app_context():
        shapes = Shapes("zh")
        for _ in range(2):  # as a new shape, and from the kept one
            assert [str(shapes.html("fields:field", v, SLOTS)) for v in VIEWS] == [
                plain("fields:field", v) for v in VIEWS
            ]


def test_the_same_shape_is_rendered_once(app: Flask) -> None:
    with app.app_context():
        shapes = Shapes("zh")
        seen: list[object] = []
        shapes._modules["x"] = SimpleNamespace(m=lambda data: seen.append(data) or Markup("<i>%s</i>") % data["value"])
        told = [shapes.html("x:m", {"value": value, "kind": "k"}, SLOTS) for value in ("1", "<2>", "3")]
    assert told == ["<i>1</i>", "<i>&lt;2&gt;</i>", "<i>3</i>"]
    assert len(seen) == 1


def test_what_steers_and_what_is_empty_makes_another_shape(app: Flask) -> None:
    with app.app_context():
        shapes = Shapes("zh")
        seen: list[object] = []
        shapes._modules["x"] = SimpleNamespace(m=lambda data: seen.append(data) or Markup(""))
        for data in ({"kind": "a", "value": "1"}, {"kind": "b", "value": "1"}, {"kind": "a", "value": ""}):
            shapes.html("x:m", data, SLOTS)
    assert len(seen) == 3


def test_ready_made_html_stays_html(app: Flask) -> None:
    with app.app_context():
        shapes = Shapes("zh")
        body = Markup("<b>1</b>")
        assert "<b>1</b>" in shapes.html("fields:fields_frame", {"columns": 4, "body": body}, frozenset({"body"}))
