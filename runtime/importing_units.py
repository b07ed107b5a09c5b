"""The rows of a file as records in the making: columns where every row is a record, else values record by record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.model import Entity
from runtime.context import RunContext
from runtime.importing_cells import values_of
from runtime.importing_mapping import FileMapping, field_at
from runtime.importing_rules import PERIOD_FROM
from runtime.importing_table import RowFault, Table
from runtime.messages import fault

Row = dict[str, Any]
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Records in the making. ``lines``: the lines of the file that each comes from.

    Their values stand in ``columns`` (``None``: not given) or, where records have lines, in ``rows``. ``known``: the
    records that are to be changed, where that is what they are for.
    """

    lines: Sequence[Sequence[int]]
    columns: Columns | None = None
    rows: Sequence[Row] = ()
    known: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.lines)

    def part(self, start: int, end: int) -> Units:
        """Those at these places."""
        columns = None if self.columns is None else {name: one[start:end] for name, one in self.columns.items()}
        known = self.known[start:end]
        return Units(lines=self.lines[start:end], columns=columns, rows=self.rows[start:end], known=known)

    def pick(self, places: Sequence[int]) -> Units:
        """Those at these places, in this order."""
        columns = self.columns
        return Units(
            lines=[self.lines[place] for place in places],
            columns=None if columns is None else {n: [one[place] for place in places] for n, one in columns.items()},
            rows=[self.rows[place] for place in places] if columns is None else (),
            known=[self.known[place] for place in places] if self.known else (),
        )

    def column(self, name: str) -> Sequence[Any]:
        """What they say of a field."""
        if self.columns is None:
            return [row.get(name) for row in self.rows]
        return self.columns.get(name) or [None] * len(self.lines)

    def dicts(self) -> Sequence[Row]:
        """Their values, record by record."""
        return self.rows if self.columns is None else _dicts(self.columns, len(self.lines))


def units_of(ctx: RunContext, entity: Entity, mapping: FileMapping, table: Table, told: list[RowFault]) -> Units:
    """The records of the file; rows of one group need not stand together. ``told``: gets what is worth a look."""
    head: dict[str, Sequence[Any]] = {}
    inner: dict[str, dict[str, Sequence[Any]]] = {}
    for path, cell in mapping.cells.items():
        spec = field_at(ctx, entity, path)
        assert spec is not None
        lines, _, name = path.rpartition(".")
        (inner.setdefault(lines, {}) if lines else head)[name] = values_of(spec, cell, table)
    single = [(line,) for line in table.lines]
    if not mapping.group and not inner:
        return Units(lines=single, columns=head)
    heads = _dicts(head, len(table.lines))
    lines_of = {name: _dicts(columns, len(table.lines)) for name, columns in inner.items()}
    if not mapping.group:
        for name, dicts in lines_of.items():
            for row, one in zip(heads, dicts, strict=True):
                row[name] = [one] if one else []
        return Units(lines=single, rows=heads)
    keys = _group_keys(mapping, table)
    told.extend(_differing(ctx, entity, table, keys, head))
    return _grouped(table, keys, heads, lines_of)


def _differing(
    ctx: RunContext, entity: Entity, table: Table, keys: Sequence[tuple[str, ...]], head: Columns
) -> Iterable[RowFault]:
    """Rows whose values of the record itself are not those of the first row of the record: the first holds."""
    first: dict[tuple[str, ...], int] = {}
    leading = [first.setdefault(key, row) for row, key in enumerate(keys)]
    for name, column in head.items():
        for row, lead in enumerate(leading):
            if row != lead and column[row] != column[lead] and column[row] is not None:
                label = entity.fields[name].label.get(ctx.language)
                said = fault(ctx, "import_differs", label=label, given=_shown(column[row]), first=_shown(column[lead]))
                yield RowFault(line=table.lines[row], field=name, code=said.code, message=said.message, level="warn")


def _shown(value: Any) -> str:
    return str(next(iter(value.values()), "") if isinstance(value, dict) else "" if value is None else value)[:40]


def _group_keys(mapping: FileMapping, table: Table) -> list[tuple[str, ...]]:
    names = [*mapping.group, *([PERIOD_FROM] if mapping.periods is not None else [])]
    return table.keys(names)


def _grouped(table: Table, keys: Sequence[tuple[str, ...]], heads: list[Row], lines_of: dict[str, list[Row]]) -> Units:
    made: dict[tuple[str, ...], tuple[list[int], Row]] = {}
    for row, (key, line) in enumerate(zip(keys, table.lines, strict=True)):
        unit = made.get(key)
        if unit is None:
            unit = made[key] = ([], {**heads[row], **{name: [] for name in lines_of}})
        for name, dicts in lines_of.items():
            if dicts[row]:
                unit[1][name].append(dicts[row])
        unit[0].append(line)
    return Units(lines=[lines for lines, _ in made.values()], rows=[values for _, values in made.values()])


def _dicts(columns: Columns, count: int) -> list[Row]:
    """Columns as one dict a row, without what is not given."""
    if not columns:
        return [{} for _ in range(count)]
    names = tuple(columns)
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*columns.values(), strict=True)
    ]
