"""What SQLite lacks, as Python functions on every connection: exact numbers beyond 64 bits, dates, letters.

Numbers are integers with a scale beside them; those beyond 64 bits travel as texts. Every function answers empty to
empty. An overflow raises, which SQLite reports as an error of the statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engine.expressions import values
from engine.expressions.problems import ExpressionOverflow

Big = int | str
_MOST = 2**63
_BOUND = 10**values.DIGITS


def _out(value: int) -> Big:
    if -_MOST <= value < _MOST:
        return value
    if abs(value) >= _BOUND:
        raise ExpressionOverflow(f"{value} has more than {values.DIGITS} digits")
    return str(value)


def _half_away(top: int, bottom: int) -> int:
    """``top / bottom`` to the nearest whole number, halves away from zero."""
    if bottom < 0:
        top, bottom = -top, -bottom
    found, rest = divmod(abs(top), bottom)
    found += int(2 * rest >= bottom)
    return found if top >= 0 else -found


def _moved(value: int, scale: int, wanted: int) -> int:
    power: int = 10 ** abs(wanted - scale)
    return value * power if wanted >= scale else _half_away(value, power)


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Empty in, empty out."""

    def answer(*args: Any) -> Any:
        return None if None in args else function(*args)

    return answer


def _add(a: Big, sa: int, b: Big, sb: int, s: int) -> Big:
    return _out(_moved(int(a), sa, s) + _moved(int(b), sb, s))


def _sub(a: Big, sa: int, b: Big, sb: int, s: int) -> Big:
    return _out(_moved(int(a), sa, s) - _moved(int(b), sb, s))


def _mul(a: Big, sa: int, b: Big, sb: int, s: int) -> Big:
    return _out(_moved(int(a) * int(b), sa + sb, s))


def _div(a: Big, sa: int, b: Big, sb: int, s: int) -> Big | None:
    bottom = int(b)
    return _out(_half_away(int(a) * 10 ** (s + sb), bottom * 10**sa)) if bottom else None


def _rem(a: Big, sa: int, b: Big, sb: int, s: int) -> Big | None:
    top, bottom = _moved(int(a), sa, s), _moved(int(b), sb, s)
    if not bottom:
        return None
    rest = abs(top) % abs(bottom)
    return _out(rest if top >= 0 else -rest)


def _step(a: Big, sa: int, step: Big, ss: int, s: int, up: int) -> Big | None:
    size = int(step) * 10 ** max(sa - ss, 0)
    if size <= 0:
        return None
    top = int(a) * 10 ** max(ss - sa, 0)
    times = -(-top // size) if up else top // size
    return _out(_moved(times * int(step), ss, s))


def _convert(a: Big, sa: int, top: int, bottom: int, s: int) -> Big | None:
    return _out(_half_away(int(a) * top * 10**s, bottom * 10**sa)) if bottom else None


def _cmp(a: Big, sa: int, b: Big, sb: int) -> int:
    scale = max(sa, sb)
    one, two = _moved(int(a), sa, scale), _moved(int(b), sb, scale)
    return (one > two) - (one < two)


def _same(a: Big | None, sa: int, b: Big | None, sb: int) -> int:
    if a is None or b is None:
        return int(a is None and b is None)
    return int(_cmp(a, sa, b, sb) == 0)


def _store(a: Big) -> int:
    value = int(a)
    if not -_MOST <= value < _MOST:
        raise ExpressionOverflow(f"{value} does not fit a stored number")
    return value


def _text(a: Big, scale: int) -> str | None:
    return values.text(0, values.WIDE.scaleb(Decimal(int(a)), -scale))


def _number(text: str, scale: int) -> Big | None:
    found = values.number(scale, text)
    return None if found is None else int(found.scaleb(scale, values.WIDE))


def _sortable(a: Big) -> str:
    return f"{int(a) + _BOUND * 10:041d}"


def _on_date(name: str) -> Callable[..., Any]:
    function = values.FUNCTION_VALUES[name]

    def answer(day: str, *rest: Any) -> Any:
        more = [Decimal(int(r)) if name.startswith("add_") else r for r in rest]
        found = function(0, date.fromisoformat(day), *more)
        return found.isoformat() if isinstance(found, date) else int(found)

    return answer


def _add_workdays(day: str, count: Big, calendar: str) -> str:
    found = values.add_workdays(0, date.fromisoformat(day), Decimal(int(count)), calendar)
    assert found is not None
    return found.isoformat()


def _days_between(a: str, b: str) -> int:
    return date.fromisoformat(a).toordinal() - date.fromisoformat(b).toordinal()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _kept(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _add_seconds(moment: str, seconds: Big) -> str:
    found = values.add_seconds(0, _moment(moment), Decimal(int(seconds)))
    assert found is not None
    return _kept(found)


def _seconds_between(a: str, b: str) -> int:
    found = values.seconds_between(0, _moment(a), _moment(b))
    assert found is not None
    return int(found)


def _day_start(day: str, zone: str, later: int) -> str:
    """The moment at which the day ``later`` days after ``day`` begins in ``zone``."""
    at = date.fromisoformat(day) + timedelta(days=later)
    return _kept(datetime.combine(at, time(), ZoneInfo(zone)))


def _local_day(moment: str, zone: str) -> str:
    return _moment(moment).astimezone(ZoneInfo(zone)).date().isoformat()


class _Sum:
    """Sum of numbers that may be wide."""

    def __init__(self) -> None:
        self.found: int | None = None

    def step(self, value: Big | None) -> None:
        if value is not None:
            self.found = (self.found or 0) + int(value)

    def finalize(self) -> Big | None:
        return None if self.found is None else _out(self.found)


class _Min(_Sum):
    def step(self, value: Big | None) -> None:
        if value is not None:
            self.found = int(value) if self.found is None else min(self.found, int(value))


class _Max(_Sum):
    def step(self, value: Big | None) -> None:
        if value is not None:
            self.found = int(value) if self.found is None else max(self.found, int(value))


def _of_text(name: str) -> Callable[..., Any]:
    function = values.FUNCTION_VALUES[name]

    def answer(value: str) -> Any:
        return function(0, value)

    return answer


_FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("dg_add", 5, _add),
    ("dg_sub", 5, _sub),
    ("dg_mul", 5, _mul),
    ("dg_div", 5, _div),
    ("dg_rem", 5, _rem),
    ("dg_step", 6, _step),
    ("dg_convert", 5, _convert),
    ("dg_cmp", 4, _cmp),
    ("dg_neg", 1, lambda a: _out(-int(a))),
    ("dg_abs", 1, lambda a: _out(abs(int(a)))),
    ("dg_scale", 3, lambda a, scale, wanted: _out(_moved(int(a), scale, wanted))),
    ("dg_min", -1, lambda *all: _out(min(int(a) for a in all))),
    ("dg_max", -1, lambda *all: _out(max(int(a) for a in all))),
    ("dg_store", 1, _store),
    ("dg_key", 1, _sortable),
    ("dg_text", 2, _text),
    ("dg_number", 2, _number),
    ("dg_days_between", 2, _days_between),
    ("dg_add_seconds", 2, _add_seconds),
    ("dg_seconds_between", 2, _seconds_between),
    ("dg_day_start", 3, _day_start),
    ("dg_local_day", 2, _local_day),
    *((f"dg_{name}", 2, _on_date(name)) for name in ("add_days", "add_months", "start_of", "end_of")),
    ("dg_add_workdays", 3, _add_workdays),
    *((f"dg_{name}", 1, _on_date(name)) for name in ("year", "month", "day", "weekday")),
    *((f"dg_{name}", 1, _of_text(name)) for name in ("lower", "upper", "trim")),
)


_AGGREGATES: tuple[tuple[str, Any], ...] = (("dg_sum_all", _Sum), ("dg_min_all", _Min), ("dg_max_all", _Max))


def register_functions(connection: Any) -> None:
    """Make the functions known to a SQLite connection."""
    assert isinstance(connection, sqlite3.Connection)
    for name, count, function in _FUNCTIONS:
        connection.create_function(name, count, _strict(function), deterministic=True)
    connection.create_function("dg_same", 4, _same, deterministic=True)
    for name, kind in _AGGREGATES:
        connection.create_aggregate(name, 1, kind)
