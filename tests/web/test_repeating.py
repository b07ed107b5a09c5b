"""A request that the database broke off is done again, unless something of it stands already."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Barrier

import psycopg.errors
import pytest
from flask import flash, get_flashed_messages, request
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runtime.database import Database
from web.repeating import ATTEMPTS, RepeatingFlask, note_commit


def broken_off() -> DBAPIError:
    return DBAPIError("UPDATE", {}, psycopg.errors.DeadlockDetected("deadlock detected"))


@pytest.fixture
def app() -> RepeatingFlask:
    made = RepeatingFlask("repeating")
    made.config.update(TESTING=True, SECRET_KEY="k")
    return made


def serve(app: RepeatingFlask, view: Callable[[], str]) -> list[int]:
    """Calls of the view, counted."""
    calls: list[int] = []

    def counted() -> str:
        calls.append(len(calls))
        return view()

    app.add_url_rule("/", "view", counted, methods=["GET", "POST"])
    return calls


def test_what_was_broken_off_is_done_again_with_the_same_content(app: RepeatingFlask) -> None:
    def view() -> str:
        flash("told")
        content = request.files["file"].read().decode()
        if len(calls) < 3:
            raise broken_off()
        return f"{content} {len(get_flashed_messages())}"

    calls = serve(app, view)
    answer = app.test_client().post("/", data={"file": (BytesIO(b"sheet"), "a.csv")})
    assert (answer.text, len(calls)) == ("sheet 1", 3)


def test_it_is_not_tried_for_ever(app: RepeatingFlask) -> None:
    def view() -> str:
        raise broken_off()

    calls = serve(app, view)
    with pytest.raises(DBAPIError):
        app.test_client().post("/")
    assert len(calls) == ATTEMPTS


def test_what_stands_already_is_not_done_twice(app: RepeatingFlask) -> None:
    def view() -> str:
        note_commit()
        raise broken_off()

    calls = serve(app, view)
    with pytest.raises(DBAPIError):
        app.test_client().post("/")
    assert len(calls) == 1


def test_other_faults_and_reading_are_not_repeated(app: RepeatingFlask) -> None:
    def view() -> str:
        raise DBAPIError("SELECT", {}, psycopg.errors.UndefinedTable("no such table"))

    calls = serve(app, view)
    for send in (app.test_client().post, app.test_client().get):
        with pytest.raises(DBAPIError):
            send("/")
    assert len(calls) == 2


def test_two_requests_that_wait_for_each_other_are_both_answered(
    app: RepeatingFlask, make_database: Callable[[str], Database]
) -> None:
    database = make_database("postgresql")
    with database.write() as connection:
        connection.execute(text("CREATE TABLE held (id integer PRIMARY KEY, n integer NOT NULL)"))
        connection.execute(text("INSERT INTO held VALUES (1, 0), (2, 0)"))
    met = Barrier(2)
    tries: list[int] = []

    def view() -> str:
        tries.append(1)
        first = len(tries) <= 2
        order = request.args["order"].split(",")
        with database.write() as connection:
            connection.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
            for place, row in enumerate(order):
                connection.execute(text("UPDATE held SET n = n + 1 WHERE id = CAST(:id AS integer)"), {"id": int(row)})
                if place == 0 and first:
                    met.wait(10)
        note_commit()
        return "done"

    app.add_url_rule("/", "view", view, methods=["POST"])
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda order: app.test_client().post(f"/?order={order}").text, ("1,2", "2,1")))
    with database.read() as connection:
        counted = list(connection.execute(text("SELECT n FROM held ORDER BY id")).scalars())
    assert (answers, counted, len(tries)) == (["done", "done"], [2, 2], 3)
