"""A card as the figure macro takes it: the value in words, its state, its comparison, how it was computed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from flask import url_for

from runtime.cards import Figure
from runtime.context import RunContext
from web.display import number, percent
from web.texts import translator

View = dict[str, Any]
STATES = {"red": "over", "orange": "near", "yellow": "near", "green": "ok", "blue": "ok", "": "ok"}
MINUS = "−"
CURRENCIES: Mapping[str, str] = {"CNY": "¥", "USD": "$", "EUR": "€"}
TEN_THOUSAND = Decimal(10_000)


def figure_text(ctx: RunContext, value: object, format: str) -> str:
    """A figure in words: money with its sign, shares as percent, counts whole."""
    if value is None:
        return "–"
    if not isinstance(value, (Decimal, int)) or isinstance(value, bool):
        return str(value)
    if format == "percent":
        return percent(Decimal(value), 1)
    if format == "money":
        sign = CURRENCIES.get(ctx.app.model.currency, "")
        size = abs(Decimal(value))
        said = number(size, 0 if size >= TEN_THOUSAND else ctx.app.model.currency_scale)
        return f"{MINUS if value < 0 else ''}{sign}{said}"
    if isinstance(value, Decimal) and value != value.to_integral_value():
        return number(value, 1 if abs(value) >= 10 else 2)
    return number(Decimal(value).quantize(Decimal(1)))


def card_view(ctx: RunContext, figure: Figure) -> View:
    """Everything the macro ``figure`` needs."""
    note, good = _note(ctx, figure)
    limit = figure.target if isinstance(figure.target, (Decimal, int)) else None
    return {
        "id": figure.id,
        "label": figure.label,
        "text": figure_text(ctx, figure.value, figure.format),
        "unit": figure.unit,
        "aside": _alarms(ctx, figure),
        "note": note,
        "note_good": good,
        "state": STATES.get(figure.color, "ok"),
        "url": opens_url(figure.opens) or (url_for("pages.alerts") if figure.alerts is not None else ""),
        "points": _points(figure),
        "limit": float(limit) if limit is not None else None,
        "explain": explanation(ctx, figure),
    }


def _alarms(ctx: RunContext, figure: Figure) -> str:
    """How many alerts are open, where that is not the figure itself."""
    declared = ctx.app.model.cards[figure.id]
    if not figure.alerts or not (declared.of or declared.value.inputs):
        return ""
    count = figure.alerts
    return translator(ctx.language)(f"{count} 条预警", f"{count} alert{'' if count == 1 else 's'}")


def _points(figure: Figure) -> list[float]:
    """The sparkline; a line that never moved says nothing and is left out."""
    found = [float(value) for _, value in figure.points if isinstance(value, (Decimal, int))]
    return found if len(set(found)) > 1 else []


def _note(ctx: RunContext, figure: Figure) -> tuple[str, str]:
    """What the figure is compared with; the second text is good news."""
    t = translator(ctx.language)
    if isinstance(figure.target, (Decimal, int)) and isinstance(figure.value, (Decimal, int)):
        sign = "≤" if figure.better == "lower" else "≥"
        met = figure.value <= figure.target if figure.better == "lower" else figure.value >= figure.target
        unit = f" {figure.unit}" if figure.unit else ""
        words = t(f"目标 {sign} ", f"Target {sign} ") + figure_text(ctx, figure.target, figure.format) + unit
        calm = STATES.get(figure.color, "ok") == "ok"  # what is amber or red for any reason is no good news
        return words, t("达标", "met") if met and calm else ""
    if isinstance(figure.change, Decimal) and isinstance(figure.compared, Decimal) and figure.compared:
        if not figure.change:
            return t("与上期持平", "as before"), ""
        share = percent(figure.change / figure.compared, 1)
        signed = share if figure.change < 0 else f"+{share}"
        better = figure.change < 0 if figure.better == "lower" else figure.change > 0
        before = t("较上期", "vs before")
        return (before, signed) if better else (f"{before} {signed}", "")
    if figure.value is None:
        return t("这段时间没有数据", "nothing in this time"), ""
    if figure.alerts and figure.color == "red":
        return t("有预警没处理，变红", "red while alerts are open"), ""
    return next((said for color, said in _limits(ctx, figure) if color == "red"), ""), ""


TURNS: Mapping[str, tuple[str, str]] = {
    "red": ("变红", "red"),
    "orange": ("变橙", "orange"),
    "yellow": ("变黄", "amber"),
    "green": ("达标", "good"),
}


COMPARED = re.compile(r"(?<=[<>=≤≥] )\d+(?:\.\d+)?(?![\w%])")
"""A number that something is compared with."""


def _limits(ctx: RunContext, figure: Figure) -> Iterator[tuple[str, str]]:
    """Its thresholds in words, by colour; numbers are spelled as the figure is."""
    t = translator(ctx.language)
    for color, said in figure.limits:
        if color in TURNS:
            zh, en = TURNS[color]
            when = COMPARED.sub(lambda found: figure_text(ctx, Decimal(found[0]), figure.format), said)
            yield color, t(f"{when} {zh}", f"{en} when {when}")


def explanation(ctx: RunContext, figure: Figure) -> View:
    """How the figure is computed: its parts with their values, the formula, what it counts."""
    t = translator(ctx.language)
    terms: list[View] = [
        {"label": t(f"{p.label}（{p.formula}）", f"{p.label} ({p.formula})"), "text": figure_text(ctx, p.value, "")}
        for p in figure.parts
    ]
    terms.append({"label": figure.formula, "text": figure_text(ctx, figure.value, figure.format), "sum": True})
    period = f"{figure.period.start} – {figure.period.end}" if figure.period else ""
    before = ""
    if isinstance(figure.compared, (Decimal, int)):
        before = t("上期：", "The period before: ") + figure_text(ctx, figure.compared, figure.format)
    return {
        "title": figure.label,
        "result": figure_text(ctx, figure.value, figure.format) + (f" {figure.unit}" if figure.unit else ""),
        "terms": terms,
        "note": " ".join(x for x in (figure.help, period, before) if x),
        "limits": [said for _, said in _limits(ctx, figure)],
    }


def opens_url(opens: str) -> str:
    """Where the records behind a figure are."""
    kind, _, rest = opens.partition(".")
    if kind == "view":
        entity, _, view = rest.rpartition(".")
        return url_for("pages.records", entity=entity, view=view)
    if kind == "report":
        return url_for("pages.report", report=rest)
    if kind == "plan":
        return url_for("pages.plan", plan=rest)
    if kind == "ledger":
        return url_for("pages.ledger", ledger=rest)
    return ""
