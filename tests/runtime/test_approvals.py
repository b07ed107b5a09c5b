"""Approvals as offices expect them: how many decide, who is found, and what an approver may do beside yes and no."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from engine.compiler import load_text
from runtime import (
    audit,
    inbox,
    records,
    reminders,
    substitutes,
    task_acts,
    task_center,
    task_flow,
    task_take_back,
    tasks,
    workflow,
)
from runtime.apps import RunningApp
from runtime.context import SYSTEM, FixedClock, RunContext, User
from runtime.database import Database
from runtime.errors import Conflict, Forbidden, Invalid
from runtime.glance import glance
from runtime.schedule import tick
from runtime.tables import build_tables

MONDAY = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai
NAMES = ("ann", "bob", "cid", "dan", "eve", "zoe")
ANN, BOB, CID, DAN, EVE = (
    User(account=n, name=name, roles=frozenset({"boss"} if name == "eve" else {"clerk"}), member=n)
    for n, name in enumerate(NAMES[:5], 1)
)
GUEST = User(account=6, name="zoe", roles=frozenset({"guest"}), member=6)
PEOPLE = (ANN, BOB, CID, DAN, EVE, GUEST)
Row = dict[str, Any]


@dataclass
class Office:
    """The app; Ann's superior is Bob, his is Cid; Eve is the boss."""

    app: RunningApp
    moment: datetime = MONDAY

    @contextmanager
    def acting(self, user: User = SYSTEM) -> Iterator[RunContext]:
        with self.app.database.write() as connection:
            clock = FixedClock(self.moment)
            yield RunContext(app=self.app, connection=connection, user=user, clock=clock, language="en", source="api")

    def sent(self, entity: str, *people: User, by: User = ANN, **body: Any) -> int:
        """A request sent in; the people its field names decide."""
        with self.acting(by) as ctx:
            values = {"people": [p.member for p in people], "owner": ANN.member}
            made = records.create(ctx, entity, values).id
            workflow.take(ctx, entity, made, "submit", body)
        return made

    def status(self, entity: str, record: int) -> str:
        with self.acting() as ctx:
            return str(records.load(ctx, entity, record)["status"])

    def asked(self) -> dict[str, list[str]]:
        """Who is asked now, and in which steps."""
        found: dict[str, list[str]] = {}
        for user in PEOPLE:
            with self.acting(user) as ctx:
                steps = [task.step for task in tasks.mine(ctx)]
            if steps:
                found[user.name] = steps
        return found

    def task(self, user: User) -> int:
        with self.acting(user) as ctx:
            return tasks.mine(ctx)[0].id

    def say(self, user: User, decision: str = "approve", note: str = "", **body: Any) -> str:
        """The first task of a person decided; the state of the document after it."""
        task = self.task(user)
        with self.acting(user) as ctx:
            return str(tasks.decide(ctx, task, decision, note, body)["status"])

    def signature(self, user: User) -> int:
        with self.acting(user) as ctx:
            file = ctx.app.tables.system.file
            row = {"name": "s.png", "kind": "image/png", "size": 1, "sha256": "x", "account": user.account}
            known = {name: value for name, value in row.items() if name in file.c}
            rest = {c.name: ctx.now() for c in file.c if c.name.endswith("_at") and not c.nullable}
            return int(ctx.connection.execute(file.insert().returning(file.c.id), {**known, **rest}).scalar_one())

    def told(self, user: User) -> list[str]:
        with self.acting(user) as ctx:
            return [message.kind for message in inbox.mine(ctx)]


@pytest.fixture(scope="module")
def app(module_database: Database) -> RunningApp:
    text = (Path(__file__).parent / "data" / "approvals.yaml").read_text(encoding="utf-8")
    model = load_text(text, "approvals.yaml")
    tables = build_tables(model)
    app = RunningApp(name="approvals", model=model, tables=tables, database=module_database)
    with module_database.write() as connection:
        tables.metadata.create_all(connection)
    with Office(app).acting() as ctx:
        system = tables.system
        same = {"created_at": MONDAY, "failed_count": 0, "active": True}
        ctx.connection.execute(system.account.insert(), [{**same, "name": u.name, "member": u.member} for u in PEOPLE])
        roles = [{"account": u.account, "role": role} for u in PEOPLE for role in u.roles]
        ctx.connection.execute(system.account_role.insert(), roles)
        records.create_many(ctx, "staff", [{"code": u.name, "name": u.name} for u in PEOPLE])
        records.update(ctx, "staff", 1, {"superior": 2})
        records.update(ctx, "staff", 2, {"superior": 3})
    return app


@pytest.fixture
def office(app: RunningApp) -> Iterator[Office]:
    """The office with nothing open."""
    yield Office(app)
    with Office(app).acting() as ctx:
        for table in (app.tables.system.task, app.tables.system.inbox, app.tables.system.substitute):
            ctx.connection.execute(table.delete())
        ctx.connection.execute(app.tables.system.reminder.delete())


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
        task_acts.add_signer(ctx, task, DAN.account, "before")
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
        task_acts.add_signer(ctx, task, DAN.account, "after")
    assert office.asked() == {"bob": ["first"]}
    assert office.say(BOB) == "pending"
    assert office.asked() == {"dan": ["first"]}
    assert office.say(DAN) == "done"


def test_a_signer_beside_me_has_to_speak_too(office: Office) -> None:
    office.sent("any_of", BOB)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.add_signer(ctx, task, DAN.account, "parallel")
    assert office.say(BOB) == "pending"
    assert office.say(DAN) == "done"


def test_an_added_signer_is_taken_back_by_who_added_him(office: Office) -> None:
    office.sent("any_of", BOB)
    task = office.task(BOB)
    with office.acting(BOB) as ctx:
        task_acts.add_signer(ctx, task, DAN.account, "before")
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
    assert (found["until"], found["sum"]) == (date(2026, 4, 1), 7)
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


# --- urging, deadlines, substitutes -----------------------------------------------------------------------------------


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


# --- taken back -------------------------------------------------------------------------------------------------------


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
