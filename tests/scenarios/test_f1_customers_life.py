"""F1: the shelf life that a customer wants left is kept to, whether a lot is named or found by the ledger."""

from __future__ import annotations

from tests.scenarios.clients import code
from tests.scenarios.larder import Larder

NONE = "挑剔超市 要求剩余效期不低于 50 %，果汁 符合的批次不够；换一个批次、先到货，或者换仓库"


def stocked(larder: Larder) -> None:
    """On 2 April the older lot has 89 of 180 days left, the younger 98."""
    works = larder.works
    works.day("2026-01-20")
    larder.received("JUICE", "10", "OLD", "2026-01-01")
    larder.received("JUICE", "4", "YOUNG", "2026-01-10")
    works.day("2026-04-02")


def left(larder: Larder) -> tuple[str, str]:
    """What is on hand of the older and of the younger lot."""
    return larder.lot("OLD")["on_hand"], larder.lot("YOUNG")["on_hand"]


def test_f1_what_names_no_lot_skips_those_with_too_little_life(larder_both: Larder) -> None:
    stocked(larder_both)
    larder_both.delivered("JUICE", "3", "C9")
    assert left(larder_both) == ("10", "1")
    larder_both.delivered("JUICE", "3", "C1")
    assert left(larder_both) == ("7", "1")


def test_f1_without_a_lot_of_enough_life_the_refusal_says_so(larder_both: Larder) -> None:
    stocked(larder_both)
    admin = larder_both.admin
    larder_both.delivered("JUICE", "4", "C9")
    made = larder_both.delivery("JUICE", "1", "C9")
    (fault,) = admin.refused(422, "POST", f"/delivery/{made['id']}/actions/post")
    assert (fault["code"], fault["message"]) == ("nothing_usable", NONE)
    assert left(larder_both) == ("10", "0")


def test_f1_two_lines_of_a_delivery_share_what_has_life_enough(larder: Larder) -> None:
    stocked(larder)
    line = {"item": code("JUICE"), "qty": "2", "price": "8"}
    made = larder.admin.new("delivery", partner=code("C9"), warehouse=code("W"), lines=[line, line])
    larder.admin.take("delivery", made["id"], "post")
    assert left(larder) == ("10", "0")
    more = larder.admin.new("delivery", partner=code("C9"), warehouse=code("W"), lines=[line, line])
    (fault,) = larder.admin.refused(422, "POST", f"/delivery/{more['id']}/actions/post")
    assert fault["message"] == NONE


def test_f1_a_lot_named_in_time_is_refused_when_its_life_has_run_down(larder: Larder) -> None:
    stocked(larder)
    made = larder.delivery("JUICE", "1", "C9", lot=code("YOUNG"), skip_reason="客户指定")
    larder.works.day("2026-05-20")
    (fault,) = larder.admin.refused(422, "POST", f"/delivery/{made['id']}/actions/post")
    assert (fault["code"], fault["message"]) == ("nothing_usable", NONE)
    assert left(larder) == ("10", "4")


def test_f1_an_older_lot_than_the_customer_got_before_is_told(larder: Larder) -> None:
    stocked(larder)
    larder.delivered("JUICE", "3", "C9")
    larder.admin.change("partner", larder.works.id("partner", "C9"), min_life_share="0")
    made = larder.delivered("JUICE", "1", "C9", lot=code("OLD"))
    (line,) = larder.admin.read("delivery", made["id"])["lines"]
    assert (line["lot"]["code"], line["last_sent"], line["inverted"]) == ("OLD", "2026-07-09", True)
    assert larder.admin.explain("inverted_lots")["value"] in ("1", 1)
    rows = larder.admin.get("/reports/out_of_turn")["rows"]
    assert rows[-1]["titles"][:4] == ["2026-04-02", "C9 挑剔超市", "JUICE 果汁", "OLD"]
