"""What a saved structure must not be: made of itself, or with a loss percentage on whole pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.model import Structure
from engine.planning.structure import LossOnPieces, StructureCycle, check_losses, edges_of, low_levels
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.permissions import label_of
from runtime.planning_structure import Scope, ends_of, items_of, load
from runtime.record_inputs import Workspace
from runtime.record_texts import record_title
from runtime.values import Ref

Row = dict[str, Any]


def check_structures(ctx: RunContext, entity: str, records: Sequence[Row]) -> None:
    """Refuse saved records of ``entity`` that break a structure made of them; call after they are stored."""
    for declared in ctx.app.model.structures.values():
        if declared.entity == entity:
            _check(ctx, declared, records)


def _check(ctx: RunContext, declared: Structure, records: Sequence[Row]) -> None:
    ends = ends_of(ctx, declared)
    made = [record.get(declared.makes) for record in records]
    products = items_of(_key(ends.makes, ends.stocked, value) for value in made)
    if not products:
        return
    structure = load(ctx, declared.id, Scope(items=products))
    saved = {record["id"] for record in records}
    try:
        low_levels(edges_of(structure))
        check_losses(v for versions in structure.versions.values() for v in versions if v.id in saved)
    except StructureCycle as cycle:
        path = titled(ctx, ends.stocked, cycle.path)
        raise Invalid(fault(ctx, "structure_cycle", declared.lines, path=path)) from None
    except LossOnPieces as wrong:
        title = titled(ctx, ends.stocked, [wrong.line.item])
        label = label_of(ctx, ends.stocked)
        raise Invalid(fault(ctx, "structure_loss", declared.lines, label=label, title=title)) from None


def _key(makes: Sequence[str], stocked: str, value: object) -> object:
    if isinstance(value, Ref):
        return value.id if value.entity == stocked else value
    return Ref(makes[0], value) if isinstance(value, int) and makes[0] != stocked else value


def titled(ctx: RunContext, stocked: str, keys: Iterable[object]) -> str:
    """The way round, with the names people know."""
    at, path = Workspace(ctx), list(keys)
    at.need(stocked, (key for key in path if isinstance(key, int)))
    rows = [at.known(stocked, key) or {"id": key} for key in path]
    return " → ".join(record_title(ctx.app.model, stocked, row) for row in rows)
