"""A report's chart in the shape the front end draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from runtime.context import RunContext
from runtime.reports import Result
from web.report_view import is_share

ROLES = ("own", "market", "base")
MOST_POINTS = 40
MOST_SPOTS = 200
KINDS = {
    "bar": "bar",
    "line": "line",
    "area": "area",
    "scatter": "scatter",
    "quadrant": "quadrant",
    "waterfall": "waterfall",
}
POINTS = frozenset(("scatter", "quadrant"))


def chart_spec(ctx: RunContext, result: Result) -> dict[str, Any] | None:
    """The chart, or nothing where a report has none or nothing to show."""
    chart = result.chart
    if chart is None or not chart["x"]:
        return None
    if chart["type"] in POINTS:
        return _spots(ctx, result, chart)
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


def _spots(ctx: RunContext, result: Result, chart: Mapping[str, Any]) -> dict[str, Any]:
    """Points between two measures; those below the line across are marked."""
    columns = {one["id"]: one for one in chart["series"]}
    across, upwards = columns[chart["across"]], columns[chart["upwards"]]
    sizes = _sizes(columns[chart["size"]]["data"]) if chart["size"] else [None] * len(chart["x"])
    low = chart["limits"].get(upwards["id"])
    spots = [
        {"value": [float(x), float(y), size or 0.0], "name": _name(title), "role": "bad" if low and y < low else "own"}
        for title, x, y, size in zip(chart["x"], across["data"], upwards["data"], sizes, strict=True)
        if x is not None and y is not None
    ]
    return {
        "kind": KINDS[chart["type"]],
        "categories": [spot["name"] for spot in spots[:MOST_SPOTS]],
        "axes": [_axis(ctx, result, one) for one in (across, upwards)],
        "series": [{"name": "", "role": "own", "data": spots[:MOST_SPOTS]}],
        "limits": {k: _point(chart["limits"].get(one["id"])) for k, one in (("x", across), ("y", upwards))},
        "corners": chart["corners"],
    }


def _axis(ctx: RunContext, result: Result, series: Mapping[str, Any]) -> dict[str, Any]:
    measure = next(m for m in ctx.app.model.reports[result.id].measures if m.id == series["id"])
    return {"name": series["label"], "percent": is_share(measure)}


def _name(title: object) -> str:
    """What people call a thing, without its code."""
    return str(title).partition(" ")[2] or str(title)


def _sizes(values: Sequence[Any]) -> list[float | None]:
    """Each value as a part of the largest."""
    most = max((value for value in values if value is not None), default=Decimal(0))
    return [float(max(value, Decimal(0)) / most) if most and value is not None else None for value in values]


def _point(value: object) -> float | None:
    return float(value) if isinstance(value, (Decimal, int)) else None
