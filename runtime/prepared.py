"""Statements that put rows into a table, as text made once: what is written a hundred times a second.

SQLAlchemy makes the text from its own expression; after that only values travel. Every number of rows is one
statement, on both databases; rows go in the order they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from sqlalchemy import Column, Dialect, Executable, Table, insert
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.types import TypeEngine

from runtime.context import RunContext

Convert = Callable[[Any], Any]
MOST = 40
"""Rows a statement: each number of them is a text of its own, which databases keep prepared."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement around its rows.

    ``places``: where in a row as it is given the value of each column stands. ``rest``: values that stand behind the
    rows, always the same.
    """

    before: str
    row: str
    after: str
    places: tuple[int, ...]
    converts: tuple[tuple[int, Convert], ...]
    rest: tuple[Any, ...]
    returns: tuple[tuple[int, Convert], ...]
    answers: bool
    texts: dict[int, str] = field(default_factory=dict)

    def text(self, rows: int) -> str:
        """The statement for so many rows."""
        found = self.texts.get(rows)
        if found is None:
            found = self.texts[rows] = self.before + ", ".join(repeat(self.row, rows)) + self.after
        return found

    def run(self, ctx: RunContext, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """Write the rows (values in the order of the names it was made for); what the statement returns."""
        found: list[list[Any]] = []
        for start in range(0, len(rows), MOST):
            some = rows[start : start + MOST]
            values = [value for row in some for value in self._sent(row)]
            result = ctx.connection.exec_driver_sql(self.text(len(some)), (*values, *self.rest))
            if self.answers:
                found.extend(self._read(row) for row in result.cursor.fetchall())
        return found

    def _sent(self, row: Sequence[Any]) -> list[Any]:
        values = [row[place] for place in self.places]
        for place, convert in self.converts:
            values[place] = convert(values[place])
        return values

    def _read(self, row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for place, convert in self.returns:
            values[place] = convert(values[place])
        return values


def prepared_insert(ctx: RunContext, table: Table, names: Sequence[str], *, returning: str = "") -> Prepared:
    """An insert of these columns, made once; ``returning``: a column to be told of the new rows."""
    statement = insert(table)
    answers = (table.c[returning],) if returning else ()
    key = ("prepared insert", table.name, tuple(names), returning)
    return ctx.app.programs.keep(
        key, lambda: prepare(ctx, table, statement.returning(*answers) if answers else statement, names, answers)
    )


def prepare(
    ctx: RunContext, table: Table, statement: Executable, names: Sequence[str], answers: Sequence[Column[Any]] = ()
) -> Prepared:
    """An insert (whatever it does on conflict) as text around its rows."""
    own = ctx.connection.dialect
    dialect: Dialect = own if own.name == "sqlite" else psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
    compiled = statement.compile(dialect=dialect, column_keys=list(names))  # type: ignore[attr-defined]
    text = str(compiled)
    begin = text.index(" VALUES (") + len(" VALUES ")
    end = text.index(")", begin) + 1
    order: Sequence[str] = compiled.positiontup
    columns, others = order[: len(names)], order[len(names) :]
    if set(columns) != set(names):
        raise ValueError(f"the rows of {table.name} do not stand first in their statement")
    given = list(names)
    return Prepared(
        before=text[:begin],
        row=text[begin:end],
        after=text[end:],
        places=tuple(given.index(name) for name in columns),
        converts=tuple(_numbered(_bound(table.c[name].type, own) for name in columns)),
        rest=tuple(_processed(_bound(compiled.binds[name].type, own), compiled.params[name]) for name in others),
        returns=tuple(_numbered(c.type.dialect_impl(own).result_processor(own, None) for c in answers)),
        answers=bool(answers),
    )


def _bound(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _processed(convert: Convert | None, value: Any) -> Any:
    return value if convert is None else convert(value)


def _numbered(converts: Any) -> Iterator[tuple[int, Convert]]:
    return ((place, convert) for place, convert in enumerate(converts) if convert is not None)
