"""Approvals that take their time: urging, deadlines, and who decides for whom is away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Event

import pytest
from sqlalchemy import func, select, text

from runtime import (
    calendar_keeping,
    inbox,
    records,
    substitutes,
    task_acts,
    task_deadlines,
    task_flow,
    task_take_back,
    tasks,
)
from runtime.errors import Conflict, Forbidden, Invalid
from runtime.glance import glance
from runtime.schedule import tick
from tests.runtime.office import ANN, BOB, CID, DAN, EVE, MONDAY, Office
from tests.runtime.shop import counting


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


def test_a_substitute_is_told_of_what_he_is_to_decide_in_his_days_and_for_his_kinds_of_documents(
    office: Office,
) -> None:
    with office.acting(BOB) as ctx:
        substitutes.put(ctx, DAN.account, date(2026, 3, 1), date(2026, 3, 8), ["any_of", "back"])
        substitutes.put(ctx, CID.account, date(2026, 3, 3), date(2026, 3, 8))
    made = office.sent("any_of", BOB)
    assert (office.told(BOB), office.told(DAN), office.told(CID)) == (["task"], ["stands_in"], [])
    with office.acting(DAN) as ctx:
        (message,) = inbox.mine(ctx)
        code = records.load(ctx, "any_of", made)["code"]
    assert message.text == f"Any {code} waits for you, who stand in (sent by ann): bob"
    with office.acting(ANN) as ctx:
        task_acts.urge(ctx, "any_of", made)
    assert office.told(DAN) == ["urged", "stands_in"]
    office.say(BOB)
    with office.acting(DAN) as ctx:  # Bob has said it himself: only the urging is left to look at
        assert [one.kind for one in inbox.mine(ctx, unseen=True)] == ["urged"]
    office.sent("all_of", BOB)
    assert "stands_in" not in office.told(DAN)[:-1]


def test_who_need_not_speak_any_more_need_not_look_at_what_told_him(office: Office) -> None:
    office.sent("back")
    office.say(ANN)
    made = office.sent("two", BOB, CID, DAN)
    office.say(BOB)
    office.say(CID)
    assert office.status("two", made) == "done"
    unseen = []
    office.sent("all_of", BOB, CID)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.delegate(ctx, task, DAN.account)
    for user in (BOB, CID, DAN):
        with office.acting(user) as ctx:
            unseen.append([one.kind for one in inbox.mine(ctx, unseen=True)])
    assert unseen == [[], ["task"], ["task"]]


def test_the_end_is_copied_to_those_above_the_one_who_is_named(office: Office) -> None:
    office.sent("above")
    office.say(BOB)
    office.say(CID)
    assert "copied" in office.told(BOB)
    assert "copied" not in office.told(ANN)


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


def tick_at(office: Office, moment: datetime) -> None:
    office.moment = moment
    with office.acting() as ctx:
        tick(ctx)


def test_the_silence_of_who_is_asked_for_his_opinion_decides_nothing(office: Office) -> None:
    made = office.sent("late", by=BOB)
    task = office.task(ANN)
    with office.acting(ANN) as ctx:
        task_acts.add_signer(ctx, task, DAN.account, "helper", "too dear?")
    tick_at(office, MONDAY + timedelta(hours=2))
    assert (office.told(DAN), office.told(ANN)) == (["overdue", "task"], ["task"])
    tick_at(office, MONDAY + timedelta(days=3))  # past the deadlines that escalate and approve
    assert (office.asked(), office.status("late", made)) == ({"dan": ["one"]}, "pending")
    assert (office.told(EVE), set(office.told(ANN))) == ([], {"task", "opinion_late"})
    office.say(DAN, "reject", note="far too dear")
    tick_at(office, MONDAY + timedelta(days=4))  # Ann's own deadline runs from when it came back to her
    assert (office.asked(), office.status("late", made)) == ({"ann": ["one"], "eve": ["one"]}, "pending")
    tick_at(office, MONDAY + timedelta(days=6))
    assert (office.asked(), office.status("late", made)) == ({}, "done")


def test_a_helper_adds_no_signers_but_asks_another_for_his_opinion(office: Office) -> None:
    office.sent("any_of", BOB)
    first = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.add_signer(ctx, first, DAN.account, "helper", "look too")
    task = office.task(DAN)
    for where in ("before", "parallel", "after"):
        with pytest.raises(Conflict) as refused, office.acting(DAN) as ctx:
            task_acts.add_signer(ctx, task, CID.account, where, "look too")
        assert refused.value.faults[0].code == "helper_asks_no_signer"
    with office.acting(DAN) as ctx:
        task_acts.add_signer(ctx, task, CID.account, "helper", "look too")
    assert [office.say(who) for who in (CID, DAN, BOB)] == ["pending", "pending", "done"]


def test_a_say_handed_over_has_its_deadlines_too(office: Office) -> None:
    made = office.sent("late", by=BOB)
    task = office.task(ANN)
    office.moment += timedelta(days=2)
    with office.acting(ANN) as ctx:
        task_acts.delegate(ctx, task, DAN.account)
    tick_at(office, MONDAY + timedelta(days=4))
    assert "overdue" in office.told(DAN)
    assert office.asked() == {"dan": ["one"], "eve": ["one"]}
    tick_at(office, MONDAY + timedelta(days=5))
    assert office.status("late", made) == "done"


def test_who_waited_for_a_say_that_is_escalated_waits_for_those_it_went_to(office: Office) -> None:
    made = office.sent("late", by=BOB)
    task = office.task(ANN)
    with office.acting(ANN) as ctx:
        task_acts.add_signer(ctx, task, DAN.account, "before", "look too")
    tick_at(office, MONDAY + timedelta(days=1))
    assert office.asked() == {"eve": ["one"]}
    assert office.say(EVE) == "pending"
    assert office.asked() == {"ann": ["one"]}
    assert office.say(ANN) == "done"
    assert office.status("late", made) == "done"


def test_a_say_taken_back_late_has_its_whole_time_again(office: Office) -> None:
    made = office.sent("late", by=BOB)
    task = office.task(ANN)
    with office.acting(ANN) as ctx:
        task_acts.add_signer(ctx, task, DAN.account, "after", "look too")
    office.say(ANN)
    later = MONDAY + timedelta(days=3)
    office.moment = later
    with office.acting(ANN) as ctx:
        task_take_back.take_back(ctx, task)
    tick_at(office, later + timedelta(hours=1))
    assert (office.asked(), office.status("late", made)) == ({"ann": ["one"]}, "pending")
    tick_at(office, later + timedelta(days=1))
    assert office.asked() == {"ann": ["one"], "eve": ["one"]}
    tick_at(office, later + timedelta(days=3))
    assert office.asked() == {"dan": ["one"], "eve": ["one"]}  # approved for Ann; who comes after her is asked


# --- when the calendar changes ----------------------------------------------------------------------------------------

TUESDAY, WEDNESDAY, SATURDAY = date(2026, 3, 3), date(2026, 3, 4), date(2026, 3, 7)


def dues(office: Office) -> dict[str, datetime]:
    """When the deadlines are due that count working hours; from the start it is Tuesday at ten in Shanghai."""
    with office.acting() as ctx:
        reminder = ctx.app.tables.system.reminder
        rows = ctx.connection.execute(select(reminder.c.key, reminder.c.due).where(reminder.c.key.contains(":up:")))
        return {row.key: row.due for row in rows}


def test_deadlines_in_working_hours_move_with_the_calendar(office: Office) -> None:
    office.sent("late", by=BOB)
    (due,) = dues(office).values()
    assert due == MONDAY + timedelta(days=1)
    with office.acting() as ctx:
        calendar_keeping.name_day(ctx, TUESDAY, "停电", works=False)
    assert list(dues(office).values()) == [MONDAY + timedelta(days=2)]
    with office.acting() as ctx:
        calendar_keeping.forget_day(ctx, TUESDAY)
    assert list(dues(office).values()) == [MONDAY + timedelta(days=1)]
    office.moment = datetime(2026, 3, 6, 2, 0, tzinfo=UTC)  # on a Friday
    office.sent("late", by=BOB)
    with office.acting() as ctx:
        calendar_keeping.name_day(ctx, SATURDAY, "赶货", works=True)
    assert sorted(dues(office).values())[1] == datetime(2026, 3, 7, 2, 0, tzinfo=UTC)


def test_what_was_reminded_of_is_not_reminded_of_again_because_the_calendar_changed(office: Office) -> None:
    made = office.sent("late", by=BOB)
    tick_at(office, MONDAY + timedelta(days=1))
    assert office.told(EVE) == ["escalated"]
    with office.acting() as ctx:
        calendar_keeping.name_day(ctx, TUESDAY, "停电", works=False)
        task_deadlines.watch(ctx, "late", [records.load(ctx, "late", made)])
    tick_at(office, MONDAY + timedelta(days=2))
    assert office.told(EVE).count("escalated") == 1


def test_a_changed_calendar_moves_all_deadlines_with_the_same_statements(office: Office) -> None:
    def statements() -> int:
        with office.acting() as ctx:
            with counting(ctx.connection) as sent:
                calendar_keeping.name_day(ctx, TUESDAY, "停电", works=False)
            calendar_keeping.forget_day(ctx, TUESDAY)
        return len(sent)

    office.sent("late", by=BOB)
    one = statements()
    for _ in range(3):
        office.sent("late", by=BOB)
    assert statements() == one


def test_two_who_change_the_calendar_at_once_both_count(office: Office) -> None:
    office.sent("late", by=BOB)
    first_in, done = Event(), Event()

    def second() -> None:
        first_in.wait(20)
        with office.acting() as ctx:
            calendar_keeping.name_day(ctx, WEDNESDAY, "停电", works=False)
        done.set()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(second)
        with office.acting() as ctx:
            calendar_keeping.name_day(ctx, TUESDAY, "停电", works=False)
            first_in.set()
            while not done.is_set() and not blocked(office):
                pass
        other.result()
    assert list(dues(office).values()) == [MONDAY + timedelta(days=3)]


def blocked(office: Office) -> bool:
    """Whether another transaction waits for this one; on SQLite it does not even begin."""
    if office.app.database.engine.dialect.name != "postgresql":
        return True
    with office.app.database.engine.connect() as connection:
        waiting = text("select count(*) from pg_locks where not granted and locktype = 'advisory'")
        return bool(connection.execute(waiting).scalar())
