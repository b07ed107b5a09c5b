"""The walk of a genealogy: from carriers to moves and along edges from move to move, one step for all at once.

Of a move only what the graph needs is read. Statements are made once; ids travel as one parameter, so that each step
takes the same few statements however many moves it finds, and every one of them follows an index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Text, and_, bindparam, exists, select

from engine.expressions.tree import Expr
from engine.model import EntityKind, Ledger
from runtime.context import RunContext
from runtime.id_sets import ID_SETS
from runtime.ledgers.shape import Shape, shape_of
from runtime.ledgers.tables import dimension_columns
from runtime.permissions import LEDGER, READ, owner_of, rights
from runtime.prepared import Statement, prepare_statement

FORWARD, BACKWARD = "forward", "backward"
MOST_MOVES = 5000

Node: TypeAlias = tuple[str, int]
"""A document or a carrier: entity and id."""

MoveKey: TypeAlias = tuple[str, int]
"""A move: ledger and id."""


class Passed(NamedTuple):
    """What the walk keeps of a move. ``item``: what moved, where the ledger says so."""

    document: Node
    item: int | None
    amount: Decimal
    carriers: tuple[Node, ...]


Moves: TypeAlias = dict[MoveKey, Passed]
Joined: TypeAlias = tuple[Node, Node, str, int | None]


@dataclass(slots=True)
class Found:
    """What the walks came across, both ways together. ``counted``: moves and edges that are in it already."""

    edges: dict[Joined, Decimal] = field(default_factory=dict)
    nodes: dict[Node, None] = field(default_factory=dict)
    counted: set[object] = field(default_factory=set)
    cut: bool = False

    def add(self, source: Node, target: Node, ledger: str, item: int | None, amount: Decimal) -> None:
        """An edge, or more on one that is there."""
        key = (source, target, ledger, item)
        known = self.edges.get(key)
        self.edges[key] = abs(amount) if known is None else known + abs(amount)
        self.nodes[source] = self.nodes[target] = None


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


def lead_of(ledger: Ledger) -> str:
    """The dimension that says what moves: the first that must be named."""
    return next((d.id for d in ledger.dimensions.values() if d.optional is False and len(d.targets) == 1), "")


class Walk:
    """One way through the moves."""

    def __init__(self, ctx: RunContext, found: Found, way: str) -> None:
        self.ctx = ctx
        self.found = found
        self.way = way
        self.moves: Moves = {}
        self.carriers: set[Node] = set()
        readable = [name for name in ctx.app.model.ledgers if rights(ctx, LEDGER + name).may(READ)]
        self.ledgers = {name: _traced(ctx, name) for name in readable}

    def run(self, start: Node) -> None:
        """Everything on the way from ``start``."""
        fresh = self._of_document(start)
        if any(start[0] in traced.carried for traced in self.ledgers.values()):
            self.carriers.add(start)
            fresh.update(self._of_carriers({start}))
        while fresh and not self.found.cut:
            self.moves.update(fresh)
            self.found.cut = len(self.moves) > MOST_MOVES
            reached = self._note(fresh) - self.carriers
            self.carriers |= reached
            new = self._along_edges(fresh)
            new.update(self._of_carriers(reached))
            fresh = {key: move for key, move in new.items() if key not in self.moves}

    # --- moves -------------------------------------------------------------------------------------------------

    def _of_document(self, start: Node) -> Moves:
        found: Moves = {}
        if self.ctx.app.model.entities[start[0]].kind is EntityKind.DOCUMENT:
            for traced in self.ledgers.values():
                found.update(traced.moves(self.ctx, traced.of_document, {"entity": start[0], "id": start[1]}))
        return found

    def _of_carriers(self, keys: set[Node]) -> Moves:
        """Moves that take from carriers (forward), or that brought in what they hold (backward)."""
        found: Moves = {}
        by_entity: dict[str, list[int]] = {}
        for entity, id in sorted(keys):
            by_entity.setdefault(entity, []).append(id)
        for traced in self.ledgers.values() if keys else ():
            for entity, ids in by_entity.items():
                for statement in traced.of_carriers(entity, self.way):
                    found.update(traced.moves(self.ctx, statement, {"ids": _packed(self.ctx, ids), "entity": entity}))
        return found

    # --- steps -------------------------------------------------------------------------------------------------

    def _note(self, moves: Moves) -> set[Node]:
        """Edges between a move's document and what it took from or put into; the carriers from which it goes on.

        What was put into something goes on from there (forward); what was taken came from there (backward).
        """
        after: set[Node] = set()
        add, counted, forward = self.found.add, self.found.counted, self.way == FORWARD
        for key, (document, item, amount, held) in moves.items():
            into = amount > 0
            if not held or not (into or amount < 0):
                continue
            if into is forward:
                after.update(held)
            if key in counted:  # the other way has been here
                continue
            counted.add(key)
            for carrier in held:
                if carrier != document:
                    source, target = (document, carrier) if into else (carrier, document)
                    add(source, target, key[0], item, amount)
        return after

    def _along_edges(self, moves: Moves) -> Moves:
        """The moves that came from these (forward), or from which these came (backward)."""
        joined: list[tuple[MoveKey, MoveKey, Decimal | None]] = []
        by_ledger: dict[str, list[int]] = {}
        for ledger, number in moves:
            by_ledger.setdefault(ledger, []).append(number)
        statement = _edges_of(self.ctx, self.way)
        for ledger in self.ledgers:  # ledger by ledger: pairs in a list would read every edge there is
            if numbers := by_ledger.get(ledger):
                rows = statement.run(self.ctx, {"ledger": ledger, "ids": _packed(self.ctx, sorted(numbers))})
                joined += sorted(((ledger, near), (other, far), qty) for near, other, far, qty in rows)
        found = self._by_id({far for _, far, _ in joined})
        for near, far, qty in joined:
            if far in found:
                self._note_edge((near, moves[near]), (far, found[far]), qty)
        return found

    def _note_edge(self, near: tuple[MoveKey, Passed], far: tuple[MoveKey, Passed], qty: Decimal | None) -> None:
        source, target = (near, far) if self.way == FORWARD else (far, near)
        once = (source[0], target[0])
        if once in self.found.counted:
            return
        self.found.counted.add(once)
        (ledger, _), one, other = source[0], source[1], target[1]
        if one.document != other.document:
            self.found.add(one.document, other.document, ledger, one.item, one.amount if qty is None else qty)

    def _by_id(self, keys: set[MoveKey]) -> Moves:
        found: Moves = {}
        for name, traced in self.ledgers.items():
            if ids := [number for ledger, number in keys if ledger == name]:
                found.update(traced.moves(self.ctx, traced.by_id, {"ids": _packed(self.ctx, ids)}))
        return found


def _packed(ctx: RunContext, ids: Iterable[int]) -> Any:
    return ID_SETS[ctx.app.database.dialect].pack(ids)


# --- statements ------------------------------------------------------------------------------------------------


def _edges_of(ctx: RunContext, way: str) -> Statement:
    """Edges that leave moves of a ledger (forward) or come to them (backward)."""
    return ctx.app.programs.keep(("edges of", way), lambda: _edge_statement(ctx, way))


def _edge_statement(ctx: RunContext, way: str) -> Statement:
    edge = ctx.app.tables.ledgers.edge
    here, there = ("from", "to") if way == FORWARD else ("to", "from")
    near = edge.c[f"{here}_move"]
    columns = [near, edge.c[f"{there}_ledger"], edge.c[f"{there}_move"], edge.c.qty]
    among = ID_SETS[ctx.app.database.dialect].among(near, "ids")
    return prepare_statement(
        ctx, select(*columns).where(edge.c[f"{here}_ledger"] == bindparam("ledger", type_=Text()), among), columns
    )


class _Carried(NamedTuple):
    """A dimension that carries and its place in a row. ``kind``: the place of its entity, if it may be of several."""

    dimension: str
    place: int
    kind: int | None
    targets: Sequence[str]


def _traced(ctx: RunContext, ledger: str) -> _Traced:
    """The ledger as the walk reads it, made once."""
    return ctx.app.programs.keep(("traced", ledger), lambda: _Traced(ctx, ledger))


class _Traced:
    """A ledger as the walk reads it: its statements, and what a row of them says."""

    def __init__(self, ctx: RunContext, ledger: str) -> None:
        shape = shape_of(ctx, ledger)
        table, lead = shape.moves, lead_of(shape.ledger)
        columns: list[ColumnElement[Any]] = [table.c.id, table.c.doc_entity, table.c.doc_id, table.c[shape.main]]
        self.ledger = ledger
        self.item = len(columns) if lead else 0
        columns += [table.c[lead]] if lead else []
        self.carrying = [_carried(shape, name, columns) for name in carriers(ctx, shape.ledger)]
        self.carried = frozenset(target for one in self.carrying for target in one.targets)
        document = (("entity", table.c.doc_entity), ("id", table.c.doc_id))
        named = and_(*(column == bindparam(name, type_=column.type) for name, column in document))
        self.of_document = _standing(ctx, shape, columns, named)
        self.by_id = _standing(ctx, shape, columns, ID_SETS[ctx.app.database.dialect].among(table.c.id, "ids"))
        self._of_carriers: Mapping[tuple[str, str], Sequence[Statement]] = {
            (entity, way): [
                _standing(ctx, shape, columns, _takes(ctx, shape, one, way))
                for one in self.carrying
                if entity in one.targets
            ]
            for entity in self.carried
            for way in (FORWARD, BACKWARD)
        }

    def of_carriers(self, entity: str, way: str) -> Sequence[Statement]:
        """Moves that take from carriers of a kind (forward), or that brought in what they hold (backward)."""
        return self._of_carriers.get((entity, way), ())

    def moves(self, ctx: RunContext, statement: Statement, given: Mapping[str, Any]) -> Moves:
        """The moves that a statement finds, in their order."""
        return {(self.ledger, row[0]): self._passed(row) for row in statement.run(ctx, given)}

    def _passed(self, row: Sequence[Any]) -> Passed:
        held = [
            (targets[0] if kind is None else row[kind], row[place])
            for _, place, kind, targets in self.carrying
            if row[place] is not None
        ]
        return Passed((row[1], row[2]), row[self.item] if self.item else None, row[3], tuple(held))


def _carried(shape: Shape, dimension: str, columns: list[ColumnElement[Any]]) -> _Carried:
    """Where a dimension that carries stands among the columns, to which it is added."""
    place = len(columns)
    columns += [shape.moves.c[name] for name in dimension_columns(shape.ledger.dimensions[dimension])]
    kind = place + 1 if dimension in shape.several else None
    return _Carried(dimension, place, kind, shape.ledger.dimensions[dimension].targets)


def _takes(ctx: RunContext, shape: Shape, carried: _Carried, way: str) -> ColumnElement[bool]:
    """Moves that take from carriers of an entity (forward), or that brought in what they hold (backward)."""
    table = shape.moves
    amount = table.c[shape.main]
    rows = [
        ID_SETS[ctx.app.database.dialect].among(table.c[carried.dimension], "ids"),
        amount < 0 if way == FORWARD else amount > 0,
    ]
    if carried.kind is not None:
        rows.append(table.c[f"{carried.dimension}__type"] == bindparam("entity", type_=Text()))
    return and_(*rows)


def _standing(
    ctx: RunContext, shape: Shape, columns: Sequence[ColumnElement[Any]], condition: ColumnElement[bool]
) -> Statement:
    """Moves that stand: neither undone nor undoing.

    In order of a sum: told to order by the key itself, SQLite walks through the whole ledger along it.
    """
    table = shape.moves
    undone = table.alias()
    countered = exists().where(undone.c.counter_of == table.c.id)
    standing = and_(condition, table.c.counter_of.is_(None), table.c.corrects.is_(None), ~countered)
    query = select(*columns).where(standing).order_by(table.c.id + 0).limit(MOST_MOVES + 1)
    return prepare_statement(ctx, query, columns)
