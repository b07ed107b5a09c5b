"""An approval taken back by who gave it, while nobody after him has spoken."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from runtime import (
    audit,
    inbox,
    reminders,
    task_center,
    task_take_back,
    tasks,
)
from runtime.context import User
from runtime.errors import Conflict, Forbidden
from tests.runtime.office import ANN, BOB, CID, DAN, EVE, Office


def done_by(office: Office, user: User, record: int) -> int | None:
    """My task on a document that the task centre lets me take back."""
    with office.acting(user) as ctx:
        return next((one.take_back for one in task_center.done(ctx) if one.record == record), None)


def take_back(office: Office, user: User, task: int) -> None:
    with office.acting(user) as ctx:
        task_take_back.take_back(ctx, task, "a digit too many")


def unseen(office: Office, user: User) -> int:
    with office.acting(user) as ctx:
        return inbox.count_unseen(ctx)


def refusal(office: Office, user: User, task: int) -> str:
    with pytest.raises((Conflict, Forbidden)) as refused:
        take_back(office, user, task)
    return refused.value.faults[0].code


def test_an_approval_is_taken_back_while_the_next_step_has_not_spoken(office: Office) -> None:
    made = office.sent("steps", BOB)
    task = office.task(ANN)
    office.say(ANN)
    assert (office.asked(), unseen(office, EVE)) == ({"eve": ["two"]}, 1)
    assert done_by(office, ANN, made) == task
    take_back(office, ANN, task)
    assert (office.asked(), unseen(office, EVE)) == ({"ann": ["one"]}, 0)
    assert done_by(office, ANN, made) is None
    with office.acting() as ctx:
        (entry,) = [e for e in audit.history(ctx, "steps", made, 20) if e["kind"] == "taken_back"]
        said = [row["decision"] for row in tasks.history(ctx, "steps", made)]
    assert (entry["account"], entry["note"]) == (ANN.account, "a digit too many")
    assert sorted(said) == ["", "taken_back", "withdrawn"]
    office.say(ANN)
    office.say(EVE, signature=office.signature(EVE), fields={"until": "2026-04-01"})
    assert office.say(BOB) == "done"


def test_nothing_is_taken_back_once_the_next_step_has_spoken_or_all_is_through(office: Office) -> None:
    made = office.sent("steps", BOB)
    task = office.task(ANN)
    office.say(ANN)
    assert refusal(office, BOB, task) == "take_back_not_yours"
    office.say(EVE, signature=office.signature(EVE), fields={"until": "2026-04-01"})
    assert done_by(office, ANN, made) is None
    assert refusal(office, ANN, task) == "take_back_spoken"
    last = office.task(BOB)
    office.say(BOB)
    assert refusal(office, BOB, last) == "take_back_through"
    assert office.status("steps", made) == "done"


def test_who_comes_next_in_turn_waits_again(office: Office) -> None:
    office.sent("above")  # Bob, then Cid
    first = office.task(BOB)
    office.say(BOB)
    assert (office.asked(), unseen(office, CID)) == ({"cid": ["first"]}, 1)
    take_back(office, BOB, first)
    assert (office.asked(), unseen(office, CID)) == ({"bob": ["first"]}, 0)
    office.say(BOB)
    assert office.say(CID) == "done"


def test_those_who_need_not_speak_any_more_are_asked_again(office: Office) -> None:
    made = office.sent("once", BOB)
    with office.acting() as ctx:
        task = ctx.app.tables.system.task
        same = dict(ctx.connection.execute(select(task).where(task.c.record == made)).mappings().one())
        del same["id"]
        ctx.connection.execute(task.insert(), same | {"member": DAN.member})
    assert office.asked() == {"bob": ["one"], "dan": ["one"]}
    mine = office.task(BOB)
    office.say(BOB)
    assert office.asked() == {"eve": ["two"]}
    take_back(office, BOB, mine)
    assert office.asked() == {"bob": ["one"], "dan": ["one"]}


def test_the_deadlines_of_who_was_asked_next_go_with_it(office: Office) -> None:
    made = office.sent("late", by=BOB)
    with office.acting() as ctx:
        open_before = reminders.open_count(ctx)
        task = ctx.app.tables.system.task
        row = dict(ctx.connection.execute(select(task).where(task.c.record == made)).mappings().one())
        changed = {"decided_at": ctx.now(), "decided_by": DAN.account, "decision": "approve", "stage": -1}
        del row["id"]
        said = ctx.connection.execute(update(task).where(task.c.record == made).values(changed).returning(task.c.id))
        mine = said.scalar_one()
        later = ctx.connection.execute(task.insert().returning(task.c.id), row).scalar_one()
        due = ctx.now() + timedelta(days=1)
        reminders.put(ctx, f"task:{later}:nudge", due, "approval_deadline", {"task": later, "deadline": "nudge"})
        assert reminders.open_count(ctx) == open_before + 1
    take_back(office, DAN, mine)
    with office.acting() as ctx:
        assert reminders.open_count(ctx) == open_before
