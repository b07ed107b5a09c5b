"""Cards, reports and dashboards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from engine.expressions.tree import Expr
from engine.model.words import Text, nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPart:
    id: str
    label: Text
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A figure. ``of``: entity, ``ledger.<id>`` or ``plan.<id>`` ("" = only parts). ``value`` may name parts.

    ``trend``: points of the sparkline. ``opens``: ``view.<entity>.<id>``, ``report.<id>`` or ``plan.<id>``.
    ``alerts``: those whose open ones the card counts (``alerts`` in its formulas) and whose colour it wears."""

    id: str
    label: Text
    help: Text | None
    of: str
    where: Expr | None
    parts: tuple[CardPart, ...]
    value: Expr
    unit: Text | None
    format: str
    period: str
    periods: tuple[str, ...]
    colors: tuple[tuple[str, Expr], ...]
    target: Expr | None
    better: str
    compare: str
    opens: str
    alerts: tuple[str, ...] = ()
    secrecy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column axis of a report: by a dimension, or in buckets of an expression with edges. ``names``: of the first."""

    id: str
    label: Text
    by: str = ""
    buckets: Expr | None = None
    edges: tuple[Decimal, ...] = ()
    names: tuple[Text, ...] = ()
    empty: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMeasure:
    id: str
    label: Text
    value: Expr
    secrecy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """``x``: along which path. A scatter has a point for each of them: ``across`` and ``y`` say where, ``size`` how
    large; ``limits`` are lines by measure (``mean``: of the points), ``corners`` the names of the four parts."""

    type: str
    x: str
    y: tuple[str, ...]
    across: str = ""
    size: str = ""
    limits: Mapping[str, Expr] = field(default_factory=nothing)  # type: ignore[arg-type]
    corners: Mapping[str, Text] = field(default_factory=nothing)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Grouped figures over an entity or a ledger. ``rows``: paths to group by, outer first."""

    id: str
    label: Text
    help: Text | None
    of: str
    where: Expr | None
    rows: tuple[str, ...]
    columns: tuple[Column, ...]
    measures: tuple[ReportMeasure, ...]
    filters: tuple[str, ...]
    totals: tuple[str, ...]
    chart: Chart | None
    period: str
    sort: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """``blocks``: (kind, id) with kind card, report, plan, view, tasks."""

    id: str
    label: Text
    roles: tuple[str, ...]
    blocks: tuple[tuple[str, str], ...]
