"""The explained reading: simpleeval walks the expression and every step comes with its value.

This is where a person reads how a figure came about, and it is the oracle the other readings are tested against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from simpleeval import SimpleEval

from engine.expressions import values
from engine.expressions.functions import WORKING_DAYS
from engine.expressions.render import render
from engine.expressions.tree import (
    Binary,
    Call,
    Conditional,
    Convert,
    Expr,
    Literal,
    Node,
    Scalar,
    Several,
    Unary,
    children,
    may_be_ratio,
)
from engine.expressions.types import Kind

_ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "remainder"}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "add": values.add,
    "subtract": values.subtract,
    "multiply": values.multiply,
    "divide": values.divide,
    "remainder": values.remainder,
    "negate": values.negate,
    "concatenate": values.concatenate,
    "equal": values.equal,
    "less": values.less,
    "at_most": values.at_most,
    "member": values.member,
    "holds": lambda value: value is True,
    "times": lambda a, ratio, scale: values.convert(a, ratio, scale, divide_by=False),
    "by": lambda a, ratio, scale: values.convert(a, ratio, scale, divide_by=True),
    **{f"f_{name}": function for name, function in values.FUNCTION_VALUES.items()},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of the expression and what it gave. ``depth``: how far inside it stands; ``input``: it was looked up."""

    text: str
    value: Scalar
    depth: int
    input: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An expression, its value, and the steps to it, inner ones first. Branches not taken have no steps."""

    text: str
    value: Scalar
    steps: tuple[Step, ...]


@dataclass(slots=True)
class _Oracle:
    names: dict[str, Any]
    inputs: Mapping[Node, str]
    written: dict[Node, str] = field(default_factory=dict)

    def evaluate(self, node: Node) -> Scalar:
        source = self.write(node)
        evaluator = SimpleEval(functions=dict(_FUNCTIONS), names=self.names)
        return cast(Scalar, evaluator.eval(source))

    def write(self, node: Node) -> str:
        """The node in the words of simpleeval; constants and inputs are names."""
        name = self.inputs.get(node)
        return name if name is not None else _WRITERS[type(node)](self, node)

    def name(self, value: Any) -> str:
        made = f"c{len(self.names)}"
        self.names[made] = value
        return made


def explain(expr: Expr, given: Sequence[Scalar]) -> Explained:
    """How ``expr`` comes out for the values of its inputs; raises ``ExpressionOverflow``."""
    inputs = {node: f"v{index}" for index, node in enumerate(expr.inputs)}
    oracle = _Oracle(_names(inputs, given), inputs)
    steps = tuple(_steps(oracle, expr.tree, 0))
    return Explained(text=expr.text, value=oracle.evaluate(expr.tree), steps=steps)


def evaluate(expr: Expr, given: Sequence[Scalar]) -> Scalar:
    """The value alone."""
    inputs = {node: f"v{index}" for index, node in enumerate(expr.inputs)}
    return _Oracle(_names(inputs, given), inputs).evaluate(expr.tree)


def _names(inputs: Mapping[Node, str], given: Sequence[Scalar]) -> dict[str, Any]:
    pairs = zip(inputs.items(), given, strict=True)
    return {name: values.plain(value) if may_be_ratio(node) else value for (node, name), value in pairs}


def _steps(oracle: _Oracle, node: Node, depth: int) -> Iterator[Step]:
    if isinstance(node, Literal):
        return
    if node == WORKING_DAYS:
        return  # a calendar is no step: people read "3 working days"
    looked_up = node in oracle.inputs
    if not looked_up:
        for child in _taken(oracle, node):
            yield from _steps(oracle, child, depth + 1)
    if not isinstance(node, Several):
        yield Step(text=render(node), value=oracle.evaluate(node), depth=depth, input=looked_up)


def _taken(oracle: _Oracle, node: Node) -> tuple[Node, ...]:
    """The children that were looked at."""
    if isinstance(node, Conditional):
        return (node.test, node.then if oracle.evaluate(node.test) is True else node.otherwise)
    if isinstance(node, Binary) and node.operator in ("and", "or"):
        settled = (oracle.evaluate(node.left) is True) == (node.operator == "or")
        return (node.left,) if settled else (node.left, node.right)
    return children(node)


def _literal(oracle: _Oracle, node: Literal) -> str:
    return oracle.name(node.value)


def _unary(oracle: _Oracle, node: Unary) -> str:
    inner = oracle.write(node.operand)
    return f"(not holds({inner}))" if node.operator == "not" else f"negate({inner})"


def _binary(oracle: _Oracle, node: Binary) -> str:
    if node.operator in ("and", "or"):
        return f"(holds({oracle.write(node.left)}) {node.operator} holds({oracle.write(node.right)}))"
    if node.operator == "in":
        return _membership(oracle, node)
    left, right = oracle.write(node.left), oracle.write(node.right)
    if node.operator in _ARITHMETIC:
        if node.type.kind is Kind.TEXT:
            return f"concatenate({left}, {right})"
        return f"{_ARITHMETIC[node.operator]}({left}, {right}, {node.type.scale})"
    return _COMPARE[node.operator].format(left=left, right=right)


_COMPARE = {
    "==": "equal({left}, {right})",
    "!=": "(not equal({left}, {right}))",
    "<": "less({left}, {right})",
    "<=": "at_most({left}, {right})",
    ">": "less({right}, {left})",
    ">=": "at_most({right}, {left})",
}


def _membership(oracle: _Oracle, node: Binary) -> str:
    left = oracle.write(node.left)
    if isinstance(node.right, Several):
        tests = [f"equal({left}, {oracle.write(item)})" for item in node.right.items]
        return f"({' or '.join(tests)})" if tests else oracle.name(False)
    return f"member({left}, {oracle.write(node.right)})"


def _conditional(oracle: _Oracle, node: Conditional) -> str:
    test, then, otherwise = (oracle.write(n) for n in (node.test, node.then, node.otherwise))
    return f"({then} if holds({test}) else {otherwise})"


def _call(oracle: _Oracle, node: Call) -> str:
    args = "".join(f", {oracle.write(a)}" for a in node.arguments)
    return f"f_{node.function}({node.type.scale}{args})"


def _converted(oracle: _Oracle, node: Convert) -> str:
    operand, ratio = oracle.write(node.operand), oracle.write(node.ratio)
    return f"{'by' if node.divide else 'times'}({operand}, {ratio}, {node.type.scale})"


_WRITERS: Mapping[type[Any], Callable[[_Oracle, Any], str]] = {
    Literal: _literal,
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    Call: _call,
    Convert: _converted,
}
