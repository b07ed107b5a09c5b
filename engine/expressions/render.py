"""Tree back to text, for people: steps of an explanation, messages, what an input is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from engine.expressions.tree import (
    Aggregate,
    Balance,
    Binary,
    Call,
    Clock,
    Conditional,
    Convert,
    Literal,
    Node,
    Path,
    Rows,
    Several,
    Unary,
    UnitRatio,
)
from engine.expressions.types import Kind

_BINDS = {"or": 1, "and": 2, "in": 4, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5}
_SHIFTS = {"add_days": "days", "add_months": "months", "add_workdays": "workdays"}
_TIGHT = 6
_ATOM = 9


def render(node: Node) -> str:
    """The text of a tree; reading it again gives an equal one (units and options aside)."""
    return _WRITERS[type(node)](node)


def _binds(node: Node) -> int:
    match node:
        case Binary():
            return _BINDS.get(node.operator, _TIGHT)
        case Unary():
            return 3 if node.operator == "not" else 7
        case Conditional():
            return 0
        case Call() if node.function in (*_SHIFTS, "add_seconds", "days_between", "seconds_between"):
            return 5
        case _:
            return _ATOM


def _inside(node: Node, least: int) -> str:
    made = render(node)
    return made if _binds(node) >= least else f"({made})"


def _literal(node: Literal) -> str:
    value = node.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if node.type.kind is Kind.CHOICE:
        return str(value)
    return "nothing" if value is None else f'"{value.isoformat() if isinstance(value, date) else value}"'


def _path(node: Path) -> str:
    if node.root == "record":
        return ".".join(node.steps) or "this"
    return ".".join((node.root, *node.steps))


def _unary(node: Unary) -> str:
    return f"not {_inside(node.operand, 4)}" if node.operator == "not" else f"-{_inside(node.operand, 7)}"


def _binary(node: Binary) -> str:
    binds = _binds(node)
    return f"{_inside(node.left, binds)} {node.operator} {_inside(node.right, binds + 1)}"


def _conditional(node: Conditional) -> str:
    return f"{_inside(node.then, 1)} if {_inside(node.test, 1)} else {render(node.otherwise)}"


def _call(node: Call) -> str:
    args = [render(a) for a in node.arguments]
    if node.function in ("days_between", "seconds_between"):
        return f"{_inside(node.arguments[0], 5)} - {_inside(node.arguments[1], 6)}"
    if node.function in _SHIFTS or node.function == "add_seconds":
        by = node.arguments[1]
        sign, by = ("-", by.operand) if isinstance(by, Unary) else ("+", by)
        length = render(by) if node.function == "add_seconds" else f"{_SHIFTS[node.function]}({render(by)})"
        return f"{_inside(node.arguments[0], 5)} {sign} {length}"
    return f"{node.function}({', '.join(args)})"


def _several(node: Several) -> str:
    return f"({', '.join(render(i) for i in node.items)}{',' if len(node.items) == 1 else ''})"


def _converted(node: Convert) -> str:
    return render(node.operand)


def _ratio(node: UnitRatio) -> str:
    return f"{render(node.unit)}"


def _rows(rows: Rows) -> str:
    if rows.kind == "given":
        return ""
    if rows.base is None:
        return rows.entity
    base = ".".join(([] if rows.base.root == "record" else [rows.base.root]) + list(rows.base.steps))
    name = rows.by if rows.kind != "reverse" else f"{rows.entity} by {rows.by}"
    return f"{base}.{name}" if base else name


def _aggregate(node: Aggregate) -> str:
    rows, value = _rows(node.rows), "" if node.value is None else render(node.value)
    parts = [".".join(p for p in (rows, value) if p)]
    if node.where is not None:
        parts.append(f"where={render(node.where)}")
    if node.order:
        keys = [("-" if o.descending else "") + render(o.key) for o in node.order]
        parts.append(f"order={keys[0] if len(keys) == 1 else '(' + ', '.join(keys) + ')'}")
    return f"{node.function}({', '.join(p for p in parts if p)})"


def _balance(node: Balance) -> str:
    parts = [f"{node.ledger}.{node.measure}"]
    parts += [f"{name}={render(value)}" for name, value in (*node.dimensions, *node.options)]
    if node.where is not None:
        parts.append(f"where={render(node.where)}")
    return f"{node.function}({', '.join(parts)})"


_WRITERS: Mapping[type[Any], Callable[[Any], str]] = {
    Literal: _literal,
    Path: _path,
    Clock: lambda node: f"{node.name}()",
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    Call: _call,
    Several: _several,
    Convert: _converted,
    UnitRatio: _ratio,
    Aggregate: _aggregate,
    Balance: _balance,
}
