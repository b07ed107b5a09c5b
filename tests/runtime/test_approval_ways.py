"""Branches with a default, lots, things to be done, waiting, whom the initiator names for a later step, withdrawing."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from runtime import records, task_acts, task_center, task_flow, tasks, workflow
from runtime.errors import Conflict, Invalid
from runtime.schedule import tick
from tests.runtime.office import ANN, BOB, CID, DAN, EVE, MONDAY, Office

PICKED = {"approvers": {"pick": [DAN.member]}}
DONE = {"fields": {"until": "2026-03-05"}}


def tick_at(office: Office, moment: datetime) -> None:
    office.moment = moment
    with office.acting() as ctx:
        tick(ctx)


@pytest.mark.parametrize(("sum", "asked"), [(20, {"eve": ["big"]}), (5, {"bob": ["rest"]})])
def test_the_default_branch_is_walked_where_no_condition_holds(office: Office, sum: int, asked: object) -> None:
    office.sent("path", sum=sum)
    assert office.asked() == asked


def test_one_of_them_is_drawn_by_lot(office: Office) -> None:
    for _ in range(12):
        office.sent("path", BOB, CID, DAN, **PICKED)
    drawn = Counter({name: len(steps) for name, steps in office.asked().items()})
    assert drawn.total() == 12  # one for each document
    assert len(drawn) > 1


def test_something_is_to_be_done_and_not_to_be_refused(office: Office) -> None:
    made = office.sent("path", sum=20)
    office.say(EVE)
    assert office.asked() == {"ann": ["do"]}
    with office.acting(ANN) as ctx:
        offered = workflow.actions(ctx, "path", records.load(ctx, "path", made))
    assert [one.id for one in offered if not one.refused_because] == ["approve", "return"]
    (over,) = [one for one in offered if one.refused_because]
    assert (over.id, over.refused_because[-46:]) == ("withdraw", "Withdraw is over; ask an approver to return it")
    with pytest.raises(Conflict) as refused:
        office.say(ANN, "reject", "no")
    assert refused.value.faults[0].code == "handled_not_refused"
    with pytest.raises(Invalid) as missing:
        office.say(ANN)
    assert [f.field for f in missing.value.faults] == ["until"]
    assert office.say(ANN, **DONE) == "pending"


def test_it_waits_for_a_working_day_and_then_goes_on_by_itself(office: Office) -> None:
    made = office.sent("path", sum=20)
    office.say(EVE)
    office.say(ANN, **DONE)
    with office.acting(ANN) as ctx:
        told = task_flow.steps(ctx, "path", records.load(ctx, "path", made), "pending")
        with pytest.raises(Conflict) as refused:
            task_acts.urge(ctx, "path", made)
    assert refused.value.faults[0].code == "nothing_to_urge"
    pause = next(step for step in told if step.label == "A day")
    assert (pause.state, pause.why) == ("now", "Waits 1 working day(s), then goes on by itself")
    tick_at(office, MONDAY + timedelta(hours=23))
    assert office.asked() == {}
    tick_at(office, MONDAY + timedelta(hours=24))
    assert office.asked() == {"eve": ["last"]}


def test_whom_the_initiator_names_is_asked_when_his_step_comes(office: Office) -> None:
    with pytest.raises(Invalid) as refused:
        office.sent("path", BOB)
    assert refused.value.faults[0].code == "approvers_missing"
    office.sent("path", BOB, **PICKED)
    assert office.asked() == {"bob": ["lot"]}
    office.say(BOB)
    office.say(ANN, **DONE)
    tick_at(office, MONDAY + timedelta(hours=24))
    assert office.asked() == {"dan": ["pick"]}
    office.say(DAN)
    assert office.asked() == {"eve": ["last"]}
    assert office.say(EVE) == "done"
    assert office.told(ANN)[0] == "copied"  # who sent it


def test_who_is_late_by_a_date_of_the_document_is_joined_by_his_superior(office: Office) -> None:
    made = office.sent("path", sum=20)
    office.say(EVE)
    office.say(ANN, **DONE)
    tick_at(office, MONDAY + timedelta(hours=24))
    with office.acting() as ctx:
        records.update(ctx, "path", made, {"until": date(2026, 3, 6)})  # put off by a day
    tick_at(office, datetime(2026, 3, 5, 16, 0, tzinfo=UTC))
    assert office.asked() == {"eve": ["last"]}
    tick_at(office, datetime(2026, 3, 6, 15, 59, tzinfo=UTC))
    assert office.asked() == {"eve": ["last"]}
    tick_at(office, datetime(2026, 3, 6, 16, 0, tzinfo=UTC))  # the day is over in Shanghai
    assert office.asked() == {"eve": ["last"], "cid": ["last"]}


def test_it_is_withdrawn_only_while_nobody_has_spoken(office: Office) -> None:
    made = office.sent("path", sum=5)
    with office.acting(ANN) as ctx:
        assert workflow.take(ctx, "path", made, "withdraw", {"note": "a digit"})["status"] == "draft"
        workflow.take(ctx, "path", made, "submit", {})
    office.say(BOB)
    with office.acting(ANN) as ctx, pytest.raises(Conflict) as refused:
        workflow.take(ctx, "path", made, "withdraw", {"note": "a digit"})
    assert refused.value.faults[0].code == "decided_already"


def test_how_often_may_be_urged_is_said_by_the_approval(office: Office) -> None:
    made = office.sent("path", sum=5)
    with office.acting(ANN) as ctx:
        assert task_acts.urge(ctx, "path", made) == 1
    office.moment += timedelta(hours=3, minutes=59)
    with pytest.raises(Conflict), office.acting(ANN) as ctx:
        task_acts.urge(ctx, "path", made)
    office.moment += timedelta(minutes=1)
    with office.acting(ANN) as ctx:
        assert task_acts.urge(ctx, "path", made) == 1


def test_several_signers_before_me_speak_one_after_the_other_and_one_may_be_left_out(office: Office) -> None:
    made = office.sent("any_of", BOB)
    mine = office.task(BOB)
    with office.acting(BOB) as ctx:
        with pytest.raises(Invalid) as refused:
            task_acts.add_signer(ctx, mine, [DAN.account, EVE.account], "before", " ")
        assert refused.value.faults[0].code == "demand_note_missing"
        task_acts.add_signer(ctx, mine, [DAN.account, EVE.account, CID.account], "before", "look too")
    assert office.asked() == {"dan": ["first"]}
    with office.acting(BOB) as ctx:
        row = next(row for row in tasks.history(ctx, "any_of", made) if row["account"] == EVE.account)
        task_acts.remove_signer(ctx, row["id"])
    assert office.asked() == {"dan": ["first"]}
    assert [office.say(who) for who in (DAN, CID, BOB)] == ["pending", "pending", "done"]


def test_a_document_is_circulated_without_asking_anything(office: Office) -> None:
    made = office.sent("any_of", BOB)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.circulate(ctx, task, [DAN.account, EVE.account], "for your files")
    assert office.asked() == {"bob": ["first"]}
    with office.acting(DAN) as ctx:
        assert [(one.record, one.note) for one in task_center.copied(ctx)] == [(made, "for your files")]
