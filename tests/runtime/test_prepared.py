"""Statements made once: the same rows, errors and listeners as with any other statement."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import IntegrityError

from runtime.context import RunContext
from runtime.prepared import MOST, ask_all, prepare_statement, prepared_insert
from tests.runtime.shop import NOON, counting

NAMES = ("code", "name", "version", "created_at", "changed_at", "search_key")


def places(count: int) -> list[tuple[object, ...]]:
    return [(f"Q{n:03}", f"place {n}", 1, NOON, NOON, "") for n in range(count)]


def test_many_rows_are_few_statements_and_told_in_their_order(ctx: RunContext) -> None:
    table = ctx.app.tables.entity["place"]
    rows = places(2 * MOST + 3)
    with counting(ctx.connection) as counter:
        told = prepared_insert(ctx, table, NAMES, returning="id").run(ctx, rows)
    ids = [number for (number,) in told]
    assert (len(counter), ids) == (3, sorted(ids))
    kept = select(table.c.id, table.c.code, table.c.created_at).where(table.c.id.in_(ids)).order_by(table.c.id)
    found = [tuple(row) for row in ctx.connection.execute(kept)]
    assert found == [(number, row[0], NOON) for number, row in zip(ids, rows, strict=True)]


def test_values_and_answers_are_converted_as_their_columns_are(ctx: RunContext) -> None:
    table = ctx.app.tables.entity["thing"]
    price = table.c.price
    statement = select(price, func.count()).where(price >= bindparam("least", type_=price.type)).group_by(price)
    prepared = prepare_statement(ctx, statement.order_by(price).limit(1), list(statement.selected_columns))
    assert prepared.run(ctx, {"least": Decimal("1.5")}) == [
        list(row) for row in ctx.connection.execute(statement.order_by(price).limit(1), {"least": Decimal("1.5")})
    ]
    assert Fraction(prepared.run(ctx, {"least": Decimal(0)})[0][0]) > 0


def test_statements_sent_together_answer_each_for_itself(ctx: RunContext) -> None:
    table = ctx.app.tables.entity["place"]
    count = prepare_statement(ctx, select(func.count()).select_from(table), [func.count()])
    add = prepared_insert(ctx, table, NAMES)
    with counting(ctx.connection) as counter:
        before, nothing, after = ask_all(ctx, [count.ask({}), *add.asks(places(2)), count.ask({})])
    assert (after[0][0] - before[0][0], nothing, len(counter)) == (2, [], 3)


def test_what_the_database_refuses_is_told_as_elsewhere(ctx: RunContext) -> None:
    table = ctx.app.tables.entity["place"]
    double = prepared_insert(ctx, table, ("id", *NAMES))
    row = (900_001, *places(1)[0])
    with pytest.raises(IntegrityError), ctx.connection.begin_nested():
        double.run(ctx, [row, row])
    count = select(func.count()).select_from(table).where(table.c.id == 900_001)
    assert ctx.connection.execute(count).scalar_one() == 0


def test_of_statements_sent_together_the_one_that_was_refused_is_named(ctx: RunContext) -> None:
    table = ctx.app.tables.entity["place"]
    row = (900_002, *places(1)[0])
    count = prepare_statement(ctx, select(func.count()).select_from(table), [func.count()])
    (good,), (bad,) = (
        prepared_insert(ctx, table, ("id", *NAMES)).asks([each]) for each in (row, (row[0], *places(2)[1]))
    )
    with pytest.raises(IntegrityError) as refused, ctx.connection.begin_nested():
        ask_all(ctx, [count.ask({}), good, bad, count.ask({})])
    assert (refused.value.statement, refused.value.params) == (bad.words, bad.values)
