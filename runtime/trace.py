"""Where things came from and where they went: the genealogy over the ledgers' edges, as a graph.

Nodes are documents and *carriers*: records that a move is about and that outlive it (a lot, an order being worked on).
A dimension carries when only some things need it (a lot), else when it names a document or a line of one. The walk goes
from carrier to moves and along edges from move to move, one step for all at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, or_, select

from engine.expressions.tree import Expr
from engine.model import EntityKind, Ledger
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.ledgers.requests import DocumentKey, Move
from runtime.ledgers.shape import Shape, shape_of
from runtime.messages import fault
from runtime.permissions import LEDGER, READ, demand, label_of, owner_of, rights
from runtime.record_rows import read_rows
from runtime.record_texts import record_title
from runtime.row_rules import visible_ids
from runtime.values import Ref

FORWARD, BACKWARD = "forward", "backward"
DIRECTIONS: Mapping[str, tuple[str, ...]] = {
    "forward": (FORWARD,),
    "backward": (BACKWARD,),
    "both": (BACKWARD, FORWARD),
}
MOST_MOVES = 5000
CHUNK = 400
MoveKey = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A node: a document or a carrier. ``id`` is empty where the reader may not know of the record."""

    key: str
    entity: str
    label: str
    id: int | None
    title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
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
    found = _Found(ctx)
    start = DocumentKey(entity=entity, id=id)
    for way in DIRECTIONS[direction]:
        _Walk(found, way).run(start)
    return found.graph(start)


def _existing(ctx: RunContext, entity: str, ids: set[int]) -> set[int]:
    return visible_ids(ctx, entity, set(read_rows(ctx, entity, ids)))


def carriers(ctx: RunContext, ledger: Ledger) -> tuple[str, ...]:
    """The dimensions of a ledger that carry."""
    some = tuple(d.id for d in ledger.dimensions.values() if isinstance(d.optional, Expr) and d.targets)
    if some:
        return some
    entities = ctx.app.model.entities
    kinds = {
        d.id: entities[owner_of(ctx.app.model, d.targets[0])].kind for d in ledger.dimensions.values() if d.targets
    }
    return tuple(name for name, kind in kinds.items() if kind is EntityKind.DOCUMENT)


@dataclass(slots=True)
class _Found:
    """What the walks came across, both ways together."""

    ctx: RunContext
    edges: dict[tuple[DocumentKey, DocumentKey, str, int | None], Decimal] = field(default_factory=dict)
    nodes: dict[DocumentKey, None] = field(default_factory=dict)
    counted: set[object] = field(default_factory=set)
    cut: bool = False

    def add(self, source: DocumentKey, target: DocumentKey, move: Move, amount: Decimal, once: object) -> None:
        """An edge, or more on one that is there; the same thing is counted once."""
        if source == target or once in self.counted:
            return
        self.counted.add(once)
        item = _item(self.ctx, move)
        key = (source, target, move.ledger, item)
        self.edges[key] = self.edges.get(key, Decimal(0)) + abs(amount)
        self.nodes.update({source: None, target: None})

    def graph(self, start: DocumentKey) -> Graph:
        """What the reader may see of it."""
        self.nodes.setdefault(start)
        spots = _spots(self.ctx, list(self.nodes))
        edges = [
            Step(
                source=spots[source].key,
                target=spots[target].key,
                ledger=ledger,
                item=_item_json(self.ctx, ledger, item),
                qty=qty if self._sees(ledger) else None,
            )
            for (source, target, ledger, item), qty in self.edges.items()
        ]
        return Graph(root=spots[start].key, nodes=list(spots.values()), edges=edges, cut=self.cut)

    def _sees(self, ledger: str) -> bool:
        return rights(self.ctx, LEDGER + ledger).sees(shape_of(self.ctx, ledger).main)


def _lead(ctx: RunContext, ledger: str) -> str:
    """The dimension that says what moves: the first that must be named."""
    dimensions = ctx.app.model.ledgers[ledger].dimensions.values()
    return next((d.id for d in dimensions if d.optional is False and len(d.targets) == 1), "")


def _item(ctx: RunContext, move: Move) -> int | None:
    value = move.dimensions.get(_lead(ctx, move.ledger))
    return value if isinstance(value, int) else None


def _item_json(ctx: RunContext, ledger: str, item: int | None) -> Mapping[str, int]:
    return {_lead(ctx, ledger): item} if item is not None else {}


def _spots(ctx: RunContext, keys: Sequence[DocumentKey]) -> dict[DocumentKey, Spot]:
    by_entity: dict[str, set[int]] = {}
    for key in keys:
        by_entity.setdefault(key.entity, set()).add(key.id)
    titles: dict[DocumentKey, str] = {}
    for entity, ids in by_entity.items():
        if rights(ctx, entity).may(READ):
            rows = read_rows(ctx, entity, visible_ids(ctx, entity, ids))
            titles.update(
                {DocumentKey(entity=entity, id=i): record_title(ctx.app.model, entity, r) for i, r in rows.items()}
            )
    return {
        key: Spot(
            key=f"{key.entity}/{key.id}" if key in titles else f"hidden/{number}",
            entity=key.entity,
            label=label_of(ctx, key.entity),
            id=key.id if key in titles else None,
            title=titles.get(key),
        )
        for number, key in enumerate(keys)
    }


class _Walk:
    """One way through the moves."""

    def __init__(self, found: _Found, way: str) -> None:
        self.found = found
        self.ctx = found.ctx
        self.way = way
        self.moves: dict[MoveKey, Move] = {}
        self.carriers: set[DocumentKey] = set()
        self.shapes = {name: shape_of(self.ctx, name) for name in self.ctx.app.model.ledgers}
        self.by_carrier = {name: carriers(self.ctx, ledger) for name, ledger in self.ctx.app.model.ledgers.items()}

    def run(self, start: DocumentKey) -> None:
        """Everything on the way from ``start``."""
        fresh = self._of_documents(start)
        if self._carries(start.entity):
            self.carriers.add(start)
            fresh += self._of_carriers({start})
        while fresh and not self.found.cut:
            self.moves.update({(m.ledger, m.id): m for m in fresh})
            self.found.cut = len(self.moves) > MOST_MOVES
            self._note_carriers(fresh)
            reached = self._carriers_after(fresh) - self.carriers
            self.carriers |= reached
            new = [*self._along_edges(fresh), *self._of_carriers(reached)]
            unique = {(m.ledger, m.id): m for m in new}
            fresh = [m for key, m in unique.items() if key not in self.moves]

    def _carries(self, entity: str) -> bool:
        ledgers = self.ctx.app.model.ledgers
        return any(entity in ledgers[name].dimensions[d].targets for name, ds in self.by_carrier.items() for d in ds)

    # --- moves -------------------------------------------------------------------------------------------------

    def _of_documents(self, start: DocumentKey) -> list[Move]:
        found: list[Move] = []
        if self.ctx.app.model.entities[start.entity].kind is not EntityKind.DOCUMENT:
            return found
        for shape in self.shapes.values():
            table = shape.moves
            found += self._moves(shape, and_(table.c.doc_entity == start.entity, table.c.doc_id == start.id))
        return found

    def _of_carriers(self, keys: set[DocumentKey]) -> list[Move]:
        """Moves that take from carriers (forward), or that brought in what they hold (backward)."""
        found: list[Move] = []
        for name, shape in self.shapes.items():
            for dimension in self.by_carrier[name] if keys else ():
                ids = self._ids(name, dimension, keys)
                amount = shape.moves.c[shape.main]
                side = amount < 0 if self.way == FORWARD else amount > 0
                for part in _parts(ids):
                    found += self._moves(shape, and_(self._names(shape, dimension, part), side))
        return found

    def _ids(self, ledger: str, dimension: str, keys: set[DocumentKey]) -> list[DocumentKey]:
        targets = self.ctx.app.model.ledgers[ledger].dimensions[dimension].targets
        return sorted(key for key in keys if key.entity in targets)

    @staticmethod
    def _names(shape: Shape, dimension: str, keys: Sequence[DocumentKey]) -> ColumnElement[bool]:
        column = shape.moves.c[dimension]
        if dimension not in shape.several:
            return column.in_([key.id for key in keys])
        kind = shape.moves.c[f"{dimension}__type"]
        entities = dict.fromkeys(key.entity for key in keys)
        return or_(*(and_(kind == e, column.in_([key.id for key in keys if key.entity == e])) for e in entities))

    def _moves(self, shape: Shape, condition: ColumnElement[bool]) -> list[Move]:
        """Moves that stand: neither undone nor undoing."""
        table, rule = shape.moves, self._rule(shape)
        standing = and_(condition, self.ctx.app.programs.keep(("standing", shape.ledger.id), lambda: _standing(table)))
        query = select(table).where(standing if rule is None else and_(standing, rule)).order_by(table.c.id)
        return [shape.move(row) for row in self.ctx.connection.execute(query.limit(MOST_MOVES + 1)).mappings()]

    def _rule(self, shape: Shape) -> ColumnElement[bool] | None:
        """A reader without right to a ledger does not follow it."""
        if not rights(self.ctx, LEDGER + shape.ledger.id).may(READ):
            return shape.moves.c.id.is_(None)
        return None

    # --- steps -------------------------------------------------------------------------------------------------

    def _note_carriers(self, moves: Iterable[Move]) -> None:
        """Edges between a move's document and what it took from or put into."""
        for move in moves:
            amount = move.amounts[self.shapes[move.ledger].main]
            for key in self._carriers_of(move):
                once = (move.ledger, move.id, key)
                if amount < 0:
                    self.found.add(key, move.document, move, amount, once)
                elif amount > 0:
                    self.found.add(move.document, key, move, amount, once)

    def _carriers_of(self, move: Move) -> list[DocumentKey]:
        ledger = self.ctx.app.model.ledgers[move.ledger]
        found = []
        for name in self.by_carrier[move.ledger]:
            value = move.dimensions.get(name)
            if isinstance(value, Ref):
                found.append(DocumentKey(entity=value.entity, id=value.id))
            elif isinstance(value, int):
                found.append(DocumentKey(entity=ledger.dimensions[name].targets[0], id=value))
        return found

    def _carriers_after(self, moves: Iterable[Move]) -> set[DocumentKey]:
        """What was put into something goes on from there (forward); what was taken came from there (backward)."""
        found: set[DocumentKey] = set()
        for move in moves:
            amount = move.amounts[self.shapes[move.ledger].main]
            if amount > 0 if self.way == FORWARD else amount < 0:
                found.update(self._carriers_of(move))
        return found

    def _along_edges(self, moves: Sequence[Move]) -> list[Move]:
        """The moves that came from these (forward), or from which these came (backward)."""
        table = self.ctx.app.tables.ledgers.edge
        here, there = ("from", "to") if self.way == FORWARD else ("to", "from")
        known = {(m.ledger, m.id): m for m in moves}
        rows: list[Any] = []
        for name in self.shapes:  # ledger by ledger: pairs in a list would read every edge there is
            for part in _parts(sorted(number for ledger, number in known if ledger == name)):
                ends = and_(table.c[f"{here}_ledger"] == name, table.c[f"{here}_move"].in_(part))
                rows += self.ctx.connection.execute(select(table).where(ends)).mappings().all()
        wanted: dict[str, set[int]] = {}
        for row in rows:
            wanted.setdefault(row[f"{there}_ledger"], set()).add(row[f"{there}_move"])
        found = {key: move for name, ids in wanted.items() for key, move in self._by_id(name, ids).items()}
        for row in rows:
            near, far = (
                known[row[f"{here}_ledger"], row[f"{here}_move"]],
                found.get((row[f"{there}_ledger"], row[f"{there}_move"])),
            )
            if far is not None:
                self._note_edge(row, near, far)
        return list(found.values())

    def _note_edge(self, row: Any, near: Move, far: Move) -> None:
        source, target = (near, far) if self.way == FORWARD else (far, near)
        amount = row["qty"] if row["qty"] is not None else source.amounts[self.shapes[source.ledger].main]
        once = (row["from_ledger"], row["from_move"], row["to_ledger"], row["to_move"])
        self.found.add(source.document, target.document, source, amount, once)

    def _by_id(self, ledger: str, ids: set[int]) -> dict[MoveKey, Move]:
        shape = self.shapes[ledger]
        table: Table = shape.moves
        found: dict[MoveKey, Move] = {}
        for part in _parts(sorted(ids)):
            found.update({(ledger, m.id): m for m in self._moves(shape, or_(table.c.id.in_(part)))})
        return found


def _standing(table: Table) -> ColumnElement[bool]:
    undone = table.alias()
    countered = select(undone.c.counter_of).where(undone.c.counter_of.is_not(None))
    return and_(table.c.counter_of.is_(None), table.c.corrects.is_(None), table.c.id.not_in(countered))


def _parts(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
