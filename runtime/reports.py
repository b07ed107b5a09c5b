"""Reports: grouped figures over an entity or a ledger, with columns, buckets, totals and the way down from each cell.

The database groups and adds; totals are made from what it added, so a share in a total is the share of the total.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import and_, or_, select, true

from engine.expressions.tree import Node, Path, walk
from engine.expressions.types import Kind
from engine.model import Column, Report, ReportMeasure
from runtime.context import RunContext
from runtime.errors import Forbidden, Malformed, NotFound
from runtime.figures import (
    Rows,
    added,
    columns_of,
    compute,
    ledger_table,
    needs_database,
    period_of,
    periods_known,
    restricted,
    rule_tree,
    things_read,
)
from runtime.messages import fault
from runtime.permissions import LEDGER, forbidden_fault, may_see, rights
from runtime.planning import plan_of
from runtime.record_inputs import Workspace
from runtime.report_axes import (
    Bucket,
    End,
    Names,
    bucket_of,
    bucket_title,
    buckets,
    end_of,
    is_hidden,
    key_columns,
    key_value,
    sort_key,
)
from runtime.report_charts import chart_of
from runtime.report_plans import PLAN, plan_end, plan_parts, plan_rows, plan_values
from runtime.report_shapes import Across, Asked, Heading, Key, Line, Result, Span
from runtime.sql import typed
from runtime.sql_scope import again
from runtime.values import Ref

MOST_GROUPS = 20_000


def visible(ctx: RunContext, report: Report) -> bool:
    """Whether the reader may read everything a report is about; some measure must be left to see."""
    read = {report.of}.union(*(things_read(measure.value) for measure in report.measures))
    seen = [measure for measure in report.measures if may_see(ctx, measure.secrecy)]
    return bool(seen) and all(rights(ctx, thing).may("read") for thing in read if thing)


def run(ctx: RunContext, id: str, asked: Asked | None = None) -> Result:
    """Draw a report."""
    report = ctx.app.model.reports.get(id)
    if report is None:
        raise NotFound(fault(ctx, "no_such_report", given=id[:60]))
    if not visible(ctx, report):
        raise Forbidden(forbidden_fault(ctx, report.of, "read"))
    return _Run(ctx, report, asked or Asked()).result()


@dataclass(slots=True)
class _Group:
    """What the database added for one combination of keys: the columns of each input."""

    row: Key
    column: Key
    parts: Mapping[Node, Sequence[Any]]


def _alternatives(column: Any, values: Sequence[Any]) -> Iterable[Any]:
    """The conditions of which one must hold: one of the values, within a span of days, empty."""
    plain = [v.id if isinstance(v, Ref) else v for v in values if v is not None and not isinstance(v, Span)]
    yield column.in_(plain)
    if None in values:
        yield column.is_(None)
    for span in (value for value in values if isinstance(value, Span)):
        sides = [column >= span.first] if span.first else []
        yield and_(true(), *sides, *([column <= span.last] if span.last else []))


class _Run:
    """One drawing of a report."""

    def __init__(self, ctx: RunContext, report: Report, asked: Asked) -> None:
        self.ctx = ctx
        self.report = report
        self.asked = asked
        chosen = asked.period if asked.period and periods_known(asked.period) else report.period
        self.period = period_of(ctx, chosen) if chosen else None
        self.names: dict[str, object] = self.period.names() if self.period else {}
        self.rows = Rows(ctx, report.of, report.where, self.names)
        self.measures = [m for m in report.measures if may_see(ctx, m.secrecy)]
        self.plan = plan_of(ctx, report.of.removeprefix(PLAN)) if report.of.startswith(PLAN) else None
        self.ends = [self._end(path) for path in report.rows if not self._hidden(path)]
        self.axes = [c for c in report.columns if c.buckets is not None or not self._hidden(c.by)]
        self.titles = Names(ctx)

    @cached_property
    def inputs(self) -> list[Node]:
        """Everything the measures fetch, each once (also what measures not shown hand on to others)."""
        nodes = (n for m in self.report.measures for n in m.value.inputs if needs_database(n))
        return list(dict.fromkeys(nodes))

    @cached_property
    def column_ends(self) -> list[End | None]:
        """Where the column axes end; ``None``: buckets."""
        return [None if c.buckets is not None else self._end(c.by) for c in self.axes]

    def _end(self, path: str) -> End:
        return plan_end(self.ctx, self.plan, path) if self.plan else end_of(self.ctx, self.report.of, path)

    def _hidden(self, path: str) -> bool:
        return self.plan is None and is_hidden(self.ctx, self.report.of, path)

    def result(self) -> Result:
        """The report with its lines and totals."""
        groups = self._groups()
        cut = len(groups) > MOST_GROUPS
        groups = groups[:MOST_GROUPS]
        for index, end in enumerate(self.ends):
            self.titles.read(end, (group.row[index] for group in groups))
        for position, column_end in enumerate(self.column_ends):
            if column_end is not None:
                self.titles.read(column_end, (group.column[position] for group in groups))
        columns = self._columns(groups)
        lines = self._lines(groups)
        language = self.ctx.language
        return Result(
            id=self.report.id,
            label=self.report.label.get(language),
            help=self.report.help.get(language) if self.report.help else "",
            of=self.report.of,
            axes=tuple(Heading(id=end.path, label=end.label, kind=end.node.type.kind) for end in self.ends),
            measures=tuple(_heading(self.ctx, measure) for measure in self.measures),
            columns=columns,
            lines=tuple(lines),
            period=self.period,
            chart=self._chart(lines, columns),
            filters=tuple(Heading(id=p, label=self._end(p).label) for p in self._filterable()),
            cut=cut,
        )

    # --- reading -----------------------------------------------------------------------------------------------

    def _groups(self) -> list[_Group]:
        if self.plan is not None:
            return self._plan_groups()
        self.rows.over(self._table())
        key_widths: list[int] = []
        keys: list[Any] = []
        for end in self.ends:
            columns = key_columns(self.rows, end)
            key_widths.append(len(columns))
            keys.extend(columns)
        for column, end_ in zip(self.axes, self.column_ends, strict=True):
            found = self._axis(column, end_)
            key_widths.append(len(found))
            keys.extend(found)
        fetched = [columns_of(self.rows.compiler(), restricted(self.ctx, node)) for node in self.inputs]
        flat = [*keys, *(c for each in fetched for c in each)]
        assert self.rows.joiner is not None
        labelled = [column.label(f"c{index}") for index, column in enumerate(flat)]
        query = select(*labelled)
        conditions = [*self.rows.conditions(), *self._filters()]
        query = self.rows.joiner.apply(query).where(*conditions).limit(MOST_GROUPS + 1)
        if keys:
            ends = (end for end in (*self.ends, *self.column_ends) if end is not None)
            query = query.group_by(*keys, *self.rows.joiner.known_by(end.node.steps for end in ends))
        return [
            self._group(row, key_widths, [len(each) for each in fetched]) for row in self.ctx.connection.execute(query)
        ]

    def _plan_groups(self) -> list[_Group]:
        """Each row of a plan is a group of its own."""
        plan, rows = plan_rows(self.ctx, self.report)
        down = [plan_values(self.ctx, plan, end.node, rows) for end in self.ends]
        across = [plan_values(self.ctx, plan, end.node, rows) for end in self.column_ends if end is not None]
        parts = {node: plan_parts(self.ctx, plan, node, rows) for node in self.inputs}
        return [
            _Group(
                tuple(values[n] for values in down),
                tuple(values[n] for values in across),
                {node: each[n] for node, each in parts.items()},
            )
            for n in range(len(rows))
        ]

    def _axis(self, column: Column, end: End | None) -> list[Any]:
        if end is not None:
            return key_columns(self.rows, end)
        assert column.buckets is not None
        return [typed(self.rows.compiler().value(column.buckets.tree), column.buckets.type)]

    def _table(self) -> Any:
        if not self.report.of.startswith(LEDGER):
            return again(self.ctx.app.tables.entity[self.report.of])
        ledger = self.ctx.app.model.ledgers[self.report.of.removeprefix(LEDGER)]
        read = {step for node in self._read() for step in node.steps[:1]}
        return ledger_table(self.rows, read & set(ledger.resources), read & set(ledger.dimensions))

    def _read(self) -> Iterable[Path]:
        """Every path that the statement takes from a row."""
        yield from (end.node for end in self.ends)
        yield from (end.node for end in self.column_ends if end is not None)
        yield from (self._end(path).node for path in self.asked.filters)
        trees: list[Node] = [column.buckets.tree for column in self.axes if column.buckets is not None]
        trees.extend(self.inputs)
        trees.extend(tree for tree in (rule_tree(self.ctx, self.report.of),) if tree is not None)
        if self.report.where is not None:
            trees.append(self.report.where.tree)
        for tree in trees:
            for node in walk(tree):
                if isinstance(node, Path) and node.entity == self.report.of and node.root in ("record", "this"):
                    yield node

    def _filterable(self) -> list[str]:
        paths = dict.fromkeys((*self.report.filters, *self.report.rows, *(c.by for c in self.report.columns if c.by)))
        return [path for path in paths if not self._hidden(path)]

    def _filters(self) -> Iterable[Any]:
        allowed = self._filterable()
        for path, values in self.asked.filters.items():
            if path not in allowed:
                raise Malformed(fault(self.ctx, "filter_bad", path[:60], reason=path[:60]))
            end = self._end(path)
            column = key_columns(self.rows, end)[0]
            yield or_(*_alternatives(column, values))

    def _group(self, row: Sequence[Any], widths: list[int], fetched: list[int]) -> _Group:
        values = list(row)
        keys: list[Any] = []
        for index, width in enumerate(widths):
            parts, values = values[:width], values[width:]
            keys.append(self._key(index, parts))
        parts_by_input: dict[Node, Sequence[Any]] = {}
        for node, width in zip(self.inputs, fetched, strict=True):
            parts_by_input[node], values = values[:width], values[width:]
        return _Group(tuple(keys[: len(self.ends)]), tuple(keys[len(self.ends) :]), parts_by_input)

    def _key(self, index: int, parts: Sequence[Any]) -> Any:
        if index < len(self.ends):
            return key_value(self.ends[index], parts)
        position = index - len(self.ends)
        end = self.column_ends[position]
        return bucket_of(self.axes[position], parts[0]) if end is None else key_value(end, parts)

    # --- lines and totals --------------------------------------------------------------------------------------

    def _lines(self, groups: Sequence[_Group]) -> list[Line]:
        """Every level from the grand total down, a total before what it adds up, in the report's order."""
        depth = len(self.ends)
        levels = range(depth + 1) if "rows" in self.report.totals or depth == 0 else range(1, depth + 1)
        by_level: dict[int, dict[Key, list[_Group]]] = {level: {} for level in range(depth + 1)}
        for group in groups:
            for level in range(depth + 1):
                by_level[level].setdefault(group.row[:level], []).append(group)
        if not groups and 0 in levels:
            by_level[0][()] = []
        made = {key: self._line(key, found) for level in range(depth + 1) for key, found in by_level[level].items()}
        ordered = self._ordered(made, (), by_level)
        return [line for line in ordered if line.level in levels]

    def _ordered(self, made: Mapping[Key, Line], above: Key, by_level: Mapping[int, Mapping[Key, Any]]) -> list[Line]:
        """A line, then what it adds up."""
        children: dict[Key, list[Line]] = {}
        for line in made.values():
            if line.level:
                children.setdefault(line.keys[:-1], []).append(line)
        found: list[Line] = []
        stack = [made[above]] if above in made else []
        while stack:
            line = stack.pop()
            found.append(line)
            stack.extend(reversed(self._sorted(children.get(line.keys, []))))
        return found

    def _sorted(self, lines: list[Line]) -> list[Line]:
        lines.sort(key=self._order)
        for path, down in reversed(self.report.sort):
            if any(measure.id == path for measure in self.measures):
                lines.sort(key=lambda line: _ranked(line.cells[()].get(path), down=down))
            elif lines and self.ends[lines[0].level - 1].path == path:
                lines.sort(key=self._order if self._is_words(path) else _by_value, reverse=down)
        return lines

    def _order(self, line: Line) -> tuple[Any, ...]:
        """Where a line stands among those beside it: in the order of its words."""
        return self.titles.order(self.ends[line.level - 1], line.keys[-1])

    def _is_words(self, path: str) -> bool:
        """Whether a path ends in words or in a record, which stands where its name does."""
        end = next(end for end in self.ends if end.path == path)
        return end.node.type.kind in (Kind.TEXT, Kind.REFERENCE)

    def _line(self, key: Key, groups: Sequence[_Group]) -> Line:
        by_column: dict[Key, list[_Group]] = {(): list(groups)}
        for group in groups:
            if self.axes:
                by_column.setdefault(group.column, []).append(group)
        ends = self.ends[: len(key)]
        return Line(
            level=len(key),
            keys=key,
            titles=tuple(self.titles.text(end, value) for end, value in zip(ends, key, strict=True)),
            cells={column: self._values(found) for column, found in by_column.items()},
            drill=tuple((end.path, value) for end, value in zip(ends, key, strict=True)),
        )

    def _values(self, groups: Sequence[_Group]) -> dict[str, Any]:
        """The measures of a cell, from the inputs of all its groups."""
        at = Workspace(self.ctx)
        inputs = {node: added(node, [group.parts[node] for group in groups]) for node in self.inputs}
        names = dict(self.names)
        for measure in self.report.measures:
            names[measure.id] = compute(at, measure.value, inputs, names)
        return {measure.id: names[measure.id] for measure in self.measures}

    def _columns(self, groups: Sequence[_Group]) -> tuple[Across, ...]:
        if not self.axes:
            return ()
        keys = list(dict.fromkeys(group.column for group in groups))
        if len(self.axes) == 1 and self.column_ends[0] is None:
            empty = [(None,)] if (None,) in keys else []
            keys = [*((bucket,) for bucket in buckets(self.axes[0])), *empty]
        else:
            keys.sort(key=lambda key: [(self._across_title(n, v), sort_key(v)) for n, v in enumerate(key)])
        return tuple(
            Across(
                key=key,
                title=" · ".join(self._across_title(n, value) for n, value in enumerate(key)),
                drill=tuple((c.by, v) for c, v in zip(self.axes, key, strict=True) if c.by),
            )
            for key in keys
        )

    def _across_title(self, position: int, value: Any) -> str:
        column, end = self.axes[position], self.column_ends[position]
        if value is None and column.empty is not None:
            return column.empty.get(self.ctx.language)
        if isinstance(value, Bucket):
            return bucket_title(column, value, self.ctx.language)
        return self.titles.text(end, value) if end is not None else "–"

    # --- chart -------------------------------------------------------------------------------------------------

    def _chart(self, lines: Sequence[Line], columns: Sequence[Across]) -> Mapping[str, Any] | None:
        chart = self.report.chart
        if chart is None:
            return None
        if any(column.id == chart.x for column in self.axes) and lines:
            total = next((line for line in lines if line.level == 0), lines[0])
            points = [(across.title, total.cells.get(across.key, {})) for across in columns]
        else:
            level = next((n for n, end in enumerate(self.ends, 1) if end.path == chart.x), 1)
            points = [(line.titles[-1], line.cells[()]) for line in lines if line.level == level]
        return chart_of(self.ctx, chart, self.measures, points)


def _heading(ctx: RunContext, measure: ReportMeasure) -> Heading:
    return Heading(id=measure.id, label=measure.label.get(ctx.language), kind=measure.value.type.kind)


def _by_value(line: Line) -> tuple[bool, Any]:
    return sort_key(line.keys[-1])


def _ranked(value: Any, *, down: bool) -> tuple[bool, Any]:
    if value is None:
        return (True, 0)
    return (False, -value if down else value)


__all__ = ["Across", "Asked", "Heading", "Line", "Result", "run", "visible"]
