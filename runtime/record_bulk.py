"""Many checked rows into one table: ids taken first, values converted by the columns' own types, one driver call.

SQLAlchemy's executemany prepares every row with some thirty calls; an import has tens of thousands of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Table, func, insert, select
from sqlalchemy.exc import DBAPIError

from runtime.context import RunContext

Row = dict[str, Any]
MANY = 50
"""From this many rows on the preparation pays."""

Convert = Callable[[Any], Any]


class Insert(NamedTuple):
    """A prepared statement and its columns in order, each with what makes its values fit the driver."""

    statement: str
    columns: Sequence[tuple[str, Convert | None]]


def column_of(rows: Sequence[Row], name: str) -> list[Any]:
    """One value of many rows, ``None`` where a row has none."""
    try:
        return list(map(itemgetter(name), rows))
    except KeyError:
        return [row.get(name) for row in rows]


def take_ids(ctx: RunContext, table: Table, count: int) -> range | list[int]:
    """Ids for ``count`` new rows. SQLite has one writer, which may simply count on; PostgreSQL asks the sequence."""
    if ctx.app.database.dialect == "sqlite":
        last = ctx.connection.execute(select(func.max(table.c.id))).scalar() or 0
        return range(last + 1, last + 1 + count)
    sequence = func.nextval(func.pg_get_serial_sequence(_quoted(ctx, table), "id"))
    return list(ctx.connection.execute(select(sequence).select_from(func.generate_series(1, count))).scalars())


def _quoted(ctx: RunContext, table: Table) -> str:
    return str(ctx.connection.dialect.identifier_preparer.format_table(table))


def insert_columns(ctx: RunContext, table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert many rows given as columns of one length; columns left out stay empty."""
    names = tuple(columns)
    insert = ctx.app.programs.keep(("bulk", table.name, names), lambda: _prepare(ctx, table, names))
    rows = list(zip(*(_converted(convert, columns[name]) for name, convert in insert.columns), strict=True))
    if ctx.app.database.dialect == "sqlite":
        ctx.connection.exec_driver_sql(insert.statement, rows)
        return
    _copy(ctx, insert.statement, rows)


def _copy(ctx: RunContext, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """What the driver refuses is told as SQLAlchemy would: callers know its errors only."""
    dialect = ctx.connection.dialect
    error = dialect.loaded_dbapi.Error
    driver: Any = ctx.connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)
    except error as refused:
        raise DBAPIError.instance(statement, None, refused, error, dialect=dialect) from refused


def _converted(convert: Convert | None, values: Sequence[Any]) -> Sequence[Any]:
    """What the driver takes; each different value is converted once, for the columns of many rows repeat theirs."""
    if convert is None:
        return values
    try:
        made = {value: convert(value) for value in set(values)}
    except TypeError:  # JSON values cannot be compared by hash
        return [convert(value) for value in values]
    return list(map(made.__getitem__, values))


def insert_rows(ctx: RunContext, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all have the same columns; those left out stay empty."""
    if len(rows) < MANY and ctx.app.database.dialect != "sqlite":
        ctx.connection.execute(insert(table), list(rows))
        return
    insert_columns(ctx, table, {name: [row[name] for row in rows] for name in rows[0]})


def _prepare(ctx: RunContext, table: Table, names: Sequence[str]) -> Insert:
    """SQLite takes a statement with one mark a column, PostgreSQL a COPY."""
    dialect = ctx.connection.dialect
    if dialect.name == "sqlite":
        compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
        statement, order = str(compiled), list(compiled.positiontup or names)
    else:
        quote = dialect.identifier_preparer.quote
        statement, order = f"COPY {_quoted(ctx, table)} ({', '.join(map(quote, names))}) FROM STDIN", list(names)
    columns = [(name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in order]
    return Insert(statement, columns)
