"""What must hold whatever happens: nothing is sold twice, nothing is half posted, a refusal leaves nothing."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import count
from multiprocessing.synchronize import Barrier

import pytest
from sqlalchemy import func, select

from runtime.apps import AppHome
from runtime.context import SYSTEM, RunContext
from runtime.ledgers import check
from runtime.records import create
from runtime.workflow import take
from tests.scenarios.clients import code
from tests.scenarios.works import NAME, Works

WORKERS = 2
EACH = 16
KILLS = 30
SPAWN = multiprocessing.get_context("forkserver")  # one process reads the packages, the others come from it
SPAWN.set_forkserver_preload(["tests.scenarios.test_guards", "web.application"])


def drafts(works: Works, count: int, qty: str = "1") -> list[int]:
    """Deliveries that wait to be posted."""
    line = {"item": code("SCREW"), "qty": qty, "price": "1"}
    body = [{"partner": code("C"), "warehouse": code("W"), "lines": [line]} for _ in range(count)]
    return [made["id"] for made in works.api().post("/delivery", body, status=201)]


def post_all(folder: str, url: str, token: str, ids: list[int], ready: Barrier, answers: multiprocessing.Queue) -> None:
    """A server process of its own that posts deliveries through the API, all at once."""
    from tests.scenarios.clients import Api
    from web.application import create_app

    home = AppHome(folder, url)
    app = create_app(home, testing=True)
    apis = [Api(app, token, lambda: None) for _ in ids]
    apis[0].get("/delivery")
    ready.wait(60)
    with ThreadPoolExecutor(len(ids)) as threads:
        sent = [
            threads.submit(api.status, "POST", f"/delivery/{i}/actions/post", {})
            for api, i in zip(apis, ids, strict=True)
        ]
        answers.put([one.result() for one in sent])
    home.close()


def test_guard_of_32_issues_at_once_exactly_ten_find_stock(both: Works) -> None:
    both.bought("SCREW", "10", "0.1")
    ids = drafts(both, WORKERS * EACH)
    ready, answers = SPAWN.Barrier(WORKERS), SPAWN.Queue()
    shares = [ids[n::WORKERS] for n in range(WORKERS)]
    given = (str(both.home.folder), both.home.url, both.tokens["admin"])
    workers = [SPAWN.Process(target=post_all, args=(*given, share, ready, answers)) for share in shares]
    for worker in workers:
        worker.start()
    codes = sorted(status for _ in workers for status in answers.get(timeout=120))
    for worker in workers:
        worker.join(30)
    assert codes == [200] * 10 + [409] * 22
    assert both.stock("SCREW") == 0
    assert consistent(both) == []
    posted = both.scalar("select count(*) from delivery where status = 'posted'")
    assert posted == 10


def consistent(works: Works) -> list[str]:
    """What the proof of the ledgers finds."""
    with works.app.database.read() as connection:
        return [str(found) for found in check(connection, works.app.model, works.app.tables)]


def post_one_by_one(folder: str, url: str, started: multiprocessing.Queue) -> None:
    """Receipts without end, until somebody pulls the plug."""
    home = AppHome(folder, url)
    app = home.get(NAME)
    line = {"item": code("SCREW"), "qty": "7", "price": "0.1"}
    for number in count():
        with app.database.write() as connection:
            ctx = RunContext(app=app, connection=connection, user=SYSTEM, clock=home.clock, source="test")
            values = {"partner": code("S"), "warehouse": code("W"), "lines": [line]}
            made = create(ctx, "purchase_receipt", values)
            take(ctx, "purchase_receipt", made.id, "post", {})
        if number == 0:
            started.put(os.getpid())  # one stands


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_guard_a_pulled_plug_leaves_all_or_nothing(dialect: str, make_works: object) -> None:
    works: Works = make_works(dialect)  # type: ignore[operator]
    chance = random.Random(7)
    kills = 0
    while kills < KILLS:
        started = SPAWN.Queue()
        workers = [
            SPAWN.Process(target=post_one_by_one, args=(str(works.home.folder), works.home.url, started))
            for _ in range(5)
        ]
        for worker in workers:
            worker.start()
        under_way = kills % 10 < 5  # else from their very start: importing, opening the app, the first posting
        if under_way:
            started.get(timeout=60)
            time.sleep(0.3)
        for worker in workers:
            time.sleep(chance.uniform(0, 0.08 if under_way else 0.5))
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
            worker.join(10)
            kills += 1
    assert consistent(works) == []
    receipts = works.app.tables.entity["purchase_receipt"]
    with works.app.database.read() as connection:
        states = dict(
            connection.execute(select(receipts.c.status, func.count()).group_by(receipts.c.status)).all()  # type: ignore[arg-type]
        )
    assert set(states) == {"posted"}
    assert works.stock("SCREW") == 7 * states["posted"]
    assert works.stock("SCREW", resource="value") == Decimal("0.70") * states["posted"]


def test_guard_every_refusal_leaves_nothing(both: Works) -> None:
    works = both
    works.bought("SCREW", "10", "0.1")
    draft = drafts(works, 1, "11")[0]
    line = {"item": code("SCREW"), "qty": "1", "price": "1"}
    whole = {"partner": code("C"), "warehouse": code("W"), "due_date": "2026-02-01", "lines": [line]}
    before = works.row_counts()
    refused = [
        ("admin", 409, "POST", f"/delivery/{draft}/actions/post", {}),
        ("sales", 422, "POST", "/sales_order", {**whole, "lines": []}),
        ("sales", 422, "POST", "/sales_order", {**whole, "due_date": "2025-01-01"}),
        ("sales", 422, "POST", "/sales_order", {**whole, "lines": [{**line, "qty": "-1"}]}),
        ("sales", 422, "POST", "/sales_order", {**whole, "lines": [{**line, "item": code("NONE")}]}),
        ("sales", 422, "POST", "/sales_order", {**whole, "nonsense": 1}),
        ("sales", 422, "POST", "/sales_order", [whole, {**whole, "partner": None}]),
        ("keeper", 403, "POST", "/sales_order", whole),
        ("viewer", 403, "DELETE", f"/delivery/{draft}", None),
    ]
    for person, status, method, path, body in refused:
        works.api(person).refused(status, method, path, body)
        assert works.row_counts() == before, (path, body)
