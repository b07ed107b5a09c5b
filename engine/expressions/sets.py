"""Aggregates over sets of records and figures of ledgers: the parts of an expression with keywords of their own."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.expressions import operators
from engine.expressions.functions import AGGREGATES, BALANCE_OPTIONS, BALANCES
from engine.expressions.names import Frame, SetOf, many_as_set
from engine.expressions.operators import Typed, describe
from engine.expressions.problems import did_you_mean
from engine.expressions.scope import LedgerInfo
from engine.expressions.syntax import column_of, refuse
from engine.expressions.tree import Aggregate, Balance, Literal, Node, Order, Rows
from engine.expressions.types import DATE, INTEGER, QUOTIENT_SCALE, TEXT, YES_NO, Kind, Type, choice
from engine.expressions.units import to_base

if TYPE_CHECKING:
    from engine.expressions.parse import Builder


class Sets:
    """Builds ``Aggregate`` and ``Balance`` nodes for one builder."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder

    def is_aggregate(self, name: str, tree: ast.Call, frame: Frame) -> bool:
        """``min(a, b)`` compares values; everything else of these names runs over a set."""
        return name not in ("min", "max") or len(tree.args) < 2

    def aggregate(self, name: str, tree: ast.Call, frame: Frame) -> Typed:
        """``sum(lines.qty, where=…)`` and its like."""
        column = column_of(tree)
        if frame.inside:
            raise refuse("E317", column, "an aggregate inside an aggregate", "give the inner one a field")
        known = {"where", "order"} if name in ("first", "join") else {"where"}
        options = self._keywords(name, tree, known)
        rows, value = self._over(name, tree, frame)
        inner = Frame(rows.entity, inside=True)
        where = self._builder.condition(options["where"], inner).node if "where" in options else None
        order = self._order(options.get("order"), inner)
        if value is not None:
            value = to_base(value)
        type_ = self._result(name, value, column)
        separator = self._separator(name, tree)
        node = None if value is None else value.node
        return Typed(
            Aggregate(function=name, rows=rows, value=node, where=where, order=order, type=type_, separator=separator)
        )

    def balance(self, name: str, tree: ast.Call, frame: Frame) -> Typed:
        """``balance(stock.qty, item=item, at=…)`` and its like."""
        if frame.inside:
            raise refuse("E317", column_of(tree), "a ledger's figure inside an aggregate", "give it a field")
        ledger_id, ledger, figure = self._figure(name, tree)
        info = ledger.figures[figure]
        self._builder.seen.live = True
        self._builder.seen.note(info)
        keywords = self._keywords(name, tree, {*ledger.dimensions, *BALANCE_OPTIONS, "where"})
        dimensions = tuple(
            (key, self._dimension(key, ledger.dimensions[key], value, frame))
            for key, value in keywords.items()
            if key in ledger.dimensions
        )
        options = tuple(
            (key, self._option(key, ledger, keywords[key], frame))
            for key in BALANCE_OPTIONS
            if key in keywords and key not in ledger.dimensions
        )
        inner = Frame(f"ledger.{ledger_id}", inside=True)
        where = self._builder.condition(keywords["where"], inner).node if "where" in keywords else None
        type_ = replace(info.type, nullable=figure_may_be_empty(info.type))
        return Typed(
            Balance(
                function=name,
                ledger=ledger_id,
                measure=figure,
                dimensions=dimensions,
                options=options,
                where=where,
                type=type_,
            )
        )

    def _keywords(self, name: str, tree: ast.Call, known: set[str]) -> Mapping[str, ast.expr]:
        found: dict[str, ast.expr] = {}
        for keyword in tree.keywords:
            key = keyword.arg or ""
            if key not in known:
                raise refuse("E333", column_of(keyword), f"{name} takes no {key}=", did_you_mean(key, known))
            found[key] = keyword.value
        return found

    def _over(self, name: str, tree: ast.Call, frame: Frame) -> tuple[Rows, Typed | None]:
        builder = self._builder
        most = 2 if name == "join" else 1
        if len(tree.args) > most:
            raise refuse("E333", column_of(tree), f"{name} takes one set")
        given = builder.scope.given
        if not tree.args:
            if not given or name not in ("count", "any"):
                raise refuse("E345", column_of(tree), f"{name} needs a set: {name}(lines…)")
            return Rows(kind="given", entity=given, base=None, by=""), None
        first = tree.args[0]
        if isinstance(first, ast.Name | ast.Attribute):
            found = builder.reach(first, frame)
            many = found if isinstance(found, SetOf) else many_as_set(found)
            if many is not None:
                return many.rows, many.value
        if not given:
            raise self._no_set(name, first)
        rows = Rows(kind="given", entity=given, base=None, by="")
        return rows, builder.value(first, Frame(given, inside=True))

    def _no_set(self, name: str, first: ast.expr) -> Exception:
        calls = [n for n in ast.walk(first) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
        if any(isinstance(c.func, ast.Name) and c.func.id in AGGREGATES | BALANCES for c in calls):
            return refuse("E317", column_of(first), "an aggregate inside an aggregate", "give the inner one a field")
        if isinstance(first, ast.Name | ast.Attribute):
            return refuse("E345", column_of(first), f"{name} needs a set, this is one value")
        return refuse("E318", column_of(first), f"{name}: no arithmetic over a set", "give the line a field for it")

    def _order(self, tree: ast.expr | None, inner: Frame) -> tuple[Order, ...]:
        if tree is None:
            return ()
        keys = tree.elts if isinstance(tree, ast.Tuple | ast.List) else [tree]
        return tuple(self._order_key(key, inner) for key in keys)

    def _order_key(self, tree: ast.expr, inner: Frame) -> Order:
        descending = isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub)
        key = self._builder.value(tree.operand if isinstance(tree, ast.UnaryOp) and descending else tree, inner)
        if key.type.many or key.type.kind not in operators.ORDERED | {Kind.TEXT, Kind.REFERENCE, Kind.YES_NO}:
            raise refuse("E341", column_of(tree), f"rows cannot be ordered by {describe(key.type)}")
        return Order(key=key.node, descending=descending)

    def _separator(self, name: str, tree: ast.Call) -> str:
        if name != "join" or len(tree.args) < 2:
            return ", "
        second = tree.args[1]
        if not isinstance(second, ast.Constant) or not isinstance(second.value, str):
            raise refuse("E333", column_of(second), "join: the separator is a text in quotes")
        return second.value

    def _result(self, name: str, value: Typed | None, column: int) -> Type:
        if value is not None and value.type.many:
            raise refuse("E344", column, "a set inside a set")
        if name == "count":
            return replace(INTEGER, nullable=False)
        if name == "any":
            if value is not None and value.type.kind is not Kind.YES_NO:
                raise refuse("E342", column, f"any needs a condition, not {describe(value.type)}")
            return replace(YES_NO, nullable=False)
        if value is None:
            raise refuse("E345", column, f"{name} needs a field of the rows: {name}(lines.field)")
        return _RESULTS[name](name, value.type, column)

    def _figure(self, name: str, tree: ast.Call) -> tuple[str, LedgerInfo, str]:
        first = tree.args[0] if len(tree.args) == 1 else None
        if not isinstance(first, ast.Attribute) or not isinstance(first.value, ast.Name):
            raise refuse("E333", column_of(tree), f"{name} takes a ledger's figure first: {name}(ledger.figure, …)")
        ledger_id, figure = first.value.id, first.attr
        ledger = self._builder.scope.ledger(ledger_id)
        if ledger is None:
            raise refuse("E337", column_of(first), f"there is no ledger {ledger_id}")
        if figure not in ledger.figures:
            hint = did_you_mean(figure, ledger.figures)
            raise refuse("E337", column_of(first), f"ledger {ledger_id} has no figure {figure}", hint)
        return ledger_id, ledger, figure

    def _dimension(self, key: str, type_: Type, tree: ast.expr, frame: Frame) -> Node:
        value = self._builder.value(tree, frame, type_)
        if not operators.comparable("==", Typed(Literal(value=None, type=type_)), value):
            message = f"{key} is {describe(type_)}, not {describe(value.type)}"
            raise refuse("E341", column_of(tree), message)
        return value.node

    def _option(self, key: str, ledger: LedgerInfo, tree: ast.expr, frame: Frame) -> Node:
        if key == "kind":
            kinds = tuple(ledger.kinds)
            word = tree.id if isinstance(tree, ast.Name) else getattr(tree, "value", "")
            if word not in kinds:
                hint = did_you_mean(str(word), kinds)
                raise refuse("E338", column_of(tree), f"{word} is not a kind of this ledger", hint)
            return Literal(value=str(word), type=replace(choice(*kinds), nullable=False))
        value = self._builder.value(tree, frame, DATE)
        if value.type.kind not in (Kind.DATE, Kind.MOMENT):
            raise refuse("E341", column_of(tree), f"{key}= is a date or a moment, not {describe(value.type)}")
        return value.node


def figure_may_be_empty(type_: Type) -> bool:
    """Resources sum to 0; a price or a quotient of nothing is empty."""
    return type_.nullable


def _number(name: str, type_: Type, column: int) -> Type:
    if type_.kind not in operators.NUMERIC:
        raise refuse("E340", column, f"{name} needs numbers, not {describe(type_)}")
    if name == "avg":
        return replace(type_, scale=QUOTIENT_SCALE if type_.kind is not Kind.DURATION else 0, nullable=True)
    return replace(type_, nullable=False)


def _extreme(name: str, type_: Type, column: int) -> Type:
    if type_.kind not in operators.ORDERED:
        raise refuse("E340", column, f"{name} needs numbers or dates, not {describe(type_)}")
    return replace(type_, nullable=True)


def _first(name: str, type_: Type, column: int) -> Type:
    return replace(type_, nullable=True)


def _join(name: str, type_: Type, column: int) -> Type:
    if type_.kind not in (Kind.TEXT, Kind.CHOICE):
        raise refuse("E340", column, f"join needs texts, not {describe(type_)}")
    return TEXT


_RESULTS = {"sum": _number, "avg": _number, "min": _extreme, "max": _extreme, "first": _first, "join": _join}
