"""A form is looked at while somebody types: what should be looked at is told line by line, and nothing is saved."""

from __future__ import annotations

import pytest

from tests.scenarios.works import Works
from tests.web.pages.test_figures import Reader
from tests.web.pages.test_records import made, order

LOOK = "/forms/sales_order/look"


@pytest.fixture
def admin(office: Works) -> Reader:
    return Reader(office, "admin")


@pytest.mark.both
def test_a_line_that_asks_for_more_than_there_is_says_so_before_it_is_saved(admin: Reader, office: Works) -> None:
    before = office.row_counts()
    told = admin.post(LOOK, 200, **order(office))
    assert "可用只有 0，不够 10" in told
    assert '"fields":{}' in told
    assert office.row_counts() == before


def test_lines_left_empty_are_not_counted(admin: Reader, office: Works) -> None:
    given = order(office, **{"lines-0-item": "", "lines-0-qty": "", "lines-0-price": "", "lines-0-unit": ""})
    assert '"lines":{"lines":{}}' in admin.post(LOOK, 200, **given)


def test_only_who_may_make_a_record_may_have_its_form_looked_at(office: Works) -> None:
    assert office.web("quality").post(LOOK, **order(office)).status_code == 403


def test_the_page_says_where_its_form_is_looked_at_only_where_something_warns(admin: Reader) -> None:
    assert f'data-look="{LOOK}"' in admin.page("/e/sales_order/new")
    assert "data-look" not in admin.page("/e/unit/new")


def test_colleagues_are_offered_by_name_and_by_pinyin_to_who_may_log_in(office: Works) -> None:
    found = office.web("sales").get("/colleagues?q=keeper").get_json()["items"]
    assert [one["code"] for one in found] == ["keeper", "keeper_b"]
    assert office.web("sales").get("/colleagues?q=nobody-like-that").get_json()["items"] == []


def test_a_figure_of_the_form_is_not_told_again_under_it(admin: Reader, office: Works) -> None:
    number = made(admin, office)
    assert "信用占用" in admin.page(f"/e/sales_order/{number}")
    assert "信用占用" not in admin.page(f"/e/sales_order/{number}/analysis")
