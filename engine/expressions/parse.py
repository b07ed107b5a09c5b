"""Text to typed tree: the one way in for every expression of a template.

Every node is typed here and never again; what cannot be typed is refused with its place and, where possible, with what
would be right. Aggregates and ledger figures are built in ``sets.py``; this module does the rest.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from engine.expressions import operators, units
from engine.expressions.functions import (
    AGGREGATES,
    BALANCES,
    CLOCKS,
    DATE_UNITS,
    FUNCTIONS,
    STEPS,
    WORKING_DAYS,
)
from engine.expressions.names import Frame, Names, Seen, SetOf
from engine.expressions.operators import Typed, describe
from engine.expressions.problems import ExpressionProblem, ExpressionProblems, did_you_mean
from engine.expressions.scope import FieldInfo, LedgerInfo, PlainScope, Reverse, Scope
from engine.expressions.sets import Sets
from engine.expressions.syntax import column_of, number_text, read_syntax, refuse
from engine.expressions.tree import (
    INPUTS,
    Binary,
    Call,
    Clock,
    Conditional,
    Expr,
    Literal,
    Node,
    Several,
    Unary,
    children,
)
from engine.expressions.types import DATE, MOMENT, TEXT, YES_NO, Kind, Type, choice

__all__ = [
    "ExpressionProblem",
    "ExpressionProblems",
    "FieldInfo",
    "LedgerInfo",
    "PlainScope",
    "Reverse",
    "Scope",
    "make_expr",
    "parse_expression",
]

CONDITION = replace(YES_NO, nullable=False)
_ARITHMETIC: dict[type[ast.AST], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}
_COMPARISON: dict[type[ast.AST], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


def parse_expression(text: str, scope: Scope, *, expect: Type | None = None) -> Expr:
    """The typed tree of ``text``. ``expect``: the type the result must have (and whose options bare words may be)."""
    tree = read_syntax(text)
    builder = Builder(scope)
    typed = builder.value(tree, Frame(scope.root_entity), expect)
    if expect is not None and not operators.fits(typed, expect):
        message = f"this gives {describe(typed.type)}, but {describe(expect)} is needed"
        raise refuse("E342" if expect.kind is Kind.YES_NO else "E343", 0, message)
    seen = builder.seen
    return make_expr(text.strip(), typed.node, live=seen.live, secrecy=frozenset(seen.secrecy))


def make_expr(text: str, tree: Node, *, live: bool, secrecy: frozenset[str]) -> Expr:
    """An ``Expr`` over a ready tree (also for trees the compiler makes itself)."""
    return Expr(text=text, tree=tree, type=tree.type, inputs=inputs_of(tree), live=live, secrecy=secrecy)


def inputs_of(tree: Node) -> tuple[Node, ...]:
    """The leaves that need data, in order of first use, each once; the inside of aggregates is theirs alone."""
    found: dict[Node, None] = {}
    stack: list[Node] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, INPUTS):
            found.setdefault(node)
        else:
            stack.extend(reversed(children(node)))
    return tuple(found)


class Builder:
    """Turns syntax into typed nodes; one builder for one expression."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.seen = Seen()
        self.names = Names(scope, self.seen)
        self.sets = Sets(self)
        self._kinds: dict[type[ast.AST], Callable[[ast.expr, Frame, Type | None], Typed]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Attribute: self._name,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._binary,
            ast.BoolOp: self._logic,
            ast.Compare: self._compare,
            ast.IfExp: self._conditional,
            ast.Call: self._call,
        }

    def value(self, tree: ast.expr, frame: Frame, expect: Type | None = None) -> Typed:
        """The typed node of one value."""
        kind = self._kinds.get(type(tree))
        if kind is None:
            raise refuse("E320", column_of(tree), "a list can only stand right of `in`")
        return kind(tree, frame, expect)

    def condition(self, tree: ast.expr, frame: Frame) -> Typed:
        """A yes/no value."""
        found = self.value(tree, frame, YES_NO)
        if found.type.kind is not Kind.YES_NO or found.type.many:
            raise refuse("E342", column_of(tree), f"a condition is needed here, not {describe(found.type)}")
        return found

    def reach(self, tree: ast.expr, frame: Frame) -> Typed | SetOf:
        """A dotted name as a value or a set."""
        return self.names.resolve(dotted(tree), frame, column_of(tree))

    # -- leaves

    def _constant(self, tree: ast.expr, frame: Frame, expect: Type | None) -> Typed:
        assert isinstance(tree, ast.Constant)
        if isinstance(tree.value, bool):
            return Typed(Literal(value=tree.value, type=CONDITION))
        if isinstance(tree.value, str):
            return Typed(self._text(tree.value, expect, column_of(tree)))
        number = Decimal(number_text(tree))
        scale = max(-int(number.as_tuple().exponent), 0)
        return Typed(Literal(value=number, type=Type(kind=Kind.NUMBER, scale=scale, nullable=False)))

    def _text(self, text: str, expect: Type | None, column: int) -> Literal:
        if expect is not None and expect.kind is Kind.CHOICE:
            return self._option(text, expect, column)
        if expect is not None and expect.kind is Kind.DATE:
            try:
                return Literal(value=date.fromisoformat(text), type=replace(DATE, nullable=False))
            except ValueError:
                raise refuse("E341", column, f"{text!r} is not a date like 2026-03-31") from None
        return Literal(value=text, type=replace(TEXT, nullable=False))

    def _option(self, word: str, expect: Type, column: int) -> Literal:
        if expect.options and word not in expect.options:
            raise refuse("E335", column, f"{word} is not one of the options", did_you_mean(word, expect.options))
        return Literal(value=word, type=replace(expect, options=expect.options or (word,), nullable=False))

    def _name(self, tree: ast.expr, frame: Frame, expect: Type | None) -> Typed:
        column = column_of(tree)
        if isinstance(tree, ast.Name):
            if tree.id in ("true", "false"):
                return Typed(Literal(value=tree.id == "true", type=CONDITION))
            option = self._bare_option(tree.id, frame, expect, column)
            if option is not None:
                return Typed(option)
        found = self.reach(tree, frame)
        if isinstance(found, SetOf):
            name = ".".join(dotted(tree))
            raise refuse("E344", column, f"{name} is a set of values", f"say which one: sum({name}), first({name}) …")
        return found

    def _bare_option(self, word: str, frame: Frame, expect: Type | None, column: int) -> Literal | None:
        if expect is None or expect.kind is not Kind.CHOICE:
            return None
        if word in expect.options:
            field = self.names.field_type(word, frame)
            if field is not None and field.kind is Kind.CHOICE:
                raise refuse("E336", column, f"{word} is both an option and a field", f'write the option as "{word}"')
            return Literal(value=word, type=replace(expect, nullable=False))
        if expect.options and not self.names.is_known(word, frame):
            raise refuse("E335", column, f"{word} is not one of the options", did_you_mean(word, expect.options))
        return None

    # -- operators

    def _unary(self, tree: ast.expr, frame: Frame, expect: Type | None) -> Typed:
        assert isinstance(tree, ast.UnaryOp)
        if isinstance(tree.op, ast.Not):
            return Typed(Unary(operator="not", operand=self.condition(tree.operand, frame).node, type=CONDITION))
        inner = self.value(tree.operand, frame, expect)
        if inner.type.kind not in operators.NUMERIC or inner.type.many:
            raise refuse("E340", column_of(tree), f"{describe(inner.type)} has no sign")
        if isinstance(tree.op, ast.UAdd):
            return inner
        return Typed(Unary(operator="-", operand=inner.node, type=inner.type), inner.basis)

    def _binary(self, tree: ast.expr, frame: Frame, expect: Type | None) -> Typed:
        assert isinstance(tree, ast.BinOp)
        sign = _ARITHMETIC[type(tree.op)]
        left, right = self.value(tree.left, frame), self.value(tree.right, frame)
        timed = self._time(sign, left, right)
        if timed is not None:
            return timed
        type_ = operators.arithmetic(sign, left, right)
        if type_ is None:
            message = f"{describe(left.type)} {sign} {describe(right.type)} makes no sense"
            raise refuse("E340", column_of(tree), message, _hint(sign, left, right))
        left, right, basis = units.in_one_unit(sign, left, right, column_of(tree))
        made = Typed(Binary(operator=sign, left=left.node, right=right.node, type=type_), basis)
        if sign == "/" and operators.key_of(left.type) is Kind.MONEY and right.basis:
            return Typed(units.converted(made, right.basis, divide=False), None)
        return made

    def _time(self, sign: str, left: Typed, right: Typed) -> Typed | None:
        if sign == "-":
            days = operators.difference_of_days(left.type, right.type)
            if days is not None:
                name = "days_between" if days.kind is Kind.NUMBER else "seconds_between"
                return Typed(Call(function=name, arguments=(left.node, right.node), type=days))
        if sign == "+" and left.type.kind is Kind.DURATION:
            left, right = right, left
        if sign not in "+-" or right.type.kind is not Kind.DURATION:
            return None
        return _shifted(left, right, negative=sign == "-")

    def _logic(self, tree: ast.expr, frame: Frame, expect: Type | None) -> Typed:
        assert isinstance(tree, ast.BoolOp)
        sign = "and" if isinstance(tree.op, ast.And) else "or"
        found = [self.condition(v, frame).node for v in tree.values]
        node = found[0]
        for other in found[1:]:
            node = Binary(operator=sign, left=node, right=other, type=CONDITION)
        return Typed(node)

    def _compare(self, tree: ast.expr, frame: Frame, expect: Type | None) -> Typed:
        assert isinstance(tree, ast.Compare)
        parts: list[Node] = []
        left = tree.left
        for sign, right in zip(tree.ops, tree.comparators, strict=True):
            if isinstance(sign, ast.In | ast.NotIn):
                node: Node = self._membership(left, right, frame)
                node = node if isinstance(sign, ast.In) else Unary(operator="not", operand=node, type=CONDITION)
            else:
                node = self._comparison(_COMPARISON[type(sign)], left, right, frame)
            parts.append(node)
            left = right
        node = parts[0]
        for other in parts[1:]:
            node = Binary(operator="and", left=node, right=other, type=CONDITION)
        return Typed(node)

    def _comparison(self, sign: str, left: ast.expr, right: ast.expr, frame: Frame) -> Node:
        one, two = self._pair(left, right, frame)
        if not operators.comparable(sign, one, two):
            message = f"{describe(one.type)} cannot be compared with {describe(two.type)} by {sign}"
            raise refuse("E341", column_of(left), message)
        one, two, _ = units.in_one_unit(sign, one, two, column_of(left))
        return Binary(operator=sign, left=one.node, right=two.node, type=CONDITION)

    def _pair(self, left: ast.expr, right: ast.expr, frame: Frame) -> tuple[Typed, Typed]:
        """Both sides; a side that can only be an option, a text or a date is read in the light of the other."""
        if self._open(left, frame) and not self._open(right, frame):
            two = self.value(right, frame)
            return self.value(left, frame, two.type), two
        one = self.value(left, frame)
        return one, self.value(right, frame, one.type)

    def _open(self, tree: ast.expr, frame: Frame) -> bool:
        if isinstance(tree, ast.Name):
            return not self.names.is_known(tree.id, frame) and tree.id not in ("true", "false")
        return isinstance(tree, ast.Constant) and isinstance(tree.value, str)

    def _membership(self, left: ast.expr, right: ast.expr, frame: Frame) -> Node:
        one = self.value(left, frame)
        if one.type.kind is Kind.YES_NO:
            raise refuse("E341", column_of(left), "a condition is not looked up in a list")
        if isinstance(right, ast.Tuple | ast.List):
            items = [self.value(item, frame, one.type) for item in right.elts]
            for item, source in zip(items, right.elts, strict=True):
                if not operators.comparable("==", one, item):
                    message = f"{describe(item.type)} cannot equal {describe(one.type)}"
                    raise refuse("E341", column_of(source), message)
            several = Several(items=tuple(i.node for i in items), type=replace(one.type, many=True))
            return Binary(operator="in", left=one.node, right=several, type=CONDITION)
        many = self.value(right, frame)
        single = Typed(replace(many.node, type=replace(many.type, many=False)))
        if not many.type.many or not operators.comparable("==", one, single):
            raise refuse("E341", column_of(right), f"{describe(one.type)} cannot be in {describe(many.type)}")
        return Binary(operator="in", left=one.node, right=many.node, type=CONDITION)

    def _conditional(self, tree: ast.expr, frame: Frame, expect: Type | None) -> Typed:
        assert isinstance(tree, ast.IfExp)
        test = self.condition(tree.test, frame)
        then = self.value(tree.body, frame, expect)
        otherwise = self.value(tree.orelse, frame, expect or then.type)
        type_ = operators.common([then, otherwise])
        if type_ is None:
            message = f"one branch gives {describe(then.type)}, the other {describe(otherwise.type)}"
            raise refuse("E340", column_of(tree), message)
        (one, two), basis = units.one_basis([then, otherwise])
        return Typed(Conditional(test=test.node, then=one.node, otherwise=two.node, type=type_), basis)

    # -- calls

    def _call(self, tree: ast.expr, frame: Frame, expect: Type | None) -> Typed:
        assert isinstance(tree, ast.Call)
        assert isinstance(tree.func, ast.Name)
        name = tree.func.id
        if name in BALANCES:
            return self.sets.balance(name, tree, frame)
        if name in CLOCKS:
            self._count(name, tree, 0, 0)
            self.seen.live = True
            return Typed(Clock(name=name, type=CLOCKS[name]))
        if name in AGGREGATES and self.sets.is_aggregate(name, tree, frame):
            return self.sets.aggregate(name, tree, frame)
        if name not in FUNCTIONS:
            known = {*FUNCTIONS, *AGGREGATES, *BALANCES, *CLOCKS}
            raise refuse("E332", column_of(tree), f"there is no function {name}", did_you_mean(name, known))
        return self._function(name, tree, frame, expect)

    def _count(self, name: str, tree: ast.Call, least: int, most: int) -> None:
        if tree.keywords or not least <= len(tree.args) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise refuse("E333", column_of(tree), f"{name} takes {wanted} arguments")

    def _function(self, name: str, tree: ast.Call, frame: Frame, expect: Type | None) -> Typed:
        spec = FUNCTIONS[name]
        self._count(name, tree, spec.least, spec.most)
        args = self._arguments(name, tree.args, frame, expect)
        type_ = spec.rule(args, self.scope.money_scale)
        if isinstance(type_, str):
            raise refuse("E340", column_of(tree), f"{name}: {type_}")
        if name == "convert":
            return Typed(units.into_unit(args[0], args[1], column_of(tree)))
        basis = None
        if name in ("min", "max", "coalesce"):
            args, basis = units.one_basis(args)
        elif name in ("abs", "round", "round_up", "round_down"):
            basis = args[0].basis
        return Typed(Call(function=name, arguments=tuple(a.node for a in args), type=type_), basis)

    def _arguments(self, name: str, trees: Sequence[ast.expr], frame: Frame, expect: Type | None) -> list[Typed]:
        if name in ("start_of", "end_of"):
            return [self.value(trees[0], frame), self.value(trees[1], frame, choice(*DATE_UNITS))]
        if name != "coalesce":
            return [self.value(t, frame) for t in trees]
        first = self.value(trees[0], frame, expect)
        return [first, *(self.value(t, frame, expect or first.type) for t in trees[1:])]


def dotted(tree: ast.expr) -> tuple[str, ...]:
    """The parts of a dotted name (``read_syntax`` made sure there is nothing else)."""
    parts: list[str] = []
    while isinstance(tree, ast.Attribute):
        parts.append(tree.attr)
        tree = tree.value
    assert isinstance(tree, ast.Name)
    return (tree.id, *reversed(parts))


_DATE_STEPS = {"days": "add_days", "weeks": "add_days", "months": "add_months", "workdays": "add_workdays"}


def _shifted(start: Typed, length: Typed, *, negative: bool) -> Typed | None:
    node = length.node
    step = node.function if isinstance(node, Call) and node.function in STEPS else ""
    amount = node.arguments[0] if isinstance(node, Call) and step else node
    name = ""
    if start.type.kind is Kind.DATE:
        name = _DATE_STEPS.get(step, "")
        if step == "weeks":
            seven = Literal(value=Decimal(7), type=Type(kind=Kind.NUMBER, nullable=False))
            amount = Binary(operator="*", left=amount, right=seven, type=amount.type)
    elif start.type.kind is Kind.MOMENT and step not in ("months", "workdays"):
        name, amount = "add_seconds", node
    if not name:
        return None
    if negative:
        amount = Unary(operator="-", operand=amount, type=amount.type)
    base = DATE if start.type.kind is Kind.DATE else MOMENT
    type_ = replace(base, nullable=start.type.nullable or length.type.nullable)
    working = (WORKING_DAYS,) if name == "add_workdays" else ()
    return Typed(Call(function=name, arguments=(start.node, amount, *working), type=type_))


def _hint(sign: str, left: Typed, right: Typed) -> str:
    if sign in "+-" and left.type.kind is Kind.DATE and right.type.kind is Kind.NUMBER:
        return "write date + days(n)"
    return ""
