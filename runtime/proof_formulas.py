"""Proof that what is kept of computed figures is what their formulas give over the records as they are.

Always: what is drawn and what is left of the rows that documents are drawn from, and the axes of progress. With
``deep``: every stored formula. One statement a formula; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, select, type_coerce

from engine.model import AppModel, EntityKind, Field
from runtime.computed import graph_of
from runtime.context import RunContext
from runtime.drawing import drawn_of
from runtime.ledgers.requests import Problem
from runtime.record_inputs import Workspace
from runtime.record_rows import CHUNK, load_rows
from runtime.record_steps import settle
from runtime.row_rules import scope_of
from runtime.sql import NotInSql, to_stored

MOST = 100
"""Faults told of one formula: who has more has one cause."""

Cell = tuple[str, str]


def check_formulas(ctx: RunContext, *, deep: bool = False) -> Iterator[Problem]:
    """The records whose kept figures are not what their formulas give."""
    told = _told_by_documents(ctx.app.model)
    for cell in graph_of(ctx).order:
        code = told.get(cell, "formula_differs" if deep else "")
        if code and cell[1] in ctx.app.tables.entity[cell[0]].c:
            yield from _check_cell(ctx, cell, code)


def _told_by_documents(model: AppModel) -> dict[Cell, str]:
    """The figures that say how far documents are: what was drawn from a row, and how much of a document is done."""
    found: dict[Cell, str] = {}
    for entity in model.entities.values():
        for drawn in drawn_of(model, entity):
            for name in (drawn.source.left, drawn.source.done):
                found[drawn.origin_row, name] = "remainder_differs"
        for progress in entity.progress.values():
            for name in (progress.id, f"{progress.id}_share"):
                found[entity.id, name] = "progress_differs"
    return found


def _check_cell(ctx: RunContext, cell: Cell, code: str) -> Iterator[Problem]:
    field = ctx.app.model.entities[cell[0]].fields[cell[1]]
    wrong: Sequence[Sequence[Any]]
    try:
        wrong = ctx.connection.execute(_statement(ctx, cell, field).limit(MOST)).all()
    except NotInSql:
        wrong = _wrong_in_python(ctx, cell, field)[:MOST]
    for record, kept, true in wrong:
        message = f"{cell[1]}: {_text(kept)} is kept, the records say {_text(true)}"
        yield Problem(code=code, ledger=cell[0], key=str(record), message=message)


def _statement(ctx: RunContext, cell: Cell, field: Field) -> Select[Any]:
    table = ctx.app.tables.entity[cell[0]]
    assert field.formula is not None
    column = table.c[cell[1]]
    fresh = to_stored(field.formula, field.value, scope_of(ctx, cell[0], table))
    there = standing(ctx, cell[0], table)
    return (
        select(table.c.id, column, type_coerce(fresh, column.type).label("fresh"))
        .where(column.is_distinct_from(fresh), there)
        .order_by(table.c.id)
    )


def standing(ctx: RunContext, entity: str, table: Table) -> ColumnElement[bool]:
    """The rows that are not deleted, nor lines of something that is: what was deleted stays as it was."""
    described = ctx.app.model.entities[entity]
    if described.kind is not EntityKind.LINES:
        return table.c.deleted_at.is_(None)
    owner = ctx.app.tables.entity[described.parent]
    return table.c.parent.in_(select(owner.c.id).where(standing(ctx, described.parent, owner)))


def _wrong_in_python(ctx: RunContext, cell: Cell, field: Field) -> list[tuple[int, object, object]]:
    """A formula that no statement can express, over the records themselves."""
    table = ctx.app.tables.entity[cell[0]]
    assert field.formula is not None
    at, found = Workspace(ctx), []
    ids = list(ctx.connection.scalars(select(table.c.id).where(standing(ctx, cell[0], table)).order_by(table.c.id)))
    for start in range(0, len(ids), CHUNK):
        rows: Sequence[dict[str, Any]] = list(load_rows(ctx, cell[0], ids[start : start + CHUNK]).values())
        values = at.evaluate(field.formula, rows, None, cell[0])
        fresh = [settle(field, value) for value in values]
        found += [(r["id"], r[cell[1]], v) for r, v in zip(rows, fresh, strict=True) if r[cell[1]] != v]
    return found


def _text(value: object) -> str:
    return "nothing" if value is None else str(value)


__all__ = ["check_formulas", "standing"]
