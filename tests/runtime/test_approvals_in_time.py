"""Approvals that take their time: urging, deadlines, and who decides for whom is away."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from runtime import (
    substitutes,
    task_acts,
    task_flow,
    tasks,
)
from runtime.errors import Conflict, Forbidden, Invalid
from runtime.glance import glance
from runtime.schedule import tick
from tests.runtime.office import ANN, BOB, CID, DAN, EVE, MONDAY, Office


def test_who_sent_it_urges_once_an_hour(office: Office) -> None:
    made = office.sent("all_of", BOB, CID)
    with office.acting(ANN) as ctx:
        assert task_acts.urge(ctx, "all_of", made) == 2
    assert "urged" in office.told(BOB)
    with pytest.raises(Conflict) as refused, office.acting(ANN) as ctx:
        task_acts.urge(ctx, "all_of", made)
    assert refused.value.faults[0].code == "urged_lately"
    with pytest.raises(Forbidden), office.acting(DAN) as ctx:
        task_acts.urge(ctx, "all_of", made)
    office.moment += timedelta(hours=1)
    with office.acting(ANN) as ctx:
        assert task_acts.urge(ctx, "all_of", made) == 2


def test_deadlines_remind_then_escalate_in_working_hours_then_approve(office: Office) -> None:
    made = office.sent("late", by=BOB)
    ticks = (
        (timedelta(hours=2), {"ann": ["one"]}, "pending"),
        (timedelta(hours=8, minutes=59), {"ann": ["one"]}, "pending"),  # evening: eight hours were not worked yet
        (timedelta(days=1), {"ann": ["one"], "eve": ["one"]}, "pending"),
        (timedelta(days=3), {}, "done"),
    )
    for after, asked, status in ticks:
        office.moment = MONDAY + after
        with office.acting() as ctx:
            tick(ctx)
        assert (office.asked(), office.status("late", made)) == (asked, status)
    assert "overdue" in office.told(ANN)
    assert "escalated" in office.told(EVE)


def test_a_substitute_decides_for_who_is_away(office: Office) -> None:
    office.sent("all_of", BOB)
    with office.acting(BOB) as ctx:
        substitutes.put(ctx, DAN.account, date(2026, 3, 1), date(2026, 3, 8))
    assert office.asked() == {"bob": ["first"], "dan": ["first"]}
    assert office.say(DAN) == "done"
    with office.acting() as ctx:
        task = ctx.app.tables.system.task
        row = ctx.connection.execute(
            select(task.c.decided_by, task.c.on_behalf).where(task.c.decision == "approve")
        ).one()
    assert tuple(row) == (DAN.account, BOB.account)


def test_a_substitute_for_some_flows_decides_in_no_others(office: Office) -> None:
    office.sent("all_of", BOB)
    office.sent("any_of", BOB)
    office.sent("back")  # asks Ann, then the role of Eve
    office.say(ANN)
    for away in (BOB, EVE):
        with office.acting(away) as ctx:
            made = substitutes.put(ctx, DAN.account, date(2026, 3, 1), date(2026, 3, 8), ["any_of", "back"])
            assert [(one.id, one.flows) for one in substitutes.mine(ctx)] == [(made, ("any_of", "back"))]
    with office.acting(DAN) as ctx:
        assert sorted(task.entity for task in tasks.mine(ctx)) == ["any_of", "back"]
        assert (tasks.count_mine(ctx), glance(ctx).tasks) == (2, 2)
        first = next(task for task in tasks.mine(ctx) if task.entity == "any_of")
    with office.acting(DAN) as ctx:
        record = tasks.decide(ctx, first.id, "approve")
    with office.acting(ANN) as ctx:
        assert [step.who for step in task_flow.steps(ctx, "any_of", record, "pending")] == ["dan (for bob)"]
    with office.acting(BOB) as ctx:
        substitutes.drop(ctx, substitutes.mine(ctx)[0].id)
        assert substitutes.mine(ctx) == []
        with pytest.raises(Invalid) as refused:
            substitutes.put(ctx, DAN.account, date(2026, 3, 1), date(2026, 3, 8), ["staff"])
    assert refused.value.faults[0].code == "substitute_flow"


def test_a_substitute_is_one_only_in_his_days(office: Office) -> None:
    office.sent("all_of", BOB)
    with office.acting(BOB) as ctx:
        substitutes.put(ctx, DAN.account, date(2026, 3, 3), date(2026, 3, 8))
    assert office.asked() == {"bob": ["first"]}
    for deputy, until, code in ((BOB, date(2026, 3, 9), "substitute_self"), (DAN, date(2026, 3, 2), "substitute_days")):
        with pytest.raises(Invalid) as refused, office.acting(BOB) as ctx:
            substitutes.put(ctx, deputy.account, date(2026, 3, 3), until)
        assert refused.value.faults[0].code == code


def test_many_requests_are_opened_and_none_is_forgotten(office: Office) -> None:
    made = [office.sent("all_of", BOB, CID) for _ in range(3)]
    with office.acting() as ctx:
        task = ctx.app.tables.system.task
        count = ctx.connection.execute(select(func.count()).where(task.c.record.in_(made))).scalar_one()
    assert count == 6
