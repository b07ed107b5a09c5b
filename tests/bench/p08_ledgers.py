"""P8: balances at any day over a million moves, where a lot went, a structure taken apart.

The hand-written ones know the tables: the month end kept plus the moves since, a recursive query over the edges, a
plain walk over the lines.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Table, bindparam, func, select, text

from runtime import ledgers, planning
from runtime.ledgers.months import month_end
from runtime.trace import trace
from tests.bench.measure import Figure, against
from tests.bench.places import ITEMS, NOON, Place, analyse, prepared

GOAL = "P8"
LEDGER = "stock"
FIRST = date(2023, 3, 1)
DAYS = 1_080
DAY = date(2025, 7, 17)
BOM_ROWS = 2_679
TREE_ITEMS = 900
FIRST_ITEM = 100_000
LOTS = 500
TRACKED = 10
FIRST_MOVE = 10**8
"""Above what postings of other benchmarks have numbered."""
SPREAD = 3


def run(place: Place) -> Iterator[Figure]:
    """The ledgers on this database."""
    fill(place)
    yield from _balances(place)
    yield from _explosion(place)
    yield from _genealogy(place)


def _balances(place: Place) -> Iterator[Figure]:
    shared = {"goal": GOAL, "database": place.dialect, "unit": "ms CPU", "of": "ours"}
    hand = HandWritten(place)

    def ours(**where: Any) -> Callable[[], object]:
        def work() -> object:
            with place.reading() as ctx:
                return ledgers.balances(ctx, LEDGER, group_by=("item", "warehouse"), where=where, as_of=DAY)

        return work

    mine, theirs = against(ours(), hand.everything, place.size.rounds)
    yield Figure(name="balances of all at a past day", ours=mine, hand=theirs, limit=30.0, **shared)
    mine, theirs = against(ours(item=17), hand.one, place.size.rounds)
    yield Figure(name="balance of one item at a past day", ours=mine, hand=theirs, limit=1.0, **shared)


class HandWritten:
    """Month end plus the moves since."""

    def __init__(self, place: Place) -> None:
        self.place = place
        (moves, kept) = place.plain("ledger_stock", "snapshot_stock")
        before = (DAY.replace(day=1)) - timedelta(days=1)
        start = datetime(DAY.year, DAY.month, 1, tzinfo=UTC) - timedelta(hours=8)
        end = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(hours=16)
        if place.dialect == "sqlite":
            start, end = start.replace(tzinfo=None), end.replace(tzinfo=None)
        sums = (func.sum(moves.c.qty), func.sum(moves.c.value))
        since = (
            select(moves.c.item, moves.c.warehouse, *sums)
            .where(moves.c.at >= start, moves.c.at < end)
            .group_by(moves.c.item, moves.c.warehouse)
        )
        until = select(kept.c.item, kept.c.warehouse, kept.c.qty, kept.c.value).where(kept.c.month == before)
        item = bindparam("item")
        self.all = (until, since)
        self.of_one = (until.where(kept.c.item == item), since.where(moves.c.item == item))

    def everything(self) -> object:
        return self._sum(self.all, {})

    def one(self) -> object:
        return self._sum(self.of_one, {"item": 17})

    def _sum(self, statements: Any, given: dict[str, int]) -> dict[tuple[int, int], tuple[Decimal, Decimal]]:
        found: dict[tuple[int, int], list[int]] = {}
        with self.place.database.read() as connection:
            for statement in statements:
                for item, warehouse, qty, value in connection.execute(statement, given):
                    sums = found.setdefault((item, warehouse), [0, 0])
                    sums[0] += int(qty)
                    sums[1] += int(value)
        return {k: (Decimal(q).scaleb(-6), Decimal(v).scaleb(-2)) for k, (q, v) in found.items()}


# --- structures ------------------------------------------------------------------------------------------------


def _explosion(place: Place) -> Iterator[Figure]:
    def ours() -> object:
        with place.reading() as ctx:
            return planning.explode(ctx, FIRST_ITEM, Decimal(10), NOON.date())

    boms, lines, items = place.plain("bom", "bom__lines", "item")
    statement = (
        select(boms.c.item, boms.c.base_qty, lines.c.item, lines.c.qty, lines.c.scrap)
        .join(lines, lines.c.parent == boms.c.id)
        .where(boms.c.status == "active", boms.c.deleted_at.is_(None))
    )
    named = select(items.c.id, items.c.code, items.c.name).where(items.c.id.in_(bindparam("ids", expanding=True)))

    def hand() -> object:
        with place.database.read() as connection:
            return _exploded(connection, statement, named)

    mine, theirs = against(ours, hand, max(3, place.size.rounds // 3))
    yield Figure(
        goal=GOAL, name=f"explosion of {BOM_ROWS} rows, loading included", database=place.dialect, unit="ms CPU",
        ours=mine, hand=theirs, limit=10.0, of="ours",
    )  # fmt: skip


def _exploded(connection: Any, statement: Any, named: Any) -> dict[int, Decimal]:
    children: dict[int, list[tuple[int, Decimal]]] = {}
    for item, base, component, qty, scrap in connection.execute(statement):
        each = Decimal(qty) / Decimal(base) * (1 + Decimal(scrap or 0).scaleb(-6))
        children.setdefault(item, []).append((component, each))
    need = {FIRST_ITEM: Decimal(10)}
    for item in sorted(children):  # items are numbered from the top down
        for component, each in children[item] if item in need else ():
            need[component] = need.get(component, Decimal(0)) + need[item] * each
    connection.execute(named, {"ids": list(need)}).all()
    return need


# --- where it went ---------------------------------------------------------------------------------------------


def _genealogy(place: Place) -> Iterator[Figure]:
    lot = 1

    def ours() -> object:
        with place.reading() as ctx:
            return trace(ctx, "lot", lot, "forward")

    walk = text(
        "WITH RECURSIVE reached(id) AS (SELECT id FROM ledger_stock WHERE lot = :lot UNION SELECT e.to_move FROM "
        "ledger_edge e JOIN reached r ON e.from_ledger = 'stock' AND e.from_move = r.id) SELECT m.id, m.lot, m.item, "
        "m.qty, m.doc_entity, m.doc_id FROM reached r JOIN ledger_stock m ON m.id = r.id"
    )

    def hand() -> object:
        with place.database.read() as connection:
            return connection.execute(walk, {"lot": lot}).all()

    mine, theirs = against(ours, hand, max(3, place.size.rounds // 3))
    yield Figure(
        goal=GOAL, name="where a lot went", database=place.dialect, unit="ms CPU", ours=mine, hand=theirs, limit=10.0,
        of="ours",
    )  # fmt: skip


# --- data ------------------------------------------------------------------------------------------------------


def fill(place: Place) -> None:
    """Three years of moves with their month ends and edges, and a structure of 2,679 lines."""
    moves, edges = place.plain("ledger_stock", "ledger_edge")
    prepared(place, moves, place.size.rows, lambda: _moves(place, moves))
    _keep_months(place)
    prepared(place, edges, place.size.rows // 10, lambda: _edges(place))
    (lots,) = place.plain("lot")
    prepared(place, lots, LOTS, lambda: _lots(place, lots))
    _structure(place)


def _lots(place: Place, table: Table) -> Iterator[list[Any]]:
    for n in range(1, LOTS + 1):
        row = {
            "id": n,
            "version": 1,
            "code": f"L{n}",
            "item": (n - 1) % TRACKED + 1,
            "search_key": f"l{n}",
            "active": True,
        }
        yield [row.get(c.name) for c in table.c]


def _keep_months(place: Place) -> None:
    """The month ends the product keeps by itself when a month is over."""
    (kept,) = place.plain("snapshot_stock")
    yesterday = NOON.date() - timedelta(days=1)
    with place.database.read() as connection:
        if connection.scalar(select(func.max(kept.c.month))) == month_end(yesterday - timedelta(days=yesterday.day)):
            return
    with place.writing() as ctx:
        ledgers.keep_months(ctx, LEDGER, yesterday)
    analyse(place, kept)


def _moves(place: Place, table: Table) -> Iterator[list[Any]]:
    sure = random.Random(11)
    lite = place.dialect == "sqlite"
    names = [c.name for c in table.c]
    for n in range(1, place.size.rows + 1):
        moment: Any = datetime(2023, 3, 1, tzinfo=UTC) + timedelta(minutes=DAYS * 1440 * n // place.size.rows)
        if lite:
            moment = moment.strftime("%Y-%m-%d %H:%M:%S.%f")
        sign = 1 if n % 2 else -1
        qty = sure.randrange(1, 100) * 10**6 * sign
        item = sure.randrange(1, ITEMS + 1)
        lot = n % (LOTS // TRACKED) * TRACKED + item if item <= TRACKED else None
        row: dict[str, Any] = {
            "id": FIRST_MOVE + n, "item": item, "warehouse": sure.randrange(1, 5), "lot": lot,
            "qty": qty, "value": qty * 3 // 10**4, "kind": "purchase", "at": moment, "doc_entity": "purchase_receipt",
            "doc_id": n // 5 + 1, "posting_set": "post", "posting": "stocked", "cost": "given", "entered_by": 0,
            "entered_at": moment,
        }  # fmt: skip
        yield [row.get(name) for name in names]


def _edges(place: Place) -> Iterator[list[Any]]:
    """Each move of a lot feeds a few later ones, five levels deep."""
    rows = place.size.rows
    for n in range(1, rows // 10 + 1):
        origin = (n - 1) // SPREAD + 1
        target = min(rows, origin * SPREAD + n % SPREAD + LOTS)
        yield ["stock", FIRST_MOVE + origin, "stock", FIRST_MOVE + target, 10**6]


def _structure(place: Place) -> None:
    items, boms, lines = place.plain("item", "bom", "bom__lines")
    with place.database.read() as connection:
        if connection.scalar(select(func.count()).select_from(lines)):
            return
    sure = random.Random(3)
    made = [n for n in range(TREE_ITEMS) if n < TREE_ITEMS // 2]
    moment = NOON.replace(tzinfo=None) if place.dialect == "sqlite" else NOON
    stamp = {"version": 1, "created_at": moment, "changed_at": moment, "active": True}
    with place.database.write() as connection:
        connection.execute(
            items.insert(),
            [
                {"id": FIRST_ITEM + n, "code": f"T{n}", "name": f"件{n}", "unit": 1, "category": 1, "search_key": "t",
                 "supply": "make" if n < TREE_ITEMS // 2 else "buy", "tracked": False, "inspect": False,
                 "item_type": "material", **stamp}
                for n in range(TREE_ITEMS)
            ],
        )  # fmt: skip
        base = {"base_qty": 10**6, "base_qty__entered": 10**6, "unit": 1, "status": "active", "search_key": "t"}
        connection.execute(
            boms.insert(), [{"id": n + 1, "item": FIRST_ITEM + n, "code": f"B{n}", **base, **stamp} for n in made]
        )
        connection.execute(lines.insert(), [_line(i, made, sure) for i in range(BOM_ROWS)])


def _line(i: int, made: list[int], sure: random.Random) -> dict[str, Any]:
    """Every made thing but the first goes into one other; the rest is bought."""
    count = len(made)
    if i < count - 1:
        parent, following = i // SPREAD, i + 1
    else:
        parent, following = i % count, sure.randrange(count, TREE_ITEMS)
    return {
        "parent": parent + 1, "position": i // count + SPREAD, "item": FIRST_ITEM + following, "unit": 1,
        "qty": 10**6, "qty__entered": 10**6, "scrap": 0, "fixed_qty": 0, "issue_by": "pick",
    }  # fmt: skip
