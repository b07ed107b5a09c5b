"""Proof that the ledgers do not lie: every running row against the moves it stands for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import Connection, RowMapping, Table, func, select

from engine.model import AppModel
from runtime.ledgers.checking_links import check_documents, check_flow
from runtime.ledgers.costing import ZERO
from runtime.ledgers.requests import Problem
from runtime.ledgers.shape import Shape, build_shape, dimension_columns_of
from runtime.ledgers.tables import joint_column

if TYPE_CHECKING:
    from runtime.tables import Tables


def check(
    connection: Connection, model: AppModel, tables: Tables, *, documents: bool = True, only: Collection[str] = ()
) -> list[Problem]:
    """Everything that does not hold; an empty list proves the ledgers.

    ``documents``: also that the records which moves name are there. ``only``: no more than these ledgers.
    """
    shapes = {i: build_shape(model, tables.ledgers, i) for i in only or model.ledgers}
    found: list[Problem] = []
    for shape in shapes.values():
        found += _check_ledger(connection, shape)
    found += _check_joints(connection, model, tables, shapes)
    found += _check_edges(connection, tables, shapes)
    for shape in shapes.values():
        found += check_flow(connection, tables, shape)
        if documents:
            found += check_documents(connection, tables, shape)
    return found


def _check_ledger(connection: Connection, shape: Shape) -> Iterator[Problem]:
    yield from _sums(connection, shape, shape.balance, shape.dimensions, shape.kept, "balance_differs")
    for name, table in shape.totals.items():
        grain, kept = shape.ledger.totals[name], shape.kept_in[name]
        yield from _sums(connection, shape, table, grain, kept, "total_differs")
    if shape.pool is not None:
        yield from _pools(connection, shape)
    yield from _counters(connection, shape)


def _sums(
    connection: Connection, shape: Shape, table: Table, names: tuple[str, ...], kept: tuple[str, ...], code: str
) -> Iterator[Problem]:
    """A running table against the sums of the moves."""
    columns = dimension_columns_of(shape, shape.moves, names)
    query = select(*columns, *(func.sum(shape.moves.c[r]).label(r) for r in kept)).group_by(*columns)
    true = {
        shape.key(shape.read(row, names), names): _amounts(row, kept) for row in connection.execute(query).mappings()
    }
    said = {row["key"]: _amounts(row, kept) for row in connection.execute(select(table)).mappings()}
    yield from _compare(shape, code, names, said, true)


def _amounts(row: RowMapping, names: tuple[str, ...]) -> tuple[Decimal, ...]:
    return tuple(row[n] or ZERO for n in names)


def _compare(
    shape: Shape,
    code: str,
    names: tuple[str, ...],
    said: dict[str, tuple[Decimal, ...]],
    true: dict[str, tuple[Decimal, ...]],
) -> Iterator[Problem]:
    for key in sorted(said.keys() | true.keys()):
        one, other = said.get(key), true.get(key)
        if (one or ()) != (other or ()) and any((*(one or ()), *(other or ()))):
            message = f"{_text(one)} is kept, the moves say {_text(other)}"
            yield _problem(code, shape.ledger.id, key, message, names)


def _problem(code: str, ledger: str, key: str, message: str, grain: tuple[str, ...] = ()) -> Problem:
    return Problem(code=code, ledger=ledger, key=key, message=message, grain=grain)


def _text(amounts: tuple[Decimal, ...] | None) -> str:
    return "nothing" if amounts is None else ", ".join(f"{a:f}" for a in amounts)


def _pools(connection: Connection, shape: Shape) -> Iterator[Problem]:
    """Pools against moves, nothing without value, layers against pools."""
    assert shape.pool is not None
    assert shape.layer is not None
    assert shape.ledger.valuation is not None
    layers, own, pools = _layers(connection, shape.layer), shape.ledger.id, shape.ledger.valuation.pools
    seen: set[str] = set()
    rows = connection.execute(select(shape.pool).order_by(shape.pool.c.key)).mappings().all()
    true = {name: _pool_sums(connection, shape, name) for name in {row["pool"] for row in rows}}
    for row in rows:
        key, grain = row["key"], pools.get(row["pool"], ())
        seen.add(key)
        moved, said = true[row["pool"]].get(key, (ZERO, ZERO)), (row["qty"], row["value"])
        if said != moved:
            yield _problem("pool_differs", own, key, f"{_text(said)} is kept, the moves say {_text(moved)}", grain)
        if not row["qty"] and row["value"]:
            yield _problem("value_without_quantity", own, key, f"{row['value']:f}", grain)
        there = layers.get(key)
        if there is not None and there != said:
            yield _problem("layers_differ", own, key, f"{_text(there)}, the pool has {_text(said)}", grain)
    for key in sorted(layers.keys() - seen):
        yield _problem("layers_differ", own, key, "layers without a pool", pools.get(key.partition("|")[0], ()))


def _pool_sums(connection: Connection, shape: Shape, pool: str) -> dict[str, tuple[Decimal, ...]]:
    """What the moves say about every pool of a kind."""
    assert shape.ledger.valuation is not None
    names, moves = shape.ledger.valuation.pools.get(pool, ()), shape.moves
    columns = dimension_columns_of(shape, moves, names)
    sums = [func.sum(moves.c[r]).label(r) for r in (shape.main, shape.value)]
    rows = connection.execute(select(*columns, *sums).group_by(*columns)).mappings()
    kept = (shape.main, shape.value)
    return {f"{pool}|{shape.key(shape.read(row, names), names)}": _amounts(row, kept) for row in rows}


def _layers(connection: Connection, table: Table) -> dict[str, tuple[Decimal, Decimal]]:
    query = select(table.c.pool_key, func.sum(table.c.qty), func.sum(table.c.value)).group_by(table.c.pool_key)
    return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


def _counters(connection: Connection, shape: Shape) -> Iterator[Problem]:
    """A counter-move undoes exactly one move, wholly; links lead to moves that exist."""
    table = shape.moves
    one, other = table.alias("one"), table.alias("other")
    wrong = [one.c[r] != -other.c[r] for r in shape.kept if r != shape.worth]
    if wrong:
        pairs = select(one.c.id).join(other, one.c.counter_of == other.c.id)
        for condition in wrong:
            for number in connection.scalars(pairs.where(condition)):
                yield _problem("counter_incomplete", shape.ledger.id, str(number), "does not undo its move")
    twice = select(table.c.counter_of).where(table.c.counter_of.is_not(None)).group_by(table.c.counter_of)
    for number in connection.scalars(twice.having(func.count() > 1)):
        yield _problem("countered_twice", shape.ledger.id, str(number), "has two counter-moves")
    for link in ("counter_of", "corrects", "returns"):
        lost = (
            select(one.c.id)
            .outerjoin(other, one.c[link] == other.c.id)
            .where(one.c[link].is_not(None), other.c.id.is_(None))
        )
        for number in connection.scalars(lost):
            yield _problem("orphan", shape.ledger.id, str(number), f"{link} names a move that is not there")


def _check_joints(
    connection: Connection, model: AppModel, tables: Tables, shapes: dict[str, Shape]
) -> Iterator[Problem]:
    """The rows of guards across ledgers against the moves of each."""
    for guard in model.guards:
        table = tables.ledgers.joint[guard.id]
        lead = model.ledgers[guard.ledger]
        names = lead.totals[guard.per] if guard.per else tuple(lead.dimensions)
        for ledger in dict.fromkeys((guard.ledger, *guard.ledgers)):
            shape = shapes.get(ledger)
            if shape is None:
                continue
            columns = dimension_columns_of(shape, shape.moves, names)
            query = select(*columns, *(func.sum(shape.moves.c[r]).label(r) for r in shape.kept)).group_by(*columns)
            true = {
                shape.key(shape.read(row, names), names): _amounts(row, shape.kept)
                for row in connection.execute(query).mappings()
            }
            own = tuple(joint_column(ledger, r) for r in shape.kept)
            said = {row["key"]: _amounts(row, own) for row in connection.execute(select(table)).mappings()}
            yield from _compare(shape, "joint_differs", names, said, true)


def _check_edges(connection: Connection, tables: Tables, shapes: dict[str, Shape]) -> Iterator[Problem]:
    """Both ends of every edge exist."""
    edge = tables.ledgers.edge
    for ledger, shape in shapes.items():
        for end in ("from", "to"):
            number = edge.c[f"{end}_move"]
            lost = (
                select(number)
                .outerjoin(shape.moves, shape.moves.c.id == number)
                .where(edge.c[f"{end}_ledger"] == ledger, shape.moves.c.id.is_(None))
            )
            for move in connection.scalars(lost):
                yield _problem("edge_broken", ledger, str(move), "an edge names a move that is not there")
