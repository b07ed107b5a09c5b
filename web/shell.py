"""The frame of every page: whose app it is, the menu the reader may use, who is logged in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import g, request, url_for
from markupsafe import Markup, escape

from engine.model import AppModel, EntityKind, MenuGroup
from runtime.context import RunContext
from runtime.glance import glance
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from runtime.stations import stations_of
from web.outlines import blank, outline
from web.templating import piece
from web.texts import translator

Entry = dict[str, Any]

LEDGER_ICON = "packages"
REPORT_ICON = "chart-bar"
PLAN_ICON = "bulb"
DASHBOARD_ICON = "layout-dashboard"
STATION_ICON = "scan"
SIDE = "{%- from 'components/frame.html' import side -%}{{ side(shell, csrf) }}"
BOTTOM = "{%- from 'components/frame.html' import bottom -%}{{ bottom(shell) }}"
FACE = "{%- from 'components/icon.html' import face -%}{{ face(name) }}"
CLOSED = "menu"
"""The preference that names the groups of the menu a person has folded."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page: the side bar and, on a phone, the bar at the bottom; whose page it is."""

    side: Markup
    bottom: Markup
    firm: str
    person: str


Group = tuple[str, str, tuple[Entry, ...]]


def frame(ctx: RunContext, apps: Sequence[str], csrf: str) -> Frame:
    """The frame of the reader's page. It is printed once for all who have the same rights, and filled for each."""
    seen = glance(ctx)
    groups = _menu(ctx)
    path = request.path
    here = tuple(e["url"] for _, _, entries in groups for e in entries if _leads_to(e["url"], path))
    closed = frozenset(g.person.prefs.get(CLOSED, ())) & {group for group, _, _ in groups}
    whom = (ctx.user.roles, ctx.user.is_system, ctx.language)
    key = (*whom, request.script_root, tuple(apps), ctx.app.name, closed, here)
    made = partial(_shell, ctx, groups, apps, closed)
    side = outline(ctx, ("side", *key), lambda: piece(ctx.language, SIDE, shell=made(), csrf=blank("csrf")))
    bottom = outline(ctx, ("bottom", *key), lambda: piece(ctx.language, BOTTOM, shell=made()))
    person = seen.member or ctx.user.name
    firm = seen.firm or ctx.app.programs.keep(("nameless", ctx.language), lambda: firm_name(ctx))
    values = {
        "csrf": str(escape(csrf)),
        "firm": str(escape(firm)),
        "person": str(escape(person)),
        "face": _face(ctx, person),
        "tasks": _count("tasks", seen.tasks),
        "messages": _count("messages", seen.messages),
    }
    return Frame(Markup(side.filled(values.__getitem__)), Markup(bottom.filled(values.__getitem__)), firm, person)


def _count(name: str, number: int) -> str:
    """A count beside an entry; the browser keeps it up to date, so it is there even when there is none."""
    return f'<span class="side-count" data-count="{name}"{"" if number else " hidden"}>{number or ""}</span>'


def _face(ctx: RunContext, person: str) -> str:
    """The person's initial in a square."""
    return ctx.app.programs.recent(("face", person), lambda: piece(ctx.language, FACE, name=person))


def _menu(ctx: RunContext) -> tuple[Group, ...]:
    """The groups of the menu with what the reader may open: the same for all of his roles."""
    key = ("menu", ctx.user.roles, ctx.user.is_system, ctx.language, request.script_root)
    return ctx.app.programs.keep(key, lambda: _groups(ctx))


def _groups(ctx: RunContext) -> tuple[Group, ...]:
    """First what everybody has, then the app's own groups."""
    t = translator(ctx.language)
    top = (
        _entry(t("工作台", "Home"), url_for("pages.home"), "home"),
        _entry(t("待办", "Tasks"), url_for("pages.tasks"), "checkbox", count=blank("tasks")),
        _entry(t("消息", "Messages"), url_for("pages.messages"), "bell", count=blank("messages")),
        *([_entry(t("工位", "Stations"), url_for("pages.stations"), STATION_ICON)] if stations_of(ctx) else []),
        *([_entry(t("预警", "Alerts"), url_for("pages.alerts"), "alert-triangle")] if ctx.app.model.alerts else []),
    )
    groups = ((one.id, one.label.get(ctx.language), _links(ctx, one)) for one in ctx.app.model.menu)
    return (("", "", top), *(group for group in groups if group[2]))


def _shell(ctx: RunContext, groups: Sequence[Group], apps: Sequence[str], closed: frozenset[str]) -> dict[str, Any]:
    """The frame as its template takes it: blanks for everything that is not the same for all readers like this one."""
    shown: list[dict[str, Any]] = []
    for id, label, entries in groups:
        links = [{**entry, "current": _is_here(entry["url"])} for entry in entries]
        shut = id in closed and not any(link["current"] for link in links)
        shown.append({"id": id, "label": label, "links": links, "closed": shut})
    return {
        "app": {"name": blank("firm"), "kind": ctx.app.model.title.get(ctx.language)},
        "apps": [_switch(ctx, name) for name in apps],
        "groups": shown,
        "foot": _foot(ctx),
        "user": {"name": blank("person"), "face": blank("face"), "role": role_names(ctx)},
        "bottom": [*shown[0]["links"][:2], *(group["links"][0] for group in shown[1:3])],
    }


def _switch(ctx: RunContext, name: str) -> Entry:
    url = url_for("pages.switch_app", app=name)
    return {"label": name, "url": url, "icon": "apps", "current": name == ctx.app.name}


def _entry(label: str, url: str, icon: str, *, count: Markup | int = 0, alarm: bool = False) -> Entry:
    return {"label": label, "url": url, "icon": icon, "count": count, "alarm": alarm, "current": _is_here(url)}


def _is_here(url: str) -> bool:
    """Whether the page that is shown belongs to an entry."""
    return _leads_to(url, request.path)


def _leads_to(url: str, path: str) -> bool:
    return path.startswith(url) and (path == url or (url != "/" and path[len(url)] == "/"))


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


def _station(ctx: RunContext, name: str) -> Entry | None:
    station = next((s for s in stations_of(ctx) if s.id == name), None)
    if station is None:
        return None
    return _entry(station.label.get(ctx.language), url_for("pages.station", station=name), station.icon)


SPECIAL: Mapping[str, Callable[[RunContext, str], Entry | None]] = {
    "ledger": _ledger,
    "report": _report,
    "plan": _plan,
    "dashboard": _dashboard,
    "station": _station,
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
