"""The tables of the ledgers: append-only moves and the running rows kept beside them.

* ``ledger_<id>``: moves. ``balance_<id>``: one row a finest key. ``total_<ledger>_<total>``: declared coarser grains.
* ``joint_<guard>``: the grain of a guard across ledgers, all their resources in one row, so one update guards it.
* ``pool_<id>`` / ``layer_<id>``: quantity and value a valuation key, and its layers (FIFO) or short pieces.
* ``snapshot_<id>``: balances at month ends. ``ledger_edge``: which move came from which. ``ledger_state``: periods.

Besides its dimensions and resources a moves table has the columns of ``MOVE_WORDS``; a running row has ``key``,
``first_at``, ``last_at``. A dimension may not be called like one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, Date, Index, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

from engine.expressions.types import PRICE_SCALE, QUANTITY_SCALE, Kind
from engine.model import AppModel, Dimension, Ledger
from runtime.columns import Id, Moment, Scaled, value_type

MOVE_WORDS = (
    "id", "kind", "at", "doc_entity", "doc_id", "line_entity", "line_id", "posting_set", "posting", "cost", "origin",
    "counter_of", "corrects", "returns", "age", "cause_entity", "cause_id", "entered_by", "entered_at",
    "unit_standard",
)  # fmt: skip
LONGEST_NAME = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTables:
    """``moves balance pool layer snapshot`` by ledger, ``total`` by (ledger, total), ``joint`` by guard id."""

    moves: Mapping[str, Table]
    balance: Mapping[str, Table]
    total: Mapping[tuple[str, str], Table]
    joint: Mapping[str, Table]
    pool: Mapping[str, Table]
    layer: Mapping[str, Table]
    snapshot: Mapping[str, Table]
    edge: Table
    state: Table


def ledger_tables(model: AppModel, metadata: MetaData, entity_tables: Mapping[str, Table]) -> LedgerTables:
    """The tables of all ledgers of ``model``, in ``metadata``."""
    ledgers = model.ledgers
    valued = {i: ledger for i, ledger in ledgers.items() if ledger.valuation}
    return LedgerTables(
        moves=_each(ledgers, lambda ledger: _moves(ledger, metadata)),
        balance=_each(ledgers, lambda ledger: _balance(ledger, metadata)),
        total=MappingProxyType({(i, t): _total(led, t, metadata) for i, led in ledgers.items() for t in led.totals}),
        joint=MappingProxyType({g.id: _joint(model, g.id, metadata) for g in model.guards}),
        pool=_each(valued, lambda ledger: _pool(ledger, metadata)),
        layer=_each(valued, lambda ledger: _layer(ledger, metadata)),
        snapshot=_each(ledgers, lambda ledger: _snapshot(ledger, metadata)),
        edge=_edge(metadata),
        state=_state(metadata),
    )


def dimension_columns(dimension: Dimension) -> tuple[str, ...]:
    """The columns of a dimension: its own, and ``__type`` when it may point at several entities."""
    return (dimension.id, f"{dimension.id}__type") if is_polymorphic(dimension) else (dimension.id,)


def is_polymorphic(dimension: Dimension) -> bool:
    """Whether its value is a ``Ref``."""
    return dimension.value.kind is Kind.REFERENCE and len(dimension.targets) != 1


def keeps_standard(ledger: Ledger) -> bool:
    """Whether its moves remember the standard cost that was valid at their moment."""
    return ledger.valuation is not None and ledger.valuation.standard is not None


def stored_in_balance(ledger: Ledger) -> tuple[str, ...]:
    """Resources a finest balance keeps: all but the value that stands in the pool."""
    return tuple(r for r in ledger.resources if not ledger.valuation or r != ledger.valuation.value)


def stored_in_total(ledger: Ledger, total: str) -> tuple[str, ...]:
    """Resources a total keeps: the value too where every pool is at least as fine."""
    grain, valuation = set(ledger.totals[total]), ledger.valuation
    if valuation and all(grain <= set(pool) for pool in valuation.pools.values()):
        return tuple(ledger.resources)
    return stored_in_balance(ledger)


def joint_column(ledger: str, resource: str) -> str:
    """The column of a resource in a row that several ledgers share."""
    return f"{ledger}__{resource}"


def pool_dimensions(ledger: Ledger) -> tuple[str, ...]:
    """Every dimension that any pool of the ledger uses, in the ledger's order."""
    used = {d for pool in ledger.valuation.pools.values() for d in pool} if ledger.valuation else set()
    return tuple(d for d in ledger.dimensions if d in used)


def _each(ledgers: Mapping[str, Ledger], build: object) -> Mapping[str, Table]:
    assert callable(build)
    return MappingProxyType({i: build(ledger) for i, ledger in ledgers.items()})


def _dimensions(ledger: Ledger, names: Iterable[str]) -> list[Column[object]]:
    found: list[Column[object]] = []
    for name in names:
        dimension = ledger.dimensions[name]
        found.append(Column(name, value_type(dimension.value)))
        if is_polymorphic(dimension):
            found.append(Column(f"{name}__type", Text()))
    return found


def _resources(ledger: Ledger, names: Iterable[str]) -> list[Column[object]]:
    return [_amount(name, value_type(ledger.resources[name].value)) for name in names]


def _amount(name: str, kind: TypeEngine[Any]) -> Column[object]:
    return Column(name, kind, nullable=False, default=0, server_default="0")


def _moves(ledger: Ledger, metadata: MetaData) -> Table:
    name = f"ledger_{ledger.id}"
    table = Table(
        name,
        metadata,
        Column("id", Id, primary_key=True),
        *_dimensions(ledger, ledger.dimensions),
        *_resources(ledger, ledger.resources),
        Column("kind", Text, nullable=False),
        Column("at", Moment, nullable=False),
        Column("doc_entity", Text, nullable=False),
        Column("doc_id", Id, nullable=False),
        Column("line_entity", Text),
        Column("line_id", Id),
        Column("posting_set", Text, nullable=False),
        Column("posting", Text, nullable=False),
        Column("cost", Text, nullable=False),
        Column("origin", Id),
        Column("counter_of", Id),
        Column("corrects", Id),
        Column("returns", Id),
        Column("age", Moment),
        Column("cause_entity", Text),
        Column("cause_id", Id),
        Column("entered_by", Id),
        Column("entered_at", Moment, nullable=False),
        *([Column("unit_standard", Scaled(PRICE_SCALE))] if keeps_standard(ledger) else []),
    )
    for dimension in ledger.dimensions.values():
        if dimension.value.kind is Kind.REFERENCE:
            _index(table, (dimension.id, "at", "id"))
    _index(table, ("at", "id"))
    _index(table, ("doc_id", "doc_entity"))
    _index(table, ("line_id", "posting"))
    for link in ("counter_of", "corrects", "returns"):
        _index(table, (link,), partly=True)
    return table


def _running(name: str, metadata: MetaData, *columns: Column[object]) -> Table:
    return Table(
        name,
        metadata,
        Column("key", Text, primary_key=True),
        *columns,
        Column("last_at", Moment, nullable=False),
        sqlite_with_rowid=False,  # rows lie in the order of their keys, so those of a thing lie together
    )


def _balance(ledger: Ledger, metadata: MetaData) -> Table:
    table = _running(
        f"balance_{ledger.id}",
        metadata,
        *_dimensions(ledger, ledger.dimensions),
        *_resources(ledger, stored_in_balance(ledger)),
        Column("first_at", Moment, nullable=False),
    )
    _index(table, tuple(ledger.dimensions))
    for dimension in tuple(ledger.dimensions.values())[1:]:
        if dimension.value.kind is Kind.REFERENCE:
            _index(table, (dimension.id,))
    return table


def _total(ledger: Ledger, total: str, metadata: MetaData) -> Table:
    grain = ledger.totals[total]
    table = _running(
        f"total_{ledger.id}_{total}",
        metadata,
        *_dimensions(ledger, grain),
        *_resources(ledger, stored_in_total(ledger, total)),
    )
    _index(table, grain)
    return table


def _joint(model: AppModel, guard_id: str, metadata: MetaData) -> Table:
    guard = next(g for g in model.guards if g.id == guard_id)
    lead = model.ledgers[guard.ledger]
    grain = lead.totals[guard.per] if guard.per else tuple(lead.dimensions)
    columns = [
        _amount(joint_column(i, r), value_type(model.ledgers[i].resources[r].value))
        for i in dict.fromkeys((guard.ledger, *guard.ledgers))
        for r in stored_in_balance(model.ledgers[i])
    ]
    table = _running(f"joint_{guard.id}", metadata, *_dimensions(lead, grain), *columns)
    _index(table, grain)
    return table


def _pool(ledger: Ledger, metadata: MetaData) -> Table:
    assert ledger.valuation is not None
    table = _running(
        f"pool_{ledger.id}",
        metadata,
        Column("pool", Text, nullable=False),
        *_dimensions(ledger, pool_dimensions(ledger)),
        _amount("qty", Scaled(QUANTITY_SCALE)),
        _amount("value", value_type(ledger.resources[ledger.valuation.value].value)),
        Column("last_cost", Scaled(PRICE_SCALE)),
    )
    _index(table, pool_dimensions(ledger))
    return table


def _layer(ledger: Ledger, metadata: MetaData) -> Table:
    assert ledger.valuation is not None
    table = Table(
        f"layer_{ledger.id}",
        metadata,
        Column("id", Id, primary_key=True),
        Column("pool_key", Text, nullable=False),
        Column("move", Id, nullable=False),
        Column("age", Moment, nullable=False),
        Column("rank", Id, nullable=False),
        _amount("qty", Scaled(QUANTITY_SCALE)),
        _amount("value", value_type(ledger.resources[ledger.valuation.value].value)),
    )
    _index(table, ("pool_key", "age", "rank"))
    return table


def _snapshot(ledger: Ledger, metadata: MetaData) -> Table:
    table = Table(
        f"snapshot_{ledger.id}",
        metadata,
        Column("month", Date, primary_key=True),
        Column("key", Text, primary_key=True),
        *_dimensions(ledger, ledger.dimensions),
        *_resources(ledger, ledger.resources),
    )
    for dimension in ledger.dimensions.values():
        if dimension.value.kind is Kind.REFERENCE:
            _index(table, (dimension.id, "month"))
    return table


def _edge(metadata: MetaData) -> Table:
    table = Table(
        "ledger_edge",
        metadata,
        Column("from_ledger", Text, primary_key=True),
        Column("from_move", Id, primary_key=True, autoincrement=False),
        Column("to_ledger", Text, primary_key=True),
        Column("to_move", Id, primary_key=True, autoincrement=False),
        Column("qty", Scaled(QUANTITY_SCALE)),
    )
    _index(table, ("to_move", "to_ledger"))
    return table


def _state(metadata: MetaData) -> Table:
    return Table(
        "ledger_state",
        metadata,
        Column("ledger", Text, primary_key=True),
        Column("closed_through", Date),
        Column("snapshot_through", Date),
        Column("valued_since", Date),
    )


def _index(table: Table, columns: tuple[str, ...], *, partly: bool = False) -> None:
    name = "_".join(("ix", table.name, *columns))
    if len(name.encode()) > LONGEST_NAME:
        name = f"ix_{table.name[:40]}_{sha256(name.encode()).hexdigest()[:12]}"
    present = table.c[columns[0]].is_not(None) if partly else None
    Index(name, *(table.c[c] for c in columns), sqlite_where=present, postgresql_where=present)
