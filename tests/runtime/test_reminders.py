"""Durable time: each reminder is handled once, moved and removed by its key, and caught up as its policy says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from runtime import outbox_list, reminders
from runtime.context import RunContext
from runtime.errors import Fault, Invalid
from runtime.reminders import Due
from tests.runtime.test_plans import faults, plan, sent
from tests.runtime.works import NOON, Works

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EMPTIED = ("reminder",)


def put(works: Works, key: str, due=NOON, **more) -> None:
    with works.acting() as ctx:
        reminders.put(ctx, key, due, "note", {"record": 7}, **more)


def tick(works: Works, moment=NOON, handler: Callable[[RunContext, Due], None] | None = None):
    """The keys that reached the handler, and the outcomes."""
    heard: list[str] = []
    with works.acting(moment=moment) as ctx:
        done = reminders.due_now(ctx, {"note": handler or (lambda _ctx, due: heard.append(due.key))})
    return heard, [(d.key, d.outcome) for d in done]


def test_it_waits_for_its_moment_and_is_handled_once(works: Works) -> None:
    put(works, "a:1")
    assert tick(works, NOON - timedelta(seconds=1)) == ([], [])
    assert tick(works) == (["a:1"], [("a:1", "done")])
    assert tick(works, NOON + DAY) == ([], [])


def test_the_handler_is_given_what_it_is_about(works: Works) -> None:
    put(works, "a:1")
    seen: list[Due] = []
    tick(works, NOON, lambda _ctx, due: seen.append(due))
    assert [(d.subject, d.due, d.late, d.group) for d in seen] == [({"record": 7}, NOON, False, "a")]


def test_another_date_moves_it(works: Works) -> None:
    put(works, "a:1")
    put(works, "a:1", NOON + DAY)
    assert tick(works) == ([], [])
    assert tick(works, NOON + DAY)[0] == ["a:1"]


def test_the_same_date_again_does_not_fire_twice_and_another_does(works: Works) -> None:
    put(works, "a:1")
    tick(works)
    put(works, "a:1")
    assert tick(works) == ([], [])
    put(works, "a:1", NOON + HOUR)
    assert tick(works, NOON + HOUR)[0] == ["a:1"]


def test_a_clock_that_jumps_back_fires_nothing_again(works: Works) -> None:
    put(works, "a:1")
    tick(works, NOON + DAY)
    assert tick(works, NOON - DAY) == ([], [])
    assert tick(works, NOON + DAY) == ([], [])


def test_dropping_takes_all_that_start_so_and_no_other(works: Works) -> None:
    for key in ("order:1:due", "order:1:pay", "order:10:due", "order:2:due"):
        put(works, key)
    with works.acting() as ctx:
        assert reminders.drop(ctx, "order:1:") == 2
        assert reminders.open_count(ctx) == 2
    assert tick(works)[0] == ["order:10:due", "order:2:due"]


@pytest.mark.parametrize(
    ("policy", "heard", "outcomes"),
    [
        ("late", ["a:1", "a:2"], [("a:1", "done"), ("a:2", "done")]),
        ("skip", [], [("a:1", "skipped"), ("a:2", "skipped")]),
        ("merge", ["a:2"], [("a:2", "done"), ("a:1", "merged")]),
    ],
)
def test_what_was_missed_is_caught_up_once_by_its_policy(works: Works, policy, heard, outcomes) -> None:
    put(works, "a:1", NOON, catch_up=policy)
    put(works, "a:2", NOON + HOUR, catch_up=policy)
    assert tick(works, NOON + DAY) == (heard, outcomes)
    assert tick(works, NOON + DAY) == ([], [])


def test_what_comes_in_time_is_never_skipped_or_merged(works: Works) -> None:
    put(works, "a:1", NOON, catch_up="skip")
    put(works, "a:2", NOON, catch_up="merge")
    put(works, "a:3", NOON, catch_up="merge")
    assert tick(works, NOON + timedelta(minutes=1))[0] == ["a:1", "a:2", "a:3"]


def test_a_handler_may_put_its_reminder_again(works: Works) -> None:
    put(works, "a:1")

    def again(ctx: RunContext, due: Due) -> None:
        reminders.put(ctx, due.key, due.due + DAY, due.handler, due.subject)

    assert tick(works, NOON, again)[1] == [("a:1", "done")]
    assert tick(works, NOON + DAY)[0] == ["a:1"]


def test_one_that_fails_is_undone_noted_and_tried_again_and_holds_up_nobody(works: Works) -> None:
    put(works, "a:1")
    put(works, "a:2")
    heard: list[str] = []

    def fails(ctx: RunContext, due: Due) -> None:
        heard.append(due.key)
        reminders.put(ctx, f"trace:{due.key}", NOON + DAY, "note", {})
        if due.key == "a:1":
            raise Invalid(Fault(code="x", message="does not fit"))

    assert tick(works, NOON, fails)[1] == [("a:1", "again"), ("a:2", "done")]
    with works.acting() as ctx:
        assert reminders.open_count(ctx) == 2  # a:1 again, and the trace of a:2
    for _ in range(4):
        tick(works, NOON + HOUR * 4, fails)
    assert heard.count("a:1") == 2  # each try waits longer


def test_after_the_last_try_it_stays_with_its_error(works: Works) -> None:
    put(works, "a:1")

    def fails(_ctx: RunContext, _due: Due) -> None:
        raise LookupError("gone")

    outcomes = [tick(works, NOON + HOUR * n, fails)[1][0][1] for n in range(5)]
    assert outcomes == ["again", "again", "again", "again", "failed"]
    assert tick(works, NOON + DAY, fails) == ([], [])


def test_an_unknown_handler_is_a_failure_one_can_see(works: Works) -> None:
    with works.acting() as ctx:
        reminders.put(ctx, "a:1", NOON, "nobody", {})
        (done,) = reminders.due_now(ctx, {})
    assert (done.outcome, done.error) == ("failed", "no handler nobody")


def test_two_workers_handle_each_once(works: Works) -> None:
    with works.acting() as ctx:
        reminders.put_many(ctx, [Due(key=f"a:{n}", due=NOON, handler="note", subject={}) for n in range(300)])
    heard: list[str] = []
    together = Barrier(2)

    def work() -> None:
        together.wait()
        with works.acting() as ctx:
            reminders.due_now(ctx, {"note": lambda _ctx, due: heard.append(due.key)})

    workers = [Thread(target=work) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert sorted(heard) == sorted(f"a:{n}" for n in range(300))


def test_what_was_handled_long_ago_is_forgotten(works: Works) -> None:
    put(works, "a:1")
    put(works, "a:2", NOON + DAY * 900)
    tick(works)
    with works.acting(moment=NOON + DAY * 500) as ctx:
        assert reminders.forget_old(ctx) == 1
        assert reminders.open_count(ctx) == 1


def test_work_depends_on_what_is_due_and_not_on_what_waits(works: Works) -> None:
    def handled(start: str) -> int:
        with works.acting() as ctx:
            reminders.put_many(ctx, [Due(key=f"{start}{n}", due=NOON, handler="note", subject={}) for n in range(5)])
        with works.acting() as ctx:
            made = sent(ctx.connection, lambda: reminders.due_now(ctx, {"note": lambda _ctx, _due: None}))
        return len(made)

    alone = handled("a")
    with works.acting() as ctx:
        waiting = [Due(key=f"w{n}", due=NOON + DAY * (n + 1), handler="note", subject={}) for n in range(500)]
        reminders.put_many(ctx, waiting)
    assert handled("b") == alone
    with works.acting() as ctx:
        assert reminders.open_count(ctx) == 500


def test_what_waits_is_never_looked_through(works: Works) -> None:
    looked = ways(works, "dg_reminder")
    assert len(looked) == 3  # claim, close, forget
    assert looked == {statement: [] for statement in looked}


def test_what_was_handled_or_sent_is_forgotten_without_looking_at_what_is_kept(works: Works) -> None:
    for table, index in (("dg_reminder", "ix_dg_reminder_handled"), ("dg_outbox", "ix_dg_outbox_made")):
        (forgotten,) = [how for statement, how in ways(works, table, faulty=False).items() if "DELETE" in statement]
        assert [f"ix_{table}" in line for line in forgotten].count(True) == 1
        assert any(index in line for line in forgotten)


def ways(works: Works, table: str, *, faulty: bool = True) -> dict[str, list[str]]:
    """How the database goes about each statement of a tick; of its way, what is wrong with it, or all."""
    with works.acting() as ctx:
        dialect = ctx.connection.dialect.name
        reminders.put_many(ctx, [Due(key=f"k{n}", due=NOON, handler="note", subject={}) for n in range(3)])
        if dialect == "postgresql":  # so few rows are not worth an index to it
            for way in ("seqscan", "sort", "bitmapscan"):
                ctx.connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        made = sent(ctx.connection, lambda: tick_of_all(ctx))
        plans = {
            statement: plan(ctx.connection, statement, each)
            for statement, parameters in made
            for each in (parameters if isinstance(parameters, list) else [parameters])
            if table in statement
        }
    return {made: faults(how, table, dialect) if faulty else how.splitlines() for made, how in plans.items()}


def tick_of_all(ctx: RunContext) -> None:
    reminders.due_now(ctx, {"note": lambda _ctx, _due: None})
    reminders.forget_old(ctx)
    outbox_list.forget_old(ctx)
