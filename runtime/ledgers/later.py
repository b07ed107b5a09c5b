"""What was posted into the past must not make any later moment wrong, not only the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import and_, select

from runtime.errors import Conflict, Fault
from runtime.ledgers.book import Book
from runtime.ledgers.costing import ZERO
from runtime.ledgers.running import Became, Change, broken
from runtime.ledgers.shape import Shape
from runtime.ledgers.write import GrainSpec
from runtime.messages import say


def judge_later(book: Book, became: Sequence[tuple[GrainSpec, list[Became]]]) -> None:
    """Refuse if a guard of a ledger's own grain fails at any moment from the earliest change on."""
    for spec, rows in became:
        grain, names, columns = spec
        if not grain.guards or grain.id[0] == "joint":
            continue
        shape = book.shape(grain.id[1] if grain.id[0] == "balance" else grain.id[0].removeprefix("total "))
        for row in rows:
            if row.behind and any(row.change.sums.get(c) for c in columns if columns[c] != shape.value):
                _judge_key(book, shape, spec, names, row)


def _judge_key(book: Book, shape: Shape, spec: GrainSpec, names: Sequence[str], row: Became) -> None:
    grain, _, _ = spec
    moments = _moments(book, shape, names, row, grain.sums)
    for at, amounts in moments:
        change = Change(row.change.columns, row.change.sums, row.change.since, row.change.until)
        then = Became(key=row.key, change=change, amounts=amounts, behind=False)
        faults = [f for guard in grain.guards for f in broken(grain, guard, [then], book.reader(shape.ledger))]
        if faults:
            day = at.astimezone(book.zone).date()
            raise Conflict(
                *(Fault(code=f.code, message=f.message + say(book.ctx, "on_that_day", day=day)) for f in faults)
            )


def _moments(
    book: Book, shape: Shape, names: Sequence[str], row: Became, sums: Sequence[str]
) -> list[tuple[datetime, dict[str, Decimal]]]:
    """The key's amounts at the end of every moment since the change, found backwards from what they are now."""
    table = shape.moves
    kept = [s for s in sums if s in table.c]
    here = and_(*(table.c[c].is_(None) if v is None else table.c[c] == v for c, v in row.change.columns.items()))
    query = (
        select(table.c.at, *(table.c[s] for s in kept))
        .where(here, table.c.at > row.change.since)
        .order_by(table.c.at.desc(), table.c.id.desc())
    )
    amounts, found = dict(row.amounts), []
    moment: datetime | None = None
    for at, *changes in book.ctx.connection.execute(query):
        if at != moment:
            found.append((at, dict(amounts)))
            moment = at
        amounts = {s: amounts[s] - (c or ZERO) for s, c in zip(kept, changes, strict=True)}
    found.append((row.change.since, amounts))
    return found[::-1]
