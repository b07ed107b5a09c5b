"""The account of a customer and of a supplier over a month: opening, charges, payments, closing, to the cent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from runtime import ledger_account
from tests.scenarios.agency import billed, paid
from tests.scenarios.clients import Row, code
from tests.scenarios.works import Works

FIGURES = ("opening", "charged", "settled", "closing")


def figures_of(found: Row, key: str, level: int) -> list[list[Decimal]]:
    """The figures of the lines of a level that name something, in their order."""
    lines = [row for row in found["rows"] if row["level"] == level and key in str(row)]
    return [[Decimal(row["values"][name]) for name in FIGURES] for row in lines]


def supplied(agency: Works, amount: str, due: str) -> Row:
    """An invoice of the supplier, posted."""
    finance = agency.api("finance")
    row = {"name": "外包", "amount": amount, "tax_rate": "0"}
    made = finance.new("invoice", direction="purchase", partner=code("S"), due_date=due, lines=[row])
    return finance.take("invoice", made["id"], "post")


def paid_out(agency: Works, amount: str, bill: Mapping[str, object]) -> None:
    """Money to the supplier for one invoice."""
    matched = {"document": {"entity": "invoice", "code": bill["code"]}, "amount": amount}
    body = {"direction": "pay", "partner": code("S"), "amount": amount, "lines": [matched]}
    finance = agency.api("finance")
    finance.take("payment", finance.new("payment", **body)["id"], "post")


def on_paper(agency: Works, form: str, partner: str, language: str = "zh", **days: str) -> list[list[str]]:
    """The lines of the printed account: the document (its code where it has one of a month) and the figures."""
    address = f"/print/{form}/{agency.id('partner', partner)}?{urlencode({'lang': language, **days})}"
    page = agency.web("finance").get(address).get_data(as_text=True)
    assert page.count("<h1>") == 2, page[:500]
    rows = re.findall(r"<tr>(.*?)</tr>", page.partition("<tbody>")[2], re.DOTALL)
    cells = [[re.sub("<[^>]+>", "", one).strip() for one in re.findall(r"<t[dh].*?</t[dh]>", row)] for row in rows]
    return [[re.sub(r"^(收付款单) .*", r"\1", row[-5] if len(row) > 4 else row[0]), *row[-3:]] for row in cells]


def test_s3_the_account_of_a_month_goes_from_its_opening_to_its_closing(
    agency_both: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    agency = agency_both
    finance = agency.api("finance")
    agency.day("2026-01-10")
    old, gone = billed(agency, "100", "2026-02-05"), billed(agency, "7", "2026-02-05")
    paid(agency, "7", gone)
    owed = supplied(agency, "100", "2026-02-05")
    agency.day("2026-02-10")
    new = billed(agency, "50", "2026-03-10")
    paid(agency, "30", old)
    supplied(agency, "50", "2026-03-10")
    paid_out(agency, "30", owed)
    of_month = [100, 50, 30, 120]
    for report, partner in (("customer_account", "城建集团"), ("supplier_account", "蓝图外包")):
        found = finance.get(f"/reports/{report}", period="this_month")
        assert figures_of(found, partner, 1) == [of_month]
        assert figures_of(found, "", 0) == [of_month]
    found = finance.get("/reports/customer_account", period="this_month")
    assert figures_of(found, old["code"], 3) == [[100, 0, 30, 70]]
    assert figures_of(found, new["code"], 3) == [[0, 50, 0, 50]]
    assert gone["code"] not in str(found)  # settled before the month
    before = finance.get("/reports/customer_account", period="last_month")
    assert figures_of(before, "城建集团", 1) == [[0, 107, 7, 100]]
    assert new["code"] not in str(before)  # it came later
    assert on_paper(agency, "customer_account", "C") == [
        ["期初余额", "", "", "100.00"],
        [f"发票 {new['code']}", "50.00", "", "150.00"],
        ["收付款单", "", "30.00", "120.00"],
        ["本期合计与期末", "50.00", "30.00", "120.00"],
    ]
    with monkeypatch.context() as patch:
        patch.setattr(ledger_account, "MOST_ENTRIES", 1)
        assert on_paper(agency, "customer_account", "C") == [
            ["期初余额", "", "", "100.00"],
            [f"发票 {new['code']}", "50.00", "", "150.00"],
            ["本期合计与期末", "50.00", "30.00", "120.00"],  # of all, also of those that are not listed
        ]
    assert [row[1:] for row in on_paper(agency, "supplier_account", "S", language="en")] == [
        ["", "", "100.00"],
        ["50.00", "", "150.00"],
        ["", "30.00", "120.00"],
        ["50.00", "30.00", "120.00"],
    ]
    january = on_paper(agency, "customer_account", "C", since="2026-01-01", until="2026-01-31")
    assert [row[-1] for row in january] == ["0.00", "100.00", "107.00", "100.00", "100.00"]
    agency.day("2026-03-10")
    paid(agency, "70", old)
    paid(agency, "50", new)
    assert figures_of(finance.get("/reports/customer_account", period="this_month"), "城建集团", 1) == [
        [120, 0, 120, 0]
    ]
    again = finance.get("/reports/customer_account", period="last_month")
    assert figures_of(again, "城建集团", 1) == [of_month]  # what has been settled since still stands in its month
