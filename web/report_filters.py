"""The filter bar of reports and ledgers: what one may narrow by, what is chosen, and the small form for one more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from werkzeug.datastructures import MultiDict

from engine.expressions.types import Kind
from engine.model import EntityKind
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.figures import PERIODS, period_of, periods_known
from runtime.messages import fault
from runtime.permissions import rights
from runtime.report_axes import End, Names, end_of
from runtime.reports import Asked, Result
from runtime.values import Ref
from web.report_view import parsed
from web.texts import translator

Part = dict[str, Any]
PREFIX = "where."
CHOSEN_BY = (Kind.REFERENCE, Kind.CHOICE, Kind.YES_NO)
PERIOD_WORDS: Mapping[str, tuple[str, str]] = {
    "today": ("今天", "Today"),
    "yesterday": ("昨天", "Yesterday"),
    "this_week": ("本周", "This week"),
    "last_week": ("上周", "Last week"),
    "this_month": ("本月", "This month"),
    "last_month": ("上月", "Last month"),
    "this_quarter": ("本季", "This quarter"),
    "last_quarter": ("上季", "Last quarter"),
    "this_year": ("今年", "This year"),
    "last_year": ("去年", "Last year"),
    "last_7_days": ("近 7 天", "Last 7 days"),
    "last_30_days": ("近 30 天", "Last 30 days"),
    "last_90_days": ("近 90 天", "Last 90 days"),
    "last_365_days": ("近 365 天", "Last 365 days"),
}


class Bar:
    """The address of a page of figures, taken apart, and addresses of the same page a little different."""

    def __init__(
        self, ctx: RunContext, base: str, of: str, paths: Iterable[str], arguments: MultiDict[str, str]
    ) -> None:
        self.ctx = ctx
        self.base = base
        self.of = of
        self.arguments = [(n, v) for n, v in arguments.items(multi=True) if n != "lang"]
        self.given = arguments
        self.ends: dict[str, End] = {p: end_of(ctx, of, p) for p in dict.fromkeys(paths)}

    def url(self, *, drop: Sequence[str] = (), **changes: str) -> str:
        """The same page with some parameters changed ("" removes one)."""
        gone = {*drop, *changes, "add", "cursor"}
        kept = [(n, v) for n, v in self.arguments if n not in gone]
        kept += [(n, v) for n, v in changes.items() if v]
        return f"{self.base}?{urlencode(kept)}" if kept else self.base

    def filters(self) -> dict[str, list[Any]]:
        """Values by path."""
        found: dict[str, list[Any]] = {}
        for path, end in self.ends.items():
            texts = [v for v in self.given.getlist(PREFIX + path) if v]
            try:
                values = [parsed(end.node.type.kind, text) for text in texts]
            except ValueError:
                raise Malformed(fault(self.ctx, "filter_bad", path, reason=texts[0][:40])) from None
            if f"{PREFIX}{path}.empty" in self.given:
                values.append(None)
            if values:
                found[path] = values
        return found

    def chips(self) -> list[Part]:
        """The filters in force, in words, each with its way out."""
        t = translator(self.ctx.language)
        found = []
        for path, values in self.filters().items():
            end, names = self.ends[path], Names(self.ctx)
            names.read(end, values)
            texts = [names.text(end, v) if v is not None else t("空", "empty") for v in values]
            drop = (PREFIX + path, f"{PREFIX}{path}.empty")
            found.append({"label": end.label, "text": t("、", ", ").join(texts), "drop_url": self.url(drop=drop)})
        return found

    def add_menu(self) -> list[Part]:
        """What a filter can be added for."""
        return [
            {"label": end.label, "url": self.url(add=path)} for path, end in self.ends.items() if self._offered(end)
        ]

    def _offered(self, end: End) -> bool:
        kind = end.node.type.kind
        if kind is Kind.REFERENCE:
            return len(end.targets) == 1 and self._listed(end.targets[0])
        return kind in CHOSEN_BY

    def _listed(self, entity: str) -> bool:
        found = self.ctx.app.model.entities.get(entity)
        usual = found is not None and found.kind not in (EntityKind.SYSTEM, EntityKind.LINES)
        return usual and rights(self.ctx, entity).may("read")

    def editor(self) -> Part | None:
        """The small form for one new filter."""
        end = self.ends.get(self.given.get("add", ""))
        if end is None or not self._offered(end):
            return None
        t = translator(self.ctx.language)
        options = [
            {"value": o.id, "text": o.label.get(self.ctx.language)} for o in end.options.values() if not o.retired
        ]
        if end.node.type.kind is Kind.YES_NO:
            options = [{"value": "1", "text": t("是", "Yes")}, {"value": "0", "text": t("否", "No")}]
        return {
            "path": end.path,
            "label": end.label,
            "options": options,
            "picker": url_for("pages.pick", entity=end.targets[0]) if end.targets else "",
            "keep": [(n, v) for n, v in self.arguments if n not in ("add", "cursor")],
            "cancel": self.url(add=""),
        }

    def period(self) -> str:
        """The period asked for, if it is one."""
        given = self.given.get("period", "")
        return given if periods_known(given) else ""

    def asked(self) -> Asked:
        """The question for the runtime."""
        return Asked(filters=self.filters(), period=self.period())

    def period_menu(self, result: Result) -> list[Part]:
        """The periods one may look at, with their days."""
        if result.period is None:
            return []
        t = translator(self.ctx.language)
        known = [p for p in PERIOD_WORDS if p in PERIODS or periods_known(p)]
        found = []
        for name in known:
            period = period_of(self.ctx, name)
            days = f"{period.start:%m-%d} – {period.end:%m-%d}"
            label = t(*PERIOD_WORDS[name])
            found.append(
                {"label": label, "url": self.url(period=name), "note": days, "current": name == result.period.id}
            )
        return found


def period_label(ctx: RunContext, result: Result) -> str:
    """The period shown, in words and days."""
    if result.period is None:
        return ""
    words = PERIOD_WORDS.get(result.period.id)
    name = translator(ctx.language)(*words) if words else result.period.id
    return f"{name} {result.period.start.isoformat()} – {result.period.end.isoformat()}"


def raw(value: Any) -> str:
    """A value as it stands in an address."""
    return f"{value.entity}:{value.id}" if isinstance(value, Ref) else str(value)
