"""Lists as people work with them: groups with sums, an order of one's own, the whole view at once, bars over days."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from html import unescape

import pytest

from engine.compiler import load_text
from engine.expressions.types import Kind
from engine.model import View
from runtime import queries, records
from runtime.context import SYSTEM, RunContext
from tests.scenarios.works import Works
from tests.web.pages.test_figures import Reader
from tests.web.pages.test_records import made
from web import list_boards, list_page
from web.list_cells import BY_KIND, Bench, Kit
from web.list_marks import Marks
from web.pages import lists

FAR = "where.due_date.ge=2031-01-01"


@pytest.fixture
def admin(office: Works) -> Reader:
    return Reader(office, "admin")


@pytest.fixture
def orders(admin: Reader, office: Works) -> list[int]:
    """Three orders that are due far away, two of them on one day."""
    lines = {"lines-0-item": str(office.id("item", "CONN"))}
    days = (("2031-05-05", "10"), ("2031-06-06", "30"), ("2031-05-05", "10"))
    for old in ids_of(admin.page(f"/e/sales_order?{FAR}")):
        admin.post(f"/e/sales_order/{old}/delete")
    return [made(admin, office, due_date=day, **{"lines-0-qty": qty}, **lines) for day, qty in days]


def rows_of(page: str) -> list[list[str]]:
    """The rows of the list on a page, headings of groups among them: the texts of their cells that are not empty."""
    body = page[page.index('id="records"') :]
    rows = body[body.index("<tbody>") : body.index("</tbody>")].split("<tr")[1:]
    parts = ([re.sub(r"<[^>]+>", " ", part) for part in re.split(r"<t[dh][^>]*>", row)[1:]] for row in rows)
    return [[" ".join(unescape(part).split()) for part in cells if part.strip()] for cells in parts]


def ids_of(page: str) -> list[int]:
    """The records on a list page, in order."""
    return [int(i) for i in re.findall(r'<tr data-id="(\d+)"', page)]


@pytest.mark.both
def test_groups_have_their_count_and_their_sums(admin: Reader, orders: list[int]) -> None:
    page = admin.page(f"/e/sales_order?{FAR}&group=due_date&sort=-code")
    assert ids_of(page) == [orders[2], orders[0], orders[1]]
    headings = [row for row in rows_of(page) if re.match(r"2031-\d\d-\d\d \d 条", row[0])]
    assert [row[0] for row in headings] == ["2031-05-05 2 条", "2031-06-06 1 条"]
    assert [row[-1] for row in headings] == ["452.00", "678.00"]
    assert "分组：" in page


@pytest.mark.both
def test_the_figures_of_a_group_are_of_all_its_rows_not_of_the_page(
    admin: Reader, orders: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.list_query.SIZES", (1,))
    page = admin.page(f"/e/sales_order?{FAR}&group=due_date&size=1")
    assert len(ids_of(page)) == 1
    assert rows_of(page)[0][0] == "2031-05-05 2 条"
    following = re.search(r'href="([^"]*cursor=[^"]*)"', page)
    assert following is not None
    second = admin.page(unescape(following[1]))
    assert rows_of(second)[0][0] == "2031-05-05 2 条"
    assert set(ids_of(page) + ids_of(second)) == {orders[0], orders[2]}


def test_groups_of_what_may_not_be_seen_are_not_made(admin: Reader, orders: list[int]) -> None:
    page = admin.page(f"/e/sales_order?{FAR}&group=no_such_field")
    assert "rowgroup" not in page
    assert sorted(ids_of(page)) == sorted(orders)


def test_the_order_is_chosen_from_a_menu(admin: Reader, orders: list[int]) -> None:
    page = admin.page(f"/e/sales_order?{FAR}&sort=due_date")
    menu = page[page.index('id="list-sort"') :]
    current = re.search(r'href="([^"]+)"[^>]*aria-current="true"', menu[: menu.index("</div>")])
    assert current is not None
    assert "sort=-due_date" in current[1]
    assert ids_of(admin.page(unescape(current[1])))[0] == orders[1]


def test_two_people_with_the_same_rights_see_their_own_names_and_tokens(office: Works) -> None:
    pages = [Reader(office, name).page("/e/item") for name in ("keeper", "keeper_b")]
    shown = [re.search(r'data-user="([^"]+)".*?name="csrf_token" value="([^"]+)"', page, re.DOTALL) for page in pages]
    assert shown[0] is not None
    assert shown[1] is not None
    for mine, theirs in ((0, 1), (1, 0)):
        for text in shown[theirs].groups():  # type: ignore[union-attr]
            assert f">{text} " not in pages[mine]
            assert f'"{text}"' not in pages[mine]
    assert not any(sign in page for page in pages for sign in "\ue010\ue011")


def test_what_is_searched_for_is_never_kept_for_others(admin: Reader, orders: list[int]) -> None:
    assert "a&lt;b&gt;%s" in admin.page(f"/e/sales_order?{FAR}&q=a%3Cb%3E%25s")
    assert "a&lt;b&gt;" not in admin.page(f"/e/sales_order?{FAR}&q=SO")


@pytest.mark.both
def test_the_whole_view_is_worked_on_not_only_the_page(admin: Reader, orders: list[int]) -> None:
    admin.post("/e/sales_order/bulk", action="delete", whole=f"?{FAR}", id=str(orders[0]))
    assert ids_of(admin.page(f"/e/sales_order?{FAR}&bin=1"))[:3] == sorted(orders, reverse=True)
    assert "没有符合条件的" in admin.page(f"/e/sales_order?{FAR}")


def test_a_view_of_too_many_is_left_alone(admin: Reader, orders: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_BULK", 2)
    admin.post("/e/sales_order/bulk", action="delete", whole=f"?{FAR}")
    page = admin.page(f"/e/sales_order?{FAR}")
    assert "一次最多 2 条" in page
    assert sorted(ids_of(page)) == sorted(orders)


@pytest.mark.both
def test_large_lists_are_added_up_only_when_asked(
    admin: Reader, orders: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "TOTALS_CAP", 2)
    page = admin.page(f"/e/sales_order?{FAR}&size=20")
    assert "1,130.00" not in page
    way = re.search(r'href="([^"]*sums=1[^"]*)"', page)
    assert way is not None
    assert "1,130.00" in admin.page(unescape(way[1]))


@pytest.mark.both
def test_bars_stand_on_their_days(
    admin: Reader, orders: list[int], office: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    entity = office.app.model.entities["sales_order"]
    bars = replace(next(iter(entity.views.values())), type="gantt", date="date", end="due_date", group="partner")
    monkeypatch.setattr(list_page, "view_of", lambda *_: bars)
    monkeypatch.setattr(lists, "view_of", lambda *_: bars)
    page = admin.page(f"/e/sales_order?{FAR}&from=2031-04-28&days=14")
    drawn = page[page.index('<table class="gantt"') : page.index("</table>")]
    assert drawn.count('<th scope="col"') == 14
    lengths = re.findall(r'<td colspan="(\d+)" class="stretch earlier([^"]*)"', drawn)
    assert lengths == [("8", ""), ("14", " later"), ("8", "")]
    assert drawn.count("<tr>") == 2 + 3
    for row in drawn.split("<tr>")[3:]:
        days = (
            row.count("<td>") + row.count('<td class="') + sum(int(n) for n in re.findall(r'<td colspan="(\d+)"', row))
        )
        assert days == 14


def entries(page: str) -> list[tuple[int, str, str]]:
    """What stands on the days of a calendar: the day, how it goes on, the code."""
    drawn = page[page.index('<table class="calendar"') : page.index("</table>")]
    found = []
    for cell in drawn.split("<td")[1:]:
        day = int(re.findall(r'<span class="day">(\d+)<', cell)[0])
        for title, inner in re.findall(r'<a class="entry [^>]*title="([^"]*)">(.*?)</a>', cell):
            found.append((day, "".join(mark for mark in ("‹", "›") if mark in inner), title))
    return found


@pytest.mark.both
def test_what_lasts_several_days_stands_on_each_of_them_in_a_calendar(
    admin: Reader, orders: list[int], office: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    entity = office.app.model.entities["sales_order"]
    lasting = replace(next(iter(entity.views.values())), type="calendar", date="date", end="due_date")

    def drawn(month: str) -> list[tuple[int, str, str]]:
        return entries(admin.page(f"/e/sales_order?{FAR}&month={month}"))

    def looks(view: View) -> None:
        monkeypatch.setattr(list_page, "view_of", lambda *_: view)
        monkeypatch.setattr(lists, "view_of", lambda *_: view)

    looks(lasting)
    may = drawn("2031-05")  # 28 April to 1 June
    assert len(may) == 8 * 3 + 27
    assert sorted(marks for day, marks, _ in may if day == 5) == ["‹", "‹", "‹›"]
    assert {marks for day, marks, _ in may if day == 6} == {"‹›"}
    june = drawn("2031-06")  # 26 May to 6 July
    assert len(june) == 12
    assert [(day, marks) for day, marks, _ in june[-2:]] == [(5, "‹›"), (6, "‹")]
    looks(replace(lasting, date="due_date", end=""))
    assert sorted((day, marks) for day, marks, _ in drawn("2031-05")) == [(5, ""), (5, "")]


@pytest.mark.both
def test_what_ends_before_it_begins_stands_on_its_first_day_in_a_calendar(
    admin: Reader, office: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = office.app.model.entities["price_list"]
    backwards = replace(next(iter(prices.views.values())), type="calendar", date="valid_to", end="valid_from")
    with office.acting() as ctx:
        records.create(ctx, "price_list", {"name": "倒", "valid_from": "2034-03-10", "valid_to": "2034-06-15"})
    for module in (list_page, lists):
        monkeypatch.setattr(module, "view_of", lambda *_: backwards)
    page = admin.page("/e/price_list?month=2034-06&where.valid_from=2034-03-10")
    assert [(day, marks) for day, marks, _ in entries(page)] == [(15, "")]
    assert entries(admin.page("/e/price_list?month=2034-05&where.valid_from=2034-03-10")) == []
    day = admin.page("/e/price_list?day=2034-06-15&where.valid_from=2034-03-10")
    assert day.count('<tr><td><a href="/e/price_list/') == 1


@pytest.mark.both
def test_what_has_no_last_day_stands_on_its_first_in_a_calendar(
    admin: Reader, office: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = office.app.model.entities["price_list"]
    lasting = replace(next(iter(prices.views.values())), type="calendar", date="valid_from", end="valid_to")
    with office.acting() as ctx:
        for name, last in (("春价", None), ("夏价", "2033-05-11")):
            records.create(ctx, "price_list", {"name": name, "valid_from": "2033-05-10", "valid_to": last})
    monkeypatch.setattr(list_page, "view_of", lambda *_: lasting)
    monkeypatch.setattr(lists, "view_of", lambda *_: lasting)
    page = admin.page("/e/price_list?month=2033-05&lang=en&where.valid_from=2033-05-10")
    assert sorted((day, marks) for day, marks, _ in entries(page)) == [(10, ""), (10, "›"), (11, "‹")]
    assert page.count("Continued: ") == 1
    monkeypatch.setattr(list_boards, "MOST_ENTRIES", 1)
    page = admin.page("/e/price_list?month=2033-05&lang=en&where.valid_from=2033-05-10")
    ((more, count),) = re.findall(r'<a class="more" href="([^"]*)">(\d+) more', page)
    assert count == "1"
    day = admin.page(unescape(more) + "&lang=en")
    goes_on = ' <span class="t3">goes on'
    assert re.findall(rf'<tr><td><a href="/e/price_list/\d+">[^<]+</a>({goes_on})?', day) == [goes_on, ""]
    assert "Only the first" not in day
    monkeypatch.setattr(list_boards, "PAGE", 1)
    assert admin.page(unescape(more)).count('<tr><td><a href="/e/price_list/') == 2  # page after page
    monkeypatch.setattr(list_boards, "MOST_FALLING", 1)
    assert "Only the first 1 are drawn" in admin.page(unescape(more) + "&lang=en")


def test_messages_have_a_page(admin: Reader) -> None:
    page = admin.page("/messages")
    assert "<h1>消息</h1>" in page
    assert 'href="/messages"' in page


def test_a_computed_figure_has_few_decimals_and_an_entered_one_all_of_its_own(office: Works) -> None:
    fields = "{whole: {type: quantity}, third: {type: quantity, formula: whole / 3}}"
    thing = load_text(f"app: x\nentities: {{thing: {{kind: master, fields: {fields}}}}}\n").entities["thing"]
    bench = Bench(entity=thing, language="zh", scale=2, places={}, marks=Marks("zh"))
    value = (Decimal("33.333333"),)
    with office.app.database.read() as connection:
        ctx = RunContext(app=office.app, connection=connection, user=SYSTEM, clock=office.clock)
        kit = Kit(ctx=ctx, today=ctx.today(), lean=False)
        cells = [BY_KIND[Kind.QUANTITY](bench, thing.fields[name], 0, "") for name in ("whole", "third")]
        assert [cell(value, kit) for cell in cells] == ["<td class=num>33.333333", "<td class=num>33.333"]
