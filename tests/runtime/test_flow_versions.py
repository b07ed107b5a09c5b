"""Documents under way finish by the flow they started with, when a changed one is published beneath them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.compiler import load_text
from runtime import flow_moving, records, task_flow, tasks, workflow
from runtime.app_source import pin
from runtime.apps import AppHome
from runtime.context import SYSTEM, FixedClock, RunContext, User
from runtime.errors import Conflict, Forbidden, Invalid, NotFound, UserError
from tests.runtime.shop import counting

MORNING = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
CLERK, BOSS = (
    User(account=n, name=name, roles=frozenset({name}), member=None) for n, name in enumerate(("clerk", "boss"), 1)
)
BEFORE = """\
app: desk
title: 请示 | Requests
roles:
  clerk: {label: 职员 | Clerk, can: {request: [all]}}
  boss: {label: 主管 | Boss, can: {request: [all]}}
entities:
  request:
    kind: document
    label: 请示 | Request
    number: {pattern: "QS-<serial:4>"}
    fields:
      amount: {type: decimal, label: 数目 | Amount}
      reason: {type: text, label: 事由 | Reason}
    workflow:
      states:
        draft: {label: 草稿 | Draft, start: true}
        pending:
          label: 审批中 | Pending
          edit: [reason]
          approval:
            nobody: {role: boss}
            steps:
              clerk: {label: 职员初审 | Clerk, who: [{role: clerk}]}
              boss: {label: 主管审批 | Boss, who: [{role: boss}], if: amount > 10}
            outcome: {approved: agree, refused: refuse, returned: return}
        checking: {label: 复核 | Checking}
        agreed: {label: 已同意 | Agreed, end: true}
        refused: {label: 已驳回 | Refused, end: true}
      transitions:
        submit: {label: 提交 | Submit, from: draft, to: pending, by: [{role: clerk}]}
        return: {label: 退回 | Return, from: pending, to: draft}
        agree: {label: 同意 | Agree, from: pending, to: checking}
        check: {label: 复核 | Check, from: checking, to: agreed, by: [{role: clerk}], if: amount > 0}
        refuse: {label: 驳回 | Refuse, from: pending, to: refused}
"""
AFTER = (
    BEFORE.replace("              boss: {label: 主管审批 | Boss, who: [{role: boss}], if: amount > 10}\n", "")
    .replace("        checking: {label: 复核 | Checking}\n", "")
    .replace("to: checking}", "to: agreed}")
    .replace(
        "        check: {label: 复核 | Check, from: checking, to: agreed, by: [{role: clerk}], if: amount > 0}\n", ""
    )
)
AGAIN = AFTER.replace("职员初审 | Clerk", "职员审核 | Clerk looks")


class Desk:
    """The app in a home of its own."""

    def __init__(self, home: AppHome, name: str) -> None:
        self.home, self.name = home, name

    @contextmanager
    def acting(self, user: User = SYSTEM) -> Iterator[RunContext]:
        app = self.home.get(self.name)
        with app.database.write() as connection:
            yield RunContext(
                app=app, connection=connection, user=user, clock=FixedClock(MORNING), language="en", source="api"
            )

    def sent(self, amount: int) -> int:
        with self.acting(CLERK) as ctx:
            made = records.create(ctx, "request", {"amount": amount}).id
            workflow.take(ctx, "request", made, "submit")
        return made

    def approve(self, user: User, record: int) -> str:
        with self.acting(user) as ctx:
            task = next(task for task in tasks.mine(ctx) if task.record == record)
            return str(tasks.decide(ctx, task.id, "approve")["status"])

    def take(self, user: User, record: int, transition: str) -> str:
        with self.acting(user) as ctx:
            return str(workflow.take(ctx, "request", record, transition)["status"])

    def offered(self, user: User, record: int) -> list[str]:
        with self.acting(user) as ctx:
            row = records.load(ctx, "request", record)
            return [action.id for action in workflow.actions(ctx, "request", row)]

    def walked(self) -> dict[int, int]:
        with self.acting() as ctx:
            flow = ctx.app.tables.system.flow
            return {row.record: row.version for row in ctx.connection.execute(select(flow.c.record, flow.c.version))}

    def publish(self, text: str, **how: Any) -> list[str]:
        return [step.describe("en") for step in self.home.publish(self.name, pin(text), **how).steps]


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    home = AppHome(tmp_path, "" if request.param == "sqlite" else request.getfixturevalue("postgres_url"))
    name = f"desk_{uuid.uuid4().hex[:8]}"
    app = home.create(name, pin(BEFORE))
    with app.database.write() as connection:
        same = {"created_at": MORNING, "failed_count": 0, "active": True}
        people = [{**same, "name": user.name} for user in (CLERK, BOSS)]
        connection.execute(app.tables.system.account.insert(), people)
    yield Desk(home, name)
    app.database.drop_schema()
    home.close()


def test_an_old_document_walks_the_old_steps_and_a_new_one_the_new(desk: Desk) -> None:
    old, small = desk.sent(50), desk.sent(5)
    told = desk.publish(AFTER)
    assert told == ["Request: 2 documents under way finish by the flow of version 1"]
    new = desk.sent(50)
    assert desk.walked() == {old: 1, small: 1}

    assert desk.approve(CLERK, old) == "pending"  # the boss is still to be asked
    assert desk.approve(BOSS, old) == "checking"
    assert desk.approve(CLERK, small) == "checking"
    assert desk.approve(CLERK, new) == "agreed"
    assert desk.offered(CLERK, old) == ["check"]
    _check_gone_state(desk, old)
    with desk.acting(CLERK) as ctx:
        moved = workflow.take_many(ctx, "request", [small, old], "check")
    assert [(row["id"], row["status"]) for row in moved] == [(small, "agreed"), (old, "agreed")]
    assert desk.walked() == {}


def _check_gone_state(desk: Desk, old: int) -> None:
    """A state that is gone keeps its name and its rights for who is in it, after a restart too."""
    again = AppHome(desk.home.folder, desk.home.url)
    with Desk(again, desk.name).acting(CLERK) as ctx:
        status = ctx.app.model.entities["request"].fields["status"]
        assert [option.label.en for option in status.options if option.id == "checking"] == ["Checking"]
        with pytest.raises(UserError, match="Reason cannot be changed now"):
            records.update(ctx, "request", old, {"reason": "too late"})
        shown = task_flow.steps(ctx, "request", records.load(ctx, "request", old), "pending")
        assert [(step.label, step.state) for step in shown] == [("Clerk", "done"), ("Boss", "done")]
        with pytest.raises(NotFound):
            workflow.take(ctx, "request", records.create(ctx, "request", {"amount": 1}).id, "check")
    again.close()


def test_who_goes_back_to_the_beginning_starts_anew_by_the_newest_flow(desk: Desk) -> None:
    old = desk.sent(50)
    desk.publish(AFTER)
    with desk.acting(CLERK) as ctx:
        workflow.take(ctx, "request", old, "return", {"note": "say why"})
    assert desk.walked() == {}
    assert desk.take(CLERK, old, "submit") == "pending"
    assert desk.approve(CLERK, old) == "agreed"


def test_a_second_change_leaves_each_document_on_its_own_flow_and_labels_move_nobody(desk: Desk) -> None:
    first = desk.sent(50)
    desk.publish(AFTER)
    second = desk.sent(50)
    assert desk.publish(AGAIN) == []
    assert desk.publish(AGAIN.replace("edit: [reason]", "edit: [amount]")) == [
        "Request: 1 documents under way finish by the flow of version 3"
    ]
    assert desk.walked() == {first: 1, second: 3}
    assert desk.approve(CLERK, second) == "agreed"
    desk.approve(CLERK, first)
    assert desk.approve(BOSS, first) == "checking"


def test_a_flow_that_cannot_be_walked_any_more_is_left_only_when_somebody_agrees(desk: Desk) -> None:
    without = AFTER.replace("      amount: {type: decimal, label: 数目 | Amount}\n", "")
    old, stuck = desk.sent(50), desk.sent(5)
    desk.approve(CLERK, stuck)
    with pytest.raises(Conflict) as refused:
        desk.publish(without, allow_loss=True)
    assert [f.code for f in refused.value.faults] == ["blocked_by_data"]
    assert f"#{stuck} checking" in refused.value.faults[0].message  # a place that the new flow does not have
    desk.take(CLERK, stuck, "check")
    with pytest.raises(Conflict) as refused:
        desk.publish(without)
    told = [f.message for f in refused.value.faults if f.field == "request"]
    assert told[0].startswith("请示：1 张在途单据改走新流程，第 1 版的流程走不下去了（entities.request.workflow.")
    assert desk.publish(without, allow_loss=True)[-1].startswith("Request: 1 documents under way take the new flow")
    assert desk.walked() == {}
    assert desk.approve(CLERK, old) == "agreed"


def test_an_administrator_moves_documents_to_the_newest_flow(desk: Desk) -> None:
    with desk.acting() as ctx:  # colleagues who hold the roles too
        same, system = {"created_at": MORNING, "failed_count": 0, "active": True}, ctx.app.tables.system
        ctx.connection.execute(system.account.insert(), [{**same, "name": name} for name in ("clerk 2", "boss 2")])
        holds = [{"account": 3, "role": "clerk"}, {"account": 4, "role": "boss"}]
        ctx.connection.execute(system.account_role.insert(), holds)
    waiting, checking, other = desk.sent(50), desk.sent(5), desk.sent(5)
    desk.approve(CLERK, checking)  # to a state that the next version has no more
    desk.approve(CLERK, waiting)  # the boss is to be asked, whom the next version does not ask
    desk.publish(AFTER)
    with desk.acting(CLERK) as ctx, pytest.raises(Forbidden):
        flow_moving.move(ctx, "request")
    with desk.acting() as ctx:
        assert [(one.version, one.state, one.documents, one.known) for one in flow_moving.standing(ctx, "request")] == [
            (1, "checking", 1, False),
            (1, "pending", 2, True),
        ]
        assert flow_moving.states_now(ctx, "request") == ["draft", "pending", "agreed", "refused"]
    with desk.acting() as ctx, pytest.raises(Conflict, match="“Checking” is no state of the new flow; say which"):
        flow_moving.move(ctx, "request")
    with desk.acting() as ctx, pytest.raises(Invalid, match="The new flow has no state nowhere; it has: Draft, Pend"):
        flow_moving.move(ctx, "request", None, {"checking": "nowhere"})
    assert desk.walked() == dict.fromkeys((waiting, checking, other), 1)

    with desk.acting() as ctx:
        assert flow_moving.move(ctx, "request", [waiting]) == [waiting]
    with desk.acting() as ctx, pytest.raises(Conflict, match="QS-0001: on the newest flow already"):
        flow_moving.move(ctx, "request", [waiting])
    assert desk.offered(BOSS, waiting) == []  # he is not asked any more; the clerk is, anew
    with desk.acting() as ctx:
        shown = task_flow.steps(ctx, "request", records.load(ctx, "request", waiting), "pending")
        assert [(step.label, step.state) for step in shown] == [("Clerk", "now")]
        asked = ctx.connection.execute(select(ctx.app.tables.system.task.c.asked_by).where(open_task(ctx))).scalars()
        assert set(asked) == {CLERK.account}  # who sent them, not who moved them
    assert desk.approve(CLERK, waiting) == "agreed"

    with desk.acting() as ctx:
        assert flow_moving.move(ctx, "request", None, {"checking": "agreed"}) == [checking, other]
        assert flow_moving.standing(ctx, "request") == []
        assert records.load(ctx, "request", checking)["status"] == "agreed"
        audit = ctx.app.tables.system.audit
        told = select(audit.c.record, audit.c.note).where(audit.c.kind == "flow").order_by(audit.c.id)
        note = "moved to the new flow (was on that of version 1)"
        assert ctx.connection.execute(told).all() == [(waiting, note), (checking, note), (other, note)]
    assert desk.walked() == {}
    assert desk.approve(CLERK, other) == "agreed"


def test_moving_many_documents_takes_no_more_statements_than_moving_few(desk: Desk) -> None:
    few, many = ([desk.sent(5) for _ in range(count)] for count in (2, 6))
    turned = [desk.sent(5) for _ in range(8)]
    for each in turned:
        desk.approve(CLERK, each)  # to a state that the next version has no more
    desk.publish(AFTER)

    def statements(ids: list[int]) -> int:
        with desk.acting() as ctx, counting(ctx.connection) as sent:
            flow_moving.move(ctx, "request", ids, {"checking": "pending"})
        return len(sent)

    first = statements([*few, *turned[:2]])
    assert statements([*many, *turned[2:]]) == first
    with desk.acting(BOSS) as ctx:  # who steps in, as nobody else holds the clerk's role
        assert {task.record for task in tasks.mine(ctx)} == {*few, *many, *turned}


def open_task(ctx: RunContext) -> Any:
    """Tasks that wait."""
    return ctx.app.tables.system.task.c.decided_at.is_(None)


POSTED = """
app: x
title: x
roles: {boss: {can: {doc: [all]}}}
ledgers: {shelf: {dimensions: {doc: {to: doc}}, resources: {qty: {type: decimal}}}}
entities:
  doc:
    kind: document
    postings: {put: {one: {add: shelf, at: {doc: this}, qty: 1}}}
    workflow:
      states: {draft: {start: true}, posted: {}, done: {end: true}, undone: {}}
      transitions:
        put: {from: draft, to: posted, by: [boss]}
        finish: {from: posted, to: done, by: [boss]}
        undo: {from: posted, to: undone, by: [boss], reverses: [put]}
"""


def test_states_behind_a_posting_are_told_from_those_before_it() -> None:
    doc = load_text(POSTED).entities["doc"]
    assert doc.workflow is not None
    told = [flow_moving.is_posted(doc, doc.workflow, state) for state in doc.workflow.states]
    assert told == [False, True, True, False]
