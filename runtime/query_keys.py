"""Conditions people type that name a record by its code: the record is looked up first, and the reference compared.

``partner.code == "S6"`` is true of the rows that refer to the record of this code. Said so, an index of the reference
serves it, and what is asked stays the same statement whichever code it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Select, Table, Text, bindparam, select

from engine.expressions.render import render
from engine.expressions.tree import Binary, Expr, Literal, Node, Path
from runtime.columns import is_link
from runtime.context import RunContext
from runtime.model_scope import parse_filter
from runtime.prepared import Statement, prepare_statement
from runtime.query_columns import column_if_seen

CODE = "code"


@dataclass(frozen=True, slots=True)
class Condition:
    """A typed condition. ``codes``: references with the code each must name; ``rest``: what it says beside them, whose
    canonical text is ``text``."""

    codes: tuple[tuple[str, str], ...]
    rest: Expr | None
    text: str


NONE = Condition((), None, "")


def read_condition(ctx: RunContext, entity: str, text: str) -> Condition:
    """A condition over ``entity`` ("" = none), read once for all who may know the same fields."""
    if not text.strip():
        return NONE
    key = (entity, text, ctx.user.roles, ctx.user.is_system)
    return ctx.app.programs.latest("list conditions", key, lambda: _read(ctx, entity, parse_filter(ctx, entity, text)))


def _read(ctx: RunContext, entity: str, expr: Expr) -> Condition:
    codes: list[tuple[str, str]] = []
    left: Node | None = None
    for part in _parts(expr.tree):
        found = _code_of(ctx, entity, part)
        if found is not None:
            codes.append(found)
        else:
            left = part if left is None else Binary(operator="and", left=left, right=part, type=expr.type)
    rest = expr if left is expr.tree else None if left is None else replace(expr, text="", tree=left)
    return Condition(tuple(codes), rest, "" if left is None else render(left))


def _parts(node: Node) -> Iterator[Node]:
    """What must hold all together."""
    if isinstance(node, Binary) and node.operator == "and":
        yield from _parts(node.left)
        yield from _parts(node.right)
    else:
        yield node


def _code_of(ctx: RunContext, entity: str, node: Node) -> tuple[str, str] | None:
    """The reference and the code it must name, where that is what a part of a condition says."""
    if not isinstance(node, Binary) or node.operator != "==":
        return None
    path, code = (node.left, node.right) if isinstance(node.left, Path) else (node.right, node.left)
    if not isinstance(path, Path) or not isinstance(code, Literal) or not isinstance(code.value, str) or not code.value:
        return None
    if path.root != "record" or len(path.steps) != 2 or path.steps[1] != CODE:
        return None
    column = column_if_seen(ctx, entity, path.steps[0])
    own = ctx.app.tables.entity[entity].c
    if column is None or not column.target or is_link(column.field) or column.path not in own:
        return None
    target = ctx.app.tables.entity.get(column.target)
    return (column.path, code.value) if target is not None and _is_key(target) else None


def _is_key(table: Table) -> bool:
    """Whether codes of a table name one record each, those in the bin aside."""
    return any(index.unique and [c.name for c in index.columns] == [CODE] for index in table.indexes)


def ids_of_code(ctx: RunContext, entity: str, code: str) -> tuple[int, ...]:
    """The records of a code, the living one first; those in the bin may have had the same."""
    table = ctx.app.tables.entity[entity]
    statement = ctx.app.programs.keep(("ids of code", entity), lambda: _by_code(ctx, table))
    return tuple(row[0] for row in statement.fetch(ctx, {"code": code}))


def _by_code(ctx: RunContext, table: Table) -> Statement:
    found: Select[tuple[int]] = select(table.c.id).where(table.c.code == bindparam("code", type_=Text()))
    binned = [table.c.deleted_at.is_not(None)] if "deleted_at" in table.c else []
    return prepare_statement(ctx, found.order_by(*binned, table.c.id.desc()), (table.c.id,))
