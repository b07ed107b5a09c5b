"""P4: many at once: eight clients over HTTP on the same server, writers in a queue, one item everybody wants.

Over HTTP the rate counts, of ours against the hand-written list page on the same kind of server. The writers and the
hot item say what happens to the slowest, and that nothing is lost.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Table, bindparam, text
from sqlalchemy.sql.dml import ReturningUpdate

from runtime import ledgers, records, workflow
from runtime.errors import UserError
from tests.bench import p01_lists
from tests.bench.measure import Figure, percentile
from tests.bench.p11_footprint import free_port, wait
from tests.bench.places import NOON, PASSWORD, Place, code_of
from tests.bench.web import csrf_of
from web.serving import take_turns

GOAL = "P4"
CLIENTS = 8
WRITERS = 32
BUYERS = 50
ONE = 10**6
"""One piece, as the database keeps it."""
SECONDS = 8.0
PATH = f"/api/v1/{p01_lists.ENTITY}?fields={','.join(p01_lists.COLUMNS)}&sort=-date,-code&page_size=50"


def run(place: Place) -> Iterator[Figure]:
    """The three on this database, where they apply."""
    p01_lists.fill(place)
    take_turns()  # the threads of this process stand for those of a server
    yield from _over_http(place)
    if place.dialect == "sqlite":
        yield _writers(place)
    else:
        yield _hot_item(place)


# --- over HTTP -------------------------------------------------------------------------------------------------


def _over_http(place: Place) -> Iterator[Figure]:
    seconds = 0.5 if place.size.quick else SECONDS
    with _serving(place, "ours") as port:
        cookie = _log_in(port)
        ours = _rate(port, PATH, cookie, seconds)
    with _serving(place, "hand") as port:
        cookie = _cookie(port, "/login")
        hand = _rate(port, "/orders.json?partner=7&status=approved", cookie, seconds)
    yield Figure(
        goal=GOAL, name=f"{CLIENTS} clients over HTTP, JSON list", database=place.dialect, unit="requests/s", ours=ours,
        hand=hand, limit=0.6, at_least=True,
    )  # fmt: skip


@contextmanager
def _serving(place: Place, which: str) -> Iterator[int]:
    """Either of the two on granian, in one process with four threads."""
    port = free_port()
    environment = {
        **os.environ, "BENCH_FOLDER": str(place.home.folder.absolute()), "BENCH_URL": place.home.url,
        "BENCH_APP": place.app.name,
    }  # fmt: skip
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
               "--workers", "1", "--blocking-threads", "4", "--no-ws", "--log-level", "warning",
               "--factory",
        f"tests.bench.served:{which}"]  # fmt: skip
    log = place.home.folder / f"{which}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            wait(process, port, log)
            yield port
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            if process.poll() is None:
                process.kill()
                process.wait()


def _cookie(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return (answer.getheader("Set-Cookie") or "").partition(";")[0]


def _log_in(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/login")
    answer = connection.getresponse()
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    content = urlencode({"name": "bench", "password": PASSWORD, "csrf_token": csrf_of(answer.read().decode())})
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", content, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 303:
        raise RuntimeError(f"the log-in answered {answer.status}")
    return (answer.getheader("Set-Cookie") or "").partition(";")[0]


def _rate(port: int, path: str, cookie: str, seconds: float) -> float:
    """Answers a second to eight clients, once everything is warm."""
    warm = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(20):
        warm.request("GET", path, headers={"Cookie": cookie})
        warm.getresponse().read()
    warm.close()
    counts, wrong = [0] * CLIENTS, list[int]()
    stop = time.monotonic() + seconds

    def client(n: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < stop:
            connection.request("GET", path, headers={"Cookie": cookie})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                wrong.append(answer.status)
                return
            counts[n] += 1

    start = time.monotonic()
    _together([lambda n=n: client(n) for n in range(CLIENTS)])  # type: ignore[misc]
    if wrong:
        raise RuntimeError(f"a client was answered {wrong[0]}")
    return sum(counts) / (time.monotonic() - start)


def _together(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- writers ---------------------------------------------------------------------------------------------------


def _writers(place: Place) -> Figure:
    """Thirty-two people save small records, each one after another, with a breath between."""
    each = 2 if place.size.quick else 12
    taken, faults = list[float](), list[str]()

    def writer(n: int) -> None:
        for i in range(each):
            start = time.monotonic()
            try:
                with place.writing() as ctx:
                    records.create(ctx, "item_category", {"code": f"C{time.time_ns()}{n}", "name": f"类{n}.{i}"})
            except Exception as error:  # the figure tells of it, whatever it is
                faults.append(str(error))
            taken.append(time.monotonic() - start)
            time.sleep(0.5)

    _together([lambda n=n: writer(n) for n in range(WRITERS)])  # type: ignore[misc]
    if faults:
        raise RuntimeError(f"{len(faults)} of {len(taken)} writes failed: {faults[0][:200]}")
    return Figure(
        goal=GOAL, name=f"{WRITERS} writers, 99th percentile, none locked out", database=place.dialect, unit="s wall",
        ours=percentile(taken, 0.99), limit=1.0, of="ours",
    )  # fmt: skip


# --- one hot item ----------------------------------------------------------------------------------------------


def _hot_item(place: Place) -> Figure:
    """Fifty people take one of the same item: posting against the same writes in the best order, by hand."""
    each = 1 if place.size.quick else 4
    item, before = _stocked(place)

    def take() -> None:
        with place.writing() as ctx:
            request = ledgers.MoveRequest(
                ledger="stock", verb=ledgers.Verb.TAKE, amounts={"qty": Decimal(1)},
                dimensions={"item": item, "warehouse": 1}, document=ledgers.DocumentKey(entity="item", id=item),
                key="k", at=NOON, posting_set="bench", posting="bench",
            )  # fmt: skip
            ledgers.post(ctx, [request])

    ours = _crowd(take, each)
    after = _on_hand(place, item)
    if before - after != BUYERS * each:
        raise AssertionError(f"{BUYERS * each} were taken, but {before} became {after}")
    hand = _crowd(_by_hand(place, item), each)
    return Figure(
        goal=GOAL, name=f"{BUYERS} clients on one item", database=place.dialect, unit="takes/s", ours=ours, hand=hand,
        limit=0.7, at_least=True, note="beside it: the same rows by guarded UPDATEs, nothing looked at before",
    )  # fmt: skip


def _crowd(take: Callable[[], None], each: int) -> float:
    faults: list[str] = []

    def buyer() -> None:
        for _ in range(each):
            try:
                take()
            except UserError as error:
                faults.append(str(error))

    start = time.monotonic()
    _together([buyer] * BUYERS)
    if faults:
        raise AssertionError(f"{len(faults)} were refused: {faults[0]}")
    return BUYERS * each / (time.monotonic() - start)


def _stocked(place: Place) -> tuple[int, int]:
    """An item with plenty on hand."""
    with place.writing() as ctx:
        code = f"H{time.time_ns()}"
        item = records.create(
            ctx, "item", {"code": code, "name": code, "unit": code_of("PC"), "category": code_of("RM")}
        ).id
        line = {"item": code_of(code), "qty": "100000", "price": "1"}
        receipt = records.create(
            ctx, "purchase_receipt", {"partner": code_of("S1"), "warehouse": code_of("W0"), "lines": [line]}
        )
        workflow.take(ctx, "purchase_receipt", receipt.id, "post", {})
    return item, _on_hand(place, item)


def _on_hand(place: Place, item: int) -> int:
    with place.reading() as ctx:
        return int(sum(row.amounts["qty"] for row in ledgers.balances(ctx, "stock", where={"item": item})))


def _by_hand(place: Place, item: int) -> Callable[[], None]:
    """The best strategy with the same writes: rows appended, each figure changed by one guarded UPDATE, the last ones
    those that everybody wants."""
    pool, moves, by_item, by_place, joint, balance = place.plain(
        "pool_stock", "ledger_stock", "total_stock_by_item", "total_stock_by_place", "joint_reserved_within_stock",
        "balance_stock",
    )  # fmt: skip
    cost = pool.c.value * ONE / pool.c.qty
    taken = (
        pool.update()
        .where(pool.c.item == bindparam("i"), pool.c.qty >= ONE)
        .values(qty=pool.c.qty - ONE, value=pool.c.value - cost)
        .returning(pool.c.value / pool.c.qty)
    )
    row = {"item": item, "warehouse": 1, "qty": -ONE, "value": 0, "kind": "", "doc_entity": "item", "doc_id": item,
           "posting_set": "bench", "posting": "bench", "cost": "pool", "entered_by": 0}  # fmt: skip
    stamped = moves.insert().values(at=text("now()"), entered_at=text("now()"))
    running = [_less(by_item, "qty"), _less(by_place, "qty"), _less(joint, "stock__qty"), _less(balance, "qty")]

    def take() -> None:
        with place.database.write() as connection:
            value = connection.execute(taken, {"i": item}).scalar_one()
            connection.execute(stamped, {**row, "value": -value})
            for each in running:
                connection.execute(each, {"i": item}).first()

    return take


def _less(table: Table, name: str) -> ReturningUpdate[Any]:
    column = table.c[name]
    return (
        table.update()
        .where(table.c.item == bindparam("i"), column >= ONE)
        .values({name: column - ONE})
        .returning(column)
    )


__all__ = ["GOAL", "run"]
