"""What a rule started of a plug-in, and what came of it, in words: for the run of the rule and for its trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.context import RunContext
from runtime.plugins.finding import label_of
from runtime.plugins.settings import shown
from web.plugin_values import given_words
from web.texts import translator

View = dict[str, Any]
STATES: Mapping[str, tuple[str, str]] = {"done": ("已完成", "done"), "failed": ("失败", "failed")}


def started(ctx: RunContext, action: Mapping[str, Any]) -> str:
    """The plug-in and what it does."""
    plugin, act = str(action["plugin"]), str(action.get("act", ""))
    return f"{label_of(plugin).get(ctx.language)} · {label_of(plugin, act).get(ctx.language)}"


def outcome_words(ctx: RunContext, action: Mapping[str, Any]) -> str:
    """With which arguments, and what it said."""
    t = translator(ctx.language)
    parts = [given_words(ctx, str(action["plugin"]), str(action.get("act", "")), action.get("given", {}))]
    outcome = action.get("outcome")
    if outcome is not None:
        state = STATES.get(str(outcome.get("state")))
        parts.append(t(*state) if state else "")
        parts.append(str(outcome.get("error") or ""))
        parts += [said[1 if ctx.language == "en" else 0] for said in outcome.get("said", ())[:5]]
    elif "run" in action:
        parts.append(t("还没有做完", "not done yet"))
    return t("；", "; ").join(part for part in parts if part)


def outcome_changes(ctx: RunContext, action: Mapping[str, Any]) -> list[View]:
    """Each record it wrote, field by field."""
    found = []
    for each in action.get("outcome", {}).get("written", ()):
        entity = ctx.app.model.entities.get(each["entity"])
        for name, (old, new) in each["set"].items():
            label = entity.fields[name].label.get(ctx.language) if entity and name in entity.fields else name
            found.append({"name": f"{each['title']} {label}", "old": shown(old) or "–", "new": shown(new) or "–"})
    return found
