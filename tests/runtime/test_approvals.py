"""Approvals as offices expect them: how many decide, who is found, and what an approver may do beside yes and no."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, timedelta

import pytest

from runtime import (
    records,
    substitutes,
    task_acts,
    task_center,
    task_flow,
    tasks,
    workflow,
)
from runtime.context import User
from runtime.errors import Conflict, Forbidden, Invalid
from runtime.workflow_demands import given_files
from tests.runtime.office import ANN, BOB, CID, DAN, EVE, GUEST, MONDAY, PEOPLE, Office

# --- how many decide --------------------------------------------------------------------------------------------------


def test_any_of_them_decides(office: Office) -> None:
    made = office.sent("any_of", BOB, CID)
    assert office.asked() == {"bob": ["first"], "cid": ["first"]}
    assert office.say(CID) == "done"
    assert office.status("any_of", made) == "done"
    assert office.asked() == {}


def test_all_of_them_decide(office: Office) -> None:
    made = office.sent("all_of", BOB, CID)
    assert office.say(BOB) == "pending"
    assert office.asked() == {"cid": ["first"]}
    with office.acting(ANN) as ctx:
        told = task_flow.steps(ctx, "all_of", records.load(ctx, "all_of", made), "pending")
    assert [(step.state, step.who) for step in told] == [("now", "bob、cid")]
    assert office.say(CID) == "done"


def test_one_after_the_other(office: Office) -> None:
    office.sent("turn", CID, BOB, DAN)
    order = []
    for _ in range(3):
        (name,) = office.asked()
        order.append(name)
        last = office.say(next(u for u in PEOPLE if u.name == name))
    assert sorted(order) == ["bob", "cid", "dan"]
    assert last == "done"


def test_two_of_three_decide_and_a_refusal_leaves_two(office: Office) -> None:
    office.sent("two", BOB, CID, DAN)
    assert office.say(BOB, "reject", "no") == "pending"
    assert office.say(CID) == "pending"
    assert office.say(DAN) == "done"


def test_two_refusals_of_three_leave_too_few(office: Office) -> None:
    office.sent("two", BOB, CID, DAN)
    assert office.say(BOB, "reject", "no") == "pending"
    assert office.say(CID, "reject", "no") == "draft"
    assert office.asked() == {}


def test_sixty_percent_of_four_are_three(office: Office) -> None:
    office.sent("most", BOB, CID, DAN, EVE)
    assert [office.say(who) for who in (BOB, CID, EVE)] == ["pending", "pending", "done"]


# --- who is found -----------------------------------------------------------------------------------------------------


def test_those_above_one_after_the_other(office: Office) -> None:
    office.sent("above")
    assert office.asked() == {"bob": ["first"]}
    assert office.say(BOB) == "pending"
    assert office.asked() == {"cid": ["first"]}
    assert office.say(CID) == "done"


def test_whom_the_initiator_picks(office: Office) -> None:
    office.sent("picked", approvers={"first": [EVE.member]})
    assert office.asked() == {"eve": ["first"]}
    with pytest.raises(Invalid) as refused:
        office.sent("picked")
    assert refused.value.faults[0].code == "approvers_missing"
    with pytest.raises(Invalid) as refused:
        office.sent("picked", approvers={"first": [BOB.member]})
    assert refused.value.faults[0].code == "approvers_unfit"


def test_nobody_found_may_refuse(office: Office) -> None:
    made = office.sent("refuse")
    assert office.status("refuse", made) == "draft"


def test_who_approved_is_not_asked_again(office: Office) -> None:
    office.sent("once", BOB)
    assert office.say(BOB) == "pending"
    assert office.say(EVE) == "done"  # the third step asks Bob again: he has said it


def test_who_asks_is_passed_over(office: Office) -> None:
    office.sent("skip")
    assert office.asked() == {"eve": ["two"]}


def test_who_asks_is_replaced_by_who_stands_above(office: Office) -> None:
    office.sent("up")
    assert office.asked() == {"bob": ["one"]}


# --- beside yes and no ------------------------------------------------------------------------------------------------


def test_a_say_is_handed_over(office: Office) -> None:
    office.sent("all_of", BOB, CID)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.delegate(ctx, task, DAN.account, "you know it better")
    assert office.asked() == {"cid": ["first"], "dan": ["first"]}
    office.say(CID)
    assert office.say(DAN) == "done"


def test_a_say_is_handed_only_to_who_may_read(office: Office) -> None:
    office.sent("all_of", BOB)
    task = office.task(BOB)
    for account, code in (
        (GUEST.account, "person_may_not_read"),
        (BOB.account, "person_is_you"),
        (99, "person_unknown"),
    ):
        with pytest.raises((Conflict, Invalid)) as refused, office.acting(BOB) as ctx:
            task_acts.delegate(ctx, task, account)
        assert refused.value.faults[0].code == code


def test_a_signer_before_me_comes_back_to_me(office: Office) -> None:
    office.sent("any_of", BOB)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.add_signer(ctx, task, DAN.account, "before", "look too")
    assert office.asked() == {"dan": ["first"]}
    assert office.say(DAN) == "pending"
    assert office.asked() == {"bob": ["first"]}
    assert office.say(BOB) == "done"


def test_who_is_asked_for_his_opinion_decides_nothing_and_it_comes_back(office: Office) -> None:
    office.sent("any_of", BOB)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.add_signer(ctx, task, DAN.account, "helper", "too dear?")
    assert office.asked() == {"dan": ["first"]}
    asked = office.task(DAN)
    with office.acting(DAN) as ctx, pytest.raises(Conflict) as refused:
        task_acts.give_back(ctx, asked, "not for me to return")
    assert refused.value.faults[0].code == "helper_only_advises"
    assert office.say(DAN, "reject", note="far too dear") == "pending"  # an approver before him would have ended it
    assert office.asked() == {"bob": ["first"]}
    with office.acting(DAN) as ctx:
        assert [(one.decision, one.note) for one in task_center.done(ctx)] == [("advised_no", "far too dear")]
    assert office.say(BOB) == "done"


def test_a_signer_after_me_speaks_last(office: Office) -> None:
    office.sent("any_of", BOB)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.add_signer(ctx, task, DAN.account, "after", "look too")
    assert office.asked() == {"bob": ["first"]}
    assert office.say(BOB) == "pending"
    assert office.asked() == {"dan": ["first"]}
    assert office.say(DAN) == "done"


def test_a_signer_beside_me_has_to_speak_too(office: Office) -> None:
    office.sent("any_of", BOB)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.add_signer(ctx, task, DAN.account, "parallel", "look too")
    assert office.say(BOB) == "pending"
    assert office.say(DAN) == "done"


def test_an_added_signer_is_taken_back_by_who_added_him(office: Office) -> None:
    office.sent("any_of", BOB)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.add_signer(ctx, task, DAN.account, "before", "look too")
    added = office.task(DAN)
    with pytest.raises(Forbidden), office.acting(CID) as ctx:
        task_acts.remove_signer(ctx, added)
    with office.acting(BOB) as ctx:
        task_acts.remove_signer(ctx, added)
    assert office.asked() == {"bob": ["first"]}


def test_a_step_takes_what_it_demands_and_lets_fill_in_its_fields(office: Office) -> None:
    made = office.sent("steps", BOB)
    office.say(ANN)
    with pytest.raises(Invalid) as refused:
        office.say(EVE)
    assert [f.code for f in refused.value.faults] == ["demand_signature_missing"]
    signed = office.signature(EVE)
    with pytest.raises(Invalid) as refused:
        office.say(EVE, signature=signed)
    assert [f.code for f in refused.value.faults] == ["required"]
    with pytest.raises(Invalid) as refused:
        office.say(EVE, signature=signed, fields={"until": "2026-04-01", "owner": 3})
    assert [f.code for f in refused.value.faults] == ["field_not_in_step"]
    office.say(EVE, signature=signed, fields={"until": "2026-04-01", "sum": 7})
    with office.acting() as ctx:
        found = records.load(ctx, "steps", made)
        (given,) = given_files(ctx, "steps", made)
    assert (found["until"], found["sum"]) == (date(2026, 4, 1), 7)
    assert (given.id, given.kind, given.who, given.at.tzinfo) == (signed, "signature", "eve", UTC)
    assert office.asked() == {"bob": ["three"]}


def walked_to_three(office: Office) -> int:
    made = office.sent("steps", BOB)
    office.say(ANN)
    office.say(EVE, signature=office.signature(EVE), fields={"until": "2026-04-01"})
    assert office.asked() == {"bob": ["three"]}
    return made


def test_returned_to_a_step_everything_after_it_is_walked_again(office: Office) -> None:
    walked_to_three(office)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.give_back(ctx, task, "look again", to="one", way="walk_again")
    assert office.asked() == {"ann": ["one"]}
    office.say(ANN)
    assert office.asked() == {"eve": ["two"]}
    office.say(EVE, signature=office.signature(EVE), fields={"until": "2026-05-01"})
    assert office.say(BOB) == "done"


def test_returned_to_a_step_it_comes_straight_back(office: Office) -> None:
    walked_to_three(office)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.give_back(ctx, task, "look again", to="one", way="straight_back")
    office.say(ANN)
    assert office.asked() == {"bob": ["three"]}
    assert office.say(BOB) == "done"


def test_it_is_returned_only_to_steps_before(office: Office) -> None:
    walked_to_three(office)
    task = office.task(BOB)
    for to in ("three", "nowhere"):
        with pytest.raises(Invalid) as refused, office.acting(BOB) as ctx:
            task_acts.give_back(ctx, task, "why", to=to)
        assert refused.value.faults[0].code == "return_step_unknown"
    with pytest.raises(Invalid), office.acting(BOB) as ctx:
        task_acts.give_back(ctx, task, " ")


def test_returned_to_who_asked_and_sent_again_it_comes_straight_back(office: Office) -> None:
    made = office.sent("back")
    office.say(ANN)
    task = office.task(EVE)
    with office.acting(EVE) as ctx:
        assert task_acts.give_back(ctx, task, "the sum is wrong")["status"] == "draft"
    with office.acting(ANN) as ctx:
        workflow.take(ctx, "back", made, "submit", {})
    assert office.asked() == {"eve": ["two"]}


def test_the_end_is_copied(office: Office) -> None:
    walked_to_three(office)
    office.say(BOB)
    assert "copied" in office.told(ANN)
    with office.acting(ANN) as ctx:
        assert [(one.entity, one.status) for one in task_center.copied(ctx)] == [("steps", "done")]


def test_whom_a_step_copies_knows_when_the_document_comes_to_it(office: Office) -> None:
    made = office.sent("skip", DAN)  # the first step would ask who sent it: passed over
    assert office.asked() == {"eve": ["two"]}
    assert office.told(DAN) == ["copied"]
    with office.acting(DAN) as ctx:
        assert [(one.record, one.status) for one in task_center.copied(ctx)] == [(made, "pending")]
    with office.acting(ANN) as ctx:
        assert [one.record for one in task_center.copied(ctx)] == []
    assert office.say(EVE) == "done"
    assert office.told(DAN) == ["copied"]  # of the end nobody is told here


def test_the_task_centre_knows_what_i_did_and_what_i_asked(office: Office) -> None:
    made = office.sent("all_of", BOB, CID)
    office.say(BOB)
    with office.acting(BOB) as ctx:
        (done,) = task_center.done(ctx)
    assert (done.entity, done.record, done.decision) == ("all_of", made, "approve")
    with office.acting(ANN) as ctx:
        (sent,) = task_center.sent(ctx)
    assert (sent.record, sent.status, sent.waits_for) == (made, "pending", ("cid",))


# --- the picture of the steps -----------------------------------------------------------------------------------------


def pictured(office: Office, entity: str, record: int) -> list[tuple[str, str]]:
    with office.acting(ANN) as ctx:
        told = task_flow.steps(ctx, entity, records.load(ctx, entity, record), "pending")
    return [(step.state, step.who) for step in told]


def test_a_step_stands_as_under_way_until_the_signers_added_to_it_have_spoken(office: Office) -> None:
    made = office.sent("all_of", BOB, CID)
    mine = office.task(BOB)
    office.moment += timedelta(hours=1)
    with office.acting(BOB) as ctx:
        task_acts.add_signer(ctx, mine, DAN.account, "parallel", "look too")
    office.say(DAN)
    assert pictured(office, "all_of", made) == [("now", "bob、cid、dan")]
    office.say(BOB)
    assert pictured(office, "all_of", made) == [("now", "bob、cid、dan")]
    office.say(CID)
    assert pictured(office, "all_of", made) == [("done", "bob、cid、dan")]


def test_a_refusal_that_leaves_enough_does_not_stand_as_the_end(office: Office) -> None:
    made = office.sent("two", BOB, CID, DAN)
    office.say(BOB, "reject", "no")
    assert pictured(office, "two", made) == [("now", "bob、cid、dan")]
    office.say(CID)
    office.say(DAN)
    assert pictured(office, "two", made) == [("done", "cid、dan")]


def test_a_step_sent_back_past_stands_as_to_come_again(office: Office) -> None:
    made = walked_to_three(office)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.give_back(ctx, task, "look again", to="one", way="walk_again")
    assert [state for state, _ in pictured(office, "steps", made)] == ["now", "next", "next"]
    office.say(ANN)
    assert [state for state, _ in pictured(office, "steps", made)] == ["done", "now", "next"]


def test_a_step_between_stands_as_done_where_it_comes_straight_back(office: Office) -> None:
    made = walked_to_three(office)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.give_back(ctx, task, "look again", to="one", way="straight_back")
    assert [state for state, _ in pictured(office, "steps", made)] == ["now", "done", "next"]
    office.say(ANN)
    assert [state for state, _ in pictured(office, "steps", made)] == ["done", "done", "now"]


def test_what_was_said_before_a_return_does_not_count_after_it(office: Office) -> None:
    made = office.sent("steps", BOB, CID)
    office.say(ANN)
    office.say(EVE, signature=office.signature(EVE), fields={"until": "2026-04-01"})
    office.say(CID)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.give_back(ctx, task, "look again", to="two", way="walk_again")
    office.say(EVE, signature=office.signature(EVE))
    assert pictured(office, "steps", made)[2] == ("now", "bob、cid")
    assert office.say(BOB) == "pending"
    assert office.say(CID) == "done"


def came(office: Office, entity: str, record: int, user: User) -> list[tuple[str, str, bool]]:
    with office.acting(user) as ctx:
        found = task_flow.people(ctx, entity, records.load(ctx, entity, record), "pending")
    return [(way.text, way.decision, way.removable) for way in found]


def test_the_steps_name_all_who_were_brought_in_and_how(office: Office) -> None:
    made = office.sent("all_of", BOB, CID)
    first, second = office.task(BOB), office.task(CID)
    with office.acting(BOB) as ctx:
        task_acts.add_signer(ctx, first, DAN.account, "parallel", "look too")
    with office.acting(CID) as ctx:
        task_acts.delegate(ctx, second, EVE.account, "you know it better")
        substitutes.put(replace(ctx, user=DAN), ANN.account, MONDAY.date(), MONDAY.date())
    assert came(office, "all_of", made, BOB) == [
        ("bob asked dan to sign too", "", True),
        ("cid handed it over to eve", "", False),
        ("ann stands in for dan", "", False),
    ]
    with office.acting(ANN) as ctx:
        (step,) = task_flow.steps(ctx, "all_of", records.load(ctx, "all_of", made), "pending")
    assert step.why == "bob asked dan to sign too; cid handed it over to eve"
    office.say(DAN)
    with office.acting(BOB) as ctx:
        task_acts.add_signer(ctx, first, CID.account, "helper", "too dear?")
    assert came(office, "all_of", made, BOB) == [
        ("bob asked dan to sign too", "approve", False),
        ("cid handed it over to eve", "", False),
        ("bob asked cid for an opinion", "", True),
    ]
    assert came(office, "all_of", made, CID)[2][2] is False
    with office.acting(BOB) as ctx:  # his own task sleeps meanwhile: the centre lets him take it back
        assert tasks.mine(ctx) == []
        (done,) = task_center.done(ctx)
        assert (done.decision, done.note) == ("asked_opinion", "too dear?")
        task_acts.remove_signer(ctx, done.remove or 0)
        assert [task.id for task in tasks.mine(ctx)] == [first]
        assert task_center.done(ctx) == []
