"""Aggregates over rows in memory (lines of a record being saved): the same answers the database gives.

Whoever has the rows evaluates ``inner_inputs`` for each of them and hands the values over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from engine.expressions.parse import inputs_of
from engine.expressions.python import compile_python
from engine.expressions.tree import Aggregate, Expr, Node, Scalar
from engine.expressions.values import WIDE, divide, fit


def inner_parts(node: Aggregate) -> tuple[Node, ...]:
    """What is evaluated for each row: value, condition, order keys (those there are)."""
    inner = (node.value, node.where, *(o.key for o in node.order))
    return tuple(n for n in inner if n is not None)


def inner_inputs(node: Aggregate) -> tuple[Node, ...]:
    """The inputs of all inner parts, each once, in order of first use."""
    return tuple(dict.fromkeys(i for part in inner_parts(node) for i in inputs_of(part)))


def evaluate_rows(node: Aggregate, rows: Sequence[Sequence[Scalar]]) -> Scalar:
    """The aggregate over ``rows``, each the values of ``inner_inputs(node)``, in the rows' own order."""
    names = inner_inputs(node)
    kept: list[tuple[list[Any], Scalar]] = []
    value = None if node.value is None else _compiled(node.value)
    where = None if node.where is None else _compiled(node.where)
    keys = [(_compiled(o.key), o.descending) for o in node.order]
    for row in rows:
        given = dict(zip(names, row, strict=True))
        if where is None or where(given) is True:
            kept.append(([key(given) for key, _ in keys], True if value is None else value(given)))
    for position in range(len(keys) - 1, -1, -1):
        _sort(kept, position, descending=keys[position][1])
    return COMBINED[node.function](node, [v for _, v in kept])


def _sort(kept: list[tuple[list[Any], Scalar]], position: int, *, descending: bool) -> None:
    """A stable sort by one key, empties last either way."""
    there = [entry for entry in kept if entry[0][position] is not None]
    empties = [entry for entry in kept if entry[0][position] is None]
    groups: dict[Any, list[tuple[list[Any], Scalar]]] = {}
    for entry in there:
        groups.setdefault(entry[0][position], []).append(entry)
    ordered = [entry for key in sorted(groups, reverse=descending) for entry in groups[key]]
    kept[:] = [*ordered, *empties]


def _compiled(node: Node) -> Callable[[Mapping[Node, Scalar]], Scalar]:
    expr = Expr(text="", tree=node, type=node.type, inputs=inputs_of(node))
    function = compile_python(expr)
    return lambda given: function([given[i] for i in expr.inputs])


def _there(values: Sequence[Scalar]) -> list[Any]:
    return [v for v in values if v is not None]


def _sum(node: Aggregate, values: Sequence[Scalar]) -> Scalar:
    total = Decimal(0)
    for value in _there(values):
        total = WIDE.add(total, value)
    return fit(total, node.type.scale)


def _average(node: Aggregate, values: Sequence[Scalar]) -> Scalar:
    there = _there(values)
    total = Decimal(0)
    for value in there:
        total = WIDE.add(total, value)
    return divide(total, Decimal(len(there)), node.type.scale)


def _join(node: Aggregate, values: Sequence[Scalar]) -> Scalar:
    there = _there(values)
    return node.separator.join(there) if there else None


COMBINED: Mapping[str, Callable[[Aggregate, Sequence[Scalar]], Scalar]] = MappingProxyType(
    {
        "sum": _sum,
        "count": lambda node, values: Decimal(len(_there(values))),
        "min": lambda node, values: min(_there(values), default=None),
        "max": lambda node, values: max(_there(values), default=None),
        "avg": _average,
        "any": lambda node, values: any(v is True for v in values),
        "first": lambda node, values: values[0] if values else None,
        "join": _join,
    }
)
