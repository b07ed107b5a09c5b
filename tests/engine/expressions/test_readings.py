"""Python, simpleeval and JavaScript give one answer, to the digit, empties and overflow included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from engine.expressions.explain import evaluate
from engine.expressions.functions import FUNCTIONS, MADE
from engine.expressions.javascript import javascript
from engine.expressions.parse import ExpressionProblems, PlainScope, make_expr, parse_expression
from engine.expressions.problems import ExpressionOverflow
from engine.expressions.python import compile_python
from engine.expressions.render import render
from engine.expressions.tree import Convert, Expr, UnitRatio
from engine.expressions.tree import Path as Step
from engine.expressions.types import QUANTITY, QUOTIENT, reference
from engine.expressions.values import FUNCTION_VALUES
from tests.engine.expressions.browser import DECIMAL, Browser
from tests.engine.expressions.texts import CALENDARS, SCOPE, VALUES, anything, given_to

EXAMPLES = settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def node_js(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Node process for all tests here."""
    found = Browser(tmp_path_factory.mktemp("node"))
    yield found
    found.close()


def read(text: str) -> Expr:
    """The expression, if it is not one of the few too deep to be allowed."""
    try:
        return parse_expression(text, SCOPE)
    except ExpressionProblems as refused:
        assume(not {p.code for p in refused.problems} <= {"E302", "E303"})
        raise


def outcome(run: Any) -> Any:
    """A value, or ``"overflow"``."""
    try:
        return run()
    except ExpressionOverflow:
        return "overflow"


@EXAMPLES
@given(anything(), VALUES)
def test_the_compiled_and_the_explained_reading_agree(text: str, values: dict[str, Any]) -> None:
    expr = read(text)
    given_values = given_to(expr, values)
    function = compile_python(expr)
    assert outcome(lambda: function(given_values)) == outcome(lambda: evaluate(expr, given_values))


@EXAMPLES
@given(anything(), VALUES)
def test_the_browser_agrees_with_the_server(node_js: Browser, text: str, values: dict[str, Any]) -> None:
    expr = read(text)
    given_values = given_to(expr, values)
    function = compile_python(expr)
    wanted = outcome(lambda: function(given_values))
    if isinstance(wanted, date):
        wanted = wanted.isoformat()
    assert node_js.run(javascript(expr), given_values) == wanted


@EXAMPLES
@given(anything())
def test_a_tree_written_out_reads_back_as_the_same_tree(text: str) -> None:
    expr = read(text)
    assert parse_expression(render(expr.tree), SCOPE, expect=expr.type).tree == expr.tree


MOMENT = datetime(2026, 3, 1, 23, 30, 0, 250000, UTC)
CASES = [
    ("m + 0.005", {"m": Decimal("1.00")}, Decimal("1.005")),
    ("round(m * 1.005)", {"m": Decimal("1.00")}, Decimal("1.01")),
    ("round(-m * 1.005)", {"m": Decimal("1.00")}, Decimal("-1.01")),
    ("i / 3", {"i": Decimal(1)}, Decimal("0.3333333333")),
    ("i / 0", {"i": Decimal(1)}, None),
    ("i % 3", {"i": Decimal(-7)}, Decimal(-1)),
    ("q * p", {"q": Decimal("0.333333"), "p": Decimal("3.000003")}, Decimal("1.0000000000")),
    ("n * n", {"n": Decimal("0.000001")}, Decimal("0E-10")),
    ("n + i", {"n": None, "i": Decimal(1)}, None),
    ("n < i", {"n": None, "i": Decimal(1)}, False),
    ("n == i / 0", {"n": None, "i": Decimal(1)}, True),
    ("not n < i", {"n": None, "i": Decimal(1)}, True),
    ("y and true", {"y": None}, False),
    ("1 if y else 2", {"y": None}, Decimal(2)),
    ("d + months(1)", {"d": date(2026, 1, 31)}, date(2026, 2, 28)),
    ("d - months(11)", {"d": date(2024, 1, 31)}, date(2023, 2, 28)),
    ("d + workdays(1)", {"d": date(2026, 3, 6), "working_days": "||||"}, date(2026, 3, 9)),
    ("d + workdays(3)", {"d": date(2026, 3, 7), "working_days": "||||"}, date(2026, 3, 11)),
    ("d - workdays(1)", {"d": date(2026, 3, 8), "working_days": "||||"}, date(2026, 3, 6)),
    ("d + workdays(1)", {"d": date(2026, 2, 13), "working_days": CALENDARS[0]}, date(2026, 2, 14)),
    ("d + workdays(2)", {"d": date(2026, 2, 13), "working_days": CALENDARS[0]}, date(2026, 2, 19)),
    ("d - workdays(3)", {"d": date(2026, 2, 20), "working_days": CALENDARS[0]}, date(2026, 2, 13)),
    ("d + workdays(0)", {"d": date(2026, 2, 16), "working_days": CALENDARS[0]}, date(2026, 2, 16)),
    ("d + workdays(2)", {"d": date(2026, 5, 1), "working_days": CALENDARS[2]}, date(2026, 5, 3)),
    ("d + workdays(3)", {"d": date(2026, 5, 1), "working_days": CALENDARS[2]}, date(2026, 5, 6)),
    ("d + workdays(n)", {"d": date(2026, 5, 1), "n": Decimal(10**9), "working_days": "||||"}, "overflow"),
    ("d - workdays(n)", {"d": date(2026, 5, 1), "n": Decimal(10**9), "working_days": "||||"}, "overflow"),
    ("d + weeks(2)", {"d": date(2026, 3, 6)}, date(2026, 3, 20)),
    ("end_of(d, quarter)", {"d": date(2026, 2, 6)}, date(2026, 3, 31)),
    ("w + hours(1) > w", {"w": MOMENT}, True),
    ("w - w == hours(0)", {"w": MOMENT}, True),
    ("words(m)", {"m": Decimal("10020304.05")}, "壹仟零贰万零叁佰零肆元零伍分"),
    ("words(m)", {"m": Decimal("-0.10")}, "负壹角整"),
    ("words(m)", {"m": Decimal("100000000.00")}, "壹亿元整"),
    ("round_up(m / 0.2, 0.05)", {"m": Decimal("6.36")}, Decimal("31.80")),
    ("round_up(n, 0)", {"n": Decimal(1)}, None),
    ("text(n)", {"n": Decimal("10.500000")}, "10.5"),
    ("coalesce(t, 'x')", {"t": None}, "x"),
]


@pytest.mark.parametrize(("text", "values", "wanted"), CASES, ids=[c[0] + str(i) for i, c in enumerate(CASES)])
def test_each_rule_has_one_answer_in_all_readings(
    node_js: Browser, text: str, values: dict[str, Any], wanted: Any
) -> None:
    expr = parse_expression(text, SCOPE)
    given_values = given_to(expr, values)
    shown = wanted.isoformat() if isinstance(wanted, date) else wanted
    assert outcome(lambda: compile_python(expr)(given_values)) == wanted
    assert outcome(lambda: evaluate(expr, given_values)) == wanted
    assert node_js.run(javascript(expr), given_values) == shown


def test_more_than_38_digits_is_an_error_everywhere(node_js: Browser) -> None:
    expr = parse_expression("n * n * n * n", SCOPE)
    values = [Decimal(10**11)]
    with pytest.raises(ExpressionOverflow):
        compile_python(expr)(values)
    with pytest.raises(ExpressionOverflow):
        evaluate(expr, values)
    assert node_js.run(javascript(expr), values) == "overflow"


def test_a_branch_not_taken_cannot_overflow() -> None:
    expr = parse_expression("1 if n > 5 else n * n * n * n", SCOPE)
    assert compile_python(expr)([Decimal(10**11)]) == 1


@pytest.mark.parametrize("divide", [True, False])
def test_units_convert_by_exact_ratios(node_js: Browser, divide: bool) -> None:
    path = Step(root="record", entity="", steps=("q",), type=QUANTITY)
    unit = Step(root="record", entity="", steps=("u",), type=reference("unit"))
    ratio = UnitRatio(item=unit, unit=unit, type=QUOTIENT)
    tree = Convert(operand=path, ratio=ratio, type=QUANTITY, divide=divide)
    expr = make_expr("q", tree, live=False, secrecy=frozenset())
    values: list[Any] = [Decimal("10.000000"), Fraction(1, 3)]
    wanted = Decimal("30.000000") if divide else Decimal("3.333333")
    assert compile_python(expr)(values) == evaluate(expr, values) == wanted
    assert node_js.run(javascript(expr), values) == wanted


def test_a_stored_ratio_is_a_number_in_arithmetic_and_itself_alone(node_js: Browser) -> None:
    scope = PlainScope(names={"r": QUOTIENT})
    third: list[Any] = [Fraction(1, 3)]
    expr = parse_expression("r * 3", scope)
    assert compile_python(expr)(third) == evaluate(expr, third) == Decimal("0.9999999999")
    assert node_js.run(javascript(expr), third) == Decimal("0.9999999999")
    assert compile_python(parse_expression("r", scope))(third) == Fraction(1, 3)


def test_every_function_exists_in_every_reading() -> None:
    parsed_away = {"convert"}
    assert set(FUNCTION_VALUES) == (set(FUNCTIONS) | MADE) - parsed_away
    source = DECIMAL.read_text(encoding="utf-8")
    table = source[source.index("export const fn = {") :]
    for name in set(FUNCTION_VALUES) - {"coalesce"}:
        assert f"\n  {name}:" in table, name


def test_texts_of_a_template_never_become_script() -> None:
    scope = PlainScope(names={"t": SCOPE.names["t"]})
    source = javascript(parse_expression("t == '</script><b>'", scope))
    assert "<" not in source
    assert json.dumps("\\u003c/script>\\u003cb>")[1:-1].replace("\\\\", "\\") in source
