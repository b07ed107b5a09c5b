"""Sets, paths, units and ledgers in SQL and as inputs of records at hand, on rows put straight into the tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import select

from engine.compiler import load_text
from engine.expressions.parse import parse_expression
from engine.expressions.python import compile_python
from engine.expressions.tree import Expr
from runtime.apps import RunningApp
from runtime.context import SYSTEM, FixedClock, RunContext
from runtime.database import Database
from runtime.inputs import resolve
from runtime.model_scope import ModelScope
from runtime.sql import Joiner, SqlScope, TableRow, to_sql, to_where
from runtime.tables import build_tables
from tests.runtime.shop import counting

TEXT = """
app: yard
version: 1.0.0
title: 院 | Yard
currency: CNY
members: person
entities:
  person: {kind: master, label: 人 | Person}
  unit:
    kind: master
    label: 单位 | Unit
    measuring: {ratio: ratio, dimension: measures, step: step}
    fields:
      measures: {type: choice, label: 量纲, options: {count: 个数, mass: 重量}, default: count}
      ratio: {type: ratio, label: 折合 | Ratio, default: 1}
      step: {type: decimal, label: 最小 | Step, default: 1}
  thing:
    kind: master
    label: 物 | Thing
    measured: {unit: unit, units: units, unit_of: unit, ratio: ratio}
    fields:
      unit: {type: reference, to: unit, label: 单位 | Unit, required: true}
      price: {type: money, per: unit, label: 价 | Price}
      units:
        type: lines
        label: 多单位 | Units
        fields:
          unit: {type: reference, to: unit, label: 单位 | Unit}
          ratio: {type: ratio, label: 换算 | Ratio}
  order:
    kind: document
    label: 单 | Order
    fields:
      helpers: {type: references, to: person, label: 帮手 | Helpers}
      lines:
        type: lines
        label: 行 | Lines
        fields:
          thing: {type: reference, to: thing, label: 物 | Thing}
          unit: {type: reference, to: unit, label: 单位 | Unit}
          qty: {type: quantity, of: thing, unit: unit, label: 数量 | Quantity}
          price: {type: money, per: unit, label: 单价 | Price}
ledgers:
  stock:
    label: 存 | Stock
    dimensions: {thing: {to: thing}, owner: {to: person, optional: true}}
    resources: {qty: {type: quantity, of: thing, label: 数量}}
    kinds: {buy: 买, use: 用}
    totals: {by_thing: [thing]}
"""
MODEL = load_text(TEXT, "yard.yaml")
NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def ctx(module_database: Database) -> Iterator[RunContext]:
    """Two things, one counted in pieces and boxes of 25, one weighed; two orders; some moves."""
    tables = build_tables(MODEL)
    app = RunningApp(name="yard", model=MODEL, tables=tables, database=module_database)
    with module_database.write() as connection:
        tables.metadata.create_all(connection)
        found = RunContext(app=app, connection=connection, user=SYSTEM, clock=FixedClock(NOON))
        fill(found)
        yield found


def put(ctx: RunContext, table: Any, *rows: dict[str, Any]) -> None:
    ctx.connection.execute(table.insert(), list(rows))


def fill(ctx: RunContext) -> None:
    tables = ctx.app.tables
    entity = tables.entity
    put(ctx, entity["person"], {"id": 1, "code": "A", "name": "安"}, {"id": 2, "code": "B", "name": "本"})
    unit = {"measures": "count", "ratio__num": 1, "ratio__den": 1}
    mass = {"measures": "mass"}
    put(ctx, entity["unit"], {"id": 1, "code": "pc", **unit}, {"id": 2, "code": "box", **unit})
    put(
        ctx,
        entity["unit"],
        {"id": 3, "code": "kg", "ratio__num": 1, "ratio__den": 1, **mass},
        {"id": 4, "code": "g", "ratio__num": 1, "ratio__den": 1000, **mass},
    )
    price = Decimal("2.5")
    put(
        ctx,
        entity["thing"],
        {"id": 1, "name": "钉", "unit": 1, "price": price},
        {"id": 2, "name": "糖", "unit": 3, "price": price},
    )
    put(ctx, entity["thing.units"], {"id": 1, "parent": 1, "unit": 2, "ratio__num": 25, "ratio__den": 1})
    put(ctx, entity["order"], {"id": 1, "code": "O1"}, {"id": 2, "code": "O2"})
    put(
        ctx,
        tables.links["order", "helpers"],
        {"owner": 1, "value": 1, "position": 0},
        {"owner": 1, "value": 2, "position": 1},
    )
    put(
        ctx,
        entity["order.lines"],
        line(1, 1, 1, 2, "50", "2", "60"),
        line(2, 1, 2, 4, "0.5", "500", "0.004"),
        line(3, 2, 1, 1, "7", "7", "2.4"),
    )
    put(
        ctx,
        tables.balance["stock"],
        {"key": "1", "thing": 1, "owner": 1, "qty": Decimal(30), "first_at": NOON, "last_at": NOON},
        {"key": "2", "thing": 1, "owner": None, "qty": Decimal(12), "first_at": NOON, "last_at": NOON},
    )
    put(ctx, tables.total["stock", "by_thing"], {"key": "1", "thing": 1, "qty": Decimal(42), "last_at": NOON})
    put(
        ctx,
        tables.moves["stock"],
        move(1, 1, 1, 40, "buy", 1),
        move(2, 1, 1, -10, "use", 9),
        move(3, 1, None, 12, "buy", 9),
    )


def line(id_: int, parent: int, thing: int, unit: int, qty: str, entered: str, price: str) -> dict[str, Any]:
    return {
        "id": id_, "parent": parent, "position": id_, "thing": thing, "unit": unit,
        "qty": Decimal(qty), "qty__entered": Decimal(entered), "price": Decimal(price),
    }  # fmt: skip


def move(id_: int, thing: int, owner: int | None, qty: int, kind: str, day: int) -> dict[str, Any]:
    at = datetime(2026, 3, day, 15, 59, tzinfo=UTC)  # a minute before midnight where the firm is
    return {
        "id": id_, "thing": thing, "owner": owner, "qty": Decimal(qty), "kind": kind, "at": at, "doc_entity": "order",
        "doc_id": 1, "posting_set": "x", "posting": "x", "cost": "none", "entered_at": at,
    }  # fmt: skip


def read(text: str, entity: str) -> Expr:
    return parse_expression(text, ModelScope(model=MODEL, root_entity=entity, this_entity=entity))


def scope(ctx: RunContext, entity: str, **more: Any) -> SqlScope:
    tables, dialect = ctx.app.tables, ctx.connection.dialect.name
    row = TableRow(entity, tables.entity[entity])
    known = {"record": row, "today": ctx.today(), "now": ctx.now(), **more}
    return SqlScope(model=MODEL, tables=tables, dialect=dialect, **known)


def by_sql(ctx: RunContext, text: str, entity: str) -> list[Any]:
    table = ctx.app.tables.entity[entity]
    made = to_sql(read(text, entity), scope(ctx, entity))
    return list(ctx.connection.execute(select(made).select_from(table).order_by(table.c.id)).scalars())


def by_inputs(ctx: RunContext, text: str, entity: str, rows: list[dict[str, Any]]) -> list[Any]:
    expr = read(text, entity)
    function = compile_python(expr)
    return [function(values) for values in resolve(ctx, expr.inputs, entity, rows)]


def at_hand(id_: int | None, thing: int, unit: int, amounts: str, owner: dict[str, Any]) -> dict[str, Any]:
    qty, entered, price = (Decimal(word) for word in amounts.split())
    return {
        "id": id_, "thing": thing, "unit": unit, "qty": qty, "qty__entered": entered, "price": price, "parent": owner
    }  # fmt: skip


LINES = [
    at_hand(1, 1, 2, "50 2 60", {"id": 1, "code": "O1"}),
    at_hand(None, 2, 4, "0.5 500 0.004", {"id": None, "code": "new"}),
]
THINGS = [{"id": 1, "unit": 1, "price": Decimal("2.5")}, {"id": 2, "unit": 3, "price": Decimal("2.5")}]
ORDERS = [{"id": 1}, {"id": 2}]

CASES: list[tuple[str, str, list[Any]]] = [
    ("order", "sum(lines.qty)", [Decimal("50.5"), Decimal(7)]),
    ("order", "count(lines, where=qty > 1)", [Decimal(1), Decimal(1)]),
    ("order", "avg(lines.qty)", [Decimal("25.25"), Decimal(7)]),
    ("order", "max(lines.qty) - min(lines.qty)", [Decimal("49.5"), Decimal(0)]),
    ("order", "any(lines, where=thing.name == '糖')", [True, False]),
    ("order", "first(lines.thing.name, order=qty)", ["糖", "钉"]),
    ("order", "first(lines.thing, order=-qty)", [1, 1]),
    ("order", "join(lines.thing.name, '、')", ["钉、糖", "钉"]),
    ("order", "count(helpers)", [Decimal(2), Decimal(0)]),
    ("order", "count(lines, where=thing.price > 1 and parent == this)", [Decimal(2), Decimal(1)]),
    ("order", "sum(order.lines.qty, where=parent == this)", [Decimal("50.5"), Decimal(7)]),
    ("order", "max(lines.price)", [Decimal("4"), Decimal("2.4")]),
    ("thing", "sum(order.lines.qty, where=thing == this)", [Decimal(57), Decimal("0.5")]),
    ("thing", "count(units)", [Decimal(1), Decimal(0)]),
    ("thing", "balance(stock.qty, thing=this)", [Decimal(42), Decimal(0)]),
    ("thing", "balance(stock.qty, thing=this, at=today() - days(2))", [Decimal(40), Decimal(0)]),
    ("thing", "balance(stock.qty, thing=this, where=owner.name == '安')", [Decimal(30), Decimal(0)]),
    ("thing", "inflow(stock.qty, thing=this, since=today() - days(1), until=today())", [Decimal(12), Decimal(0)]),
    ("thing", "outflow(stock.qty, thing=this, kind=use)", [Decimal(10), Decimal(0)]),
    ("thing", "mean_balance(stock.qty, thing=this, since=today() - days(3), until=today())", [Decimal(41), Decimal(0)]),
]
LINE_CASES = [
    ("qty * price", [Decimal(120), Decimal(2)]),
    ("(qty + qty) * price", [Decimal(240), Decimal(4)]),
    ("qty * thing.price", [Decimal(125), Decimal("1.25")]),
    ("price - thing.price", [Decimal("-0.1"), Decimal("1.5")]),
    ("convert(qty, unit)", [Decimal(2), Decimal(500)]),
    ("thing.unit.code", ["pc", "kg"]),
]


@pytest.mark.parametrize(("entity", "text", "wanted"), CASES, ids=[c[1] for c in CASES])
def test_sets_and_ledgers_answer_alike_in_statements_and_as_inputs(
    ctx: RunContext, entity: str, text: str, wanted: list[Any]
) -> None:
    assert by_sql(ctx, text, entity) == wanted
    assert by_inputs(ctx, text, entity, ORDERS if entity == "order" else THINGS) == wanted


@pytest.mark.parametrize(("text", "wanted"), LINE_CASES, ids=[c[0] for c in LINE_CASES])
def test_units_are_converted_exactly(ctx: RunContext, text: str, wanted: list[Any]) -> None:
    assert by_sql(ctx, text, "order.lines")[:2] == wanted
    assert by_inputs(ctx, text, "order.lines", LINES) == wanted


def test_an_owner_not_yet_saved_is_read_from_memory(ctx: RunContext) -> None:
    assert by_inputs(ctx, "parent.code", "order.lines", LINES) == ["O1", "new"]


def test_a_ratio_is_an_exact_fraction(ctx: RunContext) -> None:
    expr = read("(qty + qty) * price", "order.lines")
    ratio = [node for node in expr.inputs if type(node).__name__ == "UnitRatio"]
    assert resolve(ctx, ratio, "order.lines", LINES) == [[Fraction(25)], [Fraction(1, 1000)]]


def test_many_records_and_inputs_take_one_statement(ctx: RunContext) -> None:
    expr = read("sum(lines.qty)", "order")
    more = read("count(lines)", "order")
    with counting(ctx.connection) as statements:
        found = resolve(ctx, (*expr.inputs, *more.inputs), "order", ORDERS * 50)
    assert (len(statements), len(found), found[-1]) == (1, 100, [Decimal(7), Decimal(1)])


def test_a_list_joins_each_reference_once(ctx: RunContext) -> None:
    table = ctx.app.tables.entity["order.lines"]
    joiner = Joiner(table)
    at = scope(ctx, "order.lines", joiner=joiner)
    columns = [to_sql(read(text, "order.lines"), at) for text in ("thing.name", "thing.unit.code", "parent.code")]
    where = to_where(read("thing.unit.code == 'kg'", "order.lines"), at)
    statement = joiner.apply(select(*columns)).where(where)
    assert str(statement).count("LEFT OUTER JOIN") == 3
    assert [tuple(row) for row in ctx.connection.execute(statement)] == [("糖", "kg", "O1")]


def test_today_is_the_firms_day(ctx: RunContext) -> None:
    assert by_sql(ctx, "today()", "order") == [date(2026, 3, 10)] * 2
