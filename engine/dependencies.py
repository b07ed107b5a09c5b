"""The graph of stored formulas: what must be computed again when a field of a record changes, and how it is reached.

``dependents(model)`` answers "record R of entity E changed its field F": the computed fields that read it, each with
the route from R to the records to compute. A route is a sequence of steps; each takes a set of record ids to another:

* ``parent_to_lines``: owners → their rows in ``entity`` (a lines entity)
* ``lines_to_parent``: rows of ``entity`` → their owners
* ``reference_reverse``: records → records of ``entity`` whose reference (or one of whose references) ``field`` names
* ``follow``: records of ``entity`` → the records that their reference ``field`` names, before and after the change
* ``matching``: records of ``entity`` (rows) → records of ``target`` whose paths equal those of the row (``pairs``)
* ``all``: → every record of ``entity``

A set that a formula runs over also depends on rows coming and going: those stand under ``(entity, ROWS)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.expressions.tree import Aggregate, Binary, Node, Path, Rows, UnitRatio, children
from engine.frozen import Frozen
from engine.model import AppModel, Entity, Field

ROWS = "*"
"""Stands for the coming, going and moving of rows of an entity."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a route. ``pairs`` (``matching``): path on the row, path on the record."""

    kind: str
    entity: str
    field: str = ""
    target: str = ""
    pairs: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()


Route = tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependent:
    """A computed field that reads the source, the way to its records, and its place in the order of computing."""

    entity: str
    field: str
    route: Route
    level: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """``of``: (entity, field) that changed → dependents. ``levels``: (entity, field) computed → level, lowest first.

    Along a structure a field of a higher level is read by one of a lower: computing goes on until nothing changes.
    """

    of: Mapping[Key, tuple[Dependent, ...]]
    levels: Mapping[Key, int]

    @property
    def order(self) -> tuple[Key, ...]:
        """All computed fields, those that others need first."""
        return tuple(sorted(self.levels, key=lambda key: self.levels[key]))


def dependents(model: AppModel) -> Graph:
    """The graph of a model's stored formulas."""
    return build_graph(model.entities)


def build_graph(entities: Mapping[str, Entity]) -> Graph:
    """The graph over entities."""
    reads = {
        (entity.id, each.id): tuple(_reads(entities, entity.id, each))
        for entity in entities.values()
        for each in entity.fields.values()
        if each.formula is not None and each.stored
    }
    levels = _levels(entities, reads)
    found: dict[Key, dict[Dependent, None]] = {}
    for (entity_id, field_id), sources in reads.items():
        for source, route in sources:
            here = Dependent(entity=entity_id, field=field_id, route=route, level=levels[entity_id, field_id])
            found.setdefault(source, {})[here] = None
    return Graph(
        of=Frozen({key: tuple(sorted(each, key=lambda d: d.level)) for key, each in found.items()}),
        levels=Frozen(levels),
    )


@dataclass(slots=True)
class Reader:
    """Collects what one formula reads. ``back``: route from the record that bare names stand for to the formula's."""

    entities: Mapping[str, Entity]
    home: str
    found: dict[tuple[Key, Route], None] = field(default_factory=dict)

    def note(self, entity: str, name: str, route: Route) -> None:
        self.found[(entity, name), route] = None

    def node(self, node: Node, back: Route) -> None:
        """Walk a tree; ``back`` is the way home from the row (empty: the record itself)."""
        if isinstance(node, Path):
            self.path(node, back)
        elif isinstance(node, Aggregate):
            self.aggregate(node, back)
        elif isinstance(node, UnitRatio):
            self.ratio(node, back)
        else:
            for child in children(node):
                self.node(child, back)

    def path(self, path: Path, back: Route) -> Route | None:
        """Note every field a path reads; the way home from the record its last step stands on."""
        if path.root == "settings":
            if len(path.steps) > 1:
                self.note(path.steps[0], path.steps[1], (Step(kind="all", entity=self.home),))
            return None
        if path.root not in ("record", "this") or not path.entity:
            return None
        route = back if path.root == "record" else ()
        heres: tuple[str, ...] = (path.entity,)
        for index, step in enumerate(path.steps):
            route, heres = self._walk(step, heres, route, last=index == len(path.steps) - 1)
        return route

    def _walk(self, step: str, heres: tuple[str, ...], route: Route, *, last: bool) -> tuple[Route, tuple[str, ...]]:
        """One step of a path: what it reads on each entity, and the way home from what it leads to."""
        entity = self.entities[heres[0]]
        if step == "parent" and entity.parent:
            down = Step(kind="parent_to_lines", entity=entity.id, field=entity.parent_field)
            return (down, *route), (entity.parent,)
        for here in heres:
            self.note(here, step, route)
        spec = entity.fields.get(step)
        if spec is None:
            return route, ()
        if spec.lines:
            return route, (spec.lines,)
        if last:
            return route, spec.targets
        return (Step(kind="reference_reverse", entity=heres[0], field=step), *route), spec.targets

    def aggregate(self, node: Aggregate, back: Route) -> None:
        """The set a formula runs over: the way to it, its rows, and what it reads of them."""
        way = self.rows(node.rows, node.where, back)
        self.note(node.rows.entity, ROWS, way)
        for inner in children(node):
            self.node(inner, way)

    def rows(self, rows: Rows, where: Node | None, back: Route) -> Route:
        """The way home from a row of the set."""
        base: Route = back
        owner = self.home
        if rows.base is not None and not rows.base.entity:  # a table of a setting: it concerns every record
            return (Step(kind="all", entity=self.home),)
        if rows.base is not None:
            base, owner = self._base(rows.base, back)
        if rows.kind == "lines":
            return (Step(kind="lines_to_parent", entity=rows.entity, field=rows.by), *base)
        if rows.kind == "references":
            self.note(owner, rows.by, base)
            return (Step(kind="reference_reverse", entity=owner, field=rows.by), *base)
        if rows.kind == "reverse":
            return self._back(rows.entity, rows.by.split("."), base)
        pairs = tuple(_equalities(where)) if where is not None and not back else ()
        if rows.kind == "entity" and pairs:
            return (Step(kind="matching", entity=rows.entity, target=self.home, pairs=pairs),)
        return (Step(kind="all", entity=self.home),)

    def _back(self, entity: str, steps: list[str], base: Route) -> Route:
        """The way from a row along the path that points back; each of its references matters when it changes."""
        heres = [entity]
        for step in steps[:-1]:
            spec = self.entities[heres[-1]]
            heres.append(spec.parent if step == "parent" else spec.fields[step].targets[0])
        way = base
        for here, step in zip(reversed(heres), reversed(steps), strict=True):
            kind = "lines_to_parent" if step == "parent" else "follow"
            name = self.entities[here].parent_field if step == "parent" else step
            way = (Step(kind=kind, entity=here, field=name), *way)
            if step != "parent":
                self.note(here, step, way)
        return way

    def _base(self, base: Path, back: Route) -> tuple[Route, str]:
        """The way home from the record a set hangs on, and that record's entity."""
        if not base.steps:
            return (back if base.root == "record" else ()), base.entity or self.home
        route = back if base.root == "record" else ()
        heres: tuple[str, ...] = (base.entity,)
        for step in base.steps:
            route, heres = self._walk(step, heres, route, last=False)
        return route, heres[0] if heres else self.home

    def base_route(self, base: Path, back: Route) -> Route:
        """The way home from the record that a path of references ends at."""
        return self._base(base, back)[0]

    def ratio(self, node: UnitRatio, back: Route) -> None:
        """Units: the item, the unit, the item's own lines of units and the unit's ratio."""
        for path in (node.item, node.unit):
            self.path(path, back)
        item, unit = self._base(node.item, back), self._base(node.unit, back)
        measuring = self.entities[unit[1]].measuring if unit[1] in self.entities else None
        if measuring is not None and measuring.ratio:
            self.note(unit[1], measuring.ratio, unit[0])
        measured = self.entities[item[1]].measured if item[1] in self.entities else None
        if measured is not None and measured.units:
            rows = f"{item[1]}.{measured.units}"
            way = (Step(kind="lines_to_parent", entity=rows, field=measured.units), *item[0])
            for name in (measured.line_unit, measured.line_ratio, ROWS):
                self.note(rows, name, way)


def _reads(entities: Mapping[str, Entity], entity: str, spec: Field) -> Iterator[tuple[Key, Route]]:
    """Every (entity, field) that a formula reads, with the way from it to the formula's record."""
    assert spec.formula is not None
    reader = Reader(entities, entity)
    reader.node(spec.formula.tree, ())
    return iter(reader.found)


def _equalities(where: Node) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Conditions ``row path == this path`` that every row of the set meets."""
    if isinstance(where, Binary) and where.operator == "and":
        yield from _equalities(where.left)
        yield from _equalities(where.right)
    elif isinstance(where, Binary) and where.operator == "==":
        left, right = where.left, where.right
        if isinstance(left, Path) and isinstance(right, Path):
            roots = {left.root: left, right.root: right}
            if roots.keys() == {"record", "this"}:
                yield roots["record"].steps, roots["this"].steps


def _levels(entities: Mapping[str, Entity], reads: Mapping[Key, tuple[tuple[Key, Route], ...]]) -> dict[Key, int]:
    """How deep each computed field stands; what a structure closes to a circle is cut at the field with ``along``."""
    needs = {key: [source for source, _ in sources if source in reads] for key, sources in reads.items()}
    along = {key for key in reads if entities[key[0]].fields[key[1]].along}
    levels: dict[Key, int] = {}
    for start in [*(key for key in needs if key in along), *needs]:  # a circle is entered, so cut, at its `along`
        if start not in levels:
            _climb(start, needs, levels)
    return levels


def _climb(start: Key, needs: Mapping[Key, list[Key]], levels: dict[Key, int]) -> None:
    """Depth first with a stack of its own: chains of formulas may be long."""
    stack = [(start, iter(needs[start]))]
    open_keys = {start}
    while stack:
        key, rest = stack[-1]
        if key in levels:
            stack.pop()
            continue
        waiting = next((need for need in rest if need not in levels and need not in open_keys), None)
        if waiting is not None:
            open_keys.add(waiting)
            stack.append((waiting, iter(needs[waiting])))
            continue
        below = [levels[need] for need in needs[key] if need in levels]
        levels[key] = max(below, default=-1) + 1
        open_keys.discard(key)
        stack.pop()
