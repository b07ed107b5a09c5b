"""What a rule did reads as the page of the record does: names for references, choices and states, not their ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from runtime.context import RunContext
from tests.scenarios.works import Works
from web.rule_deeds import Deeds


@pytest.fixture
def ctx(office_on_file: Works) -> Iterator[RunContext]:
    """The administrator reads."""
    app: Flask = office_on_file.flask
    with office_on_file.acting() as ctx, app.test_request_context("/"):
        yield ctx


def changes(ctx: RunContext, of: str, **deed: Any) -> list[tuple[str, str, str, str]]:
    view = Deeds(ctx).view(of, {"id": "it", "kind": "set", **deed})
    return [(each["name"], each["old"], each["new"], each["note"]) for each in view["changes"]]


def test_values_are_told_as_their_fields_show_them(office_on_file: Works, ctx: RunContext) -> None:
    supplier = office_on_file.id("partner", "S")
    told = changes(
        ctx, "purchase_order", set={"partner": [None, supplier], "status": ["draft", "approved"], "gone": [1, "x"]}
    )
    name = office_on_file.scalar("SELECT name FROM partner WHERE code = 'S'")
    assert told == [("供应商", "–", f"S {name}", ""), ("状态", "草稿", "已审核", ""), ("gone", "1", "x", "")]


def test_who_was_overruled_and_what_would_be_made_is_told(ctx: RunContext) -> None:
    (told,) = changes(ctx, "item", set={"name": ["甲", "乙"]}, overruled_by={"name": "order_to_supplier"})
    assert told[3] == "未写入：之后的规则“采购订单审核后发给供应商”又设置了它"
    (told,) = changes(ctx, "item", set={"name": ["甲", "乙"]}, overrules={"name": "order_to_supplier"})
    assert told[3] == "盖过之前的规则“采购订单审核后发给供应商”"
    assert changes(ctx, "item", kind="create", entity="partner", fill={"name": "新的"}) == [("名称", "–", "新的", "")]


def test_a_transition_is_named(ctx: RunContext) -> None:
    assert Deeds(ctx).view("purchase_order", {"kind": "take", "transition": "approve"})["head"] == "流程操作“审核”"
