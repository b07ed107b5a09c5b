"""Cards in words: what is said beside the figure fits its colour."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import cast

import pytest

from runtime.cards import Figure
from runtime.context import RunContext
from web.card_view import card_view

MODEL = SimpleNamespace(currency="CNY", currency_scale=2, cards={"days": SimpleNamespace(of="x")})


def shown(value: str, color: str) -> tuple[str, str, str]:
    """The note of a card of days whose target is 30, its good news, and its state."""
    ctx = cast(RunContext, SimpleNamespace(language="zh", app=SimpleNamespace(model=MODEL)))
    figure = Figure(
        id="days", label="周转天数", help="", value=Decimal(value), unit="天", format="days", color=color,
        better="lower", formula="", parts=(), period=None, periods=(), target=Decimal(30),
    )  # fmt: skip
    view = card_view(ctx, figure)
    return view["note"], view["note_good"], view["state"]


@pytest.mark.parametrize(
    ("value", "color", "good", "state"),
    [
        ("28", "green", "达标", "ok"),
        ("28", "", "达标", "ok"),
        ("28", "yellow", "", "near"),  # an alert is open, or its limits say so
        ("28", "red", "", "over"),
        ("31", "", "", "ok"),
    ],
)
def test_a_card_in_a_warning_colour_never_says_it_reached_its_target(
    value: str, color: str, good: str, state: str
) -> None:
    assert shown(value, color) == ("目标 ≤ 30 天", good, state)
