"""The first days of a person in an app: the check list on the home page, and the tour of its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import g, request, session, url_for

from runtime.context import RunContext
from runtime.first_steps import Step, first_steps
from runtime.permissions import is_admin
from web.texts import translator

Part = dict[str, Any]
HIDDEN, SEEN = "first_steps", "tour"
"""Preferences: the list was put away; the tour was seen (or not wanted)."""
TOUR = "show_tour"
"""In the session: the person has just made the app."""
STOPS = (
    (".side-nav", "菜单在这里", "The menu",
     "单据按工作顺序排好了；不用的组可以收起来。", "Documents in the order of work; fold away what you do not use."),
    (".side-search", "按 Ctrl K 找任何东西", "Ctrl K finds anything",
     "单号、物料、客户、动作，拼音首字母也行。", "Codes, items, customers, actions; initials will do."),
    ("[data-first-steps]", "先做这几件", "Start with these",
     "做完一件自己打勾。有表格就直接拖到列表上。", "Each ticks itself. Drop your spreadsheets on any list."),
    (".main .cols", "每天先看这里", "Look here every day",
     "指标变红就是要处理的，点开能看到是怎么算出来的。", "Red means act; open a figure to see what it is made of."),
    (".side-foot", "设置和你自己", "Settings and you",
     "开账号、改流程、换语言和深色，都在这里。", "Accounts, flows, language and dark mode are here."),
)  # fmt: skip
"""Parts of the page that the tour points at; one that is not on the page is passed over."""


def first_view(ctx: RunContext) -> Part:
    """What the home page shows of it. ``tour``: the stops, ``start``: whether it begins by itself."""
    t = translator(ctx.language)
    prefs = g.person.prefs
    asked = request.args.get("tour") == "1" or session.pop(TOUR, False)
    steps = _check_list(ctx, t) if is_admin(ctx) and not prefs.get(HIDDEN) else None
    offered = steps is not None and not prefs.get(SEEN)
    return {
        "steps": steps,
        "tour": [{"at": at, "title": t(zh, en), "text": t(said, told)} for at, zh, en, said, told in STOPS]
        if asked or offered
        else [],
        "start": bool(asked),
    }


def _check_list(ctx: RunContext, t: Callable[[str, str], str]) -> Part | None:
    steps = first_steps(ctx)
    done = sum(one.done for one in steps)
    if done == len(steps):
        return None
    return {"done": done, "count": len(steps), "rows": [_row(ctx, one, t) for one in steps]}


def _row(ctx: RunContext, one: Step, t: Callable[[str, str], str]) -> Part:
    step, ways = one.step, []
    if step.entity:
        ways = [
            (t("录入", "Enter"), url_for("pages.new_record", entity=step.entity)),
            (t("导入表格", "Import"), url_for("pages.import_page", entity=step.entity)),
        ]
        look = url_for("pages.records", entity=step.entity)
    else:
        look = url_for("pages.people")
    drop = url_for("pages.import_step", entity=step.entity) if step.entity else ""
    return {"label": step.label.get(ctx.language), "done": one.done, "url": look, "ways": ways, "drop": drop}
