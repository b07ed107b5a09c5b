"""What comes by itself: a message rings beside the menu, a figure moves, and nobody has pressed a key."""

from __future__ import annotations

from playwright.sync_api import Response, expect

from engine.model import Text
from runtime import outbox
from runtime.outbox import Outgoing
from tests.browser.conftest import Firm, Person
from tests.scenarios.clients import code


def streams(response: Response) -> bool:
    """Whether the page is listening."""
    return response.url.endswith("/api/v1/events")


def test_work_a_message_rings_without_reloading(person: Person, firm: Firm) -> None:
    page = person("keeper", "/e/item")
    count = page.locator(".side [data-count=messages]")
    before = int(count.text_content() or "0")
    page.evaluate("() => { window.same = true }")
    page.wait_for_event("response", streams, timeout=30_000)
    keeper = firm.works.scalar("SELECT id FROM dg_account WHERE name = 'keeper'")
    with firm.works.acting() as ctx:
        words = Text(zh="螺栓低于安全库存", en="bolts below safety stock")
        told = Outgoing(kind="inbox", key="live", accounts=frozenset({keeper}), title=words, text=words)
        outbox.post(ctx, told)
    expect(count).to_have_text(str(before + 1), timeout=30_000)
    expect(page.locator(".toast")).to_contain_text("螺栓低于安全库存")
    assert page.evaluate("() => window.same")


def test_work_figures_move_when_something_is_written(person: Person, firm: Firm) -> None:
    page = person("manager", "/")
    page.evaluate("() => { window.same = true }")
    page.wait_for_event("response", streams, timeout=30_000)
    line = {"item": code("COPPER"), "qty": "7", "price": "11"}
    firm.works.api("buyer").new(
        "purchase_order", partner=code("S"), warehouse=code("W"), expected_date="2026-01-14", lines=[line]
    )
    page.wait_for_event("request", lambda request: request.resource_type == "fetch", timeout=20_000)
    assert page.evaluate("() => window.same")
