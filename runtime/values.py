"""The edge between JSON (or a form, or a spreadsheet cell) and the values the runtime works with.

Parsing never touches the database: a reference given by a key becomes a ``Lookup`` that the write door resolves
for all records at once. Every parser either returns a value, ``None`` for empty, or raises ``Refusal``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from zoneinfo import ZoneInfo

from engine.expressions.types import Kind
from engine.model import Field
from runtime.context import RunContext
from runtime.errors import Fault, Invalid
from runtime.messages import fault
from runtime.value_numbers import SAFE_DIGITS, Refusal, decimal_of, decimal_text, number_of, shown

ENTERED = "__entered"
"""Suffix of the key (and column) that keeps a quantity as it was entered, beside the amount in base units."""

TEXT_LENGTH = 500
LONG_TEXT_LENGTH = 100_000
JSON_LENGTH = 100_000
YES = frozenset({"true", "yes", "y", "1", "是", "有", "√", "✓"})
NO = frozenset({"false", "no", "n", "0", "否", "无", "×"})


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference that may point at several entities."""

    entity: str
    id: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """A reference still to be found: by the entity's code (``text``) or by the fields of a unique key."""

    text: str = ""
    key: tuple[tuple[str, object], ...] = ()
    entity: str = ""

    def __str__(self) -> str:
        return self.text or ", ".join(f"{name} {value}" for name, value in self.key)

    def __hash__(self) -> int:
        return hash(self.text or self.key)  # imports have tens of thousands


@dataclass(frozen=True, slots=True)
class Entered:
    """A quantity given together with its unit."""

    value: Decimal
    unit: object


@dataclass(frozen=True, slots=True)
class Base:
    """A quantity given in base units, by the system: what is entered follows from it."""

    value: Decimal


def parse_value(ctx: RunContext, field: Field, raw: object) -> object:
    """The value of ``field`` that ``raw`` stands for; raises ``Invalid`` naming the field."""
    try:
        return parse_raw(ctx, field, raw)
    except Refusal as refusal:
        raise Invalid(refused(ctx, field, refusal, field.id)) from None


def parse_raw(ctx: RunContext, field: Field, raw: object) -> object:
    """Like ``parse_value`` but raises ``Refusal``, for callers that collect many faults."""
    if raw is None or raw == "":
        return () if field.many or field.value.many else None
    if not (field.many or field.value.many):
        return parser(field)(ctx, field, raw)
    if isinstance(raw, str) or not isinstance(raw, (list, tuple, set, frozenset)):
        raise Refusal("not_a_list")
    parse = parser(field)
    return tuple(dict.fromkeys(parse(ctx, field, one) for one in raw if one is not None))


def refused(ctx: RunContext, field: Field, refusal: Refusal, path: str) -> Fault:
    """The sentence of a refusal, at its place."""
    return fault(ctx, refusal.code, path, label=field.label.get(ctx.language), **refusal.values)


def parse_decimal(ctx: RunContext, field: Field, raw: object) -> Decimal:
    """A decimal with the field's scale, rounded half away from zero."""
    return decimal_of(raw, field.value.scale)


def _integer(ctx: RunContext, field: Field, raw: object) -> int:
    number = number_of(raw)
    if abs(number) >= 10**SAFE_DIGITS:
        raise Refusal("too_large", most=10**SAFE_DIGITS)
    if number != number.to_integral_value():
        raise Refusal("not_whole", given=shown(raw))
    return int(number)


def _percent(ctx: RunContext, field: Field, raw: object) -> Decimal:
    if isinstance(raw, str) and raw.rstrip().endswith(("%", "％")):
        return parse_decimal(ctx, field, number_of(raw.rstrip()[:-1]) / 100)
    return parse_decimal(ctx, field, raw)


def _ratio(ctx: RunContext, field: Field, raw: object) -> Fraction:
    if isinstance(raw, Fraction):
        ratio = raw
    else:
        top, bar, bottom = raw.partition("/") if isinstance(raw, str) else (raw, "", "")
        below = number_of(bottom) if bar else Decimal(1)
        above = number_of(top)
        if not below:
            raise Refusal("not_a_number", given=shown(raw))
        if max(abs(above.adjusted()), abs(below.adjusted())) > SAFE_DIGITS:
            raise Refusal("too_large", most=10**SAFE_DIGITS)
        ratio = Fraction(above) / Fraction(below)
    if max(abs(ratio.numerator), ratio.denominator) >= 10**SAFE_DIGITS:
        raise Refusal("too_large", most=10**SAFE_DIGITS)
    return ratio


def _quantity(ctx: RunContext, field: Field, raw: object) -> object:
    if type(raw) is str:
        return parse_decimal(ctx, field, raw)
    if isinstance(raw, Base):
        value = parse_decimal(ctx, field, raw.value)
        return Base(value) if field.unit_field else value
    if isinstance(raw, Mapping):
        value = raw.get("value", raw.get("qty"))
        if value is None or not field.unit_field:
            raise Refusal("not_a_number", given=shown(raw))
        return Entered(parse_decimal(ctx, field, value), raw.get("unit"))
    return parse_decimal(ctx, field, raw)


def _text(ctx: RunContext, field: Field, raw: object) -> str | None:
    if isinstance(raw, (int, Decimal)) and not isinstance(raw, bool):
        raw = str(raw)
    if not isinstance(raw, str):
        raise Refusal("not_a_text", given=shown(raw))
    text = raw.strip()
    most = most_letters(field)
    if len(text) > most:
        raise Refusal("too_long", most=most, length=len(text))
    if not text.isascii() or not text.isprintable():
        _refuse_unstorable(text)
    return text or None


def most_letters(field: Field) -> int:
    """How long a text of the field may be."""
    return field.max_length or (LONG_TEXT_LENGTH if field.type == "long_text" else TEXT_LENGTH)


def _refuse_unstorable(text: str) -> None:
    """NUL and lone surrogates are no text in either database."""
    for position, char in enumerate(text, 1):
        if char == "\0" or "\ud800" <= char <= "\udfff":
            raise Refusal("bad_character", position=position)


def _email(ctx: RunContext, field: Field, raw: object) -> str | None:
    text = _text(ctx, field, raw)
    if text is None:
        return None
    name, at, domain = text.rpartition("@")
    if not at or not name or " " in text or "." not in domain.strip("."):
        raise Refusal("not_an_email", given=shown(text))
    return text


def _link(ctx: RunContext, field: Field, raw: object) -> str | None:
    text = _text(ctx, field, raw)
    if text is not None and not text.lower().startswith(("http://", "https://", "mailto:", "tel:")):
        # anything else (javascript:, data:) would run in the reader's browser
        raise Refusal("not_a_link", given=shown(text))
    return text


def _yes_no(ctx: RunContext, field: Field, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower() if isinstance(raw, (str, int)) else ""
    if word in YES:
        return True
    if word in NO:
        return False
    raise Refusal("not_yes_no", given=shown(raw))


def _date(ctx: RunContext, field: Field, raw: object) -> date:
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    text = raw.strip() if isinstance(raw, str) else ""
    try:
        if len(text) != 10:
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal("not_a_date", given=shown(raw)) from None


def _time(ctx: RunContext, field: Field, raw: object) -> time:
    if isinstance(raw, time):
        return raw.replace(tzinfo=None)
    try:
        return time.fromisoformat(raw.strip() if isinstance(raw, str) else "").replace(tzinfo=None)
    except ValueError:
        raise Refusal("not_a_time", given=shown(raw)) from None


def _moment(ctx: RunContext, field: Field, raw: object) -> datetime:
    if isinstance(raw, datetime):
        moment = raw
    else:
        try:
            moment = datetime.fromisoformat(raw.strip() if isinstance(raw, str) else "")
        except ValueError:
            raise Refusal("not_a_moment", given=shown(raw)) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(ctx.app.model.timezone))
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Refusal("not_a_moment", given=shown(raw)) from None


def _choice(ctx: RunContext, field: Field, raw: object) -> str:
    for option in field.options:
        if option.id == raw:
            return option.id
    ids = [o.id for o in field.options if not o.retired]
    near = get_close_matches(str(raw)[:60], ids, 1)
    raise Refusal("not_an_option", given=shown(raw), options=", ".join(near or ids[:12]))


def _reference(ctx: RunContext, field: Field, raw: object) -> object:
    if type(raw) in (str, int) and len(field.targets) == 1:
        return _named(raw)
    entity = ""
    if isinstance(raw, Ref):
        entity, raw = raw.entity, raw.id
    elif isinstance(raw, Mapping) and len(field.targets) != 1:
        entity = str(raw.get("entity", ""))
        raw = {name: value for name, value in raw.items() if name != "entity"}
    if len(field.targets) > 1 and entity not in field.targets:
        raise Refusal("which_entity", entities=", ".join(field.targets))
    found = _named(raw)
    if len(field.targets) <= 1:
        return found
    return Lookup(found.text, found.key, entity) if isinstance(found, Lookup) else Ref(entity, found)


def _named(raw: object) -> int | Lookup:
    if type(raw) is str and raw.isascii() and raw.isprintable() and len(raw) <= TEXT_LENGTH:
        return Lookup(text=raw.strip())  # the usual case of imports, kept short
    if isinstance(raw, int) and not isinstance(raw, bool):
        if not 0 < raw < 2**63:
            raise Refusal("no_such_record", given=shown(raw))
        return raw
    if isinstance(raw, Lookup):
        return raw
    if isinstance(raw, str):
        if len(raw) > TEXT_LENGTH:
            raise Refusal("no_such_record", given=shown(raw))
        _refuse_unstorable(raw)
        return Lookup(text=raw.strip())
    if isinstance(raw, Mapping) and raw:
        if raw.get("id") is not None:
            return _named(raw["id"]) if isinstance(raw["id"], int) else _refuse(raw)
        return Lookup(key=tuple(sorted((str(name), _key_part(value)) for name, value in raw.items())))
    return _refuse(raw)


def _refuse(raw: object) -> int:
    raise Refusal("not_a_reference", given=shown(raw))


def _key_part(value: object) -> object:
    if isinstance(value, Mapping):
        return _named(value)
    if isinstance(value, (str, int, Decimal, date)) and not isinstance(value, bool):
        if isinstance(value, str):
            _refuse_unstorable(value)
        return value
    return _refuse(value)


def _file(ctx: RunContext, field: Field, raw: object) -> int:
    given = raw.get("id") if isinstance(raw, Mapping) else raw
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 19:
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 < given < 2**63:
        raise Refusal("not_a_file", given=shown(raw))
    return given


def _json(ctx: RunContext, field: Field, raw: object) -> object:
    try:
        size = len(json.dumps(raw, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise Refusal("not_json") from None
    if size > JSON_LENGTH:
        raise Refusal("too_long", most=JSON_LENGTH, length=size)
    return raw


Parser = Callable[[RunContext, Field, object], object]

BY_TYPE: Mapping[str, Parser] = {
    "percent": _percent,
    "ratio": _ratio,
    "integer": _integer,
    "email": _email,
    "link": _link,
}
BY_KIND: Mapping[Kind, Parser] = {
    Kind.YES_NO: _yes_no,
    Kind.TEXT: _text,
    Kind.NUMBER: parse_decimal,
    Kind.MONEY: parse_decimal,
    Kind.QUANTITY: _quantity,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.MOMENT: _moment,
    Kind.DURATION: _integer,
    Kind.CHOICE: _choice,
    Kind.REFERENCE: _reference,
    Kind.FILE: _file,
    Kind.JSON: _json,
    Kind.EMPTY: _text,
}


def parser(field: Field) -> Parser:
    """The function that parses one value of the field."""
    return BY_TYPE.get(field.type) or BY_KIND[field.value.kind]


def format_value(field: Field, value: object) -> object:
    """``value`` as JSON: decimals and dates as text, references as they are (an id, or what the reader made of it)."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, tuple):
        return [format_value(field, one) for one in value]
    return _formatted(field, value)


def _formatted(field: Field, value: object) -> object:
    if isinstance(value, Decimal):
        if field.type == "integer":
            return int(value)
        is_amount = field.value.kind is Kind.MONEY and not field.value.per_unit
        return decimal_text(value, min(field.value.scale, 2) if is_amount else 0)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, time):
        return value.isoformat("minutes" if not value.second else "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Ref):
        return {"entity": value.entity, "id": value.id}
    return value


__all__ = [
    "ENTERED",
    "Base",
    "Entered",
    "Lookup",
    "Ref",
    "Refusal",
    "decimal_text",
    "format_value",
    "most_letters",
    "parse_raw",
    "parse_value",
    "parser",
    "refused",
]
