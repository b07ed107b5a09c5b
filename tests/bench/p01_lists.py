"""P1: a page of 50 rows by 10 columns out of a million, filtered and sorted, as HTML and as JSON.

The hand-written page prints the same HTML, to the letter: a run in which it does not is refused. Its template has our
page as constant text, with what a request decides written in by hand: the user, the token of its forms, the addresses
that keep the filters, the filter's own words, and the rows. It asks for what it prints and for nothing else.
"""

from __future__ import annotations

import json
import operator as op
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import orjson
from flask import Flask, Response, request, session
from flask_wtf.csrf import CSRFProtect, generate_csrf
from markupsafe import Markup
from sqlalchemy import and_, bindparam, func, literal_column, or_, select, update

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
CAP, MOST_ADDED = 1000, 5000
TODAY = date(2026, 3, 2)
COMPARE: dict[str, Callable[[Any, Any], Any]] = {"": op.eq, "ge": op.ge, "le": op.le}
TYPED: dict[str, Callable[[str], Any]] = {
    "status": str,
    "date": date.fromisoformat,
    "expected_date": date.fromisoformat,
    "total": lambda text: int(text) * 100,
}


def run(place: Place) -> Iterator[Figure]:
    """The list on this database."""
    fill(place)
    _choose_columns(place)
    app = our_app(place)
    cookie = logged_in(app)
    hand = HandWritten(place)
    page = getting(app, f"/e/{ENTITY}?{QUERY}", cookie)
    frame = page().decode()
    html = hand.page(page)
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
    yield from _slowest(place, app, cookie, hand)


def _slowest(place: Place, app: Flask, cookie: str, hand: HandWritten) -> Iterator[Figure]:
    """No filter may be much slower than by hand: here the wall says what the database does."""
    rounds = max(3, place.size.rounds // 12)
    taken: dict[str, tuple[float, float]] = {}
    for address in FILTERS:
        ours = median_wall(getting(app, f"/e/{ENTITY}?{address}", cookie), rounds, 1)
        taken[address] = ours, median_wall(hand.filtered(address), rounds, 1)
    worst = max(taken, key=lambda one: taken[one][0] / taken[one][1])
    told = ", ".join(f"{one} {mine:.0f}/{theirs:.0f}" for one, (mine, theirs) in taken.items())
    yield Figure(
        goal=GOAL, name="slowest of the filters, against the same by hand", database=place.dialect, unit="ms wall",
        ours=taken[worst][0], hand=taken[worst][1], limit=2.0, note=f"{worst}; all: {told}",
    )  # fmt: skip


def _table(page: str) -> str:
    """The table with the drawings its marks refer to."""
    start = page.find('<svg class="drawings"')
    return page[start if start >= 0 else page.index("<table") : page.index("</table>") + len("</table>")]


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


ROWS = """{% for r in rows %}<tr data-id="{{ r.id }}"{% if r.late %} class="red"{% endif %}><td><input type=checkbox \
aria-label="选中 {{ r.code }}"><th scope=row><a href=/e/purchase_order/{{ r.id }}>{{ r.code }}</a><td>{{ day(r.date) }}\
<td class=lead>{{ r.supplier }}<td>{{ r.place }}{{ due(r.expected_date) }}<td class=fig>{{ money(r.amount) }}\
<td class=num>{{ money(r.total) }}{{ states[r.status] }}{{ received[r.execution_status] }}\
{% if r.person %}<td>{{ r.person }}{% else %}<td class=t3>–{% endif %}{% endfor %}"""


class HandWritten:
    """A program that knows this list and nothing else."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.app = Flask("hand_written")
        self.app.secret_key = b"bench"
        CSRFProtect(self.app)
        self._statements(place)
        self.app.add_url_rule("/login", "login", self._login)
        self.app.add_url_rule("/orders", "orders", self._page)
        self.app.add_url_rule("/filtered", "filtered", self._filtered)
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
        behind = and_(
            order.c.status == "approved", order.c.expected_date < bindparam("today"), order.c.execution_status != "done"
        )
        self.order = order
        fetched = (order.c.id, *(order.c[name] for name in COLUMNS), *named, behind.label("late"))
        self.unfiltered = select(*fetched).select_from(joined).params(today=TODAY)
        self.rows = (
            select(*fetched)
            .select_from(joined)
            .where(mine)
            .order_by(order.c.date.desc(), order.c.code.desc(), order.c.id.desc())
            .limit(51)
        )
        few = select(literal_column("1")).select_from(order).where(mine).limit(CAP + 1).subquery()
        self.count = select(func.count()).select_from(few)
        added = select(order.c.amount, order.c.total).where(mine).limit(MOST_ADDED + 1).subquery()
        self.figures = select(func.count(), func.sum(added.c.amount), func.sum(added.c.total)).select_from(added)
        late = select(literal_column("1")).where(behind, order.c.deleted_at.is_(None)).limit(CAP + 1).subquery()
        self.urgent = select(func.count()).select_from(late)
        self.supplier = select(partner.c.name).where(partner.c.id == bindparam("partner"))
        self._around(place)

    def _around(self, place: Place) -> None:
        """What the frame and the tabs show."""
        task, inbox, saved = place.plain("dg_task", "dg_inbox", "dg_saved_view")
        asked = or_(task.c.account == bindparam("id"), task.c.role.in_(("buyer", "keeper")))
        told = and_(inbox.c.account == bindparam("id"), inbox.c.acknowledged_at.is_(None))
        self.waiting = select(
            select(func.count(task.c.id)).where(task.c.decided_at.is_(None), asked).scalar_subquery(),
            select(func.count(inbox.c.id)).where(told).scalar_subquery(),
        )
        whose = or_(saved.c.account == bindparam("id"), saved.c.shared)
        self.saved = select(saved.c.id, saved.c.name).where(saved.c.entity == ENTITY, whose)

    def page(self, ours: Call) -> Call:
        """The HTML page."""
        source = self._source(ours().decode())
        environment = self.app.jinja_env
        environment.globals.update(day=_day, due=_due, money=_money, csrf=generate_csrf)
        self.template = environment.from_string(source)
        call = getting(self.app, "/orders?partner=7&status=approved&sort=-date%2C-code", self.cookie)
        if _without_token(call().decode()) != _without_token(ours().decode()):
            raise RuntimeError("the hand-written page does not print what ours does")
        return call

    def _source(self, page: str) -> str:
        """Our page as a template: what a request decides is written in by hand."""
        rows = page[page.index("<tbody>") + len("<tbody>") : page.index("</tbody>")]
        marks = re.findall(r'<td class="?ax[^<]*<svg.*?</svg>[^<]*', rows)[:2]
        self.marks = {"states": {"approved": Markup(marks[0])}, "received": {"none": Markup(marks[1])}}
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        source = page.replace(rows, "\0").replace("{", "&#123;").replace("}", "&#125;")
        by_hand = {
            "&#123;": "{{ '{' }}", "&#125;": "{{ '}' }}", "\0": ROWS, token[1]: "{{ csrf() }}",
            "where.partner=7&amp;where.status=approved": "{{ where }}", "sort=-date%2C-code": "{{ sort }}",
            'data-user="bench"': 'data-user="{{ user.name }}"',
            '<span class="side-label cut">bench ': '<span class="side-label cut">{{ user.name }} ',
            "<span>供应商6</span>": "<span>{{ supplier }}</span>",
        }  # fmt: skip
        for text, hand in by_hand.items():
            source = source.replace(text, hand)
        return source

    def filtered(self, address: str) -> Call:
        """The page with another filter: the best statements for it, the same rows."""
        return getting(self.app, f"/filtered?{address}", self.cookie)

    def _conditions(self) -> tuple[Any, Any]:
        """The filter of the address and its order, as one would write them for this table."""
        order = self.order
        made = [order.c.deleted_at.is_(None)]
        for name, raw in request.args.items():
            path, _, operator = name.removeprefix("where.").partition(".")
            if name == "q":
                made.append(order.c.search_key.like(f"%{raw.lower()}%"))
            elif name.startswith("where."):
                made.append(COMPARE[operator](order.c[path], TYPED.get(path, int)(raw)))
        falling = [order.c.total] if request.args.get("sort") else [order.c.date, order.c.code]
        return and_(*made), [c.desc() for c in (*falling, order.c.id)]

    def _filtered(self) -> Response:
        where, falling = self._conditions()
        order = self.order
        added = select(order.c.amount, order.c.total).where(where).limit(MOST_ADDED + 1).subquery()
        figures = select(func.count(), func.sum(added.c.amount), func.sum(added.c.total)).select_from(added)
        with self.place.database.read() as connection:
            user = connection.execute(self.user, {"id": session["account"]}).one()
            rows = connection.execute(self.unfiltered.where(where).order_by(*falling).limit(51)).all()[:50]
            told = connection.execute(figures).one()
            urgent = connection.execute(self.urgent, {"today": TODAY}).scalar_one()
            waiting = connection.execute(self.waiting, {"id": user.id}).one()
        shown = {"urgent": urgent, "figures": told, "waiting": waiting, "where": "", "sort": "", "supplier": ""}
        marks = {name: defaultdict(str, known) for name, known in self.marks.items()}
        return Response(self.template.render(rows=rows, user=user, **marks, **shown))

    def json(self) -> Call:
        """The same rows as JSON."""
        return getting(self.app, "/orders.json?partner=7&status=approved", self.cookie)

    def _login(self) -> str:
        """A session as it is after the first page: it has its token, so that no page after it sets a cookie."""
        session["account"] = 1
        return generate_csrf()

    def _ask(self, connection: Any) -> tuple[Any, list[Any], dict[str, Any]]:
        user = connection.execute(self.user, {"id": session["account"]}).one()
        given = {"partner": int(request.args["partner"]), "status": request.args["status"], "today": TODAY}
        return user, connection.execute(self.rows, given).all()[:50], given

    def _page(self) -> Response:
        with self.place.database.read() as connection:
            user, rows, given = self._ask(connection)
            figures = connection.execute(self.figures, given).one()
            urgent = connection.execute(self.urgent, given).scalar_one()
            waiting = connection.execute(self.waiting, {"id": user.id}).one()
            saved = connection.execute(self.saved, {"id": user.id}).all()
            supplier = connection.execute(self.supplier, given).scalar_one()
        where = Markup(f"where.partner={given['partner']}&amp;where.status={quote(given['status'])}")
        told = {"urgent": urgent, "figures": figures, "waiting": waiting, "saved": saved, "where": where}
        sort = "sort=" + quote(request.args["sort"])
        return Response(self.template.render(rows=rows, user=user, supplier=supplier, sort=sort, **self.marks, **told))

    def _json(self) -> Response:
        with self.place.database.read() as connection:
            _, rows, given = self._ask(connection)
            count = connection.execute(self.count, given).scalar_one()
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


def _due(value: date) -> Markup:
    late = (TODAY - value).days
    if late > 0:
        return Markup(f'<td class="red sec">{_day(value)}<small>逾期 {late} 天</small>')
    near = "今天" if late == 0 else "明天" if late == -1 else f"{-late} 天后"
    tone = '"amber sec"' if late == 0 else "sec"
    return Markup(f"<td class={tone}>{_day(value)}" + (f"<small>{near}</small>" if late >= -14 else ""))


def _without_token(page: str) -> str:
    """A page without the tokens of its forms, which are never the same."""
    return re.sub(r'(csrf[^"]*"[^"]*"|X-CSRFToken": ")[^"]+', r"\1", page)


def _money(value: int) -> str:
    return f"{value // 100:,}.{value % 100:02}"
