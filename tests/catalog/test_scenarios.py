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
        ("alerts: {expiry: {while: stage == expired}}", "f1_first_expired_first_out", "open alerts expiry is 0, not 1"),
        ("rules: {recall_told: {retired: true}}", "f2_recall_both_ways", "told by rule:recall_told is 0, not 1"),
        ("entities: {item: {fields: {accept_share: {default: 1/2}}}}", "f3_receiving", "old.stale is False, not True"),
    ],
    "restaurant": [
        ("alerts: {thin_margin: {while: margin < 0.7}}", "r1_margin_follows_the_price", "thin_margin is 0, not 1"),
        ("rules: {supplied_told: {retired: true}}", "r3_store_and_central_kitchen", "supplied_told is 0, not 1"),
        (
            "reports: {theory_actual: {measures: {unexplained: {value: short}, rate: {value: recorded / theory}}}}",
            "r2_theory_against_actual",
            "theory_actual.rate of ['k1', 'tomato'] is",
        ),
    ],
    "generic": [
        ("entities: {selling: {fields: {shortage: {default: wait}}}}", "g1_five_steps", "should have been refused"),
        ("alerts: {transfer_short: {while: short_qty > 5}}", "g1_five_steps", "open alerts transfer_short is 0, not 1"),
    ],
    "service": [
        ("rules: {contract_signed: {retired: true}}", "s1_milestones", "told by rule:contract_signed is 0, not 1"),
        ("entities: {resource: {fields: {may_overload: {fill: 1 == 1}}}}", "s2_no_double_booking", "should have been"),
    ],
}


@pytest.mark.parametrize("template", sorted(CHANGES))
def test_a_changed_template_goes_red(template: str) -> None:
    for layer, scenario, said in CHANGES[template]:
        changed = pin(f"app: changed\nextends: {template} 1.0.0\n{layer}\n")
        played: list[Played] = []
        assert not play_all(changed, scenario_files(CATALOGUE / template), played.append)
        (red,) = [one for one in played if one.faults]
        assert red.id == scenario
        assert said in red.faults[0]


def test_the_command_tells_what_it_played() -> None:
    found = CliRunner().invoke(cli, ["test-template", "service", "--json"])
    assert found.exit_code == 0
    assert [one["id"] for one in json.loads(found.output)] == [
        "s1_milestones",
        "s2_no_double_booking",
        "s3_ageing_and_dunning",
    ]
    assert CliRunner().invoke(cli, ["test-template", "nothing"]).exit_code == 2
