"""Expressions written with the old id of a renamed field, carried over to the new one."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

from engine.compile.bench import Bench
from engine.expressions.parse import make_expr
from engine.expressions.tree import Expr, Node, Path


def renamed(bench: Bench, expr: Expr) -> Expr:
    """The expression with current ids in its paths."""
    tree = cast(Node, _renamed(bench, expr.tree))
    if tree == expr.tree:
        return expr
    return make_expr(expr.text, tree, live=expr.live, secrecy=expr.secrecy)


def _renamed(bench: Bench, value: Any) -> Any:
    if isinstance(value, Path):
        return replace(value, steps=_steps(bench, value))
    if isinstance(value, tuple):
        return tuple(_renamed(bench, each) for each in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {each.name: _renamed(bench, getattr(value, each.name)) for each in fields(value)}
    return replace(value, **changed)


def _steps(bench: Bench, path: Path) -> tuple[str, ...]:
    done: list[str] = []
    rest = list(path.steps)
    entity = path.entity
    if path.root == "settings" and rest:
        entity = rest[0]
        done.append(rest.pop(0))
    for step in rest:
        draft = bench.draft(entity, step)
        owner = bench.entities.get(entity)
        if draft is None:
            done.append(step)
            entity = owner.parent if step == "parent" and owner is not None else ""
            continue
        done.append(draft.id)
        info = bench.ask(draft)
        entity = info.lines or (info.type.targets[0] if info.type.targets else "")
    return tuple(done)
