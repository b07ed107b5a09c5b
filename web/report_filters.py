"""The filter bar of reports and ledgers: what one may narrow by, what is chosen, and the small form for one more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from werkzeug.datastructures import MultiDict

from engine.expressions.types import Kind
from engine.model import EntityKind
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.figures import BETWEEN, PERIODS, period_of, periods_known
from runtime.messages import fault
from runtime.permissions import rights
from runtime.report_axes import End, Names, end_of
from runtime.report_shapes import Span
from runtime.reports import Asked, Result
from runtime.values import Ref
from web.report_view import parsed
from web.texts import translator

Part = dict[str, Any]
PREFIX = "where."
SIDES = (".ge", ".le")
"""Endings of the parameters for the first and the last day of a span."""
CHOSEN_BY = (Kind.REFERENCE, Kind.CHOICE, Kind.YES_NO, Kind.DATE)
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
            span = self.span(path)
            if span is not None:
                values.append(span)
            if values:
                found[path] = values
        return found

    def span(self, path: str) -> Span | None:
        """Days from … to that a date is narrowed to."""
        if self.ends[path].node.type.kind is not Kind.DATE:
            return None
        first, last = (self._day(PREFIX + path + side) for side in SIDES)
        return Span(first, last) if first or last else None

    def _day(self, name: str) -> date | None:
        text = self.given.get(name, "")
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            raise Malformed(fault(self.ctx, "filter_bad", name, reason=text[:40])) from None

    def chips(self) -> list[Part]:
        """The filters in force, in words, each with its way out."""
        t = translator(self.ctx.language)
        found = []
        for path, values in self.filters().items():
            end, names = self.ends[path], Names(self.ctx)
            names.read(end, [v for v in values if not isinstance(v, Span)])
            texts = [self._told(end, names, v) for v in values]
            drop = [PREFIX + path + side for side in ("", ".empty", *SIDES)]
            found.append({"label": end.label, "text": t("、", ", ").join(texts), "drop_url": self.url(drop=drop)})
        return found

    def _told(self, end: End, names: Names, value: Any) -> str:
        if isinstance(value, Span):
            return f"{value.first or ''} – {value.last or ''}"
        return names.text(end, value) if value is not None else translator(self.ctx.language)("空", "empty")

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
        span = self.span(end.path)
        return {
            "path": end.path,
            "label": end.label,
            "options": options,
            "days": end.node.type.kind is Kind.DATE,
            "first": span.first if span else None,
            "last": span.last if span else None,
            "picker": url_for("pages.pick", entity=end.targets[0]) if end.targets else "",
            "keep": [
                (n, v) for n, v in self.arguments if n not in ("add", "cursor", *(PREFIX + end.path + s for s in SIDES))
            ],
            "cancel": self.url(add=""),
        }

    def period(self) -> str:
        """The period asked for, if it is one."""
        given = self.given.get("period", "")
        first, last = self.given.get("since", ""), self.given.get("until", "")
        if first and last:
            given = f"{first}{BETWEEN}{last}"
            if not periods_known(given):
                raise Malformed(fault(self.ctx, "bad_period", "period", given=given[:40]))
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
                {
                    "label": label,
                    "url": self.url(period=name, since="", until=""),
                    "note": days,
                    "current": name == result.period.id,
                }
            )
        own = {"label": t("自选日期…", "Other days…"), "url": self.url(add="period"), "note": "", "current": False}
        return [*found, own]

    def span_editor(self, result: Result) -> Part | None:
        """The small form for a period of one's own."""
        if result.period is None or self.given.get("add") != "period":
            return None
        gone = ("add", "cursor", "since", "until", "period")
        return {
            "first": result.period.start,
            "last": result.period.end,
            "keep": [(n, v) for n, v in self.arguments if n not in gone],
            "cancel": self.url(add=""),
        }


def period_label(ctx: RunContext, result: Result) -> str:
    """The period shown, in words and days."""
    if result.period is None:
        return ""
    words = PERIOD_WORDS.get(result.period.id)
    name = translator(ctx.language)(*words) if words else ""
    return f"{name} {result.period.start.isoformat()} – {result.period.end.isoformat()}".strip()


def raw(value: Any) -> str:
    """A value as it stands in an address."""
    return f"{value.entity}:{value.id}" if isinstance(value, Ref) else str(value)
