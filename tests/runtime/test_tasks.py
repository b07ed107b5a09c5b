"""Approvals: tasks are opened stage by stage, decided by those they are for, and the last say moves the document."""

from __future__ import annotations

import pytest

from runtime import records, tasks, workflow
from runtime.context import User
from runtime.database import Database
from runtime.errors import Conflict, Forbidden, Invalid, NotFound
from tests.runtime.works import ANNA, BOSS, BUYER, CHIEF, Works, open_works


@pytest.fixture
def works(database: Database) -> Works:
    return open_works(database)


def submitted(works: Works, price: str) -> int:
    lines = [{"item": {"code": "BOLT"}, "qty": "10", "price": price}]
    made = works.new("order", BUYER, vendor="V", place=1, lines=lines)
    works.take(BUYER, "order", made, "submit")
    return made


def waiting(works: Works, user: User) -> list[tasks.Task]:
    with works.acting(user) as ctx:
        return tasks.mine(ctx)


def decide(works: Works, user: User, task: int, decision: str, note: str = "") -> dict[str, object]:
    with works.acting(user) as ctx:
        return tasks.decide(ctx, task, decision, note)


def test_a_task_waits_for_the_role_and_says_what_it_is_about(works: Works) -> None:
    made = submitted(works, "200")
    (task,) = waiting(works, CHIEF)
    assert (task.entity, task.record, task.title, task.label) == ("order", made, "DD0001", "Order")
    assert (task.state, task.step, task.step_label) == ("pending", "chief", "Chief")
    assert waiting(works, BUYER) == []
    assert works.load("order", made)["status"] == "pending"


def test_the_last_approval_moves_the_document_and_posts(works: Works) -> None:
    made = submitted(works, "200")
    (task,) = waiting(works, CHIEF)
    assert decide(works, CHIEF, task.id, "approve")["status"] == "approved"
    assert waiting(works, CHIEF) == []
    assert works.balances("coming", "item") == {1: 10}
    assert works.load("order", made)["status"] == "approved"


def test_stages_wait_for_each_other(works: Works) -> None:
    made = submitted(works, "600")
    assert waiting(works, BOSS) == []
    (task,) = waiting(works, CHIEF)
    assert decide(works, CHIEF, task.id, "approve")["status"] == "pending"
    (second,) = waiting(works, BOSS)
    assert second.step == "boss"
    decide(works, BOSS, second.id, "approve")
    assert works.load("order", made)["status"] == "approved"


def test_a_refusal_needs_its_note_and_ends_the_approval(works: Works) -> None:
    made = submitted(works, "600")
    (task,) = waiting(works, CHIEF)
    with pytest.raises(Invalid):
        decide(works, CHIEF, task.id, "reject")
    assert [t.id for t in waiting(works, CHIEF)] == [task.id]
    assert decide(works, CHIEF, task.id, "reject", "too dear")["status"] == "draft"
    assert waiting(works, CHIEF) == []
    assert works.moves("coming") == 0
    assert works.load("order", made)["status"] == "draft"


def test_only_those_it_is_for_may_decide(works: Works) -> None:
    submitted(works, "200")
    (task,) = waiting(works, CHIEF)
    with pytest.raises(Forbidden):
        decide(works, BUYER, task.id, "approve")
    with pytest.raises(NotFound):
        decide(works, CHIEF, 999, "approve")


def test_a_task_is_decided_once(works: Works) -> None:
    submitted(works, "200")
    (task,) = waiting(works, CHIEF)
    decide(works, CHIEF, task.id, "approve")
    with pytest.raises(Conflict):
        decide(works, CHIEF, task.id, "approve")
    assert works.balances("coming", "item") == {1: 10}


def test_only_its_approval_takes_an_approving_transition(works: Works) -> None:
    made = submitted(works, "200")
    with pytest.raises(Forbidden) as refused:
        works.take(BUYER, "order", made, "approve")
    assert [f.code for f in refused.value.faults] == ["transition_by_approval"]
    with pytest.raises(Forbidden):
        works.take(BOSS, "order", made, "approve")
    assert works.take(CHIEF, "order", made, "approve")["status"] == "approved"


def test_an_approver_sees_the_outcomes_among_the_actions(works: Works) -> None:
    made = submitted(works, "200")
    with works.acting(CHIEF) as ctx:
        found = workflow.actions(ctx, "order", records.load(ctx, "order", made))
        assert [a.id for a in found] == ["approve", "reject"]
    with works.acting(ANNA) as ctx:
        assert workflow.actions(ctx, "order", records.load(ctx, "order", made)) == ()


def test_leaving_the_state_closes_its_tasks(works: Works) -> None:
    lines = [{"item": {"code": "BOLT"}, "qty": "10", "price": "200"}]
    made = works.new("order", BUYER, owner=BUYER.member, place=1, lines=lines)
    works.take(BUYER, "order", made, "submit")
    assert works.take(BUYER, "order", made, "withdraw")["status"] == "draft"
    assert waiting(works, CHIEF) == []


def test_withdrawing_is_for_the_owner(works: Works) -> None:
    made = submitted(works, "200")
    with pytest.raises(Forbidden):
        works.take(CHIEF, "order", made, "withdraw")


def test_nobody_with_the_role_passes_the_task_on(works: Works) -> None:
    with works.acting() as ctx:
        holds = ctx.app.tables.system.account_role
        ctx.connection.execute(holds.delete().where(holds.c.role == "chief"))
    submitted(works, "200")
    assert [t.step for t in waiting(works, BOSS)] == ["chief"]


def test_the_history_of_an_approval_keeps_who_said_what(works: Works) -> None:
    made = submitted(works, "200")
    (task,) = waiting(works, CHIEF)
    decide(works, CHIEF, task.id, "reject", "too dear")
    with works.acting() as ctx:
        (row,) = tasks.history(ctx, "order", made)
    assert (row["step"], row["decision"], row["decided_by"], row["note"]) == (
        "chief",
        "reject",
        CHIEF.account,
        "too dear",
    )
