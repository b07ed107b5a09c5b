"""The account of one record in a ledger: what stood before, its moves in order, and what stands after each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from sqlalchemy import case, func, select

from engine.model import Ledger
from runtime.context import RunContext
from runtime.figures import Period
from runtime.ledger_browse import Wanted, conditions
from runtime.ledgers.requests import DimensionValue, DocumentKey, Move
from runtime.ledgers.shape import shape_of

MOST_ENTRIES = 2000
"""Moves of one account on paper; the rest stands in the ledger itself."""
NONE = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one document did at one moment. ``stands``: what there is after it; ``came`` and ``went`` are positive."""

    at: datetime
    document: DocumentKey
    kind: str
    dimensions: Mapping[str, DimensionValue]
    came: Decimal
    went: Decimal
    stands: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account over a period. ``came`` and ``went``: of the whole period, also where ``cut`` says that there
    were more documents than are listed."""

    before: Decimal
    came: Decimal
    went: Decimal
    entries: Sequence[Entry]
    cut: bool

    @property
    def after(self) -> Decimal:
        """What stands at the end."""
        return self.before + self.came - self.went


def account_of(ctx: RunContext, ledger: Ledger, figure: str, by: str, record: int, period: Period) -> Account:
    """The account of a record that the dimension ``by`` names; moves of others' rows are left out as everywhere."""
    table = shape_of(ctx, ledger.id).moves
    about = f"{by}.id in ({record},)"
    earlier = conditions(ctx, ledger, Wanted(filter=about, until=_day_before(period.start)))
    before = ctx.connection.execute(select(func.sum(table.c[figure])).where(*earlier)).scalar_one()
    during = conditions(ctx, ledger, Wanted(filter=about, since=period.start, until=period.end))
    value = table.c[figure]
    sums = select(func.sum(case((value > 0, value))), func.sum(case((value < 0, value)))).where(*during)
    came, went = ctx.connection.execute(sums).one()
    query = select(table).where(*during).order_by(table.c.at, table.c.id).limit(MOST_ENTRIES + 1)
    moves = [shape_of(ctx, ledger.id).move(row) for row in ctx.connection.execute(query).mappings()]
    opening = Decimal(before or 0)
    return Account(
        before=opening,
        came=Decimal(came or 0),
        went=-Decimal(went or 0),
        entries=tuple(_entries(_whole(moves), figure, opening)),
        cut=len(moves) > MOST_ENTRIES,
    )


def _whole(moves: Sequence[Move]) -> Sequence[Move]:
    """As many as are listed, without the document that would be listed in part."""
    if len(moves) <= MOST_ENTRIES:
        return moves
    return [move for move in moves if _same(move) != _same(moves[-1])]


def _same(move: Move) -> tuple[datetime, DocumentKey, str]:
    return move.at, move.document, move.kind


def _day_before(day: date) -> date:
    return date.fromordinal(max(day.toordinal() - 1, 1))


def _entries(moves: Sequence[Move], figure: str, opening: Decimal) -> Iterator[Entry]:
    """What a document did at a moment is one entry, however many moves it took; what changed nothing is none."""
    stands = opening
    for (at, document, kind), some in groupby(moves, key=_same):
        each = list(some)
        amounts = [move.amounts.get(figure) or NONE for move in each]
        came, went = sum((a for a in amounts if a > 0), NONE), -sum((a for a in amounts if a < 0), NONE)
        if not came and not went:
            continue
        stands += came - went
        yield Entry(at=at, document=document, kind=kind, dimensions=_shared(each), came=came, went=went, stands=stands)


def _shared(moves: Sequence[Move]) -> Mapping[str, DimensionValue]:
    """The dimensions in which all the moves agree."""
    first = moves[0].dimensions
    return {n: value for n, value in first.items() if all(move.dimensions.get(n) == value for move in moves)}
