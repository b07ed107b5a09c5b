"""The line grid and the fields in a real browser, by keyboard alone."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect


def cell(page: Page, line: int, column: str) -> str:
    """What the cell shows."""
    return page.locator("tr[data-line]").nth(line).locator(f"td[data-col={column}] .v").inner_text()


def value(page: Page, name: str) -> str:
    """What a hidden or visible input would post."""
    return page.locator(f'[name="{name}"]').input_value()


def test_typing_replaces_a_cell_and_enter_goes_on(form: Page) -> None:
    form.locator("#lines-0-qty").click()
    form.keyboard.type("12000")
    form.keyboard.press("Enter")
    assert cell(form, 0, "qty") == "12,000"
    assert value(form, "lines-0-qty") == "12000"
    form.keyboard.press("ArrowDown")
    form.keyboard.press("F2")
    expect(form.locator(".grid .editor")).to_have_attribute("aria-label", "第 2 行 单位：件")


def test_a_line_is_made_by_keyboard_alone_and_its_amount_computed(form: Page) -> None:
    form.locator("#lines-7-item").click()
    form.keyboard.type("flm10")
    expect(form.locator(".picker:popover-open [role=option]")).to_have_count(3)
    form.keyboard.press("ArrowDown")
    form.keyboard.press("Enter")
    expect(form.locator("#lines-7-item .v")).to_have_text("316 法兰螺母 M10")
    expect(form.locator("#lines-7-qty")).to_have_class("num can active")
    form.keyboard.type("1000")
    form.keyboard.press("Tab")
    assert cell(form, 7, "amount") == "660.00"
    assert value(form, "lines-7-item") == "102"
    expect(form.locator("[data-field=total]")).to_have_text("¥263,860.00")
    expect(form.locator("[data-words=total]")).to_have_text("贰拾陆万叁仟捌佰陆拾元整")
    assert form.locator("tr[data-line]").count() == 9


def test_escape_reverts_the_cell(form: Page) -> None:
    form.locator("#lines-1-price").click()
    form.keyboard.type("9.99")
    form.keyboard.press("Escape")
    assert cell(form, 1, "price") == "0.42"
    assert value(form, "lines-1-price") == "0.42"


def test_a_text_that_is_no_number_is_refused_in_its_cell(form: Page) -> None:
    form.locator("#lines-1-qty").click()
    form.keyboard.type("abc")
    form.keyboard.press("Enter")
    expect(form.locator("#lines-1-qty")).to_have_attribute("aria-invalid", "true")
    expect(form.locator(".toast.failed")).to_contain_text("数量要填数字")
    assert value(form, "lines-1-qty") == "10000"


def test_control_d_copies_the_cell_above(form: Page) -> None:
    form.locator("#lines-2-price").click()
    form.keyboard.press("Control+d")
    assert value(form, "lines-2-price") == "0.42"
    assert cell(form, 2, "amount") == "8,400.00"


def test_a_removed_line_comes_back(form: Page) -> None:
    form.locator("#lines-1-qty").click()
    form.keyboard.press("Control+Backspace")
    assert form.locator("tr[data-line]").count() == 7
    expect(form.locator(".toast.removed")).to_contain_text("已删第 2 行")
    form.keyboard.press("Control+z")
    assert form.locator("tr[data-line]").count() == 8
    assert value(form, "lines-1-qty") == "10000"


def paste(page: Page, text: str) -> None:
    """What Ctrl V does with this clipboard."""
    page.evaluate(
        """(text) => { const data = new DataTransfer(); data.setData('text/plain', text);
        const event = new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true});
        document.activeElement.dispatchEvent(event); }""",
        text,
    )


def test_rows_from_a_spreadsheet_fall_into_columns_by_their_heads(form: Page) -> None:
    form.locator("#lines-7-item").click()
    paste(form, "数量\t物料\t含税单价\r\n500\tSF-NT-K10\t0.7\r\n1，200\tSF-NT-C10\t0.25\r\n")
    expect(form.locator(".toast.done")).to_contain_text("贴入 2 行")
    assert [value(form, f"lines-{i}-item") for i in (7, 8)] == ["102", "103"]
    assert [cell(form, i, "amount") for i in (7, 8)] == ["350.00", "300.00"]


def test_what_does_not_fit_is_shown_before_it_is_pasted(form: Page) -> None:
    form.locator("#lines-7-item").click()
    paste(form, "SF-NT-K10\tviel\r\nNO-SUCH\t12")
    dialog = form.locator("dialog[open]")
    expect(dialog).to_contain_text("2 处放不进去")
    dialog.get_by_role("button", name="不贴").click()
    assert form.locator("tr[data-line]").count() == 8
    assert value(form, "lines-7-item") == ""


def test_enter_while_an_input_method_composes_stays_in_the_cell(form: Page) -> None:
    form.locator("#lines-7-item").click()
    session = form.context.new_cdp_session(form)
    session.send("Input.imeSetComposition", {"text": "fa", "selectionStart": 2, "selectionEnd": 2})
    form.evaluate(
        "const enter = new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true});"
        "document.activeElement.dispatchEvent(enter)"
    )
    expect(form.locator("#lines-7-item")).to_have_class("wide can active")
    session.send("Input.insertText", {"text": "法兰"})
    expect(form.locator(".picker:popover-open [role=option]")).to_have_count(3)


def test_blank_lines_and_thousands_are_not_posted(form: Page) -> None:
    sent = form.evaluate(
        "[...new FormData(document.getElementById('record')).keys()].filter((k) => k.startsWith('lines-'))"
    )
    assert "lines-6-qty" in sent
    assert not [name for name in sent if name.startswith("lines-7-")]


def test_question_mark_lists_the_keys(form: Page) -> None:
    form.locator("#lines-1-qty").click()
    form.keyboard.press("?")
    expect(form.locator("dialog[open]")).to_contain_text("复制上一行这一格")


def test_shift_tab_leaves_the_grid_at_its_first_cell(form: Page) -> None:
    form.locator("#lines-0-item").click()
    form.keyboard.press("Shift+Tab")
    assert not form.evaluate("Boolean(document.activeElement.closest('[role=grid]'))")


def test_a_date_may_be_typed_short(form: Page) -> None:
    field = form.locator("#due")
    field.fill("3-5")
    field.press("Tab")
    assert field.input_value().endswith("-03-05")


def test_a_reference_that_was_never_picked_does_not_keep_the_old_id_under_new_words(form: Page) -> None:
    field = form.locator("#customer")
    field.fill("nobody at all")
    field.press("Tab")
    expect(form.locator("[data-field-box=customer] .hint")).to_contain_text("请从列表里选")
    expect(field).to_have_value("温州捷诚汽配有限公司")
    assert value(form, "customer") == "12"


def test_changes_are_marked_and_kept_as_a_draft(form: Page) -> None:
    form.locator("#their_code").fill("PO-7")
    form.locator("#their_code").blur()
    expect(form.locator("[data-save-state]")).to_have_text("未保存")
    expect(form.locator("[data-save-state]")).to_have_text(re.compile(r"^未保存 · 草稿已存 \d\d:\d\d$"))
    kept = form.evaluate("localStorage.getItem('draft:' + document.body.dataset.user + ':/form')")
    assert ["their_code", "PO-7"] in json.loads(kept)["fields"]


def test_control_s_saves_what_is_being_typed(form: Page) -> None:
    form.locator("#lines-0-qty").click()
    form.keyboard.type("55")
    with form.expect_navigation(), form.expect_request("**/form") as sent:
        form.keyboard.press("Control+s")
    assert 'name="lines-0-qty"\r\n\r\n55' in (sent.value.post_data or "") or "lines-0-qty=55" in (
        sent.value.post_data or ""
    )
