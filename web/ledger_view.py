"""A ledger as a table: balances and moves in words, with the way to records, documents and moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from sqlalchemy import select

from engine.expressions.types import Kind, Type
from engine.model import EntityKind, Ledger
from runtime.context import RunContext
from runtime.ledger_lists import Standing
from runtime.ledgers.requests import OWN_KINDS, Move
from runtime.permissions import LEDGER, rights
from runtime.record_reading import Titles, titles
from runtime.report_axes import End
from runtime.report_shapes import Span
from runtime.values import Ref
from web.display import age, moment, number, price
from web.texts import translator

Part = dict[str, Any]
PREFIX = "where."


def condition_text(ends: Mapping[str, End], filters: Mapping[str, Sequence[Any]]) -> str:
    """The filters of an address as an expression over the ledger."""
    parts = []
    for path, values in filters.items():
        known = [v for v in values if v is not None and not isinstance(v, Span)]
        either = [f"empty({path})"] if None in values else []
        either += [_within(path, v) for v in values if isinstance(v, Span)]
        if known:
            either.append(CONDITIONS.get(ends[path].node.type.kind, _equal)(path, known))
        parts.append(f"({' or '.join(either)})")
    return " and ".join(parts)


def _within(path: str, span: Span) -> str:
    sides = [f"{path} >= '{span.first}'"] if span.first else []
    return " and ".join([*sides, *([f"{path} <= '{span.last}'"] if span.last else [])])


def _is_record(path: str, values: Sequence[Any]) -> str:
    ids = ", ".join(str(v.id if isinstance(v, Ref) else v) for v in values)
    return f"{path}.id in ({ids},)"


def _is_yes(path: str, values: Sequence[Any]) -> str:
    return " or ".join(path if v else f"not {path}" for v in values)


def _equal(path: str, values: Sequence[Any]) -> str:
    return " or ".join(f"{path} == '{str(v).replace(chr(39), '')}'" for v in values)


CONDITIONS = {Kind.REFERENCE: _is_record, Kind.YES_NO: _is_yes}


def base_units(ctx: RunContext, entity: str, ids: Iterable[int]) -> dict[int, str]:
    """What the base units of measured records are called; nothing where an entity is not measured."""
    described = ctx.app.model.entities[entity]
    if described.measured is None:
        return {}
    unit, table = described.measured.unit, ctx.app.tables.entity[entity]
    target = described.fields[unit].targets[0]
    query = select(table.c.id, table.c[unit]).where(table.c.id.in_(sorted(set(ids))))
    units = {record: one for record, one in ctx.connection.execute(query) if one is not None}
    named = titles(ctx, ((target, one) for one in units.values()))
    rows: dict[int, Mapping[str, Any]] = {record: named.get((target, one), {}) for record, one in units.items()}
    return {record: str(row.get("name") or row.get("code") or "") for record, row in rows.items()}


class Names:
    """What the records that rows name are called, and where they are; read once for all rows."""

    def __init__(self, ctx: RunContext, ledger: Ledger) -> None:
        self.ctx = ctx
        self.ledger = ledger
        self._titles: dict[tuple[str, int], dict[str, Any]] = {}
        self._units: dict[tuple[str, int], str] = {}
        paths = {r.id: tuple(r.unit.split(".")) for r in ledger.resources.values() if r.unit}
        self._own = {name: (path[0], path[1]) for name, path in paths.items() if len(path) == 2}
        self._measured: dict[str, dict[int, str]] = {}

    def read(self, rows: Iterable[Mapping[str, Any]], others: Iterable[tuple[str, int]] = ()) -> None:
        """Read everything the rows name."""
        pairs = {p for row in rows for name, value in row.items() if (p := self.pair(name, value)) is not None}
        self._titles.update(titles(self.ctx, pairs | set(others)))
        self._read_units(pairs)
        owners = {
            (self.ctx.app.model.entities[e].parent, row["parent"])
            for (e, _), row in self._titles.items()
            if "parent" in row
        }
        self._titles.update(titles(self.ctx, owners - self._titles.keys()))

    def _read_units(self, pairs: Iterable[tuple[str, int]]) -> None:
        """The base unit of everything that is measured."""
        wanted: dict[str, set[int]] = {}
        for entity, record in pairs:
            wanted.setdefault(entity, set()).add(record)
        for entity, ids in wanted.items():
            units = base_units(self.ctx, entity, ids)
            self._units.update({(entity, record): unit for record, unit in units.items()})
        for name, (dimension, field) in self._own.items():
            entity = self.ledger.dimensions[dimension].targets[0]
            self._measured[name] = {
                **self._measured.get(name, {}),
                **self._named(entity, field, wanted.get(entity, ())),
            }

    def _named(self, entity: str, field: str, ids: Iterable[int]) -> dict[int, str]:
        """Record -> what the record in this field of it is called."""
        table, target = self.ctx.app.tables.entity[entity], self.ctx.app.model.entities[entity].fields[field].targets[0]
        query = select(table.c.id, table.c[field]).where(table.c.id.in_(sorted(ids)), table.c[field].is_not(None))
        found = {row[0]: row[1] for row in self.ctx.connection.execute(query)} if ids else {}
        named = titles(self.ctx, ((target, one) for one in found.values()))
        rows: dict[int, Mapping[str, Any]] = {record: named.get((target, one), {}) for record, one in found.items()}
        return {record: str(row.get("name") or row.get("code") or "") for record, row in rows.items()}

    def pair(self, name: str, value: Any) -> tuple[str, int] | None:
        """The record a dimension names."""
        if isinstance(value, Ref):
            return value.entity, value.id
        dimension = self.ledger.dimensions[name]
        if value is None or dimension.value.kind is not Kind.REFERENCE:
            return None
        return dimension.targets[0], value

    def text(self, name: str, value: Any) -> str:
        """A dimension's value in words."""
        pair = self.pair(name, value)
        if pair is not None:
            return self.title(*pair)
        if value is None:
            return ""
        options = {o.id: o.label.get(self.ctx.language) for o in self.ledger.dimensions[name].options}
        if isinstance(value, bool):
            return translator(self.ctx.language)("是", "yes") if value else translator(self.ctx.language)("否", "no")
        return options.get(str(value), value.isoformat() if isinstance(value, date) else str(value))

    def title(self, entity: str, record: int) -> str:
        """What a record is called; a line is called by its document."""
        row: Mapping[str, Any] = self._titles.get((entity, record), {})
        words = [str(row[n]) for n in ("code", "name") if row.get(n)]
        described = self.ctx.app.model.entities.get(entity)
        if not words and described is not None and described.parent and "parent" in row:
            return self.title(described.parent, row["parent"])
        return " ".join(words) or f"#{record}"

    def url(self, entity: str, record: int) -> str:
        """Where a record is ("" for those the reader may not open)."""
        described = self.ctx.app.model.entities.get(entity)
        if described is None:
            return ""
        row: Mapping[str, Any] = self._titles.get((entity, record), {})
        if described.kind is EntityKind.LINES:
            return self.url(described.parent, row["parent"]) if "parent" in row else ""
        if described.kind is EntityKind.SYSTEM or not rights(self.ctx, entity).may("read"):
            return ""
        return url_for("pages.record", entity=entity, id=record)

    def unit(self, dimensions: Mapping[str, Any], figure: str = "") -> str:
        """The unit a figure of a row is in: its own, else the base unit of the first thing it names that has one."""
        if figure in self._own:
            return self._measured.get(figure, {}).get(dimensions.get(self._own[figure][0]) or 0, "")
        for name, value in dimensions.items():
            pair = self.pair(name, value)
            if pair in self._units:
                return self._units[pair]
        return ""

    def idle(self, dimensions: Mapping[str, Any], figure: str) -> bool:
        """Whether nothing a row names is counted in this figure: goods that are not weighed have no weight."""
        return figure in self._own and not self.unit(dimensions, figure)

    def cell(self, name: str, value: Any, *, link: bool = False) -> Any:
        """A dimension's value as a table cell."""
        pair = self.pair(name, value)
        text = self.text(name, value)
        if pair is None:
            if isinstance(value, date):
                words, tone = age(value, self.ctx.today(), self.ctx.language, due="due" in name)
                return {"kind": "date", "text": value.isoformat(), "age": words, "tone": tone}
            return text or None
        url = self.url(*pair) if link else ""
        return {"kind": "link", "text": text, "url": url} if url else text


def figure_types(ctx: RunContext, ledger: Ledger) -> dict[str, tuple[str, Type]]:
    """Label and type of each figure the reader may see: resources, then measures."""
    hidden = rights(ctx, LEDGER + ledger.id).hidden
    found = {r.id: (r.label.get(ctx.language), r.value) for r in ledger.resources.values()}
    found.update({m.id: (m.label.get(ctx.language), m.formula.type) for m in ledger.measures.values()})
    return {name: each for name, each in found.items() if name not in hidden}


def is_unit_price(ledger: Ledger, name: str) -> bool:
    """Whether a figure is an amount for one: a measure in money of a valued ledger."""
    measure = ledger.measures.get(name)
    return measure is not None and measure.formula.type.kind is Kind.MONEY and ledger.valuation is not None


def amount(ctx: RunContext, kind: Type, value: Decimal | None, *, each: bool = False) -> str:
    """A figure in words."""
    if value is None:
        return "–"
    if kind.kind is Kind.MONEY:
        scale = ctx.app.model.currency_scale
        return price(round(value, 4), scale) if kind.per_unit or each else number(value, scale)
    return number(value)


def shown_figures(ctx: RunContext, ledger: Ledger, group: Sequence[str]) -> list[str]:
    """Figures that say something at this grain: a measure of a coarser one would be told again for each part."""
    found = []
    for name in figure_types(ctx, ledger):
        measure = ledger.measures.get(name)
        grain = set(ledger.totals.get(measure.per, ())) if measure is not None else set()
        if measure is None or set(group) <= grain or (is_unit_price(ledger, name) and grain & set(group)):
            found.append(name)
    return found


def totals_of(
    ctx: RunContext, ledger: Ledger, rows: Sequence[Standing], names: Sequence[str], unit_of: Callable[..., str]
) -> dict[str, str]:
    """Sums under their columns: amounts always, quantities where all are in one unit."""
    kinds = figure_types(ctx, ledger)
    found = {}
    for name in names:
        kind = kinds[name][1]
        units = {unit_of(row.dimensions, name) for row in rows if kind.kind is Kind.QUANTITY and row.figures.get(name)}
        if is_unit_price(ledger, name) or len(units) > 1:
            continue
        found[name] = amount(ctx, kind, sum((row.figures.get(name) or Decimal(0) for row in rows), Decimal(0)))
    return found


def moves_url(ledger: Ledger, dimensions: Mapping[str, Any], kept: Sequence[tuple[str, str]] = ()) -> str:
    """The moves behind a balance."""
    pairs = [(f"{PREFIX}{n}", raw(v)) if v is not None else (f"{PREFIX}{n}.empty", "1") for n, v in dimensions.items()]
    pairs += [(n, v) for n, v in kept if n.startswith(PREFIX) and n.split(".")[1] not in dimensions]
    return f"{url_for('pages.moves', ledger=ledger.id)}?{urlencode(list(dict.fromkeys(pairs)))}"


def raw(value: Any) -> str:
    """A value as it stands in an address."""
    if isinstance(value, Ref):
        return f"{value.entity}:{value.id}"
    return "1" if value is True else "0" if value is False else str(value)


def kind_words(ctx: RunContext, ledger: Ledger, kind: str) -> str:
    """What a kind of move is called."""
    if kind in ledger.kinds:
        return ledger.kinds[kind].get(ctx.language)
    return translator(ctx.language)(*OWN_KINDS[kind]) if kind in OWN_KINDS else kind


def move_note(ctx: RunContext, ledger: Ledger, move: Move) -> str:
    """Why a move is there when it is not plain coming and going."""
    t = translator(ctx.language)
    if move.counter_of:
        return t("冲销原来的分录", "undoes an earlier move")
    if move.kind in OWN_KINDS:
        return t(*VALUE_NOTES[move.kind])
    if ledger.valuation is not None and not move.amounts.get(ledger.valuation.quantity) and move.corrects:
        return t("只改金额：更正早先分录的成本", "value only: corrects the cost of an earlier move")
    if move.returns:
        return t("退回，按发出时的成本", "comes back at the cost it went for")
    return ""


VALUE_NOTES: Mapping[str, tuple[str, str]] = {
    "variance": ("只改金额：实际成本与标准成本之差", "value only: actual against standard cost"),
    "settlement": ("只改金额：先出后入，到货时补结成本", "value only: what went before it came is settled at its cost"),
    "correction": ("只改金额：早先日期的单据改变了成本", "value only: an earlier dated document changed the cost"),
}


def move_moment(ctx: RunContext, move: Move) -> str:
    """When, in the firm's time."""
    return moment(move.at, ctx)


__all__ = [
    "Names",
    "Titles",
    "amount",
    "base_units",
    "condition_text",
    "figure_types",
    "kind_words",
    "move_moment",
    "move_note",
    "moves_url",
    "shown_figures",
    "totals_of",
]
