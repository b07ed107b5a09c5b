"""Drawing documents: what is proposed, what is left, how much beyond is allowed, and the chain both ways."""

from __future__ import annotations

from decimal import Decimal

import pytest

from runtime import documents, records
from runtime.database import Database
from runtime.errors import Conflict, Forbidden, NotFound, UserError
from runtime.values import Base
from tests.runtime.works import ANNA, BOSS, BUYER, MAKER, Works, open_works

BOLT, SCREW = {"code": "BOLT"}, {"code": "SCREW"}


@pytest.fixture
def works(database: Database) -> Works:
    return open_works(database)


def order(works: Works, *lines: tuple[dict[str, str], str], place: int = 1, **more: object) -> int:
    rows = [{"item": item, "qty": qty, **more} for item, qty in lines]
    made = works.new("order", BUYER, vendor="V", place=place, expected="2026-03-09", lines=rows)
    works.take(BUYER, "order", made, "submit")
    return made


def line_ids(works: Works, entity: str, record: int) -> list[int]:
    return [line["id"] for line in works.load(entity, record)["lines"]]


def receipt(works: Works, line: int, qty: str) -> int:
    return works.new("receipt", ANNA, place=1, lines=[{"item": BOLT, "qty": qty, "source_line": line}])


def test_a_draft_proposes_what_is_left_with_its_fills(works: Works) -> None:
    made = order(works, (BOLT, "100"), (SCREW, "40"))
    first, second = line_ids(works, "order", made)
    receipt(works, first, "60")
    with works.acting(ANNA) as ctx:
        values = documents.draft(ctx, "receipt", "order", [made])
    assert values["place"] == 1
    assert values["order"] == (made,)
    assert [(v["item"], v["unit"], v["qty"], v["source_line"]) for v in values["lines"]] == [
        (1, 1, Base(Decimal("40.000000")), first),
        (3, 1, Base(Decimal("40.000000")), second),
    ]


def test_what_is_left_comes_in_the_unit_of_its_line(works: Works) -> None:
    made = order(works, (BOLT, "4"), unit={"code": "box"})
    (drawn,) = works.draw(ANNA, "receipt", "order", made)
    (line,) = works.load("receipt", drawn)["lines"]
    assert (line["qty"], line["qty__entered"], line["unit"]) == (100, 4, 2)


def test_chosen_lines_only(works: Works) -> None:
    made = order(works, (BOLT, "100"), (SCREW, "40"))
    second = line_ids(works, "order", made)[1]
    (drawn,) = works.draw(ANNA, "receipt", "order", made, lines=[second])
    assert [line["source_line"] for line in works.load("receipt", drawn)["lines"]] == [second]


def test_one_document_may_collect_from_several_that_agree(works: Works) -> None:
    one, two = order(works, (BOLT, "10")), order(works, (SCREW, "20"))
    (drawn,) = works.draw(ANNA, "receipt", "order", one, two)
    found = works.load("receipt", drawn)
    assert [line["qty"] for line in found["lines"]] == [10, 20]
    assert found["order"] == (one, two)


def test_documents_that_differ_in_what_is_filled_are_not_put_together(works: Works) -> None:
    one, two = order(works, (BOLT, "10")), order(works, (SCREW, "20"), place=2)
    with pytest.raises(Conflict) as refused:
        works.draw(ANNA, "receipt", "order", one, two)
    assert [f.code for f in refused.value.faults] == ["draw_differs"]


def test_what_does_not_meet_the_condition_of_its_source_is_not_drawn_from(works: Works) -> None:
    draft = works.new("order", BUYER, place=1, lines=[{"item": BOLT, "qty": "1"}])
    with pytest.raises(Conflict) as refused:
        works.draw(ANNA, "receipt", "order", draft)
    assert [f.message for f in refused.value.faults] == ["Order DD0001 is Draft; no Receipt can be made from it"]


def test_drawing_needs_the_right_to_make_the_document(works: Works) -> None:
    made = order(works, (BOLT, "1"))
    with pytest.raises(Forbidden):
        works.draw(BUYER, "receipt", "order", made)
    with pytest.raises(NotFound):
        works.draw(ANNA, "receipt", "nothing", made)
    with pytest.raises(NotFound):
        works.draw(ANNA, "receipt", "order", 999)


def test_drafts_already_hold_their_quantity(works: Works) -> None:
    made = order(works, (BOLT, "100"))
    works.draw(ANNA, "receipt", "order", made)
    with pytest.raises(Conflict) as refused:
        works.draw(ANNA, "receipt", "order", made)
    assert [f.message for f in refused.value.faults] == ["Nothing is left of Order DD0001"]


def test_left_done_and_progress_follow_the_drawn_documents(works: Works) -> None:
    made = order(works, (BOLT, "100"))
    (line,) = line_ids(works, "order", made)
    first = receipt(works, line, "60")
    assert _state(works, made) == (40, 0, "partial")
    works.take(ANNA, "receipt", first, "post")
    assert _state(works, made) == (40, 60, "partial")
    works.take(ANNA, "receipt", receipt(works, line, "40"), "post")
    assert _state(works, made) == (0, 100, "done")
    works.take(ANNA, "receipt", first, "cancel", note="wrong")
    assert _state(works, made) == (60, 40, "partial")
    assert works.balances("coming", "item") == {1: 60}
    assert works.balances("stock", "item") == {1: 40}


def _state(works: Works, made: int) -> tuple[Decimal, Decimal, str]:
    found = works.load("order", made)
    return found["lines"][0]["open_qty"], found["lines"][0]["received_qty"], found["execution"]


def test_beyond_the_tolerance_is_refused_on_every_way_of_writing(works: Works) -> None:
    made = order(works, (BOLT, "100"))
    (line,) = line_ids(works, "order", made)
    with pytest.raises(Conflict) as refused:
        receipt(works, line, "111")
    (told,) = refused.value.faults
    assert (told.code, told.field) == ("over_drawn", "lines.1.qty")
    assert told.message == "More than is left of the Order: 100 left, 111 wanted"
    kept = receipt(works, line, "110")
    inner = works.load("receipt", kept)["lines"][0]["id"]
    with pytest.raises(Conflict), works.acting(ANNA) as ctx:
        records.update(ctx, "receipt", kept, {"lines": [{"id": inner, "qty": "111"}]})
    with pytest.raises(Conflict):
        receipt(works, line, "1")
    assert works.load("order", made)["lines"][0]["open_qty"] == -10


def test_lines_of_one_document_are_judged_together(works: Works) -> None:
    made = order(works, (BOLT, "100"))
    (line,) = line_ids(works, "order", made)
    rows = [{"item": BOLT, "qty": "60", "source_line": line}] * 2
    with pytest.raises(Conflict):
        works.new("receipt", ANNA, place=1, lines=rows)
    assert works.load("order", made)["lines"][0]["open_qty"] == 100


def test_a_cancelled_document_gives_its_quantity_back(works: Works) -> None:
    made = order(works, (BOLT, "100"))
    (drawn,) = works.draw(ANNA, "receipt", "order", made)
    works.take(ANNA, "receipt", drawn, "drop")
    assert works.load("order", made)["lines"][0]["open_qty"] == 100
    works.draw(ANNA, "receipt", "order", made)


def test_beyond_that_needs_approval_is_marked_and_not_refused(works: Works) -> None:
    works.stock(1, COPPER="1000", SCREW="9000")
    job = works.new("job", MAKER, item={"code": "CONN"}, qty="1000", place=1, start="2026-03-05", due="2026-03-08")
    works.take(MAKER, "job", job, "release")
    (issue,) = works.draw(ANNA, "issue", "job", job)
    found = works.load("issue", issue)
    assert [(line["qty"], line["over_drawn"]) for line in found["lines"]] == [(257.5, False), (2000, False)]
    first = found["lines"][0]["id"]
    with works.acting(ANNA) as ctx:
        keep = [{"id": line["id"]} for line in found["lines"][1:]]
        records.update(ctx, "issue", issue, {"lines": [{"id": first, "qty": "300"}, *keep]})
    assert works.load("issue", issue)["over_drawn"]
    with pytest.raises(Conflict):
        works.take(ANNA, "issue", issue, "post")


def test_d5_an_issue_without_its_job_is_refused(works: Works) -> None:
    with pytest.raises(UserError) as refused:
        works.new("issue", ANNA, place=1, lines=[{"item": BOLT, "qty": "1"}])
    assert [(f.code, f.field) for f in refused.value.faults] == [("required", "job")]


def test_what_may_be_drawn_from_a_document_now(works: Works) -> None:
    made = order(works, (BOLT, "100"))
    with works.acting(ANNA) as ctx:
        assert [(e, s.id) for e, s in documents.drawable(ctx, "order", records.load(ctx, "order", made))] == [
            ("receipt", "order")
        ]
    works.draw(ANNA, "receipt", "order", made)
    with works.acting(ANNA) as ctx:
        assert documents.drawable(ctx, "order", records.load(ctx, "order", made)) == []
    with works.acting(BUYER) as ctx:
        assert documents.drawable(ctx, "order", records.load(ctx, "order", made)) == []


def test_the_chain_is_walked_both_ways(works: Works) -> None:
    made = order(works, (BOLT, "100"))
    (line,) = line_ids(works, "order", made)
    first, second = receipt(works, line, "60"), receipt(works, line, "30")
    works.take(ANNA, "receipt", first, "post")
    with works.acting(BOSS) as ctx:
        after = documents.links(ctx, "order", made)
        before = documents.links(ctx, "receipt", second)
    assert [(k.entity, k.id, k.title, k.status_label, k.distance, k.neighbour) for k in after] == [
        ("receipt", first, "RK0001", "Posted", 1, ("order", made)),
        ("receipt", second, "RK0002", "Draft", 1, ("order", made)),
    ]
    assert [(k.entity, k.title, k.distance, k.done) for k in before] == [("order", "DD0001", -1, Decimal("0.9"))]


def test_a_title_one_may_not_read_is_not_shown_in_the_chain(works: Works) -> None:
    made = order(works, (BOLT, "100"))
    works.draw(ANNA, "receipt", "order", made)
    with works.acting(MAKER) as ctx:
        (link,) = documents.links(ctx, "order", made)
    assert (link.label, link.title, link.done) == ("Receipt", "", None)


def test_undoing_tells_what_it_would_touch(works: Works) -> None:
    made = order(works, (BOLT, "100"))
    (drawn,) = works.draw(ANNA, "receipt", "order", made)
    with works.acting(BUYER) as ctx:
        effects = documents.reversal_effects(ctx, "order", made, "reopen")
    assert [(e.kind, e.label, e.title, e.count, e.blocks) for e in effects] == [
        ("document", "Receipt", "RK0001", 0, True),
        ("ledger", "Coming", "", 1, False),
    ]
    works.take(ANNA, "receipt", drawn, "post")
    with works.acting(ANNA) as ctx:
        effects = documents.reversal_effects(ctx, "receipt", drawn, "cancel")
    assert [(e.kind, e.label, e.count) for e in effects] == [("ledger", "Stock", 1), ("ledger", "Coming", 1)]


def test_what_its_author_may_not_see_still_comes_from_the_origin(works: Works) -> None:
    made = order(works, (BOLT, "100"), price="7")
    (line,) = line_ids(works, "order", made)
    with works.acting(ANNA) as ctx:
        assert "price" not in documents.draft(ctx, "receipt", "order", [made])["lines"][0]
    with works.acting(BOSS) as ctx:
        assert documents.draft(ctx, "receipt", "order", [made])["lines"][0]["price"] == 7
    (drawn,) = works.draw(ANNA, "receipt", "order", made)
    assert works.load("receipt", drawn)["lines"][0]["amount"] == 700
    works.take(ANNA, "receipt", drawn, "drop")
    typed = works.new("receipt", ANNA, place=1, lines=[{"qty": "10", "source_line": line}])
    (inner,) = works.load("receipt", typed)["lines"]
    assert (inner["item"], inner["unit"], inner["price"], inner["amount"]) == (1, 1, 7, 70)
