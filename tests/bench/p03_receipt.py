"""P3: a receipt of five lines, made and posted: numbering, workflow, ledgers, rules and trail, in one transaction.

The hand-written one knows its tables by heart: it looks up what was named, writes the same rows into the same tables
with one statement a table (number, document, trail, moves, all seven kinds of running rows, the search key), and asks
nothing twice. Where month ends are kept already it keeps them right as ours does. That both leave the same behind is
checked before anything is measured. What it does without: it asks neither whether the period is closed nor who waits
for the goods nor how they are valued, it checks next to nothing of what it is given, and no rule could be added to it.
So the goal is a hard one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import Connection, Table, bindparam, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from runtime import records, workflow
from runtime.ledgers.months import month_end
from tests.bench.measure import Figure, against
from tests.bench.places import ITEMS, NOON, Place, code_of

GOAL = "P3"
ENTITY = "purchase_receipt"
LINES = 5
INSERTS: Mapping[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
QUANTITY = 10**6
PRICE = 10**6
MONEY = 10**2
TABLES = (
    "partner", "warehouse", "item", "dg_serial", "purchase_receipt", "purchase_receipt__lines", "dg_audit",
    "pool_stock", "balance_payable", "balance_stock", "joint_reserved_within_stock", "total_payable_by_partner",
    "total_stock_by_item", "total_stock_by_place", "ledger_payable", "ledger_stock",
)  # fmt: skip
KEPT = {"payable": ("amount",), "stock": ("qty", "value")}
"""Ledgers of which month ends are kept, and what of each."""


def run(place: Place) -> Iterator[Figure]:
    """The receipt on this database."""
    documents = _documents()
    ours, hand = our_way(place, documents), HandWritten(place, documents)
    check_same_rows(place, ours, hand)
    mine, theirs = against(ours, hand, place.size.rounds)
    yield Figure(
        goal=GOAL, name="receipt of 5 lines, posted", database=place.dialect, unit="ms CPU", ours=mine, hand=theirs,
        limit=1.6,
    )  # fmt: skip


def _documents() -> Iterator[dict[str, Any]]:
    """What comes in: codes, quantities and prices as text, a document of other items each time."""
    for n in itertools.count():
        lines = [
            {"item": code_of(f"I{(n * LINES + i) % ITEMS}"), "qty": str(5 + i), "price": "3.25"} for i in range(LINES)
        ]
        yield {"partner": code_of("S1"), "warehouse": code_of("W1"), "supplier_note": f"N{n}", "lines": lines}


def our_way(place: Place, documents: Iterator[dict[str, Any]]) -> Callable[[], object]:
    """Through the one door."""

    def work() -> object:
        with place.writing() as ctx:
            made = records.create(ctx, ENTITY, next(documents))
            return workflow.take(ctx, ENTITY, made.id, "post", {}, saved=made)

    return work


def check_same_rows(place: Place, ours: Callable[[], object], hand: Callable[[], object]) -> None:
    """Both must leave the same behind: as many rows in every table they append to, the same sums in running rows."""
    grown = []
    for work in (ours, hand):
        before = _counts(place)
        work()
        after = _counts(place)
        grown.append({name: after[name] - before[name] for name in after})
    if grown[0] != grown[1]:
        raise AssertionError(f"the hand-written receipt writes other rows than ours: {grown}")


APPENDED = ("purchase_receipt", "purchase_receipt__lines", "dg_audit", "ledger_payable", "ledger_stock")


def _counts(place: Place) -> dict[str, int]:
    with place.reading() as ctx:
        found = {
            name: ctx.connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in zip(APPENDED, place.plain(*APPENDED), strict=True)
        }
        for (name, sums, _), table in zip(RUNNING, place.plain(*(name for name, _, _ in RUNNING)), strict=True):
            for column in sums:
                found[f"{name}.{column}"] = int(ctx.connection.scalar(select(func.sum(table.c[column]))) or 0)
        for (ledger, sums), table in zip(KEPT.items(), place.plain(*(f"snapshot_{n}" for n in KEPT)), strict=True):
            for column in sums:
                found[f"{ledger} kept {column}"] = int(ctx.connection.scalar(select(func.sum(table.c[column]))) or 0)
        (serial,) = place.plain("dg_serial")
        found["dg_serial"] = int(ctx.connection.scalar(select(func.sum(serial.c.value))) or 0)
        return found


class HandWritten:
    """The same receipt by a program that can do nothing else."""

    def __init__(self, place: Place, documents: Iterator[dict[str, Any]]) -> None:
        self.place, self.documents = place, documents
        self.tables = dict(zip(TABLES, place.plain(*TABLES), strict=True))
        t = self.tables
        partner, warehouse, item = t["partner"], t["warehouse"], t["item"]
        self.find_partner = select(partner.c.id, partner.c.credit_days, partner.c.search_key).where(
            partner.c.code == bindparam("code"), partner.c.deleted_at.is_(None)
        )
        self.find_warehouse = select(warehouse.c.id).where(
            warehouse.c.code == bindparam("code"), warehouse.c.deleted_at.is_(None)
        )
        self.find_items = select(item.c.code, item.c.id, item.c.unit, item.c.tracked, item.c.inspect).where(
            item.c.code.in_(bindparam("codes", expanding=True)), item.c.deleted_at.is_(None)
        )
        insert = INSERTS[place.dialect]
        self.serial = self._serial(insert)
        self.header = insert(t["purchase_receipt"]).returning(t["purchase_receipt"].c.id)
        receipt = t["purchase_receipt"]
        self.posted = (
            receipt.update()
            .where(receipt.c.id == bindparam("own"))
            .values(status="posted", version=2, changed_at=bindparam("now"))
        )
        self.lines = insert(t["purchase_receipt__lines"])
        self.ids = insert(t["purchase_receipt__lines"]).returning(t["purchase_receipt__lines"].c.id)
        self.audit = insert(t["dg_audit"])
        self.running = {name: upsert(insert, t[name], sums, first) for name, sums, first in RUNNING}
        self.owed, self.stocked = insert(t["ledger_payable"]), insert(t["ledger_stock"])
        self.months = self._months()
        self.kept = {
            ledger: kept_upsert(insert, table, KEPT[ledger])
            for ledger, table in zip(KEPT, place.plain(*(f"snapshot_{name}" for name in KEPT)), strict=True)
        }

    def _months(self) -> dict[str, list[date]]:
        """The month ends after the receipts' day which each ledger keeps already."""
        (state,) = self.place.plain("ledger_state")
        found: dict[str, list[date]] = {}
        with self.place.database.read() as connection:
            through = dict(connection.execute(select(state.c.ledger, state.c.snapshot_through)).all())
        for ledger in KEPT:
            end, last, ends = month_end(NOON.date()), through.get(ledger), []
            while last is not None and end <= last:
                ends.append(end)
                end = month_end(end + timedelta(days=1))
            found[ledger] = ends
        return found

    def _serial(self, insert: Callable[..., Any]) -> Any:
        table = self.tables["dg_serial"]
        statement = insert(table).values(key=bindparam("key"), value=1)
        return statement.on_conflict_do_update(index_elements=["key"], set_={"value": table.c.value + 1}).returning(
            table.c.value
        )

    def __call__(self) -> object:
        now = NOON
        with self.place.database.write() as connection:
            return self._receive(connection, next(self.documents), now)

    def _receive(self, connection: Connection, document: dict[str, Any], now: datetime) -> int:
        partner = connection.execute(self.find_partner, document["partner"]).one()
        warehouse = connection.execute(self.find_warehouse, document["warehouse"]).scalar_one()
        codes = [line["item"]["code"] for line in document["lines"]]
        items = {row.code: row for row in connection.execute(self.find_items, {"codes": codes})}
        lines = [self._line(n, line, items, warehouse) for n, line in enumerate(document["lines"], 1)]
        total = sum(line["amount"] for line in lines)
        serial = connection.execute(self.serial, {"key": f"purchase_receipt|{now:%Y%m}"}).scalar_one()
        code = f"CGRK{now:%Y%m}-{serial:04}"
        header = {
            "version": 1, "created_at": now, "changed_at": now, "code": code, "date": now.date(),
            "search_key": f"{code.lower()} {partner.search_key}", "partner": partner.id, "warehouse": warehouse,
            "supplier_note": document["supplier_note"], "amount": total, "tax_amount": 0, "total": total,
            "status": "draft", "over_drawn": False, "over_drawn_value": 0,
        }  # fmt: skip
        own = connection.execute(self.header, header).scalar_one()
        for line in lines:
            line["parent"] = own
        numbers = connection.execute(self.ids, lines).scalars().all()
        connection.execute(self.posted, {"own": own, "now": now})
        self._note(connection, own, header, lines, now)
        self._post(connection, own, partner, warehouse, lines, numbers, now)
        return int(own)

    def _line(self, n: int, line: Mapping[str, Any], items: Mapping[str, Any], warehouse: int) -> dict[str, Any]:
        item = items[line["item"]["code"]]
        qty, price = Decimal(line["qty"]), Decimal(line["price"])
        if qty <= 0:
            raise ValueError("quantity")
        amount = int((qty * price).quantize(Decimal("0.01")) * MONEY)
        whole = int(qty * QUANTITY)
        return {
            "position": n, "item": item.id, "unit": item.unit, "qty": whole, "qty__entered": whole,
            "price": int(price * PRICE), "tax_rate": 0, "amount": amount, "tax_amount": 0, "total": amount,
            "place": warehouse, "invoiced": 0, "uninvoiced": amount, "over_drawn": False, "returned_qty": 0,
            "returnable_qty": whole, "inspected_qty": 0, "uninspected_qty": whole,
        }  # fmt: skip

    def _note(
        self, connection: Connection, own: int, header: Mapping[str, Any], lines: Sequence[Any], now: datetime
    ) -> None:
        shared = {"at": now, "source": "api", "entity": ENTITY, "record": own, "note": ""}
        text = orjson.dumps({**header, "lines": lines}).decode()
        moved = '{"status":["draft","posted"]}'
        rows = [
            {**shared, "version": 1, "kind": "create", "transition": "", "changes": text},
            {**shared, "version": 2, "kind": "transition", "transition": "post", "changes": moved},
        ]
        connection.execute(self.audit, rows)

    def _post(
        self, connection: Connection, own: int, partner: Any, warehouse: int, lines: Sequence[Any],
        numbers: Sequence[int], now: datetime,
    ) -> None:  # fmt: skip
        total = sum(line["amount"] for line in lines)
        due = now.date() + timedelta(days=partner.credit_days or 30)
        owed = {"partner": partner.id, "document": own, "document__type": ENTITY, "due_date": due, "amount": total}
        stocked = [
            {"item": x["item"], "warehouse": warehouse, "qty": x["qty"], "value": x["amount"]}
            for x in sorted(lines, key=lambda x: x["item"])
        ]
        rows = running_rows(owed, stocked, now)
        for name, statement in self.running.items():
            connection.execute(statement, rows[name])
        ends = {
            "payable": [{**owed, "key": rows["balance_payable"][0]["key"]}],
            "stock": [{**s, "key": row["key"]} for s, row in zip(stocked, rows["balance_stock"], strict=True)],
        }
        for ledger, months in self.months.items():
            if months:
                connection.execute(self.kept[ledger], [{**row, "month": m} for m in months for row in ends[ledger]])
        shared = {
            "at": now, "doc_entity": ENTITY, "doc_id": own, "posting_set": "post", "entered_by": 0, "entered_at": now,
        }  # fmt: skip
        connection.execute(self.owed, {**owed, **shared, "kind": "", "posting": "owed", "cost": "none"})
        mark = {**shared, "kind": "purchase", "posting": "stocked", "cost": "given"}
        line = "purchase_receipt.lines"
        moves = [{**s, **mark, "line_entity": line, "line_id": i} for s, i in zip(stocked, numbers, strict=True)]
        connection.execute(self.stocked, moves)


RUNNING: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("balance_payable", ("amount",), "amount"),
    ("balance_stock", ("qty",), "qty"),
    ("joint_reserved_within_stock", ("stock__qty",), ""),
    ("pool_stock", ("qty", "value"), ""),
    ("total_payable_by_partner", ("amount",), ""),
    ("total_stock_by_item", ("qty", "value"), ""),
    ("total_stock_by_place", ("qty",), ""),
)


def upsert(insert: Callable[..., Any], table: Table, sums: Sequence[str], first: str) -> Any:
    """Add to a running row or begin it: one atomic statement."""
    statement = insert(table)
    new: dict[str, Any] = {name: table.c[name] + statement.excluded[name] for name in sums}
    new["last_at"] = statement.excluded.last_at
    if first:
        new["first_at"] = case((table.c[first] <= 0, statement.excluded.first_at), else_=table.c.first_at)
    return statement.on_conflict_do_update(index_elements=["key"], set_=new)


def kept_upsert(insert: Callable[..., Any], table: Table, sums: Sequence[str]) -> Any:
    """Add to the month ends that are kept, or begin them."""
    statement = insert(table)
    new = {name: table.c[name] + statement.excluded[name] for name in sums}
    return statement.on_conflict_do_update(index_elements=["month", "key"], set_=new)


def running_rows(owed: Mapping[str, Any], stocked: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """What is added to every running row."""
    moment = {"first_at": now, "last_at": now}
    document = f"{owed['partner']}|{ENTITY}:{owed['document']}|{owed['due_date']}"
    pairs = [(f"{s['item']}|{s['warehouse']}", s) for s in stocked]
    joint = [
        {"key": k, "item": s["item"], "warehouse": s["warehouse"], "stock__qty": s["qty"], "reserved__qty": 0,
         "last_at": now}
        for k, s in pairs
    ]  # fmt: skip
    by_item = [
        {"key": str(s["item"]), "item": s["item"], "qty": s["qty"], "value": s["value"], "last_at": now}
        for s in stocked
    ]
    moved = [{"item": s["item"], "warehouse": s["warehouse"], "qty": s["qty"]} for s in stocked]
    return {
        "balance_payable": [{"key": document, **owed, **moment}],
        "balance_stock": [{"key": f"{k}||", **m, **moment} for (k, _), m in zip(pairs, moved, strict=True)],
        "joint_reserved_within_stock": joint,
        "pool_stock": [{**row, "key": f"firm|{row['item']}", "pool": "firm"} for row in by_item],
        "total_payable_by_partner": [
            {"key": str(owed["partner"]), "partner": owed["partner"], "amount": owed["amount"], "last_at": now}
        ],
        "total_stock_by_item": by_item,
        "total_stock_by_place": [{"key": k, **m, "last_at": now} for (k, _), m in zip(pairs, moved, strict=True)],
    }


__all__ = ["GOAL", "HandWritten", "run"]
