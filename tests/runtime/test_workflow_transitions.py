"""Documents move by transitions only: who may, from where, under which condition, with what, and what it moves."""

from __future__ import annotations

import pytest
from sqlalchemy import event, insert, select

from runtime import records, tasks, workflow
from runtime.database import Database
from runtime.errors import Conflict, Forbidden, Invalid, NotFound
from tests.runtime.works import ANNA, BEN, BOSS, BUYER, CHIEF, MAKER, NOON, Works, open_works

BOLT = {"code": "BOLT"}


@pytest.fixture
def works(database: Database) -> Works:
    return open_works(database)


def order(works: Works, qty: str = "10", price: str = "1", place: int = 1) -> int:
    return works.new("order", BUYER, vendor="V", place=place, lines=[{"item": BOLT, "qty": qty, "price": price}])


def approved(works: Works, qty: str = "10", price: str = "1") -> int:
    made = order(works, qty, price)
    works.take(BUYER, "order", made, "submit")
    return made


def codes(error: pytest.ExceptionInfo[Conflict | Forbidden | Invalid | NotFound]) -> list[str]:
    return [fault.code for fault in error.value.faults]


def photo(works: Works, account: int) -> int:
    with works.acting() as ctx:
        file = ctx.app.tables.system.file
        values = {"name": "a.jpg", "media_type": "image/jpeg", "size": 1, "account": account, "created_at": NOON}
        return ctx.connection.execute(insert(file).values(**values).returning(file.c.id)).scalar_one()


def test_nobody_left_to_ask_approves_in_the_same_breath_and_posts(works: Works) -> None:
    made = approved(works)
    assert works.load("order", made)["status"] == "approved"
    assert works.balances("coming", "item", "place") == {(1, 1): 10}
    with works.acting() as ctx:
        assert tasks.history(ctx, "order", made) == []


def test_a_transition_from_another_state_is_refused_and_writes_nothing(works: Works) -> None:
    made = order(works)
    with pytest.raises(Conflict) as refused:
        works.take(BUYER, "order", made, "close", note="x")
    assert codes(refused) == ["transition_not_allowed"]
    assert refused.value.faults[0].message == "Order DD0001 is Draft; Close is possible only from: Approved"
    assert works.load("order", made)["version"] == 1
    assert works.moves("coming") == 0


def test_a_person_the_transition_does_not_name_is_refused(works: Works) -> None:
    made = order(works)
    with pytest.raises(Forbidden) as refused:
        works.take(CHIEF, "order", made, "submit")
    assert codes(refused) == ["transition_not_yours"]
    assert "Buyer" in refused.value.faults[0].message


def test_who_may_do_everything_may_take_every_named_transition(works: Works) -> None:
    made = order(works)
    assert works.take(BOSS, "order", made, "submit")["status"] == "approved"


def test_a_condition_that_does_not_hold_is_told_in_its_own_words(works: Works) -> None:
    made = works.new("order", BUYER, place=1)
    with pytest.raises(Conflict) as refused:
        works.take(BUYER, "order", made, "submit")
    assert [f.message for f in refused.value.faults] == ["DD0001 has no lines"]


def test_an_unknown_transition_and_an_unknown_record_are_not_found(works: Works) -> None:
    made = order(works)
    with pytest.raises(NotFound):
        works.take(BUYER, "order", made, "explode")
    with pytest.raises(NotFound):
        works.take(BUYER, "order", 999, "submit")
    with pytest.raises(NotFound):
        works.take(BUYER, "thing", 1, "submit")


def test_a_note_that_is_asked_for_must_be_given(works: Works) -> None:
    made = approved(works)
    with pytest.raises(Invalid) as refused:
        works.take(BUYER, "order", made, "close", note="  ")
    assert [(f.code, f.field) for f in refused.value.faults] == [("demand_note_missing", "note")]
    assert works.take(BUYER, "order", made, "close", note="no need")["status"] == "closed"
    assert works.balances("coming", "item") == {}


def test_the_trail_keeps_the_transition_and_its_note(works: Works) -> None:
    made = approved(works)
    works.take(BUYER, "order", made, "close", note="no need")
    with works.acting() as ctx:
        audit = ctx.app.tables.system.audit
        rows = ctx.connection.execute(select(audit.c.transition, audit.c.note).order_by(audit.c.id)).all()
    assert [tuple(r) for r in rows if r.transition] == [("submit", ""), ("approve", ""), ("close", "no need")]


def test_status_is_never_written_by_hand(works: Works) -> None:
    made = order(works)
    with pytest.raises(Invalid), works.acting(BOSS) as ctx:
        records.update(ctx, "order", made, {"status": "approved"})
    assert works.load("order", made)["status"] == "draft"


def test_a_photo_must_be_an_own_file_that_hangs_nowhere(works: Works) -> None:
    works.stock(1, BOLT="100")
    parcel = works.new("parcel", ANNA, origin=1, target=2, lines=[{"item": BOLT, "qty": "40"}])
    with pytest.raises(Invalid) as refused:
        works.take(ANNA, "parcel", parcel, "dispatch")
    assert codes(refused) == ["demand_photo_missing"]
    others = photo(works, BEN.account)
    with pytest.raises(Invalid) as refused:
        works.take(ANNA, "parcel", parcel, "dispatch", photo=others)
    assert codes(refused) == ["demand_file_unknown"]
    own = photo(works, ANNA.account)
    works.take(ANNA, "parcel", parcel, "dispatch", photo=[own])
    with works.acting() as ctx:
        file = ctx.app.tables.system.file
        kept = ctx.connection.execute(select(file.c.entity, file.c.record).where(file.c.id == own)).one()
    assert tuple(kept) == ("parcel", parcel)


def test_g1_a_parcel_goes_step_by_step_and_nothing_is_lost_on_the_way(works: Works) -> None:
    works.stock(1, BOLT="100")
    parcel = works.new("parcel", ANNA, origin=1, target=2, lines=[{"item": BOLT, "qty": "40"}])
    with pytest.raises(Conflict):
        works.take(ANNA, "parcel", parcel, "sign", scan="DB0001")
    with pytest.raises(Conflict) as refused:
        works.take(BEN, "parcel", parcel, "dispatch", photo=photo(works, BEN.account))
    assert codes(refused) == ["transition_condition"]
    works.take(ANNA, "parcel", parcel, "dispatch", photo=photo(works, ANNA.account))
    assert works.balances("stock", "place") == {1: 60}
    assert works.balances("transit", "item") == {1: 40}
    line = works.load("parcel", parcel)["lines"][0]
    with works.acting(BEN) as ctx:
        records.update(ctx, "parcel", parcel, {"lines": [{"id": line["id"], "signed": "38"}]})
    with pytest.raises(Invalid) as wrong:
        works.take(BEN, "parcel", parcel, "sign", scan="DB0002")
    assert codes(wrong) == ["demand_scan_wrong"]
    works.take(BEN, "parcel", parcel, "sign", scan="DB0001")
    assert works.balances("stock", "place") == {1: 60, 2: 38}
    assert works.balances("transit", "item") == {1: 2}
    with pytest.raises(Invalid) as missing:
        works.take(BEN, "parcel", parcel, "post")
    assert [(f.code, f.field) for f in missing.value.faults] == [("required", "fate")]
    assert works.take(BEN, "parcel", parcel, "post", fate="back")["fate"] == "back"
    assert works.balances("stock", "place") == {1: 62, 2: 38}
    assert works.balances("transit", "item") == {}


def test_a_guard_that_refuses_leaves_nothing_of_the_transition(works: Works) -> None:
    works.stock(1, BOLT="30")
    parcel = works.new("parcel", ANNA, origin=1, target=2, lines=[{"item": BOLT, "qty": "40"}])
    with pytest.raises(Conflict):
        works.take(ANNA, "parcel", parcel, "dispatch", photo=photo(works, ANNA.account))
    assert works.load("parcel", parcel)["status"] == "draft"
    assert works.balances("stock", "place") == {1: 30}


def test_undoing_counters_the_moves(works: Works) -> None:
    made = approved(works)
    works.take(BUYER, "order", made, "reopen")
    assert works.balances("coming", "item") == {}
    assert works.moves("coming") == 2
    works.take(BUYER, "order", made, "submit")
    assert works.balances("coming", "item") == {1: 10}


def test_undoing_is_refused_while_documents_hang_on_it(works: Works) -> None:
    made = approved(works)
    (receipt,) = works.draw(ANNA, "receipt", "order", made)
    with pytest.raises(Conflict) as refused:
        works.take(BUYER, "order", made, "reopen")
    assert refused.value.faults[0].message == "Order DD0001 cannot be undone; deal first with: Receipt RK0001"
    works.take(ANNA, "receipt", receipt, "drop")
    assert works.take(BUYER, "order", made, "reopen")["status"] == "draft"


def test_several_records_go_together_or_not_at_all(works: Works) -> None:
    first, second = order(works), works.new("order", BUYER, place=1)
    with pytest.raises(Conflict), works.acting(BUYER) as ctx:
        workflow.take_many(ctx, "order", [first, second], "submit")
    assert works.load("order", first)["status"] == "draft"
    third = order(works)
    with works.acting(BUYER) as ctx:
        found = workflow.take_many(ctx, "order", [first, third], "submit")
    assert [r["status"] for r in found] == ["approved", "approved"]
    assert works.balances("coming", "item") == {1: 20}


def test_actions_are_what_the_person_may_do_now(works: Works) -> None:
    made = order(works)
    with works.acting(BUYER) as ctx:
        (action,) = workflow.actions(ctx, "order", records.load(ctx, "order", made))
        assert (action.id, action.label, action.kind, action.demands) == ("submit", "Submit", "forward", ())
        assert action.refused_because == ""
    with works.acting(CHIEF) as ctx:
        assert workflow.actions(ctx, "order", records.load(ctx, "order", made)) == ()


def test_actions_name_what_is_asked_for_and_what_stands_in_the_way(works: Works) -> None:
    empty = works.new("order", BUYER, place=1)
    with works.acting(BUYER) as ctx:
        (action,) = workflow.actions(ctx, "order", records.load(ctx, "order", empty))
        assert action.refused_because == "DD0001 has no lines"
    made = approved(works)
    with works.acting(BUYER) as ctx:
        found = {a.id: a for a in workflow.actions(ctx, "order", records.load(ctx, "order", made))}
    assert [(d.kind, d.label) for d in found["close"].demands] == [("note", "Note")]
    assert found["reopen"].kind == "back"


def test_explain_says_why_and_why_not_with_the_values(works: Works) -> None:
    works.stock(1, BOLT="100")
    parcel = works.new("parcel", ANNA, origin=1, target=2, lines=[{"item": BOLT, "qty": "1"}])
    with works.acting(BEN) as ctx:
        told = workflow.explain(ctx, "parcel", parcel, "dispatch")
    assert not told.allowed
    assert [(r.kind, r.holds) for r in told.reasons] == [("state", True), ("who", True), ("condition", False)]
    assert dict(told.reasons[2].steps)["origin.keeper"] == str(ANNA.member)
    with works.acting(ANNA) as ctx:
        assert workflow.explain(ctx, "parcel", parcel, "dispatch").allowed


def test_releasing_a_job_fills_its_parts_from_the_formula_of_its_day(works: Works) -> None:
    job = works.new(
        "job", MAKER, item={"code": "CONN"}, qty="1000", place=1, start="2026-03-05", due="2026-03-08", hours="10"
    )
    done = works.take(MAKER, "job", job, "release")
    assert [(p["item"], p["qty"]) for p in done["parts"]] == [(2, 257.5), (3, 2000)]
    assert works.balances("capacity", "job") == {job: 10}
    assert works.moves("capacity") == 4


def test_a_job_without_a_formula_is_not_released(works: Works) -> None:
    job = works.new("job", MAKER, item=BOLT, qty="1", place=1, start="2026-03-05", due="2026-03-05")
    with pytest.raises(Conflict) as refused:
        works.take(MAKER, "job", job, "release")
    assert codes(refused) == ["nothing_to_explode"]
    assert works.load("job", job)["status"] == "draft"


def test_what_a_job_uses_up_by_itself_is_taken_when_it_is_finished(works: Works) -> None:
    works.stock(1, SCREW="100", COPPER="10")
    with works.acting() as ctx:
        line = records.load(ctx, "formula", 2)["lines"][0]
        records.update(ctx, "formula", 2, {"lines": [{"id": line["id"], "how": "flush"}]})
    job = works.new(
        "job", MAKER, item={"code": "CONN"}, qty="20", place=1, start="2026-03-02", due="2026-03-02", hours="1"
    )
    assert [p["item"] for p in works.take(MAKER, "job", job, "release")["parts"]] == [2]
    works.take(MAKER, "job", job, "finish")
    assert works.balances("stock", "item") == {2: 10, 3: 60}


def test_a_posting_takes_few_statements(works: Works) -> None:
    works.stock(1, BOLT="1")
    lines = [{"item": BOLT, "qty": "2", "price": "3"}] * 5
    receipt = works.new("receipt", BOSS, place=1, lines=lines)
    seen: list[str] = []
    with works.acting(ANNA) as ctx:
        event.listen(ctx.connection, "before_cursor_execute", lambda *args: seen.append(args[2]))
        workflow.take(ctx, "receipt", receipt, "post")
    assert len(seen) <= 16
