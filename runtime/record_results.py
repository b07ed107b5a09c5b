"""What came of writing records: ids and warnings, what was wrong, and the record as it stands for what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from engine.model import Entity
from runtime.columns import is_link
from runtime.context import RunContext
from runtime.errors import Fault, Invalid
from runtime.record_drafts import Batch
from runtime.record_inputs import Workspace
from runtime.record_rows import reader

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A record as this transaction has just left it, and what was read of others on the way.

    Nobody else sees or changes it before the transaction ends, so whoever goes on with it need not read it again.
    """

    row: Row
    at: Workspace


class Saved(NamedTuple):
    """What came of writing one record. ``written``: the record itself, of whoever writes a single one."""

    id: int
    version: int
    code: str
    warnings: tuple[Fault, ...] = ()
    written: Written | None = None


class Rejected(Invalid):
    """Some records of a batch are wrong. ``by_record``: faults by index in the batch.

    Paths count records as people do: ``1.unit`` is the first of several, as ``lines.1.unit`` is the first line.
    """

    def __init__(self, by_record: Mapping[int, Sequence[Fault]], *, several: bool) -> None:
        named = [
            replace(f, field=f"{index + 1}.{f.field}".rstrip(".")) if several else f
            for index, faults in sorted(by_record.items())
            for f in faults
        ]
        super().__init__(*named)
        self.by_record = by_record


def refuse_faulty(batch: Batch) -> None:
    """Nothing is written as long as anything is wrong."""
    if batch.faults:
        by_record: dict[int, list[Fault]] = {}
        for index, one in batch.faults:
            by_record.setdefault(index, []).append(one)
        raise Rejected(by_record, several=len(batch.headers) > 1)


def whole(ctx: RunContext, entity: Entity, row: Row) -> Row:
    """The record with every field it has when it is read: what nobody gave is empty."""
    empty, lines, links = ctx.app.programs.keep(("whole", entity.id), lambda: _parts(ctx, entity))
    made: Row = {**empty, **row}
    for name, inner in lines:
        made[name] = [whole(ctx, inner, line) for line in row.get(name) or ()]
    for name in links:
        made[name] = row.get(name) or ()
    return made


def _parts(ctx: RunContext, entity: Entity) -> tuple[Row, list[tuple[str, Entity]], list[str]]:
    """A record of which nothing is known, its lines, and its fields kept in tables of their own."""
    fields = entity.fields.values()
    lines = [(one.id, ctx.app.model.entities[one.lines]) for one in fields if one.lines]
    return dict.fromkeys(reader(ctx, entity.id).fields()), lines, [one.id for one in fields if is_link(one)]
