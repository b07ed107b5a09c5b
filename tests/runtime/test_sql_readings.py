"""SQLite and PostgreSQL give the answer of the Python reading, to the digit, empties and overflow included."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, assume, given, settings
from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, func, select, type_coerce
from sqlalchemy.exc import DBAPIError

from engine.expressions.functions import WORKING_DAYS
from engine.expressions.parse import ExpressionProblems, parse_expression
from engine.expressions.problems import ExpressionOverflow
from engine.expressions.python import compile_python
from engine.expressions.tree import Expr
from engine.expressions.types import Kind
from runtime.columns import value_type
from runtime.database import Database
from runtime.sql import SqlScope, is_overflow, to_sql, to_stored, to_where
from tests.engine.expressions.texts import CALENDARS, SCOPE, TYPES, VALUES, anything, given_to

EXAMPLES = settings(max_examples=250, deadline=None, database=None, suppress_health_check=list(HealthCheck))
KINDS = {**TYPES, WORKING_DAYS.name: WORKING_DAYS.type}
TABLE = Table("row", MetaData(), *(Column(name, value_type(type_)) for name, type_ in KINDS.items()))
NUMBERS = frozenset("nimqp")


@pytest.fixture(scope="module")
def connection(module_database: Database) -> Iterator[Connection]:
    """A connection on which a table of all kinds of value stands."""
    with module_database.write() as found:
        TABLE.create(found)
        yield found


def scope(connection: Connection) -> SqlScope:
    """Bare names are columns of the table."""
    columns = {n: type_coerce(c, BigInteger()) if n in NUMBERS else c for n, c in TABLE.c.items()}
    return SqlScope(model=cast(Any, None), tables=cast(Any, None), dialect=connection.dialect.name, values=columns)


def asked(connection: Connection, statement: Any) -> Any:
    """The one value of a statement, or ``"overflow"``."""
    try:
        with connection.begin_nested():
            return connection.execute(statement).scalar()
    except DBAPIError as error:
        if not is_overflow(error):
            raise
        return "overflow"


def store(connection: Connection, values: dict[str, Any]) -> None:
    """The one row of the table."""
    connection.execute(TABLE.delete())
    connection.execute(TABLE.insert().values(**values))


def by_python(expr: Expr, values: dict[str, Any]) -> Any:
    """The value, or ``"overflow"``."""
    try:
        return compile_python(expr)(given_to(expr, values))
    except ExpressionOverflow:
        return "overflow"


def is_lazy(text: str) -> bool:
    """Whether a branch not taken might overflow: databases may look at both."""
    return any(word in text for word in (" if ", " and ", " or ", "coalesce"))


@EXAMPLES
@given(anything(), VALUES)
def test_the_databases_agree_with_python(connection: Connection, text: str, values: dict[str, Any]) -> None:
    try:
        expr = parse_expression(text, SCOPE)
    except ExpressionProblems as refused:
        assume(not {p.code for p in refused.problems} <= {"E302", "E303"})
        raise
    store(connection, values)
    wanted = by_python(expr, values)
    found = asked(connection, select(to_sql(expr, scope(connection))).select_from(TABLE))
    if found == "overflow" and wanted != "overflow":
        assume(not is_lazy(text))
    assert found == wanted, (text, values)
    if expr.type.kind is Kind.YES_NO:
        holds = select(func.count()).select_from(TABLE).where(to_where(expr, scope(connection)))
        assert bool(asked(connection, holds)) == bool(wanted), (text, values)


CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("m * 1.005", {"m": Decimal("1.00")}, Decimal("1.00500")),
    ("round(-m * 1.005)", {"m": Decimal("1.00")}, Decimal("-1.01")),
    ("i / 3 * 3", {"i": Decimal(1)}, Decimal("0.9999999999")),
    ("n * n * n", {"n": Decimal(10**9)}, Decimal(10**27)),
    ("n * n * n < n * n", {"n": Decimal(10**9)}, False),
    ("n * n * n * n", {"n": Decimal(10**11)}, "overflow"),
    ("i % 3", {"i": -7}, Decimal(-1)),
    ("d + months(1)", {"d": date(2026, 1, 31)}, date(2026, 2, 28)),
    ("d + workdays(1)", {"d": date(2026, 3, 6), "working_days": "||||"}, date(2026, 3, 9)),
    ("d + workdays(2)", {"d": date(2026, 2, 13), "working_days": CALENDARS[0]}, date(2026, 2, 19)),
    ("d - workdays(i)", {"d": date(2026, 2, 20), "i": 3, "working_days": CALENDARS[0]}, date(2026, 2, 13)),
    (
        "(d + days(1)) + workdays(i + 1)",
        {"d": date(2026, 4, 30), "i": 1, "working_days": CALENDARS[2]},
        date(2026, 5, 3),
    ),
    ("round_up(m / 0.2, 0.05)", {"m": Decimal("6.36")}, Decimal("31.80")),
    ("not n < i", {"n": None, "i": 1}, True),
]


@pytest.mark.parametrize(("text", "values", "wanted"), CASES, ids=[c[0] for c in CASES])
def test_each_rule_in_the_database(connection: Connection, text: str, values: dict[str, Any], wanted: Any) -> None:
    store(connection, values)
    made = to_sql(parse_expression(text, SCOPE), scope(connection))
    assert asked(connection, select(made).select_from(TABLE)) == wanted


def test_a_result_beyond_64_bits_cannot_be_stored(connection: Connection) -> None:
    store(connection, {"n": Decimal(10**9), "i": 10**9})
    expr = parse_expression("n * i", SCOPE)
    assert asked(connection, select(to_sql(expr, scope(connection))).select_from(TABLE)) == Decimal(10**18)
    change = TABLE.update().values(n=to_stored(expr, TYPES["n"], scope(connection)))
    with pytest.raises(DBAPIError) as caught, connection.begin_nested():
        connection.execute(change)
    assert is_overflow(caught.value)


def test_a_stored_result_is_rounded_to_its_field(connection: Connection) -> None:
    store(connection, {"m": Decimal("0.05"), "n": Decimal("0.100000")})
    change = TABLE.update().values(m=to_stored(parse_expression("m * n", SCOPE), TYPES["m"], scope(connection)))
    connection.execute(change)
    assert connection.execute(select(TABLE.c.m)).scalar() == Decimal("0.01")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("m > 5", "row.m > 500"),
        ("m >= 0.005", "row.m > 0"),
        ("5 > m", "row.m < 500"),
        ("i < 2.5", "row.i <= 2"),
        ("s == done", "row.s = 'done'"),
    ],
)
def test_a_column_compared_with_a_constant_stays_bare(connection: Connection, text: str, wanted: str) -> None:
    made = to_where(parse_expression(text, SCOPE), scope(connection))
    plain = made.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    assert str(plain).replace('"', "").replace("::BIGINT", "").replace("::TEXT", "") == wanted
