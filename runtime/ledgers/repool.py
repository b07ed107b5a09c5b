"""Another costing method, or another scope of it, from the start of a period on.

What is there stays worth what it is worth: each new pool takes the share by quantity that its goods had, each layer
its share of the pool, as value-only moves at the first moment of the period that together are nought. What was posted
before keeps the cost it went at, and is never walked by the new method.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select, update

from engine.expressions.tree import Path
from engine.model import AppModel
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.ledgers.book import Book, Draft
from runtime.ledgers.costing import ZERO, share
from runtime.ledgers.months import keep_month_ends, set_state
from runtime.ledgers.pools import pools_of
from runtime.ledgers.reading import BalanceRow, balances
from runtime.ledgers.rebuild import rebuild_pools
from runtime.ledgers.requests import REPOOLED, Cost, DimensionValue, DocumentKey
from runtime.ledgers.shape import Shape, shape_of
from runtime.ledgers.write import keep_running, number, write_moves
from runtime.messages import fault

Standing = Mapping[str, Sequence[BalanceRow]]
"""By ledger: what there was of every finest key, and its share of the value, before the method changed."""


def valued_by(model: AppModel, entity: str, field: str) -> tuple[str, ...]:
    """The ledgers whose method or scope a setting chooses."""
    found = []
    for ledger in model.ledgers.values():
        valuation = ledger.valuation
        inputs = (*valuation.method.inputs, *valuation.pool.inputs) if valuation else ()
        if any(isinstance(n, Path) and n.root == "settings" and n.steps[:2] == (entity, field) for n in inputs):
            found.append(ledger.id)
    return tuple(found)


def refusal(ctx: RunContext, ledger: str) -> Fault | None:
    """Why the method of a ledger may not change now; it may where the last period is closed and nothing came since."""
    shape = shape_of(ctx, ledger)
    assert shape.pool is not None
    latest: datetime | None = ctx.connection.scalar(select(func.max(shape.moves.c.at)))
    if latest is None:
        return None
    label = shape.ledger.label.get(ctx.language)
    since = Book(ctx).open_since(ledger)
    if since is None:
        return fault(ctx, "method_needs_closing", ledger=label)
    if latest >= since:
        return fault(ctx, "method_has_moves", ledger=label, day=since.astimezone(Book(ctx).zone).date())
    short = shape.pool.c.qty < 0
    if ctx.connection.scalar(select(func.count()).select_from(shape.pool).where(short)):
        return fault(ctx, "method_while_short", ledger=label)
    return None


def standing(ctx: RunContext, ledgers: Iterable[str]) -> Standing:
    """What there is, valued as it is valued now: to be read before the setting changes."""
    return {i: balances(ctx, i, group_by=tuple(ctx.app.model.ledgers[i].dimensions)) for i in ledgers}


def repool(ctx: RunContext, before: Standing, document: DocumentKey) -> None:
    """Value ledgers by their new method, with what stood before; ``document``: the setting that changed."""
    for ledger in sorted(before):
        book = Book(ctx)
        shape = book.shape(ledger)
        rebuild_pools(book, shape)
        since = book.open_since(ledger)
        if since is not None:
            _even_out(book, shape, _targets(book, shape, before[ledger]), document, since)


@dataclass(slots=True)
class _Target:
    """What a new pool is to be worth, and the key whose moves say so: that of most of its goods."""

    dimensions: Mapping[str, DimensionValue]
    most: Decimal
    value: Decimal = ZERO


def _targets(book: Book, shape: Shape, before: Sequence[BalanceRow]) -> dict[str, _Target]:
    worth = {shape.key(row.dimensions): row.amounts[shape.value] for row in before}
    rows = book.ctx.connection.execute(select(shape.balance).order_by(shape.balance.c.key)).mappings().all()
    dimensions = [shape.read(row) for row in rows]
    found: dict[str, _Target] = {}
    for row, own, key in zip(rows, dimensions, pools_of(book, shape, dimensions), strict=True):
        target = found.setdefault(key.key, _Target(own, row[shape.main]))
        if row[shape.main] > target.most:
            target.dimensions, target.most = own, row[shape.main]
        target.value += worth.get(row["key"], ZERO)
    return found


def _even_out(book: Book, shape: Shape, targets: Mapping[str, _Target], document: DocumentKey, since: datetime) -> None:
    pool, layer, ctx = shape.pool, shape.layer, book.ctx
    assert pool is not None
    assert layer is not None
    drafts: list[Draft] = []
    there: dict[str, Decimal] = {row[0]: row[1] for row in ctx.connection.execute(select(pool.c.key, pool.c.value))}
    for key, target in sorted(targets.items()):
        pieces = select(layer).where(layer.c.pool_key == key).order_by(layer.c.age, layer.c.rank)
        left, whole = target.value, ZERO
        rows = ctx.connection.execute(pieces).mappings().all()
        whole = sum((row["qty"] for row in rows), ZERO)
        for row in rows:
            part = share(left, row["qty"], whole, shape.scales[shape.value])
            left, whole = left - part, whole - row["qty"]
            drafts.append(_difference(shape, target, part - row["value"], row["move"], document, since))
            ctx.connection.execute(update(layer).where(layer.c.id == row["id"]).values(value=part))
        if not rows:
            drafts.append(_difference(shape, target, target.value - there.get(key, ZERO), None, document, since))
        ctx.connection.execute(update(pool).where(pool.c.key == key).values(value=target.value))
    drafts = [draft for draft in drafts if draft.value]
    if drafts:
        number(book, [(shape, drafts)])
        keep_running(book, drafts)
        write_moves(book, shape, drafts)
        keep_month_ends(book, drafts)
    set_state(ctx, shape.ledger.id, valued_since=since.astimezone(book.zone).date())


def _difference(
    shape: Shape, target: _Target, value: Decimal, layer: int | None, document: DocumentKey, since: datetime
) -> Draft:
    """A value-only move at the start of the period; ``layer``: the move whose goods it is about."""
    return Draft(
        shape=shape,
        dimensions=target.dimensions,
        amounts={},
        at=since,
        document=document,
        line=None,
        posting_set=REPOOLED,
        posting=REPOOLED,
        kind=REPOOLED,
        value=value,
        cost=Cost.GIVEN,
        returns=layer,
    )


__all__ = ["Standing", "refusal", "repool", "standing", "valued_by"]
