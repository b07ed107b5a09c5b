"""The order in which a record's own values come about: defaults, fills, base quantities and formulas as one graph.

Made once per entity. A step computes one field of the record or of its lines from other fields of the same record
and from records they name; steps stand in dependency order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Any

from engine.expressions.operators import key_of
from engine.expressions.tree import Aggregate, Convert, Expr, Node, Path, Rows, UnitRatio, walk
from engine.expressions.types import Kind
from engine.model import AppModel, Entity, Field
from runtime.columns import is_link
from runtime.context import RunContext
from runtime.record_rows import Writer, plain_columns, writers
from runtime.sort_keys import sorted_fields

Cell = tuple[str, str]
"""(entity id, field id)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One derived field. ``kind``: ``default``, ``fill``, ``base`` (quantity into base units) or ``formula``.

    ``per_base``: a price taken from the thing itself, so per its base unit.
    """

    entity: str
    field: Field
    kind: str
    expr: Expr | None
    reads: frozenset[Cell]
    per_base: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityPart:
    """What the write door needs to know of one table of a record, looked up once. ``named``: texts with a key by which
    they are put in order."""

    entity: Entity
    writers: Mapping[str, Writer]
    plain: Mapping[str, tuple[str, ...]]
    links: tuple[Field, ...]
    lines: tuple[Field, ...]
    given: Mapping[str, Field]
    formulas: frozenset[str]
    references: tuple[Field, ...]
    made: tuple[Field, ...]
    named: tuple[str, ...]
    checked: tuple[Field, ...]
    files: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPlan:
    """A record with its lines: the parts (the header first) and the steps over all of them.

    ``unmoved``: whether no step reads the state, so that nothing else of a record follows from it. ``shadowed``:
    whether the record itself keeps what was entered in another unit.
    """

    entity: Entity
    parts: Mapping[str, EntityPart]
    steps: tuple[Step, ...]
    unmoved: bool = False
    shadowed: bool = False
    cache: dict[str, Any] = dataclass_field(default_factory=dict)

    @property
    def header(self) -> EntityPart:
        """The part of the record itself."""
        return self.parts[self.entity.id]


def record_plan(ctx: RunContext, entity: str) -> RecordPlan:
    """The plan of an entity that is not a lines entity."""
    return ctx.app.programs.keep(("plan", entity), lambda: make_plan(ctx.app.model, entity))


def make_plan(model: AppModel, entity: str) -> RecordPlan:
    """Derive the plan from the model."""
    header = model.entities[entity]
    inside = list(_with_lines(model, header))
    parts = {e.id: _part(e) for e in inside}
    steps = [_priced(model, step) for e in inside for step in _steps(e, frozenset(parts))]
    unmoved = all((entity, "status") not in step.reads for step in steps)
    shadowed = any(field.unit_field for field in header.fields.values())
    return RecordPlan(entity=header, parts=parts, steps=tuple(_sorted(steps)), unmoved=unmoved, shadowed=shadowed)


def _with_lines(model: AppModel, entity: Entity) -> Iterator[Entity]:
    yield entity
    for field in entity.fields.values():
        if field.lines:
            yield from _with_lines(model, model.entities[field.lines])


def _part(entity: Entity) -> EntityPart:
    fields = entity.fields.values()
    references = tuple(f for f in fields if refers(f))
    return EntityPart(
        entity=entity,
        writers=writers(entity),
        plain=plain_columns(entity),
        links=tuple(f for f in fields if is_link(f)),
        lines=tuple(f for f in fields if f.lines),
        given={f.id: f for f in fields if f.formula is None},
        formulas=frozenset(f.id for f in fields if f.formula is not None),
        references=references,
        made=tuple(f for f in references if f.create is not None),
        named=sorted_fields(entity),
        checked=tuple(f for f in fields if _is_checked(f)),
        files=tuple(f for f in fields if f.value.kind is Kind.FILE and f.formula is None),
    )


def refers(field: Field) -> bool:
    """Whether a field names records that somebody picks."""
    return field.value.kind is Kind.REFERENCE and not field.lines and field.formula is None


def _is_checked(field: Field) -> bool:
    """Whether anything is asked of the field's value."""
    if field.retired:
        return False
    bounded = field.minimum is not None or field.maximum is not None
    locked = field.readonly is not False and field.formula is None  # nobody can give what is computed
    return refers(field) or bounded or locked or field.required is not False


def _steps(entity: Entity, inside: frozenset[str]) -> Iterator[Step]:
    for field in entity.fields.values():
        if field.formula is not None:
            if not field.live:
                yield _step(entity, field, "formula", field.formula, inside)
            continue
        if field.fill is not None:
            yield _step(entity, field, "fill", field.fill, inside)
        if field.default is not None:
            yield _step(entity, field, "default", field.default, inside)
        if field.value.kind is Kind.QUANTITY and field.unit_field:
            yield Step(entity=entity.id, field=field, kind="base", expr=None, reads=_unit_reads(entity, field))


def _priced(model: AppModel, step: Step) -> Step:
    """Mark fills of a price per chosen unit with a price per base unit, and let them follow the unit."""
    if step.kind != "fill" or not step.field.per_field or step.expr is None:
        return step
    tree = step.expr.tree
    based = _is_own_price(model, tree) if isinstance(tree, Path) else _is_base_price(step, step.expr)
    return replace(step, per_base=True, reads=step.reads | {(step.entity, step.field.per_field)}) if based else step


def _is_own_price(model: AppModel, path: Path) -> bool:
    """Whether a path ends at a price which a measured thing has of itself, so per its base unit."""
    entity = model.entities[path.entity]
    for name in path.steps[:-1]:
        above = entity.parent if name == "parent" else (entity.fields[name].targets or ("",))[0]
        entity = model.entities[above]
    source = entity.fields.get(path.steps[-1])
    return source is not None and entity.measured is not None and source.per_field == entity.measured.unit


def _is_base_price(step: Step, expr: Expr) -> bool:
    """Whether an expression gives a price per base unit: it does where prices per several units meet, and over sets;
    not where all its prices are per the unit that the filled price is for."""
    if key_of(expr.type) != "price" or not expr.inputs:
        return False
    nodes = list(walk(expr.tree))
    if any(isinstance(node, (Aggregate, Convert)) for node in nodes):
        return True
    prices = [node for node in nodes if isinstance(node, Path) and key_of(node.type) == "price"]
    return not prices or any(len(path.steps) > 1 or path.entity != step.entity for path in prices)


def _unit_reads(entity: Entity, field: Field) -> frozenset[Cell]:
    first = (path.split(".", 1)[0] for path in (field.unit_field, field.of_field) if path and path != "this")
    return frozenset((entity.id, name) for name in first)


def _step(entity: Entity, field: Field, kind: str, expr: Expr, inside: frozenset[str]) -> Step:
    return Step(entity=entity.id, field=field, kind=kind, expr=expr, reads=local_reads(expr, inside))


def local_reads(expr: Expr, inside: frozenset[str]) -> frozenset[Cell]:
    """The fields of the record itself (header or lines) that an expression reads."""
    cells = {cell for node in walk(expr.tree) for path in _paths(node) for cell in _cells(path)}
    lines = {(node.rows.entity, "id") for node in walk(expr.tree) if isinstance(node, Aggregate)}
    return frozenset(cell for cell in cells | lines if cell[0] in inside)


def _paths(node: Node) -> Iterator[Path]:
    match node:
        case Path():
            yield node
        case UnitRatio():
            yield node.item
            yield node.unit
        case Aggregate(rows=Rows(base=Path() as base)):
            yield base


def _cells(path: Path) -> Iterator[Cell]:
    if path.root in ("record", "this") and path.steps:
        if path.steps[0] == "parent" and len(path.steps) > 1:
            yield (path.entity.rpartition(".")[0], path.steps[1])
        else:
            yield (path.entity, path.steps[0])


def _sorted(steps: Iterable[Step]) -> list[Step]:
    """Dependency order. Several steps of one field go default, fill, base; a cycle keeps the order of declaration."""
    rank = {"fill": 0, "default": 1, "base": 2, "formula": 3}
    waiting = sorted(steps, key=lambda s: rank[s.kind])
    by_cell: dict[Cell, list[Step]] = {}
    for step in waiting:
        by_cell.setdefault((step.entity, step.field.id), []).append(step)
    done: dict[int, None] = {}
    order: list[Step] = []

    def visit(step: Step) -> None:
        if id(step) in done:
            return
        done[id(step)] = None
        for cell in sorted(step.reads):
            for earlier in by_cell.get(cell, ()):
                visit(earlier)
        for earlier in by_cell[step.entity, step.field.id]:
            if rank[earlier.kind] < rank[step.kind]:
                visit(earlier)
        order.append(step)

    for step in waiting:
        visit(step)
    return order
