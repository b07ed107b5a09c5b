"""Statements as text made once: what is asked and written for every document.

SQLAlchemy makes the text from its own expression; after that only values travel, each made fit by its column's type.
Rows of one insert are one statement, on both databases, in the order they are given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Dialect, Executable, Table, insert
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from runtime.columns import Scaled
from runtime.context import RunContext

Convert = Callable[[Any], Any]
PLACE = re.compile(r"\$(\d+)")
MOST = 50
"""Rows a statement: each number of them is a text of its own, which databases keep prepared."""


class Ask(NamedTuple):
    """One statement to be sent, and what becomes of each row it returns."""

    words: str
    values: tuple[Any, ...]
    answers: bool
    read: Callable[[Sequence[Any]], list[Any]]


def ask_all(ctx: RunContext, asks: Sequence[Ask]) -> list[list[list[Any]]]:
    """Send statements of which none needs what another returns; PostgreSQL gets all before it answers the first."""
    told = SENDERS[ctx.connection.dialect.name](ctx, asks)
    return [[ask.read(row) for row in rows] for ask, rows in zip(asks, told, strict=True)]


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
        return [row for told in ask_all(ctx, self.asks(rows)) for row in told]

    def asks(self, rows: Sequence[Sequence[Any]]) -> list[Ask]:
        """The rows as statements to be sent together with others."""
        found = []
        for start in range(0, len(rows), MOST):
            some = rows[start : start + MOST]
            values = [value for row in some for value in self._sent(row)]
            found.append(Ask(self.text(len(some)), (*values, *self.rest), self.answers, self._read))
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
    """A statement whose only unknowns are its parameters.

    ``values``: what is sent, in the order of the text, with gaps. ``gaps``: where in it the value of which parameter
    stands, and what makes it fit. ``usual``: values of parameters that need not be given.
    """

    words: str
    values: tuple[Any, ...]
    gaps: tuple[tuple[int, str, Convert | None], ...]
    usual: Mapping[str, Any]
    returns: tuple[tuple[int, Convert], ...]
    answers: bool

    @property
    def names(self) -> frozenset[str]:
        """The parameters whose values are asked for."""
        return frozenset(name for _, name, _ in self.gaps)

    def run(self, ctx: RunContext, given: Mapping[str, Any]) -> list[list[Any]]:
        """Send it with these values; what it returns."""
        return [self._read(row) for row in self.fetch(ctx, given)]

    def fetch(self, ctx: RunContext, given: Mapping[str, Any]) -> list[Any]:
        """Send it with these values; the rows as the driver gives them, for whoever reads them in a way of his own."""
        return SENDERS[ctx.connection.dialect.name](ctx, [self.ask(given)])[0]

    def ask(self, given: Mapping[str, Any]) -> Ask:
        """The statement with these values, to be sent together with others."""
        known = {**self.usual, **given} if self.usual else given
        values = list(self.values)
        for place, name, convert in self.gaps:
            value = known[name]
            values[place] = value if convert is None else convert(value)
        return Ask(self.words, tuple(values), self.answers, self._read)

    def _read(self, row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for place, convert in self.returns:
            values[place] = convert(values[place])
        return values


def prepare_statement(ctx: RunContext, statement: Any, answers: Sequence[Any] = ()) -> Statement:
    """Any statement as text. ``answers``: the columns it returns."""
    own = ctx.connection.dialect
    compiled = statement.compile(dialect=_positional(own))
    open_names = {compiled.bind_names[bind]: bind for bind in compiled.binds.values() if not bind.unique}
    state = compiled.construct_expanded_state({n: None for n, bind in open_names.items() if bind.required})
    many = {each: name for name, several in state.parameter_expansion.items() for each in several}
    converts = [_bound(compiled.binds[many.get(name, name)].type, own) for name in state.positiontup]
    made = list(zip(state.positiontup, converts, strict=True))
    return Statement(
        words=state.statement,
        values=tuple(None if name in open_names else _processed(c, state.parameters[name]) for name, c in made),
        gaps=tuple((place, name, c) for place, (name, c) in enumerate(made) if name in open_names),
        usual={name: bind.effective_value for name, bind in open_names.items() if not bind.required},
        returns=tuple(_numbered(told(column.type, own) for column in answers)),
        answers=bool(answers),
    )


def padded(values: Sequence[Any]) -> list[Any]:
    """As many values as the next power of two, the last one again and again: what is asked with them comes out the
    same, and databases see few texts of a statement instead of one for each number of values."""
    given = list(values)
    return given + given[-1:] * ((1 << (len(given) - 1).bit_length()) - len(given))


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
        returns=tuple(_numbered(told(column.type, own) for column in answers)),
        answers=bool(answers),
    )


def _hear(connection: Connection, cursor: Any, ask: Ask) -> None:
    """Whoever listens to statements hears of this one."""
    for listener in connection.dispatch.before_cursor_execute:
        listener(connection, cursor, ask.words, ask.values, None, False)


@contextmanager
def _driver(ctx: RunContext, asks: Sequence[Ask]) -> Iterator[Any]:
    """Straight to the driver, all else being known; its errors look as they do elsewhere."""
    connection = ctx.connection
    if not connection.in_transaction():
        connection.begin()
    dialect = connection.dialect
    try:
        yield connection.connection.driver_connection
    except dialect.loaded_dbapi.Error as error:
        base = dialect.loaded_dbapi.Error
        raise DBAPIError.instance(asks[0].words, asks[0].values, error, base, dialect=dialect) from error


def _one_by_one(ctx: RunContext, asks: Sequence[Ask]) -> list[list[Any]]:
    with _driver(ctx, asks) as driver:
        found = []
        for ask in asks:
            cursor = driver.cursor()
            _hear(ctx.connection, cursor, ask)
            cursor.execute(ask.words, ask.values)
            found.append(cursor.fetchall() if ask.answers else [])
            cursor.close()
        return found


def _together(ctx: RunContext, asks: Sequence[Ask]) -> list[list[Any]]:
    """Parameters go as the server numbers them: nothing of the text need be read or changed on the way."""
    from psycopg import RawCursor  # the driver weighs much: only who uses PostgreSQL loads it

    with _driver(ctx, asks) as driver:
        cursors = [RawCursor(driver) for _ in asks]
        with driver.pipeline() if len(asks) > 1 else nullcontext():
            for cursor, ask in zip(cursors, asks, strict=True):
                _hear(ctx.connection, cursor, ask)
                cursor.execute(ask.words, ask.values)
        return [cursor.fetchall() if ask.answers else [] for cursor, ask in zip(cursors, asks, strict=True)]


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


def told(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    """What makes a value of a type of what the driver gives; ``None`` where it is one already."""
    if isinstance(kind, Scaled):  # what stands between is for types whose database kind needs converting too
        return kind.reader()
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _bound(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    if isinstance(kind, Scaled):
        return lambda value: kind.process_bind_param(value, dialect)
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _processed(convert: Convert | None, value: Any) -> Any:
    return value if convert is None else convert(value)


def _numbered(converts: Any) -> Iterator[tuple[int, Convert]]:
    return ((place, convert) for place, convert in enumerate(converts) if convert is not None)
