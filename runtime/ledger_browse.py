"""Moves as people look through them: the newest first, narrowed by period and kind, with what each is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from engine.model import Ledger
from runtime.context import RunContext
from runtime.ledger_lists import allowed
from runtime.ledgers.requests import Move
from runtime.ledgers.shape import shape_of
from runtime.model_scope import parse_filter
from runtime.permissions import LEDGER, rights


@dataclass(frozen=True, slots=True, kw_only=True)
class MovePage:
    """A page of moves. ``came`` and ``went``: sums of a resource over the whole filter, both positive."""

    moves: Sequence[Move]
    next: tuple[datetime, int] | None
    count: int
    came: Mapping[str, Decimal]
    went: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which moves. ``filter``: an expression over dimensions and resources. Days are the firm's, both included."""

    filter: str = ""
    since: date | None = None
    until: date | None = None
    kinds: tuple[str, ...] = ()
    before: tuple[datetime, int] | None = None
    limit: int = 100


def newest_moves(ctx: RunContext, ledger: Ledger, wanted: Wanted) -> MovePage:
    """Moves the reader may see, the newest first, and what they come to."""
    shape = shape_of(ctx, ledger.id)
    table = shape.moves
    where = conditions(ctx, ledger, wanted)
    hidden = rights(ctx, LEDGER + ledger.id).hidden
    shown = [r for r in ledger.resources if r not in hidden]
    sums = [
        f
        for r in shown
        for f in (func.sum(case((table.c[r] > 0, table.c[r]))), func.sum(case((table.c[r] < 0, table.c[r]))))
    ]
    count, *found = ctx.connection.execute(select(func.count(), *sums).select_from(table).where(*where)).one()
    query = select(table).where(*where).order_by(table.c.at.desc(), table.c.id.desc()).limit(wanted.limit + 1)
    if wanted.before is not None:
        at, last = wanted.before
        query = query.where(or_(table.c.at < at, and_(table.c.at == at, table.c.id < last)))
    moves = [shape.move(row) for row in ctx.connection.execute(query).mappings()]
    page = moves[: wanted.limit]
    return MovePage(
        moves=page,
        next=(page[-1].at, page[-1].id) if len(moves) > wanted.limit else None,
        count=count,
        came={r: _amount(found[2 * i]) for i, r in enumerate(shown)},
        went={r: -_amount(found[2 * i + 1]) for i, r in enumerate(shown)},
    )


def _amount(value: Any) -> Decimal:
    return Decimal(value) if value is not None else Decimal(0)


def conditions(ctx: RunContext, ledger: Ledger, wanted: Wanted) -> list[ColumnElement[bool]]:
    """What the moves wanted must meet, the reader's rights among it."""
    table = ctx.app.tables.moves[ledger.id]
    expr = parse_filter(ctx, LEDGER + ledger.id, wanted.filter) if wanted.filter else None
    mine = allowed(ctx, ledger, table, expr)
    found = [] if mine is None else [mine]
    zone = ZoneInfo(ctx.app.model.timezone)
    if wanted.since is not None:
        found.append(table.c.at >= datetime.combine(wanted.since, time(), zone))
    if wanted.until is not None:
        found.append(table.c.at < datetime.combine(wanted.until + timedelta(days=1), time(), zone))
    if wanted.kinds:
        found.append(table.c.kind.in_(wanted.kinds))
    return found
