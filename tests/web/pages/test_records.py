"""Filling in, looking at and finding records the way people do it in a browser."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.scenarios.works import Works
from tests.web.pages.test_figures import Reader
from web.forms import percent_typed
from web.record_flow import mentions

PASSING = re.compile(r"<template data-toast=[^>]*></template>|[\w-]+\.[\w-]{6}\.[\w-]{27}")
"""What differs from one look to the next: toasts and tokens."""


@pytest.fixture
def admin(office: Works) -> Reader:
    return Reader(office, "admin")


def order(office: Works, **given: str) -> dict[str, Any]:
    """What the form of a sales order posts, with one line."""
    line = {
        "item": str(office.id("item", "CONN")),
        "unit": str(office.id("unit", "PC")),
        "qty": "10",
        "price": "20",
        "tax_rate": "13",
    }
    head = {
        "partner": str(office.id("partner", "C")),
        "due_date": "2027-03-01",
        "warehouse": str(office.id("warehouse", "W")),
        "_action": "save",
    }
    return {**head, **{f"lines-0-{name}": value for name, value in line.items()}, **given}


def made(admin: Reader, office: Works, **given: str) -> int:
    """The id of a sales order saved through its form."""
    posted = {"csrf_token": admin._token("/account"), **order(office, **given)}
    answer = admin.client.post("/e/sales_order/new", data=posted)
    assert answer.status_code == 303, answer.get_data(as_text=True)[-800:]
    return int(answer.location.rsplit("/", 1)[1])


def words(page: str) -> str:
    """The page's text without tags, spaces made one."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_percents_are_typed_without_their_sign(admin: Reader, office: Works) -> None:
    row = office.api("admin").read("sales_order", made(admin, office))
    assert row["lines"][0]["tax_rate"] == "0.13"
    assert row["total"] == "226.00"
    assert percent_typed(" 13 ") == "13%"
    assert percent_typed("13%") == "13%"
    assert percent_typed("") == ""


def test_a_fault_names_the_line_people_count(admin: Reader, office: Works) -> None:
    page = admin.post("/e/sales_order/new", 422, **order(office, **{"lines-0-qty": "many"}))
    assert "第 1 行 数量" in words(page)
    assert 'href="#lines-0-qty"' in page


def test_a_bad_figure_of_the_second_line_is_told_at_its_own_cell(admin: Reader, office: Works) -> None:
    first = {name: value for name, value in order(office).items() if name.startswith("lines-0-")}
    second = {name.replace("lines-0-", "lines-1-"): value for name, value in first.items()}
    page = admin.post("/e/sales_order/new", 422, **order(office, **{**second, "lines-1-qty": "many"}))
    wrong = re.findall(r'<td [^>]*aria-invalid="true"[^>]* id="([^"]+)"', page)
    assert wrong == ["lines-1-qty"]
    assert 'href="#lines-1-qty"' in page
    assert "第 2 行" in page
    refused = admin.post("/e/sales_order/new", 422, **order(office, **{**second, "lines-1-item": "99999999"}))
    assert re.findall(r'<td [^>]*aria-invalid="true"[^>]* id="([^"]+)"', refused) == ["lines-1-item"]


def test_lines_are_read_one_by_one_whatever_their_numbers(admin: Reader, office: Works) -> None:
    """All lines are read by one form: nothing of one may stay for the next, and a request knows nothing of the last."""
    first = {name: value for name, value in order(office).items() if name.startswith("lines-0-")}
    second = {name.replace("lines-0-", "lines-7-"): value for name, value in first.items() if "tax_rate" not in name}
    given = {**second, "lines-0-line_note": "急", "lines-7-qty": "3", "terms": "月结"}
    row = office.api("admin").read("sales_order", made(admin, office, **given))
    assert [(line["qty"], line["line_note"], line["tax_rate"]) for line in row["lines"]] == [
        ("10", "急", "0.13"),
        ("3", None, "0"),
    ]
    assert row["terms"] == "月结"
    row = office.api("admin").read("sales_order", made(admin, office))
    assert [(line["qty"], line["line_note"]) for line in row["lines"]] == [("10", None)]
    assert row["terms"] is None


def test_records_that_look_alike_each_say_their_own(admin: Reader, office: Works) -> None:
    """The page is printed once for both; nothing of one may stay on the other's."""
    first, second = made(admin, office, terms="<30 天>"), made(admin, office, terms="{{ 60 }} %s")
    pages = [admin.page(f"/e/sales_order/{id}") for id in (first, second, first, second)]
    assert PASSING.sub("", pages[0]) == PASSING.sub("", pages[2])
    assert PASSING.sub("", pages[1]) == PASSING.sub("", pages[3])
    for mine, other, page in ((first, second, pages[2]), (second, first, pages[3])):
        assert f'action="/e/sales_order/{mine}"' in page
        assert f'action="/e/sales_order/{mine}/comments"' in page
        assert f"/e/sales_order/{other}" not in page
    assert "&lt;30 天&gt;" in pages[2]
    assert "{{ 60 }} %s" in pages[3]


def test_what_was_typed_is_shown_again_without_being_saved(admin: Reader, office: Works) -> None:
    before = office.row_counts()
    page = admin.post("/e/sales_order/new", 200, **order(office, _action="show"))
    assert "data-dirty" in page
    assert "贰佰贰拾陆元整" in page
    assert office.row_counts() == before


def test_the_grand_total_stands_once_under_the_lines_with_its_capitals(admin: Reader, office: Works) -> None:
    page = admin.page(f"/e/sales_order/{made(admin, office)}")
    totals = re.search(r'<dl class="totals">.*?</dl>', page, re.S)
    assert totals is not None
    assert re.findall(r'data-field="(\w+)"', totals[0])[-1] == "total"
    assert "贰佰贰拾陆元整" in totals[0]
    assert page.count('data-field="total"') == 1
    assert "贰佰" not in admin.page(f"/e/sales_order/{made(admin, office)}", language="en")


def test_picking_an_item_fills_what_follows(admin: Reader, office: Works) -> None:
    partner, house = office.id("partner", "C"), office.id("warehouse", "W")
    path = f"/pick/item?q=CONN&for=sales_order.lines.item&in.partner={partner}&in.warehouse={house}"
    item = json.loads(admin.page(path))["items"][0]
    assert item["code"] == "CONN"
    assert item["fills"]["unit"] == office.id("unit", "PC")
    assert item["fill_texts"]["tax_rate"].endswith("%")
    assert "free" in item["fills"]


def test_what_may_be_picked_follows_the_form_and_lines_are_found_by_what_they_name(
    admin: Reader, office: Works
) -> None:
    api = office.api()
    due = (office.clock.moment + timedelta(days=30)).date().isoformat()
    body = {"item": {"code": "CONN"}, "qty": "8", "warehouse": {"code": "W"}, "due_date": due}
    first, second = (api.take("work_order", api.new("work_order", **body)["id"], "submit") for _ in range(2))
    asked = "/pick/work_order.materials?for=supplement.lines.component&in.work_order="
    for order in (first, second):
        lines = {line["id"]: line for line in order["materials"]}
        every = json.loads(admin.page(f"{asked}{order['id']}"))["items"]
        assert {one["id"] for one in every} == set(lines)
        copper = json.loads(admin.page(f"{asked}{order['id']}&q=copper"))["items"]
        assert [lines[one["id"]]["item"]["code"] for one in copper] == ["COPPER"]
        assert copper[0]["name"] == lines[copper[0]["id"]]["item"]["name"]


def test_conditions_go_along_to_the_browser(admin: Reader) -> None:
    page = admin.page("/e/partner/new")
    formulas = json.loads(re.search(r"data-formulas='([^']*)'", page)[1])  # type: ignore[index]
    judged = {f["field"]: f["inputs"] for f in formulas if f.get("what") == "visible"}
    assert judged["credit_limit"] == ["is_customer"]
    assert re.search(r'data-field-box="credit_limit" hidden', page)


def test_remarks_say_who_is_meant(admin: Reader, office: Works) -> None:
    record = made(admin, office)
    admin.post(f"/e/sales_order/{record}/comments", text="@徐鹏 先别发")
    page = admin.page(f"/e/sales_order/{record}")
    assert '<span class="accent">@徐鹏</span> 先别发' in page
    assert mentions("a @b c") == [
        {"text": "a ", "at": False},
        {"text": "@b", "at": True},
        {"text": " c", "at": False},
    ]


def test_an_empty_list_says_which_condition_to_drop(admin: Reader, office: Works) -> None:
    record = made(admin, office)
    code = office.api("admin").read("sales_order", record)["code"]
    page = admin.page(f"/e/sales_order?q={code}&where.partner={office.id('partner', 'S')}")
    assert "去掉客户，有 1 条。" in page


@pytest.mark.both
def test_records_come_back_from_the_bin(admin: Reader, office: Works) -> None:
    record = made(admin, office)
    admin.post(f"/e/sales_order/{record}/delete")
    assert f'data-id="{record}"' in admin.page("/e/sales_order?bin=1")
    admin.post("/e/sales_order/bulk", id=str(record), action="restore")
    assert f'data-id="{record}"' not in admin.page("/e/sales_order?bin=1")
    assert admin.page(f"/e/sales_order/{record}")


@pytest.mark.both
def test_rows_carry_the_amount_the_bulk_bar_adds_up(admin: Reader, office: Works) -> None:
    record = made(admin, office)
    page = admin.page("/e/sales_order")
    place = int(re.search(r'data-list data-sum="(\d+)"', page)[1])  # the heading counts as the first cell
    row = page[page.index(f'<tr data-id="{record}">') :].split("<tr")[1]
    assert re.split(r"<t[dh][^>]*>", row)[1:][place] == "226.00"


def test_folded_groups_of_the_menu_stay_folded(admin: Reader) -> None:
    group = re.search(r'data-menu-group="(\w+)" aria-expanded="true"', admin.page("/account"))
    assert group is not None
    admin.post("/preferences", 204, key="menu", value=json.dumps([group[1]]))
    assert f'data-menu-group="{group[1]}" aria-expanded="false"' in admin.page("/account")
    admin.post("/preferences", 204, key="menu", value="[]")


@pytest.mark.both
def test_who_saved_first_is_told_and_both_changes_can_stand(admin: Reader, office: Works) -> None:
    record = made(admin, office)
    row = office.api("admin").read("sales_order", record)
    line: dict[str, Any] = {"lines-0-id": str(row["lines"][0]["id"]), "date": str(row["date"])}
    admin.post(f"/e/sales_order/{record}", **order(office, customer_no="A-1", version=str(row["version"]), **line))
    late = order(office, due_date="2027-04-01", version=str(row["version"]), **line)
    page = admin.post(f"/e/sales_order/{record}", 409, **late)
    assert "先保存了" in page
    assert 'name="_resolution"' in page
    assert 'form="record"' in page
