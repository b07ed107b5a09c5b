"""Cards, reports and dashboards."""

from __future__ import annotations

from decimal import Decimal

from engine.checks.cards import check_card
from engine.compile.bench import Bench
from engine.compile.charts import compile_chart
from engine.compile.constants import number
from engine.compile.looks import ALWAYS
from engine.compile.part import Part, Word, bilingual
from engine.compile.paths import checked_path, checked_paths
from engine.compile.roles import things
from engine.compile.scope import AppScope, parse, parse_condition
from engine.expressions.tree import Expr
from engine.expressions.types import DATE, INTEGER, Kind, Type
from engine.frozen import Frozen
from engine.model import Card, CardPart, Column, Dashboard, Report, ReportMeasure
from engine.problems import did_you_mean, got

PERIOD: dict[str, Type] = {"period.start": DATE, "period.end": DATE, "period.days": INTEGER}
ALERTS = "alerts"
"""What formulas of a card call the number of open alerts it counts."""
_FORMATS = {Kind.MONEY: "money", Kind.QUANTITY: "quantity", Kind.TEXT: "text"}


def rows_of(bench: Bench, part: Part) -> tuple[str, str]:
    """(what the rows are, their entity): an entity, a ledger or a plan."""
    word = part.word("of")
    if word is None:
        return "", ""
    for name in (word.text, f"ledger.{word.text}"):
        if name in bench.entities or name in bench.rows:
            return name, name
    known = [*bench.entities, *bench.ledgers, *(name for name in bench.rows if name.startswith("plan."))]
    part.problem("D304", "of", f"unknown entity or ledger {got(word.text)}", did_you_mean(word.text, known))
    return "", ""


def _figure(bench: Bench, rows: str, names: dict[str, Type]) -> AppScope:
    """A figure over rows: aggregates without a set run over them."""
    return AppScope(bench=bench, root_entity=rows, this_entity=rows, given=rows, names=names)


def _row(bench: Bench, rows: str) -> AppScope:
    return AppScope(bench=bench, root_entity=rows, this_entity=rows, names=PERIOD)


def compile_cards(bench: Bench) -> Frozen[str, Card]:
    """All cards."""
    made = {id: _card(bench, id, part) for id, part in bench.root.parts("cards")}
    return Frozen({id: card for id, card in made.items() if card is not None})


def _card(bench: Bench, id: str, part: Part) -> Card | None:
    of, rows = rows_of(bench, part)
    if part.has("of") and not of:
        return None
    alerts = _alerts(bench, part)
    parts, names = _parts(bench, rows, part, {ALERTS: INTEGER} if alerts else {})
    word = part.word("value")
    value = parse(word, _figure(bench, rows, names)) if word else None
    if value is None:
        if word is None:
            part.problem("D204", "", "key value is missing", "write value: and the figure")
        return None
    after = _figure(bench, rows, {**names, "value": value.type})
    target = part.word("target")
    default, choices = _period(part)
    secrecy = value.secrecy.union(*(each.value.secrecy for each in parts))
    card = Card(
        id=id,
        label=part.label("label", id),
        help=part.label("help", id) if part.has("help") else None,
        of=of,
        where=parse_condition(part.word("where"), _row(bench, rows)),
        parts=parts,
        value=value,
        unit=part.label("unit", "") if part.has("unit") else None,
        format=part.text("format") or _FORMATS.get(value.type.kind, "number"),
        period=default,
        periods=choices,
        colors=_colors(after, part),
        target=parse(target, after) if target else None,
        better=part.text("better", "higher"),
        compare=part.text("compare"),
        opens=_opens(bench, part),
        alerts=alerts,
        secrecy=secrecy,
    )
    check_card(card, part)
    return card


def _alerts(bench: Bench, part: Part) -> tuple[str, ...]:
    """The alerts whose open ones a card counts."""
    known = [id for id, _ in bench.root.parts("alerts")]
    words = part.words("alerts")
    for word in words:
        if word.text not in known:
            what = f"unknown alert {got(word.text)}"
            bench.problems.add("D304", word.place, word.path, what, did_you_mean(word.text, known))
    return tuple(word.text for word in words if word.text in known)


def _parts(bench: Bench, rows: str, part: Part, given: dict[str, Type]) -> tuple[tuple[CardPart, ...], dict[str, Type]]:
    names = {**PERIOD, **given}
    done = []
    for id, each in part.parts("parts"):
        word = each.word("value")
        expr = parse(word, _figure(bench, rows, names)) if word else None
        if expr is not None:
            done.append(CardPart(id=id, label=each.label("label", id), value=expr))
            names[id] = expr.type
    return tuple(done), names


def _period(part: Part) -> tuple[str, tuple[str, ...]]:
    inner = part.part("period")
    if inner is None:
        return part.text("period"), ()
    choices = tuple(word.text for word in inner.words("choices"))
    return inner.text("default") or (choices[0] if choices else ""), choices


def _colors(scope: AppScope, part: Part) -> tuple[tuple[str, Expr], ...]:
    done = []
    for color, word in part.pairs("colors"):
        expr = ALWAYS if word.text == "true" else parse_condition(word, scope)
        if expr is not None:
            done.append((color, expr))
    return tuple(done)


def _opens(bench: Bench, part: Part) -> str:
    inner = part.part("opens")
    word = part.word("opens")
    if inner is not None:
        for kind in ("view", "report", "plan"):
            named = inner.word(kind)
            if named is not None:
                word = Word(f"{kind}.{named.text}", named.place, named.path)
    if word is None:
        return ""
    return word.text if check_target(bench, word) else ""


def check_target(bench: Bench, word: Word) -> bool:
    """Whether a target exists: view.<entity>.<view>, an entity, tasks; card, report, plan, ledger, station."""
    known = bench.targets = bench.targets or targets(bench)
    if word.text in known:
        return True
    what = f"there is no {got(word.text)}"
    bench.problems.add("D804", word.place, word.path, what, did_you_mean(word.text, known))
    return False


def targets(bench: Bench) -> dict[str, None]:
    """Everything that can be opened or shown."""
    views: list[str] = []
    for id, draft in bench.entities.items():
        if not draft.parent:
            views.append(f"view.{id}.all")
            views.extend(f"view.{id}.{name}" for name, _ in draft.part.parts("views"))
    stations = [f"station.{id}" for id, _ in bench.root.parts("stations")]
    return dict.fromkeys(["tasks", *views, *things(bench)[1:], *stations])


# --- reports


def compile_reports(bench: Bench) -> Frozen[str, Report]:
    """All reports."""
    made = {id: _report(bench, id, part) for id, part in bench.root.parts("reports")}
    return Frozen({id: report for id, report in made.items() if report is not None})


def _report(bench: Bench, id: str, part: Part) -> Report | None:
    of, rows = rows_of(bench, part)
    if not of:
        if not part.has("of"):
            part.problem("D204", "", "key of is missing", "name an entity or a ledger")
        return None
    row = _row(bench, rows)
    measures = _measures(bench, rows, part)
    return Report(
        id=id,
        label=part.label("label", id),
        help=part.label("help", id) if part.has("help") else None,
        of=of,
        where=parse_condition(part.word("where"), row),
        rows=_grouping(bench, rows, part),
        columns=tuple(_column(bench, rows, name, each) for name, each in part.parts("columns")),
        measures=measures,
        filters=checked_paths(bench, rows, part.words("filters")) if rows else (),
        totals=tuple(word.text for word in part.words("totals")),
        chart=compile_chart(bench, rows, part, measures),
        period=part.text("period"),
        sort=_sort(bench, rows, part, measures),
    )


def _grouping(bench: Bench, rows: str, part: Part) -> tuple[str, ...]:
    """Paths to group by; ``this`` is the record itself."""
    if not rows:
        return ()
    found = (w.text if w.text == "this" else checked_path(bench, rows, w) for w in part.words("rows"))
    return tuple(path for path in found if path)


def _measures(bench: Bench, rows: str, part: Part) -> tuple[ReportMeasure, ...]:
    names = dict(PERIOD)
    done = []
    for id, each in part.parts("measures"):
        word = each.word("value")
        if word is None:
            each.problem("D204", "", "key value is missing", "write value: and the figure")
            continue
        expr = parse(word, _figure(bench, rows, names))
        if expr is None:
            continue
        names[id] = expr.type
        tag = each.text("secrecy")
        secrecy = expr.secrecy | (frozenset({tag}) if tag else frozenset())
        done.append(ReportMeasure(id=id, label=each.label("label", id), value=expr, secrecy=secrecy))
    return tuple(done)


def _column(bench: Bench, rows: str, id: str, part: Part) -> Column:
    by, buckets = part.word("by"), part.word("buckets")
    if by is None and buckets is None:
        part.problem("D204", "", "neither by nor buckets", "write by: and a path")
    return Column(
        id=id,
        label=part.label("label", id),
        by=checked_path(bench, rows, by) if by and rows else "",
        buckets=parse(buckets, _row(bench, rows)) if buckets else None,
        edges=_edges(part),
        names=tuple(bilingual(word.text, id) for word in part.words("names")),
        empty=part.label("empty", "") if part.has("empty") else None,
    )


def _edges(part: Part) -> tuple[Decimal, ...]:
    done = []
    for word in part.words("edges"):
        try:
            done.append(number(word.text))
        except (ValueError, ArithmeticError):
            part.problem("D207", "edges", f"{got(word.text)} is no number", "write numbers, as in [0, 30, 60]")
    return tuple(done)


def _sort(bench: Bench, rows: str, part: Part, measures: tuple[ReportMeasure, ...]) -> tuple[tuple[str, bool], ...]:
    known = {each.id for each in measures}
    done = []
    for word in part.words("sort"):
        down = word.text.startswith("-")
        name = Word(word.text.lstrip("-"), word.place, word.path)
        path = name.text if name.text in known else checked_path(bench, rows, name) if rows else ""
        if path:
            done.append((path, down))
    return tuple(done)


# --- dashboards


def compile_dashboards(bench: Bench) -> Frozen[str, Dashboard]:
    """All dashboards."""
    return Frozen({id: _dashboard(bench, id, part) for id, part in bench.root.parts("dashboards")})


def _dashboard(bench: Bench, id: str, part: Part) -> Dashboard:
    known = [name for name, _ in bench.root.parts("roles")]
    for word in part.words("for"):
        if word.text not in known:
            bench.problems.add(
                "D304", word.place, word.path, f"unknown role {got(word.text)}", did_you_mean(word.text, known)
            )
    blocks = []
    for word in part.words("blocks"):
        if check_target(bench, word):
            kind, _, name = word.text.partition(".")
            blocks.append((kind, name))
    roles = tuple(word.text for word in part.words("for") if word.text in known)
    return Dashboard(id=id, label=part.label("label", id), roles=roles, blocks=tuple(blocks))
