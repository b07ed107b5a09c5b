"""A price that changes costs through levels: the figures that statements by hand come to, however many there are."""

from __future__ import annotations

from sqlalchemy import text

from runtime.database import Database
from tests.bench.p09_cascade import Kitchen


def test_a_price_reaches_every_dish_through_all_levels_set_by_set(database: Database) -> None:
    kitchen = Kitchen(database, 40)
    kitchen.measured(1)  # price 5 at last; refuses other figures than the statements written by hand come to
    with database.read() as connection:
        dishes = connection.execute(text("SELECT cost, margin, gap FROM dish ORDER BY id")).all()
    assert [dishes[0], dishes[39]] == [(9_125_000, 821_078, 221_078), (9_125_000, 831_019, 231_019)]
    assert len({cost for cost, _, _ in dishes}) == 1
    assert kitchen.sent <= 30  # a statement a table and level, and the ways between them: none for each record


def test_more_records_than_one_statement_writes_come_to_the_same_figures(database: Database) -> None:
    Kitchen(database, 230).measured(1)
    with database.read() as connection:
        found = connection.execute(text("SELECT DISTINCT cost, count(*) FROM dish GROUP BY cost")).all()
    assert [tuple(row) for row in found] == [(9_812_500, 230)]
