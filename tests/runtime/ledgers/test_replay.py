"""What is posted into the past ends where it would have ended had it been entered in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from runtime.errors import Conflict
from runtime.ledgers import DocumentKey, MoveRequest
from tests.runtime.ledgers.depot import Depot, add, on, passing, revalue, take, values

RELAXED = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def D(text: str | int) -> Decimal:
    return Decimal(text)


def test_a_receipt_dated_back_changes_what_left_after_it(depot: Depot) -> None:
    depot.post(add(qty=10, value=100, at=on(2)))
    out = depot.post(take(qty=10, at=on(6), document=2))
    posted = depot.post(add(qty=10, value=200, at=on(4), document=3))
    assert [(m.amounts["value"], m.corrects, m.at, m.document.id) for m in posted.differences] == [
        (D(-50), out.moves[0].id, on(6), 2)
    ]
    assert posted.differences[0].cause == DocumentKey(entity="thing", id=3)
    assert depot.pool() == (D(10), D(150))
    assert depot.problems() == []


def test_a_difference_flows_on_into_what_was_made(depot: Depot) -> None:
    depot.post(add(qty=10, value=100, at=on(2)))
    depot.post(
        take(qty=10, at=on(5), key="issued", document=2),
        add("work", from_=("issued",), job=1, element="material", at=on(5), document=2),
    )
    depot.post(
        take("work", job=1, amounts={"value": 100}, allocate="elements", key="used", at=on(6), document=3),
        add(thing=2, place=1, qty=5, from_=("used",), at=on(6), document=3),
    )
    depot.post(take(thing=2, qty=2, at=on(7), document=4))
    depot.post(add(qty=10, value=300, at=on(4), document=5))
    assert depot.pool(1) == (D(10), D(200))
    assert depot.pool(2) == (D(3), D(120))
    assert cost_of(depot, 4) == D(-80)
    assert depot.problems() == []


def cost_of(depot: Depot, document: int) -> Decimal:
    """A document's cost is the sum of its moves."""
    moves = depot.app.tables.moves["goods"]
    with depot.app.database.read() as connection:
        return connection.scalar(select(func.sum(moves.c.value)).where(moves.c.doc_id == document)) or D(0)


def test_a_posting_that_makes_a_later_moment_negative_is_refused(depot: Depot) -> None:
    depot.post(add(qty=10, value=100, at=on(2)))
    depot.post(take(qty=8, at=on(5)))
    depot.post(add(qty=50, value=500, at=on(8)))
    with pytest.raises(Conflict, match=r"Only .* of T1 at Place 1.*2026-03-05"):
        depot.post(take(qty=5, at=on(3)))
    assert depot.pool() == (D(52), D(520))
    assert depot.problems() == []


def test_a_past_day_without_an_hour_counts_in_at_its_start_and_out_at_its_end(depot: Depot) -> None:
    came = depot.post(add(qty=10, value=100, at=on(2), whole_day=True))
    went = depot.post(take(qty=10, at=on(2), whole_day=True))
    assert (came.moves[0].at, went.moves[0].at) == (
        datetime.fromisoformat("2026-03-01T16:00:00+00:00"),
        datetime.fromisoformat("2026-03-02T15:59:59.999999+00:00"),
    )


def test_what_derives_its_cost_never_stands_before_its_origin(depot: Depot) -> None:
    depot.post(add(qty=10, value=100, at=on(2), whole_day=True))
    posted = depot.post(
        take(qty=10, at=on(3), whole_day=True, key="sent"), add(from_=("sent",), place=2, at=on(3), whole_day=True)
    )
    assert posted.moves[1].at == posted.moves[0].at


def test_undoing_a_receipt_gives_back_the_state_before_it(depot: Depot) -> None:
    depot.post(add(qty=10, value=100, at=on(2)))
    depot.post(add(qty=10, value=200, at=on(3), document=2))
    depot.post(take(qty=5, at=on(4), document=3))
    assert cost_of(depot, 3) == D(-75)
    undone = depot.reverse(2)
    assert [(m.amounts["qty"], m.amounts["value"], m.at) for m in undone.moves] == [(D(-10), D(-200), on(3))]
    assert cost_of(depot, 3) == D(-50)
    assert depot.pool() == (D(5), D(50))
    assert depot.problems() == []


def test_undoing_an_issue_puts_everything_back(depot: Depot) -> None:
    depot.setting(method="fifo", pool="firm")
    depot.post(add(qty=10, value=100, at=on(2)))
    depot.post(add(qty=10, value=200, at=on(3)))
    depot.post(take(qty=15, at=on(4), document=3))
    depot.reverse(3)
    assert depot.reverse(3).moves == ()
    assert values(depot.post(take(qty=10, at=on(5)))) == [D(-100)]
    assert depot.problems() == []


def test_a_receipt_that_others_stand_on_cannot_be_undone(depot: Depot) -> None:
    depot.post(add(qty=10, value=100, at=on(2), document=2))
    depot.post(take(qty=5, at=on(4), document=3))
    with pytest.raises(Conflict, match="Only"):
        depot.reverse(2)
    assert depot.problems() == []


@dataclass(frozen=True)
class Happening:
    """Something that happens at a minute of its own."""

    kind: str
    qty: int
    price: int
    place: int


KINDS = ["buy", "buy", "use", "use", "find", "move"]
HAPPENING = st.builds(
    Happening,
    kind=st.sampled_from(KINDS),
    qty=st.integers(1, 7),
    price=st.integers(1, 900),
    place=st.sampled_from([1, 9]),
)


def requests(happening: Happening, minute: int, document: int) -> list[MoveRequest]:
    at = on(2) + timedelta(minutes=minute)
    common = {"at": at, "document": document, "place": happening.place, "qty": happening.qty}
    match happening.kind:
        case "buy":
            return [add(value=D(happening.price) * happening.qty / 7, **common)]
        case "find":
            return [add(**common)]
        case "use":
            return [take(**{**common, "place": 9})]
    key = f"moved{document}"
    return [take(key=key, **{**common, "place": 9}), add(from_=(key,), place=happening.place, at=at, document=document)]


def play(depot: Depot, steps: list[tuple[int, Happening]], *, checked: bool) -> None:
    depot.post(add(qty=5, value=33, at=on(1), place=1), add(qty=1, value=7, at=on(1), place=9))
    for minute, happening in steps:
        depot.post(*requests(happening, minute, 100 + minute))
        assert not checked or depot.problems("goods") == []


def outcome(depot: Depot, count: int) -> object:
    pool = depot.app.tables.ledgers.pool["goods"]
    layer = depot.app.tables.ledgers.layer["goods"]
    return (
        depot.rows(pool, "key", "qty", "value"),
        depot.rows(layer, "pool_key", "age", "qty", "value"),
        [cost_of(depot, 100 + i) for i in range(count)],
    )


def entered_in_any_order(depot: Depot, method: str, pool: str, story: list[Happening], seed: int) -> None:
    order = list(enumerate(story))
    Random(seed).shuffle(order)
    found = []
    for steps in (list(enumerate(story)), order):
        depot.empty()
        depot.setting(method=method, pool=pool)
        play(depot, steps, checked=steps is order)
        found.append(outcome(depot, len(story)))
    assert found[1] == found[0]


def undone(depot: Depot, method: str, story: list[Happening], seed: int) -> None:
    gone = seed % len(story)
    steps = list(enumerate(story))
    found = []
    for undo in (False, True):
        depot.empty()
        depot.setting(method=method, pool="firm")
        play(depot, steps if undo else [s for s in steps if s[0] != gone], checked=False)
        if undo:
            depot.reverse(100 + gone)
        found.append(outcome(depot, len(story)))
        assert depot.problems("goods") == []
    assert found[1] == found[0]


STORY = st.lists(HAPPENING, min_size=2, max_size=7)
SEED = st.integers(0, 10_000)


@pytest.mark.parametrize("method", ["average", "fifo", "standard"])
@pytest.mark.parametrize("pool", ["firm", "place"])
@RELAXED
@given(story=STORY, seed=SEED)
def test_entered_in_any_order_it_ends_the_same(
    quick_depot: Depot, method: str, pool: str, story: list[Happening], seed: int
) -> None:
    entered_in_any_order(quick_depot, method, pool, story, seed)


@pytest.mark.parametrize("method", ["average", "fifo", "standard"])
@RELAXED
@given(story=STORY, seed=SEED)
def test_undoing_anything_leaves_what_would_be_without_it(
    quick_depot: Depot, method: str, story: list[Happening], seed: int
) -> None:
    undone(quick_depot, method, story, seed)


STORIES = {"sqlite": 6, "postgresql": 15}
METHODS = ("fifo", "average", "standard")


def test_any_order_and_any_undoing_on_either_database(depot: Depot) -> None:
    """Stories share one transaction, each beginning where the one before began: PostgreSQL commits none of them."""
    with passing(depot) as here:
        for number in range(STORIES[depot.app.database.dialect]):
            random = Random(number)
            story = [
                Happening(random.choice(KINDS), random.randint(1, 7), random.randint(1, 900), random.choice([1, 9]))
                for _ in range(random.randint(3, 7))
            ]
            entered_in_any_order(here, METHODS[number % 3], ("firm", "place")[number // 3 % 2], story, number)
            undone(here, METHODS[(number + 1) % 3], story, number)


def test_a_correction_in_a_closed_period_stands_today(depot: Depot) -> None:
    from runtime.ledgers import close_period

    depot.now = on(5, month=4)
    came = depot.post(add(qty=10, value=100, at=on(2), document=1))
    depot.post(take(qty=4, at=on(5), document=2))
    with depot.acting() as ctx:
        close_period(ctx, None, on(31).date())
    posted = depot.post(revalue(corrects=(came.moves[0].id,), value=20, document=3))
    assert [(m.amounts["value"], m.document.id, m.at) for m in posted.moves] == [(D(20), 1, on(5, month=4))]
    assert [(m.amounts["value"], m.document.id, m.at) for m in posted.differences] == [(D(-8), 2, on(5, month=4))]
    assert depot.pool() == (D(6), D(72))
    assert depot.problems() == []


def test_a_correction_in_a_closed_period_names_each_issue_that_it_changes(depot: Depot) -> None:
    from runtime.ledgers import close_period

    for method, expected in (("average", [(D(-8), 2), (D(-3), 4)]), ("fifo", [(D(-8), 2), (D(-12), 4)])):
        depot.empty()
        depot.setting(method=method, pool="firm")
        depot.now = on(5, month=4)
        came = depot.post(add(qty=10, value=100, at=on(2), document=1))
        depot.post(take(qty=4, at=on(5), document=2), add(qty=18, value=180, at=on(6), document=3))
        depot.post(take(qty=6, at=on(7), document=4))
        with depot.acting() as ctx:
            close_period(ctx, None, on(31).date())
        posted = depot.post(revalue(corrects=(came.moves[0].id,), value=20, document=5))
        assert [(m.amounts["value"], m.document.id) for m in posted.differences] == expected
        assert {m.at for m in posted.differences} == {on(5, month=4)}
        assert depot.problems() == []


def test_a_closed_period_takes_no_posting_and_a_reversal_stands_today(depot: Depot) -> None:
    from runtime.ledgers import close_period, reopen

    depot.now = on(5, month=4)
    depot.post(add(qty=10, value=100, at=on(2), document=1))
    with depot.acting() as ctx:
        close_period(ctx, "goods", on(31).date())
    with pytest.raises(Conflict, match="closed through 2026-03-31"):
        depot.post(take(qty=1, at=on(20)))
    undone = depot.reverse(1)
    assert [(m.amounts["value"], m.at) for m in undone.moves] == [(D(-100), on(5, month=4))]
    with depot.acting() as ctx:
        reopen(ctx, "goods", None)
    depot.post(add(qty=1, value=1, at=on(20)))
    assert depot.problems() == []


def test_what_is_dated_back_at_standard_cost_finds_the_standard_that_was_valid_then(depot: Depot) -> None:
    depot.setting(method="standard", pool="firm")

    def standard(cost: str) -> None:
        with depot.acting() as ctx:
            ctx.connection.execute(update(depot.app.tables.entity["thing"]).values(standard=D(cost)))

    standard("10.00")
    depot.now = on(3)
    depot.post(add(qty=10, value=104, at=on(2)))
    depot.post(take(qty=4, at=on(3)))
    standard("12.00")
    depot.now = on(10)
    depot.post(take(qty=1, at=on(9)))  # what is there went up to 12 when it was next looked at
    assert depot.pool() == (D(5), D(60))
    posted = depot.post(add(qty=5, value=55, at=on(2, 8)))
    told = [(m.kind, m.amounts["value"], m.at.day) for m in posted.differences]
    assert told == [("variance", D(-5), 2), ("variance", D(10), 9)]  # five at 10 then; five more went up by 2 since
    assert depot.pool() == (D(10), D(120))
    assert depot.problems() == []


def test_what_is_promised_is_judged_by_what_is_there_now_whatever_day_is_posted(depot: Depot) -> None:
    depot.now = on(10)
    depot.post(add(qty=10, value=100, at=on(2)))
    depot.post(add("promised", qty=8, demand=1, at=on(3)))
    with pytest.raises(Conflict):
        depot.post(take(qty=5, at=on(4)))  # eight of ten are promised now
    depot.post(take("promised", qty=8, demand=1, at=on(6)))
    depot.post(take(qty=5, at=on(4)))  # eight were promised that day: a promise binds what is to come, not the past
    assert depot.pool() == (D(5), D(50))
    assert depot.problems() == []
