"""Posting and reversing: the only ways to write a ledger. The last thing a transaction does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, literal, or_, select, text

from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.happenings import door, note_moves
from runtime.ledgers.book import Book, Draft
from runtime.ledgers.costing import ZERO
from runtime.ledgers.events import SKEW
from runtime.ledgers.later import judge_later
from runtime.ledgers.months import keep_month_ends
from runtime.ledgers.plan import plan
from runtime.ledgers.pools import Pool, pool_rows, pools_of, write_pieces
from runtime.ledgers.requests import DocumentKey, Move, MoveRequest, Posted
from runtime.ledgers.reversal import plan_reversal
from runtime.ledgers.shape import Shape
from runtime.ledgers.walk import Walk
from runtime.ledgers.write import append_edges, append_moves, ask_numbers, give_numbers, keep_running, number
from runtime.prepared import Ask, Statement, ask_all, prepare_statement

if TYPE_CHECKING:
    from runtime.record_inputs import Workspace

REPLAY_LOCK = 0x64676C64
"""Replays may lock pools in any order, so they exclude all other postings (PostgreSQL; SQLite has one writer)."""

TRIES = 5
"""How often balances chosen by an allocation may be gone by the time they are locked."""


def post(
    ctx: RunContext,
    requests: Sequence[MoveRequest],
    *,
    at: datetime | None = None,
    known: Workspace | None = None,
) -> Posted:
    """Write what the requests ask for. A refusal is a ``UserError``; roll the transaction back.

    ``known``: records that the caller has read in this transaction and that need not be read again.
    """
    del at  # every request has its own moment; the call's own is the clock's
    if not requests:
        return Posted()
    chosen = any(r.allocate for r in requests)
    return _retried(ctx, lambda book: plan(book, requests), chosen=chosen, known=known)


def reverse(
    ctx: RunContext, document: DocumentKey, posting_sets: Iterable[str], *, at: datetime | None = None
) -> Posted:
    """Counter every move that the posting sets of a document made and that still stands.

    Counter-moves stand at the business moment of what they undo while its period is open, else at ``at`` (now).
    """
    names = tuple(posting_sets)
    return _retried(ctx, lambda book: plan_reversal(book, document, names, at), chosen=False)


def _retried(
    ctx: RunContext, planned: Callable[[Book], None], *, chosen: bool, known: Workspace | None = None
) -> Posted:
    with door(ctx):
        return _chosen(ctx, planned, chosen=chosen, known=known)


def _chosen(ctx: RunContext, planned: Callable[[Book], None], *, chosen: bool, known: Workspace | None) -> Posted:
    """On PostgreSQL others may take what an allocation chose before it is ours: then choose again."""
    if not chosen or ctx.connection.dialect.name == "sqlite":
        return _post(ctx, planned, known)
    for _ in range(TRIES - 1):
        savepoint = ctx.connection.begin_nested()
        try:
            posted = _post(ctx, planned, known)
        except Conflict:
            savepoint.rollback()
            continue
        except BaseException:
            savepoint.rollback()
            raise
        savepoint.commit()
        return posted
    return _post(ctx, planned, known)


def _post(ctx: RunContext, planned: Callable[[Book], None], known: Workspace | None) -> Posted:
    book = Book(ctx, known)
    walk = Walk(book=book)
    book.value_so_far = lambda: _value(book, walk, alone=True)
    planned(book)
    if not book.drafts:
        return _answer(book, [])
    _value(book, walk, alone=False)
    extra = [d for d in walk.differences if d.worth()]
    number(book, by_ledger(extra))
    every = [*book.drafts, *extra]
    also = _appended(book, every)
    for shape, pools in _pools(walk):
        write_pieces(book, shape, pools)
        also += pool_rows(book, shape, pools)
    became = keep_running(book, every, also)
    keep_month_ends(book, every)
    judge_later(book, became)
    return _answer(book, extra)


def _appended(book: Book, every: Sequence[Draft]) -> list[Ask]:
    """The moves and where they came from."""
    found = []
    for shape, drafts in by_ledger(every):
        found += append_moves(book, shape, drafts)
        note_moves(book.ctx, shape.ledger.id, [draft.dimensions for draft in drafts])
    return found + append_edges(book, book.drafts)


def _pools(walk: Walk) -> list[tuple[Shape, list[Pool]]]:
    """The pools a walk touched, by ledger, in the order of their keys."""
    ordered = sorted(walk.pools.values(), key=lambda p: (p.id.ledger, p.id.key))
    groups = [list(group) for _, group in groupby(ordered, key=lambda p: p.id.ledger)]
    return [(group[0].shape, group) for group in groups]


def _value(book: Book, walk: Walk, *, alone: bool) -> None:
    """Find what the drafts so far cost. Done before the call is planned to its end, pools are locked in any order."""
    if not book.locked:
        _lock_replay(book, alone=alone)
        book.locked = True
    new = [d for d in book.drafts if not d.id]
    _open(book, walk, new)
    walk.run()
    book.sum_up()


def _open(book: Book, walk: Walk, new: list[Draft]) -> None:
    """Lock the pools, then draw the ids: of moves at one moment the one that came to the pool first is the earlier.

    With one pool ledger the question for ids goes along with the lock, while everybody else waits for the pool.
    """
    groups = by_ledger(new)
    asked = ask_numbers(book, groups) if groups else None
    if asked is not None and sum(1 for shape, _ in groups if shape.value) == 1:
        book.beside = asked
    walk.open(new)
    if asked is None:
        return
    told = book.told if book.beside is None and book.told is not None else ask_all(book.ctx, [asked])[0]
    book.beside = book.told = None
    give_numbers(book, groups, told)


def _lock_replay(book: Book, *, alone: bool) -> None:
    """Postings share a lock; one that may have to replay takes it alone. Never first the one and then the other."""
    if book.ctx.connection.dialect.name != "postgresql":
        return
    dated_back = any(d.at < book.now - SKEW or d.corrects or d.counter_of for d in book.drafts)
    alone = alone or dated_back or _unsettled(book)
    how = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    words = text(f"SELECT {how}(CAST(:lock AS integer), hashtext(current_schema()))")
    lock = book.ctx.app.programs.keep(("replay lock", how), lambda: prepare_statement(book.ctx, words))
    lock.run(book.ctx, {"lock": REPLAY_LOCK})


def _unsettled(book: Book) -> bool:
    """Whether something is short where goods arrive, or already stands later: that may reach into other pools."""
    return any(_stands_open(book, *one) for one in by_ledger([d for d in book.drafts if d.shape.value]))


def _stands_open(book: Book, shape: Shape, drafts: Sequence[Draft]) -> bool:
    keys = sorted({key.key for key in pools_of(book, shape, [d.dimensions for d in drafts])})
    mark = ("unsettled", shape.ledger.id, len(keys))
    asked = book.ctx.app.programs.keep(mark, lambda: _asking_unsettled(book, shape, len(keys)))
    given: dict[str, object] = {f"k{i}": key for i, key in enumerate(keys)}
    return bool(asked.run(book.ctx, {**given, "late": book.now + SKEW}))


def _asking_unsettled(book: Book, shape: Shape, count: int) -> Statement:
    assert shape.pool is not None
    row = shape.pool.c
    late = or_(row.qty < literal(ZERO, row.qty.type), row.last_at > bindparam("late", type_=row.last_at.type))
    keys = [bindparam(f"k{i}", type_=row.key.type) for i in range(count)]
    return prepare_statement(book.ctx, select(row.key).where(row.key.in_(keys), late).limit(1), [row.key])


def by_ledger(drafts: Sequence[Draft]) -> list[tuple[Shape, list[Draft]]]:
    """Drafts by ledger, in the order of the ledgers' ids."""
    found: dict[str, list[Draft]] = {}
    for draft in drafts:
        found.setdefault(draft.shape.ledger.id, []).append(draft)
    return [(found[i][0].shape, found[i]) for i in sorted(found)]


def _answer(book: Book, extra: Sequence[Draft]) -> Posted:
    moves = {id(d): as_move(d) for d in (*book.drafts, *extra)}
    by_key = {key: tuple(moves[id(d)] for d in drafts) for key, drafts in book.by_request.items()}
    return Posted(
        moves=tuple(moves[id(d)] for d in book.drafts),
        by_key=MappingProxyType(by_key),
        differences=tuple(moves[id(d)] for d in extra),
    )


def as_move(draft: Draft) -> Move:
    """A written draft as data."""
    return Move(
        ledger=draft.shape.ledger.id,
        id=draft.id,
        dimensions=draft.dimensions,
        amounts=draft.all_amounts(),
        kind=draft.kind,
        at=draft.at,
        document=draft.document,
        line=draft.line,
        posting_set=draft.posting_set,
        posting=draft.posting,
        cost=draft.cost,
        origin=draft.origins[0].id if draft.origins else draft.arrival,
        counter_of=draft.counter_of,
        corrects=draft.corrects,
        returns=draft.returns,
        age=draft.age,
        cause=draft.cause,
    )
