"""Dialogs of transitions: what each asks for, as fields; and what came back from one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup
from sqlalchemy import select
from werkzeug.datastructures import ImmutableMultiDict

from engine.model import Demand, Entity, Transition
from runtime import documents
from runtime.context import RunContext
from runtime.task_people import CHOSEN
from runtime.workflow_rights import Action, Asked
from web.record_fields import FieldScene, field_view
from web.record_html import RecordHtml
from web.record_outline import Move
from web.signatures import kept
from web.texts import translator

Row = dict[str, Any]
View = dict[str, Any]
FILES = ("photo", "file", "signature")
NAMED = f"{CHOSEN}-"
"""Names of the fields by which the initiator names approvers."""


def dialog_bodies(
    ctx: RunContext,
    entity: Entity,
    row: Row,
    moves: Sequence[tuple[Move, Action]],
    scene: FieldScene,
    html: RecordHtml,
    *,
    alone: bool,
) -> dict[str, str]:
    """What each step's dialog says and asks for, by its id; ``alone``: nothing was drawn from the record."""
    found: dict[str, str] = {}
    for move, action in moves:
        if move.asks and not move.refused:
            effects = _effects(ctx, entity, row, move.id, alone=alone)
            asked = [html.field(view) for view in _fields(ctx, entity, row, action.demands, scene)]
            found[move.id] = Markup("").join([html.touched(effects) if effects else "", *asked])
    return found


def _fields(ctx: RunContext, entity: Entity, row: Row, demands: tuple[Asked, ...], scene: FieldScene) -> list[View]:
    fields = [demand_view(ctx, entity, row, d, scene) for d in demands]
    if not any(d.kind == "note" for d in demands):
        t = translator(ctx.language)
        fields.append(
            {"id": "note", "html_id": "note-free", "type": "long_text", "label": t("意见", "Note"), "rows": 2}
        )
    return fields


def demand_view(ctx: RunContext, entity: Entity, row: Row, demand: Asked, scene: FieldScene) -> View:
    """What one demand asks for, as a field."""
    if demand.kind == "field" and demand.field in entity.fields:
        view = field_view(scene, entity, entity.fields[demand.field], row)
        return {**view, "html_id": f"ask-{demand.field}", "required": True, "readonly": False}
    if demand.kind == CHOSEN:
        return _people_view(ctx, demand)
    labels = _labels(ctx)
    zh_type = {"note": "long_text", "scan": "barcode"}.get(demand.kind, demand.kind)
    return {
        "id": demand.kind,
        "html_id": f"ask-{demand.kind}",
        "type": zh_type,
        "label": labels.get(demand.kind, demand.label),
        "required": True,
        "many": demand.kind in ("photo", "file"),
        "rows": 2,
        "span": 2,
    }


def _people_view(ctx: RunContext, demand: Asked) -> View:
    """Members to choose from, several if need be."""
    members = ctx.app.tables.entity[ctx.app.model.members]
    account = ctx.app.tables.system.account
    query = select(members.c.id, members.c.name).join(account, account.c.member == members.c.id).where(account.c.active)
    rows = ctx.connection.execute(query.order_by(members.c.name)).all()
    return {
        "id": f"{NAMED}{demand.field}",
        "html_id": f"{NAMED}{demand.field}",
        "type": "choices",
        "label": demand.label,
        "required": True,
        "options": [{"value": row.id, "text": row.name} for row in rows],
        "chosen": (),
        "span": 2,
    }


def _labels(ctx: RunContext) -> Mapping[str, str]:
    t = translator(ctx.language)
    return {
        "note": t("原因", "Reason"),
        "photo": t("照片", "Photo"),
        "scan": t("扫描单号", "Scan the code"),
        "signature": t("签名", "Signature"),
        "file": t("附件", "File"),
    }


def _effects(ctx: RunContext, entity: Entity, row: Row, step: str, *, alone: bool) -> list[str]:
    """What undoing touches, before one does it."""
    transition = entity.workflow.transitions[step] if entity.workflow else None
    if transition is None or not transition.reverses:
        return []
    effects = documents.reversal_effects(ctx, entity.id, row["id"], step, alone=alone)
    t = translator(ctx.language)
    told = []
    for effect in effects:
        if effect.kind == "ledger":
            told.append(
                t(f"{effect.label}：冲回 {effect.count} 笔", f"{effect.label}: {effect.count} moves are countered")
            )
        else:
            told.append(f"{effect.label} {effect.title}")
    return told


def _demands(entity: Entity, transition: Transition) -> Iterator[Demand]:
    """What a transition asks for; where an approval takes it, what its steps ask for too."""
    yield from transition.demands
    states = entity.workflow.states if entity.workflow else {}
    for origin in transition.origins:
        approval = states[origin].approval
        for step in approval.steps if approval and not transition.by else ():
            yield from step.demands
            yield from (Demand(kind="field", field=path) for path in step.required)


def _chosen(form: ImmutableMultiDict[str, str]) -> dict[str, list[str]]:
    """Whom the initiator names, by step."""
    names = [name for name in form if name.startswith(NAMED)]
    return {name.removeprefix(NAMED): [v for v in form.getlist(name) if v] for name in names}


def body_of(ctx: RunContext, entity: Entity, transition: str, form: ImmutableMultiDict[str, str]) -> dict[str, object]:
    """What the dialog sent, as the workflow takes it."""
    body: dict[str, object] = {"note": form.get("note", "")}
    found = entity.workflow.transitions.get(transition) if entity.workflow else None
    for demand in _demands(entity, found) if found else ():
        if demand.kind in ("photo", "file"):
            body[demand.kind] = [v for v in form.getlist(demand.kind) if v]
        elif demand.kind in ("scan", "signature"):
            body[demand.kind] = kept(ctx, form.get(demand.kind, ""))
        elif demand.kind == "field" and (demand.field in form or (found and demand in found.demands)):
            body[demand.field] = form.get(demand.field, "")
    chosen = _chosen(form)
    if chosen:
        body[CHOSEN] = chosen
    return body
