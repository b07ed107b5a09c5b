"""The JavaScript reading: a tree becomes the source of a pure function, for instant results in forms.

``javascript(expr)`` gives ``(v, D) => …``: ``v`` the values of ``expr.inputs`` in their order, ``D`` the module
``decimal.ts``. Texts of the template only appear as JSON literals.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from engine.expressions.tree import (
    Binary,
    Call,
    Conditional,
    Convert,
    Expr,
    Literal,
    Node,
    Several,
    Unary,
    may_be_ratio,
)
from engine.expressions.types import Kind

_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "rem"}
_COMPARE = {
    "==": "D.eq({0}, {1})",
    "!=": "!D.eq({0}, {1})",
    "<": "D.lt({0}, {1})",
    "<=": "D.le({0}, {1})",
    ">": "D.lt({1}, {0})",
    ">=": "D.le({1}, {0})",
}


@dataclass(slots=True)
class _Writer:
    inputs: Mapping[Node, str]

    def write(self, node: Node) -> str:
        name = self.inputs.get(node)
        if name is None:
            return _WRITERS[type(node)](self, node)
        return f"D.plain({name})" if may_be_ratio(node) else name


def javascript(expr: Expr) -> str:
    """The source of ``expr`` as a function of ``v`` (values of its inputs) and ``D`` (``decimal.ts``)."""
    writer = _Writer({node: f"v[{index}]" for index, node in enumerate(expr.inputs)})
    return f"(v, D) => {writer.inputs.get(expr.tree) or writer.write(expr.tree)}"


def _literal(writer: _Writer, node: Literal) -> str:
    value = node.value
    if isinstance(value, Decimal):
        return f'D.num("{value:f}")'
    if isinstance(value, datetime):
        return json.dumps(value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    plain = value if value is None or isinstance(value, bool | int | str) else value.isoformat()
    return json.dumps(plain).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _unary(writer: _Writer, node: Unary) -> str:
    inner = writer.write(node.operand)
    return f"({inner} !== true)" if node.operator == "not" else f"D.neg({inner})"


def _binary(writer: _Writer, node: Binary) -> str:
    left = writer.write(node.left)
    if node.operator in ("and", "or"):
        sign = "&&" if node.operator == "and" else "||"
        return f"({left} === true {sign} {writer.write(node.right)} === true)"
    if node.operator == "in":
        return _membership(writer, left, node.right)
    right = writer.write(node.right)
    if node.operator in _COMPARE:
        return f"({_COMPARE[node.operator].format(left, right)})"
    if node.type.kind is Kind.TEXT:
        return f"D.cat({left}, {right})"
    return f"D.{_ARITHMETIC[node.operator]}({left}, {right}, {node.type.scale})"


def _membership(writer: _Writer, left: str, right: Node) -> str:
    if isinstance(right, Several):
        return f"[{', '.join(writer.write(item) for item in right.items)}].some((x) => D.eq({left}, x))"
    return f"D.member({left}, {writer.write(right)})"


def _conditional(writer: _Writer, node: Conditional) -> str:
    test, then, otherwise = (writer.write(n) for n in (node.test, node.then, node.otherwise))
    return f"({test} === true ? {then} : {otherwise})"


def _call(writer: _Writer, node: Call) -> str:
    args = [writer.write(a) for a in node.arguments]
    if node.function == "coalesce":
        return f"({' ?? '.join(args)})"
    return f"D.fn.{node.function}({', '.join([str(node.type.scale), *args])})"


def _converted(writer: _Writer, node: Convert) -> str:
    operand, ratio = writer.write(node.operand), writer.write(node.ratio)
    return f"D.convert({operand}, {ratio}, {node.type.scale}, {'true' if node.divide else 'false'})"


_WRITERS: Mapping[type[Any], Callable[[_Writer, Any], str]] = {
    Literal: _literal,
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    Call: _call,
    Convert: _converted,
}
