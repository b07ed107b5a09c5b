"""What a task is about, in a line: who sent it, with whom or what it deals, what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.expressions.types import Kind
from runtime.accounts import account_names
from runtime.context import RunContext
from runtime.record_reading import record_pairs, titles, visible_record
from runtime.tasks import Task
from web.task_view import headline
from web.texts import translator

Row = dict[str, Any]


def gists(ctx: RunContext, tasks: Sequence[Task]) -> list[str]:
    """A line for each task, in their order; what the reader may not see is left out. Two statements for all."""
    rows = [visible_record(ctx, task.entity, task.row) for task in tasks]
    deals = [_deals_with(ctx, task.entity, row) for task, row in zip(tasks, rows, strict=True)]
    named = titles(ctx, [pair for pair in deals if pair])
    senders = account_names(ctx, {task.asked_by for task in tasks if task.asked_by})
    t = translator(ctx.language)
    lines = []
    for task, row, pair in zip(tasks, rows, deals, strict=True):
        sender = senders.get(task.asked_by or 0, "")
        known = named.get(pair, {}) if pair else {}
        parts = [
            t(f"{sender} 提交", f"sent by {sender}") if sender else "",
            str(known.get("name") or known.get("code") or ""),
            headline(ctx, ctx.app.model.entities[task.entity], row),
            task.step_label,
        ]
        lines.append(" · ".join(part for part in parts if part))
    return lines


def _deals_with(ctx: RunContext, entity: str, row: Row) -> tuple[str, int] | None:
    """The first record the document names that is not a colleague."""
    for field in ctx.app.model.entities[entity].fields.values():
        if field.value.kind is Kind.REFERENCE and not field.lines:
            found = next(iter(record_pairs(field, row.get(field.id))), None)
            if found and found[0] != ctx.app.model.members:
                return found
    return None
