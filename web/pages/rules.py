"""Rules and alerts as sentences, with what they did lately, a switch, and each run opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Rule
from runtime import accounts, alerts_reading, rules_admin, rules_traces
from runtime.context import RunContext
from runtime.errors import NotFound, UserError
from runtime.finding import find_one
from runtime.messages import fault
from runtime.permissions import demand_admin
from runtime.record_reading import titles
from runtime.rules_look import Told
from runtime.rules_running import switched_off
from runtime.rules_traces import Run
from runtime.rules_words import say_alert, say_rule
from web.access import reading, writing
from web.display import moment
from web.render import render, tell
from web.rule_deeds import Deeds
from web.rule_picture import rule_bounds, rule_picture
from web.setting_tabs import setting_tabs
from web.texts import translator
from web.whole import is_whole

View = dict[str, Any]
RESULTS: Mapping[str, tuple[str, str, str]] = {
    "fired": ("已执行", "done", "green"),
    "refused": ("条件不成立", "condition failed", ""),
    "already": ("早已达到", "already past", ""),
    "limited": ("次数已满", "often enough", "amber"),
    "loop": ("循环，已停止", "loop, stopped", "amber"),
    "failed": ("失败", "failed", "red"),
}
EVENTS: Mapping[str, tuple[str, str]] = {
    "created": ("新建", "made"),
    "changed": ("修改", "changed"),
    "becomes": ("数值变化", "figure changed"),
    "date": ("到了日期", "date reached"),
    "every": ("定时", "by schedule"),
    "event": ("插件报告", "reported by a plug-in"),
}

SOURCES: Mapping[str, tuple[str, str]] = {
    "form": ("页面", "page"),
    "api": ("接口", "API"),
    "import": ("导入", "import"),
    "sync": ("离线录入", "entered offline"),
    "plan": ("计划", "plan"),
    "rule": ("另一条规则", "another rule"),
    "plugin": ("插件", "plug-in"),
    "system": ("系统", "the system"),
    "demo": ("演示数据", "demo data"),
}
"""The ways in of a write, as the trail knows them."""


def rules() -> AnyResponse:
    """All rules and alerts."""
    with reading() as ctx:
        demand_admin(ctx)
        t = translator(ctx.language)
        off, counted, warned = switched_off(ctx), rules_admin.overview(ctx), alerts_reading.counts(ctx)
        rows = [
            {
                "id": rule.id,
                "label": rule.label.get(ctx.language),
                "sentence": say_rule(ctx, rule),
                "url": url_for("pages.rule", rule=rule.id),
                "on": rule.id not in off,
                "results": _results(ctx, counted.get(rule.id, {})),
            }
            for rule in ctx.app.model.rules.values()
        ]
        alerts = [
            {
                "id": f"alert:{alert.id}",
                "label": alert.label.get(ctx.language),
                "sentence": say_alert(ctx, alert),
                "url": url_for("pages.alert_kind", alert=alert.id),
                "on": f"alert:{alert.id}" not in off,
                "open": warned.get(alert.id, 0),
            }
            for alert in ctx.app.model.alerts.values()
        ]
        tabs = setting_tabs(ctx, "rules")
        return render(ctx, "pages/rules.html", title=t("设置", "Settings"), tabs=tabs, rules=rows, alerts=alerts)


def _results(ctx: RunContext, counted: Mapping[str, int]) -> list[View]:
    t = translator(ctx.language)
    return [
        {"label": f"{t(*RESULTS[name][:2])} {counted[name]}", "tone": RESULTS[name][2]}
        for name in RESULTS
        if name in counted
    ]


def switch_rule() -> AnyResponse:
    """On or off."""
    with writing() as ctx:
        id, off = request.form.get("id", ""), request.form.get("on") != "1"
        rules_admin.switch(ctx, id, off=off)
        tell("done", translator(ctx.language)(*(("已停用", "Switched off") if off else ("已启用", "Switched on"))))
    return redirect(url_for("pages.rules"), code=303)


def rule(rule: str) -> AnyResponse:
    """One rule: its sentence, its runs, and "why not?" for a record."""
    with reading() as ctx:
        found = rules_admin.rule_of(ctx, rule)
        t = translator(ctx.language)
        result = request.args.get("result", "")
        before = request.args.get("before", "")
        results = (result,) if result in RESULTS else ()
        runs = rules_traces.runs(ctx, rule, results=results, before=int(before) if is_whole(before) else 0)
        counted = rules_admin.overview(ctx).get(rule, {})
        return render(
            ctx,
            "pages/rule.html",
            title=found.label.get(ctx.language),
            crumb={"label": t("规则", "Rules"), "url": url_for("pages.rules")},
            rule=found.id,
            sentence=say_rule(ctx, found),
            picture=rule_picture(ctx, found),
            bounds=rule_bounds(ctx, found),
            help=found.help.get(ctx.language) if found.help else "",
            on=found.id not in switched_off(ctx),
            states=_states(ctx, found.id, counted, result),
            runs=_run_rows(ctx, runs),
            older=url_for("pages.rule", rule=rule, result=result or None, before=runs[-1].id)
            if len(runs) == 50
            else "",
            why=_why(ctx, found),
            asked=request.args.get("record", ""),
            entity=ctx.app.model.entities[found.trigger.entity].label.get(ctx.language),
            simulation=url_for("pages.simulate_rule", rule=rule),
        )


def _states(ctx: RunContext, id: str, counted: Mapping[str, int], here: str) -> list[View]:
    t = translator(ctx.language)
    every = {"label": t("全部", "All"), "url": url_for("pages.rule", rule=id), "current": here not in RESULTS}
    return [every] + [
        {
            "label": f"{t(*RESULTS[name][:2])} {counted[name]}",
            "url": url_for("pages.rule", rule=id, result=name),
            "current": here == name,
        }
        for name in RESULTS
        if name in counted
    ]


def _run_rows(ctx: RunContext, runs: Sequence[Run]) -> list[View]:
    t = translator(ctx.language)
    names = record_names(ctx, [(run.entity, run.record) for run in runs])
    return [
        {
            "url": url_for("pages.rule_run", id=run.id),
            "when": moment(run.at, ctx),
            "title": names[run.entity, run.record],
            "event": event_label(ctx, run),
            "result": t(*RESULTS[run.result][:2]) if run.result in RESULTS else run.result,
            "tone": RESULTS[run.result][2] if run.result in RESULTS else "",
            "note": run.error,
        }
        for run in runs
    ]


def event_label(ctx: RunContext, run: Run) -> str:
    """What set a rule off, in words."""
    t = translator(ctx.language)
    if run.event in EVENTS:
        return t(*EVENTS[run.event])
    workflow = ctx.app.model.entities[run.entity].workflow if run.entity in ctx.app.model.entities else None
    found = workflow.transitions.get(run.event) if workflow else None
    return found.label.get(ctx.language) if found else run.event


def record_names(ctx: RunContext, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """What people call records; lines by their owner's name is left to the page of the record."""
    known = titles(ctx, set(wanted))
    return {key: _name(known.get(key)) or f"#{key[1]}" for key in wanted}


def _name(named: Mapping[str, Any] | None) -> str:
    texts = (named.get(name) for name in ("code", "name")) if named else ()
    return " ".join(str(text) for text in texts if text)


def _why(ctx: RunContext, found: Rule) -> View | None:
    """The answer to "why not?" for the record that was asked for by code or number."""
    given = request.args.get("record", "").strip()
    if not given:
        return None
    t = translator(ctx.language)
    try:
        record = find_one(ctx, found.trigger.entity, given, "record")
        answer = rules_admin.why(ctx, found.id, record)
    except UserError as error:
        return {"head": error.faults[0].message, "tone": "red", "parts": [], "last": ""}
    head, tone = t("条件全部成立", "every condition holds"), "green"
    if answer.off:
        head, tone = t("规则已停用", "the rule is switched off"), "red"
    elif answer.first is not None:
        head, tone = t(f"第一条不成立的：{answer.first.text}", f"the first that fails: {answer.first.text}"), "amber"
    elif answer.due is not None:
        when = moment(answer.due, ctx)
        head, tone = t(f"条件全部成立，{when} 执行", f"every condition holds; it is due at {when}"), "green"
    elif answer.already:
        head, tone = t("早已触发过，还没有重新准备好", "it has fired before and is not armed again"), "amber"
    elif answer.last is None:
        awaited = _awaited(ctx, found)
        zh, en = (
            f"条件全部成立，但“{awaited}”还没有发生",
            f"every condition holds, but “{awaited}” has not happened yet",
        )
        head, tone = t(zh, en), "amber"
    last = url_for("pages.rule_run", id=answer.last.id) if answer.last else ""
    return {"head": head, "tone": tone, "parts": parts_view(ctx, answer.parts), "last": last}


def _awaited(ctx: RunContext, found: Rule) -> str:
    """What a rule waits for, in a word or two."""
    trigger = found.trigger
    workflow = ctx.app.model.entities[trigger.entity].workflow
    taken = workflow.transitions.get(trigger.transition) if workflow is not None else None
    return taken.label.get(ctx.language) if taken is not None else translator(ctx.language)(*EVENTS[trigger.kind])


def parts_view(ctx: RunContext, parts: Sequence[Told]) -> list[View]:
    """Conditions with their values."""
    t = translator(ctx.language)
    return [
        {
            "text": part.text,
            "result": t("成立", "holds") if part.holds else t("不成立", "fails"),
            "tone": "green" if part.holds else "amber",
            "inputs": [{"name": name, "value": value} for name, value in part.inputs],
        }
        for part in parts
    ]


def rule_run(id: int) -> AnyResponse:
    """One run: what set it off, each condition with its values, each action with old and new."""
    with reading() as ctx:
        demand_admin(ctx)
        run = rules_traces.run(ctx, id)
        if run is None:
            raise NotFound(fault(ctx, "no_such_run"))
        t = translator(ctx.language)
        model = ctx.app.model
        found = model.rules.get(run.rule)
        entity = model.entities.get(run.entity)
        own, deeds = entity is not None and not entity.parent, Deeds(ctx)
        facts = [
            {"label": t("时间", "When"), "value": f"{moment(run.at, ctx)}"},
            {"label": t("触发", "Set off by"), "value": event_label(ctx, run)},
            {"label": t("来源", "Way in"), "value": t(*SOURCES[run.source]) if run.source in SOURCES else run.source},
            {"label": t("谁", "Who"), "value": _people(ctx, [run.account]).get(run.account or 0, t("系统", "system"))},
            {"label": t("用时", "Took"), "value": f"{run.micros / 1000:.1f} ms"},
        ]
        return render(
            ctx,
            "pages/rule_run.html",
            title=found.label.get(ctx.language) if found else run.rule,
            crumb={
                "label": t("规则", "Rules"),
                "url": url_for("pages.rule", rule=run.rule) if found else url_for("pages.rules"),
            },
            sentence=say_rule(ctx, found) if found else "",
            record=record_names(ctx, [(run.entity, run.record)])[run.entity, run.record],
            record_url=url_for("pages.record", entity=run.entity, id=run.record) if own else "",
            result=t(*RESULTS[run.result][:2]) if run.result in RESULTS else run.result,
            tone=RESULTS[run.result][2] if run.result in RESULTS else "",
            facts=facts,
            parts=parts_view(ctx, rules_admin.conditions_of(ctx, run)),
            actions=[deeds.view(run.entity, action) for action in run.actions],
            error=run.error,
        )


def _people(ctx: RunContext, ids: Sequence[int | None]) -> Mapping[int, str]:
    return accounts.account_names(ctx, [each for each in ids if each])


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/rules", "rules", rules)
    pages.add_url_rule("/rules", "switch_rule", switch_rule, methods=["POST"])
    pages.add_url_rule("/rules/<rule>", "rule", rule)
    pages.add_url_rule("/rules/runs/<int:id>", "rule_run", rule_run)
