"""What the language refuses: ways out of the sandbox, abuse, and what is only a mistake. Each by its own code."""

from __future__ import annotations

import pytest

from engine.expressions.parse import ExpressionProblems, PlainScope, parse_expression
from engine.expressions.types import DATE, NUMBER, QUANTITY, TEXT, choice, money

NAMES = {"a": NUMBER, "amount": NUMBER, "m": money(2), "q": QUANTITY, "d": DATE, "t": TEXT}
SCOPE = PlainScope(names={**NAMES, "s": choice("draft", "done")})

ESCAPES = [
    ("().__class__.__bases__[0].__subclasses__()", "E309"),
    ("a.__class__", "E322"),
    ("t.format(a)", "E309"),
    ("t.upper()", "E309"),
    ("__import__('os').system('id')", "E316"),
    ("__import__('os')", "E322"),
    ("open('/etc/passwd')", "E332"),
    ("eval('1')", "E332"),
    ("getattr(a, 'b')", "E332"),
    ("(lambda: 1)()", "E311"),
    ("lambda: 1", "E311"),
    ("[x for x in (1, 2)]", "E312"),
    ("{x: 1 for x in t}", "E312"),
    ("sum(x for x in t)", "E312"),
    ("f'{a}'", "E313"),
    ("a is a", "E314"),
    ("(b := 1)", "E315"),
    ("a = 1", "E301"),
    ("abs(a).real", "E316"),
    ("abs(a)(a)", "E316"),
    ("t[0]", "E310"),
    ("t[0].x", "E310"),
    ("t[::-1]", "E310"),
    ("None", "E305"),
    ("a == None", "E305"),
    ("9**9**9", "E307"),
    ("1 << 999999", "E308"),
    ("a & 1", "E308"),
    ("~a", "E308"),
    ("a // 2", "E321"),
    ("a @ a", "E321"),
    ("1e400", "E306"),
    ("1e5", "E306"),
    ("0x10", "E306"),
    ("1_000", "E306"),
    ("1j", "E306"),
    ("9" * 19, "E304"),
    ("9" * 400, "E304"),
    ("0.12345678901", "E304"),
    ("'a' * 999999999", "E340"),
    ("b'x'", "E320"),
    ("...", "E320"),
    ("{1, 2}", "E320"),
    ("{'a': 1}", "E320"),
    ("abs(*t)", "E320"),
    ("abs(**t)", "E320"),
    ("await a", "E320"),
    ("(yield a)", "E320"),
    ("a; a", "E301"),
    ("import os", "E301"),
    ("a # note", "E320"),
    ("'\\x41'", "E301"),
    ("a\\\n", "E320"),
    ("a\0", "E320"),
    ("", "E301"),
    ("   ", "E301"),
    ("a" * 501, "E302"),
    ("(" * 100 + "a" + ")" * 100, "E303"),
    ("-" * 400 + "a", "E303"),
    ("not " * 100 + "a", "E303"),
    ("+".join(["a"] * 240), "E303"),
    ("a if a else " * 40 + "a", "E303"),
    ("[" * 70, "E303"),
]

MISTAKES = [
    ("amont + 1", "E330", "did you mean amount?"),
    ("abss(a)", "E332", "did you mean abs?"),
    ("m + q", "E340", ""),
    ("m * m", "E340", ""),
    ("d + 3", "E340", "write date + days(n)"),
    ("d + hours(1)", "E340", ""),
    ("a and a", "E342", ""),
    ("d < a", "E341", ""),
    ("t < 'a'", "E341", ""),
    ("s == dome", "E335", "did you mean done?"),
    ("s == 'x'", "E335", ""),
    ("d == 'soon'", "E341", ""),
    ("a.b", "E334", ""),
    ("sum(a)", "E345", ""),
    ("sum(a * a)", "E318", ""),
    ("sum(sum(a))", "E317", ""),
    ("balance(stock.qty)", "E337", ""),
    ("abs()", "E333", ""),
    ("abs(x=1)", "E333", ""),
    ("round(a, 11)", "E340", ""),
    ("this", "E330", ""),
    ("user", "E330", ""),
    ("(1, 2)", "E320", ""),
    ("1 if a else 2", "E342", ""),
    ("1 if a > 1 else 'x'", "E340", ""),
]


def refused(text: str) -> ExpressionProblems:
    """What is wrong with the text."""
    with pytest.raises(ExpressionProblems) as caught:
        parse_expression(text, SCOPE)
    return caught.value


@pytest.mark.parametrize(("text", "code"), ESCAPES, ids=[f"{i}-{e[1]}" for i, e in enumerate(ESCAPES)])
def test_ways_out_are_refused_at_once(text: str, code: str) -> None:
    problems = refused(text).problems
    assert problems[0].code == code, str(problems[0])
    assert problems[0].message


@pytest.mark.parametrize(("text", "code", "hint"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes_name_what_would_be_right(text: str, code: str, hint: str) -> None:
    problem = refused(text).problems[0]
    assert problem.code == code, str(problem)
    if hint:
        assert problem.hint == hint


def test_all_refused_parts_are_named_at_once_in_their_order() -> None:
    problems = refused("a ** 2 + t[0] + (lambda: 1)").problems
    assert [p.code for p in problems] == ["E307", "E310", "E311"]


def test_a_problem_says_where_it_is() -> None:
    problem = refused("a + abss(a)").problems[0]
    assert (problem.column, str(problem)) == (4, "there is no function abss; did you mean abs? [E332]")
