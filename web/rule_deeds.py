"""What a rule did, or would have done, in words: who was told what, which field became what, what was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import url_for

from engine.expressions.types import Kind
from engine.model import Field
from runtime import accounts
from runtime.context import RunContext
from runtime.record_inputs import Workspace
from runtime.record_texts import title_of
from runtime.rules_past import from_kept
from runtime.rules_sets import OVERRULED, OVERRULES
from runtime.rules_words import CHANNELS
from web.display import text_of
from web.plugin_words import outcome_changes, outcome_words, started
from web.texts import translator

View = dict[str, Any]
Deed = Mapping[str, Any]
NOTHING = "–"


class Deeds:
    """Says what traces and trials keep of actions, for one reader."""

    def __init__(self, ctx: RunContext) -> None:
        self._ctx = ctx
        self._at = Workspace(ctx)
        self._t = translator(ctx.language)

    def view(self, entity: str, deed: Deed) -> View:
        """One action of a rule about records of ``entity``."""
        started_one = deed["kind"] == "start"
        text = deed.get("text", "")
        made, made_of = deed.get("made"), deed.get("entity", "")
        return {
            "head": self._head(entity, deed),
            "told": self._told(deed),
            "text": outcome_words(self._ctx, deed) if started_one else self._either(text),
            "changes": outcome_changes(self._ctx, deed) if started_one else self._changes(entity, deed),
            "made": str(deed.get("code") or (f"#{made}" if made else "")),
            "made_url": url_for("pages.record", entity=made_of, id=made) if made and made_of else "",
        }

    def _either(self, text: str | list[str]) -> str:
        return text if isinstance(text, str) else text[1 if self._ctx.language == "en" else 0]

    def _head(self, entity: str, deed: Deed) -> str:
        t, kind = self._t, str(deed["kind"])
        made = self._ctx.app.model.entities.get(deed.get("entity", ""))
        label = made.label.get(self._ctx.language) if made is not None else ""
        heads = {
            "send": t(*CHANNELS.get(str(deed.get("channel")), ("消息", "message"))),
            "set": t("设置字段", "Set fields"),
            "create": t(f"新建{label}", f"Made {label}"),
            "draw": t(f"生成{label}", f"Drew {label}"),
            "take": t("流程操作", "Transition") + self._step(entity, deed),
            "start": t("启动插件：", "Started the plug-in: ") + started(self._ctx, deed) if deed.get("plugin") else "",
        }
        return heads.get(kind, kind)

    def _step(self, entity: str, deed: Deed) -> str:
        """The transition that was taken."""
        known = self._ctx.app.model.entities.get(entity)
        steps = known.workflow.transitions if known is not None and known.workflow is not None else {}
        step = steps.get(str(deed.get("transition", "")))
        return self._t(f"“{step.label.zh}”", f" “{step.label.en}”") if step is not None else ""

    def _told(self, deed: Deed) -> str:
        ids = [each for each in deed.get("accounts", ()) if each]
        told = [*accounts.account_names(self._ctx, ids).values(), *deed.get("addresses", ())]
        if told or deed["kind"] != "send":
            return self._t("、", ", ").join(told)
        return self._t("没有收件人", "nobody to tell")

    def _changes(self, entity: str, deed: Deed) -> list[View]:
        """What was set, with old and new value; of a trial also what a record would be made with."""
        pairs = {name: (None, value) for name, value in dict(deed.get("fill") or {}).items()}
        pairs |= {name: tuple(pair) for name, pair in dict(deed.get("set") or {}).items()}
        found = self._ctx.app.model.entities.get(deed.get("entity") or entity)
        fields: Mapping[str, Field] = found.fields if found is not None else {}
        return [
            {
                "name": fields[name].label.get(self._ctx.language) if name in fields else name,
                "old": self._value(fields.get(name), old),
                "new": self._value(fields.get(name), new),
                "note": self._overruling(deed, name),
            }
            for name, (old, new) in pairs.items()
        ]

    def _value(self, field: Field | None, kept: object) -> str:
        """A value as the field shows it; one that no longer fits its field as it was kept."""
        if kept is None or kept == "":
            return NOTHING
        if field is None:
            return str(kept)
        if field.value.kind is Kind.REFERENCE:
            ids = kept if isinstance(kept, list) else [kept]
            return self._t("、", ", ").join(title_of(self._at, field.targets, each) or f"#{each}" for each in ids)
        try:
            return text_of(self._ctx, field, from_kept(field, kept)) or NOTHING
        except (ArithmeticError, TypeError, ValueError):
            return str(kept)

    def _overruling(self, deed: Deed, field: str) -> str:
        """Which other rule set the same field in the same save: the later one counts."""
        rules, t = self._ctx.app.model.rules, self._t
        before, after = (deed.get(key, {}).get(field, "") for key in (OVERRULES, OVERRULED))
        before, after = (rules[id].label.get(self._ctx.language) if id in rules else id for id in (before, after))
        if after:
            return t(f"未写入：之后的规则“{after}”又设置了它", f"not written: the later rule “{after}” set it again")
        return t(f"盖过之前的规则“{before}”", f"over the earlier rule “{before}”") if before else ""
