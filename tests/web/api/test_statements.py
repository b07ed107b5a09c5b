"""Reading through the API takes a number of statements that does not grow with the rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from tests.scenarios.clients import code
from tests.scenarios.works import Works
from tests.web.api.test_records import some_item

pytestmark = pytest.mark.both
MOST_READ, MOST_LIST, MOST_MOVES, MOST_BALANCES = 14, 4, 5, 8


@contextmanager
def counted(office: Works) -> Iterator[list[str]]:
    """The statements of a block."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    engine = office.app.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def statements(office: Works, path: str, **query: object) -> int:
    """How many statements a reading takes once everything is known that is kept."""
    office.api().get(path, **query)
    with counted(office) as found:
        office.api().get(path, **query)
    return len([s for s in found if not s.startswith(("BEGIN", "SELECT pg_catalog", "PRAGMA"))])


@pytest.fixture
def receipts(office: Works) -> tuple[int, int]:
    """A receipt of one line, and one of twenty."""
    items = [some_item(office.api())["id"] for _ in range(20)]

    def receipt(chosen: list[int]) -> int:
        lines = [{"item": item, "qty": "2", "price": "1"} for item in chosen]
        made = office.api().new("purchase_receipt", partner=code("S"), warehouse=code("W"), lines=lines)
        office.api().take("purchase_receipt", made["id"], "post")
        return int(made["id"])

    return receipt(items[:1]), receipt(items)


def test_a_long_document_is_read_like_a_short_one(office: Works, receipts: tuple[int, int]) -> None:
    short, long = (statements(office, f"/purchase_receipt/{id}") for id in receipts)
    assert short == long
    assert long <= MOST_READ


def test_a_long_list_is_read_like_a_short_one(office: Works, receipts: tuple[int, int]) -> None:
    short, long = (statements(office, "/item", page_size=size) for size in (1, 20))
    assert short == long
    assert long <= MOST_LIST


def test_ledgers_of_much_are_read_like_those_of_little(office: Works, receipts: tuple[int, int]) -> None:
    """The newest twenty moves are those of the receipt of twenty lines: one kind of document, however many rows."""
    one, twenty = (statements(office, "/ledgers/stock/moves", page_size=size) for size in (1, 20))
    assert one == twenty
    assert twenty <= MOST_MOVES
    before = statements(office, "/ledgers/stock/balances", group_by="item")
    for _ in range(3):
        office.bought(some_item(office.api())["code"], "5", "2")
    assert statements(office, "/ledgers/stock/balances", group_by="item") == before
    assert before <= MOST_BALANCES
