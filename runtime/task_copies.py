"""Copies: people told of a document on its way through an approval without being asked anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runtime import inbox
from runtime.context import RunContext
from runtime.task_people import of_account

COPIED = "copied"


def copy_to(ctx: RunContext, entity: str, record: Mapping[str, Any], accounts: Iterable[int]) -> None:
    """Tell people of a document; they find it in their task centre and inbox."""
    now, told = ctx.now(), sorted(set(accounts))
    same = {
        "entity": entity,
        "record": record["id"],
        "state": record["status"],
        "step": "",
        "opened_at": now,
        "decided_at": now,
        "decision": COPIED,
        "asked_by": ctx.user.account or None,
    }
    if told:
        ctx.connection.execute(ctx.app.tables.system.task.insert(), [{**of_account(one), **same} for one in told])
        inbox.tell_people(ctx, COPIED, entity, dict(record), told)


__all__ = ["COPIED", "copy_to"]
