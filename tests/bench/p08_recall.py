"""P8: one lot recalled among a million moves: where it went through six levels, and where the last ones came from.

Every lot goes into three others, six times over: 1,093 lots that 2,184 moves and 1,092 edges join.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from runtime.trace import trace
from tests.bench import p08_ledgers
from tests.bench.measure import Figure, spent
from tests.bench.places import Place

GOAL = "P8"
LEVELS, SPREAD = 6, 3
COUNT = sum(SPREAD**level for level in range(LEVELS + 1))
FIRST_LOT = 1_000_000
FIRST_MOVE = 2 * 10**8
MOMENT = datetime(2025, 11, 1, tzinfo=UTC)


def run(place: Place) -> Iterator[Figure]:
    """The recall on this database."""
    p08_ledgers.fill(place)
    fill(place)
    rounds = max(3, place.size.rounds // 6)
    shared = {"goal": GOAL, "database": place.dialect, "unit": "ms CPU", "of": "ours", "limit": 1_000.0}
    for way, lot in (("forward", FIRST_LOT), ("backward", FIRST_LOT + COUNT - 1), ("both", FIRST_LOT + 1)):
        found, expected = len(lots_of(place, lot, way)), EXPECTED[way]
        if found != expected:
            raise AssertionError(f"{found} lots instead of {expected}")
        name = f"{found} lots over {LEVELS} levels, {place.size.rows} moves, {way}"
        took = spent(place.database.engine, recalling(place, lot, way), rounds)
        yield Figure(name=name, ours=took.cpu, note=took.note, **shared)


BRANCH = sum(SPREAD**level for level in range(LEVELS))
EXPECTED = {"forward": COUNT, "backward": LEVELS + 1, "both": BRANCH + 1}


def recalling(place: Place, lot: int, way: str) -> Callable[[], object]:
    """The whole question, as the page asks it."""

    def work() -> object:
        with place.reading() as ctx:
            return trace(ctx, "lot", lot, way)

    return work


def lots_of(place: Place, lot: int, way: str) -> set[int]:
    """The lots that the answer names."""
    with place.reading() as ctx:
        return {spot.id for spot in trace(ctx, "lot", lot, way).nodes if spot.entity == "lot" and spot.id is not None}


def fill(place: Place) -> None:
    """The lots, each made of the one above it."""
    lots, moves, edges = place.plain("lot", "ledger_stock", "ledger_edge")
    with place.database.write() as connection:
        if connection.scalar(select(func.count()).select_from(lots).where(lots.c.id >= FIRST_LOT)):
            return
        connection.execute(insert(lots), [_lot(n) for n in range(COUNT)])
        connection.execute(insert(moves), [one for n in range(1, COUNT) for one in _made(place, n)])
        joined = [
            {"from_ledger": "stock", "from_move": FIRST_MOVE + 2 * n, "to_ledger": "stock",
             "to_move": FIRST_MOVE + 2 * n + 1, "qty": 10**6}
            for n in range(1, COUNT)
        ]  # fmt: skip
        connection.execute(insert(edges), joined)


def _lot(n: int) -> dict[str, Any]:
    return {"id": FIRST_LOT + n, "version": 1, "code": f"R{n}", "item": 1, "search_key": f"r{n}", "active": True}


def _made(place: Place, n: int) -> Iterator[dict[str, Any]]:
    """What is taken of the lot above, and the lot that is made of it, in one document."""
    moment: Any = MOMENT + timedelta(minutes=n)
    if place.dialect == "sqlite":
        moment = moment.replace(tzinfo=None)
    for place_, lot, sign in ((0, (n - 1) // SPREAD, -1), (1, n, 1)):
        yield {
            "id": FIRST_MOVE + 2 * n + place_, "item": 1, "warehouse": 1, "lot": FIRST_LOT + lot, "qty": sign * 10**6,
            "value": sign * 300, "kind": "purchase", "at": moment, "doc_entity": "purchase_receipt",
            "doc_id": 10**7 + n, "posting_set": "post", "posting": "stocked", "cost": "given", "entered_by": 0,
            "entered_at": moment,
        }  # fmt: skip


__all__ = ["GOAL", "fill", "run"]
