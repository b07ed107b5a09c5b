"""The task centre: what waits for me, decided one by one or several at once; what I did, sent, was told of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

from flask import Blueprint, redirect, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from runtime import substitutes, task_acts, task_center, task_take_back, tasks
from runtime.context import RunContext
from runtime.errors import Fault, Invalid, NotFound, UserError
from runtime.messages import fault
from runtime.permissions import label_of
from runtime.task_opening import table
from web.access import reading, writing
from web.display import day, moment
from web.pages.records import visible_row
from web.record_html import RecordHtml
from web.render import render, tell
from web.task_gist import gists
from web.task_view import FIELD, asks_more, body_of, people, task_view
from web.texts import translator
from web.whole import is_whole

View = dict[str, Any]
TAKE_BACK, REMOVE = "take-back", "remove-signer"
BOXES: Mapping[str, Callable[[RunContext], list[task_center.Seen]]] = MappingProxyType(
    {"done": task_center.done, "sent": task_center.sent, "copied": task_center.copied}
)


def task_views(ctx: RunContext, most: int = 200) -> list[View]:
    """My tasks for the pages."""
    found = tasks.mine(ctx)[:most]
    return [
        {
            "id": task.id,
            "title": f"{task.label} {task.title}",
            "note": gist,
            "when": moment(task.opened_at, ctx),
            "tone": "",
            "url": url_for("pages.task", id=task.id),
            "about": f"{task.entity}/{task.record}",
            "icon": ctx.app.model.entities[task.entity].icon or "checkbox",
        }
        for task, gist in zip(found, gists(ctx, found), strict=True)
    ]


def my_tasks() -> AnyResponse:
    """The page of what waits for me; ``box``: what I did, sent, was told of."""
    box = request.args.get("box", "")
    with reading() as ctx:
        title = translator(ctx.language)("待办", "Tasks")
        waiting = task_views(ctx)
        seen = [_seen_view(ctx, one) for one in BOXES[box](ctx)] if box in BOXES else []
        return render(
            ctx,
            "pages/tasks.html",
            title=title,
            tasks=waiting,
            seen=seen,
            box=box if box in BOXES else "",
            tabs=_tabs(ctx, box, len(waiting)),
            substitutes=[_substitute_view(ctx, one) for one in substitutes.mine(ctx)],
            people=people(ctx),
            flows=[{"id": id, "label": label_of(ctx, id)} for id in substitutes.flows(ctx)],
            today=ctx.today().isoformat(),
        )


def _tabs(ctx: RunContext, box: str, waiting: int) -> list[View]:
    t = translator(ctx.language)
    labels = {
        "": t("待我处理", "To do"),
        "done": t("我已处理", "Done"),
        "sent": t("我发起的", "Sent"),
        "copied": t("抄送我的", "Copied"),
    }
    return [
        {
            "label": label,
            "url": url_for("pages.tasks", box=name or None),
            "count": waiting if not name and waiting else None,
            "current": name == (box if box in BOXES else ""),
        }
        for name, label in labels.items()
    ]


def _seen_view(ctx: RunContext, one: task_center.Seen) -> View:
    t = translator(ctx.language)
    said = {
        "approve": t("我已同意", "I approved"),
        "reject": t("我已驳回", "I refused"),
        "return": t("我已退回", "I returned it"),
        "delegated": t("我已转交", "I handed it over"),
        "asked_signer": t("我请他加签", "I asked for one more signature"),
        "asked_opinion": t("我请他提意见", "I asked for an opinion"),
        "advised_yes": t("我建议同意", "I advised to approve"),
        "advised_no": t("我建议驳回", "I advised to refuse"),
    }
    notes = [one.status_label, said.get(one.decision, "") if not one.waits_for or one.remove else "", one.note]
    if one.waits_for:
        notes.insert(1, t("等 ", "waits for ") + t("、", ", ").join(one.waits_for))
    return {
        "title": f"{one.label} {one.title}",
        "note": " · ".join(dict.fromkeys(note for note in notes if note)),
        "when": moment(one.at, ctx),
        "url": url_for("pages.record", entity=one.entity, id=one.record),
        "icon": ctx.app.model.entities[one.entity].icon or "file",
        "entity": one.entity,
        "record": one.record,
        "urge": bool(one.waits_for) and not one.remove,
        "remove": url_for("pages.act_on_task", id=one.remove, act=REMOVE) if one.remove else "",
        "take_back": url_for("pages.act_on_task", id=one.take_back, act=TAKE_BACK) if one.take_back else "",
    }


def _substitute_view(ctx: RunContext, one: substitutes.Substitute) -> View:
    days = (day(each, ctx.today(), ctx.language) for each in (one.since, one.until))
    only = translator(ctx.language)("、", ", ").join(label_of(ctx, flow) for flow in one.flows)
    return {"id": one.id, "name": one.name, "days": " · ".join(filter(None, (" – ".join(days), only)))}


# --- one task ---------------------------------------------------------------------------------------------------------


def _mine(ctx: RunContext, id: int) -> dict[str, Any]:
    """A task that waits for the person; one that was decided leads to its document."""
    found = ctx.connection.execute(select(table(ctx)).where(table(ctx).c.id == id)).mappings().first()
    if found is None or found["entity"] not in ctx.app.model.entities:
        raise NotFound(fault(ctx, "task_unknown"))
    return dict(found)


def task(id: int) -> AnyResponse:
    """The page on which one decides."""
    with reading() as ctx:
        return _page(ctx, id)


def _page(ctx: RunContext, id: int, problems: Sequence[Fault] = (), status: int = 200) -> AnyResponse:
    ctx = tasks.walking_task(ctx, id)
    found = _mine(ctx, id)
    open_ids = {row["id"] for row in tasks.waiting(ctx, found["entity"], found["record"])}
    if id not in open_ids:
        return redirect(url_for("pages.record", entity=found["entity"], id=found["record"]), code=303)
    row = visible_row(ctx, ctx.app.model.entities[found["entity"]], found["record"])
    view = task_view(ctx, found, row)
    return render(
        ctx,
        "pages/task.html",
        title=view["record"]["title"],
        status=status,
        k=view,
        r=view["record"],
        h=RecordHtml(ctx),
        note=request.form.get("note", ""),
        note_must=any(demand.kind == "note" for demand in tasks.step_of(ctx, found).demands),
        problems=[{"label": one.message, "message": "", "target": _target(one)} for one in problems],
        problem_title=translator(ctx.language)("还没有处理", "Not decided yet"),
    )


def _target(one: Fault) -> str:
    """The id of the field that a fault is about: the note, what the step asks for, or a field it lets be filled in."""
    field = one.field or "note"
    if field == "note":
        return field
    return f"ask-{field}" if f"{FIELD}{field}" not in request.form else f"{FIELD}{field}"


def act_on_task(id: int, act: str) -> AnyResponse:
    """My say in one task, or what I do beside it; faults come back on its page with what was written."""
    try:
        with writing() as ctx:
            ctx = tasks.walking_task(ctx, id)
            found = _mine(ctx, id)
            ACTS[act](ctx, found)
            tell("done", _done(ctx, act))
    except UserError as error:
        if isinstance(error, NotFound):
            raise
        if act in (TAKE_BACK, REMOVE):
            tell("failed", error.faults[0].message)
        with reading() as ctx:
            status = 422 if isinstance(error, Invalid) else 409
            return _page(ctx, id, error.faults, status)
    return redirect(_next(act, found), code=303)


def _next(act: str, found: Mapping[str, Any]) -> str:
    """Where an act leads: to the task that waits again, to the document whose signer was taken back, to the tasks."""
    if act == REMOVE:
        return url_for("pages.record", entity=found["entity"], id=found["record"])
    return url_for("pages.task", id=found["id"]) if act == TAKE_BACK else url_for("pages.tasks")


def _done(ctx: RunContext, act: str) -> str:
    t = translator(ctx.language)
    return {
        "approve": t("已同意", "Approved"),
        "reject": t("已驳回", "Refused"),
        "return": t("已退回", "Returned"),
        "delegate": t("已转交", "Handed over"),
        "add-signer": t("已加签", "Signer added"),
        "circulate": t("已传阅", "Sent to be read"),
        REMOVE: t("已撤回加签", "Signer removed"),
        TAKE_BACK: t("已撤回同意，回到您的待办", "Taken back; it waits for you again"),
    }[act]


def _note() -> str:
    return request.form.get("note", "").strip()


def _decide(decision: str) -> Callable[[RunContext, Mapping[str, Any]], object]:
    def decided(ctx: RunContext, found: Mapping[str, Any]) -> object:
        return tasks.decide(ctx, found["id"], decision, _note(), body_of(ctx, found, request.form))

    return decided


def _give_back(ctx: RunContext, found: Mapping[str, Any]) -> object:
    return task_acts.give_back(ctx, found["id"], _note(), request.form.get("to", ""), request.form.get("way", ""))


def _delegate(ctx: RunContext, found: Mapping[str, Any]) -> object:
    return task_acts.delegate(ctx, found["id"], _person(ctx), _note())


def _add_signer(ctx: RunContext, found: Mapping[str, Any]) -> object:
    return task_acts.add_signer(ctx, found["id"], _people(ctx), request.form.get("where", ""), _note())


def _circulate(ctx: RunContext, found: Mapping[str, Any]) -> object:
    return task_acts.circulate(ctx, found["id"], _people(ctx), _note())


def _people(ctx: RunContext) -> list[int]:
    given = request.form.getlist("person")
    if not given or not all(map(is_whole, given)):
        raise Invalid(fault(ctx, "person_unknown", "person"))
    return [int(each) for each in given]


def _person(ctx: RunContext) -> int:
    given = request.form.get("person", "")
    if not is_whole(given):
        raise Invalid(fault(ctx, "person_unknown", "person"))
    return int(given)


ACTS: Mapping[str, Callable[[RunContext, Mapping[str, Any]], object]] = MappingProxyType(
    {
        "approve": _decide(tasks.APPROVE),
        "reject": _decide(tasks.REJECT),
        "return": _give_back,
        "delegate": _delegate,
        "add-signer": _add_signer,
        "circulate": _circulate,
        REMOVE: lambda ctx, found: task_acts.remove_signer(ctx, found["id"]),
        TAKE_BACK: lambda ctx, found: task_take_back.take_back(ctx, found["id"], _note()),
    }
)


# --- several at once, urging, substitutes -----------------------------------------------------------------------------


def decide() -> AnyResponse:
    """My say in the chosen tasks; what a step demands is skipped by none: such tasks are told and stay."""
    decision = request.form.get("action", "")
    ids = [int(i) for i in request.form.getlist("id") if is_whole(i)]
    note = _note()
    done = 0
    for one in ids:
        try:
            with writing() as ctx:
                found = _mine(ctx, one)
                if decision == tasks.APPROVE and asks_more(ctx, found):
                    raise Invalid(fault(ctx, "batch_demands", title=_title(ctx, found)))
                tasks.decide(ctx, one, decision, note, {"note": note})
            done += 1
        except UserError as error:
            tell("failed", error.faults[0].message)
    if done:
        with reading() as ctx:
            t = translator(ctx.language)
            words = t("已同意", "Approved") if decision == tasks.APPROVE else t("已驳回", "Rejected")
            tell("done", f"{words} {done}")
    return redirect(request.form.get("back") or url_for("pages.tasks"), code=303)


def _title(ctx: RunContext, found: Mapping[str, Any]) -> str:
    return next((task.title for task in tasks.mine(ctx) if task.id == found["id"]), "")


def urge() -> AnyResponse:
    """Ask those a document of mine waits for to hurry."""
    entity, record = request.form.get("entity", ""), request.form.get("record", "")
    try:
        with writing() as ctx:
            if entity not in ctx.app.model.entities or not is_whole(record):
                raise NotFound(fault(ctx, "task_unknown"))
            told = task_acts.urge(ctx, entity, int(record))
            t = translator(ctx.language)
            tell("done", t(f"已催办 {told} 人", f"{told} people were asked to hurry"))
    except UserError as error:
        if isinstance(error, NotFound):
            raise
        tell("failed", error.faults[0].message)
    return redirect(url_for("pages.tasks", box="sent"), code=303)


def add_substitute() -> AnyResponse:
    """Let another decide for me in some days."""
    try:
        with writing() as ctx:
            since, until = (_day(ctx, name) for name in ("since", "until"))
            substitutes.put(ctx, _person(ctx), since, until, request.form.getlist("flow"))
            tell("done", translator(ctx.language)("已设置代理人", "Substitute set"))
    except Invalid as error:
        tell("failed", error.faults[0].message)
    return redirect(url_for("pages.tasks"), code=303)


def _day(ctx: RunContext, name: str) -> date:
    given = request.form.get(name, "")
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise Invalid(fault(ctx, "not_a_date", name, label=name, given=given[:40])) from None


def drop_substitute(id: int) -> AnyResponse:
    """I decide myself again."""
    with writing() as ctx:
        substitutes.drop(ctx, id)
        tell("done", translator(ctx.language)("已取消代理", "You decide yourself again"))
    return redirect(url_for("pages.tasks"), code=303)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/tasks", "tasks", my_tasks)
    pages.add_url_rule("/tasks", "decide_tasks", decide, methods=["POST"])
    pages.add_url_rule("/tasks/<int:id>", "task", task)
    acts = ", ".join(f"'{name}'" for name in ACTS)
    pages.add_url_rule(f"/tasks/<int:id>/<any({acts}):act>", "act_on_task", act_on_task, methods=["POST"])
    pages.add_url_rule("/tasks/urge", "urge", urge, methods=["POST"])
    pages.add_url_rule("/substitutes", "add_substitute", add_substitute, methods=["POST"])
    pages.add_url_rule("/substitutes/<int:id>/end", "drop_substitute", drop_substitute, methods=["POST"])
