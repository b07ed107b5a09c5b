"""What a record would be if it were saved: defaults, fills and formulas, with nothing written.

For pages: a new document before anybody typed, one drawn from others, one that was refused and is shown again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.context import RunContext
from runtime.errors import Fault
from runtime.record_drafts import add_changed, add_new, new_batch
from runtime.record_plan import record_plan
from runtime.record_references import resolve_lookups
from runtime.record_steps import note_changes, run_steps

Row = dict[str, Any]


def preview(
    ctx: RunContext, entity: str, values: Mapping[str, object], old: Row | None = None
) -> tuple[Row, Sequence[Fault]]:
    """The record and what would be refused about its values; lines name their owner by id as when loaded."""
    batch = new_batch(ctx, record_plan(ctx, entity), strict=True)
    draft = add_new(batch, values, 0) if old is None else add_changed(batch, old, values, 0)
    described = ctx.app.model.entities[entity]
    if described.workflow is not None:
        draft.row.setdefault("status", described.workflow.start.id)
    resolve_lookups(batch)
    note_changes(batch)
    run_steps(batch)
    for field in described.fields.values():
        for line in draft.row.get(field.id) or () if field.lines else ():
            line["parent"] = draft.row.get("id")
    return draft.row, [found for _, found in batch.faults]
