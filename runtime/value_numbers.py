"""Numbers as people type them, exactly; and the refusal of what cannot become a value."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

SAFE_DIGITS = 15
MOST_DIGITS = 18
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


class Refusal(Exception):
    """A raw value that cannot become a value of its field: the code of the sentence and what it names."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


def shown(raw: object) -> str:
    """A short, printable piece of what was given."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(raw)[:40])
    return text + ("…" if len(str(raw)) > 40 else "")


STEPS = tuple(Decimal(1).scaleb(-scale) for scale in range(MOST_DIGITS + 20))
"""The smallest step of every number of decimals."""


EVEN, FEW = 4, 3
"""Decimals up to which a computed figure counts as exact, and what a longer one is shown with."""


def round_to(number: Decimal, scale: int) -> Decimal:
    """``number`` with ``scale`` decimals, half away from zero."""
    rounded = number.quantize(STEPS[scale], ROUND_HALF_UP, EXACT)
    return rounded if rounded else abs(rounded)  # no minus zero


def readable(number: Decimal) -> Decimal:
    """A computed figure as people read it: a quotient that does not come out even with three decimals, a small one
    with three digits; whatever has fewer than five decimals is exact and stays."""
    if round_to(number, EVEN) == number:
        return number
    return round_to(number, max(FEW, FEW - 1 - number.adjusted()))


def decimal_of(raw: object, scale: int) -> Decimal:
    """A decimal with ``scale`` places, small enough for both databases, rounded half away from zero."""
    number = number_of(raw)
    most = 10 ** min(SAFE_DIGITS, MOST_DIGITS - scale)
    if abs(number) >= most:
        raise Refusal("too_large", most=most)
    return round_to(number, scale)


def number_of(raw: object) -> Decimal:
    if type(raw) is str:
        number = _typed_number(raw)
        if number.is_finite():
            return number
    if isinstance(raw, bool):
        raise Refusal("not_a_number", given=str(raw).lower())
    if isinstance(raw, (int, float, Decimal)):
        number = Decimal(str(raw)) if isinstance(raw, float) else Decimal(raw)
    elif isinstance(raw, str):
        number = _typed_number(raw)
    else:
        raise Refusal("not_a_number", given=shown(raw))
    if not number.is_finite():
        raise Refusal("not_a_number", given=shown(raw))
    return number


def _typed_number(raw: str) -> Decimal:
    text = raw.strip()
    if len(text) > 60 or "_" in text:
        raise Refusal("not_a_number", given=shown(raw))
    if "," in text:
        text = _ungrouped(text)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Refusal("not_a_number", given=shown(raw)) from None


def _ungrouped(text: str) -> str:
    """``1,234,567.50`` without its commas; anything grouped differently is not a number."""
    whole, dot, rest = text.partition(".")
    groups = whole.lstrip("+-").split(",")
    if not 1 <= len(groups[0]) <= 3 or any(len(g) != 3 for g in groups[1:]):
        raise Refusal("not_a_number", given=shown(text))
    return whole.replace(",", "") + dot + rest


def decimal_text(value: Decimal, least: int = 0) -> str:
    """Without an exponent and without trailing zeros beyond ``least`` decimals."""
    text = f"{value:f}"
    if "." not in text:
        return f"{text}.{'0' * least}" if least else text
    if not least:
        return text.rstrip("0").removesuffix(".")
    whole, _, places = text.partition(".")
    places = places.rstrip("0").ljust(least, "0")
    return f"{whole}.{places}" if places else whole
