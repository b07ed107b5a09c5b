"""Transactions: fair turns for writers, readers that never wait, nothing half written."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from runtime.database import Database, Queue, open_database


@pytest.fixture
def counter(database: Database) -> Database:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO counter VALUES (1, 0), (2, 0)"))
    return database


def total(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(text("SELECT SUM(n) FROM counter")).scalar_one())


def test_32_writers_lose_nothing_and_wait_for_each_other_once(counter: Database) -> None:
    """How long a turn takes is the machine's; how many turns of others one waits for is ours."""
    done: list[int] = []
    passed: list[int] = []

    def add(_: int) -> None:
        for _ in range(10):
            before = len(done)
            with counter.write() as connection:
                connection.execute(text("UPDATE counter SET n = n + 1 WHERE id = 1"))
                passed.append(len(done) - before)
                done.append(1)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(add, range(32)))
    assert total(counter) == len(done) == 320
    if counter.dialect == "sqlite":  # PostgreSQL hands its locks out by itself
        assert sorted(passed)[int(len(passed) * 0.99)] <= 32


WRITER = """
import sys
from sqlalchemy import text
from runtime.database import open_database
database = open_database(sys.argv[1], sys.argv[2])
for _ in range(100):
    with database.write() as connection:
        connection.execute(text("UPDATE counter SET n = n + 1 WHERE id = 1"))
"""


def test_writers_of_several_processes_lose_nothing(counter: Database) -> None:
    url = counter.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", WRITER, url, counter.schema]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    faults = [process.communicate()[1] for process in running]
    assert faults == ["", "", ""]
    assert total(counter) == 300


def test_an_exception_rolls_back(counter: Database) -> None:
    def fail() -> None:
        with counter.write() as connection:
            connection.execute(text("UPDATE counter SET n = 5"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert total(counter) == 0


def test_a_read_transaction_cannot_write(counter: Database) -> None:
    with pytest.raises(DBAPIError), counter.read() as connection:
        connection.execute(text("UPDATE counter SET n = 5"))
    assert total(counter) == 0
    with counter.write() as connection:
        connection.execute(text("UPDATE counter SET n = 1"))
    assert total(counter) == 2


def test_what_is_prepared_for_reading_stays_prepared_while_others_write(tmp_path: Path) -> None:
    """A connection that changes sides forgets its statements: each side keeps its own."""
    database = open_database(f"sqlite:///{tmp_path}/sides.db")
    sent: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *told: sent.append(told[2]))
    for _ in range(3):
        with database.write() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS one (n INTEGER)"))
        with database.read() as connection, pytest.raises(DBAPIError):
            connection.execute(text("INSERT INTO one VALUES (1)"))
    database.close()
    assert [each for each in sent if each.startswith("PRAGMA query_only")] == [
        "PRAGMA query_only=OFF",
        "PRAGMA query_only=ON",
    ]


def test_a_reader_goes_on_while_somebody_writes(counter: Database) -> None:
    with counter.write() as connection:
        connection.execute(text("UPDATE counter SET n = 5"))
        assert total(counter) == 0
    assert total(counter) == 10


def test_a_snapshot_sees_one_state(counter: Database) -> None:
    with counter.snapshot() as reader:
        assert reader.execute(text("SELECT SUM(n) FROM counter")).scalar_one() == 0
        with counter.write() as connection:
            connection.execute(text("UPDATE counter SET n = 5"))
        assert reader.execute(text("SELECT SUM(n) FROM counter")).scalar_one() == 0


def test_run_repeats_what_a_deadlock_broke_off(counter: Database) -> None:
    meet = Barrier(2)
    tries: list[int] = []

    def cross(first: int, second: int) -> None:
        def work(connection: object) -> None:
            tries.append(first)
            connection.execute(text(f"UPDATE counter SET n = n + 1 WHERE id = {first}"))  # type: ignore[attr-defined]
            if counter.dialect == "postgresql" and tries.count(first) == 1:
                meet.wait()
            connection.execute(text(f"UPDATE counter SET n = n + 1 WHERE id = {second}"))  # type: ignore[attr-defined]

        counter.run(work)

    threads = [Thread(target=cross, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total(counter) == 4
    assert len(tries) == (3 if counter.dialect == "postgresql" else 2)


def test_writing_inside_a_write_is_a_programming_error(make_database: object) -> None:
    database = make_database("sqlite")  # type: ignore[operator]
    with database.write(), pytest.raises(RuntimeError, match="already open in this thread"), database.write():
        pass
    with database.write():
        pass


def test_turns_are_given_in_order_of_arrival() -> None:
    queue, order = Queue(), []
    queue.enter(5)

    def wait(number: int) -> None:
        queue.enter(5)
        order.append(number)
        queue.leave()

    threads = [Thread(target=wait, args=(n,)) for n in range(8)]
    for number, thread in enumerate(threads):
        thread.start()
        while len(queue._waiting) <= number:
            time.sleep(0.0005)
    queue.leave()
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_each_schema_is_an_app_of_its_own(make_database: object) -> None:
    one, two = make_database("postgresql"), make_database("postgresql")  # type: ignore[operator]
    for database in (one, two):
        with database.write() as connection:
            connection.execute(text("CREATE TABLE mine (n INTEGER)"))
    with one.write() as connection:
        connection.execute(text("INSERT INTO mine VALUES (1)"))
    with two.read() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM mine")).scalar_one() == 0


def test_other_databases_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="mysql: only sqlite and postgresql are supported"):
        open_database("mysql://localhost/x")
