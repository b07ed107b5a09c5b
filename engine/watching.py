"""What an expression of a record watches: the fields, ledgers and clock that can make it come out differently.

Where ``dependencies`` follows stored formulas, this follows any expression, through live formulas down to what they
read. The way from what changed to the record is a route of the same steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.dependencies import Key, Reader, Route
from engine.expressions.tree import Balance, Clock, Expr, Node, Path, walk
from engine.model import AppModel, Entity, Ledger

DEEPEST = 8
"""How many live formulas may stand on each other before only the daily look sees further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerWatch:
    """A ledger's balance that is read: ``pairs`` of dimension and path on the record at the start of ``route``.

    ``entity``: of that record. The balance matters to records whose paths have the values that a move has.
    """

    ledger: str
    entity: str
    pairs: tuple[tuple[str, tuple[str, ...]], ...]
    route: Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What an expression reads. ``clock``: ``today`` or ``now`` makes it come out differently without any write."""

    cells: Mapping[Key, tuple[Route, ...]]
    ledgers: tuple[LedgerWatch, ...]
    clock: bool


def watched(model: AppModel, entity: str, exprs: tuple[Expr, ...]) -> Watched:
    """What the expressions of a record of ``entity`` read."""
    reader = _Watcher(model.entities, entity, measures=model.ledgers)
    for expr in exprs:
        reader.node(expr.tree, ())
    cells: dict[Key, list[Route]] = {}
    for key, route in reader.found:
        cells.setdefault(key, []).append(route)
    return Watched(
        cells={key: tuple(routes) for key, routes in cells.items()},
        ledgers=tuple(dict.fromkeys(reader.ledgers)),
        clock=reader.clock,
    )


@dataclass(slots=True)
class _Watcher(Reader):
    measures: Mapping[str, Ledger] = field(default_factory=dict)
    ledgers: list[LedgerWatch] = field(default_factory=list)
    clock: bool = False
    depth: int = 0

    def node(self, node: Node, back: Route) -> None:
        """Walk a tree; ledgers and the clock are noted beside the fields."""
        if isinstance(node, Clock):
            self.clock = True
        elif isinstance(node, Balance):
            self._balance(node, back)
        else:
            Reader.node(self, node, back)

    def path(self, path: Path, back: Route) -> Route | None:
        """A path that ends at a live formula reads what the formula reads."""
        route = Reader.path(self, path, back)
        if route is None or not path.steps or self.depth >= DEEPEST:
            return route
        owner = _owner(self.entities, path)
        spec = owner.fields.get(path.steps[-1]) if owner else None
        if owner is not None and spec is not None and spec.formula is not None and not spec.stored:
            self._live(spec.formula.tree, _way(self.entities, path, back))
        return route

    def _live(self, tree: Node, back: Route) -> None:
        self.depth += 1
        self.node(tree, back)
        self.depth -= 1

    def _balance(self, node: Balance, back: Route) -> None:
        pairs, entity = [], self.home
        for name, value in node.dimensions:
            if isinstance(value, Path) and value.root in ("record", "this"):
                pairs.append((name, value.steps))
                entity = value.entity or entity
            self.node(value, back)
        watch = tuple(pairs)
        for ledger in _ledgers_of(self.measures, node):
            self.ledgers.append(LedgerWatch(ledger=ledger, entity=entity, pairs=watch, route=back))


def _ledgers_of(ledgers: Mapping[str, Ledger], node: Balance) -> list[str]:
    """The ledger asked, and those its measure reads beside it."""
    measure = ledgers[node.ledger].measures.get(node.measure) if node.ledger in ledgers else None
    named = [node.ledger]
    if measure is not None:
        roots = (n.root.partition(".")[0] for n in walk(measure.formula.tree) if isinstance(n, Path))
        named.extend(root for root in roots if root in ledgers)
    return list(dict.fromkeys(named))


def _owner(entities: Mapping[str, Entity], path: Path) -> Entity | None:
    """The entity whose field a path ends at."""
    here = entities.get(path.entity)
    for step in path.steps[:-1]:
        if here is None:
            return None
        spec = here.fields.get(step)
        target = here.parent if step == "parent" else (spec.targets[0] if spec and spec.targets else "")
        here = entities.get(target)
    return here


def _way(entities: Mapping[str, Entity], path: Path, back: Route) -> Route:
    """The way home from the record a path ends at."""
    reader = Reader(entities, path.entity)
    if len(path.steps) == 1:
        return back if path.root == "record" else ()
    before = Path(root="record", entity=path.entity, steps=path.steps[:-1], type=path.type)
    return reader.base_route(before, back if path.root == "record" else ())
