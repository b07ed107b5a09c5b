"""Whether anybody has spoken in the approval that a document is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, tuple_

from runtime.context import RunContext

BY_ITSELF = ("", "passed", "withdrawn", "taken_back", "removed", "copied", "chosen")
"""Decisions of rows in which nobody has said anything that stands."""


def spoken(ctx: RunContext, entity: str, records: Sequence[Mapping[str, Any]]) -> frozenset[int]:
    """Those of the records about which somebody has said something since they came into the state they are in."""
    task = ctx.app.tables.system.task
    states = {record["id"]: record["status"] for record in records}
    about = (task.c.entity == entity, task.c.record.in_(sorted(states)))
    last = (
        select(task.c.record, task.c.state, func.max(task.c.round)).where(*about).group_by(task.c.record, task.c.state)
    )
    query = select(task.c.record, task.c.state).where(
        *about,
        tuple_(task.c.record, task.c.state, task.c.round).in_(last),
        task.c.decision.not_in(BY_ITSELF),
        task.c.decided_by.is_not(None),
        task.c.mark != "again",
    )
    return frozenset(record for record, state in ctx.connection.execute(query) if states[record] == state)
