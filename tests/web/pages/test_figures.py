"""Reports, ledgers, plans, prints, imports, going live and settings, as people open them in both languages."""

from __future__ import annotations

import html
import io
import re
from base64 import b64encode
from dataclasses import replace
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from runtime import files
from runtime.records import update
from tests.scenarios.clients import code
from tests.scenarios.works import PASSWORD, Works
from tests.web.api.test_records import some_item
from web.file_cells import linked, on_paper

SECRET = "73.21"


class Reader:
    """A person at a browser: pages as text, forms with their token."""

    def __init__(self, office: Works, name: str) -> None:
        self.client: FlaskClient = office.flask.test_client()
        answer = self.client.post(
            "/login", data={"name": name, "password": PASSWORD, "csrf_token": self._token("/login")}
        )
        assert answer.status_code == 303

    def _token(self, path: str) -> str:
        found = re.search(r'name="csrf-token" content="([^"]+)"', self.client.get(path).get_data(as_text=True))
        assert found is not None
        return found[1]

    def page(self, path: str, status: int = 200, language: str = "zh") -> str:
        """The page's text."""
        answer = self.client.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
        text = answer.get_data(as_text=True)
        assert answer.status_code == status, (path, answer.status, re.sub("<[^>]+>", " ", text)[-500:])
        return text

    def post(self, path: str, status: int = 303, **values: object) -> str:
        """What the answer to a form says."""
        data = {"csrf_token": self._token("/account"), **values}
        answer = self.client.post(path, data=data, content_type="multipart/form-data")
        assert answer.status_code == status, (path, answer.status, answer.get_data(as_text=True)[-800:])
        return answer.get_data(as_text=True)


@pytest.fixture
def admin(office: Works) -> Reader:
    return Reader(office, "admin")


@pytest.fixture
def keeper(office: Works) -> Reader:
    return Reader(office, "keeper")


@pytest.fixture
def stocked(office: Works) -> tuple[str, int, int]:
    """Code and id of an item of which 10 were bought at the secret price, and the receipt."""
    item = some_item(office.api(), purchase_price=SECRET)
    receipt = office.bought(item["code"], "10", SECRET)
    return item["code"], item["id"], receipt["id"]


LANGUAGES = ("zh", "en")


@pytest.mark.both
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_report_opens_and_exports(
    office: Works, admin: Reader, stocked: tuple[str, int, int], language: str
) -> None:
    index = admin.page("/reports", language=language)
    for report in office.app.model.reports.values():
        page = admin.page(f"/reports/{report.id}", language=language)
        assert report.label.get(language) in page
        if not report.of.startswith("plan."):
            assert report.label.get(language) in index
            admin.page(f"/reports/{report.id}/file?format=csv")


@pytest.mark.both
def test_a_report_adds_up_and_leads_to_the_moves(admin: Reader, stocked: tuple[str, int, int]) -> None:
    item_code, item, _ = stocked
    page = admin.page(f"/reports/stock_on_hand?where.item={item}")
    assert item_code in page
    assert "732.10" in page
    assert "/ledgers/stock/moves?where.warehouse=" in page


def test_a_filter_that_is_no_value_is_told(admin: Reader) -> None:
    admin.page("/reports/stock_on_hand?where.item=abc", status=400)


@pytest.mark.parametrize("path", ["/reports/stock_on_hand", "/ledgers/stock", "/ledgers/stock/moves"])
def test_a_keeper_learns_no_price_from_figures(
    keeper: Reader, admin: Reader, stocked: tuple[str, int, int], path: str
) -> None:
    item_code, item, _ = stocked
    text = keeper.page(f"{path}?where.item={item}")
    assert item_code in text
    assert "732.1" not in text
    assert SECRET not in text
    assert "732.1" in admin.page(f"{path}?where.item={item}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_balances_stand_with_measures_and_lead_to_moves(
    admin: Reader, stocked: tuple[str, int, int], language: str
) -> None:
    _, item, _ = stocked
    page = admin.page(f"/ledgers/stock?group=item&where.item={item}", language=language)
    assert "73.21" in page  # what one costs
    assert f"/ledgers/stock/moves?where.item={item}" in page
    assert admin.page(f"/ledgers/stock?group=item&where.item={item}&as_of=2020-01-01").count("<tr data-id") == 0


@pytest.mark.both
def test_every_ledger_and_its_moves_open(office: Works, admin: Reader, stocked: tuple[str, int, int]) -> None:
    for ledger in office.app.model.ledgers:
        admin.page(f"/ledgers/{ledger}")
        admin.page(f"/ledgers/{ledger}/moves")
    assert admin.page("/ledgers/stock/file?format=csv").startswith("\ufeff")


def test_a_move_names_its_document(admin: Reader, stocked: tuple[str, int, int]) -> None:
    _, item, receipt = stocked
    page = admin.page(f"/ledgers/stock/moves?where.item={item}")
    assert f'href="/e/purchase_receipt/{receipt}"' in page
    assert "+10" in page


@pytest.mark.both
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_if_shows_the_shortage_and_keeps_nothing(office: Works, admin: Reader, language: str) -> None:
    made = office.id("item", "CONN")
    before = office.row_counts()
    page = admin.page(f"/plans/materials?item={made}&qty=100000&day=2026-01-30", language=language)
    assert "COPPER" in page
    assert 'name="id"' not in page  # nothing can be ordered for what is only tried
    after = office.row_counts()
    assert after == before


def test_a_suggestion_that_is_no_longer_there_is_not_carried_out(office: Works, admin: Reader) -> None:
    before = office.row_counts()["purchase_order"]
    admin.post("/plans/materials/commit", suggestion="99999:1:2026-01-01:1")
    assert office.row_counts()["purchase_order"] == before


def test_a_structure_is_taken_apart_and_costed(office: Works, admin: Reader, keeper: Reader) -> None:
    made, copper = office.id("item", "CONN"), office.id("item", "COPPER")
    page = admin.page(f"/structures/bom/{made}?qty=1000")
    assert "COPPER" in page
    assert "SCREW" in page
    assert "CONN" in admin.page(f"/structures/bom/{copper}?show=used")
    assert "COPPER" in admin.page(f"/structures/bom/{made}?show=cost")
    keeper.page(f"/structures/bom/{made}?show=cost", status=403)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_form_is_printed_on_every_copy_and_counted(
    office: Works, admin: Reader, keeper: Reader, stocked: tuple[str, int, int], language: str
) -> None:
    item_code, _, receipt = stocked
    page = keeper.page(f"/print/purchase_receipt/{receipt}", language=language)
    assert page.count('<section class="sheet') == 3
    assert item_code in page
    assert SECRET not in page
    style = re.search(r'href="(/print/purchase_receipt/\w+\.css)"', page)
    assert style is not None
    assert "241mm" in admin.page(style[1])
    keeper.client.post(f"/print/purchase_receipt/{receipt}", headers={"X-CSRFToken": keeper._token("/account")})
    assert ("第 2 次打印" if language == "zh" else "print 2") in keeper.page(
        f"/print/purchase_receipt/{receipt}", language=language
    )


def test_labels_carry_a_code_to_scan(admin: Reader, stocked: tuple[str, int, int]) -> None:
    page = admin.page(f"/print/item_label/{stocked[1]}?n=3")
    assert page.count('class="qr"') == 3
    assert stocked[0] in page


def test_pictures_and_files_stand_in_lists_and_on_paper(
    office: Works, admin: Reader, stocked: tuple[str, int, int]
) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + b"-" * 9
    with office.acting() as ctx:
        first, second = (files.save(ctx, name, picture).id for name in ("a.png", "b.png"))
        drawing = files.save(ctx, "图纸.pdf", b"%PDF-1.4").id
        update(ctx, "item", stocked[1], {"photo": first})
        fields = ctx.app.model.entities["item"].fields
        paper = on_paper(ctx, fields["photo"], (first, second))
        assert paper == ([f"data:image/png;base64,{b64encode(picture).decode()}"] * 2, "")
        assert on_paper(ctx, replace(fields["photo"], type="file"), drawing) == ([], "图纸.pdf")
        assert linked(ctx, replace(fields["photo"], type="file"), drawing) == f'<a href="/files/{drawing}">图纸.pdf</a>'
    mine = {"csrf_token": admin._token("/account"), "key": "columns:item"}
    assert admin.client.post("/preferences", data={**mine, "value": '["code", "photo"]'}).status_code == 204
    page = admin.page(f"/e/item?q={stocked[0]}")
    admin.client.post("/preferences", data={**mine, "value": "[]"})
    assert f'<a href="/files/{first}"><img src="/files/{first}" height="24" alt="图片" loading="lazy"></a>' in page


@pytest.mark.both
def test_a_file_is_judged_row_by_row_and_the_good_ones_taken(office: Works, admin: Reader) -> None:
    text = "编号,名称,类别,基本单位\nIMP-1,导入件,RM,PC\nIMP-2,没有类别的,NOPE,PC\n"
    before = office.row_counts()["item"]
    looked = admin.post("/e/item/import", 200, action="look", file=(io.BytesIO(text.encode()), "items.csv"))
    assert office.row_counts()["item"] == before
    assert "NOPE" in looked
    token = re.search(r'name="token" value="(\w+)"', looked)
    assert token is not None
    wrong = admin.post("/e/item/import", 200, action="errors", token=token[1], name="items.csv")
    assert "IMP-2" in wrong
    assert "IMP-1" not in wrong
    admin.post("/e/item/import", 303, action="good", token=token[1], name="items.csv", keep="旧表")
    assert office.row_counts()["item"] == before + 1
    assert "旧表" in admin.page("/e/item/import")


@pytest.mark.parametrize(
    "path", ["/settings/people", "/settings/periods", "/settings/numbering", "/settings/versions", "/opening"]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_administration_is_for_administrators(admin: Reader, keeper: Reader, path: str, language: str) -> None:
    admin.page(path, language=language)
    keeper.page(path, status=403, language=language)


def test_an_account_is_made_changed_and_ended(office: Works, admin: Reader) -> None:
    name = f"new_{office.app.database.dialect}"
    admin.post("/settings/people", name=name, password="long-enough-1", role="viewer")
    page = admin.page("/settings/people")
    found = re.search(r'id="roles-(\d+)" aria-labelledby="[^"]+">(?:(?!</dialog>).)*?' + name, page, re.S)
    assert found is not None
    admin.post(f"/settings/people/{found[1]}", action="end")
    assert (
        office.flask.test_client().post("/login", data={"name": name, "password": "long-enough-1"}).status_code != 303
    )


def test_nobody_locks_out_themselves(office: Works, admin: Reader) -> None:
    me = office.scalar("select id from dg_account where name = 'admin'")
    admin.post(f"/settings/people/{me}", 422, action="end")


@pytest.mark.both
def test_a_period_is_closed_and_reopened_with_a_reason(office: Works, admin: Reader) -> None:
    admin.post("/settings/periods", ledger="wip", through="2020-01-31")
    assert "2020-01-31" in admin.page("/settings/periods")
    admin.post("/settings/periods", 422, ledger="wip", action="reopen", reason="")
    admin.post("/settings/periods", ledger="wip", action="reopen", reason="试结")
    admin.post("/settings/periods", 422, ledger="wip", through="2099-01-31")


def test_a_settings_form_opens(admin: Reader) -> None:
    answer = admin.client.get("/settings/of/firm")
    assert answer.status_code == 302
    admin.page(answer.headers["Location"])


def test_the_firms_own_total_is_compared(office: Works, admin: Reader, stocked: tuple[str, int, int]) -> None:
    value = office.api().balances("stock", group_by="item")
    total = sum((Decimal(str(row["value"])) for row in value), Decimal(0))
    admin.post("/opening", action="totals", **{"total.stock": str(total + 1)})
    assert "−1.00" in admin.page("/opening")
    admin.post("/opening", action="totals", **{"total.stock": str(total)})
    assert "−1.00" not in admin.page("/opening")


def test_data_are_not_wiped_without_the_name(office: Works, admin: Reader) -> None:
    before = office.row_counts()["item"]
    admin.post("/opening", 422, action="wipe", confirm="no")
    assert office.row_counts()["item"] == before


def test_days_of_a_report_may_be_chosen_freely(office_on_file: Works) -> None:
    admin = Reader(office_on_file, "admin")
    report = next(r for r in office_on_file.app.model.reports.values() if r.period)
    page = admin.page(f"/reports/{report.id}?since=2026-01-01&until=2026-03-31")
    assert "2026-01-01 – 2026-03-31" in page
    assert 'name="since"' in admin.page(f"/reports/{report.id}?add=period")
    admin.page(f"/reports/{report.id}?since=2026-03-31&until=2026-01-01", status=400)
    found = office_on_file.api().get(f"/reports/{report.id}", period="2026-01-01..2026-03-31")
    assert (found["period"]["start"], found["period"]["end"]) == ("2026-01-01", "2026-03-31")


@pytest.mark.both
def test_a_bucket_leads_to_the_moves_within_it(office: Works) -> None:
    admin, api = Reader(office, "admin"), office.api()
    office.day("2026-01-10")
    supplier = api.new("partner", code=f"AGE{office.app.database.dialect[0]}", name="账龄", is_supplier=True)["id"]
    item = some_item(api)["code"]
    bills = {}
    for day, price in (("2026-01-10", "7"), ("2026-03-10", "5")):
        office.day(day)
        row = {"item": code(item), "qty": "10", "price": price}
        made = api.new("purchase_receipt", partner=supplier, warehouse=code("W"), lines=[row])
        bills[day] = api.take("purchase_receipt", made["id"], "post")["code"]
    page = html.unescape(admin.page(f"/reports/payable_ageing?where.partner={supplier}"))
    urls = re.findall(r'href="(/ledgers/payable/moves\?[^"]*bucket=[^"]*)"', page)
    shown = [{day for day, bill in bills.items() if bill in admin.page(url)} for url in dict.fromkeys(urls)]
    assert {"2026-01-10"} in shown
    assert {"2026-03-10"} in shown
    assert {"2026-01-10", "2026-03-10"} not in shown
    admin.page("/ledgers/payable/moves?bucket=payable_ageing~age~x~", status=400)
    admin.page("/ledgers/payable/moves?bucket=receivable_ageing~age~0~30", status=400)


@pytest.mark.both
def test_dates_are_narrowed_by_from_and_to(office: Works) -> None:
    admin, api = Reader(office, "admin"), office.api()
    office.day("2026-04-02")
    receipt = office.bought(some_item(api)["code"], "10", "3")["code"]
    due = office.api().items("/ledgers/payable/moves", filter="amount == 30", page_size=5)[-1]["due_date"]
    path = "/ledgers/payable/moves?where.due_date"
    assert receipt in admin.page(f"{path}.ge={due}&where.due_date.le={due}")
    assert receipt not in admin.page(f"{path}.le=2026-01-01")
    admin.page(f"{path}.ge=never", status=400)


@pytest.mark.parametrize(("language", "words"), [("zh", "没有这个页面"), ("en", "There is no such page")])
def test_an_address_of_nothing_has_our_own_page(office_on_file: Works, language: str, words: str) -> None:
    admin = Reader(office_on_file, "admin")
    for path in ("/nowhere", "/e/item/99999999999999999999", "/e/item/x"):
        assert words in admin.page(path, status=404, language=language)
    assert admin.client.get("/logout").status_code == 405


def test_a_things_page_says_what_share_of_its_cost_each_part_is(office: Works) -> None:
    address = f"/e/item/{office.id('item', 'CONN')}/analysis"
    page = Reader(office, "admin").page(address)
    part = page.partition("<h2>用料</h2>")[2].partition("</section>")[0]
    assert re.findall(r'<td class="num">([\d.]+%)</td><td class="share-bar"', part) == ["93.4%", "6.6%"]
    assert 'width="93.4"' in part
    assert "位号" not in part  # nothing stands there
    assert "share-bar" not in Reader(office, "production").page(address)  # sees no costs
