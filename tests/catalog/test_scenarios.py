"""The scenarios that templates carry come out as written, and stop doing so when the template is changed."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from engine.compile.layers import CATALOGUE
from runtime.app_source import pin, start_from
from runtime.scenarios import Played, play_all, scenario_files
from web.cli import cli

CARRIED = sorted({path.parent.parent.name for path in CATALOGUE.glob("*/scenarios/*.yaml")})


@pytest.mark.parametrize("template", CARRIED)
def test_what_a_template_promises_comes_out(template: str) -> None:
    played: list[Played] = []
    good = play_all(start_from("scenario", template), scenario_files(CATALOGUE / template), played.append)
    assert [(one.id, one.faults) for one in played if one.faults] == []
    assert good
    assert all(one.covers and one.steps >= 5 for one in played)


CHANGES = {
    "food": [
        {
            "f1_first_expired_first_out": (
                "alerts: {expiry: {while: stage == expired}}",
                "open alerts expiry is 0, not 1",
            ),
            "f2_recall_both_ways": (
                "rules: {recall_told: {retired: true}, claim_agreed: {if: empty(partner.email)}}",
                "told by rule:recall_told is 0, not 1",
            ),
            "f3_announced_and_deducted": (
                "# claim_agreed above",
                "told by rule:claim_agreed is 0, not 1",
            ),
            "f3_receiving": (
                "entities: {item: {fields: {accept_share: {default: 1/2}, by_weight: {formula: priced_by == count}}}}",
                "old.stale is False, not True",
            ),
            "f4_catch_weight": (
                "# by_weight above",
                "r.lines.0.amount is None, not 912",
            ),
        }
    ],
    "restaurant": [
        {
            "r1_margin_follows_the_price": (
                "alerts: {thin_margin: {while: margin < 0.7}}",
                "open alerts thin_margin is 0, not 1",
            ),
            "r2_theory_against_actual": (
                "reports: {theory_actual: {measures: {rate: {value: recorded / theory}}}}",
                "theory_actual.rate of ['k1', 'tomato'] is",
            ),
            "r3_store_and_central_kitchen": (
                "rules: {supplied_told: {retired: true}, average_kept: {retired: true}, "
                "recipe_in_force: {retired: true}}",
                "told by rule:supplied_told is 0, not 1",
            ),
            "r4_moving_average_and_quotes": (
                "# average_kept above",
                "tomato.average_price is None, not 9",
            ),
            "r1_recipe_changed_by_signature": (
                "# recipe_in_force above",
                "salad.cost is 3",
            ),
            "r3_request_above_the_suggestion": (
                "entities: {menu_settings: {fields: {request_limit: {default: 50 %}}}}",
                "much.over is False, not True",
            ),
        }
    ],
    "generic": [
        {
            "g1_five_steps": (
                "entities: {selling: {fields: {shortage: {default: wait}}}}",
                "should have been refused",
            ),
        },
        {
            "g1_five_steps": (
                "alerts: {transfer_short: {while: short_qty > 5}}",
                "open alerts transfer_short is 0, not 1",
            ),
        },
    ],
    "discrete": [
        {
            "d3_sales_told_once": (
                "rules: {ready_to_deliver: {retired: true}, due_change_agreed: {retired: true}}",
                "told by rule:ready_to_deliver is 0, not 1",
            ),
            "d1_due_date_moved_by_two": (
                "# due_change_agreed above",
                "s.due_date is 2026-03-20, not 2026-03-27",
            ),
            "d2_changed_bill_and_orders": (
                "# bom_outdated below",
                "open alerts bom_outdated is 0, not 2",
            ),
            "d6_safety_stock": (
                "alerts: {below_safety: {while: available < 0}, bom_outdated: {while: behind and outdated}}",
                "open alerts below_safety is 0, not 1",
            ),
        },
    ],
    "service": [
        {
            "s1_milestones": (
                "rules: {contract_signed: {retired: true}}",
                "told by rule:contract_signed is 0, not 1",
            ),
            "s2_no_double_booking": (
                "entities: {resource: {fields: {may_overload: {fill: 1 == 1}}}}",
                "should have been",
            ),
        },
    ],
}
"""What is changed in a template at once, by the scenario that must go red of it, with what that says."""


@pytest.mark.parametrize("template", sorted(CHANGES))
def test_a_changed_template_goes_red(template: str) -> None:
    for changes in CHANGES[template]:
        layers = "\n".join(layer for layer, _ in changes.values())
        changed = pin(f"app: changed\nextends: {template} 1.0.0\n{layers}\n")
        played: list[Played] = []
        assert not play_all(changed, scenario_files(CATALOGUE / template), played.append)
        red = {one.id: one.faults[0] for one in played if one.faults}
        assert sorted(red) == sorted(changes)
        assert all(said in red[scenario] for scenario, (_, said) in changes.items())


def test_the_command_tells_what_it_played() -> None:
    found = CliRunner().invoke(cli, ["test-template", "service", "--json"])
    assert found.exit_code == 0
    assert [one["id"] for one in json.loads(found.output)] == [
        "s1_milestones",
        "s2_no_double_booking",
        "s3_ageing_and_dunning",
    ]
    assert CliRunner().invoke(cli, ["test-template", "nothing"]).exit_code == 2
