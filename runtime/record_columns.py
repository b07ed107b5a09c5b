"""Many new records at once, given as columns: the same readings as one by one, a column at a time.

A file has tens of thousands of rows of a dozen columns; reading it record by record would mostly be calling. What a
column has no quick reading for is taken record by record, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.expressions.types import Kind
from engine.model import Field
from runtime.context import RunContext
from runtime.prepared_values import taking
from runtime.record_drafts import Batch, Draft, quick_lanes, take_other
from runtime.record_lanes import Lane
from runtime.records import Saved, make, open_batch
from runtime.values import BY_TYPE, Refusal, most_letters, refused

Columns = Mapping[str, Sequence[Any]]
"""Raw values of all records by field; ``None`` where a record says nothing."""
Values = list[Any]
Refusals = list[tuple[int, Refusal]]


def create_columns(
    ctx: RunContext, entity: str, columns: Columns, count: int, *, kind: str = "create", strict: bool = True
) -> list[Saved]:
    """Like ``records.create_many``, for records given as columns."""
    batch = open_batch(ctx, entity, kind, strict=strict)
    add_columns(batch, columns, count)
    return make(batch, kind)


def add_columns(batch: Batch, columns: Columns, count: int) -> None:
    """Drafts of ``count`` new records."""
    part = batch.plan.header
    quick = {name: lane for name, lane in quick_lanes(batch, part).items() if not lane[2]}
    read: dict[str, Values] = {}
    refusals: list[tuple[str, int, Refusal]] = []
    for name, raws in columns.items():
        lane = quick.get(name)
        if lane is not None:
            read[name], refused_here = read_column(batch.ctx, lane, raws)
            refusals += [(name, place, refusal) for place, refusal in refused_here]
    rows = _rows(read, count)
    drafts = [Draft(row, None, set(row), "", number) for number, row in enumerate(rows)]
    batch.headers.extend(drafts)
    for name, place, refusal in refusals:
        drafts[place].given.add(name)
        batch.faults.append((place, refused(batch.ctx, quick[name][0], refusal, name)))
    for name, raws in columns.items():
        if name not in quick:
            for draft, raw in zip(drafts, raws, strict=True):
                if raw is not None:
                    take_other(batch, part, draft, name, raw)
    for each in part.lines:
        for row in rows:
            row.setdefault(each.id, [])


def _rows(columns: Mapping[str, Values], count: int) -> list[dict[str, Any]]:
    kinds = {name: {*map(type, column)} for name, column in columns.items()}  # asking whether None is in it costs more
    given = {name: column for name, column in columns.items() if kinds[name] != NOTHING}
    names, rows = tuple(given), zip(*given.values(), strict=True)
    if not given:
        return [{} for _ in range(count)]
    if all(kinds[name].isdisjoint(NOTHING) for name in names):
        return list(map(taking([None] * len(names), names), rows))
    return [{name: value for name, value in zip(names, values, strict=True) if value is not None} for values in rows]


def read_column(ctx: RunContext, lane: Lane, raws: Sequence[Any]) -> tuple[Values, Refusals]:
    """What the raw values of a column are, and which of them are refused, with their places."""
    kinds = set(map(type, raws))
    kinds.discard(type(None))
    if not kinds:
        return [None] * len(raws), []
    if len(kinds) == 1:  # equal values of different kinds (1 and True) would be taken for each other
        (kind,) = kinds
        if kind is str and _is_plain_text(lane[0]):
            texts = _texts(lane[0], raws)
            if texts is not None:
                return texts, []
        if kind in REMEMBERED:
            return _each_once(ctx, lane[1], raws)
    return _one_by_one(ctx, lane[1], raws)


REMEMBERED = (str, int, float, bool)
NOTHING = frozenset((type(None),))


def _is_plain_text(field: Field) -> bool:
    return field.value.kind is Kind.TEXT and not (field.many or field.value.many or field.type in BY_TYPE)


def _texts(field: Field, raws: Sequence[Any]) -> Values | None:
    """Texts without anything remarkable; ``None`` where one needs a closer look."""
    texts: Values = [None if raw is None else raw.strip() or None for raw in raws]
    told = list(filter(None, texts))
    if told and (len(max(told, key=len)) > most_letters(field) or not "".join(told).isprintable()):
        return None
    return texts


def _each_once(
    ctx: RunContext, read: Callable[[RunContext, object], object], raws: Sequence[Any]
) -> tuple[Values, Refusals]:
    """Columns repeat their values: each different one is read once."""
    different = set(raws)
    if len(different) > len(raws) // 2:
        return _one_by_one(ctx, read, raws)
    made: dict[Any, Any] = {None: None}
    wrong: dict[Any, Refusal] = {}
    for raw in different:
        if raw is not None:
            try:
                made[raw] = read(ctx, raw)
            except Refusal as refusal:
                made[raw], wrong[raw] = None, refusal
    values = list(map(made.__getitem__, raws))
    return values, [(place, wrong[raw]) for place, raw in enumerate(raws) if raw in wrong] if wrong else []


def _one_by_one(
    ctx: RunContext, read: Callable[[RunContext, object], object], raws: Sequence[Any]
) -> tuple[Values, Refusals]:
    values: Values = []
    wrong: Refusals = []
    for place, raw in enumerate(raws):
        try:
            values.append(None if raw is None else read(ctx, raw))
        except Refusal as refusal:
            values.append(None)
            wrong.append((place, refusal))
    return values, wrong


__all__ = ["Columns", "create_columns", "read_column"]
