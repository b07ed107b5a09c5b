"""Who waits for what a posting could not add in full gets it as it arrives: first in order, first served.

Nothing is kept about who waits: the rows that still meet the posting's ``later`` condition are those who wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Select, and_, bindparam, or_, select

from engine.expressions.tree import Balance
from engine.model import AppModel, Posting
from runtime.columns import Moment
from runtime.context import RunContext
from runtime.ledgers.requests import DimensionValue, Move, MoveRequest, Posted
from runtime.postings import build_later, shared_dimensions
from runtime.prepared import Statement, prepare_statement
from runtime.record_rows import load_rows
from runtime.row_rules import scope_of
from runtime.sql import to_sql

Row = dict[str, Any]
Key = tuple[DimensionValue, ...]
MOST_KEYS = 100


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A posting that serves later. ``sources``: ledgers whose arrivals may serve it; ``dimensions``: what an arrival
    and those who wait for it have in common."""

    entity: str
    posting_set: str
    posting: Posting
    sources: frozenset[str]
    dimensions: tuple[str, ...]

    @property
    def rows(self) -> str:
        return f"{self.entity}.{self.posting.each}" if self.posting.each else self.entity


def requests_for_waiting(ctx: RunContext, posted: Sequence[Posted]) -> list[MoveRequest]:
    """What those who wait are given of what has just become free."""
    waiting = ctx.app.programs.keep("waiting", lambda: tuple(_waiting(ctx.app.model)))
    found: list[MoveRequest] = []
    for one in waiting:
        keys = _freed(one, [move for each in posted for move in each.moves])
        if keys:
            rows = list(_rows(ctx, one, keys))
            found.extend(build_later(ctx, one.entity, one.posting_set, one.posting, rows))
    return found


def _waiting(model: AppModel) -> Iterator[_Waiting]:
    for entity in model.entities.values():
        for name, postings in entity.postings.items():
            for posting in postings:
                if posting.later is not None and posting.upto is not None:
                    sources = frozenset(n.ledger for n in posting.upto.inputs if isinstance(n, Balance))
                    known = [set(model.ledgers[ledger].dimensions) for ledger in sources]
                    common = [d for d in shared_dimensions(posting) if all(d in each for each in known)]
                    yield _Waiting(entity.id, name, posting, sources, tuple(common))


def _freed(one: _Waiting, moves: Sequence[Move]) -> list[Key]:
    """Where there is more than before: what came in, less what was promised meanwhile."""
    lead = next(iter(one.posting.amounts))
    change: dict[Key, Decimal] = {}
    for move in moves:
        sign = 1 if move.ledger in one.sources else -1 if move.ledger == one.posting.ledger else 0
        if sign:
            key = tuple(move.dimensions[name] for name in one.dimensions)
            change[key] = change.get(key, Decimal(0)) + sign * move.amounts.get(lead, Decimal(0))
    return [key for key, amount in change.items() if amount > 0]


def _rows(ctx: RunContext, one: _Waiting, keys: Sequence[Key]) -> Iterator[tuple[Row, Row]]:
    """(document, row) of those who wait for one of the keys, in order."""
    ids: list[int] = []
    for start in range(0, len(keys), MOST_KEYS):
        ids.extend(_ids(ctx, one, keys[start : start + MOST_KEYS]))
    if not ids:
        return
    owners = _owners(ctx, one, ids)
    documents = load_rows(ctx, one.entity, sorted(set(owners.values())))
    for id in ids:
        document = documents.get(owners[id])
        if document is None or document.get("deleted_at") is not None:
            continue
        lines = document[one.posting.each] if one.posting.each else [document]
        yield document, next(line for line in lines if line["id"] == id)


def _ids(ctx: RunContext, one: _Waiting, keys: Sequence[Key]) -> list[int]:
    """One statement for any keys of the same shape; what is empty in a key is asked for as such."""
    shape = tuple(tuple(value is None for value in key) for key in keys)
    mark = ("later", one.entity, one.posting_set, id(one.posting), shape)
    statement = ctx.app.programs.keep(mark, lambda: _prepared(ctx, one, shape))
    values: dict[str, Any] = {"_member": ctx.user.member, "_today": ctx.today(), "_now": ctx.now()}
    values |= {_name(i, j): v for i, key in enumerate(keys) for j, v in enumerate(key) if v is not None}
    return [row[0] for row in statement.run(ctx, values)]


def _name(key: int, dimension: int) -> str:
    return f"key_{key}_{dimension}"


def _prepared(ctx: RunContext, one: _Waiting, shape: Sequence[Sequence[bool]]) -> Statement:
    statement = _statement(ctx, one, shape)
    return prepare_statement(ctx, statement, list(statement.selected_columns))


def _statement(ctx: RunContext, one: _Waiting, shape: Sequence[Sequence[bool]]) -> Select[Any]:
    table, later = ctx.app.tables.entity[one.rows], one.posting.later
    assert later is not None
    scope = replace(
        scope_of(ctx, one.rows, table),
        member=bindparam("_member", type_=BigInteger()),
        today=bindparam("_today", type_=Date()),
        now=bindparam("_now", type_=Moment()),
    )
    columns = [to_sql(one.posting.at[name], scope) for name in one.dimensions]
    same: list[ColumnElement[bool]] = [
        and_(*(c.is_(None) if empty[j] else c == bindparam(_name(i, j)) for j, c in enumerate(columns)))
        for i, empty in enumerate(shape)
    ]
    query = select(table.c.id).where(to_sql(later.condition, scope), or_(*same))
    return query.order_by(to_sql(later.order, scope), table.c.id)


def _owners(ctx: RunContext, one: _Waiting, ids: Sequence[int]) -> dict[int, int]:
    if not one.posting.each:
        return {id: id for id in ids}
    table = ctx.app.tables.entity[one.rows]
    found = ctx.connection.execute(select(table.c.id, table.c.parent).where(table.c.id.in_(ids)))
    return {int(id): int(parent) for id, parent in found}
