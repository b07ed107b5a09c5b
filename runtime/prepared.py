"""Statements as text made once: what is asked and written for every document.

SQLAlchemy makes the text from its own expression; after that only values travel, each made fit by its column's type.
Rows of one insert are one statement, on both databases, in the order they are given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Dialect, Executable, Table, insert
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from runtime.context import RunContext

Convert = Callable[[Any], Any]
PLACE = re.compile(r"\$(\d+)")
MOST = 50
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
            width = len(self.places)
            parts = ", ".join(_moved_on(self.row, width * number) for number in range(rows))
            found = self.texts[rows] = self.before + parts + _moved_on(self.after, width * (rows - 1))
        return found

    def run(self, ctx: RunContext, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """Write the rows (values in the order of the names it was made for); what the statement returns."""
        found: list[list[Any]] = []
        for start in range(0, len(rows), MOST):
            some = rows[start : start + MOST]
            values = [value for row in some for value in self._sent(row)]
            told = send(ctx, self.text(len(some)), (*values, *self.rest), answers=self.answers)
            found.extend(self._read(row) for row in told)
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


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose only unknowns are its parameters. ``names``: of the parameters, in their order in the text."""

    words: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    converts: Mapping[str, Convert]
    returns: tuple[tuple[int, Convert], ...]
    answers: bool

    def run(self, ctx: RunContext, given: Mapping[str, Any]) -> list[list[Any]]:
        """Send it with these values; what it returns."""
        known = {**self.fixed, **given}
        for name, convert in self.converts.items():
            known[name] = convert(known[name])
        told = send(ctx, self.words, tuple([known[name] for name in self.names]), answers=self.answers)
        found = [list(row) for row in told]
        for place, convert in self.returns:
            for row in found:
                row[place] = convert(row[place])
        return found


def prepare_statement(ctx: RunContext, statement: Any, answers: Sequence[Any] = ()) -> Statement:
    """Any statement as text. ``answers``: the columns it returns."""
    own = ctx.connection.dialect
    compiled = statement.compile(dialect=_positional(own))
    names = tuple(compiled.positiontup)
    converts = {name: convert for name in dict.fromkeys(names) if (convert := _bound(compiled.binds[name].type, own))}
    fixed = {name: value for name, value in compiled.params.items() if value is not None}
    return Statement(
        words=str(compiled),
        names=names,
        fixed=fixed,
        converts=converts,
        returns=tuple(_numbered(_told(column.type, own) for column in answers)),
        answers=bool(answers),
    )


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
    compiled = statement.compile(dialect=_positional(own), column_keys=list(names))  # type: ignore[attr-defined]
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
        returns=tuple(_numbered(_told(column.type, own) for column in answers)),
        answers=bool(answers),
    )


def send(ctx: RunContext, words: str, values: Sequence[Any], *, answers: bool) -> list[Any]:
    """Straight to the driver, all else being known. Who listens to statements hears of it; errors look the same."""
    connection = ctx.connection
    if not connection.in_transaction():
        connection.begin()
    dialect = connection.dialect
    cursor = CURSORS[dialect.name](connection.connection.driver_connection)
    for hear in connection.dispatch.before_cursor_execute:
        hear(connection, cursor, words, values, None, False)
    try:
        cursor.execute(words, values)
        return list(cursor.fetchall()) if answers else []
    except dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(words, tuple(values), error, dialect.loaded_dbapi.Error, dialect=dialect) from error
    finally:
        cursor.close()


def _numbered_cursor(driver: Any) -> Any:
    """Parameters as the server numbers them: nothing of the text need be read or changed on the way."""
    from psycopg import RawCursor  # the driver weighs much: only who uses PostgreSQL loads it

    return RawCursor(driver)


CURSORS: Mapping[str, Callable[[Any], Any]] = {
    "sqlite": lambda driver: driver.cursor(),
    "postgresql": _numbered_cursor,
}


def _positional(own: Dialect) -> Dialect:
    """The dialect with parameters by their place, as the database itself knows them."""
    return own if own.name == "sqlite" else psycopg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def _moved_on(words: str, by: int) -> str:
    """The text with its numbered parameters counted on."""
    return PLACE.sub(lambda found: f"${int(found[1]) + by}", words) if by else words


def _told(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _bound(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _processed(convert: Convert | None, value: Any) -> Any:
    return value if convert is None else convert(value)


def _numbered(converts: Any) -> Iterator[tuple[int, Convert]]:
    return ((place, convert) for place, convert in enumerate(converts) if convert is not None)
