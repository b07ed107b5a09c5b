"""Counter-moves: what undoing a document's postings means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_

from runtime.ledgers.book import Book, Draft
from runtime.ledgers.costing import ZERO
from runtime.ledgers.requests import Cost, DocumentKey, Move
from runtime.ledgers.shape import Shape


def plan_reversal(book: Book, document: DocumentKey, posting_sets: Sequence[str], at: datetime | None) -> None:
    """Fill ``book.drafts`` with the counter-moves of a document's standing moves in every ledger."""
    for ledger in book.ctx.app.model.ledgers:
        shape = book.shape(ledger)
        for move in standing(book, shape, document, posting_sets):
            book.add(_counter(book, shape, move, at or book.now))
    book.drafts.sort(key=lambda d: d.at)


def standing(book: Book, shape: Shape, document: DocumentKey, posting_sets: Sequence[str]) -> list[Move]:
    """The moves of a document's posting sets that nothing has countered yet."""
    table = shape.moves
    own = and_(
        table.c.doc_id == document.id,
        table.c.doc_entity == document.entity,
        table.c.posting_set.in_(posting_sets),
        table.c.corrects.is_(None),
    )
    moves = book.moves(shape, own)
    undone = {m.counter_of for m in moves}
    return [m for m in moves if m.counter_of is None and m.id not in undone]


def _counter(book: Book, shape: Shape, move: Move, at: datetime) -> Draft:
    amounts = {r: -a for r, a in move.amounts.items()}
    if shape.worth:
        amounts[shape.worth] -= book.corrections(shape, [move.id]).get(move.id, ZERO)
    closed = book.is_closed(shape.ledger.id, move.at)
    draft = Draft(
        shape=shape,
        dimensions=move.dimensions,
        amounts={r: a for r, a in amounts.items() if r != shape.value},
        at=max(at, move.at) if closed else move.at,
        document=move.document,
        line=move.line,
        posting_set=move.posting_set,
        posting=move.posting,
        kind=move.kind,
        cost=Cost.NONE,
        counter_of=move.id,
    )
    if shape.value:
        leaves_today = closed and draft.quantity < 0
        draft.value = None if leaves_today else amounts[shape.value]
        draft.cost = Cost.POOL if leaves_today else Cost.COUNTER
        draft.prefer = frozenset({move.id})
        draft.age = move.age or move.at
    return draft
