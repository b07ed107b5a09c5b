"""Finding, sorting, choosing, keeping, acting on many and taking away, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Firm, Person


def test_work_search_sort_and_filter_a_list(person: Person) -> None:
    page = person("buyer", "/e/item")
    expect(page.locator("#records tbody tr")).to_have_count(4)
    search = page.locator("input[type=search], input[name=q]").first
    search.fill("tb")
    search.press("Enter")
    expect(page.locator("#records tbody tr")).to_have_count(1)
    expect(page.locator("#records tbody")).to_contain_text("铜棒")
    page.goto(page.url.partition("?")[0])
    page.locator("#records thead").get_by_role("link", name="名称").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("名称")
    first = page.locator("#records tbody tr").first.inner_text()
    page.locator("th[aria-sort] a").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_count(1)
    assert page.locator("#records tbody tr").first.inner_text() != first
    page.goto(page.url.partition("?")[0] + "?where.supply=make", wait_until="networkidle")
    expect(page.locator("#records tbody tr")).to_have_count(2)


def test_work_a_kept_view_comes_back(person: Person) -> None:
    page = person("buyer", "/e/item?where.supply=make")
    page.locator("[data-dialog=save-view]").first.click()
    page.locator("#view-name").fill("我们自己做的")
    page.locator("#save-view button[type=submit]").click()
    page.wait_for_load_state("networkidle")
    page.goto(page.url.partition("?")[0], wait_until="networkidle")
    page.get_by_text("我们自己做的").first.click()
    expect(page.locator("#records tbody tr")).to_have_count(2)


def test_work_columns_are_chosen(person: Person) -> None:
    page = person("buyer", "/e/item")
    page.get_by_role("button", name="列", exact=False).filter(has_text="列").first.click()
    box = page.get_by_role("checkbox", name="图号").first
    with page.expect_response("**/preferences"):
        box.check()
    page.keyboard.press("Escape")
    expect(page.locator("#records thead")).to_contain_text("图号")  # closing the menu brings the list anew
    page.reload(wait_until="networkidle")
    expect(page.locator("#records thead")).to_contain_text("图号")


def test_work_several_orders_are_submitted_at_once(firm: Firm, person: Person) -> None:
    buyer = firm.works.api("buyer")
    line = {"item": {"code": "SCREW"}, "qty": "10", "price": "0.1"}
    made = [
        buyer.new(
            "purchase_order",
            partner={"code": "S"},
            warehouse={"code": "W"},
            expected_date="2026-01-14",
            terms="一起提交",
            lines=[line],
        )
        for _ in range(2)
    ]
    page = person("buyer", "/e/purchase_order?where.status=draft")
    for each in made:
        page.locator("#records tbody tr", has_text=each["code"]).locator("input[type=checkbox]").check()
    page.get_by_role("button", name="提交审批").first.click()
    page.wait_for_load_state("networkidle")
    states = [buyer.read("purchase_order", each["id"])["status"] for each in made]
    assert states == ["approved", "approved"]


def test_work_a_list_is_taken_away_as_a_spreadsheet(person: Person) -> None:
    page = person("buyer", "/e/item")
    page.get_by_role("button", name="导出").first.click()
    with page.expect_download() as taken:
        page.get_by_text("Excel").first.click()
    assert taken.value.suggested_filename.endswith(".xlsx")


def test_work_control_k_finds_anything(person: Person) -> None:
    page = person("buyer", "/")
    page.keyboard.press("Control+k")
    page.keyboard.type("COPPER")
    option = page.locator("dialog[open] [role=option]", has_text="铜棒").first
    expect(option).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/e/item"))


def test_work_the_whole_view_is_taken_not_only_the_page(firm: Firm, person: Person) -> None:
    many = [{"code": f"ZZ{n:02}", "name": f"试分类{n}"} for n in range(21)]
    firm.works.api("admin").post("/item_category", many, 201)
    page = person("admin", "/e/item_category?q=ZZ&size=20")
    rows = page.locator("#records tbody tr[data-id]")
    expect(rows).to_have_count(20)
    rows.first.get_by_role("checkbox").check()
    expect(page.locator("[data-bulk] [data-count]")).to_have_text("1")
    page.get_by_role("button", name="选整个视图").click()
    expect(page.locator("[data-bulk] [data-count]")).to_have_text("21")
    page.locator("[data-bulk]").get_by_role("button", name="删除").click()
    page.wait_for_load_state("networkidle")
    page.goto(page.url.partition("?")[0] + "?q=ZZ", wait_until="networkidle")
    expect(page.get_by_text("没有符合条件的")).to_be_visible()


def test_work_a_list_is_put_into_groups_and_kept_so(person: Person) -> None:
    page = person("buyer", "/e/item")
    page.get_by_role("button", name="分组").click()
    page.locator("#list-group").get_by_role("link", name="来源").click()
    expect(page.locator("#records tr.group")).to_have_count(2)
    expect(page.get_by_role("button", name="分组：来源")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("#records tr.at")).to_have_count(1)
