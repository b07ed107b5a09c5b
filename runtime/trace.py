"""Where things came from and where they went: the genealogy over the ledgers' edges, as a graph.

Nodes are documents and *carriers*: records that a move is about and that outlive it (a lot, an order being worked on).
A dimension carries when only some things need it (a lot), else when it names a document or a line of one. The walk goes
from carrier to moves and along edges from move to move, one step for all at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.ledgers.shape import shape_of
from runtime.messages import fault
from runtime.permissions import LEDGER, READ, demand, label_of, rights
from runtime.planning_rows import titles_of
from runtime.row_rules import visible_ids
from runtime.trace_walk import BACKWARD, FORWARD, Found, Node, Walk, carriers, lead_of

DIRECTIONS: Mapping[str, tuple[str, ...]] = {
    "forward": (FORWARD,),
    "backward": (BACKWARD,),
    "both": (BACKWARD, FORWARD),
}


class Spot(NamedTuple):
    """A node: a document or a carrier. ``id`` is empty where the reader may not know of the record."""

    key: str
    entity: str
    label: str
    id: int | None
    title: str | None


class Step(NamedTuple):
    """An edge: ``qty`` of the ledger went from one node to another; without it where the reader may not see it."""

    source: str
    target: str
    ledger: str
    item: Mapping[str, int]
    qty: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """``cut``: there was more than one answer may hold."""

    root: str
    nodes: Sequence[Spot]
    edges: Sequence[Step]
    cut: bool = False


def trace(ctx: RunContext, entity: str, id: int, direction: str = "both") -> Graph:
    """The genealogy of a record."""
    demand(ctx, entity, READ)
    if id not in _existing(ctx, entity, {id}):
        raise NotFound(fault(ctx, "not_found", label=label_of(ctx, entity), id=id))
    found = Found()
    for way in DIRECTIONS[direction]:
        Walk(ctx, found, way).run((entity, id))
    return _graph(ctx, found, (entity, id))


def _existing(ctx: RunContext, entity: str, ids: set[int]) -> set[int]:
    return visible_ids(ctx, entity, set(titles_of(ctx, entity, ids)))


def _graph(ctx: RunContext, found: Found, start: Node) -> Graph:
    """What the reader may see of what was found."""
    found.nodes.setdefault(start)
    spots = _spots(ctx, list(found.nodes))
    ledgers = ctx.app.model.ledgers
    seen = {name: rights(ctx, LEDGER + name).sees(shape_of(ctx, name).main) for name in ledgers}
    leads = {name: lead_of(ledger) for name, ledger in ledgers.items()}
    edges = [
        Step(
            spots[source].key,
            spots[target].key,
            ledger,
            {leads[ledger]: item} if item is not None else {},
            qty if seen[ledger] else None,
        )
        for (source, target, ledger, item), qty in found.edges.items()
    ]
    return Graph(root=spots[start].key, nodes=list(spots.values()), edges=edges, cut=found.cut)


def _spots(ctx: RunContext, keys: Sequence[Node]) -> dict[Node, Spot]:
    by_entity: dict[str, set[int]] = {}
    for entity, id in keys:
        by_entity.setdefault(entity, set()).add(id)
    labels = {entity: label_of(ctx, entity) for entity in by_entity}
    titles = {
        entity: titles_of(ctx, entity, visible_ids(ctx, entity, ids)) if rights(ctx, entity).may(READ) else {}
        for entity, ids in by_entity.items()
    }
    found: dict[Node, Spot] = {}
    for number, (entity, id) in enumerate(keys):
        title = titles[entity].get(id)
        if title is None:
            found[entity, id] = Spot(f"hidden/{number}", entity, labels[entity], None, None)
        else:
            found[entity, id] = Spot(f"{entity}/{id}", entity, labels[entity], id, title)
    return found


__all__ = ["DIRECTIONS", "Graph", "Spot", "Step", "carriers", "trace"]
