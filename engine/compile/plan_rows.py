"""Expressions over the rows of a plan, as expressions on the item: a plan has no table of its own.

What only the plan knows (how much, when) become names of their own, ``plan.need_date``; all else is read from the item.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from engine.expressions.parse import inputs_of
from engine.expressions.tree import Expr, Node, Path
from engine.model import Message

ITEM = "item"
OWN = ("qty", "short_qty", "need_date", "order_date", "place", "late", "late_days")
"""Names of a plan row besides the item."""


def root_of(name: str) -> str:
    """What a name of the plan's own is called in an expression on the item."""
    return f"plan.{name}"


def on_item(expr: Expr, plan: str, entity: str) -> Expr:
    """The expression with the plan's names as names of their own and the rest standing on the item."""
    tree = mapped(expr.tree, lambda path: _moved(path, plan, entity))
    return replace(expr, tree=tree, inputs=inputs_of(tree))


def message_on_item(message: Message, plan: str, entity: str) -> Message:
    """A message whose expressions stand on the item."""

    def moved(piece: str | Expr) -> str | Expr:
        return on_item(piece, plan, entity) if isinstance(piece, Expr) else piece

    return Message(zh=tuple(map(moved, message.zh)), en=tuple(map(moved, message.en)))


def _moved(path: Path, plan: str, entity: str) -> Path:
    if path.root not in ("record", "this") or path.entity != f"plan.{plan}" or not path.steps:
        return path
    first, rest = path.steps[0], path.steps[1:]
    if first == ITEM:
        return replace(path, entity=entity, steps=rest)
    if first in OWN and not rest:
        return replace(path, root=root_of(first), entity="", steps=())
    return replace(path, entity=entity)


def mapped(node: Node, change: Callable[[Path], Path]) -> Node:
    """The tree with every path changed."""
    return _mapped(node, change)  # type: ignore[no-any-return]


def _mapped(value: Any, change: Callable[[Path], Path]) -> Any:
    if isinstance(value, Path):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_mapped(one, change) for one in value)
    if is_dataclass(value) and not isinstance(value, type) and type(value).__module__ == Path.__module__:
        new = {f.name: _mapped(getattr(value, f.name), change) for f in fields(value)}
        return replace(value, **new)
    return value
