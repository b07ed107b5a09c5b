"""Expressions over thousands of component lines: most lines share their inputs, so each combination is computed once.

Where an expression reads only fields, the database gives the fields and Python computes; else the database computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, literal, type_coerce

from engine.expressions.tree import Expr, Path
from engine.expressions.values import WIDE
from runtime.context import RunContext
from runtime.sql import NUMERIC, Compiler, SqlScope, to_sql, typed


class Reading:
    """One expression as columns of a statement, from position ``start`` on, and the value they stand for."""

    def __init__(
        self, ctx: RunContext, expr: Expr | None, finish: Callable[[Any], Any], scope: SqlScope, start: int
    ) -> None:
        self._start = start
        self._finish = finish
        self.columns: list[Any] = []
        self._scales: list[int] = []
        self._function: Callable[[Sequence[Any]], Any] | None = None
        if expr is None:
            self.columns = [literal(None)]
        elif all(isinstance(node, Path) and node.root == "record" for node in expr.inputs):
            self._function = ctx.app.programs.function(expr)
            self._take_fields(expr, Compiler(scope))
        else:
            self.columns = [to_sql(expr, scope)]

    def _take_fields(self, expr: Expr, compiler: Compiler) -> None:
        for node in expr.inputs:
            found = compiler.value(node)
            plain = node.type.kind in NUMERIC and not found.wide and found.constant is None
            self._scales.append(found.scale if plain else -1)
            self.columns.append(type_coerce(found.sql, BigInteger()) if plain else typed(found, node.type))

    def reader(self) -> Callable[[Sequence[Any]], Any]:
        """A function from a row of the statement to the value; it remembers what it computed."""
        known: dict[Any, Any] = {}
        start, end = self._start, self._start + len(self.columns)
        single = end - start == 1

        def read(row: Sequence[Any]) -> Any:
            key = row[start] if single else row[start:end]
            try:
                return known[key]
            except KeyError:
                value = known[key] = self._value((key,) if single else key)
                return value

        return read

    def _value(self, parts: Sequence[Any]) -> Any:
        if self._function is None:
            return self._finish(parts[0])
        values = [
            part if scale < 0 or part is None else WIDE.scaleb(WIDE.create_decimal(part), -scale)
            for part, scale in zip(parts, self._scales, strict=True)
        ]
        return self._finish(self._function(values))
