"""A report drawn, as data: headings, lines with their cells, columns, and what the reader asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from runtime.figures import Period

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A measure or an axis: id, label, and how its values are shown (kind of value)."""

    id: str
    label: str
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of a report. ``level``: how many axes it names (0 = the grand total). ``keys``: values of these axes.

    ``cells``: by column key (``()`` = the row's total) the values of measures. ``drill``: filters (path, value) that
    lead to what is behind it.
    """

    level: int
    keys: Key
    titles: tuple[str, ...]
    cells: Mapping[Key, Mapping[str, Any]]
    drill: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Across:
    """A column of a pivot: its key, what people call it, and the filters that lead to what is behind it."""

    key: Key
    title: str
    drill: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A report drawn. ``cut``: there were more groups than are shown."""

    id: str
    label: str
    help: str
    of: str
    axes: tuple[Heading, ...]
    measures: tuple[Heading, ...]
    columns: tuple[Across, ...]
    lines: tuple[Line, ...]
    period: Period | None
    chart: Mapping[str, Any] | None
    filters: tuple[Heading, ...]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Days from ``first`` to ``last``, both with them; ``None``: open on that side."""

    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reader chose: filters (path → values it may have, or spans of days) and a period."""

    filters: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    period: str = ""
