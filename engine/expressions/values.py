"""What operators and functions do to values: the one Python meaning, used by the compiled and the explained reading.

Rules: empty in, empty out; x / 0 is empty; a comparison is never empty; each result is rounded half away from zero to
its typed scale, and one of more than 38 digits is an ``ExpressionOverflow``.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from engine.expressions.problems import ExpressionOverflow
from engine.expressions.tree import Scalar
from engine.expressions.types import QUOTIENT_SCALE, Kind, Type
from engine.expressions.workdays import read_working_days

DIGITS = 38
STORED_LIMIT = 2**63
_TRAPS = (InvalidOperation, DivisionByZero, Overflow)
WIDE = Context(prec=120, rounding=ROUND_DOWN, Emax=9999, Emin=-9999, traps=list(_TRAPS))
NARROW = Context(prec=DIGITS, rounding=ROUND_HALF_UP, Emax=9999, Emin=-9999, traps=list(_TRAPS))
"""Products and quotients are made ``WIDE`` and cut (so a tie is never made up), then rounded once, ``NARROW``."""
STEPS = tuple(Decimal(1).scaleb(-scale) for scale in range(QUOTIENT_SCALE + 1))
_DAY = 86400
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,30})?\Z")
_BLANKS = " \t\r\n"

Number = Decimal | None


def fit(value: Decimal | int | Fraction, scale: int) -> Decimal:
    """``value`` rounded half away from zero to ``scale``; raises ``ExpressionOverflow``."""
    if isinstance(value, Fraction):
        value = WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))
    try:
        return NARROW.quantize(Decimal(value), STEPS[scale])
    except InvalidOperation:
        raise ExpressionOverflow(f"{value} has more than {DIGITS} digits") from None


def round_to(type_: Type, value: Any) -> Any:
    """``value`` as it is stored in a field of ``type_``: rounded to its scale; raises ``ExpressionOverflow``."""
    if value is None or type_.kind not in _SCALED or type_.many or isinstance(value, bool):
        return value
    stored = fit(value, type_.scale)
    if not -STORED_LIMIT <= int(stored.scaleb(type_.scale, WIDE)) < STORED_LIMIT:
        raise ExpressionOverflow(f"{value} does not fit a stored number with {type_.scale} decimals")
    return stored


def plain(value: Any, scale: int = QUOTIENT_SCALE) -> Any:
    """A stored ratio as a number; other values as they are."""
    return fit(value, scale) if isinstance(value, Fraction) else value


_SCALED = frozenset({Kind.NUMBER, Kind.MONEY, Kind.QUANTITY, Kind.DURATION})


def add(a: Number, b: Number, scale: int) -> Number:
    return None if a is None or b is None else fit(WIDE.add(a, b), scale)


def subtract(a: Number, b: Number, scale: int) -> Number:
    return None if a is None or b is None else fit(WIDE.subtract(a, b), scale)


def multiply(a: Number, b: Number, scale: int) -> Number:
    return None if a is None or b is None else fit(WIDE.multiply(a, b), scale)


def divide(a: Number, b: Number, scale: int) -> Number:
    return None if a is None or not b else fit(WIDE.divide(a, b), scale)


def remainder(a: Number, b: Number, scale: int) -> Number:
    """What is left after taking ``b`` away whole times; has the sign of ``a``."""
    return None if a is None or not b else fit(WIDE.remainder(a, b), scale)


def negate(a: Number) -> Number:
    return None if a is None else WIDE.minus(a)


def concatenate(a: str | None, b: str | None) -> str | None:
    return None if a is None or b is None else a + b


def equal(a: Any, b: Any) -> bool:
    return bool(a == b)


def less(a: Any, b: Any) -> bool:
    return a is not None and b is not None and bool(a < b)


def at_most(a: Any, b: Any) -> bool:
    return a is not None and b is not None and bool(a <= b)


def member(a: Any, many: Any) -> bool:
    """Whether ``a`` is one of a stored set; empty never is."""
    return a is not None and many is not None and a in many


def convert(a: Number, ratio: Fraction | None, scale: int, *, divide_by: bool) -> Number:
    """``a`` times (or by) an exact ratio."""
    if a is None or not ratio:
        return None
    exact = Fraction(a) / ratio if divide_by else Fraction(a) * ratio
    return fit(exact, scale)


def least(scale: int, *values: Any) -> Any:
    for value in values:
        if value is None:
            return None
    return min(values)


def most(scale: int, *values: Any) -> Any:
    for value in values:
        if value is None:
            return None
    return max(values)


def absolute(scale: int, a: Number) -> Number:
    return None if a is None else fit(WIDE.abs(a), scale)


def rounded(scale: int, a: Number, digits: Number = None) -> Number:
    return None if a is None else fit(a, scale)


def round_up(scale: int, a: Number, step: Number = STEPS[0]) -> Number:
    return _stepped(a, step, scale, up=True)


def round_down(scale: int, a: Number, step: Number = STEPS[0]) -> Number:
    return _stepped(a, step, scale, up=False)


def _stepped(a: Number, step: Number, scale: int, *, up: bool) -> Number:
    if a is None or step is None or step <= 0:
        return None
    exact = Fraction(a) / Fraction(step)
    whole = -((-exact.numerator) // exact.denominator) if up else exact.numerator // exact.denominator
    return fit(WIDE.multiply(Decimal(whole), step), scale)


def _span(seconds: int) -> Callable[[int, Number], Number]:
    def span(scale: int, a: Number) -> Number:
        return None if a is None else fit(WIDE.multiply(a, Decimal(seconds)), 0)

    return span


def unsupported_alone(scale: int, a: Number) -> Number:
    """Months and workdays have no length of their own; the parser only lets them stand beside a date."""
    return None


def add_days(scale: int, day: date | None, days: Number) -> date | None:
    return None if day is None or days is None else _day(day.toordinal() + int(fit(days, 0)))


def _day(ordinal: int) -> date:
    if not 1 <= ordinal <= date.max.toordinal():
        raise ExpressionOverflow("the date is out of range")
    return date.fromordinal(ordinal)


def add_months(scale: int, day: date | None, months: Number) -> date | None:
    """The same day of another month, or its last day where there is none."""
    if day is None or months is None:
        return None
    year, month = divmod(day.year * 12 + day.month - 1 + int(fit(months, 0)), 12)
    if not 1 <= year <= 9999:
        raise ExpressionOverflow("the date is out of range")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def add_workdays(scale: int, day: date | None, count: Number, working: str) -> date | None:
    """``count`` days on that are worked by the calendar ``working`` tells; none = the day itself."""
    return None if day is None or count is None else read_working_days(working).after(day, int(fit(count, 0)))


def add_seconds(scale: int, moment: datetime | None, seconds: Number) -> datetime | None:
    if moment is None or seconds is None:
        return None
    try:
        return moment + timedelta(seconds=int(fit(seconds, 0)))
    except OverflowError:
        raise ExpressionOverflow("the moment is out of range") from None


def days_between(scale: int, a: date | None, b: date | None) -> Number:
    return None if a is None or b is None else Decimal(a.toordinal() - b.toordinal())


def seconds_between(scale: int, a: datetime | None, b: datetime | None) -> Number:
    if a is None or b is None:
        return None
    whole = _seconds(a) - _seconds(b)
    return Decimal(whole)


def _seconds(moment: datetime) -> int:
    return int((moment.replace(microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def start_of(scale: int, day: date | None, unit: str | None) -> date | None:
    return None if day is None else _STARTS[unit or "day"](day)


def end_of(scale: int, day: date | None, unit: str | None) -> date | None:
    return None if day is None else _ENDS[unit or "day"](day)


def _month_end(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


_STARTS: Mapping[str, Callable[[date], date]] = MappingProxyType(
    {
        "day": lambda d: d,
        "week": lambda d: _day(d.toordinal() - d.weekday()),
        "month": lambda d: d.replace(day=1),
        "quarter": lambda d: date(d.year, (d.month - 1) // 3 * 3 + 1, 1),
        "year": lambda d: date(d.year, 1, 1),
    }
)
_ENDS: Mapping[str, Callable[[date], date]] = MappingProxyType(
    {
        "day": lambda d: d,
        "week": lambda d: _day(d.toordinal() + 6 - d.weekday()),
        "month": lambda d: _month_end(d.year, d.month),
        "quarter": lambda d: _month_end(d.year, (d.month - 1) // 3 * 3 + 3),
        "year": lambda d: date(d.year, 12, 31),
    }
)


def _part(read: Callable[[date], int]) -> Callable[[int, date | None], Number]:
    def part(scale: int, day: date | None) -> Number:
        return None if day is None else Decimal(read(day))

    return part


def coalesce(scale: int, *values: Any) -> Any:
    return next((v for v in values if v is not None), None)


def empty(scale: int, value: Any) -> bool:
    return value is None or value == "" or value == ()


def text(scale: int, value: Scalar) -> str | None:
    """Numbers without useless zeros, dates as 2026-03-31."""
    if isinstance(value, Decimal):
        plain = f"{value:f}"
        plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
        return "0" if plain == "-0" else plain
    return None if value is None else value.isoformat() if isinstance(value, date) else str(value)


def lower(scale: int, value: str | None) -> str | None:
    return None if value is None else value.lower()


def upper(scale: int, value: str | None) -> str | None:
    return None if value is None else value.upper()


def trim(scale: int, value: str | None) -> str | None:
    return None if value is None else value.strip(_BLANKS) or None


def length(scale: int, value: str | None) -> Number:
    return None if value is None else Decimal(len(value))


def contains(scale: int, value: str | None, part: str | None) -> bool:
    return value is not None and part is not None and part in value


def starts_with(scale: int, value: str | None, part: str | None) -> bool:
    return value is not None and part is not None and value.startswith(part)


def number(scale: int, value: str | None) -> Number:
    """A plain decimal of at most 12 whole digits; anything else is empty."""
    plain = "" if value is None else value.strip(_BLANKS)
    return fit(Decimal(plain), scale) if _NUMBER.match(plain) else None


_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿", "亿亿")


def words(scale: int, value: Number) -> str | None:
    """An amount in Chinese capitals, to the fen: 人民币大写 as cheques want it."""
    if value is None:
        return None
    cents = int(fit(WIDE.abs(value), 2).scaleb(2))
    yuan, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    head = f"{_whole_words(yuan)}元" if yuan or not cents else ""
    if not jiao and not fen:
        tail = "整"
    else:
        zero = "零" if head and not jiao else ""
        tail = (f"{_DIGITS[jiao]}角" if jiao else zero) + (f"{_DIGITS[fen]}分" if fen else "整")
    return ("负" if value < 0 and cents else "") + head + tail


def _whole_words(value: int) -> str:
    made, zero, group = "", False, 0
    while value:
        value, four = divmod(value, 10000)
        part = _four_words(four)
        if part:
            made = part + _GROUPS[group] + ("零" if zero and made else "") + made
        zero = bool(part and four < 1000) or (not part and (zero or bool(made)))
        group += 1
    return made or "零"


def _four_words(four: int) -> str:
    made, zero = "", False
    for place in range(3, -1, -1):
        digit = four // 10**place % 10
        if digit:
            made += ("零" if zero and made else "") + _DIGITS[digit] + _PLACES[place]
            zero = False
        else:
            zero = True
    return made


FUNCTION_VALUES: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "abs": absolute,
        "min": least,
        "max": most,
        "round": rounded,
        "round_up": round_up,
        "round_down": round_down,
        "days": _span(_DAY),
        "weeks": _span(7 * _DAY),
        "hours": _span(3600),
        "months": unsupported_alone,
        "workdays": unsupported_alone,
        "add_days": add_days,
        "add_months": add_months,
        "add_workdays": add_workdays,
        "add_seconds": add_seconds,
        "days_between": days_between,
        "seconds_between": seconds_between,
        "start_of": start_of,
        "end_of": end_of,
        "year": _part(lambda d: d.year),
        "month": _part(lambda d: d.month),
        "day": _part(lambda d: d.day),
        "weekday": _part(lambda d: d.isoweekday()),
        "coalesce": coalesce,
        "empty": empty,
        "text": text,
        "words": words,
        "lower": lower,
        "upper": upper,
        "trim": trim,
        "len": length,
        "contains": contains,
        "starts_with": starts_with,
        "number": number,
    }
)
"""What each function does; the first argument is the scale of its typed result."""
