"""Expressions over thousands of component lines: most lines share their inputs, so each combination is computed once.

Where an expression reads only fields, the database gives the fields and Python computes; else the database computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, literal, type_coerce

from engine.expressions.tree import Expr, Path
from engine.expressions.values import WIDE
from runtime.columns import Scaled
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

    @classmethod
    def of(cls, column: Column[Any] | None, finish: Callable[[Any], Any], start: int) -> Reading:
        """A column of numbers as it is kept; ``None``: nothing."""
        made = cls.__new__(cls)
        made._start, made._finish = start, finish
        plain = column is not None and isinstance(column.type, Scaled)
        made._scales = [column.type.scale if plain else -1]  # type: ignore[union-attr]
        made.columns = [literal(None) if column is None else type_coerce(column, BigInteger()) if plain else column]
        made._function = lambda values: values[0]
        return made

    @property
    def span(self) -> tuple[int, int]:
        """From which place of a row its columns stand to which they do not."""
        return self._start, self._start + len(self.columns)

    def read(self, parts: Sequence[Any]) -> Any:
        """The value, from the parts of a row that are its columns."""
        return self._value(parts)

    def _value(self, parts: Sequence[Any]) -> Any:
        if self._function is None:
            return self._finish(parts[0])
        values = [
            part if scale < 0 or part is None else WIDE.scaleb(WIDE.create_decimal(part), -scale)
            for part, scale in zip(parts, self._scales, strict=True)
        ]
        return self._finish(self._function(values))


def reader_of(readings: Sequence[Reading]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """A function from a row to the values of neighbouring readings; it remembers what it computed."""
    known: dict[Any, tuple[Any, ...]] = {}
    start, end = readings[0].span[0], readings[-1].span[1]
    own = [(one, one.span[0] - start, one.span[1] - start) for one in readings]

    def read(row: Sequence[Any]) -> tuple[Any, ...]:
        key = row[start:end]
        found = known.get(key)
        if found is None:
            found = known[key] = tuple(one.read(key[begin:stop]) for one, begin, stop in own)
        return found

    return read
