"""One approval as a person decides it: the sum first, why it came here, the document, who agreed, what may be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from flask import request, url_for
from sqlalchemy import select
from werkzeug.datastructures import ImmutableMultiDict

from engine.expressions.functions import WORKING_DAYS
from engine.expressions.tree import Aggregate, Node
from engine.model import Entity, Step
from runtime import tasks
from runtime.accounts import account_names
from runtime.context import RunContext
from runtime.expression_words import Speaker, in_words
from runtime.messages import say
from runtime.record_inputs import Workspace
from runtime.record_texts import value_text
from runtime.task_flow import people as ways
from runtime.task_opening import ADVISED, HELPS, approval_of, stages, table
from runtime.task_ways import STANDS_IN
from runtime.workflow_rights import Asked
from web.card_view import CURRENCIES, MINUS
from web.display import moment, number
from web.record_actions import demand_view
from web.record_fields import FieldScene, field_view
from web.record_page import record_view, scene_of
from web.signatures import kept
from web.texts import translator

Row = dict[str, Any]
View = dict[str, Any]
FILES = ("photo", "file", "signature")
FIELD = "fields."
"""Names of the step's fields in what is posted."""
MOST_PHRASES = 5


def task_view(ctx: RunContext, task: Mapping[str, Any], row: Row) -> View:
    """What the page of a task shows."""
    entity = ctx.app.model.entities[task["entity"]]
    step = tasks.step_of(ctx, task)
    scene = scene_of(ctx, entity, row)
    record = record_view(ctx, entity, row, replace(scene, editable=False))
    sender = account_names(ctx, [task["asked_by"]]).get(task["asked_by"] or 0, "")
    return {
        "id": task["id"],
        "record": record,
        "step": step.label.get(ctx.language),
        "headline": headline(ctx, entity, row),
        "sent": f"{sender} {moment(task['opened_at'], ctx)}".strip(),
        "why": why(ctx, entity, step, row),
        "asks": _asks(ctx, entity, step, row, scene),
        "phrases": phrases(ctx),
        "steps": _steps_before(ctx, task),
        "way": approval_of(entity, task["state"]).resubmit,
        "returns": "returned" in approval_of(entity, task["state"]).outcome,
        "people": people(ctx),
        "helps": task["mark"] == HELPS,
        "handled": step.handled,
        "brought_in": _brought_in(ctx, task, row),
        "advice": _advice(ctx, task),
    }


def headline(ctx: RunContext, entity: Entity, row: Row) -> str:
    """What the document comes to: the greatest sum over its lines, else the sum that was entered, else one computed."""
    sums = [
        f for f in entity.fields.values() if f.type == "money" and not f.value.per_unit and row.get(f.id) is not None
    ]
    lines = [f for f in sums if f.formula is not None and _sums_lines(f.formula.tree)]
    entered = [f for f in sums if f.formula is None]
    chosen = max(lines, key=lambda f: abs(row[f.id]), default=None) or next(iter(entered or sums), None)
    if chosen is None:
        return ""
    sign = CURRENCIES.get(ctx.app.model.currency, "")
    return f"{MINUS if row[chosen.id] < 0 else ''}{sign}{number(abs(row[chosen.id]), 2)}"


def _sums_lines(node: Node) -> bool:
    return isinstance(node, Aggregate) and node.function == "sum" and node.rows.kind == "lines"


def why(ctx: RunContext, entity: Entity, step: Step, row: Row) -> str:
    """Why the step asks: its condition in words, with what it found."""
    if step.condition is None:
        return ""
    at, t, speaker = Workspace(ctx), translator(ctx.language), Speaker(ctx)
    inputs = (node for node in step.condition.inputs if node != WORKING_DAYS)
    read = ((node, at.input(node, [row], None, entity.id)[0]) for node in inputs)
    found = t("，", ", ").join(f"{speaker.say(node)} {_shown(ctx, value)}" for node, value in read)
    words = in_words(ctx, step.condition)
    return f"{words}{t('（', ' (')}{found}{t('）', ')')}" if found else words


def _shown(ctx: RunContext, value: object) -> str:
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return number(value)
    return value_text(ctx, value)


def _asks(ctx: RunContext, entity: Entity, step: Step, row: Row, scene: FieldScene) -> list[View]:
    """What the step demands and lets be filled in."""
    found = []
    for demand in step.demands:
        one = entity.fields.get(demand.field)
        label = one.label.get(ctx.language) if one else say(ctx, f"demand_{demand.kind}")
        if demand.kind != "note":
            asked = Asked(kind=demand.kind, field=demand.field, count=demand.count, label=label)
            kept = {"value": request.form.get("signature", "")} if demand.kind == "signature" else {}
            found.append({**demand_view(ctx, entity, row, asked, scene), **kept})
    for path in step.edit:
        view = field_view(scene, entity, entity.fields[path], row)
        name = f"{FIELD}{path}"
        found.append({**view, "id": name, "html_id": name, "required": path in step.required, "readonly": False})
    return found


def asks_more(ctx: RunContext, task: Mapping[str, Any]) -> bool:
    """Whether a step asks for more than yes and no: it cannot be decided with others at once."""
    step = tasks.step_of(ctx, task)
    return bool(step.required or any(demand.kind != "note" for demand in step.demands))


def body_of(ctx: RunContext, task: Mapping[str, Any], form: ImmutableMultiDict[str, str]) -> dict[str, object]:
    """What was posted, as the runtime takes it."""
    step = tasks.step_of(ctx, task)
    body: dict[str, object] = {"note": form.get("note", "").strip()}
    for demand in step.demands:
        if demand.kind in FILES:
            given = [value for value in form.getlist(demand.kind) if value]
            body[demand.kind] = given if demand.kind != "signature" else kept(ctx, given[0] if given else "")
        elif demand.kind == "scan":
            body["scan"] = form.get("scan", "")
        elif demand.kind == "field":
            body[demand.field] = form.get(demand.field, "")
    values = {path: form.get(f"{FIELD}{path}") for path in step.edit if f"{FIELD}{path}" in form}
    if values:
        body["fields"] = values
    return body


def phrases(ctx: RunContext) -> list[str]:
    """What the person wrote lately, for writing it again."""
    task = table(ctx)
    query = (
        select(task.c.note).where(task.c.decided_by == ctx.user.account, task.c.note != "").order_by(task.c.id.desc())
    )
    lately = ctx.connection.execute(query.limit(50)).scalars()
    return list(dict.fromkeys(lately))[:MOST_PHRASES]


def people(ctx: RunContext) -> list[View]:
    """Others who log in: to hand over to, to ask too."""
    account = ctx.app.tables.system.account
    query = select(account.c.id).where(account.c.active, account.c.id != ctx.user.account)
    names = account_names(ctx, ctx.connection.execute(query).scalars())
    return [{"id": id, "name": name} for id, name in sorted(names.items(), key=lambda pair: pair[1])]


def _steps_before(ctx: RunContext, task: Mapping[str, Any]) -> list[View]:
    """Steps decided before in this round: where the document may be returned to."""
    approval = approval_of(ctx.app.model.entities[task["entity"]], task["state"])
    rows = table(ctx)
    query = select(rows.c.step).where(
        *(rows.c[name] == task[name] for name in ("entity", "record", "state", "round")), rows.c.decision == "approve"
    )
    decided = set(ctx.connection.execute(query).scalars())
    earlier = (step for each in stages(approval)[: task["stage"]] for step in each)
    before = [step for step in earlier if step.id in decided and not step.waits]
    return [{"id": step.id, "label": step.label.get(ctx.language)} for step in before]


def _advice(ctx: RunContext, task: Mapping[str, Any]) -> list[View]:
    """What those think whom I asked for their opinion."""
    rows, t = table(ctx), translator(ctx.language)
    words = {"advised_yes": t("建议同意", "would approve"), "advised_no": t("建议驳回", "would refuse")}
    query = select(rows.c.decided_by, rows.c.decision, rows.c.note, rows.c.decided_at).where(
        *(rows.c[name] == task[name] for name in ("entity", "record", "state", "round", "step")),
        rows.c.decision.in_(sorted(words)),
    )
    found = ctx.connection.execute(query.order_by(rows.c.id)).all()
    names = account_names(ctx, [row.decided_by for row in found])
    return [
        {
            "name": names.get(row.decided_by or 0, ""),
            "said": words[row.decision],
            "note": row.note,
            "when": moment(row.decided_at, ctx),
        }
        for row in found
    ]


def _brought_in(ctx: RunContext, task: Mapping[str, Any], row: Row) -> list[View]:
    """Who was asked besides those whom the steps name, and how he came to it; an opinion given stands apart."""
    return [
        {
            "text": way.text,
            "note": way.note,
            "said": _said(ctx, way.decision) if way.kind != STANDS_IN else "",
            "url": url_for("pages.act_on_task", id=way.task, act="remove-signer") if way.removable else "",
        }
        for way in ways(ctx, task["entity"], row, task["state"])
        if way.decision not in ADVISED.values()
    ]


def _said(ctx: RunContext, decision: str) -> str:
    """What somebody did who was asked."""
    t = translator(ctx.language)
    words = {
        "": t("还没有处理", "has not decided yet"),
        "approve": t("已同意", "approved"),
        "reject": t("已驳回", "refused"),
        "return": t("已退回", "returned it"),
        "delegated": t("已转交", "handed it over"),
    }
    return words.get(decision, t("不用再处理", "need not decide any more"))
