"""Which moves a posting corrects the cost of: those another posting made for the rows it names."""

from __future__ import annotations

from typing import Any

from sqlalchemy import FromClause, Select, Table, select

from engine.expressions.tree import Rows
from engine.model import Posting
from runtime.context import RunContext
from runtime.record_inputs import Workspace

Row = dict[str, Any]


def corrected_moves(ctx: RunContext, posting: Posting, document: Row) -> tuple[int, ...]:
    """Ids of the moves of ``posting.ledger`` that ``posting.of_posting`` made for the rows, countered ones left out."""
    rows = posting.of_rows
    if rows is None:
        return ()
    ids = row_ids(ctx, rows, document)
    moves = ctx.app.tables.moves[posting.ledger]
    countered = moves.alias("countered")
    is_line = bool(ctx.app.model.entities[rows.entity].parent)
    named = moves.c.line_id.in_(ids) & (moves.c.line_entity == rows.entity)
    of_header = moves.c.doc_id.in_(ids) & (moves.c.doc_entity == rows.entity) & moves.c.line_id.is_(None)
    query = (
        select(moves.c.id)
        .where(named if is_line else of_header, moves.c.posting == posting.of_posting, moves.c.counter_of.is_(None))
        .where(~select(countered.c.id).where(countered.c.counter_of == moves.c.id).exists())
        .order_by(moves.c.id)
    )
    return tuple(ctx.connection.execute(query).scalars())


def row_ids(ctx: RunContext, rows: Rows, document: Row) -> list[int]:
    """Ids of the rows of a set that hangs on a document."""
    start = document["id"]
    if rows.base is not None and rows.base.steps:
        start = Workspace(ctx).follow(rows.base.entity, [document], rows.base.steps)[0]
    table = ctx.app.tables.entity[rows.entity]
    by = rows.by.split(".") if rows.kind == "reverse" else ["parent"]
    return list(ctx.connection.execute(_named(ctx, rows.entity, table, by, start)).scalars())


def _named(ctx: RunContext, entity: str, table: Table, by: list[str], start: int) -> Select[Any]:
    """Rows whose path ``by`` ends at ``start``."""
    query = select(table.c.id).order_by(table.c.id)
    here: FromClause = table
    joined = entity
    for step in by[:-1]:
        field = ctx.app.model.entities[joined].fields.get(step)
        joined = ctx.app.model.entities[joined].parent if step == "parent" else (field.targets[0] if field else "")
        above = ctx.app.tables.entity[joined].alias(f"above_{joined.replace('.', '__')}")
        query = query.join(above, above.c.id == here.c[step])
        here = above
    if "deleted_at" in here.c:
        query = query.where(here.c.deleted_at.is_(None))
    return query.where(here.c[by[-1]] == start)
