"""Charts of reports: bars and lines along an axis, points between two measures with the lines that part them."""

from __future__ import annotations

from engine.compile.bench import Bench
from engine.compile.part import Part, Word
from engine.compile.paths import checked_path
from engine.compile.scope import AppScope, parse
from engine.expressions.tree import Expr
from engine.frozen import Frozen
from engine.model import Chart, ReportMeasure, Text
from engine.problems import did_you_mean, got

POINTS = frozenset(("scatter", "quadrant"))
CORNERS = ("low_low", "low_high", "high_low", "high_high")


def compile_chart(bench: Bench, rows: str, part: Part, measures: tuple[ReportMeasure, ...]) -> Chart | None:
    """The chart of a report, if it has one."""
    chart = part.part("chart")
    if chart is None:
        return None
    known = {each.id: each for each in measures}
    y = tuple(_measure(bench, word, known) for word in chart.words("y"))
    axis = chart.word("x")
    columns = [id for id, _ in part.entries("columns")]
    x = ""
    if axis is not None and rows:
        x = axis.text if axis.text in columns else checked_path(bench, rows, axis)
    type = chart.text("type", "bar")
    if type in POINTS and not chart.has("across"):
        chart.problem("D204", "", "key across is missing", f"name a measure: {', '.join(known)}")
    across, size = chart.word("across"), chart.word("size")
    return Chart(
        type=type,
        x=x,
        y=y or tuple(known)[:1],
        across=_measure(bench, across, known) if across else "",
        size=_measure(bench, size, known) if size else "",
        limits=_limits(bench, chart, known),
        corners=_corners(chart),
    )


def _measure(bench: Bench, word: Word, known: dict[str, ReportMeasure]) -> str:
    if word.text not in known:
        what = f"unknown measure {got(word.text)}"
        bench.problems.add("D304", word.place, word.path, what, did_you_mean(word.text, known))
    return word.text


def _limits(bench: Bench, chart: Part, known: dict[str, ReportMeasure]) -> Frozen[str, Expr]:
    done: dict[str, Expr] = {}
    for id, word in chart.pairs("limits"):
        if id not in known:
            what = f"unknown measure {got(id)}"
            bench.problems.add("D304", word.place, word.path, what, did_you_mean(id, known))
            continue
        type = known[id].value.type
        found = parse(word, AppScope(bench=bench, names={"mean": type}), type)
        if found is not None:
            done[id] = found
    return Frozen(done)


def _corners(chart: Part) -> Frozen[str, Text]:
    named = chart.part("corners")
    if named is None:
        return Frozen({})
    for id, _ in chart.entries("corners"):
        if id not in CORNERS:
            named.problem("D203", id, f"{got(id)} is no corner", did_you_mean(id, CORNERS))
    return Frozen({id: named.label(id, id) for id in CORNERS if named.has(id)})
