"""The axes of a report: paths, buckets, and what people call their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlalchemy import Text, type_coerce

from engine.expressions.tree import Path
from engine.expressions.types import TEXT, Kind, Type
from engine.model import Column, Option
from runtime import sort_keys
from runtime.context import RunContext
from runtime.figures import Rows
from runtime.permissions import LEDGER, rights
from runtime.record_rows import read_rows
from runtime.record_texts import record_title, value_text
from runtime.sql import typed
from runtime.sql_scope import Sql
from runtime.values import Ref

THIS = "this"


@dataclass(frozen=True, slots=True)
class End:
    """Where a path of the rows ends: its node, label, options of a choice, and the entities it may name."""

    path: str
    node: Path
    label: str
    options: Mapping[str, Option]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A range of a bucketed axis: above ``low`` up to and with ``high``."""

    low: Decimal | None
    high: Decimal | None

    def label(self, whole: bool) -> str:
        """How it reads; whole numbers begin one above."""
        if self.low is None:
            return f"≤ {_plain(self.high)}"
        if self.high is None:
            return f"> {_plain(self.low)}"
        first = self.low + 1 if whole else self.low
        return f"{_plain(first)}–{_plain(self.high)}"


def _plain(number: Decimal | None) -> str:
    return f"{number.normalize():f}" if number is not None else ""


def end_of(ctx: RunContext, of: str, path: str) -> End:
    """Where ``path`` ends, seen from a row of ``of`` (an entity or a ledger)."""
    if path == THIS:
        node = Path(root="record", entity=of, steps=(), type=Type(kind=Kind.REFERENCE, targets=(of,)))
        return End(path, node, ctx.app.model.entities[of].label.get(ctx.language), {}, (of,))
    entity, steps = of, tuple(path.split("."))
    for step in steps[:-1]:
        entity = _target(ctx, entity, step)
    return _last(ctx, of, steps, entity, path)


def _target(ctx: RunContext, entity: str, step: str) -> str:
    model = ctx.app.model
    if entity.startswith(LEDGER):
        return model.ledgers[entity.removeprefix(LEDGER)].dimensions[step].targets[0]
    if step == "parent":
        return model.entities[entity].parent
    field = model.entities[entity].fields[step]
    return (field.targets or field.value.targets)[0]


def _last(ctx: RunContext, of: str, steps: tuple[str, ...], entity: str, path: str) -> End:
    model, name = ctx.app.model, steps[-1]
    if entity.startswith(LEDGER):
        dimension = model.ledgers[entity.removeprefix(LEDGER)].dimensions[name]
        node = Path(root="record", entity=of, steps=steps, type=dimension.value)
        options = {option.id: option for option in dimension.options}
        return End(path, node, dimension.label.get(ctx.language), options, dimension.targets)
    if name == "parent":
        owner = model.entities[entity].parent
        node = Path(root="record", entity=of, steps=steps, type=Type(kind=Kind.REFERENCE, targets=(owner,)))
        return End(path, node, model.entities[owner].label.get(ctx.language), {}, (owner,))
    field = model.entities[entity].fields.get(name)
    if field is None:
        node = Path(root="record", entity=of, steps=steps, type=TEXT)
        return End(path, node, name, {}, ())
    node = Path(root="record", entity=of, steps=steps, type=field.value)
    options = {option.id: option for option in field.options}
    return End(path, node, field.label.get(ctx.language), options, field.targets or field.value.targets)


def is_hidden(ctx: RunContext, of: str, path: str) -> bool:
    """Whether a step of the path is hidden from the reader."""
    if path == THIS:
        return False
    entity = of
    steps = path.split(".")
    for index, step in enumerate(steps):
        if step in rights(ctx, entity).hidden:
            return True
        if index < len(steps) - 1:
            entity = _target(ctx, entity, step)
    return False


def key_columns(rows: Rows, end: End) -> list[Sql]:
    """The columns a path is grouped by: its value, and the entity where it may name several."""
    found = rows.compiler().path(end.node)
    columns = [typed(found, end.node.type)]
    if end.node.type.kind is Kind.REFERENCE and len(end.targets) > 1 and found.entity is not None:
        columns.append(type_coerce(found.entity, Text()))
    return columns


def bucket_of(column: Column, value: Any) -> Bucket | None:
    """The bucket a value falls into; ``None``: it is empty."""
    if value is None:
        return None
    number = value if isinstance(value, Decimal) else Decimal(value)
    low: Decimal | None = None
    for edge in column.edges:
        if number <= edge:
            return Bucket(low, edge)
        low = edge
    return Bucket(low, None)


def bucket_title(column: Column, bucket: Bucket, language: str) -> str:
    """What a bucket is called: its name, else its edges."""
    place = buckets(column).index(bucket) if bucket in buckets(column) else len(column.names)
    whole = column.buckets is not None and column.buckets.type.kind is not Kind.MONEY
    return column.names[place].get(language) if place < len(column.names) else bucket.label(whole)


def buckets(column: Column) -> list[Bucket]:
    """All buckets of an axis, in order."""
    edges: list[Decimal | None] = [None, *column.edges, None]
    return [Bucket(low, high) for low, high in pairwise(edges)]


class Names:
    """What people call the values of axes; records are read once for all of them."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self._titles: dict[tuple[str, int], str] = {}

    def read(self, end: End, values: Iterable[Any]) -> None:
        """Read the records that an axis names."""
        wanted: dict[str, set[int]] = {}
        for value in values:
            ref = _ref(end, value)
            if ref is not None:
                wanted.setdefault(ref.entity, set()).add(ref.id)
        for entity, ids in wanted.items():
            for record, row in read_rows(self.ctx, entity, ids).items():
                self._titles[entity, record] = record_title(self.ctx.app.model, entity, row)

    def text(self, end: End, value: Any) -> str:
        """What people call a value of an axis."""
        ref = _ref(end, value)
        if ref is not None:
            return self._titles.get((ref.entity, ref.id), f"#{ref.id}")
        option = end.options.get(str(value))
        return option.label.get(self.ctx.language) if option else value_text(self.ctx, value)

    def order(self, end: End, value: Any) -> tuple[Any, ...]:
        """Where a value stands among those of its axis: in the order of the words it is shown by, by pinyin."""
        return (sort_keys.sort_key(self.text(end, value)), sort_key(value))


def _ref(end: End, value: Any) -> Ref | None:
    if isinstance(value, Ref):
        return value
    if end.node.type.kind is Kind.REFERENCE and end.targets and isinstance(value, int):
        return Ref(end.targets[0], value)
    return None


def key_value(end: End, parts: Sequence[Any]) -> Any:
    """The value of an axis from its columns."""
    if len(parts) == 2 and parts[0] is not None:
        return Ref(parts[1], parts[0])
    return parts[0]


def sort_key(value: Any) -> tuple[bool, Any]:
    """Values of one axis in order, empties last."""
    if isinstance(value, Ref):
        return (False, (value.entity, value.id))
    if isinstance(value, bool):
        return (False, int(value))
    return (value is None, value if isinstance(value, (int, str, Decimal, date)) else str(value))
