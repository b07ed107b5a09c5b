"""Values from one field type into another: through the text a person would read, and back.

What has no counterpart is refused with ``Inconvertible``, never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as data_field
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction
from zoneinfo import ZoneInfo

from engine.expressions.types import Kind
from engine.model import Field
from runtime.columns import DIGITS
from runtime.values import NO, YES, Ref, decimal_text

NUMBERS = frozenset({Kind.NUMBER, Kind.MONEY, Kind.QUANTITY, Kind.DURATION})
DAY = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?")


class Inconvertible(Exception):
    """The value has no counterpart in the new type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What conversion must know of the app: its zone, and the codes of the records that references name."""

    zone: ZoneInfo
    code_of: Mapping[str, Mapping[int, str]] = data_field(default_factory=dict)
    id_of: Mapping[str, Mapping[str, int]] = data_field(default_factory=dict)


def convert(value: object, old: Field, new: Field, names: Names) -> object:
    """``value`` of ``old`` as a value of ``new``; ``None`` stays ``None``. References come as ``Ref``."""
    if value is None:
        return None
    direct = DIRECT.get((sort_of(old), sort_of(new)))
    if direct is not None:
        return direct(value, new, names)
    return READERS[sort_of(new)](as_text(value, old, names), new, names)


def as_text(value: object, old: Field, names: Names) -> str:
    """The text a person reads for ``value``."""
    if old.value.kind is Kind.CHOICE:
        return next((o.label.zh for o in old.options if o.id == value), str(value))
    if isinstance(value, Ref):
        return _code(value, names)
    writer = WRITERS.get(type(value))
    return writer(value, names) if writer else str(value)


def _code(value: Ref, names: Names) -> str:
    found = names.code_of.get(value.entity, {}).get(value.id)
    if found is None:
        raise Inconvertible
    return found


def sort_of(field: Field) -> str:
    """The family of a field: within one, values are converted directly, otherwise through text."""
    if field.type == "ratio":
        return "ratio"
    if field.value.kind in NUMBERS:
        return "number"
    return field.value.kind.value


def _yes_no_text(value: object, _names: Names) -> str:
    return "是" if value else "否"


def _moment_text(value: object, names: Names) -> str:
    assert isinstance(value, datetime)
    return value.astimezone(names.zone).isoformat(" ")


WRITERS: Mapping[type, Callable[[object, Names], str]] = {
    bool: _yes_no_text,
    Decimal: lambda value, _: decimal_text(Decimal(str(value))),
    datetime: _moment_text,
}


def _to_text(text: str, _new: Field, _names: Names) -> object:
    return text


def _to_number(text: str, new: Field, _names: Names) -> object:
    plain = unicodedata.normalize("NFKC", text).strip().replace(",", "").replace(" ", "")
    percent = plain.endswith("%")
    try:
        number = Decimal(plain.removesuffix("%"))
    except InvalidOperation:
        raise Inconvertible from None
    if not number.is_finite():
        raise Inconvertible
    return _fit(number / 100 if percent else number, new)


def _fit(number: Decimal, new: Field) -> object:
    """``number`` at the new scale; one that would lose decimals or does not fit cannot be converted."""
    scale = new.value.scale
    if abs(number) >= Decimal(10) ** (DIGITS - scale):
        raise Inconvertible
    rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    if rounded != number:
        raise Inconvertible
    return rounded


def _to_yes_no(text: str, _new: Field, _names: Names) -> object:
    word = text.strip().lower()
    if word not in YES | NO:
        raise Inconvertible
    return word in YES


def _to_date(text: str, _new: Field, names: Names) -> object:
    plain = unicodedata.normalize("NFKC", text).strip()
    day = DAY.fullmatch(plain)
    try:
        if day:
            return date(*(int(part) for part in day.groups()))
        return _moment(plain, names).astimezone(names.zone).date()
    except ValueError:
        raise Inconvertible from None


def _to_moment(text: str, new: Field, names: Names) -> object:
    try:
        return _moment(text.strip(), names)
    except ValueError:
        day = _to_date(text, new, names)
        assert isinstance(day, date)
        return _start(day, new, names)


def _moment(text: str, names: Names) -> datetime:
    if len(text) <= 10:
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=names.zone)).astimezone(UTC)


def _to_time(text: str, _new: Field, _names: Names) -> object:
    try:
        return time.fromisoformat(text.strip())
    except ValueError:
        raise Inconvertible from None


def _to_choice(text: str, new: Field, _names: Names) -> object:
    word = text.strip()
    for option in new.options:
        if word in (option.id, option.label.zh, option.label.en):
            return option.id
    raise Inconvertible


def _to_reference(text: str, new: Field, names: Names) -> object:
    for entity in new.targets:
        found = names.id_of.get(entity, {}).get(text.strip())
        if found is not None:
            return Ref(entity, found) if len(new.targets) > 1 else found
    raise Inconvertible


def _to_ratio(text: str, _new: Field, _names: Names) -> object:
    try:
        ratio = Fraction(text.replace(",", "").strip())
    except (ValueError, ZeroDivisionError):
        raise Inconvertible from None
    if max(abs(ratio.numerator), ratio.denominator) >= 10**DIGITS:
        raise Inconvertible
    return ratio


def _never(_text: str, _new: Field, _names: Names) -> object:
    raise Inconvertible


READERS: Mapping[str, Callable[[str, Field, Names], object]] = {
    "text": _to_text,
    "number": _to_number,
    "ratio": _to_ratio,
    "yes_no": _to_yes_no,
    "date": _to_date,
    "moment": _to_moment,
    "time": _to_time,
    "choice": _to_choice,
    "reference": _to_reference,
    "file": _never,
    "json": _to_text,
    "empty": _never,
}


def _start(value: object, _new: Field, names: Names) -> object:
    assert isinstance(value, date)
    return datetime.combine(value, time(), names.zone).astimezone(UTC)


def _same_record(value: object, new: Field, names: Names) -> object:
    """A reference stays as it is where its record still is a target, else it is looked up by code."""
    assert isinstance(value, Ref)
    if value.entity in new.targets:
        return value if len(new.targets) > 1 else value.id
    return _to_reference(_code(value, names), new, names)


def _scale(value: object, new: Field, _names: Names) -> object:
    return _fit(Decimal(str(value)), new)


def _flag_number(value: object, new: Field, _names: Names) -> object:
    return _fit(Decimal(int(bool(value))), new)


def _option(value: object, new: Field, _names: Names) -> object:
    if any(o.id == value for o in new.options):
        return value
    raise Inconvertible


DIRECT: Mapping[tuple[str, str], Callable[[object, Field, Names], object]] = {
    ("text", "text"): lambda value, _new, _names: value,
    ("number", "number"): _scale,
    ("ratio", "number"): lambda value, new, _: _fit_fraction(value, new),
    ("number", "ratio"): lambda value, new, names: _to_ratio(str(value), new, names),
    ("yes_no", "number"): _flag_number,
    ("date", "moment"): _start,
    ("choice", "choice"): _option,
    ("reference", "reference"): _same_record,
    ("json", "json"): lambda value, _new, _names: value,
    ("file", "file"): lambda value, _new, _names: value,
}


def _fit_fraction(value: object, new: Field) -> object:
    ratio = Fraction(str(value))
    return _fit(Decimal(ratio.numerator) / Decimal(ratio.denominator), new)
