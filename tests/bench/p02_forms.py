"""P2: the form of an order with ten lines: shown, and sent.

The hand-written page is ours to the letter: everything constant is compiled into its template; what the order, its
lines, its trail and its reader say is read by statements of its own and filled in from a WTForms object. What is sent
is parsed and validated by WTForms and written with one statement a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from flask import Flask, Response, redirect, request, session
from flask_wtf.csrf import CSRFProtect, generate_csrf
from sqlalchemy import Connection, bindparam, select
from werkzeug.datastructures import MultiDict

from runtime import records
from tests.bench.measure import Figure, against
from tests.bench.order_page import TABLES, OrderForm, OrderPage, same
from tests.bench.p03_receipt import INSERTS
from tests.bench.places import NOON, Place, code_of
from tests.bench.web import Call, cookie_of, csrf_of, getting, logged_in, our_app, posting

GOAL = "P2"
ENTITY = "purchase_order"
LINES = 10


def run(place: Place) -> Iterator[Figure]:
    """The form on this database."""
    app = our_app(place)
    cookie = logged_in(app)
    order = _order(place)
    page = getting(app, f"/e/{ENTITY}/{order}", cookie)
    html = page().decode()
    hand = HandWritten(place, order, html)
    same(html, hand.page()().decode())
    shared = {"goal": GOAL, "database": place.dialect, "unit": "ms CPU"}
    mine, theirs = against(page, hand.page(), place.size.rounds)
    note = f"{len(html)} bytes"
    yield Figure(name="form of 10 lines, shown", ours=mine, hand=theirs, limit=1.3, note=note, **shared)
    token = csrf_of(html)
    sent = posting(app, f"/e/{ENTITY}/new", cookie, lambda: {**_content(), "csrf_token": token})
    mine, theirs = against(sent, hand.sent(), place.size.rounds)
    yield Figure(name="form of 10 lines, sent", ours=mine, hand=theirs, limit=1.5, **shared)


def _order(place: Place) -> int:
    lines = [{"item": code_of(f"I{i}"), "qty": "5", "price": "2.5"} for i in range(LINES)]
    with place.writing() as ctx:
        values = {"partner": code_of("S1"), "warehouse": code_of("W1"), "expected_date": "2026-04-01", "lines": lines}
        return records.create(ctx, ENTITY, values).id


def _content() -> dict[str, str]:
    """What a browser sends."""
    found = {"partner": "2", "warehouse": "2", "expected_date": "2026-04-01", "date": "2026-03-02", "terms": "30 天",
             "owner": "", "department": "", "note": ""}  # fmt: skip
    for i in range(LINES):
        found |= {f"lines-{i}-item": str(i + 1), f"lines-{i}-unit": "1", f"lines-{i}-qty": "5",
                  f"lines-{i}-price": "2.5", f"lines-{i}-tax_rate": "", f"lines-{i}-line_note": "",
                  f"lines-{i}-id": ""}  # fmt: skip
    return found


class HandWritten:
    """A program that knows this form and nothing else."""

    def __init__(self, place: Place, order: int, html: str) -> None:
        self.place, self.order = place, order
        self.app = Flask("hand_written")
        self.app.secret_key = b"bench"
        self.t = dict(zip(TABLES, place.plain(*TABLES), strict=True))
        CSRFProtect(self.app)
        self.form = OrderPage(place, self.app.jinja_env, html, self.t)
        self._statements()
        self.app.add_url_rule("/login", "login", self._login)
        self.app.add_url_rule("/order", "order", self._show)
        self.app.add_url_rule("/order", "save", self._save, methods=["POST"])
        client = self.app.test_client()
        self.token = client.get("/login").text
        self.cookie = cookie_of(client)

    def _statements(self) -> None:
        t = self.t
        order, lines, item = t["purchase_order"], t["purchase_order__lines"], t["item"]
        partner, warehouse, account, role = t["partner"], t["warehouse"], t["dg_account"], t["dg_account_role"]
        self.user = (
            select(account.c.id, role.c.role)
            .join(role, role.c.account == account.c.id)
            .where(account.c.id == bindparam("id"), account.c.active)
        )
        self.items = select(item.c.id, item.c.unit, item.c.purchase_price).where(
            item.c.id.in_(bindparam("ids", expanding=True)), item.c.deleted_at.is_(None)
        )
        self.supplier = select(partner.c.search_key).where(partner.c.id == bindparam("id"), partner.c.is_supplier)
        self.known = select(warehouse.c.id).where(warehouse.c.id == bindparam("id"))
        insert = INSERTS[self.place.dialect]
        serial = insert(t["dg_serial"]).values(key=bindparam("key"), value=1)
        self.serial = serial.on_conflict_do_update(
            index_elements=["key"], set_={"value": t["dg_serial"].c.value + 1}
        ).returning(t["dg_serial"].c.value)
        self.insert = insert(order).returning(order.c.id)
        self.insert_lines, self.audit = insert(lines), insert(t["dg_audit"])

    def page(self) -> Call:
        """The order, shown."""
        return getting(self.app, "/order", self.cookie)

    def sent(self) -> Call:
        """The order, sent."""
        return posting(self.app, "/order", self.cookie, lambda: {**_content(), "csrf_token": self.token})

    def _login(self) -> str:
        session["account"] = 1
        return generate_csrf()

    def _show(self) -> Response:
        with self.place.database.read() as connection:
            return Response(self.form.show(connection, session["account"], self.order))

    def _save(self) -> Any:
        form = OrderForm(MultiDict(request.form))
        if not form.validate():
            return Response(str(form.errors), status=422)
        with self.place.database.write() as connection:
            connection.execute(self.user, {"id": session["account"]}).all()
            own = self._write(connection, form.data, NOON)
        return redirect(f"/order?{own}", 303)

    def _write(self, connection: Connection, data: Mapping[str, Any], now: datetime) -> int:
        supplier = connection.execute(self.supplier, {"id": data["partner"]}).scalar_one()
        connection.execute(self.known, {"id": data["warehouse"]}).one()
        ids = [line["item"] for line in data["lines"]]
        items = {row.id: row for row in connection.execute(self.items, {"ids": ids})}
        lines = [_line(n, line, items[line["item"]]) for n, line in enumerate(data["lines"], 1)]
        total = sum(line["amount"] for line in lines)
        number = connection.execute(self.serial, {"key": f"purchase_order|{now:%Y%m}"}).scalar_one()
        code = f"CGDD{now:%Y%m}-{number:04}"
        header = {
            "version": 1, "created_at": now, "changed_at": now, "code": code, "date": data["date"],
            "search_key": f"{code.lower()} {supplier}", "partner": data["partner"], "warehouse": data["warehouse"],
            "expected_date": data["expected_date"], "terms": data["terms"], "amount": total, "tax_amount": 0,
            "total": total, "status": "draft", "over_drawn": False, "over_drawn_value": 0, "execution_status": "none",
        }  # fmt: skip
        own = int(connection.execute(self.insert, header).scalar_one())
        connection.execute(self.insert_lines, [{**line, "parent": own} for line in lines])
        told = orjson.dumps({**header, "lines": lines}).decode()
        connection.execute(
            self.audit,
            {"at": now, "source": "form", "entity": ENTITY, "record": own, "version": 1, "kind": "create",
             "transition": "", "changes": told, "note": ""},
        )  # fmt: skip
        return own


def _line(n: int, line: Mapping[str, Any], item: Any) -> dict[str, Any]:
    qty, price = line["qty"], line["price"] or Decimal(item.purchase_price or 0).scaleb(-6)
    amount = int((qty * price).quantize(Decimal("0.01")) * 100)
    whole = int(qty * 10**6)
    return {
        "position": n, "item": item.id, "unit": line["unit"] or item.unit, "qty": whole, "qty__entered": whole,
        "price": int(price * 10**6), "tax_rate": 0, "amount": amount, "tax_amount": 0, "total": amount,
        "over_drawn": False, "over_drawn_value": 0, "received_qty": 0, "open_qty": whole,
    }  # fmt: skip


__all__ = ["GOAL", "run"]
