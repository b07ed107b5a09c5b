"""Approvals as they are written down: who decides, how many, what is asked for, what happens when nobody does."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine import MetadataError
from engine.compiler import load_text
from engine.expressions.render import render
from engine.model import AppModel, Approval

APP = """\
app: shop
title: 小店 | Shop
members: staff
roles: {{boss: {{can: {{all: [all]}}}}, clerk: {{can: {{all: [all]}}}}}}
entities:
  staff:
    kind: master
    label: 员工 | Staff
    fields:
      superior: {{type: member, label: 上级 | Superior}}
      mate: {{type: text, label: 搭档 | Mate}}
  order:
    kind: document
    label: 订单 | Order
    fields:
      total: {{type: money, label: 合计 | Total}}
      expected: {{type: date, label: 到货 | Expected}}
    workflow:
      states:
        draft: {{label: 草稿 | Draft, start: true}}
        pending:
          label: 审批中 | Pending
          approval:
            steps:
              first: {step}
            nobody: {nobody}
            {more}
        approved: {{label: 已审 | Approved, end: true}}
      transitions:
        submit: {{from: draft, to: pending, by: [clerk]}}
        approve: {{from: pending, to: approved}}
        reject: {{from: pending, to: draft}}
        return: {{from: pending, to: draft}}
"""
STEP = "{who: [{role: boss}]}"


def model(step: str = STEP, nobody: str = "boss", more: str = "resubmit: ask") -> AppModel:
    return load_text(APP.format(step=step, nobody=nobody, more=more), "shop.yaml")


def approval(step: str = STEP, nobody: str = "boss", more: str = "resubmit: ask") -> Approval:
    workflow = model(step, nobody, more).entities["order"].workflow
    assert workflow is not None
    found = workflow.states["pending"].approval
    assert found is not None
    return found


def codes(**given: str) -> list[str]:
    with pytest.raises(MetadataError) as refused:
        model(**given)
    return [problem.code for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("written", "decide", "need", "share"),
    [
        ("any", "any", 0, "0"),
        ("all", "all", 0, "0"),
        ("in_turn", "in_turn", 0, "0"),
        ("{at_least: 2}", "at_least", 2, "0"),
        ("{share: 60 %}", "share", 0, "0.6"),
    ],
)
def test_how_many_says_decide(written: str, decide: str, need: int, share: str) -> None:
    (step,) = approval(f"{{who: [{{role: boss}}], decide: {written}}}").steps
    assert (step.decide, step.need, step.share) == (decide, need, Decimal(share))


def test_those_above_and_those_chosen() -> None:
    (step,) = approval("{who: [{field: owner, along: superior, levels: 2}, {chosen: true, role: boss}]}").steps
    above, chosen = step.who
    assert (above.kind, above.along, above.levels) == ("field", "superior", 2)
    assert (chosen.kind, chosen.role) == ("chosen", "boss")


def test_what_a_step_asks_for_and_lets_be_filled_in() -> None:
    (step,) = approval(
        "{who: [boss], demands: {signature: true, note: true}, fields: {expected: required, total: edit}}"
    ).steps
    assert [demand.kind for demand in step.demands] == ["note", "signature"]
    assert (step.edit, step.required) == (("expected", "total"), ("expected",))


def test_deadlines_in_hours_and_in_working_hours() -> None:
    (step,) = approval(
        "{who: [boss], deadlines: {nudge: {after: 8 work_hours}, up: {after: 2 days, do: escalate, to: [clerk]}}}"
    ).steps
    nudge, up = step.deadlines
    assert (nudge.hours, nudge.worked, nudge.act) == (8, True, "remind")
    assert (up.hours, up.worked, up.act, up.to[0].role) == (48, False, "escalate", "clerk")


def test_nobody_may_mean_approved_or_refused() -> None:
    assert approval(nobody="approve").nobody.kind == "approve"
    assert approval(nobody="reject").nobody.kind == "reject"


def test_who_asks_and_who_was_asked_before() -> None:
    found = approval(more="initiator_is_approver: superior\n            same_person_again: once")
    assert (found.initiator, found.superior, found.again) == ("superior", "superior", "once")
    assert approval(more="initiator_is_approver: skip").initiator == "skip"
    assert (approval().initiator, approval().again) == ("self", "always")


def test_a_return_is_an_outcome_where_there_is_such_a_transition() -> None:
    assert dict(approval().outcome) == {"approved": "approve", "refused": "reject", "returned": "return"}


def test_what_is_wrong_is_named() -> None:
    assert codes(more="initiator_is_approver: mate") == ["D607"]
    assert codes(step="{who: [{field: owner, along: mate}]}") == ["D607"]
    assert codes(step="{who: [boss], decide: {share: 140 %}}") == ["D608"]
    assert codes(step="{who: [boss], deadlines: {late: {after: 3 moons}}}") == ["D609"]
    assert codes(step="{who: [boss], deadlines: {late: {after: 2 hours, do: escalate}}}") == ["D204"]
    assert codes(nobody="someone") == ["D304"]


def test_a_step_names_who_is_told_when_the_document_comes_to_it() -> None:
    (step,) = approval("{who: [{role: boss}], copies: [clerk, {field: owner}]}").steps
    assert [(who.kind, who.role) for who in step.copies] == [("role", "clerk"), ("field", "")]
    assert approval().steps[0].copies == ()


def steps_of(*written: str) -> Approval:
    """The approval with these steps; the first is called ``first``."""
    first, *rest = written
    return approval(first + "".join(f"\n              s{n}: {each}" for n, each in enumerate(rest, 2)))


def test_the_default_branch_is_the_denial_of_the_others() -> None:
    found = steps_of(
        "{who: [boss], if: total > 5}",
        "{who: [boss], if: expected >= today()}",
        "{who: [clerk], otherwise: [first, s2]}",
    )
    rest = found.steps[2]
    assert rest.condition is not None
    assert render(rest.condition.tree) == "not total > 5 and not expected >= today()"
    assert codes(step="{who: [boss], otherwise: [second]}") == ["D304"]


def test_people_whom_only_approvals_name() -> None:
    (step,) = approval("{who: [{person: li.si}, {initiator: true, along: superior}], decide: random}").steps
    assert [(who.kind, who.name, who.along) for who in step.who] == [
        ("person", "li.si", ""),
        ("initiator", "", "superior"),
    ]
    assert step.decide == "random"
    assert approval(nobody="{person: li.si}").nobody.name == "li.si"
    with pytest.raises(MetadataError) as refused:
        load_text(
            APP.format(step=STEP, nobody="boss", more="").replace("by: [clerk]", "by: [{person: li.si}]"), "shop.yaml"
        )
    assert [problem.code for problem in refused.value.problems] == ["D204"]


def test_what_is_to_be_done_waited_for_and_due_by_a_date() -> None:
    found = steps_of(
        "{who: [boss], handle: true, deadlines: {by: {at: expected}, soon: {after: 2 work_days}}}", "{wait: 3 days}"
    )
    doing, pause = found.steps
    by, soon = doing.deadlines
    assert (doing.handled, by.at is not None, soon.days, soon.worked) == (True, True, 2, True)
    assert (pause.waits, pause.who, [(d.hours, d.act) for d in pause.deadlines]) == (True, (), [(72, "approve")])
    assert approval(more="urge_again: 4 hours").urged == 4
    assert codes(step="{who: [boss], deadlines: {by: {at: total}}}") == ["D609"]
    assert codes(step="{wait: a while}") == ["D609"]
