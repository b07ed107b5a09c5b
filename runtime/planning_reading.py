"""What component lines ask for, read from three tables: what the line says, what its header says, what it uses says.

Each row of them is read once, as the driver gives it. Most lines share what they read, so each combination is computed
once. An expression that reads more than fields is computed by the database, beside the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import BigInteger, Select, select, type_coerce

from engine.expressions.tree import Expr, Node, Path
from engine.expressions.values import WIDE
from engine.planning.structure import Line
from runtime.context import RunContext
from runtime.prepared import Statement
from runtime.sql import NUMERIC, Compiler, Joiner, SqlScope, to_sql, typed

Finish: TypeAlias = Callable[[Any], Any]
Row: TypeAlias = Sequence[Any]

LINE, HEADER, USED = range(3)
"""Whose rows something is read from."""


@dataclass(slots=True)
class Side:
    """The rows of one table: ``columns`` stand first in each of them, then what lines ask for."""

    scope: SqlScope
    joiner: Joiner
    columns: list[Any]
    first: int = field(init=False)
    _known: dict[Node, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first = len(self.columns)

    def take(self, node: Node) -> tuple[int, int]:
        """The place of a field in the rows, and its scale where it comes as a whole number (else -1)."""
        if node not in self._known:
            found = Compiler(self.scope).value(node)
            plain = node.type.kind in NUMERIC and not found.wide and found.constant is None
            self._known[node] = len(self.columns), found.scale if plain else -1
            self.columns.append(type_coerce(found.sql, BigInteger()) if plain else typed(found, node.type))
        return self._known[node]

    def compute(self, expr: Expr) -> int:
        """The place of what the database computes."""
        self.columns.append(to_sql(expr, self.scope))
        return len(self.columns) - 1

    def query(self) -> Select[Any]:
        """All columns, with the tables they refer to."""
        return self.joiner.apply(select(*self.columns))


class _Input(NamedTuple):
    side: int
    place: int
    scale: int


class _Term(NamedTuple):
    """One value of a line; without a function its only input is the value."""

    finish: Finish
    function: Callable[[Sequence[Any]], Any] | None
    inputs: Sequence[_Input]


@dataclass(frozen=True, slots=True)
class Ways:
    """How lines reach the other two tables: the field that names what they use ("" where that may be of several)."""

    uses: str
    used: str
    header: str

    def of(self, path: Path) -> tuple[int, Path]:
        """Whose rows a path is read from, and the path from there."""
        if len(path.steps) > 1 and path.steps[0] == "parent":
            return HEADER, replace(path, entity=self.header, steps=path.steps[1:])
        if len(path.steps) > 1 and path.steps[0] == self.uses:
            return USED, replace(path, entity=self.used, steps=path.steps[1:])
        return LINE, path


def term(ctx: RunContext, sides: Sequence[Side], ways: Ways, expr: Expr | None, finish: Finish) -> _Term:
    """A value of lines; what it reads becomes columns of the three tables."""
    if expr is None:
        return _Term(finish, lambda _: None, ())
    paths = [node for node in expr.inputs if isinstance(node, Path) and node.root == "record"]
    if len(paths) < len(expr.inputs):
        return _Term(finish, None, (_Input(LINE, sides[LINE].compute(expr), -1),))
    inputs = [_Input(side, *sides[side].take(path)) for side, path in map(ways.of, paths)]
    return _Term(finish, ctx.app.programs.function(expr), inputs)


class Plan(NamedTuple):
    """How lines are read: their values, the statements of the three tables, and where in a row what is asked begins.

    ``asked``: whether anything is asked of a table's rows.
    """

    terms: Sequence[_Term]
    statements: Sequence[Statement]
    first: Sequence[int]
    asked: Sequence[bool]


class Reader:
    """The values of lines. Rows of headers and of what is used go by a number for what they say."""

    def __init__(self, plan: Plan) -> None:
        returns = [dict(statement.returns) for statement in plan.statements]
        self._terms = [
            (one.finish, one.function, [(*each, returns[each.side].get(each.place)) for each in one.inputs])
            for one in plan.terms
        ]
        self._first = plan.first
        self._numbers: list[dict[Any, int]] = [{}, {}, {}]
        self._samples: list[list[Row]] = [[], [], []]
        self._known: dict[Any, tuple[Any, ...]] = {}

    def numbers(self, side: int, rows: Sequence[Row]) -> list[int]:
        """The numbers of what rows say; rows that say the same have the same."""
        first, known, samples, found = self._first[side], self._numbers[side], self._samples[side], []
        for row in rows:
            said = row[first:]
            number = known.get(said)
            if number is None:
                number = known[said] = len(samples)
                samples.append(row)
            found.append(number)
        return found

    def lines(self, rows: Iterable[Row], headers: Mapping[int, int], used: Mapping[int, int]) -> dict[int, list[Line]]:
        """The lines of headers, in order; numbers stand for what headers and what is used say (none: nothing)."""
        found: dict[int, list[Line]] = {header: [] for header in headers}
        first, known, new = self._first[LINE], self._known, tuple.__new__
        number, mine, said = None, -1, used.get
        for row in rows:
            if row[1] != number:  # they come header by header
                number = row[1]
                mine, add = headers[number], found[number].append
            item = row[2]
            key = (row[first:], mine, said(item, -1))
            values = known.get(key)
            if values is None:
                values = known[key] = self._values(row, mine, key[2])
            need, fixed, step, through, loss = values
            add(new(Line, (row[0], item, need, fixed, step, through, (), loss)))
        return found

    def _values(self, row: Row, header: int, used: int) -> tuple[Any, ...]:
        """The values of a line; -1: nothing is known of its header, or of what it uses."""
        rows = (
            row,
            self._samples[HEADER][header] if header >= 0 else (),
            self._samples[USED][used] if used >= 0 else (),
        )
        return tuple([_value(one, rows) for one in self._terms])


def _value(term: Any, rows: Sequence[Row]) -> Any:
    finish, function, inputs = term
    values = []
    for side, place, scale, convert in inputs:
        value = rows[side][place] if rows[side] else None
        if convert is not None:
            value = convert(value)
        elif scale >= 0 and value is not None:
            value = WIDE.scaleb(WIDE.create_decimal(value), -scale)
        values.append(value)
    return finish(values[0] if function is None else function(values))
