"""Records into files: a list as it is shown, whole records to be read in again, an empty form to fill in.

Rights are those of the list: what a person does not see on the screen is not in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.importing_mapping import importable
from runtime.permissions import READ, demand, label_of, rights
from runtime.queries import ListQuery, list_records
from runtime.query_columns import ListColumn, Named
from runtime.record_reading import Titles, titles
from runtime.record_rows import load_rows
from runtime.row_rules import row_condition
from runtime.spreadsheets import write_csv, write_xlsx
from runtime.values import ENTERED, Ref, format_value

CHUNK = 1000
Row = dict[str, Any]


def export_list(ctx: RunContext, entity: str, query: ListQuery, kind: str = "xlsx") -> bytes:
    """All rows of a list, with the columns it shows, under their labels."""
    demand(ctx, entity, "export")
    page = list_records(ctx, entity, replace(query, page_size=0, cursor="", count="", totals=False))
    columns = list(zip(*page.rows, strict=True))[1:] if page.rows else [()] * len(page.columns)
    rows = zip(*(_shaped(ctx, *each) for each in zip(page.columns, columns, strict=True)), strict=True)
    header = [column.label for column in page.columns]
    return write_csv(header, rows) if kind == "csv" else write_xlsx(label_of(ctx, entity), header, rows)


def _shaped(ctx: RunContext, column: ListColumn, cells: Sequence[Any]) -> Sequence[Any]:
    """The cells of a column as a sheet has them; those that repeat are made once."""
    kinds = {*map(type, cells)} - NOTHING
    if kinds <= AS_THEY_ARE and not (column.field.options and str in kinds):
        return cells
    shape = _shape(ctx, column)
    if len(kinds) == 1 and kinds <= REPEATED:  # equal cells of different kinds would be taken for each other
        made = {cell: shape(cell) for cell in {*cells}}
        return [*map(made.__getitem__, cells)]
    return [*map(shape, cells)]


NOTHING = frozenset((type(None),))
AS_THEY_ARE = frozenset((str, int, Decimal, date))
REPEATED = frozenset((str, bool, datetime))


def _shape(ctx: RunContext, column: ListColumn) -> Callable[[Any], Any]:
    """From a cell of a list to one of a sheet."""
    labels = {o.id: o.label.get(ctx.language) for o in column.field.options}
    zone = ZoneInfo(ctx.app.model.timezone)
    words = ("是", "否") if ctx.language == "zh" else ("yes", "no")

    def shape(value: Any) -> Any:
        if isinstance(value, Named):
            return str(value)
        if isinstance(value, bool):
            return words[0] if value else words[1]
        if isinstance(value, datetime):
            return value.astimezone(zone).replace(tzinfo=None)
        if isinstance(value, tuple):
            return ", ".join(labels.get(one, str(one)) for one in value)
        if isinstance(value, str):
            return labels.get(value, value)
        if value is None or not isinstance(value, (Ref, dict, list)):
            return value if not hasattr(value, "numerator") or isinstance(value, int) else str(value)
        return str(format_value(column.field, value))

    return shape


def dump(ctx: RunContext, entity: str, kind: str = "csv") -> bytes:
    """Whole records, lines included, under field ids: what ``importing`` reads. One row a line of the record."""
    demand(ctx, entity, "export")
    demand(ctx, entity, READ)
    described = ctx.app.model.entities[entity]
    paths = list(_dumped(ctx, described))
    rows = (row for some in _chunks(ctx, entity) for row in _flat(ctx, described, paths, some))
    header = [path for path, _ in paths]
    return write_csv(header, rows) if kind == "csv" else write_xlsx(label_of(ctx, entity), header, rows)


def _dumped(ctx: RunContext, entity: Entity) -> Iterator[tuple[str, Field]]:
    if "status" in entity.fields and entity.workflow is not None:
        yield "status", entity.fields["status"]
    hidden = rights(ctx, entity.id).hidden
    for path, field in importable(ctx, entity):
        if path not in hidden:
            yield path, field


def _chunks(ctx: RunContext, entity: str) -> Iterator[list[Row]]:
    """Visible records in order of ids, a thousand at a time."""
    table = ctx.app.tables.entity[entity]
    condition = row_condition(ctx, entity)
    last = 0
    while True:
        query = select(table.c.id).where(table.c.id > last, table.c.deleted_at.is_(None))
        if condition is not None:
            query = query.where(condition)
        ids = list(ctx.connection.execute(query.order_by(table.c.id).limit(CHUNK)).scalars())
        if not ids:
            return
        found = load_rows(ctx, entity, ids)
        yield [found[i] for i in ids]
        last = ids[-1]


def _flat(
    ctx: RunContext, entity: Entity, paths: Sequence[tuple[str, Field]], records: Sequence[Row]
) -> Iterator[list[Any]]:
    """The rows of records: the first line stands beside the header's values, all repeat the code."""
    names = titles(ctx, _named(paths, records))
    several = list(dict.fromkeys(path.partition(".")[0] for path, _ in paths if "." in path))
    for record in records:
        depth = max([1, *(len(record.get(name) or ()) for name in several)])
        for index in range(depth):
            yield [_cell(field, _at(record, path, index), names) for path, field in paths]


def _at(record: Row, path: str, index: int) -> Any:
    first, _, rest = path.partition(".")
    if not rest:
        shown = index == 0 or path == "code"
        return record.get(first + ENTERED, record.get(first)) if shown else None
    lines = record.get(first) or ()
    line = lines[index] if index < len(lines) else {}
    return line.get(rest + ENTERED, line.get(rest))


def _named(paths: Sequence[tuple[str, Field]], records: Sequence[Row]) -> Iterator[tuple[str, int]]:
    for path, field in paths:
        targets = field.targets or field.value.targets
        if field.value.kind is not Kind.REFERENCE or not targets:
            continue
        first, _, rest = path.partition(".")
        for record in records:
            for row in record.get(first) or () if rest else (record,):
                value = row.get(rest or first)
                for one in value if isinstance(value, tuple) else (value,):
                    if isinstance(one, Ref):
                        yield one.entity, one.id
                    elif isinstance(one, int):
                        yield targets[0], one


def _cell(field: Field, value: Any, names: Titles) -> Any:
    if field.value.kind is Kind.REFERENCE:
        targets = field.targets or field.value.targets
        if isinstance(value, tuple):
            return ",".join(_code(names, targets[0], one) for one in value)
        return _code(names, targets[0], value) if value is not None else ""
    if isinstance(value, tuple):
        return ",".join(str(format_value(field, one)) for one in value)
    shown = format_value(field, value)
    return "" if shown is None else shown


def _code(names: Mapping[tuple[str, int], Mapping[str, Any]], target: str, value: Any) -> str:
    key = (value.entity, value.id) if isinstance(value, Ref) else (target, value)
    row = names.get(key, {})
    return str(row.get("code") or row.get("name") or key[1])


def template(ctx: RunContext, entity: str) -> bytes:
    """An empty sheet with a heading for everything one may bring."""
    demand(ctx, entity, "create")
    described = ctx.app.model.entities[entity]
    header = []
    for path, field in importable(ctx, described):
        label = field.label.get(ctx.language)
        owner = described.fields[path.partition(".")[0]].label.get(ctx.language)
        header.append(f"{owner}.{label}" if "." in path else label)
    return write_xlsx(label_of(ctx, entity), header, [])
