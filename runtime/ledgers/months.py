"""Periods: closing and opening them, and the month ends kept so that any day's balance is near."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, func, insert, select

from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.ledgers.book import Book, Draft
from runtime.ledgers.costing import ZERO
from runtime.ledgers.running import INSERTS
from runtime.ledgers.shape import Shape, dimension_columns_of
from runtime.messages import fault
from runtime.prepared import Prepared, prepare


def close_period(ctx: RunContext, ledger: str | None, through: date) -> None:
    """Close a ledger (``None``: all) through a day: nothing is posted into it any more. Keeps the month ends."""
    set_state(ctx, ledger or "", closed_through=through)
    for each in [ledger] if ledger else list(ctx.app.model.ledgers):
        keep_months(ctx, each, through)


def reopen(ctx: RunContext, ledger: str | None, through: date | None) -> None:
    """Open what was closed after ``through`` (``None``: everything); not what was valued by another method."""
    first = through + timedelta(days=1) if through else date.min
    for each, period in Book(ctx).periods.items():
        if period.valued and ledger in (None, each) and first < period.valued:
            label = ctx.app.model.ledgers[each].label.get(ctx.language)
            raise Conflict(fault(ctx, "method_changed_since", ledger=label, day=period.valued))
    set_state(ctx, ledger or "", closed_through=through)


def closed_through(ctx: RunContext, ledger: str) -> date | None:
    """The last closed day of a ledger, its own or that of all."""
    return Book(ctx).closed_through(ledger)


def set_state(ctx: RunContext, ledger: str, **values: date | None) -> None:
    """Note of a ledger until when it is closed, kept or valued."""
    state = ctx.app.tables.ledgers.state
    statement = INSERTS[ctx.connection.dialect.name](state).values(ledger=ledger, **values)
    ctx.connection.execute(statement.on_conflict_do_update(index_elements=["ledger"], set_=values))


def month_end(day: date) -> date:
    """The last day of a day's month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def keep_months(ctx: RunContext, ledger: str, through: date) -> None:
    """Keep the balances of every month end up to ``through`` that is not kept yet."""
    book = Book(ctx)
    shape, table = book.shape(ledger), book.shape(ledger).moves
    period = book.periods.get(ledger)
    first = period.kept + timedelta(days=1) if period and period.kept else None
    if first is None:
        oldest = ctx.connection.scalar(select(func.min(table.c.at)))
        if oldest is None:
            return
        first = oldest.astimezone(book.zone).date()
    end = month_end(first)
    while end <= through:
        _keep_month(book, shape, end)
        set_state(ctx, ledger, snapshot_through=end)
        end = month_end(end + timedelta(days=1))


def _keep_month(book: Book, shape: Shape, end: date) -> None:
    """The month before plus the moves of the month, per finest key."""
    connection, kept, moves = book.ctx.connection, shape.snapshot, shape.moves
    before = end.replace(day=1) - timedelta(days=1)
    sums: dict[str, tuple[dict[str, Any], dict[str, Decimal]]] = {}
    for row in connection.execute(select(kept).where(kept.c.month == before)).mappings():
        sums[row["key"]] = (shape.columns(shape.read(row)), {r: row[r] for r in shape.resources})
    columns = dimension_columns_of(shape, moves)
    query = (
        select(*columns, *(func.sum(moves.c[r]).label(r) for r in shape.resources))
        .where(moves.c.at >= book.day_start(before + timedelta(days=1)), moves.c.at <= book.day_end(end))
        .group_by(*columns)
    )
    for row in connection.execute(query).mappings():
        dimensions = shape.read(row)
        _, amounts = sums.setdefault(
            shape.key(dimensions), (shape.columns(dimensions), dict.fromkeys(shape.resources, ZERO))
        )
        for name in shape.resources:
            amounts[name] += row[name]
    rows = [{"month": end, "key": k, **c, **a} for k, (c, a) in sums.items() if any(a.values())]
    connection.execute(delete(kept).where(kept.c.month == end))
    if rows:
        connection.execute(insert(kept), rows)


def keep_month_ends(book: Book, drafts: Sequence[Draft]) -> None:
    """Month ends already kept stay right when something is posted before them."""
    for shape in {d.shape.ledger.id: d.shape for d in drafts}.values():
        period = book.periods.get(shape.ledger.id)
        if period is None or period.kept is None:
            continue
        edge = book.day_end(period.kept)
        late = [d for d in drafts if d.shape is shape and d.at <= edge]
        if late:
            _add_late(book, shape, late, period.kept)


def _add_late(book: Book, shape: Shape, drafts: Sequence[Draft], kept: date) -> None:
    rows: dict[tuple[date, str], dict[str, Any]] = {}
    for draft in drafts:
        end = month_end(draft.at.astimezone(book.zone).date())
        key = shape.key(draft.dimensions)
        while end <= kept:
            empty = {
                "month": end,
                "key": key,
                **shape.columns(draft.dimensions),
                **dict.fromkeys(shape.resources, ZERO),
            }
            row = rows.setdefault((end, key), empty)
            for name, amount in draft.all_amounts().items():
                row[name] += amount
            end = month_end(end + timedelta(days=1))
    if rows:
        names = tuple(next(iter(rows.values())))
        made = book.ctx.app.programs.keep(("late", shape.ledger.id), lambda: _adding(book.ctx, shape, names))
        made.run(book.ctx, [tuple(rows[k].values()) for k in sorted(rows)])


def _adding(ctx: RunContext, shape: Shape, names: Sequence[str]) -> Prepared:
    """Month ends that are there take on what comes, others begin."""
    table = shape.snapshot
    statement = INSERTS[ctx.connection.dialect.name](table)
    changed = {r: table.c[r] + statement.excluded[r] for r in shape.resources}
    return prepare(ctx, table, statement.on_conflict_do_update(index_elements=["month", "key"], set_=changed), names)
