"""Which workflows a person may look at, and how many of the documents he may know of stand in each state."""

from __future__ import annotations

from sqlalchemy import func, select

from engine.model import Entity
from runtime.context import RunContext
from runtime.permissions import READ, rights
from runtime.row_rules import row_condition


def readable_workflows(ctx: RunContext) -> list[Entity]:
    """The entities with a workflow whose records the reader may read, in the order of the app."""
    every = ctx.app.model.entities.values()
    return [entity for entity in every if entity.workflow is not None and rights(ctx, entity.id).may(READ)]


def in_states(ctx: RunContext, entity: Entity) -> dict[str, int]:
    """State → how many of the reader's documents are in it; one statement."""
    table = ctx.app.tables.entity[entity.id]
    query = (
        select(table.c.status, func.count().label("documents"))
        .where(table.c.deleted_at.is_(None))
        .group_by(table.c.status)
    )
    visible = row_condition(ctx, entity.id)
    if visible is not None:
        query = query.where(visible)
    return {row.status: row.documents for row in ctx.connection.execute(query)}
