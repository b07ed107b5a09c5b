"""Lists, palette, dialogs, charts and looks; axe finds no serious fault in light, dark and on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import AXE, Open

PAGES = ("list", "form", "dashboard", "detail", "states")
WIDTHS = (1100, 768, 390, 320)


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_fault_in_the_light(open_page: Open, name: str) -> None:
    assert serious(open_page(f"/{name}?theme=light")) == []


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_fault_in_the_dark_or_on_a_phone(open_page: Open, name: str) -> None:
    dark = PAGES.index(name) % 2 == 1
    page = open_page(f"/{name}?theme=dark") if dark else open_page(f"/{name}", width=390, height=844)
    assert serious(page) == []


def serious(page: Page) -> list[str]:
    """The serious and critical findings of axe, each with its place."""
    page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']}: {n['target']} {n['failureSummary']}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
        for n in v["nodes"]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_scrolls_sideways_at_any_width(open_page: Open, name: str) -> None:
    page = open_page(f"/{name}?lang=en", width=390, height=844)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, width


def test_the_bulk_bar_takes_the_place_of_the_pager_and_sums(open_page: Open) -> None:
    page = open_page("/list")
    page.locator("tbody .check").nth(0).check()
    page.locator("tbody .check").nth(2).click(modifiers=["Shift"])
    expect(page.locator("[data-bulk] [data-count]")).to_have_text("3")
    expect(page.locator("[data-bulk] [data-sum]")).to_have_text("133,700.00")
    expect(page.locator("[data-pager]")).to_be_hidden()
    page.locator("[data-clear]").click()
    expect(page.locator("[data-pager]")).to_be_visible()


def test_a_list_is_walked_by_keys(open_page: Open) -> None:
    page = open_page("/list")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("tr[aria-selected=true]")).to_have_attribute("data-id", "0148")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/detail"))


def test_slash_goes_to_the_search(open_page: Open) -> None:
    page = open_page("/list")
    page.keyboard.press("/")
    expect(page.locator("[data-slash]")).to_be_focused()


def test_the_palette_opens_with_control_k_and_goes_where_enter_says(open_page: Open) -> None:
    page = open_page("/list")
    page.keyboard.press("Control+k")
    page.keyboard.type("tongbang")
    expect(page.locator("#palette [role=option]")).to_have_count(3)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/detail"))


def test_columns_are_moved_by_keys_and_kept(open_page: Open) -> None:
    page = open_page("/list")
    page.locator("[popovertarget=list-columns]").click()
    page.locator("li[data-id=due] [data-move]").focus()
    with page.expect_request("**/preferences") as kept:
        page.keyboard.press("ArrowUp")
    assert "code%22%2C%22due%22%2C%22supplier" in (kept.value.post_data or "")


def test_the_dark_look_is_kept_and_charts_follow(open_page: Open) -> None:
    page = open_page("/dashboard")
    expect(page.locator("#c-copper canvas")).to_be_visible()
    page.locator("[popovertarget=me]").click()
    with page.expect_request("**/preferences") as kept:
        page.locator("[data-theme-set=dark]").click()
    assert kept.value.post_data == "key=theme&value=dark"
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_chart_has_its_table_behind_a_key(open_page: Open) -> None:
    page = open_page("/dashboard")
    page.locator("#c-copper").focus()
    page.keyboard.press("t")
    expect(page.locator("#c-copper .chart-table")).to_contain_text("69.9")


def test_a_figure_says_how_it_is_computed(open_page: Open) -> None:
    page = open_page("/dashboard")
    page.locator("[popovertarget=why-days]").click()
    expect(page.locator("#why-days")).to_contain_text("365 ÷ 5.10")


def test_a_dangerous_dialog_asks_for_its_reason(open_page: Open) -> None:
    page = open_page("/states")
    page.locator("[data-dialog=freeze]").click()
    dialog = page.locator("#freeze")
    expect(dialog.get_by_role("heading")).to_have_text("冻结 3 个批次？")
    expect(page.locator("#freeze-reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_error_summary_has_the_focus_and_leads_to_the_field(open_page: Open) -> None:
    page = open_page("/states")
    expect(page.locator("[data-error-summary]")).to_be_focused()
    page.locator("[data-error-summary] a").first.click()
    expect(page.locator("#f-wrong")).to_be_focused()


def test_a_file_is_uploaded_and_its_id_posted(open_page: Open) -> None:
    page = open_page("/states")
    page.locator("[data-files=doc] input[type=file]").set_input_files(
        {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"}
    )
    expect(page.locator('[data-files=doc] input[type=hidden][value="7"]')).to_be_attached()


def test_no_script_or_style_breaks_the_policy(open_page: Open) -> None:
    page = open_page("/dashboard")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.reload()
    expect(page.locator("#c-copper canvas")).to_be_visible()
    assert [text for text in said if "Content Security Policy" in text] == []


def test_a_signature_is_what_was_drawn_a_mere_touch_is_none_and_one_may_start_again(open_page: Open) -> None:
    page = open_page("/states", width=390, height=844)
    pad, kept = page.locator("[data-signature] canvas"), page.locator("[data-signature] input")
    pad.scroll_into_view_if_needed()
    pad.click(position={"x": 30, "y": 30})
    expect(kept).to_have_value("")
    box = pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90, steps=5)
    page.mouse.up()
    expect(kept).to_have_value(re.compile(r"^data:image/png;base64,"))
    page.get_by_role("button", name="重签").click()
    expect(kept).to_have_value("")
