"""What is known of a ledger once and for all: its columns, keys and statements, made once an app version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Table

from engine.expressions.types import Kind
from engine.model import AppModel, Ledger
from runtime.context import RunContext
from runtime.ledgers.costing import rounded
from runtime.ledgers.requests import Cost, DimensionValue, DocumentKey, Move
from runtime.ledgers.tables import LedgerTables, is_polymorphic, pool_dimensions, stored_in_balance, stored_in_total
from runtime.values import Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A ledger with its tables. ``main``: the resource that says how much; ``value``: the valued one or "".

    ``pooled``: the dimensions that its pools use.
    """

    ledger: Ledger
    moves: Table
    balance: Table
    pool: Table | None
    layer: Table | None
    snapshot: Table
    totals: Mapping[str, Table]
    dimensions: tuple[str, ...]
    several: frozenset[str]
    resources: tuple[str, ...]
    kept: tuple[str, ...]
    kept_in: Mapping[str, tuple[str, ...]]
    scales: Mapping[str, int]
    main: str
    value: str
    worth: str
    pooled: tuple[str, ...]

    def key(self, dimensions: Mapping[str, DimensionValue], names: Iterable[str] | None = None) -> str:
        """The text that stands for a key: same key, same text, on every machine and in every version."""
        values = [dimensions.get(name) for name in (self.dimensions if names is None else names)]
        return "|".join([str(v) if type(v) is int else "" if v is None else key_text(v) for v in values])

    def spot(
        self, dimensions: Mapping[str, DimensionValue], names: Sequence[str]
    ) -> tuple[str, dict[str, DimensionValue]]:
        """The key and the columns, in one go where all dimensions are plain."""
        if not self.several.isdisjoint(names):
            return self.key(dimensions, names), self.columns(dimensions, names)
        texts: list[str] = []
        columns: dict[str, DimensionValue] = {}
        for name in names:
            value = dimensions.get(name)
            columns[name] = value.id if type(value) is Ref else value
            texts.append(str(value) if type(value) is int else "" if value is None else key_text(value))
        return "|".join(texts), columns

    def columns(
        self, dimensions: Mapping[str, DimensionValue], names: Sequence[str] | None = None
    ) -> dict[str, DimensionValue]:
        """Column values of dimensions."""
        names = self.dimensions if names is None else names
        values: dict[str, DimensionValue] = {}
        if self.several.isdisjoint(names):
            for name in names:
                value = dimensions.get(name)
                values[name] = value.id if type(value) is Ref else value
            return values
        for name in names:
            value = dimensions.get(name)
            if name in self.several:
                values[name] = value.id if isinstance(value, Ref) else None
                values[f"{name}__type"] = value.entity if isinstance(value, Ref) else None
            else:
                values[name] = value.id if isinstance(value, Ref) else value
        return values

    def read(self, row: Mapping[Any, Any], names: Iterable[str] | None = None) -> dict[str, DimensionValue]:
        """The dimensions a row holds."""
        return {n: self._value(row, n) for n in (self.dimensions if names is None else names) if n in row}

    def _value(self, row: Mapping[Any, Any], name: str) -> DimensionValue:
        value: DimensionValue = row[name]
        if name in self.several and isinstance(value, int):
            return Ref(row[f"{name}__type"], value)
        return value

    def exact(self, resource: str, amount: Decimal) -> Decimal:
        """``amount`` with the decimals the resource keeps."""
        return rounded(amount, self.scales[resource])

    def move(self, row: Mapping[Any, Any]) -> Move:
        """A stored move as data."""
        return Move(
            ledger=self.ledger.id,
            id=row["id"],
            dimensions=self.read(row),
            amounts={r: row[r] for r in self.resources},
            kind=row["kind"],
            at=row["at"],
            document=DocumentKey(entity=row["doc_entity"], id=row["doc_id"]),
            line=_key(row["line_entity"], row["line_id"]),
            posting_set=row["posting_set"],
            posting=row["posting"],
            cost=Cost(row["cost"]),
            origin=row["origin"],
            counter_of=row["counter_of"],
            corrects=row["corrects"],
            returns=row["returns"],
            age=row["age"],
            cause=_key(row["cause_entity"], row["cause_id"]),
            standard=row.get("unit_standard"),
        )


def _key(entity: str | None, record: int | None) -> DocumentKey | None:
    return DocumentKey(entity=entity, id=record) if entity and record is not None else None


def key_text(value: DimensionValue) -> str:
    """A dimension's value inside a key."""
    if type(value) is int:  # nearly all are references
        return str(value)
    if value is None:
        return ""
    if isinstance(value, Ref):
        return f"{value.entity}:{value.id}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value).replace("\\", "\\\\").replace("|", "\\|")


def shape_of(ctx: RunContext, ledger: str) -> Shape:
    """The shape of a ledger of the running app."""
    app = ctx.app
    return app.programs.keep(("ledger shape", ledger), lambda: build_shape(app.model, app.tables.ledgers, ledger))


def build_shape(model: AppModel, tables: LedgerTables, ledger_id: str) -> Shape:
    """The shape of a ledger."""
    ledger = model.ledgers[ledger_id]
    valuation = ledger.valuation
    kept = stored_in_balance(ledger)
    money = [r.id for r in ledger.resources.values() if r.value.kind is Kind.MONEY]
    return Shape(
        ledger=ledger,
        moves=tables.moves[ledger_id],
        balance=tables.balance[ledger_id],
        pool=tables.pool.get(ledger_id),
        layer=tables.layer.get(ledger_id),
        snapshot=tables.snapshot[ledger_id],
        totals={t: tables.total[ledger_id, t] for t in ledger.totals},
        dimensions=tuple(ledger.dimensions),
        several=frozenset(d.id for d in ledger.dimensions.values() if is_polymorphic(d)),
        resources=tuple(ledger.resources),
        kept=kept,
        kept_in={t: stored_in_total(ledger, t) for t in ledger.totals},
        scales={r.id: r.value.scale for r in ledger.resources.values()},
        main=valuation.quantity if valuation else next(iter(ledger.resources)),
        value=valuation.value if valuation else "",
        worth=valuation.value if valuation else (money[0] if money else ""),
        pooled=pool_dimensions(ledger),
    )


def dimension_columns_of(shape: Shape, table: Table, names: Sequence[str] = ()) -> list[Column[Any]]:
    """The columns of dimensions in one of the ledger's tables."""
    found: list[Column[Any]] = []
    for name in names or shape.dimensions:
        found.append(table.c[name])
        if name in shape.several:
            found.append(table.c[f"{name}__type"])
    return found
