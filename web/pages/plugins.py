"""Plug-ins for administrators: what is installed, what each asks for, its switch, its settings, its runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime.context import RunContext
from runtime.errors import Invalid, NotFound, UserError
from runtime.messages import fault
from runtime.permissions import demand_admin, label_of
from runtime.plugins import choosing, running
from runtime.plugins.access import in_words
from runtime.plugins.declare import Act
from runtime.plugins.finding import Installed, act_of, installed, market
from runtime.plugins.finding import label_of as named
from runtime.plugins.running import Run
from runtime.plugins.settings import Setting, choices_of, in_form, settings_of, shown
from runtime.plugins.starting import WAITING, WORKING, start_by_hand
from web.access import reading, writing
from web.display import moment
from web.plugin_values import RunWords, argument_input, posted_arguments
from web.render import render, tell
from web.setting_tabs import setting_tabs
from web.texts import translator

View = dict[str, Any]
MOST_RUNS = 10
STATES: Mapping[str, tuple[str, str, str]] = {
    "waiting": ("等待", "waiting", "blue"),
    "working": ("运行中", "running", "blue"),
    "done": ("完成", "done", "green"),
    "failed": ("失败", "failed", "red"),
}


def plugins() -> AnyResponse:
    """What is installed, a card each."""
    with reading() as ctx:
        demand_admin(ctx)
        t = translator(ctx.language)
        return render(
            ctx, "pages/plugins.html", title=t("设置", "Settings"), tabs=setting_tabs(ctx, "plugins"),
            cards=[_card(ctx, each) for each in market().plugins.values()],
            broken=[{"name": name, "reason": reason} for name, reason in market().broken.items()],
            gone=[id for id in ctx.app.model.plugins if id not in market().plugins],
        )  # fmt: skip


def _card(ctx: RunContext, each: Installed) -> View:
    t, plugin = translator(ctx.language), each.plugin
    known = choosing.chosen(ctx, plugin)
    last = running.runs(ctx, plugin.id, most=1)
    bundled = each.origin == "bundled"
    return {
        "id": plugin.id,
        "label": plugin.label.get(ctx.language),
        "help": plugin.help.get(ctx.language),
        "on": known.enabled,
        "origin": t("随产品提供", "comes with the product") if bundled else t("安装包 ", "package ") + each.origin,
        "rights": in_words(ctx, plugin, known.settings),
        "acts": [act.label.get(ctx.language) for act in plugin.acts],
        "events": [event.label.get(ctx.language) for event in plugin.events],
        "last": _run(ctx, last[0]) if last else None,
        "url": url_for("pages.plugin", plugin=plugin.id),
    }


def switch_plugin() -> AnyResponse:
    """On or off; one whose settings are not yet right opens them."""
    id, on = request.form.get("id", ""), request.form.get("on") == "1"
    try:
        with writing() as ctx:
            choosing.switch(ctx, id, on=on)
            label = named(id).get(ctx.language)
            words = (f"“{label}”已启用", f"{label} is on") if on else (f"“{label}”已停用", f"{label} is off")
            tell("done", translator(ctx.language)(*words))
    except Invalid as error:
        tell("failed", "；".join(one.message for one in error.faults))
        return redirect(url_for("pages.plugin", plugin=id), code=303)
    return redirect(url_for("pages.plugins"), code=303)


def plugin(plugin: str) -> AnyResponse:
    """One plug-in: rights, settings, what it does, its runs."""
    with reading() as ctx:
        demand_admin(ctx)
        return _page(ctx, installed(ctx, plugin))


def _page(
    ctx: RunContext, each: Installed, given: Mapping[str, Any] | None = None, faults: Mapping[str, str] | None = None
) -> Response:
    plugin, t = each.plugin, translator(ctx.language)
    known = choosing.chosen(ctx, plugin)
    values = {**known.settings, **(given or {})}
    settings = settings_of(plugin)
    labels = {one.id: one.label.get(ctx.language) for one in settings}
    found = running.runs(ctx, plugin.id, most=MOST_RUNS)
    return render(
        ctx, "pages/plugin.html", title=plugin.label.get(ctx.language), status=422 if faults else 200,
        crumb={"label": t("插件", "Plug-ins"), "url": url_for("pages.plugins")}, card=_card(ctx, each),
        inputs=[_input(ctx, one, values, known.secrets, faults or {}) for one in settings],
        problems=[
            {"label": labels.get(id, ""), "target": f"set-{id}" if id in labels else "", "message": message}
            for id, message in (faults or {}).items()
        ],
        acts=[_act(ctx, act, known.settings) for act in plugin.acts], runs=[_run(ctx, run) for run in found],
        busy=any(run.state in (WAITING, WORKING) for run in found), here=url_for("pages.plugin", plugin=plugin.id),
    )  # fmt: skip


def _input(
    ctx: RunContext, setting: Setting, values: Mapping[str, Any], secrets: Mapping[str, str], faults: Mapping[str, str]
) -> View:
    value = values.get(setting.id)
    chosen = [str(each) for each in value] if isinstance(value, (list, tuple)) else [shown(value)]
    kept = setting.secret and setting.id in secrets
    return {
        "id": setting.id,
        "label": setting.label.get(ctx.language),
        "hint": setting.hint.get(ctx.language),
        "secret": setting.secret,
        "kept": kept,
        "required": setting.required and not kept,
        "value": "" if setting.secret else in_form(setting, value),
        "many": setting.kind == "array",
        "long": setting.shape.get("maxLength", 0) > 200,
        "options": [] if setting.secret else _options(ctx, setting, values, chosen),
        "error": faults.get(setting.id, ""),
    }


def _options(ctx: RunContext, setting: Setting, values: Mapping[str, Any], chosen: list[str]) -> list[View]:
    """What may be chosen, with what is chosen now even where it is none of it."""
    t = translator(ctx.language)
    known: dict[str, str] = {}
    if setting.kind == "boolean":
        known = {"true": t("是", "yes"), "false": t("否", "no")}
    elif "enum" in setting.shape:
        known = {str(each): str(each) for each in setting.shape["enum"]}
    elif named_ids := choices_of(ctx.app.model, setting, values):
        known = {id: t(f"{label.zh}（{id}）", f"{label.en} ({id})") for id, label in named_ids.items()}
    if not known:
        return []
    known = {**{each: known.get(each, each) for each in chosen if each and setting.kind == "array"}, **known}
    known |= {each: each for each in chosen if each and each not in known}
    empty = [] if setting.kind == "array" else [{"id": "", "label": "–", "chosen": not any(chosen)}]
    return empty + [{"id": id, "label": label, "chosen": id in chosen} for id, label in known.items()]


def configure_plugin(plugin: str) -> AnyResponse:
    """Save the settings."""
    given: dict[str, Any] = {}
    try:
        with writing() as ctx:
            demand_admin(ctx)
            for one in settings_of(installed(ctx, plugin).plugin):
                posted = [value for value in request.form.getlist(one.id) if value]
                given[one.id] = posted if one.kind == "array" and len(posted) > 1 else "".join(posted[:1])
            choosing.configure(ctx, plugin, given)
            tell("done", translator(ctx.language)("设置已保存", "Settings saved"))
    except Invalid as error:
        with reading() as ctx:
            return _page(ctx, installed(ctx, plugin), given, {one.field: one.message for one in error.faults})
    return redirect(url_for("pages.plugin", plugin=plugin), code=303)


# --- running -----------------------------------------------------------------------------------------------------


def _act(ctx: RunContext, act: Act, settings: Mapping[str, Any]) -> View:
    return {
        "id": act.id,
        "label": act.label.get(ctx.language),
        "help": act.help.get(ctx.language) if act.help else "",
        "arguments": [argument_input(ctx, act, name, each, settings) for name, each in act.arguments.items()],
    }


def run_plugin(plugin: str, act: str) -> AnyResponse:
    """Start it now; the page shows how far it is."""
    given: dict[str, str] = {}
    try:
        with writing() as ctx:
            demand_admin(ctx)
            declared = act_of(ctx, installed(ctx, plugin).plugin, act).arguments
            given = posted_arguments(ctx, declared, request.form)
            start_by_hand(ctx, plugin, act, given)
            tell("done", translator(ctx.language)("已开始，结果列在下面", "Started; its result is listed below"))
    except UserError as error:
        if not isinstance(error, Invalid) and not (isinstance(error, NotFound) and error.faults[0].field in given):
            raise
        tell("failed", "；".join(one.message for one in error.faults))
    return redirect(url_for("pages.plugin", plugin=plugin), code=303)


def plugin_run(plugin: str, id: int) -> AnyResponse:
    """One run: what it was started with, what it said, each record with old and new value."""
    with reading() as ctx:
        demand_admin(ctx)
        found = running.runs(ctx, plugin, number=id)
        if not found:
            raise NotFound(fault(ctx, "no_such_plugin_run"))
        run, t, said = found[0], translator(ctx.language), RunWords(ctx, found[0])
        rule = ctx.app.model.rules.get(run.rule)
        facts = [
            {"label": t("开始", "Started"), "value": moment(run.made_at, ctx)},
            {"label": t("结束", "Ended"), "value": moment(run.ended_at, ctx) if run.ended_at else "–"},
            {"label": t("用时", "Took"), "value": f"{run.micros / 1_000_000:.2f} s"},
            {"label": t("参数", "Arguments"), "value": "–", "parts": said.arguments()},
        ]
        if rule is not None:
            facts.append(
                {
                    "label": t("由规则启动", "Started by the rule"),
                    "value": rule.label.get(ctx.language),
                    "url": url_for("pages.rule", rule=rule.id),
                }
            )
        return render(
            ctx, "pages/plugin_run.html", title=named(plugin, run.act).get(ctx.language), run=_run(ctx, run),
            crumb={"label": named(plugin).get(ctx.language), "url": url_for("pages.plugin", plugin=plugin)},
            facts=facts, said=_said(ctx, run), written=[_written(ctx, each) for each in run.written],
            raised=said.raised(),
            busy=run.state in (WAITING, WORKING), here=url_for("pages.plugin_run", plugin=plugin, id=id),
        )  # fmt: skip


def _run(ctx: RunContext, run: Run) -> View:
    t = translator(ctx.language)
    zh, en, tone = STATES[run.state]
    said = _said(ctx, run)
    return {
        "when": moment(run.made_at, ctx),
        "act": named(run.plugin, run.act).get(ctx.language),
        "state": t(zh, en),
        "tone": tone,
        "busy": run.state in (WAITING, WORKING),
        "done": run.done,
        "total": run.total,
        "note": run.error or (said[-1] if said else ""),
        "url": url_for("pages.plugin_run", plugin=run.plugin, id=run.id),
    }


def _said(ctx: RunContext, run: Run) -> list[str]:
    return [said[1 if ctx.language == "en" else 0] for said in run.said]


def _written(ctx: RunContext, each: Mapping[str, Any]) -> View:
    entity = ctx.app.model.entities.get(each["entity"])
    fields = entity.fields if entity else {}
    return {
        "title": each["title"],
        "entity": label_of(ctx, each["entity"]),
        "made": each["made"],
        "url": url_for("pages.record", entity=each["entity"], id=each["record"]) if entity else "",
        "changes": [
            {"name": fields[n].label.get(ctx.language) if n in fields else n, "old": _plain(old), "new": _plain(new)}
            for n, (old, new) in each["set"].items()
        ],
    }


def _plain(value: object) -> str:
    return "–" if value in (None, "") else shown(value)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/plugins", "plugins", plugins)
    pages.add_url_rule("/plugins", "switch_plugin", switch_plugin, methods=["POST"])
    pages.add_url_rule("/plugins/<plugin>", "plugin", plugin)
    pages.add_url_rule("/plugins/<plugin>", "configure_plugin", configure_plugin, methods=["POST"])
    pages.add_url_rule("/plugins/<plugin>/run/<act>", "run_plugin", run_plugin, methods=["POST"])
    pages.add_url_rule("/plugins/<plugin>/runs/<int:id>", "plugin_run", plugin_run)
