"""Numbers in an address are what databases know: other digits and longer ones are no numbers."""

from __future__ import annotations

import pytest

from tests.scenarios.works import Works
from tests.web.pages.test_figures import Reader
from web.whole import is_whole

ODD = ("²", "٣", "9" * 40)


def test_only_what_a_column_holds_is_a_number() -> None:
    assert [is_whole(text) for text in ("0", "17", "9" * 18, "", "-1", "1.5", "9" * 19, *ODD)] == [True] * 3 + [
        False
    ] * 7


@pytest.mark.parametrize(
    "path",
    [
        "/stations/receiving?place={}",
        "/stations/receiving?queue=orders&doc={}",
        "/e/item?ids={}&size={}",
        "/e/item/new?copy={}",
        "/e/purchase_receipt/new?from=purchase_order&ids={}&lines={}",
        "/ledgers/stock?page={}",
        "/plans/materials?item={}",
        "/rules?before={}",
        "/outbox?before={}",
        "/settings/working-days?year={}",
    ],
)
def test_pages_take_odd_numbers_for_none(office: Works, path: str) -> None:
    reader = Reader(office, "admin")
    for odd in ODD:
        answer = reader.client.get(path.replace("{}", odd))
        assert answer.status_code < 500
