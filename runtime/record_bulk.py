"""Many checked rows into one table: ids taken first, values converted by the columns' own types, one driver call.

SQLAlchemy's executemany prepares every row with some thirty calls; an import has tens of thousands of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Table, func, insert, select

from runtime.bulk import load_rows
from runtime.context import RunContext

Row = dict[str, Any]
MANY = 50
"""From this many rows on the preparation pays."""

Convert = Callable[[Any], Any]


def take_ids(ctx: RunContext, table: Table, count: int) -> range | list[int]:
    """Ids for ``count`` new rows. SQLite has one writer, which may simply count on; PostgreSQL asks the sequence."""
    if ctx.app.database.dialect == "sqlite":
        last = ctx.connection.execute(select(func.max(table.c.id))).scalar() or 0
        return range(last + 1, last + 1 + count)
    sequence = func.nextval(func.pg_get_serial_sequence(_quoted(ctx, table), "id"))
    return list(ctx.connection.execute(select(sequence).select_from(func.generate_series(1, count))).scalars())


def _quoted(ctx: RunContext, table: Table) -> str:
    return str(ctx.connection.dialect.identifier_preparer.format_table(table))


def insert_rows(ctx: RunContext, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all have the same columns; those left out stay empty."""
    if len(rows) < MANY:
        ctx.connection.execute(insert(table), list(rows))
        return
    names = tuple(rows[0])
    if ctx.app.database.dialect == "postgresql":
        columns = [c.name for c in table.c]
        if set(columns) == set(names):
            load_rows(ctx.connection, table, ([row[c] for c in columns] for row in rows))
        else:
            ctx.connection.execute(insert(table), list(rows))
        return
    statement, order, converts = ctx.app.programs.keep(("bulk", table.name, names), lambda: _prepare(ctx, table, names))
    ctx.connection.exec_driver_sql(
        statement,
        [tuple(row[n] if c is None else c(row[n]) for n, c in zip(order, converts, strict=True)) for row in rows],
    )


def _prepare(ctx: RunContext, table: Table, names: Sequence[str]) -> tuple[str, list[str], list[Convert | None]]:
    dialect = ctx.connection.dialect
    compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
    order = list(compiled.positiontup or names)
    converts: list[Convert | None] = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in order]
    return str(compiled), order, converts
