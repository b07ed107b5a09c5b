"""D2: an approved order goes to its supplier; two days before it arrives the keeper is reminded, once."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy

import pytest

from runtime import channel_settings
from runtime.outbox_courier import deliver
from tests.runtime.channels.test_email import office
from tests.scenarios.clients import code
from tests.scenarios.rules_told import come_in, ticked, told
from tests.scenarios.works import Works
from web.print_mail import PrintedForms

LINES = [{"item": code("SCREW"), "qty": "2000", "price": "0.1"}, {"item": code("COPPER"), "qty": "10", "price": "11"}]


def by_program(works: Works, expected: str) -> int:
    buyer = works.api("buyer")
    made = buyer.new("purchase_order", partner=code("S"), warehouse=code("W"), expected_date=expected, lines=LINES)
    return int(buyer.take("purchase_order", made["id"], "submit")["id"])


def by_page(works: Works, expected: str) -> int:
    values = {"partner": code("S"), "warehouse": code("W"), "expected_date": expected, "lines": LINES}
    return works.web("buyer").new("purchase_order", "submit", **values)


def by_file(works: Works, expected: str) -> int:
    row = {"partner": "S", "warehouse": "W", "expected_date": expected}
    line = {"lines.item": "SCREW", "lines.qty": "2000", "lines.price": "0.1"}
    return come_in(works, "purchase_order", [{**row, **line}], "submit")[0]


@pytest.fixture
def stores(both: Works) -> Works:
    """The works, whose warehouse W has its keeper."""
    both.api().change("warehouse", both.id("warehouse", "W"), keeper=both.id("employee", "KEEPER"))
    return both


@pytest.fixture
def one(works: Works) -> Works:
    """The same on SQLite alone."""
    works.api().change("warehouse", works.id("warehouse", "W"), keeper=works.id("employee", "KEEPER"))
    return works


@pytest.mark.parametrize("way", [by_program, by_page, by_file])
def test_d2_by_every_way_the_supplier_is_mailed_and_the_keeper_reminded_once(
    one: Works, way: Callable[[Works, str], int]
) -> None:
    order = one.api().read("purchase_order", way(one, "2026-01-20"))
    ((address, text),) = told(one, "rule:order_to_supplier", "email")
    assert (address, text.partition("，")[0]) == ("s@example.com", "请于 2026-01-20 前送达 W 一号仓")
    ticked(one, "2026-01-18", 8)
    assert told(one, "rule:prepare_receiving", "inbox") == []
    ticked(one, "2026-01-18", 9)
    ticked(one, "2026-01-18", 10)
    ticked(one, "2026-01-19")
    expected = [("keeper", f"华东铜业 的 {order['code']} 预计 2026-01-20 到货，请准备仓位")]
    assert told(one, "rule:prepare_receiving", "inbox") == expected


def test_d2_the_reminder_moves_with_the_date_and_goes_with_the_order(stores: Works) -> None:
    works = stores
    moved, cancelled = by_program(works, "2026-01-20"), by_program(works, "2026-01-20")
    works.api("buyer").change("purchase_order", moved, expected_date="2026-01-26")
    works.api("buyer").take("purchase_order", cancelled, "cancel")
    ticked(works, "2026-01-22")
    assert told(works, "rule:prepare_receiving", "inbox") == []
    ticked(works, "2026-01-25")  # the server was down on the 24th
    ticked(works, "2026-01-26")
    assert [who for who, _ in told(works, "rule:prepare_receiving", "inbox")] == ["keeper"]


def test_d2_an_order_approved_inside_the_two_days_reminds_at_once(one: Works) -> None:
    one.day("2026-01-19", 14)
    by_program(one, "2026-01-20")
    ticked(one, "2026-01-19", 15)
    assert [who for who, _ in told(one, "rule:prepare_receiving", "inbox")] == ["keeper"]


def test_d2_without_an_address_the_trace_says_why_nothing_was_sent(one: Works) -> None:
    one.api().change("partner", one.id("partner", "S"), email="")
    order = by_program(one, "2026-01-20")
    assert told(one, "rule:order_to_supplier") == []
    why = one.api().get("/rules/order_to_supplier/why", record=order)
    assert why["fires"] is False
    assert why["first_failing"]["text"] == "不是 供应商的邮箱为空" or "邮箱" in why["first_failing"]["text"]


def test_d2_the_supplier_gets_the_order_as_it_is_printed_with_the_mail(one: Works) -> None:
    with office() as (post, config):
        with one.acting() as ctx:
            channel_settings.save(ctx, None, "邮件", "email", config)
        order = one.api().read("purchase_order", by_program(one, "2026-01-20"))
        delivered = deliver(one.app, one.clock, attach=PrintedForms())
    assert [each.state for each in delivered if each.kind == "email"] == ["sent"]
    (mail,) = [message_from_bytes(bytes(each.content), policy=policy.default) for each in post.taken]
    assert str(mail["Subject"]) == f"采购订单 {order['code']}"
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == (f"采购订单 {order['code']}.html", "text/html")
    printed = file.get_content()
    for said in ("SCREW", "2,000", "铜棒", "叁佰壹拾元整", f"{order['code']}</title>"):
        assert said in printed
    assert "http" not in printed.replace("http://www.w3.org", "")  # it needs nothing else
