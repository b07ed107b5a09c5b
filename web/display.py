"""How values look to people: thousands, decimals of the currency, near days in words, the true minus sign.

Everything here is a pure function of a value, its field and the reader's language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from engine.expressions.types import Kind
from engine.model import Field
from runtime.context import RunContext
from runtime.value_numbers import readable

MINUS = "\N{MINUS SIGN}"
NEAR = 14
"""Days within which a date is told by its distance too."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NOTHING = ""


def number(value: Decimal | int, decimals: int | None = None) -> str:
    """``1234.5`` → ``1,234.5``; ``decimals`` fixes how many are shown, else trailing zeros go."""
    if decimals is not None:
        text = f"{value:,.{decimals}f}"
    else:
        text = f"{value:,f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
    return text.replace("-", MINUS)


def percent(value: Decimal, decimals: int = 2) -> str:
    """``0.1234`` → ``12.34%``."""
    return f"{number((value * 100).quantize(Decimal(1).scaleb(-decimals)).normalize() + 0)}%"


def day(value: date, today: date, language: str) -> str:
    """A date: this year without the year in Chinese, day and month in words in English."""
    if language == "en":
        text = f"{value.day} {MONTHS[value.month - 1]}"
        return text if value.year == today.year else f"{text} {value.year}"
    return f"{value:%m-%d}" if value.year == today.year else f"{value:%Y-%m-%d}"


def full_day(value: date, language: str) -> str:
    """A date with its year, as documents say it."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}" if language == "en" else f"{value:%Y-%m-%d}"


def age(value: date, today: date, language: str, *, due: bool) -> tuple[str, str]:
    """Words beside a near date and their tone: ``逾期 4 天`` red (while something is due), ``今天`` amber."""
    distance = (value - today).days
    if distance == 0:
        return ("Today" if language == "en" else "今天"), "amber" if due else ""
    if distance < 0:
        if not due:
            return "", ""
        late = -distance
        return (f"{late} {'day' if late == 1 else 'days'} late" if language == "en" else f"逾期 {late} 天"), "red"
    if distance > NEAR or not due:
        return "", ""
    if distance == 1:
        return ("Tomorrow" if language == "en" else "明天"), ""
    return (f"in {distance} days" if language == "en" else f"{distance} 天后"), ""


def moment(value: datetime, ctx: RunContext) -> str:
    """A moment in the firm's time zone: the hour today, else the day (and hour this year)."""
    local = value.astimezone(ZoneInfo(ctx.app.model.timezone))
    today = ctx.today()
    if local.date() == today:
        return f"{local:%H:%M}"
    return (
        f"{day(local.date(), today, ctx.language)} {local:%H:%M}"
        if local.year == today.year
        else day(local.date(), today, ctx.language)
    )


def money_scale(ctx: RunContext, field: Field) -> int | None:
    """Decimals to show: those of the currency, but as many as it has for a price."""
    return None if field.value.per_unit else ctx.app.model.currency_scale


def price(value: Decimal, least: int) -> str:
    """A price: at least the decimals of the currency, more where it has them."""
    exact = -int(value.normalize().as_tuple().exponent) if value else 0
    return number(value, max(least, min(exact, 6)))


def text_of(ctx: RunContext, field: Field, value: object) -> str:
    """One value of a field as text; "" for empty."""
    if value is None:
        return NOTHING
    if field.many and isinstance(value, (tuple, list)):
        separator = ", " if ctx.language == "en" else "、"
        return separator.join(_one(ctx, field, v) for v in value)
    return _one(ctx, field, value)


def _one(ctx: RunContext, field: Field, value: object) -> str:
    if isinstance(value, Mapping):
        return reference(value)
    return formatter(field)(ctx, field, value)


def formatter(field: Field) -> Formatter:
    """The function that shows one value of a field."""
    return BY_TYPE.get(field.type) or BY_KIND.get(field.value.kind, _as_text)


def reference(value: Mapping[str, object]) -> str:
    """What a record is called: its name, else its code."""
    return str(value.get("name") or value.get("code") or value.get("id") or "")


def option_label(field: Field, value: object, language: str) -> str:
    """The label of an option."""
    return next((o.label.get(language) for o in field.options if o.id == value), str(value))


def _as_text(_ctx: RunContext, _field: Field, value: object) -> str:
    return str(value)


def _as_money(ctx: RunContext, field: Field, value: object) -> str:
    if not isinstance(value, Decimal):
        return str(value)
    scale = ctx.app.model.currency_scale
    if field.value.per_unit:
        return price(value if field.formula is None else readable(value), scale)
    return number(value, scale)


def _as_number(_ctx: RunContext, field: Field, value: object) -> str:
    if isinstance(value, Decimal) and field.formula is not None:
        return number(readable(value))
    return number(value) if isinstance(value, (Decimal, int)) else str(value)


def _as_percent(_ctx: RunContext, _field: Field, value: object) -> str:
    return percent(value) if isinstance(value, Decimal) else str(value)


def _as_yes_no(ctx: RunContext, _field: Field, value: object) -> str:
    words = ("Yes", "No") if ctx.language == "en" else ("是", "否")
    return words[0] if value else words[1]


def _as_date(ctx: RunContext, _field: Field, value: object) -> str:
    return day(value, ctx.today(), ctx.language) if isinstance(value, date) else str(value)


def _as_time(_ctx: RunContext, _field: Field, value: object) -> str:
    return f"{value:%H:%M}" if isinstance(value, time) else str(value)


def _as_moment(ctx: RunContext, _field: Field, value: object) -> str:
    return moment(value, ctx) if isinstance(value, datetime) else str(value)


def _as_choice(ctx: RunContext, field: Field, value: object) -> str:
    return option_label(field, value, ctx.language)


def _as_ratio(_ctx: RunContext, _field: Field, value: object) -> str:
    if isinstance(value, Fraction):
        return number(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"
    return str(value)


def _as_signature(ctx: RunContext, _field: Field, _value: object) -> str:
    return "signed" if ctx.language == "en" else "已签"


Formatter = Callable[[RunContext, Field, object], str]
BY_TYPE: Mapping[str, Formatter] = {"percent": _as_percent, "ratio": _as_ratio, "signature": _as_signature}
BY_KIND: Mapping[Kind, Formatter] = {
    Kind.YES_NO: _as_yes_no,
    Kind.NUMBER: _as_number,
    Kind.MONEY: _as_money,
    Kind.QUANTITY: _as_number,
    Kind.DATE: _as_date,
    Kind.TIME: _as_time,
    Kind.MOMENT: _as_moment,
    Kind.CHOICE: _as_choice,
}
NUMERIC = frozenset({Kind.NUMBER, Kind.MONEY, Kind.QUANTITY, Kind.DURATION})


def is_numeric(field: Field) -> bool:
    """Whether the field is shown right aligned, as a figure."""
    return field.value.kind in NUMERIC and not field.many
