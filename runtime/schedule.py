"""What is due at a moment, done once: reminders, and the balances of months that have ended.

Repeating it does nothing. What is said by it waits in the outbox, and is sent after the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from sqlalchemy import select

from runtime import idempotency, outbox, outbox_list, reminders, rules_clock, sync_kept, task_deadlines, task_late
from runtime.context import RunContext
from runtime.ledgers import keep_months
from runtime.messages import both
from runtime.outbox import Outgoing
from runtime.outbox_people import administrators
from runtime.plugins import running

HANDLERS: Mapping[str, reminders.Handler] = MappingProxyType(
    {**rules_clock.HANDLERS, task_deadlines.HANDLER: task_late.deadline_passed}
)
"""Who handles a reminder, by the handler's name it was put with: each room that reminds has a row here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One piece of work: its kind, what it was done to, through which day; what went wrong, if anything did."""

    kind: str
    subject: str
    through: date
    error: str = ""


def tick(ctx: RunContext) -> list[Done]:
    """Do all that is due at the context's moment, and say what it was."""
    handled = reminders.due_now(ctx, HANDLERS)
    _tell_failed(ctx, [each for each in handled if each.outcome == "failed"])
    done = [_reminded(ctx, each) for each in handled]
    rules_clock.tick(ctx)
    reminders.forget_old(ctx)
    outbox_list.forget_old(ctx)
    running.forget_old(ctx)
    idempotency.forget_old(ctx)
    sync_kept.forget_old(ctx)
    before = _kept(ctx)
    for ledger in ctx.app.model.ledgers:
        keep_months(ctx, ledger, ctx.today() - timedelta(days=1))
    for ledger, through in _kept(ctx).items():
        if through is not None and through != before.get(ledger):
            done.append(Done(kind="month_kept", subject=ledger, through=through))
    return done


def _tell_failed(ctx: RunContext, failed: Sequence[reminders.Handled]) -> None:
    """The administrators are told, once a day for each handler, of what was tried again and again in vain."""
    today = ctx.today().isoformat()
    for each in {each.handler: each for each in failed}.values():
        told = Outgoing(
            kind="inbox", key=f"reminder_failed:{each.handler}:{today}", title=both("reminder_failed_title"),
            text=both("reminder_failed", key=each.key, reason=each.error[:300]), accounts=administrators(ctx),
            origin="reminder",
        )  # fmt: skip
        outbox.post(ctx, told)


def _reminded(ctx: RunContext, each: reminders.Handled) -> Done:
    day = each.due.astimezone(ZoneInfo(ctx.app.model.timezone)).date()
    return Done(kind=f"reminder_{each.outcome}", subject=each.key, through=day, error=each.error)


def _kept(ctx: RunContext) -> dict[str, date | None]:
    state = ctx.app.tables.ledgers.state
    rows = ctx.connection.execute(select(state.c.ledger, state.c.snapshot_through))
    return {row.ledger: row.snapshot_through for row in rows}
