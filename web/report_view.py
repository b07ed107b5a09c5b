"""A report as a table: groups with their totals, columns across, and a way down from every figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from flask import url_for

from engine.expressions.tree import Binary, Call, Conditional, Node
from engine.expressions.types import Kind
from engine.model import EntityKind, Report, ReportMeasure
from runtime.context import RunContext
from runtime.permissions import LEDGER, rights
from runtime.report_axes import THIS, Bucket, end_of
from runtime.reports import Across, Line, Result
from runtime.values import Ref
from web.display import age, number, percent, price
from web.report_buckets import NAME, told
from web.texts import translator
from web.whole import is_whole

Part = dict[str, Any]
OPEN_LEDGER = "pages.moves"
EMPTY = "–"
KEPT = ("period", "since", "until", NAME)
"""Parameters that the rows behind a figure take over, beside filters."""
PLAN = "plan."


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What ``report_table`` draws, and the same as plain values for a spreadsheet."""

    heads: list[list[Part]]
    rows: list[Part]


def figure(ctx: RunContext, measure: ReportMeasure, value: Any) -> str:
    """A measure's value as people read it."""
    if value is None:
        return ""
    kind = measure.value.type.kind
    if kind is Kind.MONEY and isinstance(value, Decimal):
        scale = ctx.app.model.currency_scale
        return price(value, scale) if measure.value.type.per_unit else number(value, scale)
    if is_share(measure) and isinstance(value, Decimal):
        return percent(value, 1)
    if isinstance(value, Decimal):
        return number(value, 1) if value != value.to_integral_value() and kind is Kind.NUMBER else number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return number(value)
    return str(value)


def is_share(measure: ReportMeasure) -> bool:
    """Whether a number is a part of a whole: the last thing its formula does is divide."""
    return measure.value.type.kind is Kind.NUMBER and _divides(measure.value.tree)


def _divides(tree: Node) -> bool:
    if isinstance(tree, Conditional):
        return _divides(tree.then) or _divides(tree.otherwise)
    if isinstance(tree, Call) and tree.arguments:
        return _divides(tree.arguments[0])
    return isinstance(tree, Binary) and tree.operator == "/"


def keeps_together(result: Result, report: Report) -> bool:
    """Whether rows stand in groups under their totals (else every axis is a column of its own)."""
    return "rows" in report.totals and len(result.axes) > 1


class ReportTable:
    """One report, ready to be drawn or exported."""

    def __init__(
        self,
        ctx: RunContext,
        report: Report,
        result: Result,
        sort: tuple[str, bool] | None,
        kept: Sequence[tuple[str, str]],
    ) -> None:
        self.ctx = ctx
        self.report = report
        self.result = result
        self.kept = list(kept)
        self.sort = sort
        self.measures = {m.id: m for m in report.measures if any(h.id == m.id for h in result.measures)}
        self.grouped = keeps_together(result, report)
        self.depth = len(result.axes)
        self.spread = self._spread()

    def _spread(self) -> list[tuple[Across | None, str]]:
        """Columns of figures: (column of the pivot or ``None`` for the row's total, measure)."""
        names = list(self.measures)
        if not self.result.columns:
            return [(None, name) for name in names]
        across = [(column, name) for column in self.result.columns for name in names]
        with_total = "columns" in self.report.totals or "rows" in self.report.totals
        return [*across, *((None, name) for name in names)] if with_total else list(across)

    # --- lines in their order ------------------------------------------------------------------------------

    def lines(self) -> list[Line]:
        """The lines shown: groups with what is in them, the grand total last."""
        shown = [x for x in self.result.lines if x.level in self._levels()]
        if self.sort is not None:
            shown = self._sorted(shown)
        total = [x for x in shown if x.level == 0 and self.depth]
        return [*(x for x in shown if x.level or not self.depth), *total]

    def _levels(self) -> set[int]:
        return {0, 1, self.depth} if self.grouped else {0, self.depth} if "rows" in self.report.totals else {self.depth}

    def _sorted(self, lines: Sequence[Line]) -> list[Line]:
        assert self.sort is not None
        name, down = self.sort

        def rank(line: Line) -> tuple[bool, Any]:
            value = line.cells.get((), {}).get(name)
            return (value is None, (-value if down else value) if value is not None else 0)

        groups: dict[Any, list[Line]] = {}
        for line in lines:
            if line.level:
                groups.setdefault(line.keys[:1] if self.grouped else (), []).append(line)
        if not self.grouped:
            return [*(x for x in lines if not x.level), *sorted(groups.get((), []), key=rank)]
        heads = sorted((x for x in lines if x.level == 1), key=rank)
        found = [x for x in lines if x.level == 0]
        for head in heads:
            inner = [x for x in groups[head.keys[:1]] if x.level != 1]
            found += [head, *sorted(inner, key=rank)]
        return found

    # --- heads -------------------------------------------------------------------------------------------------

    def axis_labels(self) -> list[str]:
        """Heads of the columns that name the rows."""
        labels = [axis.label for axis in self.result.axes]
        if not labels:
            return [""]
        return [" / ".join(labels[:2]), *labels[2:]] if self.grouped else labels

    def heads(self, sort_url: Any) -> list[list[Part]]:
        """One head row, or two for a pivot with several measures."""
        axes: list[Part] = [{"label": label} for label in self.axis_labels()]
        labels = {h.id: h.label for h in self.result.measures}
        t = translator(self.ctx.language)
        if not self.result.columns:
            return [[*axes, *(self._head(labels[name], name, sort_url) for _, name in self.spread)]]
        if len(self.measures) == 1:
            only = next(iter(self.measures))
            total = f"{t('合计', 'Total')}"
            return [
                [
                    *axes,
                    *(
                        {"label": c.title, "num": True} if c else self._head(total, only, sort_url)
                        for c, _ in self.spread
                    ),
                ]
            ]
        blanks: list[Part] = [{"label": ""} for _ in axes]
        titles = [c.title if c else t("合计", "Total") for c, _ in self.spread][:: len(self.measures)]
        top: list[Part] = [*blanks, *({"label": x, "num": True, "span": len(self.measures)} for x in titles)]
        return [top, [*axes, *(self._head(labels[name], name, "" if c else sort_url) for c, name in self.spread)]]

    def _head(self, label: str, name: str, sort_url: Any) -> Part:
        down = self.sort is not None and self.sort[0] == name and self.sort[1]
        mark = "" if self.sort is None or self.sort[0] != name else " ↓" if down else " ↑"
        head: Part = {"label": label + mark, "num": True}
        if sort_url:
            head["sort_url"] = sort_url(name if down else f"-{name}")
        return head

    # --- rows --------------------------------------------------------------------------------------------------

    def rows(self) -> list[Part]:
        """The rows with their links."""
        return [self._row(line) for line in self.lines()]

    def _row(self, line: Line) -> Part:
        t = translator(self.ctx.language)
        titles: list[Any]
        titles = [t("合计", "Total"), *([""] * (len(self.axis_labels()) - 1))] if not line.level else self._titles(line)
        is_sub = self.grouped and 0 < line.level < self.depth
        cells = [self._cell(line, column, name) for column, name in self.spread]
        return {
            "cells": [*titles, *cells],
            "depth": 1 if self.grouped and line.level == self.depth else 0,
            "kind": "sum" if not line.level and self.depth else "sub" if is_sub else "",
        }

    def _titles(self, line: Line) -> list[Any]:
        named = [self._title(path, value, text) for (path, value), text in zip(line.drill, line.titles, strict=True)]
        if not self.grouped:
            return named
        if line.level == 1:
            return [named[0], *[""] * (self.depth - 2)]
        return named[1:]

    def _title(self, path: str, value: Any, text: str) -> Any:
        if isinstance(value, date) and not isinstance(value, datetime):
            late, tone = age(value, self.ctx.today(), self.ctx.language, due="due" in path)
            return {"text": f"{value.isoformat()} {late}".strip(), "num": False, "tone": tone}
        url = self._record_url(path, value)
        return {"text": text or EMPTY, "num": False, "url": url} if url else text or EMPTY

    def _record_url(self, path: str, value: Any) -> str:
        entity, record = "", 0
        if isinstance(value, Ref):
            entity, record = value.entity, value.id
        elif isinstance(value, int) and not isinstance(value, bool):
            entity, record = self._target(path), value
        found = self.ctx.app.model.entities.get(entity)
        if found is None or not record or found.kind in (EntityKind.LINES, EntityKind.SYSTEM):
            return ""
        return url_for("pages.record", entity=entity, id=record) if rights(self.ctx, entity).may("read") else ""

    def _target(self, path: str) -> str:
        if self.report.of.startswith(PLAN):
            return self.ctx.app.model.plans[self.report.of.removeprefix(PLAN)].entity
        targets = end_of(self.ctx, self.report.of, path).targets
        return targets[0] if len(targets) == 1 else ""

    def _cell(self, line: Line, column: Across | None, name: str) -> Part:
        value = line.cells.get(column.key if column else (), {}).get(name)
        text = figure(self.ctx, self.measures[name], value)
        shown: Part = {"text": text}
        if text and value:
            shown["url"] = self.drill(line, column)
        if isinstance(value, Decimal) and value < 0 and self.measures[name].value.type.kind is Kind.QUANTITY:
            shown["tone"] = "red"
        return shown

    def drill(self, line: Line, column: Across | None) -> str:
        """Where the rows behind a cell are."""
        filters = [*line.drill, *(column.drill if column else ())]
        ranges = told(self.report, column) if column is not None else ()
        return drill_url(self.ctx, self.report, filters, [*self.kept, *ranges])

    # --- plain -------------------------------------------------------------------------------------------------

    def plain_header(self) -> list[str]:
        """The heads in one row, for a file."""
        labels = {h.id: h.label for h in self.result.measures}
        several = len(self.measures) > 1
        t = translator(self.ctx.language)
        names = [axis.label for axis in self.result.axes]
        for column, name in self.spread:
            title = column.title if column else t("合计", "Total") if self.result.columns else ""
            names.append(" ".join(x for x in (title, labels[name] if several or not title else "") if x))
        return names

    def plain_rows(self) -> Iterable[list[Any]]:
        """Every line with all its keys, so that a file can be filtered and summed again; no totals in between."""
        for line in self.result.lines:
            if line.level == self.depth:
                values = [line.cells.get(c.key if c else (), {}).get(name) for c, name in self.spread]
                yield [*line.titles, *(_plain(value) for value in values)]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, (Fraction, Ref, Bucket)) else value


def drill_url(
    ctx: RunContext, report: Report, filters: Sequence[tuple[str, Any]], kept: Sequence[tuple[str, str]] = ()
) -> str:
    """The rows behind some filters: the moves of a ledger, the record itself, else the report's own list of rows."""
    for path, value in filters:
        if path == THIS and isinstance(value, int):
            return url_for("pages.record", entity=report.of, id=value)
    pairs = [(f"where.{path}" if value is not None else f"where.{path}.empty", _raw(value)) for path, value in filters]
    pairs += [(n, v) for n, v in kept if n.startswith("where.") or n in KEPT]
    if report.of.startswith(LEDGER):
        base = url_for(OPEN_LEDGER, ledger=report.of.removeprefix(LEDGER))
    elif report.of in ctx.app.model.entities:
        base = url_for("pages.report_rows", report=report.id)
    else:
        return url_for("pages.plan", plan=report.of.removeprefix(PLAN))
    return f"{base}?{urlencode(list(dict.fromkeys(pairs)))}" if pairs else base


def _raw(value: Any) -> str:
    if value is None:
        return "1"
    if isinstance(value, Ref):
        return f"{value.entity}:{value.id}" if value.entity else str(value.id)
    return "1" if value is True else "0" if value is False else str(value)


def raw_values(kinds: Mapping[str, Any], path: str, given: Sequence[str]) -> list[Any]:
    """The values of a filter in the address, as the axis holds them."""
    return [parsed(kinds[path], text) for text in given]


def parsed(kind: Kind, text: str) -> Any:
    """One value of an address as a value of its kind; ``ValueError`` for one that cannot be."""
    if kind is Kind.REFERENCE:
        entity, _, record = text.rpartition(":")
        if not is_whole(record):
            raise ValueError(text)
        return Ref(entity, int(record)) if entity else int(record)
    if kind is Kind.YES_NO:
        return text == "1"
    if kind is Kind.DATE:
        return date.fromisoformat(text)
    return text
