"""Aggregates over sets of records, as correlated subqueries; over the rows a statement itself groups, as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    FromClause,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from engine.expressions.tree import Aggregate, Balance, Path, Rows, UnitRatio
from engine.expressions.types import Kind, Type
from runtime.sql_ledgers import ledger_value
from runtime.sql_numbers import Value, whole
from runtime.sql_scope import NotInSql, Row, Sql, TableRow, again, targets_of

if TYPE_CHECKING:
    from runtime.sql import Compiler

_NUMERIC = frozenset({Kind.NUMBER, Kind.MONEY, Kind.QUANTITY, Kind.DURATION})


def aggregate(at: Compiler, node: Aggregate) -> Value:
    """The value of an aggregate for the scope's row."""
    if node.rows.kind == "given":
        return _over_given(at, node)
    table = again(at.scope.table(node.rows.entity))
    row = TableRow(node.rows.entity, table)
    inner = at.within(record=row, this=at.scope.this or at.scope.record, joiner=None)
    conditions = [_belongs(at, row, node.rows), *_present(at, row), *_owner_present(at, row, node.rows)]
    if node.where is not None:
        conditions.append(inner.holds(node.where))
    return _MAKERS[node.function](inner, node, row, table, and_(*conditions))


def combined(at: Compiler, node: Aggregate, value: Value | None, condition: Sql | None) -> Value:
    """A plain aggregate of one statement over ``value``; ``condition`` says which rows count."""
    maker = _PLAIN.get(node.function)
    if maker is None:
        raise NotInSql(f"{node.function}() has no order over grouped rows")
    return maker(at, node, value, condition)


def _over_given(at: Compiler, node: Aggregate) -> Value:
    row = at.scope.given
    if row is None:
        raise NotInSql("there are no rows to run over here")
    inner = at.within(record=row, this=at.scope.this or at.scope.record)
    condition = None if node.where is None else inner.condition(node.where)
    return combined(at, node, None if node.value is None else inner.value(node.value), condition)


# -- which rows belong to the set


def _belongs(at: Compiler, row: TableRow, rows: Rows) -> Sql:
    if rows.base is None:
        return ~false()
    owner = at.path(replace(rows.base, type=Type(kind=Kind.REFERENCE)))
    return _WAYS[rows.kind](at, row, rows, owner)


def _by_parent(at: Compiler, row: TableRow, rows: Rows, owner: Value) -> Sql:
    return row.table.c.parent == owner.sql


def _by_reference(at: Compiler, row: TableRow, rows: Rows, owner: Value) -> Sql:
    return _back(at, row, tuple(rows.by.split(".")), owner)


def _back(at: Compiler, row: TableRow, steps: tuple[str, ...], owner: Value) -> Sql:
    name, rest = steps[0], steps[1:]
    if not rest:
        kind = row.column(f"{name}__type")
        here: Sql = row.table.c[name] == owner.sql
        return here if kind is None or owner.entity is None else and_(here, kind == owner.entity)
    target = targets_of(at.scope.model, row.entity, name)[0]
    table = again(at.scope.table(target))
    next_row = TableRow(target, table)
    inner = and_(_back(at, next_row, rest, owner), *_present(at, next_row))
    return row.table.c[name].in_(select(table.c.id).where(inner).correlate_except(table))


def _by_link(at: Compiler, row: TableRow, rows: Rows, owner: Value) -> Sql:
    assert rows.base is not None
    link = again(at.scope.tables.links[_holder(at, rows.base), rows.by])
    return row.table.c.id.in_(select(link.c.value).where(link.c.owner == owner.sql).correlate_except(link))


def _holder(at: Compiler, base: Path) -> str:
    entity, steps = base.entity, base.steps
    if base.root == "settings":
        entity, steps = steps[0], steps[1:]
    for step in steps:
        entity = targets_of(at.scope.model, entity, step)[0]
    return entity


_WAYS: Mapping[str, Callable[[Compiler, TableRow, Rows, Value], Sql]] = MappingProxyType(
    {"lines": _by_parent, "setting": _by_parent, "reverse": _by_reference, "references": _by_link}
)


def _present(at: Compiler, row: TableRow) -> list[Sql]:
    """Deleted records are in no set; lines go with their owner, which is asked only where it is not the base."""
    deleted = row.column("deleted_at")
    return [] if deleted is None else [deleted.is_(None)]


def _owner_present(at: Compiler, row: TableRow, rows: Rows) -> list[Sql]:
    """Lines reached otherwise than from their owner count only while the owner is not deleted."""
    owned = at.scope.model.entities.get(row.entity)
    if rows.kind not in ("entity", "reverse") or owned is None or not owned.parent:
        return []
    owner = again(at.scope.table(owned.parent))
    alive = TableRow(owned.parent, owner)
    inner = _present(at, alive) or [*_owner_present(at, alive, rows)]
    return [row.table.c.parent.in_(select(owner.c.id).where(*inner).correlate_except(owner))]


# -- what is made of them

_Maker = Callable[["Compiler", Aggregate, TableRow, FromClause, Any], Value]


def _scalar(made: Sql, table: FromClause, condition: Sql) -> Sql:
    return select(made).where(condition).correlate_except(table).scalar_subquery()


def _summed(at: Compiler, node: Aggregate, row: TableRow, table: FromClause, condition: Sql) -> Value:
    value = None if node.value is None else at.value(node.value)
    made = combined(at, node, value, None)
    return replace(made, sql=_scalar(made.sql, table, condition))


def _any(at: Compiler, node: Aggregate, row: TableRow, table: FromClause, condition: Sql) -> Value:
    wanted = condition if node.value is None else and_(condition, at.holds(node.value))
    found = exists(select(literal(1)).select_from(table).where(wanted).correlate_except(table))
    return Value(sql=found, never_empty=True)


def _ordered(at: Compiler, node: Aggregate, row: TableRow, table: FromClause) -> list[Sql]:
    keys: list[Sql] = []
    for order in node.order:
        value = at.value(order.key)
        key = func.dg_key(value.sql) if at.sqlite and value.wide else value.sql
        if order.key.type.kind is Kind.TEXT and not at.sqlite:
            key = cast(key, Text()).collate("C")
        keys.append((key.desc() if order.descending else key.asc()).nulls_last())
    return [*keys, *(table.c[name] for name in ("position", "id") if name in table.c)]


def _first(at: Compiler, node: Aggregate, row: TableRow, table: FromClause, condition: Sql) -> Value:
    assert node.value is not None
    value = at.value(node.value)
    order = _ordered(at, node, row, table)

    def chosen(made: Sql) -> Sql:
        found = select(made).where(condition).order_by(*order).limit(1)
        return found.correlate_except(table).scalar_subquery()

    entity = None if value.entity is None else chosen(value.entity)
    return replace(value, sql=chosen(value.sql), entity=entity, never_empty=False, constant=None)


def _join(at: Compiler, node: Aggregate, row: TableRow, table: FromClause, condition: Sql) -> Value:
    assert node.value is not None
    value, order = at.value(node.value).sql, _ordered(at, node, row, table)
    separator = literal(node.separator, Text())
    if not at.sqlite:
        made = func.string_agg(value, aggregate_order_by(separator, *order), type_=Text())
        return Value(sql=_scalar(made, table, condition))
    inner = select(value.label("v")).where(condition).order_by(*order).correlate_except(table).subquery()
    joined = select(func.group_concat(inner.c.v, separator, type_=Text())).select_from(inner)
    return Value(sql=joined.correlate_except(inner).scalar_subquery())


_MAKERS: Mapping[str, _Maker] = MappingProxyType(
    {
        "sum": _summed,
        "count": _summed,
        "min": _summed,
        "max": _summed,
        "avg": _summed,
        "any": _any,
        "first": _first,
        "join": _join,
    }
)


# -- plain aggregates

_Plain = Callable[["Compiler", Aggregate, Value | None, Sql | None], Value]


def _where(value: Value, condition: Sql | None) -> Value:
    return value if condition is None else replace(value, sql=case((condition, value.sql)), constant=None)


def _plain_sum(at: Compiler, node: Aggregate, value: Value | None, condition: Sql | None) -> Value:
    assert value is not None
    made = at.numbers.total("sum", _where(value, condition))
    return replace(made, sql=func.coalesce(made.sql, 0, type_=made.sql.type), never_empty=True)


def _plain_count(at: Compiler, node: Aggregate, value: Value | None, condition: Sql | None) -> Value:
    counted = whole(1) if value is None else value
    return Value(sql=func.count(_where(counted, condition).sql), never_empty=True)


def _plain_extreme(at: Compiler, node: Aggregate, value: Value | None, condition: Sql | None) -> Value:
    assert value is not None
    chosen = _where(value, condition)
    if node.type.kind in _NUMERIC:
        return at.numbers.total(node.function, chosen)
    return Value(sql=getattr(func, node.function)(chosen.sql))


def _plain_average(at: Compiler, node: Aggregate, value: Value | None, condition: Sql | None) -> Value:
    assert value is not None
    chosen = _where(value, condition)
    count = Value(sql=func.count(chosen.sql))
    return at.numbers.arithmetic("/", at.numbers.total("sum", chosen), count, node.type.scale)


def _plain_any(at: Compiler, node: Aggregate, value: Value | None, condition: Sql | None) -> Value:
    wanted = [c for c in (condition, None if value is None else value.sql) if c is not None]
    hit = case((and_(*wanted), 1), else_=0) if wanted else literal(1, BigInteger())
    return Value(sql=func.coalesce(func.max(hit) == 1, false(), type_=Boolean()), never_empty=True)


_PLAIN: Mapping[str, _Plain] = MappingProxyType(
    {
        "sum": _plain_sum,
        "count": _plain_count,
        "min": _plain_extreme,
        "max": _plain_extreme,
        "avg": _plain_average,
        "any": _plain_any,
    }
)


# -- ledgers and units


def balance(at: Compiler, node: Balance) -> Value:
    """A ledger's figure for the scope's row."""
    return ledger_value(at, node)


def unit_ratio(at: Compiler, node: UnitRatio) -> tuple[Sql, Sql]:
    """Base units in one unit, as numerator and denominator; empty where the two do not convert."""
    targets: tuple[str, ...] = (node.item.entity,)
    for step in node.item.steps:
        targets = targets_of(at.scope.model, targets[0], step)
    thing, unit = at.path(replace(node.item, type=_REFERENCE)), at.path(replace(node.unit, type=_REFERENCE)).sql
    ratios = [_ratio_of(at, entity, thing.sql, unit) for entity in targets]
    if len(targets) == 1 or thing.entity is None:
        return ratios[0]
    kinds = [thing.entity == entity for entity in targets]  # a reference to things of several kinds
    top, bottom = (case(*zip(kinds, (r[i] for r in ratios), strict=True)) for i in (0, 1))
    return top, bottom


def _ratio_of(at: Compiler, entity: str, item: Sql, unit: Sql) -> tuple[Sql, Sql]:
    """The ratio of a thing of one kind."""
    model = at.scope.model
    measured = model.entities[entity].measured
    one = literal(1, BigInteger())
    if measured is None:
        return one, one
    things = again(at.scope.table(entity))
    base = select(things.c[measured.unit]).where(things.c.id == item).correlate_except(things).scalar_subquery()
    same = or_(unit.is_(None), item.is_(None), base.is_(None), base == unit)
    tops: list[Sql] = []
    bottoms: list[Sql] = []
    if measured.units:
        lines = again(at.scope.table(model.entities[entity].fields[measured.units].lines))
        mine = and_(lines.c.parent == item, lines.c[measured.line_unit] == unit)
        for part, found in (("num", tops), ("den", bottoms)):
            column = lines.c[f"{measured.line_ratio}__{part}"]
            found.append(select(column).where(mine).limit(1).correlate_except(lines).scalar_subquery())
    units = targets_of(model, entity, measured.unit)[0]
    measuring = model.entities[units].measuring
    if measuring is not None:
        mine_, other = again(at.scope.table(units)), again(at.scope.table(units))
        pair = and_(
            mine_.c.id == unit, other.c.id == base, mine_.c[measuring.dimension] == other.c[measuring.dimension]
        )
        num, den = f"{measuring.ratio}__num", f"{measuring.ratio}__den"
        for found, a, b in ((tops, num, den), (bottoms, den, num)):
            product = mine_.c[a] * other.c[b]
            found.append(select(product).where(pair).correlate_except(mine_, other).scalar_subquery())
    return tuple(case((same, one), else_=_first_of(found)) for found in (tops, bottoms))  # type: ignore[return-value]


def _first_of(found: list[Sql]) -> Sql | None:
    return func.coalesce(*found) if len(found) > 1 else (found[0] if found else None)


_REFERENCE = Type(kind=Kind.REFERENCE)
__all__ = ["Row", "aggregate", "balance", "combined", "unit_ratio"]
