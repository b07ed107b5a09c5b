"""Leaves and operators as the databases compute them: one row each in ``NODES``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Boolean, ColumnElement, Date, Text, and_, case, false, func, literal, or_, select, type_coerce

from engine.expressions.functions import WORKING_DAYS
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
    Several,
    Unary,
    UnitRatio,
)
from engine.expressions.types import Kind, Type
from runtime.columns import Moment
from runtime.sql_calls import CALLS
from runtime.sql_numbers import Value, whole
from runtime.sql_scope import NotInSql, Sql, again, targets_of
from runtime.sql_sets import aggregate, balance, unit_ratio
from runtime.working_days import working_days_sql

if TYPE_CHECKING:
    from runtime.sql import Compiler

_ORDER = frozenset({"<", "<=", ">", ">="})


def _literal(at: Compiler, node: Node) -> Value:
    return at.literal(node)


def _path(at: Compiler, node: Node) -> Value:
    assert isinstance(node, Path)
    return at.path(node)


def _clock(at: Compiler, node: Node) -> Value:
    assert isinstance(node, Clock)
    if node == WORKING_DAYS:
        given = at.scope.values.get(node.name)
        made = working_days_sql(at.scope.tables.system, at.scope.dialect) if given is None else cast(Sql, given)
        return Value(sql=made, never_empty=True)
    value = at.scope.today if node.name == "today" else at.scope.now
    if value is None:
        raise NotInSql(f"{node.name}() is not known to this statement")
    known = value if isinstance(value, ColumnElement) else literal(value, Date() if node.name == "today" else Moment())
    return Value(sql=known, never_empty=True)


def _unary(at: Compiler, node: Node) -> Value:
    assert isinstance(node, Unary)
    if node.operator == "not":
        return Value(sql=~at.condition(node.operand), never_empty=True)
    inner = at.value(node.operand)
    if inner.constant is not None:
        return whole(-inner.constant, inner.scale)
    return at.numbers.negate(inner)


def _binary(at: Compiler, node: Node) -> Value:
    assert isinstance(node, Binary)
    if node.operator in ("and", "or"):
        join = and_ if node.operator == "and" else or_
        return Value(sql=join(at.condition(node.left), at.condition(node.right)), never_empty=True)
    if node.operator in ("==", "!="):
        made = at.equal(node.operator, at.value(node.left), at.value(node.right), node.left.type)
        return Value(sql=made, never_empty=True)
    if node.operator in _ORDER:
        return Value(sql=func.coalesce(at.compared(node), false(), type_=Boolean()), never_empty=True)
    if node.operator == "in":
        return Value(sql=_membership(at, node), never_empty=True)
    if node.type.kind is Kind.TEXT:
        return Value(sql=type_coerce(at.value(node.left).sql, Text()).concat(at.value(node.right).sql))
    return at.numbers.arithmetic(node.operator, at.value(node.left), at.value(node.right), node.type.scale)


def _membership(at: Compiler, node: Binary) -> Sql:
    one = at.value(node.left)
    if isinstance(node.right, Several):
        return or_(false(), *(at.equal("==", one, at.value(item), node.left.type) for item in node.right.items))
    assert isinstance(node.right, Path)
    owner = at.path(replace(node.right, steps=node.right.steps[:-1], type=Type(kind=Kind.REFERENCE)))
    entity = _entity_at(at, node.right)
    link = again(at.scope.tables.links[entity, node.right.steps[-1]])
    chosen = select(link.c.value).where(link.c.owner == owner.sql).correlate_except(link)
    return func.coalesce(one.sql.in_(chosen), false(), type_=Boolean())


def _entity_at(at: Compiler, path: Path) -> str:
    """The entity that holds the last step of a path."""
    entity, steps = path.entity, path.steps
    if path.root == "settings":
        entity, steps = steps[0], steps[1:]
    for step in steps[:-1]:
        entity = targets_of(at.scope.model, entity, step)[0]
    return entity


def _conditional(at: Compiler, node: Node) -> Value:
    assert isinstance(node, Conditional)
    one, two = (at.scaled(n, node.type.scale) for n in (node.then, node.otherwise))
    made = case((at.condition(node.test), one.sql), else_=two.sql)
    entity = None
    if one.entity is not None and two.entity is not None:
        entity = case((at.condition(node.test), one.entity), else_=two.entity)
    return Value(sql=made, scale=node.type.scale, wide=one.wide or two.wide, entity=entity)


def _call(at: Compiler, node: Node) -> Value:
    assert isinstance(node, Call)
    made = CALLS.get(node.function)
    if made is None:
        raise NotInSql(f"{node.function}() is not computed in a database")
    return made(at, node)


def _converted(at: Compiler, node: Node) -> Value:
    assert isinstance(node, Convert)
    assert isinstance(node.ratio, UnitRatio)
    top, bottom = unit_ratio(at, node.ratio)
    if node.divide:
        top, bottom = bottom, top
    return at.numbers.convert(at.value(node.operand), top, bottom, node.type.scale)


NODES: Mapping[type[Any], Callable[[Compiler, Any], Value]] = MappingProxyType(
    {
        Literal: _literal,
        Path: _path,
        Clock: _clock,
        Unary: _unary,
        Binary: _binary,
        Conditional: _conditional,
        Call: _call,
        Convert: _converted,
        Aggregate: aggregate,
        Balance: balance,
    }
)
