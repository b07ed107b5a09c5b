"""Cards: values, parts, colours, comparison, history; what one may not see does not count and is not there."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event

from runtime import cards, records, workflow
from runtime.context import User
from runtime.database import Database
from runtime.errors import NotFound
from runtime.figures import Period, period_of
from tests.runtime.works import ANNA, BOSS, BUYER, CHIEF, MAKER, NOON, Works, open_works

TODAY = date(2026, 3, 2)


@pytest.fixture
def works(database: Database) -> Works:
    return open_works(database)


def card(works: Works, id: str, user: User = BOSS, days: int = 0, **more: object) -> cards.Figure:
    with works.acting(user, moment=NOON + timedelta(days=days)) as ctx:
        return cards.card(ctx, id, **more)  # type: ignore[arg-type]


def approved(works: Works, *quantities: str) -> int:
    lines = [{"item": {"code": "BOLT"}, "qty": qty} for qty in quantities]
    made = works.new("order", BUYER, vendor="V", place=1, lines=lines)
    works.take(BUYER, "order", made, "submit")
    return made


def test_d8_the_value_of_the_stock_with_its_label_and_where_it_leads(works: Works) -> None:
    works.stock(1, BOLT="100", SCREW="50")
    figure = card(works, "stock_value")
    assert (figure.value, figure.label, figure.format, figure.better) == (
        Decimal(1500),
        "Stock value",
        "money",
        "lower",
    )
    assert figure.opens == "report.stock"
    assert figure.formula == "sum of value"


def test_a_card_of_nothing_counts_nothing(works: Works) -> None:
    assert card(works, "stock_value").value == 0
    assert card(works, "open_orders").value == 0
    assert card(works, "open_orders").color == ""


def test_the_gravest_colour_that_holds_is_shown_green_first(works: Works) -> None:
    approved(works, "1")
    assert (card(works, "open_orders").value, card(works, "open_orders").color) == (1, "yellow")
    approved(works, "1")
    assert (card(works, "open_orders").value, card(works, "open_orders").color) == (2, "red")


def test_lines_of_deleted_records_do_not_count(works: Works) -> None:
    made = works.new("order", BUYER, place=1, lines=[{"item": {"code": "BOLT"}, "qty": "10"}])
    works.new("order", BUYER, place=1, lines=[{"item": {"code": "BOLT"}, "qty": "20"}])
    assert card(works, "pieces").value == 15
    with works.acting(BOSS) as ctx:
        table = ctx.app.tables.entity["order"]
        ctx.connection.execute(table.update().where(table.c.id == made).values(deleted_at=NOON))
    assert card(works, "pieces").value == 20


def test_k1_days_are_told_by_their_parts(works: Works) -> None:
    works.stock(1, BOLT="100")
    parcel_days = card(works, "days", period="this_month")
    assert parcel_days.value is None
    assert parcel_days.color == ""
    used = parcel_days.parts[0]
    assert (used.id, used.label, used.value) == ("used", "Used", 0)
    assert parcel_days.parts[0].formula == "Stock Value"
    assert parcel_days.period == Period("this_month", date(2026, 3, 1), date(2026, 3, 31))
    assert (parcel_days.target, parcel_days.periods) == (45, ("this_month", "last_30_days"))


def test_a_balance_is_compared_with_a_day_that_is_past(works: Works) -> None:
    works.stock(1, BOLT="100")
    later = NOON + timedelta(days=40)
    with works.acting(BOSS, moment=later) as ctx:
        lines = [{"item": {"code": "BOLT"}, "qty": "20", "price": "10"}]
        made = records.create(ctx, "receipt", {"place": 1, "lines": lines, "date": "2026-04-11"}).id
        workflow.take(ctx, "receipt", made, "post")
    figure = card(works, "stock_value", days=40, points=3)
    assert (figure.value, figure.compared, figure.change) == (1200, 1000, 200)
    assert figure.points == (
        (date(2026, 3, 28), Decimal(1000)),
        (date(2026, 4, 4), Decimal(1000)),
        (date(2026, 4, 11), Decimal(1200)),
    )


def test_a_plan_is_counted_as_it_is_netted(works: Works) -> None:
    job = works.new("job", MAKER, item=4, qty="100", place=1, start="2026-03-05", due="2026-03-06")
    works.take(MAKER, "job", job, "release")
    assert card(works, "short").value == 2


def test_cards_of_what_one_may_not_read_are_not_there(works: Works) -> None:
    with pytest.raises(NotFound):
        card(works, "stock_value", ANNA)
    with pytest.raises(NotFound):
        card(works, "short", ANNA)
    with works.acting(CHIEF) as ctx:
        assert [figure.id for figure in cards.cards(ctx)] == ["open_orders", "pieces"]


def test_all_cards_of_a_page_take_one_statement(works: Works) -> None:
    works.stock(1, BOLT="100")
    seen: list[str] = []
    with works.acting(BOSS) as ctx:
        cards.cards(ctx, ["stock_value", "open_orders", "pieces", "days"])
        event.listen(ctx.connection, "before_cursor_execute", lambda *args: seen.append(args[2]))
        figures = cards.cards(ctx, ["stock_value", "open_orders", "pieces", "days"])
    assert len(figures) == 4
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("id", "start", "end"),
    [
        ("today", date(2026, 3, 2), date(2026, 3, 2)),
        ("this_week", date(2026, 3, 2), date(2026, 3, 8)),
        ("last_month", date(2026, 2, 1), date(2026, 2, 28)),
        ("this_quarter", date(2026, 1, 1), date(2026, 3, 31)),
        ("last_quarter", date(2025, 10, 1), date(2025, 12, 31)),
        ("last_30_days", date(2026, 2, 1), date(2026, 3, 2)),
        ("this_year", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_periods_have_their_days(works: Works, id: str, start: date, end: date) -> None:
    with works.acting() as ctx:
        assert period_of(ctx, id) == Period(id, start, end)


def test_the_period_before_a_month_is_the_month_before() -> None:
    march = Period("this_month", date(2026, 3, 1), date(2026, 3, 31))
    assert march.before() == Period("this_month", date(2026, 2, 1), date(2026, 2, 28))
    days = Period("last_7_days", date(2026, 3, 2), date(2026, 3, 8))
    assert days.before() == Period("last_7_days", date(2026, 2, 23), date(2026, 3, 1))
