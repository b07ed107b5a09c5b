"""The Python reading: a tree becomes one Python function over the values of its inputs.

The source is made from the tree alone and names nothing but its own values and the tables here, so no text of a
template can reach it. Branches stay lazy, so a quotient that is not taken cannot overflow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import InvalidOperation
from typing import Any, cast

from engine.expressions import values
from engine.expressions.problems import ExpressionOverflow
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
    may_be_ratio,
)
from engine.expressions.types import Kind
from engine.expressions.values import round_to

__all__ = ["compile_python", "round_to"]

Function = Callable[[Any], Scalar]

_ARITHMETIC = {"+": "_add", "-": "_sub", "*": "_mul", "/": "_div", "%": "_rem"}
_YES_NO = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "and", "or", "not", "empty", "contains", "starts_with"})
_GLOBALS: Mapping[str, Any] = {
    "__builtins__": {},
    "None": None,
    "_add": values.WIDE.add,
    "_sub": values.WIDE.subtract,
    "_mul": values.WIDE.multiply,
    "_div": values.WIDE.divide,
    "_rem": values.WIDE.remainder,
    "_minus": values.WIDE.minus,
    "_fit": values.NARROW.quantize,
    "_plain": values.plain,
    "_convert": values.convert,
    "_Invalid": InvalidOperation,
    "_Overflow": ExpressionOverflow,
    **{f"_s{scale}": step for scale, step in enumerate(values.STEPS)},
    **{f"_f_{name}": function for name, function in values.FUNCTION_VALUES.items()},
}


@dataclass(slots=True)
class _Writer:
    """Writes the source of one function."""

    inputs: Mapping[Node, str]
    constants: dict[str, Any] = field(default_factory=dict)
    locals: int = 0

    def write(self, node: Node) -> str:
        name = self.inputs.get(node)
        if name is None:
            return _WRITERS[type(node)](self, node)
        return f"_plain({name})" if may_be_ratio(node) else name

    def test(self, node: Node) -> str:
        """A condition that is never empty."""
        source = self.write(node)
        return source if _is_yes_no(node) else f"({source} is True)"

    def constant(self, value: Any) -> str:
        name = f"_c{len(self.constants)}"
        self.constants[name] = value
        return name

    def hold(self, node: Node) -> tuple[str, str]:
        """Source to evaluate first, and a name to use afterwards."""
        source = self.write(node)
        if source.isidentifier():
            return source, source
        name = f"_t{self.locals}"
        self.locals += 1
        return f"({name} := {source})", name

    def present(self, *nodes: Node) -> tuple[list[str], list[str]]:
        """Tests that are true when an operand is empty, and the operands' names."""
        tests, names = [], []
        for node in nodes:
            first, name = self.hold(node)
            names.append(name)
            if not (isinstance(node, Literal) and node.value is not None):
                tests.append(f"{first} is None")
        return tests, names


Source = tuple[str, ...] | Literal | Callable[[Any], Any]
"""Where an input comes from: the first of these fields that a record has, always this, or what a function gives."""


def compile_python(expr: Expr, sources: Sequence[Source] = ()) -> Function:
    """``expr`` as a function over the values of ``expr.inputs``, in their order; raises ``ExpressionOverflow``.

    ``sources``: where each input comes from; then the function is one over a record.
    """
    names = {node: f"_v{index}" for index, node in enumerate(expr.inputs)}
    writer = _Writer(names)
    body = names.get(expr.tree) or writer.write(expr.tree)
    values_of = f"({', '.join(_read(writer, source) for source in sources)},)" if sources else "_values"
    unpack = f"({', '.join(names.values())},) = {values_of}" if names else "pass"
    source = (
        f"def _function(_values):\n {unpack}\n try:\n  return {body}\n"
        " except _Invalid:\n  raise _Overflow('more than 38 digits') from None\n"
    )
    scope: dict[str, Any] = {**_GLOBALS, **writer.constants}
    exec(compile(source, "<expression>", "exec"), scope)
    return cast(Function, scope["_function"])


def _read(writer: _Writer, source: Source) -> str:
    if isinstance(source, Literal):
        return writer.constant(source.value)
    if not isinstance(source, tuple):
        return f"{writer.constant(source)}(_values)"
    text = f"_values.get({source[-1]!r})"
    for name in source[-2::-1]:
        text = f"_values.get({name!r}, {text})"
    return text


def _is_yes_no(node: Node) -> bool:
    match node:
        case Binary() | Unary():
            return node.operator in _YES_NO
        case Call():
            return node.function in _YES_NO
        case _:
            return isinstance(node, Literal) and isinstance(node.value, bool)


def _literal(writer: _Writer, node: Node) -> str:
    assert isinstance(node, Literal)
    return "None" if node.value is None else writer.constant(node.value)


def _unary(writer: _Writer, node: Node) -> str:
    assert isinstance(node, Unary)
    if node.operator == "not":
        return f"(not {writer.test(node.operand)})"
    tests, (name,) = writer.present(node.operand)
    return f"(None if {tests[0]} else _minus({name}))" if tests else f"_minus({name})"


def _binary(writer: _Writer, node: Node) -> str:
    assert isinstance(node, Binary)
    if node.operator in ("and", "or"):
        return f"({writer.test(node.left)} {node.operator} {writer.test(node.right)})"
    if node.operator in ("==", "!="):
        return f"({writer.write(node.left)} {node.operator} {writer.write(node.right)})"
    if node.operator == "in":
        return _membership(writer, node)
    tests, (left, right) = writer.present(node.left, node.right)
    if node.operator in _ARITHMETIC:
        return _arithmetic(node, tests, left, right)
    wanted = [f"{test.removesuffix(' is None')} is not None" for test in tests]
    return f"({' and '.join([*wanted, f'{left} {node.operator} {right}'])})"


def _arithmetic(node: Binary, tests: list[str], left: str, right: str) -> str:
    if node.type.kind is Kind.TEXT:
        made = f"{left} + {right}"
    else:
        made = f"_fit({_ARITHMETIC[node.operator]}({left}, {right}), _s{node.type.scale})"
    if node.operator in "/%":
        tests = [*tests, f"not {right}"]
    return f"(None if {' or '.join(tests)} else {made})" if tests else f"({made})"


def _membership(writer: _Writer, node: Binary) -> str:
    left, name = writer.hold(node.left)
    if isinstance(node.right, Several):
        items = [writer.write(item) for item in node.right.items]
        return f"({left} in ({', '.join(items)},))" if items else "False"
    right, many = writer.hold(node.right)
    return f"({left} is not None and {right} is not None and {name} in {many})"


def _conditional(writer: _Writer, node: Node) -> str:
    assert isinstance(node, Conditional)
    return f"({writer.write(node.then)} if {writer.test(node.test)} else {writer.write(node.otherwise)})"


def _call(writer: _Writer, node: Node) -> str:
    assert isinstance(node, Call)
    if node.function == "coalesce":
        return _coalesce(writer, node)
    args = "".join(f", {writer.write(a)}" for a in node.arguments)
    return f"_f_{node.function}({node.type.scale}{args})"


def _coalesce(writer: _Writer, node: Call) -> str:
    *early, last = node.arguments
    made = writer.write(last)
    for argument in reversed(early):
        first, name = writer.hold(argument)
        made = f"({name} if {first} is not None else {made})"
    return made


def _converted(writer: _Writer, node: Node) -> str:
    assert isinstance(node, Convert)
    operand, ratio = writer.write(node.operand), writer.write(node.ratio)
    return f"_convert({operand}, {ratio}, {node.type.scale}, divide_by={node.divide})"


_WRITERS: Mapping[type[Any], Callable[[_Writer, Node], str]] = {
    Literal: _literal,
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    Call: _call,
    Convert: _converted,
}
