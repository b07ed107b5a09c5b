"""GS1 element strings, as scanners deliver them: what stands in a code, checked; and what is wrong with a bad one.

Known forms: the raw string with FNC1 as the group separator (or what a scanner makes of it), with or without the
symbology identifier in front; the bracketed form people print, ``(01)…(10)…``; and a plain EAN or UPC number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

GS = "\x1d"
SYMBOLOGIES = ("]C1", "]e0", "]d2", "]Q3", "]J1")
SEPARATORS = (GS, "\\x1d", "<GS>", "{GS}", "^]", "␝")
"""What scanners send for FNC1 when they cannot send it itself."""

_BRACKETED = re.compile(r"\((\d{2,4})\)([^(]*)")
_MARKED = re.compile(r"^\(\d{2,4}\)")
PLAIN_LENGTHS = (8, 12, 13, 14)
WINDOW = 50
"""Two-digit years lie at most 49 years back and 50 years ahead."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one application identifier may hold. ``size``: most characters; ``exact``: neither more nor fewer."""

    name: str
    size: int
    exact: bool
    digits: bool = True
    kind: str = "text"


_FIXED: Mapping[str, Part] = {
    "00": Part("sscc", 18, True, kind="checked"),
    "01": Part("gtin", 14, True, kind="checked"),
    "02": Part("content", 14, True, kind="checked"),
    "11": Part("production_date", 6, True, kind="date"),
    "12": Part("due_date", 6, True, kind="date"),
    "13": Part("packaging_date", 6, True, kind="date"),
    "15": Part("best_before", 6, True, kind="date"),
    "16": Part("sell_by", 6, True, kind="date"),
    "17": Part("expiry_date", 6, True, kind="date"),
    "20": Part("variant", 2, True),
}
_OPEN: Mapping[str, Part] = {
    "10": Part("lot", 20, False, digits=False),
    "21": Part("serial", 20, False, digits=False),
    "22": Part("consumer_variant", 20, False, digits=False),
    "30": Part("count", 8, False, kind="count"),
    "37": Part("count", 8, False, kind="count"),
    "240": Part("extra_id", 30, False, digits=False),
    "241": Part("customer_part", 30, False, digits=False),
    "250": Part("second_serial", 30, False, digits=False),
    "400": Part("order_number", 30, False, digits=False),
    "410": Part("ship_to", 13, True),
    "414": Part("location", 13, True),
    "422": Part("origin", 3, True),
    "7003": Part("expiry_moment", 10, True),
    "7006": Part("first_freeze", 6, True, kind="date"),
}
_SCALED: Mapping[str, Part] = {
    "310": Part("net_kg", 6, True, kind="scaled"),
    "320": Part("net_lb", 6, True, kind="scaled"),
    "330": Part("gross_kg", 6, True, kind="scaled"),
    "311": Part("length_m", 6, True, kind="scaled"),
    "315": Part("volume_l", 6, True, kind="scaled"),
    "392": Part("price", 15, False, kind="scaled"),
    "393": Part("price", 18, False),
}
"""By their first three digits; the fourth says how many decimals the number has."""

ENDED = frozenset(f"{n:02}" for n in (*range(5), *range(11, 21), *range(31, 37), 41))
"""Identifiers (by their first two digits) after whose data no separator is needed: its length is known."""


class BarcodeProblem(ValueError):
    """``code``: what is wrong with a scanned text, as a key of the messages; ``ai``: where."""

    def __init__(self, code: str, ai: str = "", value: str = "") -> None:
        super().__init__(code)
        self.code, self.ai, self.value = code, ai, value


@dataclass(frozen=True, slots=True)
class Scanned:
    """What stood in a code. ``gtin`` is padded to 14 digits; ``values`` holds every part by name."""

    text: str
    values: Mapping[str, str | date | Decimal] = field(default_factory=dict)

    def text_of(self, name: str) -> str | None:
        """A part as text."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    def date_of(self, *names: str) -> date | None:
        """The first of several dates that is there."""
        return next((v for n in names if isinstance(v := self.values.get(n), date)), None)

    @property
    def gtin(self) -> str | None:
        """The number of the article: that of the trade item, else that of what is inside."""
        return self.text_of("gtin") or self.text_of("content")

    @property
    def lot(self) -> str | None:
        """The lot."""
        return self.text_of("lot")

    @property
    def made_on(self) -> date | None:
        """When it was made, else packed."""
        return self.date_of("production_date", "packaging_date")

    @property
    def usable_until(self) -> date | None:
        """The last day it may be used, by the first of the standard's dates that says so."""
        return self.date_of("expiry_date", "best_before", "sell_by")


def is_gs1(text: str) -> bool:
    """Whether a scanned text looks like a GS1 element string (a plain article number is none)."""
    given = text.strip()
    return given.startswith(SYMBOLOGIES) or bool(_MARKED.match(given)) or (GS in given and given[:2].isdigit())


def parse(text: str, today: date, separators: tuple[str, ...] = SEPARATORS) -> Scanned:
    """What a scanned text says; ``BarcodeProblem`` where it breaks the rules."""
    given = text.strip()
    for mark in SYMBOLOGIES:
        given = given.removeprefix(mark)
    for other in separators:
        given = given.replace(other, GS)
    if given.isdigit() and len(given) in PLAIN_LENGTHS and not (given.startswith("01") and len(given) == 16):
        return Scanned(text, {"gtin": _checked("01", given.zfill(14))})
    parts = _bracketed(given) if _MARKED.match(given) else _raw(given)
    values: dict[str, str | date | Decimal] = {}
    for ai, raw in parts:
        part = _part(ai)
        values[part.name] = _value(ai, part, raw, today)
    if not values:
        raise BarcodeProblem("barcode_unknown", value=text)
    return Scanned(text, values)


def _bracketed(text: str) -> Iterator[tuple[str, str]]:
    for ai, raw in _BRACKETED.findall(text):
        yield ai, raw.strip().rstrip(GS)


def _raw(text: str) -> Iterator[tuple[str, str]]:
    rest = text.lstrip(GS)
    while rest:
        ai = _identifier(rest)
        part, rest = _part(ai), rest[len(ai) :]
        if part.exact and (ai[:2] in ENDED or GS not in rest[: part.size]):
            raw, rest = rest[: part.size], rest[part.size :]
        else:
            raw, _, rest = rest.partition(GS)
        yield ai, raw
        rest = rest.lstrip(GS)


def _identifier(text: str) -> str:
    for length in (2, 3, 4):
        ai = text[:length]
        if ai in _FIXED or ai in _OPEN or (length == 4 and ai[:3] in _SCALED and ai.isdigit()):
            return ai
    raise BarcodeProblem("barcode_unknown", text[:4], text)


def _part(ai: str) -> Part:
    found = _FIXED.get(ai) or _OPEN.get(ai) or (_SCALED.get(ai[:3]) if len(ai) == 4 and ai.isdigit() else None)
    if found is None:
        raise BarcodeProblem("barcode_unknown", ai)
    return found


def _value(ai: str, part: Part, raw: str, today: date) -> str | date | Decimal:
    short = len(raw) != part.size if part.exact else not 0 < len(raw) <= part.size
    if short or (part.digits and not raw.isascii()) or (part.digits and not raw.isdigit()):
        raise BarcodeProblem("barcode_malformed", ai, raw)
    if part.kind == "checked":
        return _checked(ai, raw)
    if part.kind == "date":
        return _date(ai, raw, today)
    if part.kind == "scaled":
        return Decimal(raw).scaleb(-int(ai[3]))
    return Decimal(raw) if part.kind == "count" else raw


def check_digit(digits: str) -> str:
    """The digit that belongs behind these: weights 3 and 1 from the right."""
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return str(-total % 10)


def _checked(ai: str, raw: str) -> str:
    if check_digit(raw[:-1]) != raw[-1]:
        raise BarcodeProblem("barcode_check_digit", ai, raw)
    return raw


def _date(ai: str, raw: str, today: date) -> date:
    """YYMMDD; day 00 is the last of the month; the century is the one that lies nearest."""
    year, month, day = int(raw[:2]), int(raw[2:4]), int(raw[4:])
    full = today.year - today.year % 100 + year
    if full - today.year > WINDOW:
        full -= 100
    elif today.year - full >= WINDOW:
        full += 100
    try:
        if day:
            return date(full, month, day)
        first = date(full + month // 12, month % 12 + 1, 1)
        if not 1 <= month <= 12:
            raise ValueError
        return first - timedelta(days=1)
    except ValueError:
        raise BarcodeProblem("barcode_malformed", ai, raw) from None
