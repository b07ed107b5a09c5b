"""P2: the form of an order with ten lines: shown, and sent.

The hand-written page is ours to the letter: everything constant is compiled into its template; what the order, its
lines, its trail and its reader say is read by statements of its own and filled in from a WTForms object. What is sent
is parsed and validated by WTForms and written with one statement a table. The rows are ours column by column
(``same_rows`` checks it): what they follow from is asked for (units, the tax rate, the last price of each item). Who
saves is checked, remembered and told what was saved, and every answer carries the headers that ours does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from flask import Flask, Response, flash, get_flashed_messages, redirect, request, session
from flask_wtf.csrf import CSRFProtect, generate_csrf
from sqlalchemy import Connection, bindparam, select
from werkzeug.datastructures import MultiDict

from runtime import records
from tests.bench.measure import Figure, against
from tests.bench.order_page import TABLES, OrderForm, OrderPage, same
from tests.bench.p03_receipt import INSERTS
from tests.bench.places import NOON, Place, code_of
from tests.bench.web import Call, cookie_of, csrf_of, getting, logged_in, our_app, posting
from web.security import POLICY

GOAL = "P2"
ENTITY = "purchase_order"
LINES = 10
OWN = frozenset({"id", "parent", "code", "search_key"})
"""What differs from one order to the next; both make a key to search by, of the same words."""
GUARDS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(self), geolocation=(self), microphone=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


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
    same_rows(_written(place, sent), _written(place, hand.sent()))
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
        self.app.after_request(_guarded)
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
        receipt, received, unit, firm = t["purchase_receipt"], t["purchase_receipt__lines"], t["unit"], t["firm"]
        self.user = (
            select(account.c.id, role.c.role)
            .join(role, role.c.account == account.c.id)
            .where(account.c.id == bindparam("id"), account.c.active)
        )
        last = (
            select(received.c.price)
            .join(receipt, receipt.c.id == received.c.parent)
            .where(received.c.item == item.c.id, receipt.c.status == "posted", receipt.c.deleted_at.is_(None))
            .order_by(receipt.c.date.desc(), received.c.position, received.c.id)
            .limit(1)
            .scalar_subquery()
        )
        self.items = select(item.c.id, item.c.unit, item.c.purchase_price, last.label("last_price")).where(
            item.c.id.in_(bindparam("ids", expanding=True)), item.c.deleted_at.is_(None)
        )
        self.units = select(unit.c.id, unit.c.measures, unit.c.ratio__num, unit.c.ratio__den).where(
            unit.c.id.in_(bindparam("ids", expanding=True)), unit.c.deleted_at.is_(None)
        )
        self.firm = select(firm.c.tax_rate).limit(1)
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
        get_flashed_messages()
        with self.place.database.read() as connection:
            return Response(self.form.show(connection, session["account"], self.order))

    def _save(self) -> Any:
        form = OrderForm(MultiDict(request.form))
        if not form.validate():
            return Response(str(form.errors), status=422)
        with self.place.database.write() as connection:
            person = connection.execute(self.user, {"id": session["account"]}).all()
            if "buyer" not in {row.role for row in person}:
                return Response("no right to order", status=403)
            own, code = self._write(connection, form.data, NOON, person[0].id)
        flash({"text": f"已保存 {code}", "url": "", "action": ""}, "done")  # type: ignore[arg-type]
        return redirect(f"/order?{own}", 303)

    def _write(self, connection: Connection, data: Mapping[str, Any], now: datetime, who: int) -> tuple[int, str]:
        supplier = connection.execute(self.supplier, {"id": data["partner"]}).scalar_one()
        connection.execute(self.known, {"id": data["warehouse"]}).one()
        ids = [line["item"] for line in data["lines"]]
        items = {row.id: row for row in connection.execute(self.items, {"ids": ids})}
        chosen = {line["unit"] for line in data["lines"]} | {item.unit for item in items.values()}
        units = {row.id: row for row in connection.execute(self.units, {"ids": sorted(chosen - {None})})}
        usual = Decimal(connection.execute(self.firm).scalar_one() or 0).scaleb(-6)
        lines = [_line(n, line, items[line["item"]], units, usual) for n, line in enumerate(data["lines"], 1)]
        amount, tax = sum(line["amount"] for line in lines), sum(line["tax_amount"] for line in lines)
        dearest = max((line["rise"] for line in lines if line["rise"] is not None), default=None)
        number = connection.execute(self.serial, {"key": f"purchase_order|{now:%Y%m}"}).scalar_one()
        code = f"CGDD{now:%Y%m}-{number:04}"
        header = {
            "version": 1, "created_at": now, "created_by": who, "changed_at": now, "changed_by": who, "code": code,
            "date": data["date"], "search_key": f"{code.lower()} {supplier}", "partner": data["partner"],
            "warehouse": data["warehouse"], "expected_date": data["expected_date"], "terms": data["terms"],
            "amount": amount, "tax_amount": tax, "total": amount + tax, "dearest": dearest, "status": "draft",
            "over_drawn": False, "over_drawn_value": 0, "execution_status": "none", "execution_status_share": 0,
        }  # fmt: skip
        own = int(connection.execute(self.insert, header).scalar_one())
        connection.execute(self.insert_lines, [{**line, "parent": own} for line in lines])
        told = orjson.dumps({**header, "lines": lines}).decode()
        connection.execute(
            self.audit,
            {"at": now, "account": who, "source": "form", "entity": ENTITY, "record": own, "version": 1,
             "kind": "create", "transition": "", "changes": told, "note": ""},
        )  # fmt: skip
        return own, code


def _line(n: int, line: Mapping[str, Any], item: Any, units: Mapping[int, Any], usual_tax: Decimal) -> dict[str, Any]:
    qty, price = line["qty"], line["price"] or Decimal(item.purchase_price or 0).scaleb(-6)
    unit, own = units[line["unit"] or item.unit], units[item.unit]
    rate = usual_tax if line["tax_rate"] is None else line["tax_rate"] / 100
    net = (qty * price).quantize(Decimal("0.01"))
    amount, tax = int(net * 100), int((net * rate).quantize(Decimal("0.01")) * 100)
    entered = whole = int(qty * 10**6)
    if unit.id != own.id:
        if unit.measures != own.measures:
            raise ValueError(f"unit {unit.id} does not fit item {item.id}")
        whole = whole * unit.ratio__num * own.ratio__den // (unit.ratio__den * own.ratio__num)
    last = None if item.last_price is None else Decimal(item.last_price).scaleb(-6)
    return {
        "position": n, "item": item.id, "unit": unit.id, "qty": whole, "qty__entered": entered,
        "price": int(price * 10**6), "tax_rate": int(rate * 10**6), "amount": amount, "tax_amount": tax,
        "total": amount + tax, "last_price": item.last_price, "over_drawn": False, "received_qty": 0,
        "open_qty": whole, "announced_qty": 0, "unannounced_qty": whole,
        "rise": int((price / last - 1).quantize(Decimal("0.000001")) * 10**6) if last else None,
    }  # fmt: skip


def _guarded(response: Response) -> Response:
    """What every answer says to browsers."""
    response.headers.extend(GUARDS)
    return response


def _written(place: Place, call: Call) -> list[dict[str, Any]]:
    """The order that a call saves, and its lines, as they stand in the database."""
    call()
    order, lines = place.plain("purchase_order", "purchase_order__lines")
    with place.database.read() as connection:
        head = connection.execute(select(order).order_by(order.c.id.desc()).limit(1)).mappings().one()
        rows = connection.execute(select(lines).where(lines.c.parent == head["id"]).order_by(lines.c.position))
        return [dict(head), *(dict(row) for row in rows.mappings())]


def same_rows(ours: Sequence[Mapping[str, Any]], hand: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a hand-written program that writes anything else than ours."""
    for mine, theirs in zip(ours, hand, strict=True):
        differing = {name for name in mine if mine[name] != theirs[name]} - OWN
        if differing:
            raise RuntimeError(f"the rows written by hand differ: {sorted(differing)}")


__all__ = ["GOAL", "run"]
