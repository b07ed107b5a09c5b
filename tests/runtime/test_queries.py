"""Lists: what they show, in which order, page by page, and with how many statements."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from runtime import records
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.queries import Filter, ListQuery, list_records, search_everywhere
from runtime.query_columns import Named
from tests.runtime.shop import counting

D = Decimal


@pytest.fixture
def orders(ctx: RunContext) -> list[int]:
    """Seven orders over two places; the due dates of some fall together."""
    values = [
        {"place": "N" if n % 2 else "S", "due": f"2026-04-0{1 + n // 2}", "lines": [{"item": 1, "qty": n + 1}]}
        for n in range(7)
    ]
    return [saved.id for saved in records.create_many(ctx, "order", values)]


def ids(ctx: RunContext, entity: str = "order", **query: Any) -> list[int]:
    return [row[0] for row in list_records(ctx, entity, ListQuery(**query)).rows]


def test_a_view_gives_its_columns_in_its_order(ctx: RunContext, orders: list[int]) -> None:
    page = list_records(ctx, "order", ListQuery(view="all", page_size=2, count="capped", totals=True))
    assert [c.path for c in page.columns] == ["code", "date", "place", "total", "status"]
    assert [row[0] for row in page.rows] == [orders[6], orders[5]]
    assert page.rows[0][3] == Named(2, "S", "南店", "place")
    assert (page.count, page.totals) == (7, {"total": D("61.60")})


@pytest.mark.parametrize(
    "sort",
    [(), (("due", False),), (("due", True), ("code", False)), (("place", False), ("total", True)), (("id", False),)],
)
def test_pages_join_to_the_whole_in_every_order(ctx: RunContext, orders: list[int], sort: tuple[Any, ...]) -> None:
    table = ctx.app.tables.entity["order"]
    ctx.connection.execute(table.update().where(table.c.id.in_(orders[2:4])).values(due=None))
    whole = ids(ctx, sort=sort, page_size=100)
    paged: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = list_records(ctx, "order", ListQuery(sort=sort, page_size=3, cursor=cursor))
        paged += [row[0] for row in page.rows]
        cursor = page.next
    assert paged == whole
    assert sorted(whole) == sorted(orders)


def test_a_cursor_of_another_order_or_none_at_all_is_refused(ctx: RunContext, orders: list[int]) -> None:
    page = list_records(ctx, "order", ListQuery(sort=(("due", False),), page_size=3))
    for query in (
        ListQuery(sort=(("due", True),), cursor=page.next or ""),
        ListQuery(cursor="nonsense"),
        ListQuery(cursor="W10"),
        ListQuery(page_size=0 - 1),
        ListQuery(page_size=501),
        ListQuery(fields=("nmae",)),
        ListQuery(sort=(("lines", False),)),
    ):
        with pytest.raises(Malformed):
            list_records(ctx, "order", query)


def test_simple_filters(ctx: RunContext, orders: list[int]) -> None:
    assert ids(ctx, filters=(Filter("place", "eq", ("N",)),)) == [orders[5], orders[3], orders[1]]
    assert ids(ctx, filters=(Filter("place", "in", ("1", 2)), Filter("due", "le", ("2026-04-01",)))) == orders[1::-1]
    assert ids(ctx, filters=(Filter("due", "between", ("2026-04-02", "2026-04-03")),)) == orders[5:1:-1]
    assert ids(ctx, filters=(Filter("note", "filled"),)) == []
    assert ids(ctx, filters=(Filter("place.name", "contains", ("北",)), Filter("total", "gt", ("5",)))) == [
        orders[5], orders[3]
    ]  # fmt: skip


def test_expressions_filter_and_live_formulas_are_columns(ctx: RunContext, orders: list[int]) -> None:
    assert ids(ctx, filter='place.code == "N" and sum(lines.qty) >= 4') == [orders[5], orders[3]]
    assert ids(ctx, filter="late") == []
    assert list_records(ctx, "order", ListQuery(fields=("late",), page_size=1)).rows == [(orders[6], False)]
    with pytest.raises(Malformed) as error:
        ids(ctx, filter="totl > 1")
    assert "total" in error.value.faults[0].message


def test_a_condition_names_records_by_their_codes(ctx: RunContext, orders: list[int]) -> None:
    for text in ('place.code == "N"', "'N' == place.code", "total > 0 and (place.code == 'N' and total < 999)"):
        assert ids(ctx, filter=text) == [orders[5], orders[3], orders[1]]
    assert ids(ctx, filter='place.code == "N" or place.code == "S"') == orders[::-1]
    assert ids(ctx, filter='place.code != "N"') == orders[::-2]
    for text in ('place.code == "N" and place.code == "S"', 'place.code == "nowhere"', 'place.code == "1"'):
        assert ids(ctx, filter=text) == []


def test_whichever_code_a_condition_names_the_statement_is_the_same(ctx: RunContext, orders: list[int]) -> None:
    sent = []
    for code in "NS":
        with counting(ctx.connection) as counter:
            ids(ctx, filter=f"total > 0 and place.code == '{code}'")
        sent.append(counter.statements)
    assert sent[0] == sent[1]
    assert len(sent[0]) == 2
    assert '"order".place = ' in sent[0][1].partition("WHERE")[2]


def test_a_code_that_a_record_in_the_bin_had_too_names_both_in_a_condition(ctx: RunContext, orders: list[int]) -> None:
    table = ctx.app.tables.entity["place"]
    found = []
    for _ in range(2):
        place = records.create(ctx, "place", {"code": "TWICE", "name": "x"}).id
        order = records.create(ctx, "order", {"place": place, "lines": [{"item": 1, "qty": 1}]}).id
        found.append((place, order))
        if len(found) == 1:
            ctx.connection.execute(table.update().where(table.c.id == place).values(deleted_at=ctx.now()))
    assert ids(ctx, filter="place.code == 'TWICE'", sort=(("id", False),)) == [order for _, order in found]
    assert ids(ctx, filters=(Filter("place", "eq", ("TWICE",)),)) == [found[1][1]]


def test_search_by_text_pinyin_and_initials(ctx: RunContext) -> None:
    for words in ("螺栓", "liujiao", "LJLS", "a-0001 螺"):
        assert ids(ctx, "thing", q=words) == [1]
    assert ids(ctx, "thing", q="100%_") == []
    assert [(e, str(n)) for e, n in search_everywhere(ctx, "bt")] == [("thing", "B-0001 白糖")]


def test_deleted_records_are_in_the_bin_only(ctx: RunContext, orders: list[int]) -> None:
    records.delete(ctx, "order", orders[0])
    assert orders[0] not in ids(ctx)
    assert ids(ctx, deleted=True) == [orders[0]]
    assert len(ids(ctx, "order.lines", fields=("item",))) == 6


def test_many_values_in_a_column_take_one_statement_more(ctx: RunContext) -> None:
    records.create_many(ctx, "employee", [{"code": f"E{n}", "name": "x", "places": [1, 2]} for n in range(5, 9)])
    with counting(ctx.connection) as counter:
        page = list_records(ctx, "employee", ListQuery(fields=("name", "places"), sort=(("code", True),)))
    assert page.rows[0][2] == (1, 2)
    assert len(counter) == 2


def test_a_page_is_one_statement(ctx: RunContext, orders: list[int]) -> None:
    with counting(ctx.connection) as counter:
        list_records(ctx, "order", ListQuery(fields=("code", "place", "place.name", "late", "owner"), q="dd2026"))
    assert len(counter) == 1


def test_what_no_index_serves_is_looked_for_once_and_the_few_found_are_asked(
    ctx: RunContext, orders: list[int]
) -> None:
    words = ListQuery(fields=("code", "total"), q="dd2026", sort=(("code", False),), count="capped", totals=True)
    with counting(ctx.connection) as counter:
        sought = list_records(ctx, "order", words)
    plain = list_records(ctx, "order", ListQuery(fields=("code", "total"), sort=(("code", False),), totals=True))
    assert "ORDER BY" not in counter.statements[0]
    assert [("LIKE" in one) for one in counter.statements] == [True, False, False]
    assert (sought.rows, sought.count, sought.totals) == (plain.rows, len(orders), plain.totals)


def test_where_many_fit_the_list_is_read_in_its_order(
    ctx: RunContext, orders: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.queries.TOTALS_CAP", len(orders) - 1)
    words = ListQuery(fields=("code",), q="DD2026", sort=(("code", False),), count="exact")
    with counting(ctx.connection) as counter:
        page = list_records(ctx, "order", words)
    assert [("ORDER BY" in one) for one in counter.statements] == [False, True]
    assert (len(page.rows), page.count) == (len(orders), len(orders))
