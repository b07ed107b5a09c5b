"""A rule or an alert as a little picture: what sets it off, what must hold, what is done, and what bounds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.expressions.tree import Expr
from engine.model import Alert, Level, Rule
from runtime.context import RunContext
from runtime.expression_words import Speaker
from runtime.rules_look import parts_of
from runtime.rules_words import Sentences
from web.texts import translator

View = dict[str, Any]
TRIGGERS: Mapping[str, str] = {
    "created": "circle-plus",
    "changed": "pencil",
    "transition": "route",
    "becomes": "trending-up",
    "date": "calendar-event",
    "every": "clock",
    "event": "plug-connected",
}
ACTIONS: Mapping[str, str] = {
    "send": "send",
    "set": "pencil",
    "create": "file-plus",
    "draw": "file-export",
    "take": "route",
    "start": "plug-connected",
}
OFFERS: Mapping[str, tuple[str, str]] = {
    "plan": ("打开计划", "open the plan"),
    "set": ("填好字段", "fill in fields"),
    "snooze": ("先不提醒", "be silent for a while"),
}


def rule_picture(ctx: RunContext, rule: Rule) -> list[View]:
    """The three boxes of a rule, in the order in which it works."""
    words, t = Sentences(ctx), translator(ctx.language)
    when = _start(words.trigger(rule.trigger), t("当", "When "))
    does = [
        {"icon": ACTIONS.get(action.kind, "bolt"), "text": words.actions(replace(rule, actions=(action,)))}
        for action in rule.actions
    ]
    return [
        {"head": t("当", "When"), "parts": [{"icon": TRIGGERS[rule.trigger.kind], "text": when}]},
        {"head": t("如果", "If"), "parts": list(_conditions(ctx, rule.condition)), "none": t("不看条件", "always")},
        {"head": t("就", "Then"), "parts": does},
    ]


def rule_bounds(ctx: RunContext, rule: Rule) -> list[str]:
    """What keeps a rule within bounds, in words."""
    t = translator(ctx.language)
    found = []
    if rule.most:
        found.append(
            t(
                f"每个对象 {rule.hours} 小时内最多 {rule.most} 次",
                f"at most {rule.most} times in {rule.hours} hours for each record",
            )
        )
    if rule.blocks:
        found.append(t("做不成时不让保存", "refuses the save where it cannot be done"))
    return found


def alert_picture(ctx: RunContext, alert: Alert) -> list[View]:
    """The boxes of an alert: while what holds, its levels, whom it tells, what it offers, when it closes."""
    words, t = Sentences(ctx), translator(ctx.language)
    label = words.label(alert.entity)
    told = words.people(alert.to) or words.people(tuple(r for level in alert.levels for r in level.to))
    ways = [t("告诉", "tell ") + told, *(_escalations(words, alert))]
    offers = [f"{offer.label.get(ctx.language)}（{t(*OFFERS[offer.kind])}）" for offer in alert.offers]
    until = words.words(alert.until) if alert.until is not None else t("不再如此", "that ends")
    stays = [{"icon": "bell", "text": text} for text in ways]
    stays += [{"icon": "bulb", "text": t("可以：", "one may: ") + offer} for offer in offers]
    boxes: list[View] = [
        {"head": t(f"只要{label}的", f"While of a {label}"), "parts": list(_conditions(ctx, alert.condition))},
        {"head": t("就一直开着", "It stays open"), "parts": stays},
        {"head": t("到", "Until"), "parts": [{"icon": "circle-check", "text": until}]},
    ]
    if alert.levels:
        boxes.insert(1, {"head": t("几级", "Levels"), "parts": [_level(ctx, words, level) for level in alert.levels]})
    return boxes


def _level(ctx: RunContext, words: Sentences, level: Level) -> View:
    label = level.label.get(ctx.language)
    return {"icon": "alert-triangle", "text": words.t(f"{label}：", f"{label}: ") + words.words(level.condition)}


def _escalations(words: Sentences, alert: Alert) -> Iterator[str]:
    for one in alert.escalate:
        span, whom = words.span(one.after, one.unit), words.people(one.to)
        yield words.t(f"{span}没人处理再告诉{whom}", f"after {span} without anybody taking care tell {whom} too")


def _conditions(ctx: RunContext, condition: Expr | None) -> Iterator[View]:
    """Every part that must hold, each in words."""
    speaker = Speaker(ctx)
    for node in parts_of(condition.tree) if condition is not None else ():
        yield {"icon": "filter", "text": speaker.say(node)}


def _start(sentence: str, word: str) -> str:
    """A sentence without the word that stands above it already."""
    return sentence.removeprefix(word)
