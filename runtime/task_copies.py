"""Copies: people told of a document on its way through an approval without being asked anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

from runtime import inbox
from runtime.context import RunContext
from runtime.task_people import of_account

COPIED = "copied"


def copy_to(ctx: RunContext, entity: str, record: Mapping[str, Any], accounts: Iterable[int], note: str = "") -> None:
    """Tell people of a document; they find it in their task centre and inbox."""
    copy_all(ctx, entity, [(record, frozenset(accounts))], note)


def copy_all(
    ctx: RunContext, entity: str, copies: Iterable[tuple[Mapping[str, Any], Set[int]]], note: str = ""
) -> None:
    """The same for several documents, each with its people."""
    now, told = ctx.now(), [(record, sorted(accounts)) for record, accounts in copies if accounts]
    same = {
        "entity": entity,
        "step": "",
        "opened_at": now,
        "decided_at": now,
        "decision": COPIED,
        "note": note,
        "asked_by": ctx.user.account or None,
    }
    rows = [
        {**of_account(one), **same, "record": record["id"], "state": record["status"]}
        for record, accounts in told
        for one in accounts
    ]
    if rows:
        ctx.connection.execute(ctx.app.tables.system.task.insert(), rows)
        inbox.tell_many(ctx, COPIED, entity, told, note)


__all__ = ["COPIED", "copy_all", "copy_to"]
