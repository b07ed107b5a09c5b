"""P1: a page of 50 rows by 10 columns out of a million, filtered and sorted, as HTML and as JSON.

The hand-written page has the same frame (as a constant: the best case), asks for the session's user, the rows, and the
capped count, and renders the same cells with a Jinja template that knows its columns.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import orjson
from flask import Flask, Response, request, session
from sqlalchemy import and_, bindparam, func, literal_column, select, update

from tests.bench.measure import Figure, against, median_wall
from tests.bench.places import NOON, Place, prepared
from tests.bench.web import Call, cookie_of, getting, logged_in, our_app

GOAL = "P1"
ENTITY = "purchase_order"
COLUMNS = ("code", "date", "partner", "warehouse", "expected_date", "amount", "total", "status", "execution_status",
           "owner")  # fmt: skip
STATES = ("draft", "approved", "closed", "cancelled")
QUERY = "where.partner=7&where.status=approved&sort=-date,-code"
FILTERS = (
    "where.status=approved", "where.partner=7", "where.owner=1", "where.warehouse=2&sort=-total",
    "where.date.ge=2025-12-01", "where.expected_date.le=2025-02-01", "q=GY0000123", "where.total.ge=9999",
)  # fmt: skip
PAGE_BYTES = 25_000
CAP = 1000
TODAY = date(2026, 3, 2)


def run(place: Place) -> Iterator[Figure]:
    """The list on this database."""
    fill(place)
    _choose_columns(place)
    app = our_app(place)
    cookie = logged_in(app)
    hand = HandWritten(place)
    page = getting(app, f"/e/{ENTITY}?{QUERY}", cookie)
    frame = page().decode()
    html = hand.page(frame)
    mine, theirs = against(page, html, place.size.rounds)
    shared = {"goal": GOAL, "database": place.dialect}
    yield Figure(name="list page, HTML", unit="ms CPU", ours=mine, hand=theirs, limit=1.3, **shared)
    yield Figure(
        name="table fragment", unit="bytes", ours=float(len(_table(frame).encode())), limit=PAGE_BYTES, of="ours",
        note=f"hand-written page {len(html())}, ours {len(frame.encode())}", **shared,
    )  # fmt: skip
    fields = ",".join(COLUMNS)
    condition = "partner.code%20==%20%22S6%22%20and%20status%20==%20approved"
    ask = f"/api/v1/{ENTITY}?fields={fields}&filter={condition}&sort=-date,-code&page_size=50"
    ours_json = getting(app, ask, cookie)
    mine, theirs = against(ours_json, hand.json(), place.size.rounds)
    yield Figure(name="list page, JSON", unit="ms CPU", ours=mine, hand=theirs, limit=1.3, **shared)
    yield from _slowest(place, app, cookie, page)


def _slowest(place: Place, app: Flask, cookie: str, usual: Call) -> Iterator[Figure]:
    """No filter may be much slower than the usual one: here the wall says what the database does."""
    rounds = max(3, place.size.rounds // 12)
    base = median_wall(usual, rounds)
    taken = {one: median_wall(getting(app, f"/e/{ENTITY}?{one}", cookie), rounds, 1) for one in FILTERS}
    worst = max(taken, key=lambda one: taken[one])
    yield Figure(
        goal=GOAL, name="slowest of the filters against the first", database=place.dialect, unit="ms wall",
        ours=taken[worst], hand=base, limit=2.0, note=worst,
    )  # fmt: skip


def _table(page: str) -> str:
    return page[page.index("<table") : page.index("</table>") + len("</table>")]


def _choose_columns(place: Place) -> None:
    """The reader has chosen ten columns."""
    account = place.app.tables.system.account
    with place.database.write() as connection:
        prefs = json.dumps({f"columns:{ENTITY}": list(COLUMNS)})
        connection.execute(update(account).where(account.c.name == "bench").values(prefs=prefs))


def fill(place: Place) -> None:
    """The orders: three years, twenty suppliers, most of them closed."""
    (table,) = place.plain(ENTITY)
    prepared(place, table, place.size.rows, lambda: _orders(place, [c.name for c in table.c]))


def _orders(place: Place, names: list[str]) -> Iterator[list[Any]]:
    sure = random.Random(7)
    lite = place.dialect == "sqlite"
    moment: Any = NOON.strftime("%Y-%m-%d %H:%M:%S.%f") if lite else NOON
    first = date(2023, 3, 1)
    for n in range(1, place.size.rows + 1):
        day = first + timedelta(days=sure.randrange(1095))
        expected = day + timedelta(days=sure.randrange(2, 40))
        total = sure.randrange(100, 1_000_000)
        status = STATES[min(3, int(sure.expovariate(1.2)))]
        row: dict[str, Any] = {
            "id": 1000 + n, "version": 1, "created_at": moment, "changed_at": moment, "search_key": f"gy{n:07} 供应商",
            "code": f"GY{n:07}", "date": day.isoformat() if lite else day, "partner": sure.randrange(1, 21),
            "warehouse": sure.randrange(1, 5), "expected_date": expected.isoformat() if lite else expected,
            "amount": total, "tax_amount": 0, "total": total, "status": status, "over_drawn": 0 if lite else False,
            "over_drawn_value": 0, "execution_status": "done" if status == "closed" else "none",
            "execution_status_share": 0,
        }  # fmt: skip
        yield [row.get(name) for name in names]


ROWS = """{% for r in rows %}<tr data-id="{{ r.id }}"><td class="pick"><input class="check" type="checkbox" name="id" \
value="{{ r.id }}" aria-label="选中 {{ r.code }}"></td><th scope="row" class="frozen" data-slot="title">\
<a href="/e/purchase_order/{{ r.id }}">{{ r.code }}</a></th><td data-slot="second"><span class="due">\
<span class="date">{{ day(r.date) }}</span></span></td><td data-slot="lead">{{ r.supplier }}</td><td>{{ r.place }}</td>\
<td>{{ due(r.expected_date) }}</td><td class=num data-slot="figure">{{ money(r.amount) }}</td>\
<td class=num>{{ money(r.total) }}</td><td data-slot="axis"><span class="axis"><svg class="icon" aria-hidden="true">\
<use href="/static/dist/assets/icons.svg#circle-check"/></svg>{{ states[r.status] }}</span></td><td data-slot="axis">\
<span class="axis"><svg class="icon" aria-hidden="true"><use href="/static/dist/assets/icons.svg#circle"/></svg>\
{{ received[r.execution_status] }}</span></td><td>{% if r.person %}{{ r.person }}{% else %}<span class="t3">–</span>\
{% endif %}</td></tr>
{% endfor %}"""


class HandWritten:
    """A program that knows this list and nothing else."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.app = Flask("hand_written")
        self.app.secret_key = b"bench"
        self._statements(place)
        self.app.add_url_rule("/login", "login", self._login)
        self.app.add_url_rule("/orders", "orders", self._page)
        self.app.add_url_rule("/orders.json", "orders_json", self._json)
        client = self.app.test_client()
        client.get("/login")
        self.cookie = cookie_of(client)

    def _statements(self, place: Place) -> None:
        order, partner, warehouse, member, account = place.plain(
            ENTITY, "partner", "warehouse", "employee", "dg_account"
        )
        self.user = select(account.c.id, account.c.name).where(account.c.id == bindparam("id"), account.c.active)
        mine = and_(
            order.c.partner == bindparam("partner"), order.c.status == bindparam("status"), order.c.deleted_at.is_(None)
        )
        named = (
            partner.c.name.label("supplier"), partner.c.code.label("partner_code"), warehouse.c.name.label("place"),
            warehouse.c.code.label("warehouse_code"), member.c.name.label("person"), member.c.code.label("owner_code"),
        )  # fmt: skip
        joined = (
            order.join(partner, partner.c.id == order.c.partner)
            .join(warehouse, warehouse.c.id == order.c.warehouse)
            .outerjoin(member, member.c.id == order.c.owner)
        )
        self.rows = (
            select(order.c.id, *(order.c[name] for name in COLUMNS), *named)
            .select_from(joined)
            .where(mine)
            .order_by(order.c.date.desc(), order.c.code.desc(), order.c.id.desc())
            .limit(51)
        )
        few = select(literal_column("1")).select_from(order).where(mine).limit(CAP + 1).subquery()
        self.count = select(func.count()).select_from(few)
        self.totals = select(func.sum(order.c.amount), func.sum(order.c.total)).where(mine)
        late = and_(
            order.c.status == "approved", order.c.expected_date < bindparam("today"), order.c.deleted_at.is_(None)
        )
        urgent = select(literal_column("1")).select_from(order).where(late).limit(CAP + 1).subquery()
        self.urgent = select(func.count()).select_from(urgent)

    def page(self, frame: str) -> Call:
        """The HTML page, inside the frame of ours as a constant."""
        before, _, rest = frame.partition("<tbody>")
        after = rest.partition("</tbody>")[2]
        words = {"{": "&#123;", "}": "&#125;"}
        plain = ["".join(words.get(c, c) for c in part) for part in (before, after)]
        told = "<!-- {{ user }} {{ count }} {{ urgent }} {{ totals }} -->"
        source = f"{plain[0]}<tbody>{ROWS}</tbody>{plain[1]}{told}"
        environment = self.app.jinja_env
        environment.globals.update(day=_day, due=_due, money=_money, states=dict(zip(STATES, STATES, strict=True)))
        environment.globals["received"] = {"none": "未入库", "partial": "部分", "done": "已入库"}
        self.template = environment.from_string(source)
        return getting(self.app, "/orders?partner=7&status=approved", self.cookie)

    def json(self) -> Call:
        """The same rows as JSON."""
        return getting(self.app, "/orders.json?partner=7&status=approved", self.cookie)

    def _login(self) -> str:
        session["account"] = 1
        return ""

    def _ask(self, connection: Any) -> tuple[Any, list[Any], int]:
        user = connection.execute(self.user, {"id": session["account"]}).one()
        given = {"partner": int(request.args["partner"]), "status": request.args["status"]}
        rows = connection.execute(self.rows, given).all()[:50]
        return user, rows, connection.execute(self.count, given).scalar_one()

    def _page(self) -> Response:
        with self.place.database.read() as connection:
            user, rows, count = self._ask(connection)
            urgent = connection.execute(self.urgent, {"today": TODAY}).scalar_one()
            given = {"partner": int(request.args["partner"]), "status": request.args["status"]}
            totals = connection.execute(self.totals, given).one()
        told = {"user": user.name, "count": count, "urgent": urgent, "totals": [_money(int(t or 0)) for t in totals]}
        return Response(self.template.render(rows=rows, **told))

    def _json(self) -> Response:
        with self.place.database.read() as connection:
            _, rows, count = self._ask(connection)
        return Response(orjson.dumps({"items": [_item(row) for row in rows], "count": count, "next": None}))


def _item(row: Any) -> dict[str, Any]:
    return {
        "id": row.id, "code": row.code, "date": row.date,
        "partner": {"id": row.partner, "code": row.partner_code, "name": row.supplier},
        "warehouse": {"id": row.warehouse, "code": row.warehouse_code, "name": row.place},
        "expected_date": row.expected_date, "amount": format(Decimal(row.amount).scaleb(-2), "f"),
        "total": format(Decimal(row.total).scaleb(-2), "f"), "status": row.status,
        "execution_status": row.execution_status,
        "owner": None if row.owner is None else {"id": row.owner, "code": row.owner_code, "name": row.person},
    }  # fmt: skip


def _day(value: date) -> str:
    return value.strftime("%m-%d" if value.year == TODAY.year else "%Y-%m-%d")


def _due(value: date) -> str:
    late = (TODAY - value).days
    return f"{_day(value)} 逾期 {late} 天" if late > 0 else _day(value)


def _money(value: int) -> str:
    return f"{value // 100:,}.{value % 100:02}"
