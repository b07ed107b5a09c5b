"""The receipt of P3 by a program that can do nothing else: its tables known by heart, one statement a table.

It leaves the same rows behind as ours: number, document, trail, moves, running rows, month ends, and the trace of the
rule about goods to be inspected. Before that it asks what the app's own rules of the trade ask: what may be picked,
whether the period is open, who waits for the goods, and whether an alert about them has to open or close.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson
from sqlalchemy import Connection, Table, and_, bindparam, case, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from runtime.ledgers.months import month_end
from tests.bench.places import NOON, Place

ENTITY = "purchase_receipt"
LINES = 5
INSERTS: Mapping[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
QUANTITY = 10**6
PRICE = 10**6
MONEY = 10**2
RATE = 10**6
TABLES = (
    "partner", "warehouse", "item", "dg_serial", "purchase_receipt", "purchase_receipt__lines", "dg_audit",
    "pool_stock", "balance_payable", "balance_stock", "joint_reserved_within_stock", "total_payable_by_partner",
    "total_stock_by_item", "total_stock_by_place", "ledger_payable", "ledger_stock", "firm", "ledger_state", "lot",
    "sales_order", "sales_order__lines", "total_reserved_by_item", "dg_alert", "dg_rule_run",
)  # fmt: skip
KEPT = {"payable": ("amount",), "stock": ("qty", "value")}
"""Ledgers of which month ends are kept, and what of each."""


class HandWritten:
    """The same receipt by a program that can do nothing else."""

    def __init__(self, place: Place, documents: Iterator[dict[str, Any]]) -> None:
        self.place, self.documents = place, documents
        self.tables = dict(zip(TABLES, place.plain(*TABLES), strict=True))
        t = self.tables
        partner, warehouse, item = t["partner"], t["warehouse"], t["item"]
        self.find_partner = select(
            partner.c.id, partner.c.credit_days, partner.c.search_key, partner.c.is_supplier
        ).where(partner.c.code == bindparam("code"), partner.c.deleted_at.is_(None))
        self.find_warehouse = select(warehouse.c.id, warehouse.c.use, warehouse.c.quarantine).where(
            warehouse.c.code == bindparam("code"), warehouse.c.deleted_at.is_(None)
        )
        self.find_items = select(
            item.c.code, item.c.id, item.c.unit, item.c.tracked, item.c.inspect, item.c.active
        ).where(item.c.code.in_(bindparam("codes", expanding=True)), item.c.deleted_at.is_(None))
        self.find_rate = select(t["firm"].c.tax_rate).order_by(t["firm"].c.id).limit(1)
        state = t["ledger_state"]
        self.find_closed = select(func.max(state.c.closed_through)).where(state.c.ledger.in_(("", *KEPT)))
        self.find_waiting, self.find_alerts = waiting_lines(t), items_of_alerts(t)
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
        self.trace = insert(t["dg_rule_run"])
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
        warehouse = connection.execute(self.find_warehouse, document["warehouse"]).one()
        codes = [line["item"]["code"] for line in document["lines"]]
        items = {row.code: row for row in connection.execute(self.find_items, {"codes": codes})}
        rate = connection.execute(self.find_rate).scalar() or 0
        closed = connection.execute(self.find_closed).scalar()
        if not document["lines"] or not partner.is_supplier or warehouse.use != "good":
            raise ValueError("what may be picked")
        if closed is not None and now.date() <= closed:
            raise ValueError("the period is closed")
        lines = [self._line(n, line, items, warehouse, rate) for n, line in enumerate(document["lines"], 1)]
        serial = connection.execute(self.serial, {"key": f"purchase_receipt|{now:%Y%m}"}).scalar_one()
        code = f"CGRK{now:%Y%m}-{serial:04}"
        sums = {name: sum(line[name] for line in lines) for name in ("amount", "tax_amount", "total")}
        header = {
            "version": 1, "created_at": now, "changed_at": now, "code": code, "date": now.date(),
            "search_key": f"{code.lower()} {partner.search_key}", "partner": partner.id, "warehouse": warehouse.id,
            "supplier_note": document["supplier_note"], **sums, "status": "draft", "over_drawn": False,
            "over_drawn_value": 0,
        }  # fmt: skip
        own = connection.execute(self.header, header).scalar_one()
        for line in lines:
            line["parent"] = own
        numbers = connection.execute(self.ids, lines).scalars().all()
        connection.execute(self.posted, {"own": own, "now": now})
        self._note(connection, own, header, lines, now)
        self._post(connection, own, partner, lines, numbers, now)
        self._follow(connection, own, items.values(), lines, warehouse, now)
        return int(own)

    def _line(
        self, n: int, line: Mapping[str, Any], items: Mapping[str, Any], warehouse: Any, rate: int
    ) -> dict[str, Any]:
        item = items[line["item"]["code"]]
        qty, price = Decimal(line["qty"]), Decimal(line["price"])
        if qty <= 0 or not item.active or item.tracked:
            raise ValueError("what may be received")
        if item.inspect and warehouse.quarantine is None:
            raise ValueError("no quarantine")
        amount = int((qty * price).quantize(Decimal("0.01"), ROUND_HALF_UP) * MONEY)
        tax = int((Decimal(amount * rate) / RATE).quantize(Decimal(1), ROUND_HALF_UP))
        whole = int(qty * QUANTITY)
        return {
            "position": n, "item": item.id, "unit": item.unit, "qty": whole, "qty__entered": whole,
            "price": int(price * PRICE), "tax_rate": rate, "amount": amount, "tax_amount": tax, "total": amount + tax,
            "place": warehouse.quarantine if item.inspect else warehouse.id, "invoiced": 0, "uninvoiced": amount,
            "over_drawn": False, "returned_qty": 0, "returnable_qty": whole, "inspected_qty": 0,
            "uninspected_qty": whole, "claimed_qty": 0, "unclaimed_qty": whole,
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
        self, connection: Connection, own: int, partner: Any, lines: Sequence[Any], numbers: Sequence[int],
        now: datetime,
    ) -> None:  # fmt: skip
        total = sum(line["total"] for line in lines)
        due = now.date() + timedelta(days=partner.credit_days or 30)
        owed = {"partner": partner.id, "document": own, "document__type": ENTITY, "due_date": due, "amount": total}
        stocked = [
            {"item": x["item"], "warehouse": x["place"], "qty": x["qty"], "value": x["amount"]}
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

    def _follow(
        self, connection: Connection, own: int, items: Iterable[Any], lines: Sequence[Any], warehouse: Any,
        now: datetime,
    ) -> None:  # fmt: skip
        """What a posted receipt sets off: waiting orders, the rule about inspection, and alerts about the items."""
        named = {"items": [line["item"] for line in lines], "warehouse": warehouse.id}
        waiting = connection.execute(self.find_waiting, named).all()
        inspect = any(item.inspect for item in items)
        alerts = connection.execute(self.find_alerts, {"items": named["items"]}).all()
        if waiting or inspect or alerts:
            raise ValueError("in the firm of the benchmark nobody waits and nothing runs short")
        condition = "any(lines.item.inspect)"
        looked = [{"text": condition, "holds": inspect, "inputs": [[condition, inspect]]}]
        row = {
            "at": now, "rule": "goods_to_inspect", "entity": ENTITY, "record": own, "event": "post",
            "result": "fired" if inspect else "refused", "micros": 1, "account": None, "source": "api",
            "details": orjson.dumps({"conditions": looked, "actions": []}).decode(),
        }  # fmt: skip
        connection.execute(self.trace, row)


def waiting_lines(t: Mapping[str, Table]) -> Any:
    """Lines of approved orders that wait for one of the items in the warehouse, in the order they are served."""
    order, line = t["sales_order"], t["sales_order__lines"]
    return (
        select(line.c.id)
        .join(order, order.c.id == line.c.parent)
        .where(
            order.c.status == "approved", line.c.promised, line.c.open_qty > 0,
            line.c.item.in_(bindparam("items", expanding=True)), order.c.warehouse == bindparam("warehouse"),
        )
        .order_by(order.c.due_date, line.c.id)
    )  # fmt: skip


def items_of_alerts(t: Mapping[str, Table]) -> Any:
    """Items of which less is there than should be, or for which an alert about that is open."""
    item, balance, warehouse, lot = t["item"], t["balance_stock"], t["warehouse"], t["lot"]
    reserved, alert = t["total_reserved_by_item"], t["dg_alert"]
    there = (
        select(func.sum(balance.c.qty))
        .join(warehouse, warehouse.c.id == balance.c.warehouse)
        .outerjoin(lot, lot.c.id == balance.c.lot)
        .where(balance.c.item == item.c.id, warehouse.c.use == "good", lot.c.stopped.is_not(True))
        .scalar_subquery()
    )
    promised = select(reserved.c.qty).where(reserved.c.item == item.c.id).scalar_subquery()
    short = func.coalesce(there, 0) - func.coalesce(promised, 0) < item.c.safety_stock
    is_open = (
        select(alert.c.id)
        .where(alert.c.alert == "below_safety", alert.c.record == item.c.id, alert.c.open_key.is_not(None))
        .exists()
    )
    wanted = item.c.id.in_(bindparam("items", expanding=True))
    return select(item.c.id).where(wanted, or_(and_(item.c.active, short), is_open))


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


__all__ = ["ENTITY", "INSERTS", "KEPT", "LINES", "RUNNING", "HandWritten"]
