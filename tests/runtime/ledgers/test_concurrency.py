"""Nothing is sold twice, by threads or by processes, on either database."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from runtime.database import open_database
from runtime.errors import Conflict, Invalid
from runtime.ledgers import post
from runtime.values import Ref
from tests.runtime.ledgers.depot import Depot, add, on, open_depot, take


def _issue(depot: Depot, things: tuple[int, ...]) -> bool:
    def work(connection: Connection) -> None:
        post(depot.context(connection), [take(thing=t, qty=1) for t in things])

    try:
        depot.app.database.run(work)
    except Conflict:
        return False
    return True


def _issue_elsewhere(url: str, schema: str, things: tuple[int, ...]) -> list[bool]:
    """Eight issues from a process of its own."""
    database = open_database(url, schema)
    try:
        depot = open_depot(database, fresh=False)
        return [_issue(depot, things) for _ in range(8)]
    finally:
        database.close()


def test_32_issues_of_one_from_a_stock_of_ten_by_threads(depot: Depot) -> None:
    depot.post(add(qty=10, value=100))
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: _issue(depot, (1,)), range(32)))
    assert sum(done) == 10
    assert depot.pool() == (Decimal(0), Decimal(0))
    assert depot.problems() == []


def test_32_issues_of_one_from_a_stock_of_ten_by_processes(depot: Depot) -> None:
    depot.post(add(qty=10, value=100))
    database = depot.app.database
    url = database.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=context) as pool:
        jobs = [pool.submit(_issue_elsewhere, url, database.schema, (1,)) for _ in range(4)]
        assert sum(sum(job.result()) for job in jobs) == 10
    assert depot.pool() == (Decimal(0), Decimal(0))
    assert depot.problems() == []


def test_lines_in_any_order_never_deadlock(depot: Depot) -> None:
    depot.post(add(qty=100, value=100), add(thing=2, qty=100, value=100))
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda i: _issue(depot, (1, 2) if i % 2 else (2, 1)), range(32)))
    assert all(done)
    assert depot.problems() == []


def test_promises_never_exceed_what_is_there(depot: Depot) -> None:
    depot.post(add(qty=10, value=100))

    def promise(_: int) -> bool:
        try:
            depot.post(add("promised", qty=1, demand=2))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda i: promise(i) if i % 2 else _issue(depot, (1,)), range(24)))
    assert sum(done) == 10
    assert depot.problems() == []


def test_eight_writers_mix_days_gone_with_now_and_nothing_fails(depot: Depot) -> None:
    depot.now = on(20)
    depot.post(*(add(thing=t, place=9, qty=50, value=333, at=on(1)) for t in (1, 2)))

    def write(number: int) -> None:
        thing, at = 1 + number % 2, on(2 + number) if number % 3 == 0 else depot.now
        key = f"made{number}"
        depot.post(
            take(thing=thing, place=9, qty=9, at=at, key=key, document=number),
            add(thing=3 - thing, place=9, qty=9, from_=(key,), at=at, document=number),
            add(thing=thing, place=9, qty=2, value=number, at=at, document=number),
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(1, 25)))
    assert depot.problems() == []
    assert depot.pool(1)[0] + depot.pool(2)[0] == Decimal(148)
    assert depot.pool(1)[1] + depot.pool(2)[1] == Decimal(666 + 300)


def test_eight_payments_of_one_debt_settle_it_once(depot: Depot) -> None:
    owed = {"partner": 1, "document": Ref("thing", 1), "due": date(2026, 3, 9)}
    depot.post(add("debts", amount=30)._replace(dimensions=owed))

    def pay(_: int) -> bool:
        try:
            depot.post(take("debts", partner=1, amount=10, allocate="oldest"))
        except (Conflict, Invalid) as refused:  # somebody was quicker, or all was settled before this one looked
            return refused.faults[0].code not in ("not_enough", "nothing_usable")
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(pay, range(8))) == 3
    assert depot.problems() == []
