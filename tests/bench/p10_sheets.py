"""P10: 50,000 rows in from a spreadsheet with all validation, and out again. The goals are CPU seconds."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from python_calamine import CalamineWorkbook
from rustpy_xlsxwriter import FastExcel
from sqlalchemy import Connection, select

from runtime.exporting import export_list
from runtime.importing import import_file
from runtime.queries import ListQuery
from runtime.spreadsheets import write_xlsx
from tests.bench.measure import Figure, against
from tests.bench.places import NOON, Place

GOAL = "P10"
ENTITY = "partner"
COLUMNS = ("code", "name", "is_supplier", "is_customer", "contact", "phone", "address", "credit_days", "credit_limit",
           "note")  # fmt: skip


class _Undo(Exception):
    """Leaves a transaction without keeping anything."""


def run(place: Place) -> Iterator[Figure]:
    """In and out on this database; nothing stays."""
    count = place.size.import_rows
    content = _sheet(place, count)
    rounds = 1 if place.size.quick else 3
    mine, theirs = against(_undone(place, lambda c: _ours(place, c, content, count)),
                           _undone(place, lambda c: _by_hand(place, c, content)), rounds, 0)  # fmt: skip
    shared = {"goal": GOAL, "database": place.dialect, "unit": "ms CPU", "of": "ours"}
    limit = 2_500.0 * count / 50_000
    yield Figure(name=f"import of {count} rows, XLSX", ours=mine, hand=theirs, limit=limit, **shared)
    yield from _export(place, content, count, rounds, shared)


def _export(place: Place, content: bytes, count: int, rounds: int, shared: dict[str, Any]) -> Iterator[Figure]:
    figures: list[tuple[float, float]] = []

    def filled(connection: Connection) -> object:
        _by_hand(place, connection, content)
        ctx = place.app.context(connection)
        query = ListQuery(fields=COLUMNS)
        mine = against(lambda: export_list(ctx, ENTITY, query), lambda: _export_by_hand(place, connection), rounds, 0)
        figures.append(mine)
        return None

    _undone(place, filled)()
    limit = 1_200.0 * count / 50_000
    mine, theirs = figures[0]
    yield Figure(name=f"export of {count} rows, XLSX", ours=mine, hand=theirs, limit=limit, **shared)


def _undone(place: Place, work: Callable[[Connection], object]) -> Callable[[], object]:
    def call() -> object:
        try:
            with place.database.write() as connection:
                work(connection)
                raise _Undo
        except _Undo:
            return None

    return call


def _sheet(place: Place, count: int) -> bytes:
    fields = place.app.model.entities[ENTITY].fields
    header = [fields[name].label.zh for name in COLUMNS]
    rows = (
        [
            f"K{n:06}",
            f"客户{n}",
            "是",
            "否",
            f"张{n % 97}",
            f"1380000{n:04}",
            f"城北路 {n} 号",
            n % 90,
            n % 1000 + 0.5,
            None,
        ]
        for n in range(count)
    )
    return write_xlsx("partner", header, rows)


def _ours(place: Place, connection: Connection, content: bytes, count: int) -> None:
    report = import_file(place.app.context(connection), ENTITY, content, "partner.xlsx")
    if report.created != count:
        raise AssertionError(f"{report.created} of {count} rows came in: {report.faults[:2]}")


def _by_hand(place: Place, connection: Connection, content: bytes) -> None:
    """Read, check field by field, insert with the driver's own executemany."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    rows = iter(book.get_sheet_by_index(0).to_python())
    next(rows)
    known = {code for (code,) in connection.exec_driver_sql("SELECT code FROM partner")}
    yes = {"是": True, "否": False}
    moment = NOON.replace(tzinfo=None).isoformat(" ") if place.dialect == "sqlite" else NOON
    made = []
    for code, name, supplier, customer, contact, phone, address, days, limit, note in rows:
        if not code or not name or code in known or len(str(code)) > 60:
            raise ValueError(code)
        known.add(code)
        money = int((Decimal(repr(limit)) * 100).to_integral_value())
        key = f"{code} {name}".lower()
        made.append((code, name, yes[supplier], yes[customer], contact, phone, address, int(days), money, note or None,
                     1, True, key, moment, moment))  # fmt: skip
    names = ", ".join((*COLUMNS, "version", "active", "search_key", "created_at", "changed_at"))
    mark = "?" if place.dialect == "sqlite" else "%s"
    driver: Any = connection.connection.driver_connection
    marks = ", ".join([mark] * 15)
    driver.cursor().executemany(f"INSERT INTO partner ({names}) VALUES ({marks})", made)


def _export_by_hand(place: Place, connection: Connection) -> bytes:
    (table,) = place.plain(ENTITY)
    words = {True: "是", False: "否", None: None}
    rows = []
    for row in connection.execute(select(*(table.c[name] for name in COLUMNS)).order_by(table.c.id)):
        values = dict(zip(COLUMNS, row, strict=True))
        values["is_supplier"], values["is_customer"] = words[row[2]], words[row[3]]
        values["credit_limit"] = None if row[8] is None else row[8] / 100
        rows.append(values)
    buffer = io.BytesIO()
    FastExcel(buffer).sheet("partner", rows).save()
    return buffer.getvalue()
