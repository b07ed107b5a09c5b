"""Plain values read by the type of their key, never by YAML: ``13 %``, ``2026-03-31``, ``08:00``, ``1/3``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation

from engine.compile.part import Word
from engine.compile.scope import AppScope, parse
from engine.expressions.tree import Expr, Literal, Scalar
from engine.expressions.types import Kind, Type
from engine.problems import did_you_mean, got


def value_or_expression(word: Word | None, type: Type, scope: AppScope) -> Expr | None:
    """A constant of ``type``, or with a leading ``=`` an expression that gives one."""
    if word is None:
        return None
    if word.text.startswith("="):
        return parse(after_equals(word), scope, type)
    if type.kind is Kind.NUMBER and "/" in word.text:
        return parse(word, scope, type)
    return constant(word, type, scope)


def after_equals(word: Word) -> Word:
    """The expression behind a leading ``=``, where it stands."""
    rest = word.text[1:]
    shift = 1 + len(rest) - len(rest.lstrip())
    column = word.place.column
    return Word(rest.strip(), word.place._replace(column=column + shift), word.path)


def constant(word: Word, type: Type, scope: AppScope) -> Expr | None:
    """A literal of ``type``."""
    read = _READ.get(type.kind)
    problems = scope.bench.problems
    if read is None:
        what = f"{got(word.text)} cannot stand for a {type.kind}"
        problems.add("D404", word.place, word.path, what, "write = and an expression")
        return None
    if type.kind is Kind.CHOICE and word.text not in type.options:
        remedy = did_you_mean(word.text, type.options)
        problems.add("D404", word.place, word.path, f"{got(word.text)} is not one of the options", remedy)
        return None
    try:
        value = read(word.text.strip())
    except (ValueError, InvalidOperation):
        problems.add("D404", word.place, word.path, f"{got(word.text)} is no {type.kind}", _LOOK[type.kind])
        return None
    return literal(word.text, value, type)


def literal(text: str, value: Scalar, type: Type) -> Expr:
    """An expression that is a constant."""
    return Expr(text=text, tree=Literal(value=value, type=type), type=type, inputs=())


def _yes_no(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def number(text: str) -> Decimal:
    """A decimal; ``13 %`` is 0.13."""
    plain = text.replace("_", " ").strip()
    share = plain.endswith("%")
    value = Decimal(plain.rstrip("%").strip())
    if not value.is_finite() or abs(value) >= Decimal(10) ** 15:
        raise ValueError(text)
    return value / 100 if share else value


_READ: Mapping[Kind, Callable[[str], Scalar]] = {
    Kind.YES_NO: _yes_no,
    Kind.TEXT: str,
    Kind.NUMBER: number,
    Kind.MONEY: number,
    Kind.QUANTITY: number,
    Kind.DATE: date.fromisoformat,
    Kind.TIME: time.fromisoformat,
    Kind.MOMENT: datetime.fromisoformat,
    Kind.DURATION: number,
    Kind.CHOICE: str,
}
_LOOK: Mapping[Kind, str] = {
    Kind.YES_NO: "write true or false",
    Kind.TEXT: "write a text",
    Kind.NUMBER: "write a number, as in 12.5 or 13 %",
    Kind.MONEY: "write an amount, as in 12.50",
    Kind.QUANTITY: "write a quantity, as in 12.5",
    Kind.DATE: "write a date, as in 2026-03-31",
    Kind.TIME: "write a time, as in 08:00",
    Kind.MOMENT: "write a moment, as in 2026-03-31 08:00",
    Kind.DURATION: "write a number of days",
    Kind.CHOICE: "write one of the options",
}
