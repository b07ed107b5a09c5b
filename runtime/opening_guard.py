"""What was taken over stays as it is once the app is live: no opening document comes in, is posted or undone."""

from __future__ import annotations

from sqlalchemy import select

from engine.model import Transition
from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.messages import fault
from runtime.permissions import label_of

LIVE = "live_since"


def live_since(ctx: RunContext) -> str:
    """The day the app was taken into use, "" before."""
    table = ctx.app.tables.system.app_state
    found = ctx.connection.execute(select(table.c.value).where(table.c.key == LIVE)).scalar()
    return str(found) if found else ""


def brings_balances(ctx: RunContext, entity: str) -> bool:
    """Whether the definition names this document as the one that brings opening balances in."""
    return any(opening.brings == entity for opening in ctx.app.model.openings.values())


def refuse_when_live(ctx: RunContext, entity: str) -> None:
    """Refuse a new opening document once the app is live, whichever way it comes in."""
    if brings_balances(ctx, entity) and (day := live_since(ctx)):
        raise Conflict(fault(ctx, "opening_when_live", label=label_of(ctx, entity), day=day))


def refuse_move_when_live(ctx: RunContext, entity: str, transition: Transition, *, started: bool) -> None:
    """Refuse a transition that posts, or undoes what was posted. ``started``: some record has left its first state.

    One that was never posted may still be put away.
    """
    posts = transition.posts in ctx.app.model.entities[entity].postings
    if posts or (transition.reverses and started):
        refuse_when_live(ctx, entity)


__all__ = ["LIVE", "brings_balances", "live_since", "refuse_move_when_live", "refuse_when_live"]
