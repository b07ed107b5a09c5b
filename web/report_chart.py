"""A report's chart in the shape the front end draws."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from runtime.context import RunContext
from runtime.reports import Result

ROLES = ("own", "market", "base")
MOST_POINTS = 40
KINDS = {
    "bar": "bar",
    "line": "line",
    "area": "area",
    "scatter": "scatter",
    "quadrant": "quadrant",
    "waterfall": "waterfall",
}


def chart_spec(ctx: RunContext, result: Result) -> dict[str, Any] | None:
    """The chart, or nothing where a report has none or nothing to show."""
    chart = result.chart
    if chart is None or not chart["x"]:
        return None
    series = [
        {
            "name": one["label"],
            "role": ROLES[index % len(ROLES)],
            "data": [_point(value) for value in one["data"][:MOST_POINTS]],
        }
        for index, one in enumerate(chart["series"])
    ]
    return {
        "kind": KINDS.get(chart["type"], "bar"),
        "unit": "",
        "categories": [str(x) for x in chart["x"][:MOST_POINTS]],
        "series": series,
    }


def _point(value: object) -> float | None:
    return float(value) if isinstance(value, (Decimal, int)) else None
