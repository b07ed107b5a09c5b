"""Cards that count open alerts: the number is a figure, the colour is that of the alert, and only what one may see."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine import MetadataError
from engine.compiler import load_text
from runtime import cards, records
from runtime.cards import Figure
from runtime.context import User
from runtime.errors import NotFound
from tests.runtime.rules.firm import BOSS, NOON, Firm

CLERK = User(account=3, name="clerk", roles=frozenset({"clerk"}))
NOBODY = User(account=9, name="nobody", roles=frozenset())


def card(firm: Firm, id: str, user: User = BOSS) -> Figure:
    return cards.card(replace(firm.ctx, user=user), id)


def short(firm: Firm, *items: int) -> None:
    for item in items:
        records.update(firm.ctx, "item", item, {"safety": 10})


def test_a_card_counts_the_open_alerts_it_names(firm: Firm) -> None:
    assert (card(firm, "low_items").value, card(firm, "low_items").color) == (0, "")
    short(firm, 1, 2)
    found = card(firm, "low_items")
    assert (found.value, found.alerts, found.color, found.formula) == (2, 2, "red", "进行中的预警")


def test_a_card_wears_the_colour_of_its_alerts_as_long_as_one_is_open(firm: Firm) -> None:
    assert (card(firm, "items").color, card(firm, "items").alerts) == ("green", 0)
    short(firm, 1)
    assert (card(firm, "items").value, card(firm, "items").color, card(firm, "items").alerts) == (2, "red", 1)
    records.update(firm.ctx, "item", 1, {"safety": 0})
    assert (card(firm, "items").color, card(firm, "items").alerts) == ("green", 0)


def test_a_card_says_when_it_takes_which_colour(firm: Firm) -> None:
    assert card(firm, "items").limits == (("green", "数值 > 0"),)
    assert card(firm, "low_items").limits == ()


def test_of_several_alerts_the_most_pressing_colour_counts(firm: Firm) -> None:
    order = firm.order(4, due=(NOON - timedelta(days=2)).date())
    firm.take("order", order, "approve")
    assert (card(firm, "orders").alerts, card(firm, "orders").color) == (1, "yellow")
    short(firm, 1)
    assert (card(firm, "orders").alerts, card(firm, "orders").color) == (2, "red")


def test_who_may_not_read_what_an_alert_is_about_does_not_get_its_card(firm: Firm) -> None:
    short(firm, 1)
    assert card(firm, "low_items", CLERK).value == 1
    with pytest.raises(NotFound):
        card(firm, "low_items", NOBODY)


def test_an_alert_that_does_not_exist_is_told_with_what_was_meant() -> None:
    text = (
        "app: x\nentities: {item: {kind: master, fields: {n: {type: integer}}}}\n"
        "alerts: {low: {of: item, while: n < 1, to: [boss], say: low}}\n"
        "roles: {boss: {can: {all: [all]}}}\n"
        "cards: {short: {label: s, alerts: [lwo], value: 1}}\n"
    )
    with pytest.raises(MetadataError) as refused:
        load_text(text)
    assert [str(p) for p in refused.value.problems if p.code == "D304"] == [
        "app.yaml:5:36: cards.short.alerts: unknown alert lwo; did you mean low? [D304]"
    ]
