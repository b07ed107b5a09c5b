"""P8: taking what expires first over a hundred thousand open lots."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import Table, insert, text

from runtime.bulk import load_rows
from runtime.context import RunContext
from runtime.database import Database, open_database
from runtime.ledgers import MoveRequest, post
from runtime.ledgers.rebuild import rebuild
from tests.bench.measure import Figure, spent
from tests.bench.places import NOON, Place
from tests.runtime.ledgers.depot import Depot, open_depot, take

GOAL = "P8"
LOTS = 100_000
LINES = 20
THING = 3
"""The thing of which half the lots are; the rest are of twenty others."""
OTHERS = range(101, 101 + LINES)
LONG_AGO = datetime(2025, 1, 1, tzinfo=NOON.tzinfo)


def run(place: Place) -> Iterator[Figure]:
    """In a database of its own."""
    database = fresh(place, "lots")
    lots = 1_000 if place.size.quick else LOTS
    rounds = max(3, place.size.rounds // 6)
    try:
        depot = open_depot(database)
        with depot.acting() as ctx:
            fill(ctx, lots)
        with database.write() as connection:
            connection.execute(text("ANALYZE"))
        shared = {"goal": GOAL, "database": place.dialect, "unit": "ms CPU", "of": "ours", "limit": 100.0}
        for what, things in (("of one thing", [THING] * LINES), ("of 20 things", list(OTHERS))):
            took = spent(database.engine, partial(issue, depot, things), rounds)
            name = f"{LINES} lines {what} issued over {lots} open lots"
            yield Figure(name=name, ours=took.cpu, note=took.note, **shared)
    finally:
        database.drop_schema()
        database.close()


def fresh(place: Place, name: str) -> Database:
    """An empty database beside the firm's."""
    if place.dialect == "postgresql":
        made = open_database(place.home.url, f"{name}_{uuid.uuid4().hex[:8]}")
        made.create_schema()
        return made
    path = place.home.folder / f"{name}.db"
    for old in path.parent.glob(f"{name}.db*"):
        old.unlink()
    return open_database(f"sqlite:///{path}")


def issue(depot: Depot, things: Sequence[int]) -> list[Decimal]:
    """One document that takes more than a lot of each thing, and is then forgotten."""
    asked = [take(thing=thing, qty=15, allocate="expiring", document=7) for thing in things]
    return issued(depot, asked)


def issued(depot: Depot, asked: Sequence[MoveRequest]) -> list[Decimal]:
    """What each move takes; nothing stays."""
    engine = depot.app.database.engine.execution_options(dougong_begin="write")
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            return [move.amounts["qty"] for move in post(depot.context(connection), asked).moves]
        finally:
            transaction.rollback()


def fill(ctx: RunContext, lots: int) -> None:
    """Lots that came in one by one, ten pieces each, none of them taken yet."""
    entity, moves = ctx.app.tables.entity, ctx.app.tables.ledgers.moves["goods"]
    things = [{"id": i, "code": f"T{i}", "name": f"Thing {i}", "tracked": True} for i in OTHERS]
    ctx.connection.execute(insert(entity["thing"]), things)
    _load(ctx, entity["batch"], ({**lot, "code": f"L{lot['id']}", "blocked": False} for lot in _lots(lots)))
    _load(ctx, moves, (_came_in(lot) for lot in _lots(lots)))
    rebuild(ctx, "goods")


def _lots(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        thing = THING if n % 2 else OTHERS[n // 2 % LINES]
        expiry = date(2026, 4, 1) + timedelta(days=n * 7919 % 700) if n % 11 else None
        yield {"id": 1000 + n, "thing": thing, "expiry": expiry}


def _came_in(lot: dict[str, Any]) -> dict[str, Any]:
    moment = LONG_AGO + timedelta(minutes=5 * lot["id"])
    return {
        "id": lot["id"], "thing": lot["thing"], "place": 1, "batch": lot["id"], "qty": Decimal(10),
        "value": Decimal(30), "weight": Decimal(0), "kind": "buy", "at": moment, "entered_at": moment,
        "doc_entity": "thing", "doc_id": 1, "posting_set": "post", "posting": "", "cost": "given",
    }  # fmt: skip


def _load(ctx: RunContext, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    names = [c.name for c in table.c]
    shared = {"version": 1, "created_at": NOON, "changed_at": NOON, "active": True, "search_key": "", "name": ""}
    load_rows(ctx.connection, table, ([{**shared, **row}.get(n) for n in names] for row in rows))


__all__ = ["GOAL", "fill", "issue", "run"]
