"""Quick readings of raw values, made once per entity and rights: what most cells of forms and files look like.

A lane says nothing of its own: whatever it does not know at sight goes to ``parse_raw``, which judges every value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache

from engine.expressions.types import Kind
from engine.model import Field
from runtime.context import RunContext
from runtime.permissions import Rights
from runtime.record_plan import EntityPart
from runtime.value_numbers import SAFE_DIGITS, decimal_of
from runtime.values import BY_TYPE, ENTERED, NO, TEXT_LENGTH, YES, Lookup, most_letters, parse_raw

Read = Callable[[RunContext, object], object]
Lane = tuple[Field, Read, str]
"""A field, its reading, and for amounts in a unit of their own where what was entered is kept."""

WORDS: Mapping[object, bool] = {**dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}
MOST_ID = 2**63
REMEMBERED = 2000
"""Numbers of a column that are read once: files repeat them."""


def lanes(part: EntityPart, allowed: Rights | None) -> dict[str, Lane]:
    """The fields that may be given straight away; others (lines, forbidden ones) have no lane."""
    entity = part.entity
    barred = set(part.formulas)
    if allowed is not None:
        barred |= set(allowed.hidden) | set(allowed.readonly)
        if entity.workflow is not None:
            barred.add("status")
    return {
        f.id: (f, _reader(f), f.id + ENTERED if _in_units(f) else "")
        for f in entity.fields.values()
        if f.id not in barred and not f.lines
    }


def _in_units(field: Field) -> bool:
    return field.value.kind is Kind.QUANTITY and bool(field.unit_field)


def _reader(field: Field) -> Read:
    if field.many or field.value.many:
        return _judged(field)
    if field.value.kind is Kind.REFERENCE and len(field.targets) == 1:
        return _reference(field)
    make = _whole if field.type == "integer" else None if field.type in BY_TYPE else BY_KIND.get(field.value.kind)
    return (make or _judged)(field)


def _judged(field: Field) -> Read:
    def read(ctx: RunContext, raw: object) -> object:
        return parse_raw(ctx, field, raw)

    return read


def _text(field: Field) -> Read:
    most = most_letters(field)

    def read(ctx: RunContext, raw: object) -> object:
        if type(raw) is str:
            text = raw.strip()
            if len(text) <= most and text.isprintable():
                return text or None
        return parse_raw(ctx, field, raw)

    return read


def _yes_no(field: Field) -> Read:
    def read(ctx: RunContext, raw: object) -> object:
        if type(raw) is bool:
            return raw
        return WORDS[raw] if type(raw) is str and raw in WORDS else parse_raw(ctx, field, raw)

    return read


def _whole(field: Field) -> Read:
    most = 10**SAFE_DIGITS

    def read(ctx: RunContext, raw: object) -> object:
        if (type(raw) is int or (type(raw) is float and raw.is_integer())) and -most < raw < most:
            return int(raw)
        return parse_raw(ctx, field, raw)

    return read


def _decimal(field: Field) -> Read:
    scale = field.value.scale

    @lru_cache(maxsize=REMEMBERED, typed=True)
    def remembered(raw: object) -> object:
        return decimal_of(raw, scale)

    def read(ctx: RunContext, raw: object) -> object:
        return remembered(raw) if type(raw) in (str, float, int) and raw != "" else parse_raw(ctx, field, raw)

    return read


def _choice(field: Field) -> Read:
    ids = frozenset(option.id for option in field.options)

    def read(ctx: RunContext, raw: object) -> object:
        return raw if type(raw) is str and raw in ids else parse_raw(ctx, field, raw)

    return read


def _reference(field: Field) -> Read:
    """A record by its id or by its code."""

    def read(ctx: RunContext, raw: object) -> object:
        if type(raw) is int and 0 < raw < MOST_ID:
            return raw
        if type(raw) is str and raw and raw.isascii() and raw.isprintable() and len(raw) <= TEXT_LENGTH:
            return Lookup(raw.strip())
        if type(raw) is dict and len(raw) == 1:
            code = raw.get("code")
            if type(code) is str and code.isascii():
                return Lookup(key=(("code", code),)) if "\0" not in code else parse_raw(ctx, field, raw)
        return parse_raw(ctx, field, raw)

    return read


def _date(field: Field) -> Read:
    def read(ctx: RunContext, raw: object) -> object:
        return raw if type(raw) is date else parse_raw(ctx, field, raw)

    return read


BY_KIND: Mapping[Kind, Callable[[Field], Read]] = {
    Kind.TEXT: _text,
    Kind.YES_NO: _yes_no,
    Kind.NUMBER: _decimal,
    Kind.MONEY: _decimal,
    Kind.QUANTITY: _decimal,
    Kind.CHOICE: _choice,
    Kind.DATE: _date,
}
