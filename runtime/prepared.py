"""Statements as text made once: what is asked and written for every document.

SQLAlchemy makes the text from its own expression; after that only values travel, each made fit by its column's type.
Rows of one insert are one statement, on both databases, in the order they are given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Dialect, Executable, Table, insert
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from runtime.columns import Moment, Scaled
from runtime.context import RunContext
from runtime.prepared_values import Convert as Convert
from runtime.prepared_values import Remembered, binder, sending, taking
from runtime.prepared_values import told as told

PLACE = re.compile(r"\$(\d+)")
MOST = 50
"""Rows a statement: each number of them is a text of its own, which databases keep prepared."""


class Ask(NamedTuple):
    """One statement to be sent, and what becomes of each row it returns (``None``: it returns none)."""

    words: str
    values: Sequence[Any]
    read: Callable[[Sequence[Any]], Any] | None


def ask_all(ctx: RunContext, asks: Sequence[Ask]) -> list[list[Any]]:
    """Send statements of which none needs what another returns; PostgreSQL gets all before it answers the first."""
    found = SENDERS[ctx.connection.dialect.name](ctx, asks)
    return [rows if ask.read is None else [*map(ask.read, rows)] for ask, rows in zip(asks, found, strict=True)]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement around its rows. ``width``: values a row. ``rest``: values that stand behind the rows, always the
    same."""

    before: str
    row: str
    after: str
    width: int
    send: Callable[[Sequence[Any]], Sequence[Any]]
    rest: tuple[Any, ...]
    read: Callable[[Sequence[Any]], list[Any]] | None
    texts: dict[int, str] = field(default_factory=dict)

    def text(self, rows: int) -> str:
        """The statement for so many rows."""
        found = self.texts.get(rows)
        if found is None:
            width = self.width
            parts = ", ".join(_moved_on(self.row, width * number) for number in range(rows))
            found = self.texts[rows] = self.before + parts + _moved_on(self.after, width * (rows - 1))
        return found

    def run(self, ctx: RunContext, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """Write the rows (values in the order of the names it was made for); what the statement returns."""
        told = ask_all(ctx, self.asks(rows))
        return told[0] if len(told) == 1 else [row for each in told for row in each]

    def asks(self, rows: Sequence[Sequence[Any]]) -> list[Ask]:
        """The rows as statements to be sent together with others."""
        if len(rows) == 1:
            return [Ask(self.text(1), (*self.send(rows[0]), *self.rest), self.read)]
        found = []
        for start in range(0, len(rows), MOST):
            some = rows[start : start + MOST]
            values = (*chain.from_iterable(map(self.send, some)), *self.rest)
            found.append(Ask(self.text(len(some)), values, self.read))
        return found


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose only unknowns are its parameters.

    ``send`` makes of the values of ``names`` what is sent. ``usual``: values of parameters that need not be given.
    ``returns``: what makes a value of which place of a row, where the driver gives something else.
    """

    words: str
    names: frozenset[str]
    usual: Mapping[str, Any]
    send: Callable[[Mapping[str, Any]], Sequence[Any]]
    read: Callable[[Sequence[Any]], Any] | None
    returns: tuple[tuple[int, Convert], ...]

    def run(self, ctx: RunContext, given: Mapping[str, Any]) -> list[Any]:
        """Send it with these values; what it returns."""
        return ask_all(ctx, (self.ask(given),))[0]

    def fetch(self, ctx: RunContext, given: Mapping[str, Any]) -> list[Any]:
        """Send it with these values; the rows as the driver gives them, for whoever reads them in a way of his own."""
        return SENDERS[ctx.connection.dialect.name](ctx, (self.ask(given),))[0]

    def ask(self, given: Mapping[str, Any]) -> Ask:
        """The statement with these values, to be sent together with others."""
        return Ask(self.words, self.send({**self.usual, **given} if self.usual else given), self.read)


def prepare_statement(
    ctx: RunContext, statement: Any, answers: Sequence[Any] = (), names: Sequence[str] = ()
) -> Statement:
    """Any statement as text. ``answers``: the columns it returns; ``names``: then each row comes as a dict of these."""
    own = ctx.connection.dialect
    compiled = statement.compile(dialect=_positional(own))
    open_names = {compiled.bind_names[bind]: bind for bind in compiled.binds.values() if not bind.unique}
    state = compiled.construct_expanded_state({n: None for n, bind in open_names.items() if bind.required})
    many = {each: name for name, several in state.parameter_expansion.items() for each in several}
    order = state.positiontup
    converts = {name: binder(compiled.binds[many.get(name, name)].type, own) for name in order}
    fixed = {n: _processed(converts[n], state.parameters[n]) for n in order if n not in open_names}
    made = [_read_again(ctx, column.type) if names else told(column.type, own) for column in answers]
    return Statement(
        words=state.statement,
        names=frozenset(name for name in order if name in open_names),
        usual={name: bind.effective_value for name, bind in open_names.items() if not bind.required},
        send=sending(order, [converts[name] for name in order], fixed),
        read=taking(made, names) if answers else None,
        returns=tuple((place, convert) for place, convert in enumerate(made) if convert is not None),
    )


def _read_again(ctx: RunContext, kind: TypeEngine[Any]) -> Convert | None:
    """How values of records are read: those that come again are made once, and kept with the app's programs."""
    convert = told(kind, ctx.connection.dialect)
    if convert is None or not isinstance(kind, (Scaled, Moment)):
        return convert
    key = ("values read", type(kind), kind.scale if isinstance(kind, Scaled) else 0)
    known: Remembered = ctx.app.programs.keep(key, lambda: Remembered(convert))
    return known.__getitem__


def padded(values: Sequence[Any]) -> list[Any]:
    """As many values as the next power of two, the last one again and again: what is asked with them comes out the
    same, and databases see few texts of a statement instead of one for each number of values."""
    given = list(values)
    return given + given[-1:] * ((1 << (len(given) - 1).bit_length()) - len(given))


def prepared_insert(ctx: RunContext, table: Table, names: Sequence[str], *, returning: str = "") -> Prepared:
    """An insert of these columns, made once; ``returning``: a column to be told of the new rows."""

    def made() -> Prepared:
        answers = (table.c[returning],) if returning else ()
        statement = insert(table)
        return prepare(ctx, table, statement.returning(*answers) if answers else statement, names, answers)

    return ctx.app.programs.keep(("prepared insert", table.name, tuple(names), returning), made)


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
        width=len(names),
        send=sending([given.index(name) for name in columns], [binder(table.c[name].type, own) for name in columns]),
        rest=tuple(_processed(binder(compiled.binds[name].type, own), compiled.params[name]) for name in others),
        read=taking([told(column.type, own) for column in answers]) if answers else None,
    )


def _hear(connection: Connection, cursor: Any, ask: Ask) -> None:
    """Whoever listens to statements hears of this one."""
    for listener in connection.dispatch.before_cursor_execute:
        listener(connection, cursor, ask.words, ask.values, None, False)


def _begun(ctx: RunContext) -> tuple[Connection, Any, bool]:
    """Straight to the driver, all else being known; and whether anybody listens."""
    connection = ctx.connection
    if not connection.in_transaction():
        connection.begin()
    return connection, connection.connection.dbapi_connection, bool(connection.dispatch.before_cursor_execute)


def _failed(ctx: RunContext, ask: Ask, error: Exception) -> BaseException:
    """An error of the driver as it looks elsewhere."""
    dialect = ctx.connection.dialect
    return DBAPIError.instance(ask.words, ask.values, error, dialect.loaded_dbapi.Error, dialect=dialect)


def _one_by_one(ctx: RunContext, asks: Sequence[Ask]) -> list[list[Any]]:
    connection, driver, heard = _begun(ctx)
    found = []
    for ask in asks:
        try:
            if heard:
                _hear(connection, driver.cursor(), ask)
            cursor = driver.execute(ask.words, ask.values)
            found.append([] if ask.read is None else cursor.fetchall())
        except connection.dialect.loaded_dbapi.Error as error:
            raise _failed(ctx, ask, error) from error
    return found


def _together(ctx: RunContext, asks: Sequence[Ask]) -> list[list[Any]]:
    """Parameters go as the server numbers them: nothing of the text need be read or changed on the way."""
    from psycopg import RawCursor  # the driver weighs much: only who uses PostgreSQL loads it

    connection, driver, heard = _begun(ctx)
    cursors = [RawCursor(driver) for _ in asks]
    try:
        with driver.pipeline() if len(asks) > 1 else nullcontext():
            for cursor, ask in zip(cursors, asks, strict=True):
                if heard:
                    _hear(connection, cursor, ask)
                cursor.execute(ask.words, ask.values)
        return [[] if ask.read is None else cursor.fetchall() for cursor, ask in zip(cursors, asks, strict=True)]
    except connection.dialect.loaded_dbapi.Error as error:
        refused = (ask for ask, cursor in zip(asks, cursors, strict=True) if cursor.pgresult is None)
        raise _failed(ctx, next(refused, asks[-1]), error) from error  # those before it were answered, none after it


SENDERS: Mapping[str, Callable[[RunContext, Sequence[Ask]], list[list[Any]]]] = {
    "sqlite": _one_by_one,
    "postgresql": _together,
}


def _positional(own: Dialect) -> Dialect:
    """The dialect with parameters by their place, as the database itself knows them."""
    return own if own.name == "sqlite" else psycopg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def _moved_on(words: str, by: int) -> str:
    """The text with its numbered parameters counted on."""
    return PLACE.sub(lambda found: f"${int(found[1]) + by}", words) if by else words


def _processed(convert: Convert | None, value: Any) -> Any:
    return value if convert is None else convert(value)
