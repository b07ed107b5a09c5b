"""Figures of ledgers inside statements: running rows where they can answer, moves where a time or a kind is asked.

``balance`` without ``at since until kind`` reads the coarsest kept grain that holds all dimensions asked for. A measure
is its formula with every figure bound to the same dimensions. A date stands for its end in the app's time zone
(``since``: its start); ``mean_balance`` is the mean of the balances at the ends of the days asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Date, FromClause, Text, and_, case, cast, func, literal, select, true
from sqlalchemy.types import TIMESTAMP

from engine.expressions.tree import Aggregate, Balance, Literal, Node, Path, walk
from engine.expressions.types import Kind, Type
from engine.model import Ledger
from runtime.columns import Moment
from runtime.sql_numbers import Value
from runtime.sql_scope import NotInSql, Sql, TableRow, again

if TYPE_CHECKING:
    from runtime.sql import Compiler

_QUOTIENT = 10


def ledger_value(at: Compiler, node: Balance) -> Value:
    """The figure for the scope's row."""
    ledger = at.scope.model.ledgers[node.ledger]
    if node.measure in ledger.measures:
        found = at.value(_measure(ledger, node, at))
        return at.numbers.rescale(found, node.type.scale)
    timed = dict(node.options)
    if node.function == "mean_balance":
        return _mean(at, ledger, node, timed)
    table = _moves(at, ledger) if timed or node.function != "balance" else _running(at, ledger, node)
    amount = _amount(at, ledger, node, table)
    made = at.numbers.total("sum", amount)
    figure = select(made.sql).where(_conditions(at, node, table, timed)).correlate_except(table).scalar_subquery()
    return replace(made, sql=func.coalesce(figure, 0, type_=made.sql.type), never_empty=True)


def figure_table(at: Compiler, ledger: Ledger, measure: str, used: set[str]) -> FromClause:
    """The running table that knows ``measure`` at a grain that has the ``used`` dimensions, the coarsest first."""
    tables = at.scope.tables
    grains = sorted(ledger.totals.items(), key=lambda entry: len(entry[1]))
    for total, grain in grains:
        table = tables.total[ledger.id, total]
        if used <= set(grain) and measure in table.c:
            return again(table)
    if measure in tables.balance[ledger.id].c:
        return again(tables.balance[ledger.id])
    valuation = ledger.valuation
    if valuation and measure == valuation.value and all(used <= set(pool) for pool in valuation.pools.values()):
        return again(tables.ledgers.pool[ledger.id])
    return again(tables.moves[ledger.id])


def _running(at: Compiler, ledger: Ledger, node: Balance) -> FromClause:
    used = {name for name, _ in node.dimensions}
    if node.where is not None:
        entity = f"ledger.{ledger.id}"
        read = [n for n in walk(node.where) if isinstance(n, Path) and n.root == "record" and n.entity == entity]
        used |= {path.steps[0] for path in read if path.steps}
    return figure_table(at, ledger, node.measure, used)


def _moves(at: Compiler, ledger: Ledger) -> FromClause:
    return again(at.scope.tables.moves[ledger.id])


def _amount(at: Compiler, ledger: Ledger, node: Balance, table: FromClause) -> Value:
    path = Path(
        root="record",
        entity=f"ledger.{ledger.id}",
        steps=(node.measure,),
        type=ledger.resources[node.measure].value,
    )
    value = at.field(TableRow(path.entity, table), node.measure, path)
    if node.function == "inflow":
        return replace(value, sql=case((value.sql > 0, value.sql)))
    if node.function == "outflow":
        return replace(value, sql=case((value.sql < 0, -value.sql)))
    return value


def _conditions(at: Compiler, node: Balance, table: FromClause, timed: Mapping[str, Node]) -> Sql:
    row = TableRow(f"ledger.{node.ledger}", table)
    found = [_bound(at, row, name, value) for name, value in node.dimensions]
    for name, value in timed.items():
        found.append(_TIMES[name](at, table, value))
    if node.where is not None:
        inner = at.within(record=row, this=at.scope.this or at.scope.record, joiner=None)
        found.append(inner.holds(node.where))
    return and_(true(), *found)


def _bound(at: Compiler, row: TableRow, name: str, value: Node) -> Sql:
    given = at.value(value)
    column, kind = row.table.c[name], row.column(f"{name}__type")
    here: Sql = column.is_not_distinct_from(given.sql) if _may_be_empty(value) else column == given.sql
    if kind is None or given.entity is None:
        return here
    return (
        and_(here, kind == given.entity)
        if not _may_be_empty(value)
        else and_(here, kind.is_not_distinct_from(case((given.sql.is_not(None), given.entity))))
    )


def _may_be_empty(value: Node) -> bool:
    """An empty bin is a bin of its own; the record itself is never empty."""
    return value.type.nullable and not (isinstance(value, Path) and not value.steps)


def _until(at: Compiler, table: FromClause, value: Node) -> Sql:
    if value.type.kind is Kind.MOMENT:
        return table.c.at <= at.value(value).sql
    return table.c.at < day_start(at, at.value(value).sql, 1)


def _since(at: Compiler, table: FromClause, value: Node) -> Sql:
    if value.type.kind is Kind.MOMENT:
        return table.c.at >= at.value(value).sql
    return table.c.at >= day_start(at, at.value(value).sql, 0)


def _of_kind(at: Compiler, table: FromClause, value: Node) -> Sql:
    return table.c.kind == at.value(value).sql


_TIMES = MappingProxyType({"at": _until, "until": _until, "since": _since, "kind": _of_kind})


def day_start(at: Compiler, day: Sql, later: int) -> Sql:
    """The moment at which the day ``later`` days after ``day`` begins where the firm is."""
    zone = literal(at.scope.model.timezone, Text())
    if at.sqlite:
        return func.dg_day_start(day, zone, later, type_=Moment())
    start = cast(cast(day, Date()).op("+")(literal(later)), TIMESTAMP())
    return func.timezone(zone, start, type_=Moment())


def local_day(at: Compiler, moment: Sql) -> Sql:
    """The firm's day of a moment."""
    zone = literal(at.scope.model.timezone, Text())
    if at.sqlite:
        return func.dg_local_day(moment, zone, type_=Date())
    return cast(func.timezone(zone, moment), Date())


def _mean(at: Compiler, ledger: Ledger, node: Balance, timed: Mapping[str, Node]) -> Value:
    if "since" not in timed or "until" not in timed:
        raise NotInSql("mean_balance needs since= and until=")
    first, last = at.value(timed["since"]).sql, at.value(timed["until"]).sql
    table = _moves(at, ledger)
    amount = _amount(at, ledger, replace(node, function="balance"), table)
    days = _days(at, last, first)
    began = local_day(at, table.c.at)
    stays = case((began <= first, days), else_=_days(at, last, began))
    kept = at.numbers.total("sum", at.numbers.arithmetic("*", amount, Value(sql=stays), amount.scale))
    rest = {k: v for k, v in timed.items() if k not in ("since",)}
    found = select(kept.sql).where(_conditions(at, node, table, rest)).correlate_except(table).scalar_subquery()
    total = replace(kept, sql=func.coalesce(found, 0, type_=kept.sql.type))
    return at.numbers.arithmetic("/", total, Value(sql=days), node.type.scale)


def _days(at: Compiler, last: Sql, first: Sql) -> Sql:
    if at.sqlite:
        return func.dg_days_between(last, first, type_=BigInteger()) + 1
    return cast(cast(last, Date()).op("-")(cast(first, Date())), BigInteger()) + 1


# -- measures


def _measure(ledger: Ledger, node: Balance, at: Compiler) -> Node:
    formula = ledger.measures[node.measure].formula.tree
    return _rebound(formula, node, at.scope.model.ledgers)


def _rebound(formula: Node, asked: Balance, ledgers: Mapping[str, Ledger]) -> Node:
    """The formula with every figure it reads asked at the same dimensions and times."""
    if isinstance(formula, Aggregate) and formula.rows.kind == "given":
        return _rebound_sum(formula, asked)
    if isinstance(formula, Path) and formula.root == "record" and len(formula.steps) == 1:
        return _figure(asked, asked.ledger, formula.steps[0], formula.type, ledgers)
    if isinstance(formula, Path) and formula.root in ledgers and len(formula.steps) == 1:
        return _figure(asked, formula.root, formula.steps[0], formula.type, ledgers)
    return rebuilt(formula, lambda child: _rebound(child, asked, ledgers))


def _rebound_sum(formula: Aggregate, asked: Balance) -> Node:
    value = formula.value
    if formula.function != "sum" or not isinstance(value, Path) or len(value.steps) != 1:
        raise NotInSql("a measure sums figures of its own ledger")
    where = asked.where if formula.where is None else formula.where
    return replace(asked, function="balance", measure=value.steps[0], where=where, type=formula.type)


def _figure(asked: Balance, ledger_id: str, name: str, type_: Type, ledgers: Mapping[str, Ledger]) -> Node:
    ledger = ledgers[ledger_id]
    if name not in ledger.resources and name not in ledger.measures:
        bound = dict(asked.dimensions)
        return bound.get(name, Literal(value=None, type=type_))
    kept = tuple((d, v) for d, v in asked.dimensions if d in ledger.dimensions)
    return replace(asked, function="balance", ledger=ledger_id, measure=name, dimensions=kept, where=None, type=type_)


def rebuilt(node: Node, change: Any) -> Node:
    """The node with ``change`` applied to each child."""
    new: dict[str, Any] = {}
    for name, value in _node_fields(node):
        if isinstance(value, tuple):
            new[name] = tuple(change(v) if _is_node(v) else v for v in value)
        elif _is_node(value):
            new[name] = change(value)
    return replace(node, **new) if new else node


def _node_fields(node: Node) -> Iterator[tuple[str, Any]]:
    for part in fields(node):
        yield part.name, getattr(node, part.name)


def _is_node(value: object) -> bool:
    return is_dataclass(value) and hasattr(value, "type") and not isinstance(value, Type)
