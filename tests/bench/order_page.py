"""The page of an order as a program would show it that knows this page and nothing else.

Its template is our page with everything constant compiled in: what a record, its lines, its trail and its reader say
stands in places, filled from a WTForms object and from rows of statements written by hand. What it answers is ours to
the letter (``same`` checks it), so that nothing is left out on its side.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask_wtf.csrf import generate_csrf
from sqlalchemy import Connection, Table, Text, bindparam, cast, func, literal, or_, select, union_all
from wtforms import DateField, DecimalField, FieldList, Form, FormField, IntegerField, StringField, validators

from tests.bench.places import NOON, Place

TABLES = (
    "purchase_order",
    "purchase_order__lines",
    "purchase_order__request",
    "purchase_order__attachments",
    "purchase_request",
    "purchase_receipt",
    "purchase_receipt__lines",
    "purchase_receipt__order",
    "partner",
    "warehouse",
    "item",
    "unit",
    "firm",
    "dg_file",
    "dg_task",
    "dg_alert",
    "dg_comment",
    "dg_audit",
    "dg_serial",
    "dg_account",
    "dg_account_role",
)
TOKEN = re.compile(r'(csrf_token" value=|csrf-token" content=|X-CSRFToken": )"[^"]*"')
INPUT = re.compile(r"<input[^>]*>")
NAME = re.compile(r'\bname="([^"]+)"')
VALUE = re.compile(r'(\bvalue=")([^"]*)(")')
KNOWN = re.compile(
    r"version|(?:partner|warehouse)(?:__text)?|expected_date|date|terms"
    r"|lines-\d+-(?:id|(?:item|unit)(?:__text)?|qty|price|tax_rate|line_note)"
)
"""Inputs of the form, by name."""
CELL = re.compile(
    r'(<td[^>]*data-col="(\w+)"[^>]*id="lines-(\d+)-[^"]*">.*?<span class="v">)([^<]*)(</span>)', re.DOTALL
)


class LineForm(Form):
    """A line."""

    id = IntegerField(validators=[validators.Optional()])
    item = IntegerField(validators=[validators.InputRequired()])
    unit = IntegerField(validators=[validators.Optional()])
    qty = DecimalField(validators=[validators.InputRequired(), validators.NumberRange(min=0)], places=None)
    price = DecimalField(validators=[validators.Optional()], places=None)
    tax_rate = DecimalField(validators=[validators.Optional()], places=None)
    expected_date = DateField(validators=[validators.Optional()])
    line_note = StringField(validators=[validators.Length(max=500)])


class OrderForm(Form):
    """An order."""

    version = IntegerField(validators=[validators.Optional()])
    partner = IntegerField(validators=[validators.InputRequired()])
    warehouse = IntegerField(validators=[validators.InputRequired()])
    expected_date = DateField(validators=[validators.InputRequired()])
    date = DateField(validators=[validators.InputRequired()])
    terms = StringField(validators=[validators.Length(max=500)])
    note = StringField()
    lines = FieldList(FormField(LineForm), min_entries=0)


class OrderPage:
    """The page of one order, read and shown."""

    def __init__(self, place: Place, environment: Any, html: str, tables: Mapping[str, Table]) -> None:
        self.t = tables
        self.queries = _statements(tables)
        self.columns: list[str] = []
        self.template = environment.from_string(self._compiled(html))

    def show(self, connection: Connection, account: int, order: int) -> str:
        """The page."""
        run = connection.execute
        q = self.queries
        person = run(q["person"], {"account": account}).all()
        header = run(q["header"], {"id": order}).one()
        rows = run(q["lines"], {"id": order}).all()
        files = run(q["files"], {"id": order}).all()
        asked = run(q["requests"], {"id": order}).all()
        receipts = run(q["receipts"], {"id": order}).all()
        steps = run(q["steps"], {"id": order}).all()
        trail = run(q["trail"], {"id": order}).all()
        remarks = run(q["remarks"], {"id": order}).all()
        alerts = run(q["alerts"], {"id": order}).all()
        firm = run(q["firm"]).all()
        waiting = run(q["waiting"], {"account": account, "roles": [row.role for row in person]}).scalar_one()
        form = OrderForm(data={**_shown(header), "lines": [_shown(row) for row in rows]})
        if files or asked or receipts or steps or remarks or alerts or waiting or (firm and firm[0].name):
            raise RuntimeError("the page written by hand knows only an order nothing was made of")
        return str(
            self.template.render(
                v=_values(form, header, rows),
                s=[CELLS[name](row) for row in rows for name in self.columns],
                code=header.code,
                person=person[0].name,
                when=[f"{entry.at.astimezone(NOON.tzinfo).hour + 8:02}:{entry.at:%M}" for entry in trail],
                csrf=generate_csrf(),
            )
        )

    def _compiled(self, html: str) -> str:
        """Our page as a template: all constant but what the record, its trail and its reader say."""
        marks = itertools.count()
        slots: dict[str, str] = {}

        def mark(expression: str) -> str:
            name = f"\x01{next(marks)}\x01"
            slots[name] = f"{{{{ {expression} }}}}"
            return name

        def field(found: re.Match[str]) -> str:
            tag = found.group(0)
            name = NAME.search(tag)
            if name is None or not KNOWN.fullmatch(name.group(1)):
                return tag
            return VALUE.sub(lambda m: f"{m[1]}{mark(f'v[{name.group(1)!r}]')}{m[3]}", tag, count=1)

        cells = itertools.count()

        def cell(found: re.Match[str]) -> str:
            if found.group(3) == "0":
                self.columns.append(found.group(2))
            return f"{found.group(1)}{mark(f's[{next(cells)}]')}{found.group(5)}"

        source = TOKEN.sub(lambda m: f'{m.group(1)}"{mark("csrf")}"', html)
        source = CELL.sub(cell, INPUT.sub(field, source))
        code = re.search(r"<h1>([^<]+)</h1>", html)
        assert code is not None
        source = source.replace(code.group(1), mark("code")).replace(">bench", f">{mark('person')}")
        source = source.replace('<time class="when">12:00', f'<time class="when">{mark("when[0]")}')
        source = re.sub(r"\{(?=[{%#])", "{{ '{' }}", source)
        for name, expression in slots.items():
            source = source.replace(name, expression)
        return source


def same(ours: str, hand: str) -> None:
    """Refuse a hand-written page that says anything else than ours."""
    first, second = (TOKEN.sub(r"\1", text) for text in (ours, hand))
    if first != second:
        place = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), 0)
        raise RuntimeError(
            f"the page written by hand differs: {first[place - 80 : place + 80]!r} {second[place - 80 : place + 80]!r}"
        )


def _statements(t: Mapping[str, Table]) -> dict[str, Any]:
    order, lines, item, unit = t["purchase_order"], t["purchase_order__lines"], t["item"], t["unit"]
    partner, warehouse = t["partner"], t["warehouse"]
    account, role, task = t["dg_account"], t["dg_account_role"], t["dg_task"]
    audit, comment, firm = t["dg_audit"], t["dg_comment"], t["firm"]
    link, request, attached, file = (
        t["purchase_order__request"], t["purchase_request"], t["purchase_order__attachments"], t["dg_file"],
    )  # fmt: skip
    receipt, received, drawn = t["purchase_receipt"], t["purchase_receipt__lines"], t["purchase_receipt__order"]
    own = bindparam("id")
    ours = lambda table: (table.c.entity == "purchase_order", table.c.record == own)  # noqa: E731
    by_line = (
        select(receipt.c.id, receipt.c.code, receipt.c.status, receipt.c.date)
        .join(received, received.c.parent == receipt.c.id)
        .join(lines, lines.c.id == received.c.source_line)
        .where(lines.c.parent == own, receipt.c.deleted_at.is_(None))
    )
    by_header = (
        select(receipt.c.id, receipt.c.code, receipt.c.status, receipt.c.date)
        .join(drawn, drawn.c.owner == receipt.c.id)
        .where(drawn.c.value == own, receipt.c.deleted_at.is_(None))
    )
    return {
        "person": select(account.c.id, account.c.name, account.c.prefs, role.c.role)
        .join(role, role.c.account == account.c.id)
        .where(account.c.id == bindparam("account"), account.c.active),
        "header": select(order, partner.c.name.label("supplier"), warehouse.c.name.label("place"))
        .join(partner, partner.c.id == order.c.partner)
        .join(warehouse, warehouse.c.id == order.c.warehouse)
        .where(order.c.id == own, order.c.deleted_at.is_(None)),
        "lines": select(
            lines, item.c.code.label("item_code"), item.c.name.label("item_name"), item.c.spec.label("item_spec"),
            unit.c.name.label("unit_name"),
        )
        .join(item, item.c.id == lines.c.item)
        .join(unit, unit.c.id == lines.c.unit)
        .where(lines.c.parent == own)
        .order_by(lines.c.position),
        "files": select(file.c.id, file.c.name)
        .join(attached, attached.c.value == file.c.id)
        .where(attached.c.owner == own),
        "requests": select(request.c.id, request.c.code)
        .join(link, link.c.value == request.c.id)
        .where(link.c.owner == own),
        "receipts": union_all(by_line, by_header),
        "steps": select(task).where(*ours(task)).order_by(task.c.id),
        "trail": select(audit, account.c.name)
        .outerjoin(account, account.c.id == audit.c.account)
        .where(*ours(audit))
        .order_by(audit.c.id.desc())
        .limit(21),
        "remarks": select(comment, account.c.name)
        .outerjoin(account, account.c.id == comment.c.account)
        .where(*ours(comment)),
        "alerts": select(t["dg_alert"]).where(*ours(t["dg_alert"]), t["dg_alert"].c.open_key.is_not(None)),
        "firm": select(firm.c.name).limit(1),
        "waiting": select(func.count(func.distinct(task.c.entity + literal(":") + cast(task.c.record, Text)))).where(
            task.c.decided_at.is_(None),
            or_(task.c.account == bindparam("account"), task.c.role.in_(bindparam("roles", expanding=True))),
        ),
    }  # fmt: skip


# --- what stands in places -------------------------------------------------------------------------------------


def _shown(row: Any) -> dict[str, Any]:
    found = dict(row._mapping)
    for name in ("qty", "price", "tax_rate"):
        if found.get(name) is not None:
            found[name] = Decimal(found[name]).scaleb(-6).normalize()
    return found


def _values(form: Form, header: Any, rows: Sequence[Any]) -> dict[str, object]:
    """What stands in each input, by its name."""
    found: dict[str, object] = {
        "partner__text": header.supplier,
        "warehouse__text": header.place,
    }
    for name, field in form._fields.items():
        if name == "lines":
            for i, (line, row) in enumerate(zip(field, rows, strict=True)):
                found.update({f"lines-{i}-{n}": _text(f) for n, f in line.form._fields.items()})
                found[f"lines-{i}-tax_rate"] = _plain(Decimal(row.tax_rate or 0).scaleb(-4))
                found[f"lines-{i}-item__text"] = row.item_name
                found[f"lines-{i}-unit__text"] = row.unit_name
        else:
            found[name] = _text(field)
    return found


def _text(field: Any) -> object:
    value = field._value() if hasattr(field, "_value") else field.data
    return "" if value is None else value


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _figure(value: int | None, places: int = 6) -> str:
    return "" if value is None else f"{Decimal(value).scaleb(-places).normalize():,f}"


def _money(value: int | None, places: int = 2) -> str:
    return "" if value is None else f"{Decimal(value).scaleb(-places):,.2f}"


CELLS: Mapping[str, Callable[[Any], object]] = {
    "item": lambda row: row.item_name,
    "item__spec": lambda row: row.item_spec or "",
    "unit": lambda row: row.unit_name,
    "qty": lambda row: _figure(row.qty__entered),
    "price": lambda row: _money(row.price, 6),
    "last_price": lambda row: _money(row.last_price, 6),
    "tax_rate": lambda row: f"{_figure(row.tax_rate, 4)}%",
    "amount": lambda row: _money(row.amount),
    "total": lambda row: _money(row.total),
    "open_qty": lambda row: _figure(row.open_qty),
    "line_note": lambda row: row.line_note or "",
}

__all__ = ["TABLES", "LineForm", "OrderForm", "OrderPage", "same"]
