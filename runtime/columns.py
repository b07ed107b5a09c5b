"""Field → columns: how each kind of value is kept, the same on both databases.

Numbers are exact: a decimal is a 64-bit integer at the scale of its type and becomes a ``Decimal`` at the edge.
This module makes no tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Integer,
    Text,
    Time,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

from engine.expressions.types import Kind, Type
from engine.model import Field

Id = BigInteger().with_variant(Integer(), "sqlite")
"""The type of every key: SQLite numbers rows by itself only for a column declared INTEGER."""


def text_column(name: str, default: str = "") -> Column[str]:
    """A column of words that is never null."""
    return Column(name, Text, nullable=False, server_default=default)


DIGITS = 18
"""Digits, decimals included, that surely fit a signed 64-bit integer."""


class NumberTooLarge(ValueError):
    """A number has more digits than the database keeps."""

    def __init__(self, value: object, scale: int) -> None:
        super().__init__(f"{value} has more than {DIGITS - scale} digits before the decimal point")
        self.value = value
        self.scale = scale


class Scaled(TypeDecorator[Decimal]):
    """A decimal with ``scale`` places, kept as an integer. Finer input is rounded half away from zero."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self._limit = 10**DIGITS

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        """The integer to keep."""
        if value is None:
            return None
        number = value if type(value) is Decimal else Decimal(value)
        scaled = int(number.scaleb(self.scale).to_integral_value(ROUND_HALF_UP))
        if abs(scaled) >= self._limit:
            raise NumberTooLarge(value, self.scale)
        return scaled

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """The decimal it stands for."""
        return None if value is None else Decimal(value).scaleb(-self.scale)

    def reader(self) -> Callable[[int | None], Decimal | None]:
        """The same as a function of the value alone, for whoever reads very many."""
        places = -self.scale
        return lambda value: None if value is None else Decimal(value).scaleb(places)


class Whole(TypeDecorator[int]):
    """An integer; takes a ``Decimal`` too, which expressions produce."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        """The integer to keep."""
        if value is None:
            return None
        whole = int(Decimal(value).to_integral_value(rounding=ROUND_HALF_UP))
        if abs(whole) >= 10**DIGITS:
            raise NumberTooLarge(value, 0)
        return whole

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        """The integer; sums come as ``Decimal`` from PostgreSQL."""
        return None if value is None else int(value)


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC; SQLite keeps it without the zone, so that texts sort by time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        moment = value if value.tzinfo is UTC else value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The aware moment."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """One column of a field: its name, type, and the entity it points at ("" = none, ``file`` = stored files)."""

    name: str
    type: TypeEngine[Any]
    target: str = ""


FILES = "dg_file"
"""The target of a file column."""


def value_type(value: Type) -> TypeEngine[Any]:
    """The column type of a single value."""
    return KINDS[value.kind](value)


def column_plans(field: Field) -> tuple[ColumnPlan, ...]:
    """The columns of a field; none for lines, live formulas and fields with a link table."""
    if field.live or field.lines or is_link(field):
        return ()
    return SPECIAL.get(field.type, _plain)(field)


def is_link(field: Field) -> bool:
    """Whether the values of a field stand in a table of their own."""
    return not field.live and not field.lines and (field.many or field.value.many)


def link_plan(field: Field) -> ColumnPlan:
    """The ``value`` column of a field's link table."""
    return ColumnPlan(name="value", type=value_type(field.value), target=_target(field))


def _plain(field: Field) -> tuple[ColumnPlan, ...]:
    kept = ColumnPlan(name=field.id, type=value_type(field.value), target=_target(field))
    if field.value.kind is Kind.QUANTITY and field.unit_field:
        return (kept, ColumnPlan(name=f"{field.id}__entered", type=value_type(field.value)))
    if field.value.kind is Kind.REFERENCE and len(field.targets or field.value.targets) > 1:
        return (kept, ColumnPlan(name=f"{field.id}__type", type=Text()))
    return (kept,)


def _ratio(field: Field) -> tuple[ColumnPlan, ...]:
    return tuple(ColumnPlan(name=f"{field.id}__{part}", type=BigInteger()) for part in ("num", "den"))


def _target(field: Field) -> str:
    if field.value.kind is Kind.FILE:
        return FILES
    targets = field.targets or field.value.targets
    return targets[0] if field.value.kind is Kind.REFERENCE and len(targets) == 1 else ""


def _number(value: Type) -> TypeEngine[Any]:
    return Scaled(value.scale) if value.scale else Whole()


KINDS: Mapping[Kind, Callable[[Type], TypeEngine[Any]]] = MappingProxyType(
    {
        Kind.YES_NO: lambda _: Boolean(),
        Kind.TEXT: lambda _: Text(),
        Kind.NUMBER: _number,
        Kind.MONEY: lambda value: Scaled(value.scale),
        Kind.QUANTITY: lambda value: Scaled(value.scale),
        Kind.DATE: lambda _: Date(),
        Kind.TIME: lambda _: Time(),
        Kind.MOMENT: lambda _: Moment(),
        Kind.DURATION: lambda value: Scaled(value.scale),
        Kind.CHOICE: lambda _: Text(),
        Kind.REFERENCE: lambda _: BigInteger(),
        Kind.FILE: lambda _: BigInteger(),
        Kind.JSON: lambda _: JSON(none_as_null=True),
        Kind.EMPTY: lambda _: Text(),
    }
)

SPECIAL: Mapping[str, Callable[[Field], tuple[ColumnPlan, ...]]] = MappingProxyType({"ratio": _ratio})
