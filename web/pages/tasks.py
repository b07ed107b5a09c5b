"""The task centre: what waits for me, decided one by one or several at once."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import tasks
from runtime.context import RunContext
from runtime.errors import UserError
from web.access import reading, writing
from web.display import moment
from web.render import render, tell
from web.texts import translator


def task_views(ctx: RunContext, most: int = 200) -> list[dict[str, object]]:
    """My tasks for the pages."""
    return [
        {
            "id": task.id,
            "title": f"{task.label} {task.title}",
            "note": task.step_label,
            "when": moment(task.opened_at, ctx),
            "tone": "",
            "url": url_for("pages.record", entity=task.entity, id=task.record),
            "icon": ctx.app.model.entities[task.entity].icon or "checkbox",
        }
        for task in tasks.mine(ctx)[:most]
    ]


def my_tasks() -> AnyResponse:
    """The page of what waits for me."""
    with reading() as ctx:
        title = translator(ctx.language)("待办", "Tasks")
        return render(ctx, "pages/tasks.html", title=title, tasks=task_views(ctx))


def decide() -> AnyResponse:
    """My say in the chosen tasks; a refusal needs a reason, for each of them."""
    decision = request.form.get("action", "")
    ids = [int(i) for i in request.form.getlist("id") if i.isdigit()]
    note = request.form.get("note", "").strip()
    done = 0
    for one in ids:
        try:
            with writing() as ctx:
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


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/tasks", "tasks", my_tasks)
    pages.add_url_rule("/tasks", "decide_tasks", decide, methods=["POST"])
