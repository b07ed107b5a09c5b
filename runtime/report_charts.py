"""The chart of a report as data: what stands along it, the measures it shows, and the lines that part its points."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.expressions.tree import Expr
from engine.model import Chart, ReportMeasure
from runtime.context import RunContext
from runtime.figures import compute
from runtime.record_inputs import Workspace

Points = Sequence[tuple[str, Mapping[str, Any]]]


def chart_of(
    ctx: RunContext, chart: Chart, measures: Sequence[ReportMeasure], points: Points
) -> Mapping[str, Any] | None:
    """The chart over ``points`` (title, figures by measure); ``None`` where the reader sees nothing of it."""
    wanted = [name for name in (*chart.y, chart.across, chart.size) if name]
    shown = {measure.id: measure for measure in measures if measure.id in wanted}
    if not any(name in shown for name in chart.y) or (chart.across and chart.across not in shown):
        return None
    drawn = {
        "type": chart.type,
        "x": [title for title, _ in points],
        "series": [
            {"id": m.id, "label": m.label.get(ctx.language), "data": [figures.get(m.id) for _, figures in points]}
            for m in shown.values()
        ],
    }
    return {**drawn, **_between(ctx, chart, shown, points)} if chart.across else drawn


def _between(ctx: RunContext, chart: Chart, shown: Collection[str], points: Points) -> Mapping[str, Any]:
    """What only points between two measures have: which measure goes where, the lines, the names of the corners."""
    return {
        "across": chart.across,
        "upwards": next(name for name in chart.y if name in shown),
        "size": chart.size if chart.size in shown else "",
        "limits": {name: _limit(ctx, expr, points, name) for name, expr in chart.limits.items() if name in shown},
        "corners": {name: text.get(ctx.language) for name, text in chart.corners.items()},
    }


def _limit(ctx: RunContext, expr: Expr, points: Points, measure: str) -> Decimal | None:
    known = [Decimal(figures[measure]) for _, figures in points if figures.get(measure) is not None]
    mean = sum(known, Decimal(0)) / len(known) if known else None
    found = compute(Workspace(ctx), expr, {}, {"mean": mean})
    return Decimal(found) if found is not None else None
