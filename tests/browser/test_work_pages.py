"""Home, looks and languages, phones, paper, and what readers of screens need, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from runtime.apps import AppHome
from tests.browser.conftest import AXE, Firm, Person, serving
from web.application import create_app

PAGES = {
    "login": ("", "/login"),
    "home": ("manager", "/"),
    "list": ("buyer", "/e/purchase_order"),
    "form": ("buyer", "/e/purchase_order/new"),
    "record": ("buyer", "/e/purchase_order/1"),
    "posted": ("manager", "/e/purchase_receipt/1"),
    "report": ("manager", "/reports/stock_by_category"),
    "reports": ("manager", "/reports"),
    "plan": ("buyer", "/plans/materials"),
    "tasks": ("manager", "/tasks"),
    "stations": ("keeper", "/stations"),
    "workflows": ("admin", "/workflows"),
    "workflow": ("admin", "/workflows/purchase_order"),
    "rule": ("admin", "/rules/ready_to_deliver"),
    "imports": ("admin", "/imports"),
    "import": ("admin", "/e/item/import"),
    "station": ("keeper", "/stations/receiving?queue=orders&doc=1&act=receive"),
}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"width": 390, "height": 844},
}


def faults(page: Page) -> list[str]:
    """Serious and critical faults that axe finds."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:160]} {v['nodes'][0].get('failureSummary', '')[:200]}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]


RARE = ("workflows", "workflow", "rule", "imports", "import")
DAILY = [name for name in PAGES if name not in RARE]
SEEN = [(name, look) for at, name in enumerate(DAILY) for look in ("light", ("dark", "phone")[at % 2])]
"""Each page in the light, and in the dark or on a phone by turns; what is opened rarely in one look each."""
SEEN += [(name, ("phone", "dark", "light")[at % 3]) for at, name in enumerate(RARE)]


@pytest.mark.parametrize(("name", "look"), SEEN)
def test_work_axe_finds_nothing_serious(person: Person, name: str, look: str) -> None:
    who, path = PAGES[name]
    page = person(who, path, **LOOKS[look])
    assert faults(page) == []


def test_work_axe_finds_nothing_serious_on_the_first_page(browser: Browser, frontend: None, tmp_path: Path) -> None:
    home = AppHome(tmp_path)
    with serving(create_app(home, testing=True)) as address, browser.new_context(locale="zh-CN") as window:
        page = window.new_page()
        for width, scheme in ((1440, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 844})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(f"{address}/start", wait_until="networkidle")
            expect(page.locator("h1")).to_have_text("选一个行业，马上能用")
            assert faults(page) == []
    home.close()


def test_work_home_shows_cards_shortages_and_tasks(person: Person) -> None:
    page = person("manager", "/")
    for words in ("当前库存总额", "超期未交订单数", "原材料周转天数", "准时交付率", "缺料种数", "在制金额"):
        expect(page.locator("#main")).to_contain_text(words)
    expect(page.locator("#main")).to_contain_text("采购订单")


@pytest.mark.parametrize("name", [name for name in PAGES if name != "login"])
def test_work_a_phone_never_scrolls_sideways(person: Person, name: str) -> None:
    who, path = PAGES[name]
    page = person(who, path, width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_work_a_long_name_of_what_a_list_makes_never_scrolls_a_phone_sideways(person: Person) -> None:
    page = person("buyer", "/e/purchase_order?lang=en", width=390, height=844)
    key = page.locator(".top-end > .btn.primary")
    expect(key).to_have_attribute("title", "New purchase order")
    key.locator("span").evaluate("it => { it.textContent = 'New receipt or payment of petty cash'.repeat(2) }")
    page.locator("h1").evaluate("it => { it.textContent = 'Receipts and payments of petty cash'.repeat(2) }")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    box = key.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390
    person("buyer", "/e/purchase_order?lang=zh")


def test_work_the_language_changes_and_stays(person: Person) -> None:
    page = person("viewer", "/e/item?lang=en")
    expect(page.locator("h1")).to_have_text("Item")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page = person("viewer", "/e/item?lang=zh")
    expect(page.locator("h1")).to_have_text("物料")


def test_work_dark_is_dark(person: Person) -> None:
    def shade(page: Page) -> int:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.strip("rgba()").split(",")[:3])

    assert shade(person("viewer", "/", color_scheme="dark")) < 200
    assert shade(person("viewer", "/", color_scheme="light")) > 600


def test_work_a_form_is_printed(person: Person, firm: Firm) -> None:
    page = person("buyer", "/e/purchase_order/1")
    page.get_by_role("button", name="打印").first.click()
    link = page.get_by_role("menuitem", name="采购订单").or_(page.get_by_role("link", name="采购订单")).last
    address = link.get_attribute("href")
    assert address is not None
    page.goto(firm.address + address, wait_until="networkidle")
    expect(page.locator("body")).to_contain_text("采购订单")
    expect(page.locator("body")).to_contain_text("华东铜业")


def test_work_a_wrong_password_says_so(person: Person, firm: Firm) -> None:
    page = person("", "/login")
    page.fill("#name", "buyer")
    page.fill("#password", "wrong-password")
    page.click("button[type=submit]")
    expect(page.locator("[role=alert]")).to_be_visible()


SHELL_LINKS = "all => all.map(a => a.getAttribute('href')).filter(h => h && h.startsWith('/'))"


@pytest.mark.parametrize("lang", ["en", "zh-CN"])  # Chinese last: the account keeps what it chose
def test_work_every_page_of_the_menu_opens_in_silence(person: Person, firm: Firm, lang: str) -> None:
    """Each entry is shown, and neither a script nor the policy has anything to complain of (the fixture asserts it)."""
    page = person("admin", "/account")
    if page.locator("html").get_attribute("lang") != lang:
        page.locator("[popovertarget=me]").click()
        page.locator("[data-language-set]").click()
    expect(page.locator("html")).to_have_attribute("lang", lang)
    page.wait_for_load_state("networkidle")
    links = page.eval_on_selector_all(".side a, #main a", SHELL_LINKS)
    assert len(set(links)) > 40
    for link in dict.fromkeys(links):
        answer = page.goto(firm.address + link, wait_until="load")
        assert answer is not None, link
        assert answer.status == 200, link
        assert page.locator("html").get_attribute("lang") == lang, link
        assert page.locator("h1").count() == 1, link


def test_work_every_kind_of_page_has_our_mark_in_the_tab(person: Person, firm: Firm) -> None:
    page = person("viewer", "/")
    for path, status in (("/", 200), ("/login", 200), ("/e/no_such_thing", 404), ("/nowhere", 404)):
        answer = page.request.get(firm.address + path)
        mark = re.search(r'<link rel="icon" href="([^"]+)"', answer.text())
        assert answer.status == status, path
        assert mark is not None, path
        drawn = page.request.get(firm.address + mark[1])
        assert (drawn.status, drawn.headers["content-type"].partition(";")[0]) == (200, "image/svg+xml")
