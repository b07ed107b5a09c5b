"""GS1 codes as scanners deliver them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from runtime.barcodes import BarcodeProblem, check_digit, is_gs1, parse

TODAY = date(2026, 3, 1)
GTIN = "06901234567892"
RAW = f"01{GTIN}1126010117260630" + "10L-2601\x1d3102001250"


@pytest.mark.parametrize(
    "text",
    [
        RAW,
        "]C1" + RAW,
        "]d2" + RAW,
        RAW.replace("\x1d", "<GS>"),
        f"(01){GTIN}(11)260101(17)260630(10)L-2601(3102)001250",
    ],
)
def test_one_scan_gives_item_lot_dates_and_weight(text: str) -> None:
    found = parse(text, TODAY)
    assert (found.gtin, found.lot) == (GTIN, "L-2601")
    assert (found.made_on, found.usable_until) == (date(2026, 1, 1), date(2026, 6, 30))
    assert found.values["net_kg"] == Decimal("12.50")


def test_a_plain_number_is_padded_to_fourteen_digits() -> None:
    assert parse("6901234567892", TODAY).gtin == GTIN
    assert not is_gs1("6901234567892")
    assert is_gs1(f"(01){GTIN}")


def test_day_zero_is_the_last_of_the_month() -> None:
    assert parse(f"01{GTIN}17280200", TODAY).usable_until == date(2028, 2, 29)
    assert parse(f"01{GTIN}17261200", TODAY).usable_until == date(2026, 12, 31)


@pytest.mark.parametrize(("year", "full"), [("26", 2026), ("76", 2076), ("77", 1977), ("99", 1999)])
def test_the_century_is_the_nearest(year: str, full: int) -> None:
    assert parse(f"01{GTIN}17{year}0115", TODAY).usable_until == date(full, 1, 15)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0106901234567893", "barcode_check_digit"),
        (f"01{GTIN}17261301", "barcode_malformed"),
        (f"01{GTIN}1726", "barcode_malformed"),
        (f"01{GTIN}10" + "X" * 21, "barcode_malformed"),
        ("9912", "barcode_unknown"),
        ("", "barcode_unknown"),
        ("(01)12", "barcode_malformed"),
    ],
)
def test_what_breaks_the_rules_says_how(text: str, code: str) -> None:
    with pytest.raises(BarcodeProblem) as told:
        parse(text, TODAY)
    assert told.value.code == code


def test_check_digit() -> None:
    assert check_digit("690123456789") == "2"
    assert check_digit("0690123456789") == "2"
