"""The closed table of functions: how many arguments, of which types, with what result.

What each does to values stands in the readings (``values.py`` for Python and simpleeval, ``decimal.ts``, ``sql.py``);
a contract test compares the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from engine.expressions.operators import NUMERIC, ORDERED, Typed, common, describe
from engine.expressions.tree import Clock, Literal, Path
from engine.expressions.types import (
    DATE,
    DURATION,
    INTEGER,
    MOMENT,
    NUMBER,
    PERCENT_SCALE,
    QUOTIENT_SCALE,
    TEXT,
    YES_NO,
    Kind,
    Type,
)

AGGREGATES = frozenset({"sum", "count", "min", "max", "avg", "any", "first", "join"})
BALANCES = frozenset({"balance", "inflow", "outflow", "mean_balance"})
BALANCE_OPTIONS = ("at", "since", "until", "kind")
CLOCKS: Mapping[str, Type] = MappingProxyType(
    {"today": replace(DATE, nullable=False), "now": replace(MOMENT, nullable=False)}
)
WORKING_DAYS = Clock(name="working_days", type=replace(TEXT, nullable=False))
"""The firm's calendar, which ``date + workdays(n)`` reads beside its date and its number."""
DATE_UNITS = ("day", "week", "month", "quarter", "year")
STEPS = frozenset({"days", "weeks", "hours", "months", "workdays"})
"""Lengths of time; ``months`` and ``workdays`` only make sense beside a date."""

Rule = Callable[[Sequence[Typed], int], Type | str]
"""Arguments and the currency's decimals to the result's type, or to what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function: least and most arguments, the rule of its type, and whether databases can compute it."""

    least: int
    most: int
    rule: Rule
    sql: bool = True
    help: str = ""


def _wants(position: int, kinds: frozenset[Kind], result: Type) -> Rule:
    def rule(args: Sequence[Typed], money_scale: int) -> Type | str:
        if args[position].type.many or args[position].type.kind not in kinds:
            return f"{describe(args[position].type)} cannot stand here"
        return replace(result, nullable=args[position].type.nullable)

    return rule


def _texts(result: Type, *, nullable: bool) -> Rule:
    def rule(args: Sequence[Typed], money_scale: int) -> Type | str:
        for arg in args:
            if arg.type.many or arg.type.kind is not Kind.TEXT:
                return f"a text is needed, not {describe(arg.type)}"
        return replace(result, nullable=nullable)

    return rule


def _same(args: Sequence[Typed], money_scale: int) -> Type | str:
    arg = args[0].type
    if arg.many or arg.kind not in NUMERIC:
        return f"a number is needed, not {describe(arg)}"
    return arg


def _least_or_most(args: Sequence[Typed], money_scale: int) -> Type | str:
    found = common(args)
    if found is None or found.kind not in ORDERED:
        return "the arguments must be numbers or dates of one kind"
    return found


def _coalesce(args: Sequence[Typed], money_scale: int) -> Type | str:
    found = common(args)
    if found is None:
        return "the arguments must be of one kind"
    return replace(found, nullable=all(a.type.nullable for a in args))


def _round(args: Sequence[Typed], money_scale: int) -> Type | str:
    found = _same(args, money_scale)
    if isinstance(found, str):
        return found
    if len(args) == 1:
        return replace(found, scale=money_scale if found.kind is Kind.MONEY else 0)
    digits = args[1].node
    whole = isinstance(digits, Literal) and digits.type.kind is Kind.NUMBER and digits.type.scale == 0
    if not whole or not 0 <= int(str(digits.value)) <= QUOTIENT_SCALE:  # type: ignore[union-attr]
        return f"the second argument is a whole number from 0 to {QUOTIENT_SCALE}"
    return replace(found, scale=int(str(digits.value)))  # type: ignore[union-attr]


def _round_to(args: Sequence[Typed], money_scale: int) -> Type | str:
    found = _same(args, money_scale)
    if isinstance(found, str) or len(args) == 1:
        return found if isinstance(found, str) else replace(found, scale=0)
    step = args[1].type
    if step.many or step.kind not in NUMERIC:
        return f"the step is a number, not {describe(step)}"
    if not isinstance(args[1].node, Literal | Path):
        return "the step is a field or a written number"
    return replace(found, scale=step.scale, nullable=True)


def _empty(args: Sequence[Typed], money_scale: int) -> Type | str:
    return replace(YES_NO, nullable=False)


def _text(args: Sequence[Typed], money_scale: int) -> Type | str:
    kinds = {Kind.TEXT, Kind.NUMBER, Kind.MONEY, Kind.QUANTITY, Kind.DATE, Kind.CHOICE}
    return _wants(0, frozenset(kinds), TEXT)(args, money_scale)


def _edge(args: Sequence[Typed], money_scale: int) -> Type | str:
    unit = args[1].node
    if args[0].type.many or args[0].type.kind is not Kind.DATE:
        return f"a date is needed, not {describe(args[0].type)}"
    if not isinstance(unit, Literal) or unit.value not in DATE_UNITS:
        return "the second argument is one of " + ", ".join(DATE_UNITS)
    return args[0].type


def _convert(args: Sequence[Typed], money_scale: int) -> Type | str:
    if args[0].type.kind is not Kind.QUANTITY or args[1].type.kind is not Kind.REFERENCE:
        return "convert takes a quantity and a unit"
    return replace(NUMBER, scale=PERCENT_SCALE)


_DATE = frozenset({Kind.DATE})
_NUMBER = frozenset({Kind.NUMBER, Kind.QUANTITY})

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "abs": Function(least=1, most=1, rule=_same, help="size without sign"),
        "min": Function(least=2, most=10, rule=_least_or_most, help="the least; empty if one is empty"),
        "max": Function(least=2, most=10, rule=_least_or_most, help="the most; empty if one is empty"),
        "round": Function(least=1, most=2, rule=_round, help="half away from zero; money to its currency"),
        "round_up": Function(least=1, most=2, rule=_round_to, help="up to a multiple of the step"),
        "round_down": Function(least=1, most=2, rule=_round_to, help="down to a multiple of the step"),
        "days": Function(least=1, most=1, rule=_wants(0, _NUMBER, DURATION), help="so many days"),
        "weeks": Function(least=1, most=1, rule=_wants(0, _NUMBER, DURATION), help="so many weeks"),
        "hours": Function(least=1, most=1, rule=_wants(0, _NUMBER, DURATION), help="so many hours"),
        "months": Function(least=1, most=1, rule=_wants(0, _NUMBER, DURATION), help="so many months, beside a date"),
        "workdays": Function(
            least=1,
            most=1,
            rule=_wants(0, _NUMBER, DURATION),
            help="so many days worked by the firm's calendar, beside a date",
        ),
        "start_of": Function(least=2, most=2, rule=_edge, help="first day of the week, month, quarter or year"),
        "end_of": Function(least=2, most=2, rule=_edge, help="last day of the week, month, quarter or year"),
        "year": Function(least=1, most=1, rule=_wants(0, _DATE, INTEGER), help="year of a date"),
        "month": Function(least=1, most=1, rule=_wants(0, _DATE, INTEGER), help="month of a date, 1 to 12"),
        "day": Function(least=1, most=1, rule=_wants(0, _DATE, INTEGER), help="day of the month"),
        "weekday": Function(least=1, most=1, rule=_wants(0, _DATE, INTEGER), help="Monday 1 to Sunday 7"),
        "coalesce": Function(least=2, most=10, rule=_coalesce, help="the first that is not empty"),
        "empty": Function(least=1, most=1, rule=_empty, help="whether there is no value"),
        "text": Function(least=1, most=1, rule=_text, help="a value as text"),
        "words": Function(
            least=1, most=1, rule=_wants(0, frozenset({Kind.MONEY}), TEXT), sql=False, help="money in Chinese capitals"
        ),
        "lower": Function(least=1, most=1, rule=_texts(TEXT, nullable=True), help="small letters"),
        "upper": Function(least=1, most=1, rule=_texts(TEXT, nullable=True), help="capital letters"),
        "trim": Function(least=1, most=1, rule=_texts(TEXT, nullable=True), help="without blanks at the ends"),
        "len": Function(least=1, most=1, rule=_wants(0, frozenset({Kind.TEXT}), INTEGER), help="number of characters"),
        "contains": Function(least=2, most=2, rule=_texts(YES_NO, nullable=False), help="whether a text holds another"),
        "starts_with": Function(least=2, most=2, rule=_texts(YES_NO, nullable=False), help="whether it begins so"),
        "convert": Function(least=2, most=2, rule=_convert, help="a quantity counted in another unit"),
        "number": Function(least=1, most=1, rule=_texts(NUMBER, nullable=True), help="a text read as a number"),
    }
)

# What the parser makes of ``date + days(3)`` and the like; never written by people.
MADE = frozenset({"add_days", "add_months", "add_workdays", "add_seconds", "days_between", "seconds_between"})
