"""Exact arithmetic inside the databases, on integers whose scale is known while the statement is built.

PostgreSQL computes as ``NUMERIC(38, 0)``: the cast rounds half away from zero and refuses more digits. SQLite has
64-bit integers only and would slip into floating point, so it calls the functions of ``sqlite_functions.py``, which
hand larger results on as texts. A column compared with a constant stays bare, so its index serves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Numeric,
    Text,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import array

Sql: TypeAlias = ColumnElement[Any]
MOST = 2**63 - 1
DIGITS = Numeric(38, 0)
PLAIN = Numeric()


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value inside a statement.

    ``scale``: decimals of a number's integer. ``wide``: may exceed 64 bits (a text on SQLite, a numeric on
    PostgreSQL). ``constant``: the integer of a written number. ``entity``: what a reference with several targets
    names. ``never_empty``: a condition that is true or false, or a column that cannot be empty.
    """

    sql: Sql
    scale: int = 0
    wide: bool = False
    constant: int | None = None
    entity: Sql | None = None
    never_empty: bool = False


def whole(constant: int, scale: int = 0) -> Value:
    """A written number, as an integer at ``scale``."""
    wide = abs(constant) > MOST
    sql = literal(str(constant), Text()) if wide else literal(constant, BigInteger())
    return Value(sql=sql, scale=scale, constant=constant, wide=wide, never_empty=True)


_COMPARE: Mapping[str, Callable[[Any, Any], Sql]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a.is_not_distinct_from(b),
    "!=": lambda a, b: a.is_distinct_from(b),
}
MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


class Numbers(Protocol):
    """Arithmetic of one database; every result has the scale asked for."""

    def arithmetic(self, operator: str, a: Value, b: Value, scale: int) -> Value: ...
    def negate(self, a: Value) -> Value: ...
    def size(self, a: Value) -> Value: ...
    def rescale(self, a: Value, scale: int) -> Value: ...
    def stepped(self, a: Value, step: Value, scale: int, *, up: bool) -> Value: ...
    def convert(self, a: Value, top: Sql, bottom: Sql, scale: int) -> Value: ...
    def extreme(self, name: str, values: Sequence[Value]) -> Sql: ...
    def total(self, name: str, a: Value) -> Value: ...
    def mixed(self, operator: str, a: Value, b: Value) -> Sql: ...
    def stored(self, a: Value) -> Sql: ...


def compare(numbers: Numbers, operator: str, a: Value, b: Value) -> Sql:
    """``a operator b``; empty where an operand is, except for ``==`` and ``!=``."""
    if a.constant is not None and b.constant is None:
        return compare(numbers, MIRROR[operator], b, a)
    if b.constant is not None and not a.wide:
        return _with_constant(operator, a, b.constant, b.scale)
    if a.wide or b.wide or a.scale != b.scale:
        return numbers.mixed(operator, a, b)
    return _COMPARE[operator](a.sql, b.sql)


def _with_constant(operator: str, a: Value, constant: int, scale: int) -> Sql:
    """The column stays bare: the constant is brought to its scale, between two steps if need be."""
    shift = a.scale - scale
    exact = shift >= 0 or constant % 10**-shift == 0
    lower = constant * 10**shift if shift >= 0 else constant // 10**-shift
    if not exact:
        if operator == "==":
            return false()
        if operator == "!=":
            return true()
        operator = {"<": "<=", ">=": ">"}.get(operator, operator)
    return _COMPARE[operator](a.sql, literal(max(-MOST, min(MOST, lower)), BigInteger()))


def _ten(power: int, dscale: int = 0) -> Sql:
    digits = "1" + "0" * power if power >= 0 else "0." + "0" * (-power - 1) + "1"
    if dscale:
        digits = (digits if "." in digits else digits + ".") + "0" * dscale
    return literal_column(digits, PLAIN)


class PostgresNumbers:
    """Arithmetic on PostgreSQL."""

    def _plain(self, a: Value) -> Any:
        return a.sql if a.wide and a.constant is None else cast(a.sql, PLAIN)

    def _at(self, a: Value, scale: int) -> Any:
        return self._plain(a) if scale == a.scale else self._plain(a) * _ten(scale - a.scale)

    def _kept(self, sql: Any, scale: int) -> Value:
        return Value(sql=cast(sql, DIGITS), scale=scale, wide=True)

    def arithmetic(self, operator: str, a: Value, b: Value, scale: int) -> Value:
        return self._kept(_POSTGRES[operator](self, a, b, scale), scale)

    def add(self, a: Value, b: Value, scale: int) -> Any:
        return self._at(a, scale) + self._at(b, scale)

    def subtract(self, a: Value, b: Value, scale: int) -> Any:
        return self._at(a, scale) - self._at(b, scale)

    def multiply(self, a: Value, b: Value, scale: int) -> Any:
        product = self._plain(a) * self._plain(b)
        return product * _ten(scale - a.scale - b.scale) if a.scale + b.scale > scale else product

    def divide(self, a: Value, b: Value, scale: int) -> Any:
        """Forty decimals before the one rounding: no quotient of 38 digits lies that close to a tie."""
        return self._plain(a) * _ten(scale + b.scale - a.scale, 40) / func.nullif(self._plain(b), 0, type_=PLAIN)

    def remainder(self, a: Value, b: Value, scale: int) -> Any:
        return func.mod(self._at(a, scale), func.nullif(self._at(b, scale), 0, type_=PLAIN), type_=PLAIN)

    def negate(self, a: Value) -> Value:
        return self._kept(-self._plain(a), a.scale)

    def size(self, a: Value) -> Value:
        return self._kept(func.abs(self._plain(a), type_=PLAIN), a.scale)

    def rescale(self, a: Value, scale: int) -> Value:
        return a if a.scale == scale else self._kept(self._at(a, scale), scale)

    def stepped(self, a: Value, step: Value, scale: int, *, up: bool) -> Value:
        common = max(a.scale, step.scale)
        positive = case((self._plain(step) > 0, self._plain(step)))
        times = self._at(a, common) * _ten(0, 40) / (positive * _ten(common - step.scale))
        edge = func.ceil(times, type_=PLAIN) if up else func.floor(times, type_=PLAIN)
        return self._kept(edge * self._plain(step) * _ten(scale - step.scale), scale)

    def convert(self, a: Value, top: Sql, bottom: Sql, scale: int) -> Value:
        exact = self._plain(a) * cast(top, PLAIN) * _ten(scale - a.scale, 60)
        return self._kept(exact / func.nullif(cast(bottom, PLAIN), 0, type_=PLAIN), scale)

    def extreme(self, name: str, values: Sequence[Value]) -> Sql:
        """Without naming an operand twice, so nesting cannot blow the statement up."""
        one = func.unnest(array([v.sql for v in values])).column_valued("u")
        best = func.min(one) if name == "min" else func.max(one)
        return select(case((func.count(one) == len(values), best))).scalar_subquery()

    def total(self, name: str, a: Value) -> Value:
        return self._kept(getattr(func, name)(self._plain(a), type_=PLAIN), a.scale)

    def mixed(self, operator: str, a: Value, b: Value) -> Sql:
        scale = max(a.scale, b.scale)
        return _COMPARE[operator](self._at(a, scale), self._at(b, scale))

    def stored(self, a: Value) -> Sql:
        return cast(a.sql, BigInteger)


_POSTGRES: Mapping[str, Callable[[PostgresNumbers, Value, Value, int], Any]] = {
    "+": PostgresNumbers.add,
    "-": PostgresNumbers.subtract,
    "*": PostgresNumbers.multiply,
    "/": PostgresNumbers.divide,
    "%": PostgresNumbers.remainder,
}


class SqliteNumbers:
    """Arithmetic on SQLite, by the functions registered on every connection."""

    def _made(self, sql: Sql, scale: int) -> Value:
        return Value(sql=sql, scale=scale, wide=True)

    def arithmetic(self, operator: str, a: Value, b: Value, scale: int) -> Value:
        name = {"+": "dg_add", "-": "dg_sub", "*": "dg_mul", "/": "dg_div", "%": "dg_rem"}[operator]
        return self._made(getattr(func, name)(a.sql, a.scale, b.sql, b.scale, scale), scale)

    def negate(self, a: Value) -> Value:
        return self._made(func.dg_neg(a.sql), a.scale)

    def size(self, a: Value) -> Value:
        return self._made(func.dg_abs(a.sql), a.scale)

    def rescale(self, a: Value, scale: int) -> Value:
        if a.scale == scale:
            return a
        if a.constant is not None and scale > a.scale:
            return whole(a.constant * 10 ** (scale - a.scale), scale)
        return self._made(func.dg_scale(a.sql, a.scale, scale), scale)

    def stepped(self, a: Value, step: Value, scale: int, *, up: bool) -> Value:
        return self._made(func.dg_step(a.sql, a.scale, step.sql, step.scale, scale, int(up)), scale)

    def convert(self, a: Value, top: Sql, bottom: Sql, scale: int) -> Value:
        return self._made(func.dg_convert(a.sql, a.scale, top, bottom, scale), scale)

    def extreme(self, name: str, values: Sequence[Value]) -> Sql:
        sqls = [v.sql for v in values]
        if any(v.wide for v in values):
            return getattr(func, f"dg_{name}")(*sqls)  # type: ignore[no-any-return]
        return getattr(func, name)(*sqls)  # type: ignore[no-any-return]

    def total(self, name: str, a: Value) -> Value:
        made = getattr(func, f"dg_{name}_all" if a.wide else name)(a.sql)
        return replace(self._made(made, a.scale), wide=a.wide)

    def mixed(self, operator: str, a: Value, b: Value) -> Sql:
        order = func.dg_cmp(a.sql, a.scale, b.sql, b.scale, type_=BigInteger())
        if operator in ("==", "!="):
            same = func.dg_same(a.sql, a.scale, b.sql, b.scale, type_=BigInteger())
            return same == 1 if operator == "==" else same == 0
        return _COMPARE[operator](order, literal_column("0"))

    def stored(self, a: Value) -> Sql:
        return func.dg_store(a.sql) if a.wide else a.sql


NUMBERS: Mapping[str, Numbers] = {"postgresql": PostgresNumbers(), "sqlite": SqliteNumbers()}
