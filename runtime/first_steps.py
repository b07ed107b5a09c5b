"""The check list of a new firm: what the definition names, ticked by what is in the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from engine.model import FirstStep
from runtime.context import RunContext
from runtime.permissions import rights


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A line of the list and whether the data say that it is done."""

    step: FirstStep
    done: bool


def first_steps(ctx: RunContext) -> tuple[Step, ...]:
    """The steps the person may take, people last; one statement looks at all of them."""
    steps = sorted(ctx.app.model.first_steps.values(), key=lambda step: bool(step.accounts))
    mine = [s for s in steps if not s.entity or rights(ctx, s.entity).may("create")]
    if not mine:
        return ()
    counted = ctx.connection.execute(select(*(_count(ctx, step) for step in mine))).one()
    return tuple(
        Step(step=step, done=count >= (step.accounts or step.least)) for step, count in zip(mine, counted, strict=True)
    )


def _count(ctx: RunContext, step: FirstStep) -> Any:
    """How many there are, counted no further than it takes."""
    if step.ledger:
        table = ctx.app.tables.moves[step.ledger]
        some = select(table.c.id).limit(step.least)
    elif step.accounts:
        table = ctx.app.tables.system.account
        some = select(table.c.id).where(table.c.active).limit(step.accounts)
    else:
        table = ctx.app.tables.entity[step.entity]
        some = select(table.c.id).where(table.c.deleted_at.is_(None)).limit(step.least)
    return select(func.count()).select_from(some.subquery()).scalar_subquery()
