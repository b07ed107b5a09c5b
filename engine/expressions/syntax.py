"""Text to a syntax tree that holds only what the language knows.

Python's own parser reads the text; nothing is ever compiled or run from it. Everything outside the white list is
refused by its own code, and sizes are bounded before and after parsing, so a hostile text costs next to nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from types import MappingProxyType

from engine.expressions.problems import CODES, ExpressionProblem, ExpressionProblems

MAX_LENGTH = 500
MAX_DEPTH = 40
MAX_NODES = 400
MAX_WHOLE_DIGITS = 18
MAX_DECIMALS = 10
_NESTING = 60

_STRINGS = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_ODD_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?=[A-Za-z_])")
_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?\Z")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")

_REFUSED: tuple[tuple[tuple[type[ast.AST], ...], str], ...] = (
    ((ast.Pow,), "E307"),
    ((ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift, ast.Invert), "E308"),
    ((ast.Subscript, ast.Slice), "E310"),
    ((ast.Lambda,), "E311"),
    ((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension), "E312"),
    ((ast.JoinedStr, ast.FormattedValue), "E313"),
    ((ast.Is, ast.IsNot), "E314"),
    ((ast.NamedExpr,), "E315"),
    ((ast.FloorDiv, ast.MatMult), "E321"),
)
_CODE_OF: Mapping[type[ast.AST], str] = MappingProxyType({kind: code for kinds, code in _REFUSED for kind in kinds})
_ALLOWED = (
    ast.Name, ast.Attribute, ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call,
    ast.keyword, ast.Tuple, ast.List, ast.Load, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip


def refuse(code: str, column: int = 0, message: str = "", hint: str = "") -> ExpressionProblems:
    """The problem as an exception; ``message`` defaults to the code's own sentence."""
    return ExpressionProblems((ExpressionProblem(code=code, message=message or CODES[code], hint=hint, column=column),))


def read_syntax(text: str) -> ast.expr:
    """The syntax tree of ``text``; raises ``ExpressionProblems`` with every refused construct."""
    if len(text) > MAX_LENGTH:
        raise refuse("E302", message=f"the expression has {len(text)} characters, at most {MAX_LENGTH} are allowed")
    plain = text.replace("\r", " ").replace("\n", " ").replace("\t", " ")
    bare = _STRINGS.sub(lambda m: " " * len(m.group()), plain)
    _check_text(bare)
    lead = len(plain) - len(plain.lstrip())
    tree = _parse(plain.strip(), lead)
    problems = _check_tree(tree, plain.strip().encode(), lead)
    if problems:
        raise ExpressionProblems(problems)
    return tree


def column_of(node: ast.AST) -> int:
    """Where the node starts; bytes and characters agree for all but quoted texts."""
    return getattr(node, "col_offset", 0)


def number_text(source: ast.Constant) -> str:
    """The digits as written (kept by ``read_syntax``), so a number never goes through a float."""
    return source.kind or str(source.value)


def _check_text(bare: str) -> None:
    if not bare.strip():
        raise refuse("E301", message="the expression is empty")
    if "\\" in bare or "\0" in bare or "#" in bare:
        raise refuse("E320", message="backslashes, NUL and comments are not part of the language")
    if found := _ODD_NUMBER.search(bare):
        raise refuse("E306", found.start(), f"cannot read the number at {bare[found.start() : found.end() + 3]!r}")
    depth = deepest = 0
    for sign in bare:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    if deepest > _NESTING:
        raise refuse("E303", message=f"{deepest} brackets inside each other")


def _parse(text: str, lead: int) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as wrong:
        column = lead + max((wrong.offset or 1) - 1, 0)
        raise refuse("E301", column, f"cannot be read as an expression: {wrong.msg}") from None
    except (RecursionError, MemoryError):
        raise refuse("E303") from None
    except ValueError as wrong:
        raise refuse("E304", message=f"cannot be read: {wrong}"[:120]) from None


def _check_tree(tree: ast.expr, source: bytes, lead: int) -> list[ExpressionProblem]:
    problems: list[ExpressionProblem] = []
    stack: list[tuple[ast.AST, int]] = [(tree, 1)]
    seen = 0
    while stack:
        node, depth = stack.pop()
        seen += 1
        if seen > MAX_NODES or depth > MAX_DEPTH:
            return [ExpressionProblem(code="E303", message=CODES["E303"], column=lead + column_of(node))]
        if code := _fault(node, source):
            at = lead + column_of(node)
            if not any(p.code == code for p in problems):
                problems.append(ExpressionProblem(code=code, message=CODES[code], column=at))
            continue
        stack.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
    return sorted(problems, key=lambda p: p.column)


def _fault(node: ast.AST, source: bytes) -> str:
    code = _CODE_OF.get(type(node), "")
    if code:
        return code
    if not isinstance(node, _ALLOWED):
        return "E320"
    check = _CHECKS.get(type(node))
    return check(node, source) if check else ""


def _check_name(node: ast.AST, source: bytes) -> str:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    if not _NAME.match(name):
        return "E322"
    if isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Name | ast.Attribute):
        return "E310" if isinstance(node.value, ast.Subscript) else "E316"
    return ""


def _check_call(node: ast.AST, source: bytes) -> str:
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return "E316" if isinstance(node.func.value, ast.Call) else "E309"
    if not isinstance(node.func, ast.Name):
        return _CODE_OF.get(type(node.func), "E316")
    starred = any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords)
    return "E320" if starred else ""


def _check_constant(node: ast.AST, source: bytes) -> str:
    if not isinstance(node, ast.Constant):
        return ""
    value = node.value
    if value is None:
        return "E305"
    if isinstance(value, bool | str):
        return ""
    if not isinstance(value, int | float):
        return "E320" if value is Ellipsis or isinstance(value, bytes) else "E306"
    written = source[node.col_offset : node.end_col_offset].decode()
    match = _NUMBER.match(written)
    if not match:
        return "E306"
    if len(match[1].lstrip("0")) > MAX_WHOLE_DIGITS or len(match[2] or "") > MAX_DECIMALS:
        return "E304"
    node.kind = written
    return ""


_CHECKS = {ast.Name: _check_name, ast.Attribute: _check_name, ast.Call: _check_call, ast.Constant: _check_constant}
