"""Values on their way to a driver and back: a function for each kind of column, and one for whole rows, made once.

What the columns' types do in several calls stands here as one. The function of a row is generated from its columns,
so that a value which needs no converting costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.types import TypeEngine

from runtime.columns import DIGITS, Moment, NumberTooLarge, Scaled

Convert = Callable[[Any], Any]
Row = Sequence[Any]
MOST = 10**DIGITS
REMEMBERED = 4000
NOTHING: Mapping[str, Any] = MappingProxyType({})


def binder(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    """What a value of a column becomes for the driver; ``None``: it goes as it is."""
    made = BINDERS.get(type(kind))
    return made(kind, dialect) if made else kind.dialect_impl(dialect).bind_processor(dialect)


def told(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    """What a value from the driver becomes; ``None``: it stays as it is."""
    made = READERS.get(type(kind))
    return made(kind, dialect) if made else kind.dialect_impl(dialect).result_processor(dialect, None)


def _scaled(kind: Any, _dialect: Dialect) -> Convert:
    return _to_scaled(kind.scale)


@lru_cache
def _to_scaled(scale: int) -> Convert:
    """Quantities and prices come again and again: each is made once."""

    def bind(value: Decimal | int | None) -> int | None:
        if not value:
            return None if value is None else 0
        number = value if type(value) is Decimal else Decimal(value)
        kept = int(number.scaleb(scale).to_integral_value(ROUND_HALF_UP))
        if not -MOST < kept < MOST:
            raise NumberTooLarge(value, scale)
        return kept

    return Remembered(bind).__getitem__


def _from_scaled(kind: Any, _dialect: Dialect) -> Convert:
    read: Convert = kind.reader()
    return read


def _moment(kind: Any, dialect: Dialect) -> Convert:
    """Most moments of a transaction are one and the same: the last one is remembered."""
    last: list[tuple[datetime | None, Any]] = [(None, None)]
    sqlite = dialect.name == "sqlite"

    def bind(value: datetime | None) -> Any:
        known = last[0]
        if known[0] is value:
            return known[1]
        if value is None:
            return None
        moment = kind.process_bind_param(value, dialect)
        sent = moment.isoformat(" ", "microseconds") if sqlite else moment
        last[0] = (value, sent)
        return sent

    return bind


def _from_moment(kind: Any, dialect: Dialect) -> Convert:
    if dialect.name != "sqlite":
        return lambda value: None if value is None else value.astimezone(UTC)
    return lambda value: None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


class Remembered(dict[Any, Any]):
    """A reading of values that come again and again (of records that many others name): each is made once.

    Only for what cannot be changed. One that is full begins anew.
    """

    def __init__(self, make: Convert) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, value: Any) -> Any:
        if len(self) >= REMEMBERED:
            self.clear()
        made = self[value] = self._make(value)
        return made


Made = Callable[[Any, Dialect], Convert]
BINDERS: Mapping[type, Made] = {Scaled: _scaled, Moment: _moment}
READERS: Mapping[type, Made] = {Scaled: _from_scaled, Moment: _from_moment}


def sending(
    places: Sequence[Any], converts: Sequence[Convert | None], fixed: Mapping[str, Any] = NOTHING
) -> Callable[[Any], Row]:
    """From a row (places are numbers or names) to the values of a statement; ``fixed``: those that are always so."""
    parts = [
        f"k[{place!r}]" if place in fixed else _part(place, number, convert)
        for number, (place, convert) in enumerate(zip(places, converts, strict=True))
    ]
    return _function(f"({''.join(f'{part}, ' for part in parts)})", {**_named(converts), "k": fixed})


def taking(converts: Sequence[Convert | None], names: Sequence[str] = ()) -> Callable[[Row], Any]:
    """From a row as the driver gives it to a list of values; with ``names``, to a dict."""
    parts = [_part(place, place, convert) for place, convert in enumerate(converts)]
    if names:
        pairs = (f"{name!r}: {part}" for name, part in zip(names, parts, strict=True))
        return _function("{" + ", ".join(pairs) + "}", _named(converts))
    return _function(f"[{', '.join(parts)}]", _named(converts)) if any(converts) else list


def _part(place: Any, number: int, convert: Convert | None) -> str:
    return f"r[{place!r}]" if convert is None else f"c{number}(r[{place!r}])"


def _named(converts: Sequence[Convert | None]) -> dict[str, Any]:
    return {f"c{number}": convert for number, convert in enumerate(converts)}


def _function(source: str, names: dict[str, Any]) -> Callable[[Any], Any]:
    made: Callable[[Any], Any] = eval(compile(f"lambda r: {source}", "<row>", "eval"), names)
    return made
