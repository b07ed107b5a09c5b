"""A purchase from the order to the goods on the shelf, in a real browser, by keyboard."""

from __future__ import annotations

import re
from decimal import Decimal

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Firm, Person
from tests.browser.test_components_forms import paste


def pick(page: Page, field: str, typed: str, shown: str) -> None:
    """Type into a picker and take the first it offers."""
    page.locator(f"#{field}").focus()
    page.keyboard.type(typed)
    expect(page.locator(".picker:popover-open [role=option]").first).to_contain_text(shown)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(f"#{field}")).to_have_value(re.compile(shown))


def task(page: Page, order: int) -> Locator:
    """The line of an order in the task centre."""
    return page.locator(f'.task-page li[data-about="purchase_order/{order}"]')


def decide(page: Page, order: int, button: str, note: str = "") -> None:
    """Say yes or no to one order in the task centre, in the reader's own browser."""
    task(page, order).get_by_role("checkbox").check()
    page.locator("#note").fill(note)
    page.get_by_role("button", name=button).click()


def test_work_a_purchase_order_by_keyboard_from_order_to_stock(firm: Firm, person: Person) -> None:
    before = firm.works.stock("COPPER")
    page = person("buyer", "/e/purchase_order/new")
    pick(page, "partner", "hdty", "华东铜业")  # the initials of its pinyin
    pick(page, "warehouse", "yhc", "一号仓")
    page.locator("#expected_date").fill("2026-01-14")
    page.locator("#lines-0-item").focus()
    page.keyboard.type("tb")
    expect(page.locator(".picker:popover-open [role=option]").first).to_contain_text("铜棒")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#lines-0-item .v")).to_have_text("铜棒")
    page.locator("#lines-0-qty").focus()
    page.keyboard.type("1000")
    page.keyboard.press("Enter")
    page.locator("#lines-0-price").focus()
    page.keyboard.type("11.5")
    page.keyboard.press("Enter")
    expect(page.locator("#lines-0-amount .v")).to_have_text("11,500.00")
    page.keyboard.press("Control+s")
    page.wait_for_url(re.compile(r"/e/purchase_order/\d+$"))
    order = int(page.url.rpartition("/")[2])
    page.get_by_role("button", name="提交审批").first.click()
    expect(page.locator(".top")).to_contain_text("审批中")

    manager = person("manager", "/tasks")
    decide(manager, order, "同意所选")
    expect(manager.locator(".toast.done")).to_contain_text("已同意 1")
    expect(task(manager, order)).to_have_count(0)

    keeper = person("keeper", f"/e/purchase_order/{order}")
    keeper.get_by_role("link", name="生成采购入库单").first.click()
    keeper.wait_for_url(re.compile(r"/e/purchase_receipt/new"))
    keeper.locator("[data-save]").click()
    expect(keeper.locator("[data-error-summary]")).to_have_count(0)
    keeper.wait_for_url(re.compile(r"/e/purchase_receipt/\d+$"))
    receipt = firm.works.api().read("purchase_receipt", int(keeper.url.rpartition("/")[2]))
    ordered = firm.works.api().read("purchase_order", order)["lines"][0]
    assert [(line["source_line"]["id"], Decimal(line["qty"])) for line in receipt["lines"]] == [(ordered["id"], 1000)]
    keeper.get_by_role("button", name="入库过账").first.click()
    expect(keeper.locator(".top")).to_contain_text("已入库")
    assert firm.works.stock("COPPER") == before + 1000
    assert Decimal(firm.works.api().read("purchase_order", order)["lines"][0]["open_qty"]) == 0
    expect(keeper.locator(f'a[href="/e/purchase_order/{order}"]').first).to_be_visible()


def test_work_a_refusal_needs_its_reason_and_reaches_the_buyer(firm: Firm, person: Person) -> None:
    buyer = firm.works.api("buyer")
    line = {"item": {"code": "COPPER"}, "qty": "2000", "price": "11"}
    made = buyer.new(
        "purchase_order",
        partner={"code": "S"},
        warehouse={"code": "W"},
        expected_date="2026-01-14",
        lines=[line],
    )
    buyer.take("purchase_order", made["id"], "submit")
    manager = person("manager", "/tasks")
    decide(manager, made["id"], "驳回所选")
    expect(manager.locator(".toast.failed")).to_be_visible()
    assert buyer.read("purchase_order", made["id"])["status"] == "pending"
    decide(manager, made["id"], "驳回所选", "价格太高")
    expect(manager.locator(".toast.done")).to_contain_text("已驳回 1")
    page = person("buyer", f"/e/purchase_order/{made['id']}")
    expect(page.locator("#panel")).to_contain_text("价格太高")
    assert buyer.read("purchase_order", made["id"])["status"] == "draft"


def test_work_rows_from_a_spreadsheet_become_lines(firm: Firm, person: Person) -> None:
    page = person("buyer", "/e/purchase_order/new")
    pick(page, "partner", "hd", "华东铜业")
    pick(page, "warehouse", "W", "一号仓")
    page.locator("#expected_date").fill("2026-01-14")
    page.locator("#lines-0-item").click()
    paste(page, "物料\t数量\t不含税单价\r\nCOPPER\t10\t11\r\nSCREW\t2000\t0.1\r\nCOPPER\t30\t11.2\r\n")
    expect(page.locator(".toast.done")).to_contain_text("贴入 3 行")
    page.keyboard.press("Control+s")
    page.wait_for_url(re.compile(r"/e/purchase_order/\d+$"))
    lines = firm.works.api().read("purchase_order", int(page.url.rpartition("/")[2]))["lines"]
    assert [(line["item"]["code"], Decimal(line["qty"]), Decimal(line["price"])) for line in lines] == [
        ("COPPER", 10, 11),
        ("SCREW", 2000, Decimal("0.1")),
        ("COPPER", 30, Decimal("11.2")),
    ]


def test_work_two_people_save_the_same_order(firm: Firm, person: Person) -> None:
    buyer = firm.works.api("buyer")
    order = next(o for o in buyer.items("/purchase_order", filter="status == draft", sort="id"))
    page = person("buyer", f"/e/purchase_order/{order['id']}")
    buyer.change("purchase_order", order["id"], terms="月结 30 天")
    page.locator("#terms").fill("预付")
    page.locator("#terms").blur()
    page.keyboard.press("Control+s")
    expect(page.locator("[data-conflict]")).to_contain_text("先保存了")
    assert buyer.read("purchase_order", order["id"])["terms"] == "月结 30 天"
    page.locator("[data-conflict] summary").click()
    expect(page.locator(".diff ins").first).to_have_text("月结 30 天")
    page.get_by_role("link", name="用对方的").click()
    expect(page.locator("#terms")).to_have_value("月结 30 天")
    expect(page.locator("[data-conflict]")).to_have_count(0)


def test_work_what_is_wrong_stands_at_its_field(person: Person) -> None:
    page = person("buyer", "/e/purchase_order/new")
    page.get_by_role("button", name="保存").first.click()
    expect(page.locator("[data-error-summary]")).to_be_visible()
    expect(page.locator("[data-field-box=partner].error")).to_be_visible()


def test_work_the_suggestion_of_the_plan_becomes_an_order(firm: Firm, person: Person) -> None:
    page = person("buyer", "/plans/materials")
    expect(page.locator("body")).to_contain_text("螺丝")
