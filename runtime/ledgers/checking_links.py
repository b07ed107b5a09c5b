"""Proof that moves hang together: what flowed on, what came back, and the records that moves name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import Connection, and_, func, select

from runtime.ledgers.requests import Problem
from runtime.ledgers.shape import Shape

if TYPE_CHECKING:
    from runtime.tables import Tables


def check_flow(connection: Connection, tables: Tables, shape: Shape) -> Iterator[Problem]:
    """No edge carries more than its move moved, and no more comes back than went."""
    edge, moved, own = tables.ledgers.edge, shape.moves, shape.ledger.id
    came = moved.alias("came")
    size = func.abs(moved.c[shape.main]) if shape.main != shape.worth else None
    if size is None:
        return
    joined = edge.join(moved, and_(edge.c.from_ledger == own, edge.c.from_move == moved.c.id))
    too_much = select(moved.c.id).select_from(joined).where(edge.c.qty > size).distinct()
    for number in connection.scalars(too_much.order_by(moved.c.id)):
        yield Problem(code="edge_too_much", ledger=own, key=str(number), message="more flows on than it moved")
    countered = select(moved.c.counter_of).where(moved.c.counter_of.is_not(None))
    back = (
        select(moved.c.id)
        .select_from(joined.join(came, and_(edge.c.to_ledger == own, edge.c.to_move == came.c.id)))
        .where(came.c.returns == moved.c.id, came.c.counter_of.is_(None), came.c.id.not_in(countered))
        .group_by(moved.c.id, moved.c[shape.main])
        .having(func.sum(edge.c.qty) > size)
    )
    for number in connection.scalars(back.order_by(moved.c.id)):
        yield Problem(code="returned_too_much", ledger=own, key=str(number), message="more came back than went")


def check_documents(connection: Connection, tables: Tables, shape: Shape) -> Iterator[Problem]:
    """The documents and lines of moves exist; those of entities that the app no longer has cannot be asked."""
    moves = shape.moves.c
    for entity, number in ((moves.doc_entity, moves.doc_id), (moves.line_entity, moves.line_id)):
        for name in connection.scalars(select(entity).where(entity.is_not(None)).distinct().order_by(entity)):
            table = tables.entity.get(name)
            if table is None:
                continue
            gone = select(moves.id).outerjoin(table, table.c.id == number).where(entity == name, table.c.id.is_(None))
            for move in connection.scalars(gone.order_by(moves.id)):
                message = f"names a record of {name} that is not there"
                yield Problem(code="record_missing", ledger=shape.ledger.id, key=str(move), message=message)


__all__ = ["check_documents", "check_flow"]
