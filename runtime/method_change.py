"""A setting that says how ledgers are valued changes only at the start of a period; what is there goes with it."""

from __future__ import annotations

from engine.model import EntityKind, Field
from runtime.context import RunContext
from runtime.errors import Conflict, Fault
from runtime.ledgers.repool import Standing, refusal, repool, standing, valued_by
from runtime.ledgers.requests import DocumentKey
from runtime.record_drafts import Batch, Draft
from runtime.record_steps import differs

PERIOD_START = "period_start"


def reasons(ctx: RunContext, field: Field) -> tuple[Fault, ...]:
    """Why a field that chooses how ledgers are valued may not change now; nothing where it may."""
    ledgers = valued_by(ctx.app.model, field.entity, field.id)
    return tuple(found for ledger in ledgers if (found := refusal(ctx, ledger)) is not None)


def before_change(batch: Batch) -> Standing:
    """What there is in the ledgers that the batch values otherwise, before it is stored; refuses if it may not be."""
    entity = batch.plan.entity
    if entity.kind is not EntityKind.SETTING:
        return {}
    fields = [f for f in entity.fields.values() if f.fixed == PERIOD_START]
    changed = [f for f in fields if any(_changes(draft, f) for draft in batch.headers)]
    refused = dict.fromkeys(reason for field in changed for reason in reasons(batch.ctx, field))
    if refused:
        raise Conflict(*refused)
    return standing(batch.ctx, {i for field in changed for i in valued_by(batch.ctx.app.model, entity.id, field.id)})


def _changes(draft: Draft, field: Field) -> bool:
    return draft.old is not None and differs(draft, field.id)


def after_change(batch: Batch, before: Standing) -> None:
    """Value what stood before by what the setting says now."""
    if before:
        (draft,) = batch.headers
        repool(batch.ctx, before, DocumentKey(entity=batch.plan.entity.id, id=draft.row["id"]))


__all__ = ["PERIOD_START", "after_change", "before_change", "reasons"]
