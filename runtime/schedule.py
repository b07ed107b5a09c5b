"""What is due at a moment, done once: the balances of months that have ended. Repeating it does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select

from runtime.context import RunContext
from runtime.ledgers import keep_months


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One piece of work: its kind, what it was done to, through which day."""

    kind: str
    subject: str
    through: date


def tick(ctx: RunContext) -> list[Done]:
    """Do all that is due at the context's moment, and say what it was."""
    done = []
    before = _kept(ctx)
    for ledger in ctx.app.model.ledgers:
        keep_months(ctx, ledger, ctx.today() - timedelta(days=1))
    for ledger, through in _kept(ctx).items():
        if through is not None and through != before.get(ledger):
            done.append(Done(kind="month_kept", subject=ledger, through=through))
    return done


def _kept(ctx: RunContext) -> dict[str, date | None]:
    state = ctx.app.tables.ledgers.state
    rows = ctx.connection.execute(select(state.c.ledger, state.c.snapshot_through))
    return {row.ledger: row.snapshot_through for row in rows}
