"""Cards: figures with their parts, comparison, target, colour and way down to what they are made of.

All cards of a page are read with one statement. A card nobody may see is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from engine.expressions.tree import Aggregate, Balance, Expr, Node
from engine.model import Card
from runtime import planning, planning_rows
from runtime.card_alerts import Opened, may_count, opened, worst
from runtime.changes import last_change
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.expression_words import in_words
from runtime.figures import (
    Period,
    Rows,
    as_balance,
    compute,
    is_given,
    needs_database,
    period_of,
    periods_known,
    restricted,
    things_read,
)
from runtime.messages import fault, say
from runtime.permissions import LEDGER, may_see, rights
from runtime.record_inputs import Workspace
from runtime.sql import Compiler, typed
from runtime.sql_scope import again

ALERTS = "alerts"
PLAN = "plan."
SEVERITY = ("green", "red", "orange", "yellow", "blue")
"""Green wins; of the others the gravest."""
MOST_POINTS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A named step of a figure: its value and the formula in words."""

    id: str
    label: str
    value: Any
    formula: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A card drawn. ``change``: value − what it is compared with. ``points``: the sparkline, oldest first.

    ``alerts``: how many of the alerts it names are open; ``None`` where it names none. ``limits``: colours with when it
    takes them, in words.
    """

    id: str
    label: str
    help: str
    value: Any
    unit: str
    format: str
    color: str
    better: str
    formula: str
    parts: tuple[Part, ...]
    period: Period | None
    periods: tuple[str, ...]
    target: Any = None
    compared: Any = None
    change: Any = None
    points: tuple[tuple[date, Any], ...] = ()
    opens: str = ""
    alerts: int | None = None
    limits: tuple[tuple[str, str], ...] = ()


def visible(ctx: RunContext, card: Card) -> bool:
    """Whether the reader may see a card: its secrecy, and everything it counts."""
    if not may_see(ctx, card.secrecy) or not may_count(ctx, card):
        return False
    read = {card.of} if card.of else set()
    for expr in (card.value, *(part.value for part in card.parts)):
        read |= things_read(expr)
    return all(rights(ctx, thing).may("read") for thing in read)


def card(ctx: RunContext, id: str, period: str = "", points: int = 0) -> Figure:
    """One card."""
    found = cards(ctx, [id], period, points)
    if not found:
        raise NotFound(fault(ctx, "no_such_card", given=id[:60]))
    return found[0]


def cards(ctx: RunContext, ids: Iterable[str] | None = None, period: str = "", points: int = 0) -> list[Figure]:
    """The cards (all without ids) that the reader may see, in order; ``points`` of a sparkline each.

    As long as nothing is written, the same question gets the same answer without asking the ledgers again.
    """
    declared = ctx.app.model.cards
    wanted = tuple(i for i in (declared if ids is None else ids) if i in declared)
    state = last_change(ctx)
    if state is None:
        return _draw(ctx, wanted, period, points)
    user = (ctx.user.roles, ctx.user.member, ctx.user.is_system)
    key = ("cards", wanted, period, points, user, ctx.language, ctx.today(), state)
    return ctx.app.programs.recent(key, lambda: _draw(ctx, wanted, period, points))


def _draw(ctx: RunContext, wanted: Sequence[str], period: str, points: int) -> list[Figure]:
    declared = [ctx.app.model.cards[i] for i in wanted]
    shown = [one for one in declared if visible(ctx, one)]
    alarms = opened(ctx, shown)
    drawing = [_Drawing(ctx, one, period, min(points, MOST_POINTS), alarms) for one in shown]
    _fetch(ctx, [moment for one in drawing for moment in one.moments])
    return [one.figure() for one in drawing]


@dataclass(slots=True)
class _Moment:
    """One reading of a card: a period, or the state at the end of a day (``None``: now)."""

    card: Card
    rows: Rows
    period: Period | None
    at: date | None
    values: dict[Node, Any] = field(default_factory=dict)

    def wanted(self) -> dict[Node, Node]:
        """The inputs to fetch, each with the node that is asked for in its place."""
        exprs = (*(part.value for part in self.card.parts), self.card.value)
        nodes = (node for expr in exprs for node in expr.inputs if needs_database(node))
        return {node: restricted(self.rows.ctx, as_balance(self.rows, node, self.at)) for node in nodes}


class _Drawing:
    """A card being drawn."""

    def __init__(self, ctx: RunContext, card: Card, period: str, points: int, alarms: Mapping[str, Opened]) -> None:
        self.ctx = ctx
        self.card = card
        self.alarm = alarms.get(card.id)
        chosen = period if period and periods_known(period) and (period in card.periods or not card.periods) else ""
        self.period = period_of(ctx, chosen or card.period) if card.period or card.periods else None
        self.now = self._moment(self.period, None)
        self.before = self._compared()
        self.history = self._history(points)

    @property
    def moments(self) -> list[_Moment]:
        """All readings it takes."""
        return [self.now, *([self.before] if self.before else []), *self.history]

    def _moment(self, period: Period | None, at: date | None) -> _Moment:
        names = period.names() if period else {}
        return _Moment(self.card, Rows(self.ctx, self.card.of, self.card.where, names), period, at)

    def _compared(self) -> _Moment | None:
        if not self.card.compare:
            return None
        if self.period is not None:
            return self._moment(self.period.before(), None)
        if not self._has_history():
            return None
        return self._moment(None, period_of(self.ctx, self.card.compare).end)

    def _has_history(self) -> bool:
        """Whether the figure can be told of a day that is past: everything it counts is a ledger's balance."""
        wanted = self.now.wanted().values()
        return bool(wanted) and all(isinstance(n, Balance) and n.function == "balance" for n in wanted)

    def _history(self, points: int) -> list[_Moment]:
        if points < 2 or self.card.of.startswith(PLAN):
            return []
        if self.period is not None:
            periods = [self.period]
            while len(periods) < points:
                periods.append(periods[-1].before())
            return [self._moment(one, None) for one in reversed(periods[1:])]
        if not self._has_history():
            return []
        today = self.ctx.today()
        return [self._moment(None, today - timedelta(days=7 * n)) for n in range(points - 1, 0, -1)]

    def figure(self) -> Figure:
        """The card with its values."""
        card, language = self.card, self.ctx.language
        value, parts = self._value(self.now)
        compared = self._value(self.before)[0] if self.before else None
        names = {**self.now.rows.names, **self._counted(self.now), **{p.id: p.value for p in parts}, "value": value}
        at = Workspace(self.ctx)
        points = [(m.period.end if m.period else m.at, self._value(m)[0]) for m in self.history]
        here = self.period.end if self.period else self.ctx.today()
        return Figure(
            id=card.id,
            label=card.label.get(language),
            help=card.help.get(language) if card.help else "",
            value=value,
            unit=card.unit.get(language) if card.unit else "",
            format=card.format,
            color=self._color(at, names),
            better=card.better,
            formula=in_words(self.ctx, card.value, self._spoken()),
            parts=parts,
            period=self.period,
            periods=card.periods,
            target=compute(at, card.target, {}, names) if card.target is not None else None,
            compared=compared,
            change=value - compared if isinstance(value, Decimal) and isinstance(compared, Decimal) else None,
            points=(*((day, v) for day, v in points if day is not None), (here, value)) if points else (),
            opens=card.opens,
            alerts=self.alarm.count if self.alarm else None,
            limits=tuple(self._limits()),
        )

    def _limits(self) -> Iterator[tuple[str, str]]:
        """When the figure takes which colour, in words; what always holds says nothing."""
        for color, condition in self.card.colors:
            if condition.inputs:
                yield color, in_words(self.ctx, condition, self._spoken())

    def _spoken(self) -> dict[str, str]:
        """What the names of its formulas are called."""
        named = {p.id: p.label.get(self.ctx.language) for p in self.card.parts}
        return {ALERTS: say(self.ctx, "open_alerts"), **named}

    def _counted(self, moment: _Moment) -> dict[str, object]:
        """The number of open alerts, which is known of now only."""
        if self.alarm is None:
            return {}
        return {ALERTS: Decimal(self.alarm.count) if moment is self.now else None}

    def _value(self, moment: _Moment) -> tuple[Any, tuple[Part, ...]]:
        at = Workspace(self.ctx)
        names = {**moment.rows.names, **self._counted(moment)}
        parts = []
        for part in self.card.parts:
            names[part.id] = compute(at, part.value, moment.values, names)
            label = part.label.get(self.ctx.language)
            parts.append(Part(id=part.id, label=label, value=names[part.id], formula=in_words(self.ctx, part.value)))
        return compute(at, self.card.value, moment.values, names), tuple(parts)

    def _color(self, at: Workspace, names: Mapping[str, object]) -> str:
        held = {color for color, condition in self.card.colors if self._holds(at, condition, names)}
        if self.alarm is not None and self.alarm.count:
            return worst({*held, *self.alarm.colors})
        return next((color for color in SEVERITY if color in held), next(iter(sorted(held)), ""))

    def _holds(self, at: Workspace, condition: Expr, names: Mapping[str, object]) -> bool:
        return bool(compute(at, condition, {}, names))


# --- fetching --------------------------------------------------------------------------------------------------


def _fetch(ctx: RunContext, moments: Sequence[_Moment]) -> None:
    """The inputs of all readings, with one statement; rows of a plan are counted as they are netted."""
    asked: list[tuple[_Moment, Node]] = []
    columns = []
    for moment in moments:
        if moment.card.of.startswith(PLAN):
            _count_plan(ctx, moment)
            continue
        for node, fetched in moment.wanted().items():
            asked.append((moment, node))
            columns.append(_column(moment, fetched))
    if not columns:
        return
    labelled = (column.label(f"v{index}") for index, column in enumerate(columns))
    row = ctx.connection.execute(select(*labelled)).one()
    for (moment, node), value in zip(asked, row, strict=True):
        moment.values[node] = value


def _column(moment: _Moment, node: Node) -> Any:
    """An input as a column of a statement without rows of its own."""
    rows = moment.rows
    if not is_given(node):
        return typed(Compiler(rows.scope).value(node), node.type)
    own = Rows(rows.ctx, rows.of, rows.where, rows.names)
    tables = rows.ctx.app.tables
    is_ledger = rows.of.startswith(LEDGER)
    own.over(again(tables.balance[rows.of.removeprefix(LEDGER)] if is_ledger else tables.entity[rows.of]))
    found = typed(own.compiler().value(node), node.type)
    conditions = own.conditions()
    assert own.joiner is not None
    inner = own.joiner.apply(select(found)).where(*conditions)
    assert own.table is not None
    return inner.scalar_subquery()


# --- plans -----------------------------------------------------------------------------------------------------


def _count_plan(ctx: RunContext, moment: _Moment) -> None:
    declared = planning.plan_of(ctx, moment.card.of.removeprefix(PLAN))
    rows = [suggestion.row for suggestion in planning.net(ctx, declared.id).suggestions]
    if moment.card.where is not None and rows:
        held = planning_rows.evaluate(ctx, declared, moment.card.where, rows)
        rows = [row for row, holds in zip(rows, held, strict=True) if holds]
    for node in moment.wanted():
        if isinstance(node, Aggregate):
            moment.values[node] = _over_plan(ctx, declared, node, rows)


def _over_plan(ctx: RunContext, plan: Any, node: Aggregate, rows: list[dict[str, Any]]) -> Any:
    if node.where is not None and rows:
        held = planning_rows.evaluate(ctx, plan, ctx.app.programs.expression(node.where), rows)
        rows = [row for row, holds in zip(rows, held, strict=True) if holds]
    if node.function == "count" or node.value is None:
        return Decimal(len(rows))
    values = planning_rows.evaluate(ctx, plan, ctx.app.programs.expression(node.value), rows) if rows else []
    present = [value for value in values if value is not None]
    if node.function == "sum":
        return sum(present, Decimal(0))
    if not present:
        return None
    return {"min": min, "max": max}.get(node.function, lambda v: sum(v, Decimal(0)) / len(v))(present)
