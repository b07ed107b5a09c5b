"""Reports and cards by API: the same figures as on the pages, with what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, Response, request

from engine.expressions.types import Kind
from runtime import cards, reports
from runtime.context import RunContext
from runtime.errors import Malformed, NotFound
from runtime.figures import Period, periods_known
from runtime.messages import fault
from runtime.report_axes import Bucket, end_of
from runtime.values import Ref
from web.access import reading
from web.api import parameters
from web.api.shapes import answer

OWN_PARAMETERS = frozenset(("period", "points", "lang"))
MOST_POINTS = 24
MOST_VALUES = 200


def report(report: str) -> Response:
    """A report drawn; every other parameter is a filter: a path with a value (repeated: any of them; empty: none)."""
    with reading() as ctx:
        declared = ctx.app.model.reports.get(report)
        if declared is None:
            raise NotFound(fault(ctx, "no_such_report", given=report[:60]))
        known = {*declared.filters, *declared.rows, *(c.by for c in declared.columns if c.by)}
        given = {
            path: request.args.getlist(path)
            for path in request.args
            if path in known and not declared.of.startswith("plan.")
        }
        filters = {path: [_value(ctx, declared.of, path, text) for text in texts] for path, texts in given.items()}
        return answer(_report(reports.run(ctx, report, reports.Asked(filters=filters, period=_period(ctx)))))


def _period(ctx: RunContext) -> str:
    given = parameters.text("period")
    if given and not periods_known(given):
        raise Malformed(fault(ctx, "bad_period", "period", given=given[:40]))
    return given


def _value(ctx: RunContext, of: str, path: str, text: str) -> Any:
    """A filter's value from its text."""
    if not text:
        return None
    kind = end_of(ctx, of, path).node.type.kind
    if kind in (Kind.TEXT, Kind.CHOICE) and "\0" not in text:
        return text[:MOST_VALUES]
    try:
        if kind is Kind.REFERENCE:
            entity, _, number = text.rpartition(":")
            if not (number.isascii() and number.isdigit() and len(number) < 19):
                raise ValueError(text)
            return Ref(entity, int(number)) if entity else int(number)
        if kind is Kind.YES_NO:
            return {"true": True, "false": False}[text]
        if kind is Kind.DATE:
            return date.fromisoformat(text)
    except (ValueError, KeyError):
        pass
    raise Malformed(fault(ctx, "filter_bad", path, reason=text[:40]))


def _report(result: reports.Result) -> dict[str, Any]:
    keys = [column.key for column in result.columns]
    return {
        "id": result.id,
        "label": result.label,
        "help": result.help,
        "of": result.of,
        "period": _period_json(result.period),
        "axes": [_heading(h) for h in result.axes],
        "measures": [_heading(h) for h in result.measures],
        "columns": [{"key": [_key(k) for k in c.key], "title": c.title} for c in result.columns],
        "filters": [_heading(h) for h in result.filters],
        "rows": [_line(line, keys) for line in result.lines],
        "chart": result.chart,
        "cut": result.cut,
    }


def _heading(heading: reports.Heading) -> dict[str, str]:
    return {"id": heading.id, "label": heading.label, "kind": str(heading.kind)}


def _period_json(period: Period | None) -> dict[str, Any] | None:
    return {"id": period.id, "start": period.start, "end": period.end} if period else None


def _line(line: reports.Line, keys: list[Any]) -> dict[str, Any]:
    """``values``: the row's total of each measure; ``cells``: the same for each of ``columns``, in their order."""
    cells: Mapping[Any, Mapping[str, Any]] = line.cells
    return {
        "level": line.level,
        "keys": [_key(key) for key in line.keys],
        "titles": line.titles,
        "values": cells.get((), {}),
        "cells": [cells.get(key, {}) for key in keys],
        "drill": {path: _key(value) for path, value in line.drill},
    }


def _key(value: Any) -> Any:
    return {"above": value.low, "through": value.high} if isinstance(value, Bucket) else value


def card_list() -> Response:
    """All cards the caller may see."""
    with reading() as ctx:
        return answer({"items": [_card(one) for one in cards.cards(ctx, None, _period(ctx), _points(ctx))]})


def card(card: str) -> Response:
    """One card."""
    with reading() as ctx:
        return answer(_card(cards.card(ctx, card, _period(ctx), _points(ctx))))


def _points(ctx: RunContext) -> int:
    return max(0, min(parameters.whole(ctx, "points", 0), MOST_POINTS))


def _card(figure: cards.Figure) -> dict[str, Any]:
    names = (
        "id",
        "label",
        "help",
        "value",
        "unit",
        "format",
        "color",
        "better",
        "formula",
        "target",
        "compared",
        "change",
    )
    return {
        **{name: getattr(figure, name) for name in names},
        "parts": [{"id": p.id, "label": p.label, "value": p.value, "formula": p.formula} for p in figure.parts],
        "period": _period_json(figure.period),
        "periods": figure.periods,
        "points": [{"date": day, "value": value} for day, value in figure.points],
        "opens": figure.opens,
        "alerts": figure.alerts,
        "limits": [{"color": color, "when": when} for color, when in figure.limits],
    }


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/reports/<report>", "report", report)
    api.add_url_rule("/cards", "cards", card_list)
    api.add_url_rule("/cards/<card>", "card", card)
