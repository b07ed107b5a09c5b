"""Plug-ins through the API, for administrators: what is installed, its switch, its settings, its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response

from runtime.context import RunContext
from runtime.errors import Invalid, Malformed, NotFound
from runtime.messages import fault
from runtime.permissions import demand_admin
from runtime.plugins import choosing, running
from runtime.plugins.access import in_words
from runtime.plugins.declare import Argument
from runtime.plugins.finding import Installed, installed, market
from runtime.plugins.running import Run
from runtime.plugins.starting import start_by_hand
from web.access import reading, writing
from web.api import parameters
from web.api.bodies import body_object
from web.api.shapes import answer

MOST = 50


def plugins() -> Response:
    """All that is installed; ``broken``: what could not be loaded, and why."""
    with reading() as ctx:
        demand_admin(ctx)
        found = [_shown(ctx, each) for each in market().plugins.values()]
        broken = [{"name": name, "reason": reason} for name, reason in market().broken.items()]
        return answer({"items": found, "next": None, "count": len(found), "broken": broken})


def plugin(plugin: str) -> Response:
    """One of them."""
    with reading() as ctx:
        demand_admin(ctx)
        return answer(_shown(ctx, installed(ctx, plugin)))


def _shown(ctx: RunContext, each: Installed) -> dict[str, Any]:
    plugin, known = each.plugin, choosing.chosen(ctx, each.plugin)
    return {
        "id": plugin.id,
        "label": plugin.label.get(ctx.language),
        "help": plugin.help.get(ctx.language),
        "origin": each.origin,
        "on": known.enabled,
        "settings": known.open_settings,
        "secrets": sorted(known.secrets),
        "schema": _plain(plugin.settings),
        "rights": in_words(ctx, plugin, known.settings),
        "acts": [
            {
                "id": act.id,
                "label": act.label.get(ctx.language),
                "help": act.help.get(ctx.language) if act.help else "",
                "arguments": _values(ctx, act.arguments),
            }
            for act in plugin.acts
        ],
        "events": [
            {"id": event.id, "label": event.label.get(ctx.language), "gives": _values(ctx, event.gives)}
            for event in plugin.events
        ],
    }


def _values(ctx: RunContext, declared: Mapping[str, Argument]) -> dict[str, Any]:
    return {
        name: {"kind": each.kind, "label": each.label.get(ctx.language) if each.label else name,
               "required": each.required}
        for name, each in declared.items()
    }  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def change(plugin: str) -> Response:
    """``settings`` that are named are changed, then ``on`` switches; both or nothing."""
    with writing("api") as ctx:
        demand_admin(ctx)
        asked, found = body_object(ctx), installed(ctx, plugin)
        settings, on = asked.get("settings", {}), asked.get("on")
        if not isinstance(settings, dict):
            raise Malformed(fault(ctx, "not_an_object", "settings", label="settings"))
        if on is not None and not isinstance(on, bool):
            raise Invalid(fault(ctx, "not_yes_no", "on", label="on", given=str(on)[:40]))
        if settings:
            choosing.configure(ctx, plugin, settings)
        if on is not None:
            choosing.switch(ctx, plugin, on=on)
        return answer(_shown(ctx, found))


def start(plugin: str, act: str) -> Response:
    """Start what it does, with ``arguments``; the run is done beside, and is asked for by its number."""
    with writing("api") as ctx:
        given = body_object(ctx, empty=True).get("arguments", {})
        if not isinstance(given, dict):
            raise Malformed(fault(ctx, "not_an_object", "arguments", label="arguments"))
        number = start_by_hand(ctx, plugin, act, given)
        return answer(_told(running.runs(ctx, number=number)[0]), 202)


def runs(plugin: str) -> Response:
    """Its runs, newest first; ``before`` pages on."""
    with reading() as ctx:
        demand_admin(ctx)
        installed(ctx, plugin)
        found = running.runs(ctx, plugin, before=parameters.whole(ctx, "before", 0), most=MOST)
        following = found[-1].id if len(found) == MOST else None
        return answer({"items": [_told(run) for run in found], "next": following, "count": len(found)})


def run(plugin: str, id: int) -> Response:
    """One of them: how far it is, what it said, what it wrote."""
    with reading() as ctx:
        demand_admin(ctx)
        found = running.runs(ctx, plugin, number=id)
        if not found:
            raise NotFound(fault(ctx, "no_such_plugin_run"))
        return answer(_told(found[0]))


def _told(run: Run) -> dict[str, Any]:
    said = [{"zh": zh, "en": en} for zh, en in run.said]
    return {**asdict(run), "said": said}


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/plugins", "plugins", plugins)
    api.add_url_rule("/plugins/<plugin>", "plugin", plugin)
    api.add_url_rule("/plugins/<plugin>", "change_plugin", change, methods=["PATCH"])
    api.add_url_rule("/plugins/<plugin>/acts/<act>", "start_plugin", start, methods=["POST"])
    api.add_url_rule("/plugins/<plugin>/runs", "plugin_runs", runs)
    api.add_url_rule("/plugins/<plugin>/runs/<id:id>", "plugin_run", run)
