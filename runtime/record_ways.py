"""How a path of a record at hand is followed, found out once: from reference to reference to a field that stands there.

Paths that need more (formulas computed as they are read, lines, references to several kinds of records) have no way
here; ``record_inputs`` follows them step by step.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.expressions.tree import Path
from engine.model import AppModel, Field
from runtime.columns import is_link

ROOTS = ("record", "this")


class Way(NamedTuple):
    """``hops``: (field, the entity it names), one after the other; ``last``: the field to be read at the end."""

    hops: tuple[tuple[str, str], ...]
    last: str


def way_of(model: AppModel, node: Path) -> Way | None:
    """The way of a path that reads nothing but stored fields; ``None``: there is none."""
    if node.root not in ROOTS or node.entered or node.entity not in model.entities:
        return None
    hops: list[tuple[str, str]] = []
    entity = node.entity
    for step in node.steps[:-1]:
        target = _target(model, entity, step)
        if not target:
            return None
        hops.append((step, target))
        entity = target
    last = node.steps[-1] if node.steps else "id"
    field = model.entities[entity].fields.get(last)
    if last == "parent" or (field is not None and not _stands(field)):
        return None
    return Way(tuple(hops), last)


def _target(model: AppModel, entity: str, step: str) -> str:
    if step == "parent":
        return model.entities[entity].parent
    field = model.entities[entity].fields.get(step)
    if field is None or not _stands(field):
        return ""
    targets = field.targets or field.value.targets
    return targets[0] if len(targets) == 1 else ""


def _stands(field: Field) -> bool:
    """Whether the record itself holds the field's value."""
    return not (field.live or field.lines or is_link(field))
