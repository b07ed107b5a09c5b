"""Whether a step is decided: how many of those asked have to say yes, and who has still to speak."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update

from engine.model import Step
from runtime.context import RunContext
from runtime.task_opening import (
    ADDED,
    ADVISED,
    APPROVE,
    CHOSEN,
    HELPS,
    PASSED,
    REJECT,
    RETURN,
    STRAIGHT_BACK,
    TAKEN_BACK,
    WITHDRAWN,
    table,
)

Row = dict[str, Any]
QUORUM = frozenset({"at_least", "share"})
BESIDE = frozenset({ADDED, HELPS})
"""Marks of rows that are not of those the step asks."""
GONE = frozenset({"delegated", "removed", CHOSEN, PASSED, TAKEN_BACK, WITHDRAWN, *ADVISED.values()})
"""Rows that count for nothing: another stands for them, or nobody waited for them any more."""


def of_step(ctx: RunContext, task: Row) -> list[Row]:
    """The rows of a task's step that count: those asked since the document was last sent back past it."""
    rows = table(ctx)
    query = select(rows).where(_same_round(ctx, task), rows.c.decision.not_in(GONE)).order_by(rows.c.id)
    return counting([dict(row) for row in ctx.connection.execute(query).mappings()], task["step"])


def counting(rows: Sequence[Row], step: str) -> list[Row]:
    """Of the rows of one round, in order, those of a step that count: not what was said before a return past it."""
    mine = [row for row in rows if row["step"] == step and row["decision"] not in GONE]
    since = 0
    for back in rows if mine else ():
        if back["decision"] != RETURN:
            continue
        # whatever was asked at a return belongs to an earlier stage, and all that was asked later comes after it
        first = next((row for row in rows if row["id"] > back["id"] and row["stage"] < back["stage"]), None)
        if first is not None and _walked_again(first["stage"], back, mine[0]["stage"]):
            since = max(since, first["id"])
    return [row for row in mine if row["id"] >= since]


def _walked_again(first: int, back: Row, stage: int) -> bool:
    """Whether a stage is asked again after a return to ``first``: all from there on, or it and who returned only."""
    return stage in (first, back["stage"]) if back["mark"] == STRAIGHT_BACK else stage >= first


def is_refused(step: Step, rows: Sequence[Row]) -> bool:
    """Whether a step was refused: one refusal does, unless heads are counted and enough are left."""
    return any(row["decision"] == REJECT for row in rows) and not may_still_pass(step, rows)


def _needed(step: Step, asked: int) -> int:
    """How many approvals a step needs of those asked; never more than there are."""
    if step.decide == "at_least":
        return min(step.need, asked)
    if step.decide == "share":
        return ceil(Fraction(step.share) * asked)
    return min(1, asked) if step.decide == "any" else asked


def may_still_pass(step: Step, rows: Sequence[Row]) -> bool:
    """After a refusal: whether so many may still approve as are needed. Only where heads are counted."""
    if step.decide not in QUORUM or any(row["decision"] == REJECT and row["mark"] == ADDED for row in rows):
        return False
    asked = [row for row in rows if row["mark"] not in BESIDE]
    possible = sum(row["decision"] == APPROVE or row["decided_at"] is None for row in asked)
    return int(possible) >= _needed(step, len(asked))


def step_decided(ctx: RunContext, task: Row, step: Step) -> bool:
    """Enough approvals, and nobody added has still to speak; then the others need not speak any more."""
    rows = of_step(ctx, task)
    asked = [row for row in rows if row["mark"] not in BESIDE]
    approved = sum(row["decision"] == APPROVE for row in asked)
    silent = [row["id"] for row in rows if row["decided_at"] is None]
    if any(row["mark"] == ADDED and row["decided_at"] is None for row in rows) or approved < _needed(step, len(asked)):
        return False
    if silent:
        task_table = table(ctx)
        ctx.connection.execute(
            update(task_table).where(task_table.c.id.in_(silent)).values(decided_at=ctx.now(), decision=PASSED)
        )
    return True


def stage_waits(ctx: RunContext, task: Row) -> bool:
    """Whether anybody of this round is still asked."""
    rows = table(ctx)
    query = select(rows.c.id).where(_same_round(ctx, task), rows.c.decided_at.is_(None)).limit(1)
    return ctx.connection.execute(query).first() is not None


def _same_round(ctx: RunContext, task: Row) -> ColumnElement[bool]:
    rows = table(ctx)
    return and_(*(rows.c[name] == task[name] for name in ("entity", "record", "state", "round")))
