"""The frame of every page: whose app it is, the menu the reader may use, who is logged in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import g, request, url_for

from engine.model import AppModel, EntityKind, MenuGroup
from runtime import tasks
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from web.texts import translator

Entry = dict[str, Any]

LEDGER_ICON = "packages"
REPORT_ICON = "chart-bar"
PLAN_ICON = "bulb"
DASHBOARD_ICON = "layout-dashboard"
CLOSED = "menu"
"""The preference that names the groups of the menu a person has folded."""


def shell(ctx: RunContext, apps: Sequence[str], person: str) -> dict[str, Any]:
    """What ``base.html`` needs for its frame."""
    model = ctx.app.model
    t = translator(ctx.language)
    waiting = tasks.count_mine(ctx)
    top = [
        _entry(t("工作台", "Home"), url_for("pages.home"), "home"),
        _entry(t("待办", "Tasks"), url_for("pages.tasks"), "checkbox", count=waiting),
    ]
    groups: list[dict[str, Any]] = [{"label": "", "links": top, "closed": False}]
    closed = g.person.prefs.get(CLOSED, ())
    for group in model.menu:
        links = menu_links(ctx, group)
        if links:
            shut = group.id in closed and not any(link["current"] for link in links)
            groups.append({"id": group.id, "label": group.label.get(ctx.language), "links": links, "closed": shut})
    return {
        "app": {"name": firm_name(ctx), "kind": model.title.get(ctx.language)},
        "apps": [
            {
                "label": name,
                "url": url_for("pages.switch_app", app=name),
                "icon": "apps",
                "current": name == ctx.app.name,
            }
            for name in apps
        ],
        "groups": groups,
        "foot": _foot(ctx),
        "user": {"name": person, "role": role_names(ctx)},
        "bottom": [top[0], top[1], *(g["links"][0] for g in groups[1:3])],
    }


def _entry(label: str, url: str, icon: str, *, count: int = 0, alarm: bool = False) -> Entry:
    return {"label": label, "url": url, "icon": icon, "count": count, "alarm": alarm, "current": _is_here(url)}


def _is_here(url: str) -> bool:
    """Whether the page that is shown belongs to an entry."""
    here = request.path
    return here == url or (url != "/" and here.startswith(f"{url}/"))


def firm_name(ctx: RunContext) -> str:
    """What the firm is called: the name in its settings, else the title of the app."""
    at = Workspace(ctx)
    for entity in ctx.app.model.entities.values():
        if entity.kind is EntityKind.SETTING and "name" in entity.fields:
            name = at.setting(entity.id).get("name")
            if name:
                return str(name)
    return ctx.app.model.title.get(ctx.language)


def role_names(ctx: RunContext) -> str:
    """The reader's roles in words."""
    roles = ctx.app.model.roles
    named = [roles[r].label.get(ctx.language) for r in sorted(ctx.user.roles) if r in roles]
    return translator(ctx.language)("、", ", ").join(named)


def menu_links(ctx: RunContext, group: MenuGroup) -> list[Entry]:
    """The entries of a menu group that the reader may open: the same for all of his roles."""
    key = ("menu", group.id, ctx.user.roles, ctx.user.is_system, ctx.language, request.script_root)
    kept = ctx.app.programs.keep(key, lambda: _links(ctx, group))
    return [{**link, "current": _is_here(link["url"])} for link in kept]


def _links(ctx: RunContext, group: MenuGroup) -> tuple[Entry, ...]:
    found = (link_of(ctx, entry) for entry in group.entries)
    return tuple(link for link in found if link is not None)


def link_of(ctx: RunContext, entry: str) -> Entry | None:
    """One menu entry; ``None`` without the right to read it."""
    kind, _, name = entry.partition(".")
    if kind in SPECIAL and name:
        return SPECIAL[kind](ctx, name)
    entity = ctx.app.model.entities.get(entry)
    if entity is None or not rights(ctx, entry).may("read"):
        return None
    icon = entity.icon or "file-text"
    if entity.kind is EntityKind.SETTING:
        return _entry(entity.label.get(ctx.language), url_for("pages.setting", entity=entry), entity.icon or "settings")
    return _entry(entity.label.get(ctx.language), url_for("pages.records", entity=entry), icon)


def _ledger(ctx: RunContext, name: str) -> Entry | None:
    ledger = ctx.app.model.ledgers.get(name)
    if ledger is None or not rights(ctx, f"ledger.{name}").may("read"):
        return None
    return _entry(ledger.label.get(ctx.language), url_for("pages.ledger", ledger=name), LEDGER_ICON)


def _report(ctx: RunContext, name: str) -> Entry | None:
    report = ctx.app.model.reports.get(name)
    if report is None or not may_open_report(ctx, name):
        return None
    return _entry(report.label.get(ctx.language), url_for("pages.report", report=name), REPORT_ICON)


def may_open_report(ctx: RunContext, name: str) -> bool:
    """A report is readable by who may read what it is of."""
    of = ctx.app.model.reports[name].of
    return rights(ctx, source_name(ctx.app.model, of)).may("read")


def source_name(model: AppModel, of: str) -> str:
    """The name rights know the source of a report or card by."""
    return f"ledger.{of}" if of in model.ledgers else of


def _plan(ctx: RunContext, name: str) -> Entry | None:
    plan = ctx.app.model.plans.get(name)
    if plan is None or not rights(ctx, f"plan.{name}").may("read"):
        return None
    return _entry(plan.label.get(ctx.language), url_for("pages.plan", plan=name), PLAN_ICON)


def _dashboard(ctx: RunContext, name: str) -> Entry | None:
    board = ctx.app.model.dashboards.get(name)
    if board is None:
        return None
    return _entry(board.label.get(ctx.language), url_for("pages.dashboard", dashboard=name), DASHBOARD_ICON)


SPECIAL: Mapping[str, Callable[[RunContext, str], Entry | None]] = {
    "ledger": _ledger,
    "report": _report,
    "plan": _plan,
    "dashboard": _dashboard,
}


def _foot(ctx: RunContext) -> list[Entry]:
    """All reports, for those who may open one; settings, for those who may change them."""
    t = translator(ctx.language)
    found = []
    if any(may_open_report(ctx, name) for name in ctx.app.model.reports):
        found.append({"label": t("报表", "Reports"), "url": url_for("pages.reports"), "icon": REPORT_ICON, "note": ""})
    if any(rights(ctx, e.id).may("change") for e in ctx.app.model.entities.values() if e.kind is EntityKind.SETTING):
        found.append({"label": t("设置", "Settings"), "url": url_for("pages.settings"), "icon": "settings", "note": ""})
    return found
